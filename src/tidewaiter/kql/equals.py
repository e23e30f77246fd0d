"""A single `=` where a comparison must stand: Kusto refuses it, duckdb-kql reads it as an assignment.

`where Port = 22` would then keep every row, which is a wrong answer instead of none.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from tidewaiter.kql.text import QueryText
from tidewaiter.kql.tokens import Token

_COMPARING = frozenset({"where", "filter"})
_NAMING = frozenset({"with", "query_parameters", "view", "datatable", "materialize", "toscalar", "kind"})
_GROUPING = frozenset(
    {"in", "and", "or", "not", "by", "on", "between", "has_any", "has_all", "join", "union", "lookup"}
)
_SOURCES = frozenset({"print", "range", "datatable", "union"})


@dataclass(slots=True)
class _Frame:
    """What encloses a token: a tabular operator, and the function whose arguments these are."""

    operator: str
    call: str = ""


def refuse_equals(query: QueryText, tokens: list[Token], *, calls: Container[str] = ()) -> None:
    """Refuse `=` inside a condition or a function's arguments, other than `calls`, which take them by name.

    Raises:
        QueryError: there is one; the message says where.
    """
    frames = [_Frame("")]
    for index, token in enumerate(tokens):
        frame = frames[-1]
        if token.kind == "OPENPAREN":
            frames.append(_entered(tokens, index, frame, calls))
        elif token.kind == "CLOSEPAREN" and len(frames) > 1:
            frames.pop()
        elif token.kind == "SEMICOLON":
            frames = [_Frame("")]
        elif token.kind == "BAR" and index + 1 < len(tokens):
            frames[-1] = _Frame(tokens[index + 1].text)
        elif token.kind == "EQUAL" and (frame.call or frame.operator in _COMPARING):
            hint = "write == to compare"
            raise query.misread("'=' names a value, it does not compare", token.place, hint=hint)


def _entered(tokens: list[Token], index: int, frame: _Frame, calls: Container[str]) -> _Frame:
    """Return the frame of what stands in the parentheses that open at `index`."""
    before = tokens[index - 1] if index else None
    after = tokens[index + 1].text if index + 1 < len(tokens) else ""
    if after in _SOURCES:
        return _Frame(after)
    name = before.text if before is not None and before.text.replace("_", "a").isalnum() else ""
    if not name or name in _GROUPING:
        return _Frame(frame.operator if name not in ("join", "union", "lookup") else "", frame.call)
    if name in _NAMING or name in calls or name[0].isdigit():
        return _Frame("")
    return _Frame(frame.operator, name)
