"""Operators that pick columns by pattern: known only when the columns are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from duckdb_kql import ir

from tidewaiter.kql.tabular import nodes

Unknown = Callable[[str], Exception]
"""The error for a column that is not there."""


def reordered(operator: nodes.Reorder, columns: Sequence[str], unknown: Unknown) -> ir.Operator:
    """Put columns first, in the order in which they are picked; the others follow as they were.

    A pattern without an order keeps that of the table ("project-reorder operator", Kusto docs, 2026-11).
    """
    first: list[str] = []
    for picked in operator.picked:
        found = [name for name in matching(picked.pattern, columns, unknown) if name not in first]
        if picked.order:
            number = "granny" in picked.order
            found.sort(key=_granny if number else str, reverse=picked.order.endswith("desc"))
        first += found
    return _projected([*first, *(name for name in columns if name not in first)])


def kept(operator: nodes.Keep, columns: Sequence[str], unknown: Unknown) -> ir.Operator:
    """Keep columns, in the order of the table ("project-keep operator", Kusto docs, 2026-11)."""
    found = {name for pattern in operator.patterns for name in matching(pattern, columns, unknown)}
    return _projected([name for name in columns if name in found])


def removed(operator: nodes.Away, columns: Sequence[str], unknown: Unknown) -> ir.Operator:
    """Drop the columns that match; a pattern that matches none drops none."""
    found = {name for pattern in operator.patterns for name in matching(pattern, columns, unknown)}
    return _projected([name for name in columns if name not in found])


def matching(pattern: str, columns: Iterable[str], unknown: Unknown) -> list[str]:
    """Return the columns that a name or a pattern with `*` means, in their order; names mind the case."""
    if "*" in pattern:
        return [name for name in columns if _compiled(pattern).fullmatch(name)]
    if pattern not in columns:
        raise unknown(pattern)
    return [pattern]


@lru_cache(maxsize=500)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)


def _granny(name: str) -> list[tuple[int, int, str]]:
    """Order names as people do, with runs of digits as numbers."""
    parts = re.findall(r"\d+|\D+", name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]


def _projected(names: Iterable[str]) -> ir.Operator:
    return ir.Project(tuple(ir.NamedExpr(ir.ColumnRef(name)) for name in names))
