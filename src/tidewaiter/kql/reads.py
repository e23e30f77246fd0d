"""What a query reads: its tables, and which of their rows can matter at all.

For whoever runs one query on many windows of time (analytics rules): windows without a row that passes the
filters right behind the tables need no run, where nothing comes from nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from duckdb_kql import ir
from duckdb_kql.lower import lower
from duckdb_kql.params import bind
from duckdb_kql.schema import match_wildcard
from duckdb_kql.translate import clock, to_sql

from tidewaiter.kql import dialect, tokens
from tidewaiter.kql.results import Schemas
from tidewaiter.kql.scope import walk
from tidewaiter.kql.text import QueryText

_ROWWISE = (
    ir.Where, ir.Project, ir.Extend, ir.Take, ir.Sort, ir.Top, ir.Distinct, ir.MvExpand, ir.Parse,
    ir.Join, ir.Lookup, ir.Union, ir.ProjectAway, ir.ProjectRename,
)  # fmt: skip
_UNFIT = (ir.ToScalar, ir.LetRef, ir.Parameter, ir.Query, ir.RowContext)
_CLOCK = {"now", "ago", "rand", "new_guid", "ingestion_time"}


@dataclass(frozen=True, slots=True)
class Admission:
    """Rows of one table that pass the filters right behind it: a SELECT of them with all their columns."""

    table: str
    sql: str


@dataclass(frozen=True, slots=True)
class Reads:
    """`tables` are all that the query reads. `nothing_from_nothing`: without a row of `admissions` it has
    no result. The admissions are a superset of what can matter, by filters that know no clock."""

    tables: frozenset[str]
    nothing_from_nothing: bool
    admissions: tuple[Admission, ...]


def reads_of(query: QueryText, schemas: Schemas) -> Reads:
    """Analyse a query that translates.

    Raises:
        KqlError: it does not.
    """
    dialect.install()
    found = tokens.lex(query)
    with clock(None):
        lowered = lower(tokens.canonical(query, found).text)
        bind(lowered.parameters, None)
        queries = [node for node in walk(lowered, into_queries=True) if isinstance(node, ir.Query)]
        lets = {name for each in queries for name, _ in each.lets}
        tables = {id(each): _tables(each.source, lets, schemas) for each in queries}
        admissions = dict.fromkeys(
            Admission(table, _admitting(table, each, schemas))
            for each in queries
            for table in tables[id(each)]
        )
    nothing = all(_gives_nothing(each) for each in queries)
    names = frozenset(name for each in tables.values() for name in each)
    return Reads(names, nothing, tuple(admissions))


def _tables(source: ir.Source, lets: set[str], schemas: Schemas) -> list[str]:
    if isinstance(source, ir.TableRef):
        return [source.name] if source.name in schemas and source.name not in lets else []
    if isinstance(source, ir.WildcardTableRef):
        return match_wildcard(source, {name: list(columns) for name, columns in schemas.items()})
    return []


def _gives_nothing(query: ir.Query) -> bool:
    """Say whether a query of empty tables has no rows: it has no source of its own, and counts nothing."""
    return isinstance(query.source, ir.TableRef | ir.WildcardTableRef) and all(
        isinstance(operator, _ROWWISE) or (isinstance(operator, ir.Summarize) and bool(operator.by))
        for operator in query.operators
    )


def _admitting(table: str, query: ir.Query, schemas: Schemas) -> str:
    kept: list[ir.Operator] = []
    for operator in query.operators:
        if not isinstance(operator, ir.Where) or isinstance(query.source, ir.WildcardTableRef):
            break  # behind a wildcard a filter may name columns of another table
        if _is_plain(operator):
            kept.append(operator)
    return str(to_sql(ir.Query(ir.TableRef(table), kept), {table: list(schemas[table])}))


def _is_plain(operator: ir.Where) -> bool:
    """Say whether a filter looks at its row alone, whatever the time."""
    for node in walk(operator.predicate, into_queries=True):
        if isinstance(node, _UNFIT) or (isinstance(node, ir.FunctionCall) and node.name.lower() in _CLOCK):
            return False
    return True
