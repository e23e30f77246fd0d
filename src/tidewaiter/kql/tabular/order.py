"""Which rows stand in an order that functions like row_number() and prev() may rely on."""

from __future__ import annotations

from duckdb_kql import ir

from tidewaiter.kql.scope import walk
from tidewaiter.kql.tabular import nodes, rendered
from tidewaiter.kql.text import QueryText

WINDOWS = frozenset({"row_number", "prev", "next", "row_cumsum"})
"""Functions of a row's place among the others."""

_ORDERING = (ir.Sort, ir.Top, ir.GetSchema, nodes.Serialize)
_KEEPING = (
    ir.Where, ir.Extend, ir.MvExpand, ir.Parse, ir.Project, ir.ProjectAway, ir.ProjectRename, ir.Take,
    nodes.Reorder, nodes.Keep, nodes.Away, nodes.Unnamed,
)  # fmt: skip
"""Operators that emit rows in an order, and that keep it ("Window functions", Kusto docs, 2026-11)."""


class Order:
    """Follows the order of rows along the pipelines of one query."""

    def of_source(self, source: ir.Source) -> bool:
        """Say whether a source gives its rows in an order."""
        return isinstance(source, ir.RangeSource | ir.PrintSource | ir.DataTable)

    def after(self, operator: ir.Operator, *, ordered: bool) -> bool:
        """Say whether the rows behind an operator stand in an order."""
        if isinstance(operator, nodes.Counted):
            return bool(operator.keys) or ordered
        return isinstance(operator, _ORDERING) or (ordered and isinstance(operator, _KEEPING))

    def checked(self, operator: ir.Operator, query: QueryText, *, ordered: bool) -> ir.Operator:
        """Return the operator; `where` by a row's neighbours looks at all rows before any is dropped.

        Raises:
            NotExecutable: a function of the row's place where the rows have no order.
        """
        if isinstance(operator, rendered.Applied):
            return operator
        calls = [n for n in walk(operator) if isinstance(n, ir.FunctionCall) and n.name in WINDOWS]
        if not calls:
            return operator
        if not ordered:
            hint = "put `sort by …` or `serialize` before it"
            raise query.refused(f"{calls[0].name} of rows without an order", None, hint=hint)
        if isinstance(operator, ir.Where):
            return rendered.WhereOrdered(operator.predicate)
        if isinstance(operator, ir.Extend | ir.Project):
            return operator
        raise query.refused(f"{calls[0].name} outside extend, project and where", None)
