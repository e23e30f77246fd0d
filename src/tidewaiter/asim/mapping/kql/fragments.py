"""Pieces of KQL that expressions are put together from."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tidewaiter.asim.mapping.expression import Const, Expr
from tidewaiter.core.errors import ContentError

LEAST, MOST = -(2**63), 2**63 - 1


def words(yes: str, no: str) -> str:
    """Return a truth as its word, "" for none; `yes` and `no` are both its KQL."""
    return f'case({atom(yes)} == true, "true", {atom(no)} == false, "false", "")'


_CALL = re.compile(r"\w*\([^()]*(?:\([^()]*(?:\([^()]*\)[^()]*)*\)[^()]*)*\)|[\w.\[\]]+|\"[^\"]*\"")


def atom(kql: str) -> str:
    """Put parentheses around what an operator beside it would tear apart."""
    return kql if _CALL.fullmatch(kql) else f"({kql})"


def one_of_texts(keys: Iterable[str]) -> str:
    """A pattern of these texts; what several have before their last colon is written once."""
    groups: dict[str, list[str]] = {}
    for key in filter(None, keys):
        before, colon, name = key.rpartition(":")
        groups.setdefault(before + colon, []).append(re.escape(name))
    found = [f"{re.escape(before)}(?:{'|'.join(names)})" for before, names in groups.items()]
    return f"^(?:{'|'.join(found)})$"


def literal_argument(expr: Expr) -> str | int | bool | tuple[str, ...] | None:
    """Return the value of an operator's argument; raises ContentError when it is no literal."""
    if not isinstance(expr, Const):
        raise ContentError("an argument that has to be a literal is none")
    return expr.value


def definite_condition(condition: str) -> str:
    """Return a condition that is never null."""
    return condition if condition in ("true", "false") else f"iif({condition}, true, false)"


def towards_zero(bound: int, factor: int) -> int:
    """Return the quotient, cut, within 64 bits."""
    quotient = abs(bound) // abs(factor)
    return min(MOST, quotient) if (bound < 0) == (factor < 0) else -quotient
