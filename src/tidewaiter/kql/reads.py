"""What a query reads: its tables, and which of their rows can matter at all.

For whoever runs one query on many windows of time (analytics rules): a window without a row that passes the
filters right behind the tables needs no run, where nothing comes from nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from duckdb_kql import ir
from duckdb_kql.lower import lower
from duckdb_kql.params import bind
from duckdb_kql.schema import match_wildcard, resolve_let_refs
from duckdb_kql.translate import clock, to_sql

from tidewaiter.kql import dialect
from tidewaiter.kql.functions import Library
from tidewaiter.kql.names import statement
from tidewaiter.kql.received import asks
from tidewaiter.kql.results import Functions, Schemas
from tidewaiter.kql.scope import walk
from tidewaiter.kql.tabular import nodes
from tidewaiter.kql.text import QueryText

_ROWWISE = (
    ir.Where, ir.Project, ir.Extend, ir.Take, ir.Sort, ir.Top, ir.Distinct, ir.MvExpand, ir.Parse,
    ir.ProjectAway, ir.ProjectRename, nodes.Reorder, nodes.Keep, nodes.Away, nodes.DistinctAll, nodes.Counted,
    nodes.Serialize, nodes.SampleDistinct, nodes.Unnamed, nodes.MvApply, nodes.Partition,
)  # fmt: skip
_UNFIT = (ir.ToScalar, ir.LetRef, ir.Parameter, ir.Query, ir.RowContext)
_CLOCK = {"now", "ago", "rand", "new_guid"}
_BOTH_NEEDED = {"inner", "innerunique", "leftsemi", "rightsemi"}
_LEFT_NEEDED = {"leftouter", "leftanti", "leftantisemi", "anti"}
_RIGHT_NEEDED = {"rightouter", "rightanti", "rightantisemi"}

_IsEmpty = Callable[[ir.Query], bool]


@dataclass(frozen=True, slots=True)
class Admission:
    """Rows of one table that pass the filters right behind it: a SELECT of them with all their columns."""

    table: str
    sql: str


@dataclass(frozen=True, slots=True)
class Reads:
    """The tables with a TimeGenerated that a query reads.

    `nothing_from_nothing`: without a row of `admissions` it has no result. The admissions are a superset of
    the rows that can matter, by filters that know no clock.
    """

    tables: frozenset[str]
    nothing_from_nothing: bool
    admissions: tuple[Admission, ...]


def reads_of(
    query: QueryText, schemas: Schemas, functions: Functions, received: Collection[str] = ()
) -> Reads:
    """Analyse a query that translates with these tables and functions.

    Raises:
        KqlError: it does not.
    """
    dialect.install()
    timed = {name: list(columns) for name, columns in schemas.items() if "TimeGenerated" in columns}
    library = Library(functions, schemas)
    with clock(None), statement(received, timed):
        lowered = lower(library.read(query).canonical.text, functions=library.known)
        bind(lowered.parameters, None)
        queries = [node for node in walk(lowered, into_queries=True) if isinstance(node, ir.Query)]
        lets = {name: bound for each in queries for name, bound in each.lets}
        admissions = dict.fromkeys(
            Admission(table, _admitting(table, each, timed))
            for each in queries
            for table in _tables(each.source, lets, timed)
        )
    names = frozenset(admission.table for admission in admissions)
    return Reads(names, _is_empty(lowered, lets, timed, frozenset()), tuple(admissions))


def _tables(source: ir.Source, lets: Mapping[str, object], timed: Mapping[str, list[str]]) -> list[str]:
    if isinstance(source, ir.TableRef):
        return [source.name] if source.name in timed and source.name not in lets else []
    if isinstance(source, ir.WildcardTableRef):
        return match_wildcard(source, dict(timed))
    return []


def _is_empty(
    query: ir.Query, lets: Mapping[str, object], timed: Mapping[str, list[str]], within: frozenset[str]
) -> bool:
    """Say whether a query has no rows where its tables with times have none; `within` are open lets."""
    source = query.source
    if isinstance(source, ir.TableRef) and source.name in lets:
        bound = lets[source.name]
        if source.name in within or not isinstance(bound, ir.Query):
            return False
        empty = _is_empty(bound, lets, timed, within | {source.name})
    else:
        empty = isinstance(source, ir.WildcardTableRef) or (
            isinstance(source, ir.TableRef) and source.name in timed
        )
    for operator in query.operators:
        empty = _stays_empty(operator, empty, lambda part: _is_empty(part, lets, timed, within))
    return empty


def _stays_empty(operator: ir.Operator, empty: bool, is_empty: _IsEmpty) -> bool:
    if isinstance(operator, _ROWWISE):
        return empty
    if isinstance(operator, ir.Summarize):
        return empty and bool(operator.by)
    if isinstance(operator, ir.Union):
        return empty and all(is_empty(branch) for branch in operator.branches)
    if isinstance(operator, ir.Join | ir.Lookup):
        right = is_empty(operator.right)
        if operator.kind in _BOTH_NEEDED:
            return empty or right
        if operator.kind in _LEFT_NEEDED:
            return empty
        return right if operator.kind in _RIGHT_NEEDED else empty and right
    return False


def _admitting(table: str, query: ir.Query, timed: Mapping[str, list[str]]) -> str:
    kept: list[ir.Operator] = []
    for operator in query.operators:
        if not isinstance(operator, ir.Where) or isinstance(query.source, ir.WildcardTableRef):
            break  # behind a wildcard a filter may name columns of another table
        resolved = resolve_let_refs(operator, timed[table])
        if isinstance(resolved, ir.Where):
            kept += [ir.Where(part) for part in _conjuncts(resolved.predicate) if _is_plain(part)]
    return str(to_sql(ir.Query(ir.TableRef(table), kept), {table: timed[table]}))


def _conjuncts(condition: ir.Expr) -> Iterator[ir.Expr]:
    if isinstance(condition, ir.BinaryOp) and condition.op == "and":
        yield from _conjuncts(condition.left)
        yield from _conjuncts(condition.right)
    else:
        yield condition


def _is_plain(condition: ir.Expr) -> bool:
    """Say whether a condition looks at its row alone, whatever the time."""
    if asks(condition):
        return False
    for node in walk(condition, into_queries=True):
        if isinstance(node, _UNFIT) or (isinstance(node, ir.FunctionCall) and node.name.lower() in _CLOCK):
            return False
    return True
