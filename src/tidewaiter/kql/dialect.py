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
    FunctionSpec,
)

from tidewaiter.kql import functions, kinds, names, received
from tidewaiter.kql.calls import paths, types
from tidewaiter.kql.calls.addresses import ADDRESSES
from tidewaiter.kql.calls.aggregates import AGGREGATES
from tidewaiter.kql.calls.dynamics import DYNAMICS
from tidewaiter.kql.calls.texts import TEXTS
from tidewaiter.kql.calls.windows import WINDOWS
from tidewaiter.kql.tabular import let_functions, lowering, plugins, rendered

LIBRARY_VERSION = "1.1.2"
FILL = "absent string as empty"
"""Internal scalar function: a null string as ''. The space keeps queries from calling it."""

TIMES = "timespan by a whole number"
"""Internal scalar function: a timespan literal, so many times."""
DISTANCE = "timespan without sign"
"""Internal scalar function: abs() of a timespan."""

REWRITTEN = frozenset({"column_ifexists", "columnifexists", "pack_all"})
"""Functions that `rewriting` puts others in the place of."""

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


_PARSE_JSON = (
    "coalesce(TRY_CAST({0} AS JSON), "
    "CASE WHEN CAST({0} AS VARCHAR) <> '' THEN to_json(CAST({0} AS VARCHAR)) END)"
)
"""Text that is not JSON becomes a dynamic that holds the text (Kusto docs "parse_json()")."""
_REPLACE = "regexp_replace({2}, {0}, {1}, 'g')"
"""The old name of replace_regex() has the text last: replace(regex, rewrite, text)."""
_TIMES = "to_microseconds(TRY_CAST(epoch_us({0}) * CAST({1} AS HUGEINT) AS BIGINT))"
"""DuckDB multiplies an interval by 32 bits alone."""


def _render_bin(node: ir.FunctionCall) -> str:
    """bin() and floor() by a timespan, exact to the microsecond, for datetime and timespan alike.

    The library aligns datetimes to 1970; Kusto counts from 0001-01-01, so that bins of 7 days begin on
    Mondays.
    """
    size = node.args[1] if len(node.args) == 2 else None
    if not (isinstance(size, ir.Literal) and size.kind == "timespan" and size.value is not None):
        return translate.render_bin(node, node.name)
    ticks = timespans.ticks(str(size.value))
    if ticks <= 0 or ticks % 10:
        raise KqlUnsupportedError(f"function:{node.name}", hint="the bin size must be whole microseconds")
    step = ticks // 10
    value = translate.render_expr(node.args[0])
    shift = 0 if translate._is_timespan_expr(node.args[0]) else _EPOCH_US % step
    return f"({value} - to_microseconds((((epoch_us({value}) + {shift}) % {step}) + {step}) % {step}))"


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
    SCALAR_FUNCTIONS["replace"] = FunctionSpec("replace", "template", _REPLACE, (3,))
    SCALAR_FUNCTIONS[TIMES] = FunctionSpec(TIMES, "template", _TIMES, (2,))
    SCALAR_FUNCTIONS[DISTANCE] = FunctionSpec(DISTANCE, "template", "greatest({0}, -({0}))", (1,))
    SCALAR_FUNCTIONS[FILL] = FunctionSpec(FILL, "template", "coalesce({0}, '')", (1,))
    SCALAR_FUNCTIONS[received.FUNCTION] = FunctionSpec(
        received.FUNCTION, "template", "CAST({0} AS TIMESTAMP)", (1,)
    )
    SCALAR_FUNCTIONS.update(ADDRESSES | DYNAMICS | TEXTS | WINDOWS)
    SCALAR_FUNCTIONS["pack_dictionary"] = SCALAR_FUNCTIONS["bag_pack"]
    AGGREGATE_FUNCTIONS.update(AGGREGATES)
    translate._SPECIAL_FORMS["bin"] = _render_bin
    translate._SPECIAL_FORMS["floor"] = _render_bin
    names.install()
    let_functions.install()
    functions.install()
    paths.install()
    types.install()
    kinds.install()
    lowering.install()
    plugins.install()
    rendered.install()


@lru_cache(maxsize=1)
def aggregates() -> frozenset[str]:
    """Names of the aggregate functions that run."""
    install()
    return frozenset(AGGREGATE_FUNCTIONS)


@lru_cache(maxsize=1)
def scalars() -> frozenset[str]:
    """Names of the scalar functions that run."""
    install()
    known = frozenset(SCALAR_FUNCTIONS) | frozenset(translate._SPECIAL_FORMS)
    return frozenset(name for name in known - aggregates() if not is_internal(name))


def is_internal(name: str) -> bool:
    """Say whether a function is one of ours that no query can call: its name has a space."""
    return " " in name


def arities(name: str) -> tuple[int, ...]:
    """Return how many arguments a scalar function takes; nothing where it tells itself, or takes any."""
    spec = SCALAR_FUNCTIONS.get(name)
    return spec.arities if spec is not None else ()
