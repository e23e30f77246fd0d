"""Pieces of KQL that expressions are put together from."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tidewaiter.asim.mapping.expression import Const, Expr
from tidewaiter.asim.mapping.kql.alternation import alternation
from tidewaiter.core.errors import ContentError

LEAST, MOST = -(2**63), 2**63 - 1


def words(yes: str, no: str) -> str:
    """Return a truth as its word, "" for none; `yes` and `no` are both its KQL."""
    return f'case({atom(yes)} == true, "true", {atom(no)} == false, "false", "")'


_CALL = re.compile(r"\w*\([^()]*(?:\([^()]*(?:\([^()]*\)[^()]*)*\)[^()]*)*\)|[\w.\[\]]+|\"[^\"]*\"")


def atom(kql: str) -> str:
    """Put parentheses around what an operator beside it would tear apart."""
    return kql if _CALL.fullmatch(kql) else f"({kql})"


def one_of_texts(texts: Iterable[str]) -> str:
    """Return a pattern that these texts match and no other; an empty one is none of them."""
    return f"^(?:{alternation({each for each in texts if each})})$"


_ONE_GROUP = re.compile(r"\^?\(((?:\\.|\[(?:\\.|[^\]])+\]|\(\?:[^()]*\)|[^()\\\[$^])+)\)\$?")


def never_empty(pattern: Expr, group: Expr | None = None) -> bool:
    """Say whether a pattern is one group that holds something whenever it is found."""
    inner = _ONE_GROUP.fullmatch(str(literal_argument(pattern)))
    if inner is None or (group is not None and literal_argument(group) != 1):
        return False
    return not re.search(r"\\[bB]", inner[1]) and re.fullmatch(inner[1], "") is None


_WORDS = re.compile(r"[A-Za-z0-9_ -]+(?:\|[A-Za-z0-9_ -]+)*")


def asked(pattern: str) -> str:
    """Return a shorter pattern, found in the same texts, of one that is a group as `never_empty` takes it."""
    inner = _ONE_GROUP.fullmatch(pattern)
    if inner is None or pattern[0] == "^" or pattern[-1] == "$":
        return pattern
    if not _WORDS.fullmatch(inner[1]):
        return inner[1]
    words = set(inner[1].split("|"))
    needed = {word for word in words if not any(other != word and other in word for other in words)}
    return alternation(needed)


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
