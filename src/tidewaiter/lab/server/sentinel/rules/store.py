"""The rules of a workspace with how far each has come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from tidewaiter.core.errors import QueryError
from tidewaiter.kql import Limits
from tidewaiter.kql.prepared import Prepared
from tidewaiter.lab.server.sentinel.documents import Documents
from tidewaiter.lab.server.sentinel.rules.definition import Progress, Rule
from tidewaiter.lab.workspace import Workspace
from tidewaiter.lab.workspace.parts import arrived

MOST_ROWS = 10_000
"""Rows of a result that count; triggerThreshold is at most that."""


@dataclass
class RuleStore:
    """Rules and their progress; changes are durable when the call returns."""

    documents: Documents
    workspace: Workspace
    started: Callable[[], datetime | None]
    """The lab's time; None on a stream's clock before its first row."""

    def __post_init__(self) -> None:
        """Take what the documents hold."""
        self.rules = self.documents.collection("rule", Rule)
        self.progress = self.documents.collection("progress", Progress)

    def put(self, rule: Rule, prepared: Prepared | None) -> None:
        """Keep a rule. One that is new, or enabled again, starts now."""
        before = self.rules.get(rule.name)
        fresh = before is None or before.kind != rule.kind or not before.properties.enabled
        progress = Progress() if fresh else self.progress.get(rule.name, Progress())
        if fresh:
            progress = msgspec.structs.replace(progress, due=self._now())
        if prepared is not None:
            now = arrived(self.workspace, prepared.reads.tables) if rule.kind == "NRT" else {}
            progress = msgspec.structs.replace(progress, seen={**now, **progress.seen}, failed="")
        with self.documents.transaction():
            self.rules.put(rule.name, rule)
            self.progress.put(rule.name, progress)

    def drop(self, name: str) -> None:
        """Forget a rule.

        Raises:
            KeyError: there is none.
        """
        with self.documents.transaction():
            self.rules.drop(name)
            if name in self.progress:
                self.progress.drop(name)

    def prepare(self, query: str) -> Prepared:
        """Translate a rule's query.

        Raises:
            QueryError: it is wrong. NotExecutable: it can run in Azure alone.
        """
        return self.workspace.executor().prepare(query, limits=Limits(rows=MOST_ROWS), origin="rule")

    def _now(self) -> datetime | None:
        now = self.started()
        return now.replace(second=0, microsecond=0) if now else None


def reason(error: QueryError) -> str:
    """Return what an error says, with its hint, in one line."""
    text = error.message.splitlines()[0]
    return f"{text}: {error.hint}" if error.hint else text
