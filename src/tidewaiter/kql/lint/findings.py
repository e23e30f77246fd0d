"""A finding about a query, whoever made it: the parser, the binder, the cost lint or the safety lint."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from tidewaiter.kql.service import Analysis, Catalog, Node
from tidewaiter.kql.service.analysis import Severity, place

Kind = Literal["syntax", "names", "unknown", "cost", "safety"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong or wasteful, where, and what to do; offsets in characters, line and column from 1.

    `rule` is Microsoft's code ("KS142") or the id of one of our rules ("late-filter").
    """

    kind: Kind
    rule: str
    severity: Severity
    message: str
    hint: str
    start: int
    end: int
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Subject:
    """A query under the cost lint: its analysis with the tree, and the catalog that it was bound to.

    `windowed` says that something outside bounds the time that it reads, as an analytics rule does.
    """

    analysis: Analysis
    catalog: Catalog
    windowed: bool = False

    @property
    def root(self) -> Node:
        """The root of the tree."""
        return self.analysis.tree()

    def text(self, node: Node, most: int = 40) -> str:
        """Return the text of a node on one line, cut to `most` characters."""
        text = " ".join(self.analysis.query[node.start : node.end].split())
        return text if len(text) <= most else text[: most - 1] + "…"

    def line(self, node: Node) -> int:
        """Return the line on which a node begins."""
        return place(self.analysis.query, node.start)[0]


Hit = tuple[Node, str, str]
"""Where, what is the matter, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the cost lint; `why` is for its documentation."""

    id: str
    severity: Severity
    why: str
    hits: Callable[[Subject], Iterator[Hit]]

    def findings(self, subject: Subject) -> Iterator[Finding]:
        """Yield what it finds in a query."""
        for node, message, hint in self.hits(subject):
            where = place(subject.analysis.query, node.start)
            yield Finding("cost", self.id, self.severity, message, hint, node.start, node.end, *where)
