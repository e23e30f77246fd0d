"""Operators that reach SQL as they are: their columns and their SELECT over the stage before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from duckdb_kql import ir, translate
from duckdb_kql.schema import Schema, output_columns

from tidewaiter.kql import names
from tidewaiter.kql.tabular import ranges, series

_schema: Any = import_module("duckdb_kql.schema")
_columns_of = _schema._operator_columns_unchecked
_render_operator = translate.render_operator
_q = names.quote


@dataclass(frozen=True)
class Numbered(ir.Operator):
    """Adds a column with the number of the row, from 1, in the order of the rows."""

    name: str


@dataclass(frozen=True)
class First(ir.Operator):
    """`take` and `top` for each value of `each` alone; without keys any rows."""

    count: int
    keys: tuple[ir.SortKey, ...]
    each: str


@dataclass(frozen=True)
class WhereOrdered(ir.Operator):
    """`where` with functions of the row's neighbours, which look at all rows before any is dropped."""

    predicate: ir.Expr


@dataclass(frozen=True)
class SummarizeEach(ir.Operator):
    """`summarize` without `by` for each record of `mv-apply`, also for one whose elements are all gone.

    `whole` is the relation with the elements of every record.
    """

    aggregates: tuple[ir.NamedExpr, ...]
    each: str
    whole: str


@dataclass(frozen=True)
class Applied(ir.Operator):
    """`mv-apply`, bound: `expand` makes `elements` of the numbered rows, `body` runs on them.

    `kept` are the columns of the record that the result has; `made` those that come from the body.
    """

    number: str
    rows: str
    elements: str
    expand: tuple[ir.Operator, ...]
    body: ir.Query
    columns: tuple[str, ...]
    made: frozenset[str]


def install() -> None:
    """Teach the library these operators."""
    _schema._operator_columns_unchecked = columns_of
    translate.render_operator = render


def columns_of(op: ir.Operator, columns: list[str], schema: Schema | None) -> list[str]:
    """Return an operator's columns; the library's way for its own."""
    if isinstance(op, Numbered):
        return [*columns, op.name]
    if isinstance(op, First | WhereOrdered):
        return columns
    if isinstance(op, SummarizeEach):
        return [op.each, *_aggregated(op, columns)[0]]
    if isinstance(op, Applied):
        return list(op.columns)
    made = series.columns_of(op, columns) or ranges.columns_of(op, columns, schema)
    if made is not None:
        return made
    found: list[str] = _columns_of(op, columns, schema)
    return found


def render(op: ir.Operator, prev: str, cols: list[str] | None = None) -> str:
    """Return an operator's SELECT over `prev`; the library's way for its own."""
    if isinstance(op, Numbered):
        return f"SELECT *, row_number() OVER () AS {_q(op.name)} FROM {prev}"
    if isinstance(op, WhereOrdered):
        return f"SELECT * FROM {prev} QUALIFY {translate.render_expr(op.predicate)}"
    if isinstance(op, First):
        order = f" ORDER BY {translate.render_sort_keys(op.keys)}" if op.keys else ""
        ranked = f"row_number() OVER (PARTITION BY {_q(op.each)}{order})"
        return f"SELECT * FROM {prev} QUALIFY {ranked} <= {max(op.count, 0)}"
    if isinstance(op, SummarizeEach):
        return _summarize_each(op, prev, cols or [])
    if isinstance(op, Applied):
        return _applied(op, prev, cols or [])
    made = series.render(op, prev) or ranges.render(op, prev, cols or [])
    if made is not None:
        return made
    return _render_operator(op, prev, cols)


def _aggregated(op: SummarizeEach, columns: Sequence[str]) -> tuple[list[str], ir.Summarize]:
    grouped = ir.Summarize(op.aggregates, (ir.NamedExpr(ir.ColumnRef(op.each)),))
    _, names = translate.summarize_names(grouped, list(columns))
    return [name for several in names for name in several], grouped


def _summarize_each(op: SummarizeEach, prev: str, columns: list[str]) -> str:
    """Aggregate by record; one without rows left has what the aggregates give of no rows."""
    names, grouped = _aggregated(op, columns)
    found = translate.render_summarize(grouped, prev, columns)
    none = translate.render_summarize(
        ir.Summarize(op.aggregates), f"(SELECT * FROM {prev} WHERE false)", columns
    )
    # Named by position: without the key the library might give an aggregate another name.
    listed = ", ".join(_q(name) for name in names)
    values = ", ".join(
        f"CASE WHEN g.{_q(op.each)} IS NULL THEN n.{_q(name)} ELSE g.{_q(name)} END AS {_q(name)}"
        for name in names
    )
    return (
        f"SELECT a.{_q(op.each)}, {values} FROM (SELECT DISTINCT {_q(op.each)} FROM {_q(op.whole)}) AS a "
        f"LEFT JOIN ({found}) AS g ON a.{_q(op.each)} = g.{_q(op.each)} CROSS JOIN ({none}) AS n({listed})"
    )


def _applied(op: Applied, prev: str, columns: list[str]) -> str:
    schema = dict(translate._nested_schema() or {})
    schema[op.rows] = [*columns, op.number]
    expanded = ir.Query(ir.TableRef(op.rows), list(op.expand))
    elements = str(translate.to_sql(expanded, schema))
    schema[op.elements] = output_columns(expanded, schema)
    body = str(translate.to_sql(op.body, schema))
    sides = {name: "b" if name in op.made else "r" for name in op.columns}
    listed = ", ".join(f"{side}.{_q(name)} AS {_q(name)}" for name, side in sides.items())
    joined = f"({body}) AS b"
    if "r" in sides.values():
        # A join may turn the rows about; without one they stay as the elements stood.
        number = _q(op.number)
        joined += f" JOIN {_q(op.rows)} AS r ON b.{number} = r.{number} ORDER BY b.{number}"
    return (
        f"SELECT * FROM (WITH {_q(op.rows)} AS MATERIALIZED "
        f"(SELECT *, row_number() OVER () AS {_q(op.number)} FROM {prev}),\n"
        f"{_q(op.elements)} AS MATERIALIZED ({elements})\n"
        f"SELECT {listed} FROM {joined})"
    )
