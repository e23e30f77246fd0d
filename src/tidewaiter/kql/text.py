"""A query's text and places in it, for errors that point."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from tidewaiter.core.errors import Location, NotExecutable, QueryError

Place = tuple[int, int]
"""Line and column, both from 1."""


class Misread(QueryError):
    """The text is no KQL at all: what Kusto calls a syntax error."""


class Failed(QueryError):
    """The query began to run and could not go on."""


class Exceeded(QueryError):
    """The query was stopped: it needs more `time` or `memory` than it may use."""

    def __init__(
        self, message: str, *, at: Location | None = None, hint: str = "", what: Literal["time", "memory"]
    ) -> None:
        super().__init__(message, at=at, hint=hint)
        self.what = what


@dataclass(frozen=True, slots=True)
class QueryText:
    """A query as it was written; `origin` names where it came from, for error messages."""

    text: str
    origin: str = "query"

    def place(self, offset: int) -> Place:
        """Return line and column of a character offset."""
        before = self.text[:offset]
        line_start = before.rfind("\n") + 1
        return before.count("\n") + 1, offset - line_start + 1

    def offset(self, place: Place) -> int:
        """Return the character offset of line and column, at most the text's length."""
        line, column = place
        start = 0
        for _ in range(line - 1):
            found = self.text.find("\n", start)
            if found < 0:
                break
            start = found + 1
        return min(start + column - 1, len(self.text))

    def wrong(self, message: str, at: Place | None, *, hint: str = "") -> QueryError:
        """Build the error of a wrong query: message, place, and the line with a caret below it."""
        if at is None:
            return QueryError(message, at=Location(self.origin), hint=hint)
        line, column = at
        lines = self.text.split("\n")
        if line <= len(lines):
            shown = lines[line - 1].rstrip("\r").replace("\t", " ")
            message = f"{message}\n  {shown}\n  {' ' * (column - 1)}^"
        return QueryError(message, at=Location(self.origin, line, column), hint=hint)

    def misread(self, message: str, at: Place | None, *, hint: str = "") -> Misread:
        """Build the error of a text that is no KQL; as `wrong`."""
        error = self.wrong(message, at, hint=hint)
        return Misread(error.message, at=error.at, hint=error.hint)

    def refused(self, construct: str, at: Place | None, *, hint: str = "") -> NotExecutable:
        """Build the refusal of a construct that the executor cannot or must not run."""
        error = NotExecutable(construct, hint=hint)
        error.at = Location(self.origin, *at) if at else Location(self.origin)
        return error


def did_you_mean(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Return "did you mean 'X'?" for the known name nearest to `name`, or an empty string.

    `cutoff` is difflib's: 1 for equal names, 0 for nothing in common.
    """
    by_folded = {candidate.casefold(): candidate for candidate in known}
    exact = by_folded.get(name.casefold())
    if exact is not None:
        return f"did you mean '{exact}'? names are case-sensitive"
    near = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=cutoff)
    return f"did you mean '{by_folded[near[0]]}'?" if near else ""
