"""What the language service says about one query."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

Severity = Literal["error", "warning", "suggestion", "note"]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """Something that the service found; `start` and `end` are character offsets, line and column from 1.

    `code` is Microsoft's ("KS142"); the messages are Microsoft's, too.
    """

    code: str
    severity: Severity
    message: str
    start: int
    end: int
    line: int
    column: int

    @property
    def length(self) -> int:
        """Characters that it covers; 0 where something is missing."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Unknown:
    """A table or function that the catalog does not have; what depends on it was not checked."""

    name: str
    what: Literal["table", "function"]
    start: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A node of the syntax tree, in the words of Kusto.Language (`kind`: "FilterOperator", "NameReference").

    `role` is its part in its parent ("Condition", "Left"; elements of a list have the list's). `name` is the
    name that a reference, declaration or call has, `symbol` what it is bound to ("Column:UserId",
    "Table:SigninLogs", "Function:count", "Variable:x"), `type` the type of its value ("long", "table",
    "error"), `table` the table of the catalog that it is a column of; each is empty where there is none.
    `text` is the source text of a leaf without a name.
    """

    kind: str
    role: str
    start: int
    end: int
    name: str
    symbol: str
    type: str
    table: str
    text: str
    parent: Node | None = field(repr=False)
    children: list[Node] = field(repr=False)

    def part(self, role: str) -> Node | None:
        """Return the first child with that role, or None."""
        return next((child for child in self.children if child.role == role), None)

    def parts(self, role: str) -> list[Node]:
        """Return the children with that role, in order."""
        return [child for child in self.children if child.role == role]

    def above(self) -> Iterator[Node]:
        """Yield parent, grandparent and so on."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all below it, in the order of the text."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        waiting += reversed(found.children)


@dataclass(frozen=True, slots=True)
class Analysis:
    """A query parsed and bound.

    `diagnostics` are all that was found, `syntax` those of them that the parser alone finds.
    `columns` are those of its result with their KQL types, None where it has no table as its result. `tables`
    and `functions` are those of the catalog that it names itself.
    """

    query: str
    syntax: tuple[Diagnostic, ...]
    diagnostics: tuple[Diagnostic, ...]
    unknown: tuple[Unknown, ...]
    columns: tuple[tuple[str, str], ...] | None
    tables: tuple[str, ...]
    functions: tuple[str, ...]
    root: Node | None = field(repr=False, default=None)

    @property
    def parses(self) -> bool:
        """Say whether the text is KQL at all (names and types aside)."""
        return not any(found.severity == "error" for found in self.syntax)

    @property
    def binds(self) -> bool:
        """Say whether it has no error."""
        return not any(found.severity == "error" for found in self.diagnostics)

    def tree(self) -> Node:
        """Return the root of the syntax tree.

        Raises:
            ValueError: it was analyzed without `tree=True`.
        """
        if self.root is None:
            raise ValueError("analyzed without a tree: pass tree=True")
        return self.root

    def place(self, offset: int) -> tuple[int, int]:
        """Return line and column, from 1, of a character offset."""
        return place(self.query, offset)


def place(text: str, offset: int) -> tuple[int, int]:
    """Return line and column, from 1, of a character offset."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


class _Told(msgspec.Struct):
    code: str
    severity: str
    message: str
    start: int
    length: int


class _Missing(msgspec.Struct):
    name: str
    what: Literal["table", "function"]
    start: int
    length: int


class _Element(msgspec.Struct):
    k: str
    s: int
    e: int
    p: int
    f: str = ""
    n: str = ""
    r: str = ""
    t: str = ""
    o: str = ""
    v: str = ""


class Answer(msgspec.Struct):
    """An answer of service.js as it is on the wire; offsets are in UTF-16 units."""

    error: str = ""
    missing: bool = False
    syntax: list[_Told] = []
    diagnostics: list[_Told] = []
    unknown: list[_Missing] = []
    columns: list[tuple[str, str]] | None = None
    tables: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    tree: list[_Element] | None = None


_SEVERITIES: dict[str, Severity] = {"Error": "error", "Warning": "warning", "Suggestion": "suggestion"}


def analysis_of(query: str, answer: Answer) -> Analysis:
    """Bring an answer into Python's offsets and types."""
    offsets = _Offsets(query)
    syntax = tuple(_diagnostic(query, told, offsets) for told in answer.syntax)
    diagnostics = tuple(_diagnostic(query, told, offsets) for told in answer.diagnostics)
    unknown = tuple(
        Unknown(each.name, each.what, offsets[each.start], offsets[each.start + each.length])
        for each in answer.unknown
    )
    columns = None if answer.columns is None else tuple(answer.columns)
    root = None if answer.tree is None else _tree(answer.tree, offsets)
    return Analysis(query, syntax, diagnostics, unknown, columns, answer.tables, answer.functions, root)


def _diagnostic(query: str, told: _Told, offsets: _Offsets) -> Diagnostic:
    start, end = offsets[told.start], offsets[told.start + told.length]
    severity = _SEVERITIES.get(told.severity, "note")
    return Diagnostic(told.code, severity, told.message, start, end, *place(query, start))


def _tree(elements: Sequence[_Element], offsets: _Offsets) -> Node | None:
    nodes: list[Node] = []
    for each in elements:
        parent = nodes[each.p] if each.p >= 0 else None
        start, end = offsets[each.s], offsets[each.e]
        node = Node(each.k, each.f, start, end, each.n, each.r, each.t, each.o, each.v, parent, [])
        if parent is not None:
            parent.children.append(node)
        nodes.append(node)
    return nodes[0] if nodes else None


class _Offsets:
    """From UTF-16 units to characters: each character beyond the first plane before a place counts twice."""

    def __init__(self, text: str) -> None:
        self._length = len(text)
        self._wide = [at for at, char in enumerate(text) if char > "\uffff"] if not text.isascii() else []
        self._units = [at + number for number, at in enumerate(self._wide)]

    def __getitem__(self, unit: int) -> int:
        before = bisect_right(self._units, unit - 1) if self._units else 0
        return min(max(unit - before, 0), self._length)
