"""What a Polars plan computes once, because more than one of its expressions needs it.

Polars evaluates every expression as it stands: a pattern in a `first` in a `template` runs nine times for
each line. S3 access logs, which come in files of a few lines, had 45,000 characters of expressions and took
25 ms for a file; with what is needed more than once in columns of its own it is 7,000 and 5 ms.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tidewaiter.asim.mapping.expression import Expr, Op

_CHEAP = frozenset(
    {"eq", "ne", "in", "exists", "not", "all", "any", "startswith", "endswith", "contains", "bit", "within"}
)
_LOOKED_AT = frozenset({"first", "template", "concat", "exists"})
"""Operators that look whether an argument is there, and then at its value."""


def stages_of(exprs: Iterable[Expr]) -> list[list[Expr]]:
    """Return the expressions to compute beforehand, in stages: each needs only those of earlier ones."""
    uses: Counter[Expr] = Counter()
    seen: set[Expr] = set()
    for expr in exprs:
        uses[expr] += 1
        _count(expr, uses, seen)
    depths: dict[Expr, int] = {}
    stages: list[list[Expr]] = []
    for expr in uses:  # each stands behind those that it is an argument of
        _place(expr, uses, depths)
    for expr, n in uses.items():
        if _is_shared(expr, n):
            while len(stages) <= depths[expr]:
                stages.append([])
            stages[depths[expr]].append(expr)
    return stages


def _count(expr: Expr, uses: Counter[Expr], seen: set[Expr]) -> None:
    if not isinstance(expr, Op) or expr in seen:
        return
    seen.add(expr)
    for arg in expr.args:
        uses[arg] += 2 if expr.name in _LOOKED_AT else 1
        _count(arg, uses, seen)


def _is_shared(expr: Expr, uses: int) -> bool:
    return uses > 1 and isinstance(expr, Op) and expr.name not in _CHEAP


def _place(expr: Expr, uses: Counter[Expr], depths: dict[Expr, int]) -> int:
    """Return the first stage in which the expression can be computed."""
    if expr not in depths:
        within = expr.args if isinstance(expr, Op) else ()
        found = [_place(arg, uses, depths) + _is_shared(arg, uses[arg]) for arg in within]
        depths[expr] = max(found, default=0)
    return depths[expr]
