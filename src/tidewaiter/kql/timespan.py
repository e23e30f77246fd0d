"""The time range that a caller of the query API sets beside the query."""

from __future__ import annotations

from datetime import UTC, datetime

from duckdb_kql import ir

from tidewaiter.kql.results import Schemas, Timespan
from tidewaiter.kql.scope import walk


def bound_to(query: ir.Query, timespan: Timespan, schemas: Schemas) -> None:
    """Let every table of `query` give only rows of the time range, as the query API does with `timespan`.

    The range applies to TimeGenerated wherever a table is read ("Azure Monitor Log Analytics API request
    format", 2025), in addition to what the query says itself. `query` is changed in place.
    """
    queries = [node for node in walk(query, into_queries=True) if isinstance(node, ir.Query)]
    lets = {name for each in queries for name, _ in each.lets}
    start, end = (ir.Literal(_text(at), "datetime") for at in timespan)
    time = ir.ColumnRef("TimeGenerated")
    within = ir.BinaryOp("and", ir.BinaryOp(">=", time, start), ir.BinaryOp("<", time, end))
    for each in queries:
        source = each.source
        if isinstance(source, ir.WildcardTableRef) or (
            isinstance(source, ir.TableRef)
            and source.name not in lets
            and "TimeGenerated" in schemas.get(source.name, ())
        ):
            each.operators.insert(0, ir.Where(within))


def _text(at: datetime) -> str:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
