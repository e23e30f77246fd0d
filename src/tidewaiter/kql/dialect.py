"""Corrections to duckdb-kql 1.1.2, made in its own registries, and what it can run.

Each correction was found by comparing with Kusto's documented behaviour; the tests in tests/kql hold them.
The registries are internal to the library: its version is pinned, and another version is refused here
rather than trusted.
"""

from __future__ import annotations

import dataclasses
from functools import lru_cache

import duckdb_kql
from duckdb_kql import ir, timespans, translate
from duckdb_kql.errors import KqlUnsupportedError
from duckdb_kql.translate.functions import (
    AGGREGATE_FUNCTIONS,
    SCALAR_FUNCTIONS,
    AggregateSpec,
    FunctionSpec,
)

from tidewaiter.kql import functions

LIBRARY_VERSION = "1.1.2"
FILL = "absent string as empty"
"""Internal scalar function: a null string as ''. The space keeps queries from calling it."""

_EPOCH_US = 719_162 * 86_400_000_000
"""Microseconds from 0001-01-01, where Kusto's datetimes begin, to 1970-01-01, where DuckDB's do."""


@dataclasses.dataclass(frozen=True)
class _Split(FunctionSpec):
    """split(): an array of strings that is dynamic from the start; the library has no third argument."""

    def render(self, args: list[str]) -> str:
        if len(args) not in self.arities:
            raise ValueError(f"split() takes 2 or 3 arguments, got {len(args)}")
        parts = f"str_split({args[0]}, {args[1]})"
        if len(args) == 3:
            one = f"list_slice({parts}, {args[2]} + 1, {args[2]} + 1)"
            parts = f"CASE WHEN {args[2]} >= 0 THEN {one} ELSE [] END"
        return f"to_json({parts})"


@dataclasses.dataclass(frozen=True)
class _Collection(AggregateSpec):
    """make_list() and make_set(): dynamic from the start, and with their maximum size, which was ignored."""

    def render(self, args: list[str]) -> str:
        if len(args) not in self.arities:
            raise ValueError(f"{self.name}() takes 1 or 2 arguments, got {len(args)}")
        value = args[0]
        values = self.template.format(value=value, element=_json_element(value))
        if len(args) == 2:
            values = f"list_slice({values}, 1, {args[1]})"
        return f"CAST('[' || coalesce(array_to_string({values}, ','), '') || ']' AS JSON)"


def _json_element(value: str) -> str:
    """Write a value as it is stored inside a dynamic; its type is known only when the query runs."""
    as_datetime = translate._kql_datetime_text(f"CAST({value} AS TIMESTAMP)")
    as_timespan = translate._kql_timespan_text(f"CAST({value} AS INTERVAL)")
    return (
        f"CAST(CASE typeof({value}) WHEN 'TIMESTAMP' THEN to_json({as_datetime}) "
        f"WHEN 'INTERVAL' THEN to_json({as_timespan}) ELSE to_json({value}) END AS VARCHAR)"
    )


_LIST = "list({element}) FILTER (WHERE {value} IS NOT NULL)"
_SET = (
    "list_sort(list_distinct(flatten(list("
    "CASE WHEN json_type(to_json({value})) = 'ARRAY' "
    "THEN CAST(CAST(to_json({value}) AS JSON[]) AS VARCHAR[]) ELSE [{element}] END"
    ") FILTER (WHERE {value} IS NOT NULL))))"
)
_PARSE_JSON = (
    "coalesce(TRY_CAST({0} AS JSON), "
    "CASE WHEN CAST({0} AS VARCHAR) <> '' THEN to_json(CAST({0} AS VARCHAR)) END)"
)
"""Text that is not JSON becomes a dynamic that holds the text (Kusto docs "parse_json()")."""


def _render_bin(node: ir.FunctionCall) -> str:
    """bin() and floor() by a timespan, exact to the microsecond, for datetime and timespan alike.

    The library aligns datetimes to 1970; Kusto counts from 0001-01-01. Sizes for which the two differ
    are refused.
    """
    size = node.args[1] if len(node.args) == 2 else None
    if not (isinstance(size, ir.Literal) and size.kind == "timespan" and size.value is not None):
        return translate.render_bin(node, node.name)
    ticks = timespans.ticks(str(size.value))
    if ticks <= 0 or ticks % 10:
        raise KqlUnsupportedError(f"function:{node.name}", hint="the bin size must be whole microseconds")
    step = ticks // 10
    if _EPOCH_US % step and not translate._is_timespan_expr(node.args[0]):
        raise KqlUnsupportedError(
            f"{node.name} by {size.value}",
            hint="sizes that do not divide a day start elsewhere than in Kusto; use startofweek() for weeks",
        )
    value = translate.render_expr(node.args[0])
    return f"({value} - to_microseconds((epoch_us({value}) % {step} + {step}) % {step}))"


@lru_cache(maxsize=1)
def install() -> None:
    """Put the corrections into the library's registries, once per process.

    Raises:
        RuntimeError: another version of duckdb-kql than the one that was measured.
    """
    if duckdb_kql.__version__ != LIBRARY_VERSION:
        raise RuntimeError(f"duckdb-kql {duckdb_kql.__version__} found, {LIBRARY_VERSION} needed")
    SCALAR_FUNCTIONS["split"] = _Split("split", "template", "", (2, 3))
    SCALAR_FUNCTIONS["parse_json"] = FunctionSpec("parse_json", "template", _PARSE_JSON, (1,))
    SCALAR_FUNCTIONS["todynamic"] = FunctionSpec("todynamic", "template", _PARSE_JSON, (1,))
    SCALAR_FUNCTIONS[FILL] = FunctionSpec(FILL, "template", "coalesce({0}, '')", (1,))
    AGGREGATE_FUNCTIONS["make_list"] = _Collection("make_list", _LIST, (1, 2), name_prefix="list")
    AGGREGATE_FUNCTIONS["make_set"] = _Collection("make_set", _SET, (1, 2), name_prefix="set")
    translate._SPECIAL_FORMS["bin"] = _render_bin
    translate._SPECIAL_FORMS["floor"] = _render_bin
    functions.install()


@lru_cache(maxsize=1)
def aggregates() -> frozenset[str]:
    """Names of the aggregate functions that run."""
    return frozenset(AGGREGATE_FUNCTIONS)


@lru_cache(maxsize=1)
def scalars() -> frozenset[str]:
    """Names of the scalar functions that run."""
    known = frozenset(SCALAR_FUNCTIONS) | frozenset(translate._SPECIAL_FORMS)
    return known - aggregates() - {FILL}
