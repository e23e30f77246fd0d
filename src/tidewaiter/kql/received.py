"""`ingestion_time()`: the time at which a row was received, carried along a pipeline as a hidden column.

Kusto keeps it beside the columns of a table; behind an operator that makes rows of its own, `summarize` say,
it is null ("ingestion_time()", Kusto docs, 2026-11). Here the column stands in a pipeline only as far as
something behind it asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from duckdb_kql import ir

from tidewaiter.kql.names import HIDDEN
from tidewaiter.kql.results import RECEIVED
from tidewaiter.kql.scope import walk
from tidewaiter.kql.tabular import nodes, ranges, rendered

FUNCTION = "ingestion_time"
_CARRYING = (
    ir.Where, ir.Extend, ir.Project, ir.Sort, ir.Take, ir.Top, ir.MvExpand, ir.Parse, ir.ProjectAway,
    ir.ProjectRename, ir.Join, ir.Lookup, ir.Union, nodes.Reorder, nodes.Keep, nodes.Away, nodes.Counted,
    nodes.Serialize, nodes.Unnamed, nodes.MvApply, nodes.Partition, ranges.Ipv4Lookup, rendered.Applied,
    rendered.First, rendered.Numbered, rendered.WhereOrdered,
)  # fmt: skip
"""Operators behind which a row is still the row of a table."""


def asks(node: object) -> bool:
    """Say whether an operator asks for the time itself, nested queries apart; a subquery is no query."""
    if isinstance(node, nodes.MvApply | nodes.Partition) and any(map(asks, node.body.operators)):
        return True
    return any(
        (isinstance(part, ir.FunctionCall) and part.name == FUNCTION)
        or (isinstance(part, ir.ColumnRef) and part.name == RECEIVED)
        for part in walk(node)
    )


def needed(operators: Sequence[ir.Operator], *, exposed: bool) -> int:
    """Return behind how many operators the time is still needed; 0 for none, or one more than all."""
    if exposed:
        return len(operators) + 1
    return max((place for place, each in enumerate(operators, 1) if asks(each)), default=0)


def carries(operator: ir.Operator) -> bool:
    """Say whether rows behind an operator still have their time."""
    return isinstance(operator, _CARRYING)


def carried(operator: ir.Operator) -> ir.Operator:
    """Return an operator that keeps the hidden column among those it picks."""
    if isinstance(operator, ir.Project):
        return ir.Project((*operator.expressions, ir.NamedExpr(ir.ColumnRef(HIDDEN))))
    return operator


@dataclass
class Exposed:
    """The bindings that have to give the time to those that read them."""

    names: frozenset[str]

    @classmethod
    def of(cls, query: ir.Query) -> Exposed:
        """Look through a whole query, which is not bound yet."""
        queries = [node for node in walk(query, into_queries=True) if isinstance(node, ir.Query)]
        lets = {name: bound for each in queries for name, bound in each.lets if isinstance(bound, ir.Query)}
        found: set[str] = set()
        waiting = [(each, False) for each in queries]
        while waiting:
            each, exposed = waiting.pop()
            until = needed(each.operators, exposed=exposed)
            if not until:
                continue
            waiting += [(branch, True) for branch in branches(each.operators[:until])]
            name = each.source.name if isinstance(each.source, ir.TableRef) else ""
            if name in lets and name not in found:
                found.add(name)
                waiting.append((lets[name], True))
        return cls(frozenset(found))


def branches(operators: Sequence[ir.Operator]) -> list[ir.Query]:
    """Return the branches of the unions among some operators."""
    return [branch for each in operators if isinstance(each, ir.Union) for branch in each.branches]
