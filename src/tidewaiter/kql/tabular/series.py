"""`make-series`: aggregates in bins of an axis, as arrays ("make-series operator", Kusto docs, 2026-11).

A bin begins at `from`, or where `bin()` puts it; without `from` or `to` a series begins or ends with its own
first or last bin that has rows. Empty bins have the default, 0 unless another is given. Without rows there is
no series.
"""

from __future__ import annotations

from dataclasses import dataclass

from duckdb_kql import ir, translate

from tidewaiter.kql import names
from tidewaiter.kql.calls.dynamics import array, element
from tidewaiter.kql.tabular import nodes
from tidewaiter.kql.text import QueryText

MOST_BINS = 1 << 20
"""Values in an array, at most ("make-series operator", Kusto docs)."""

BIN = "make-series bin"
"""The number of a row's bin, from 0 at the start."""

_EPOCH_US = 719_162 * 86_400_000_000
_q = names.quote


@dataclass(frozen=True)
class Bins:
    """The bins of an axis, of times or of numbers."""

    start: ir.Expr | None
    stop: ir.Expr | None
    step: ir.Expr
    timed: bool


@dataclass(frozen=True)
class Binned(ir.Operator):
    """Adds the number of the bin on the axis, and drops what lies outside."""

    value: ir.Expr
    bins: Bins


@dataclass(frozen=True)
class Series(ir.Operator):
    """Makes arrays of the bins that `summarize` left; `keys`, `values` and `axis` name the columns."""

    keys: tuple[str, ...]
    values: tuple[str, ...]
    defaults: tuple[ir.Expr, ...]
    axis: str
    bins: Bins


def series(operator: nodes.MakeSeries, columns: list[str], kind: str, query: QueryText) -> list[ir.Operator]:
    """Return what `make-series` means on rows whose axis is of this KQL type.

    Raises:
        NotExecutable: an axis that is no time and no number.
    """
    if kind not in ("datetime", "long", "int", "real"):
        raise query.refused(f"make-series on a {kind}", None)
    axis = operator.axis.expr
    bins = Bins(operator.start, operator.stop, operator.step, kind == "datetime")
    keys = (*operator.by, ir.NamedExpr(ir.ColumnRef(BIN)))
    grouped = ir.Summarize(tuple(each.aggregate for each in operator.columns), keys)
    _, named = translate.summarize_names(grouped, [*columns, BIN])
    made = [name for several in named for name in several]
    by = _key_names(grouped, columns)
    defaults = tuple(each.default or ir.Literal(0, "long") for each in operator.columns)
    name = operator.axis.name or (axis.name if isinstance(axis, ir.ColumnRef) else "")
    if not name:
        raise query.refused("make-series on an expression without a name", None)
    return [Binned(axis, bins), grouped, Series(by, tuple(made), defaults, name, bins)]


def _key_names(grouped: ir.Summarize, columns: list[str]) -> tuple[str, ...]:
    from duckdb_kql.schema import _operator_columns

    return tuple(_operator_columns(grouped, [*columns, BIN], {})[: len(grouped.by) - 1])


def columns_of(op: ir.Operator, columns: list[str]) -> list[str] | None:
    """Return the columns behind an operator of this module; None for another."""
    if isinstance(op, Binned):
        return [*columns, BIN]
    return [*op.keys, *op.values, op.axis] if isinstance(op, Series) else None


def render(op: ir.Operator, prev: str) -> str | None:
    """Return the SELECT of an operator of this module; None for another."""
    if isinstance(op, Binned):
        return _binned(op, prev)
    return _series(op, prev) if isinstance(op, Series) else None


def _number(expression: ir.Expr, op: Bins) -> str:
    """SQL of a place on the axis, or of the step: whole microseconds for times."""
    sql = translate.render_expr(expression)
    return f"epoch_us({sql})" if op.timed else f"({sql})"


def _origin(op: Bins) -> str:
    if op.start is not None:
        return _number(op.start, op)
    return f"(-{_EPOCH_US})" if op.timed else "0"


def _place(value: str, op: Bins) -> str:
    """SQL of the number of the bin that a place on the axis is in."""
    step = _number(op.step, op)
    if op.timed:  # whole numbers, which // divides downwards for what is not negative
        return f"CAST(floor(({value} - {_origin(op)}) / {step}) AS BIGINT)"
    return f"CAST(floor(({value} - {_origin(op)}) / CAST({step} AS DOUBLE)) AS BIGINT)"


def _binned(op: Binned, prev: str) -> str:
    value, bins = _number(op.value, op.bins), op.bins
    bounds = [f"{value} IS NOT NULL"]
    if bins.start is not None:
        bounds.append(f"{value} >= {_number(bins.start, bins)}")
    if bins.stop is not None:
        bounds.append(f"{value} < {_number(bins.stop, bins)}")
    return f"SELECT *, {_place(value, bins)} AS {_q(BIN)} FROM {prev} WHERE {' AND '.join(bounds)}"


def _series(op: Series, prev: str) -> str:
    bins = op.bins
    step = _number(bins.step, bins)
    first = "0" if bins.start is not None else f"min({_q(BIN)})"
    last = f"max({_q(BIN)})"
    if bins.stop is not None:
        # The last bin begins before the end: an end on a border has none of its own.
        end = f"({_number(bins.stop, bins)} - {_origin(bins)})"
        last = f"CAST(ceil({end} / CAST({step} AS DOUBLE)) AS BIGINT) - 1"
    at = f"({_origin(bins)} + _n * {step})"
    place = f"make_timestamp(CAST({at} AS BIGINT))" if bins.timed else at
    many = f"CASE WHEN _last - _first >= {MOST_BINS} THEN error('make-series of more than {MOST_BINS} bins')"
    # Bounded twice: DuckDB computes what several branches share before it looks at the condition.
    numbers = f"{many} ELSE generate_series(_first, least(_last, _first + {MOST_BINS})) END"
    keys = ", ".join(_q(key) for key in op.keys)
    lists = [
        f"{_values(name, default)} AS {_q(name)}"
        for name, default in zip(op.values, op.defaults, strict=True)
    ]
    axis = array(f"list_transform({numbers}, lambda _n: {element(place)})")
    held = ", ".join(f"list({_q(name)}) AS {_q(name)}" for name in op.values)
    grouped = (
        f"SELECT {keys + ', ' if keys else ''}list({_q(BIN)}) AS _bins, {held}, {first} AS _first, "
        f"{last} AS _last FROM {prev}{' GROUP BY ' + keys if keys else ''} HAVING count(*) > 0"
    )
    listed = ", ".join([*([keys] if keys else []), *lists, f"{axis} AS {_q(op.axis)}"])
    listed = listed.replace("{numbers}", numbers)
    return f"SELECT {listed} FROM ({grouped})"


def _values(name: str, default: ir.Expr) -> str:
    found = "list_position(_bins, _n)"
    value = f"{_q(name)}[{found}]"
    fill = element(translate.render_expr(default))
    one = f"CASE WHEN {found} IS NULL THEN {fill} ELSE {element(value)} END"
    return array(f"list_transform({{numbers}}, lambda _n: {one})")
