"""Makes operators of ours plain, now that their columns are known: operators of the library instead."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from duckdb_kql import ir
from duckdb_kql.schema import disambiguate
from duckdb_kql.translate import naming

from tidewaiter.kql.tabular import columns as picking
from tidewaiter.kql.tabular import nodes, rendered
from tidewaiter.kql.text import QueryText

Unknown = picking.Unknown


def plain(
    operator: ir.Operator, columns: Sequence[str], query: QueryText, unknown: Unknown
) -> list[ir.Operator]:
    """Return what an operator means on rows with these columns; itself where it is the library's.

    Raises:
        QueryError: an unknown column; a count that is none.
    """
    if isinstance(operator, nodes.Reorder):
        return [picking.reordered(operator, columns, unknown)]
    if isinstance(operator, nodes.Keep):
        return [picking.kept(operator, columns, unknown)]
    if isinstance(operator, nodes.Away):
        return [picking.removed(operator, columns, unknown)]
    if isinstance(operator, nodes.DistinctAll):
        return [ir.Distinct(tuple(ir.NamedExpr(ir.ColumnRef(name)) for name in columns))]
    if isinstance(operator, nodes.Serialize):
        return [ir.Extend(operator.expressions)] if operator.expressions else []
    if isinstance(operator, nodes.Counted):
        count = whole_number(operator.count, "top" if operator.keys else "take", query)
        return [ir.Top(count, operator.keys) if operator.keys else ir.Take(max(count, 0))]
    if isinstance(operator, nodes.SampleDistinct):
        count = whole_number(operator.count, "sample-distinct", query)
        return [ir.Distinct((ir.NamedExpr(operator.expression),)), ir.Take(max(count, 0))]
    if isinstance(operator, nodes.Unnamed):
        return expanded(operator, columns)
    return [operator]


def whole_number(expression: ir.Expr, construct: str, query: QueryText) -> int:
    """Return the value of a count that is a literal, or a let of one."""
    while isinstance(expression, ir.LetRef):
        expression = expression.value
    if isinstance(expression, ir.FunctionCall) and expression.name in ("toint", "tolong") and expression.args:
        expression = expression.args[0]
    if isinstance(expression, ir.Literal) and isinstance(expression.value, int):
        return expression.value
    raise query.refused(f"{construct} with a count that is not a literal", None)


def expanded(operator: nodes.Unnamed, columns: Sequence[str]) -> list[ir.Operator]:
    """Give computed expressions their columns, then expand these.

    Without a name the column is that of an unnamed expression in `extend`: `todynamic(Data)` takes over
    Data, `Data.a` is Data_a, and others are Column1 (as Microsoft's language service names them, 2026-11).
    """
    targets = list(operator.expand.targets)
    computed: list[ir.NamedExpr] = []
    named = [target.name or target.column for target in targets if target.name or target.column]
    namer = naming.Namer(skip=[*columns, *named])
    for place, expression in operator.computed:
        target = targets[place]
        if isinstance(expression, ir.ColumnRef) or (target.column and target.column in columns):
            continue
        name = target.name or target.column or naming.expression_name(expression) or namer.positional()
        if not (target.name or target.column) and name in named:
            name = disambiguate(name, [*columns, *named])
        named.append(name)
        targets[place] = dataclasses.replace(target, column=name, name=None)
        computed.append(ir.NamedExpr(expression, name))
    prelude: list[ir.Operator] = [ir.Extend(tuple(computed))] if computed else []
    return [*prelude, dataclasses.replace(operator.expand, targets=tuple(targets))]


def for_each(operator: ir.Operator, each: str, whole: str, query: QueryText) -> list[ir.Operator]:
    """Return what an operator means for the rows of each value of the column `each`, which it carries on.

    Raises:
        NotExecutable: what cannot be told for each value alone.
    """
    carried = ir.NamedExpr(ir.ColumnRef(each))
    if isinstance(operator, ir.Project):
        return [ir.Project((*operator.expressions, carried))]
    if isinstance(operator, ir.Distinct):
        rest = tuple(e for e in operator.expressions if e != carried)
        return [ir.Distinct((*rest, carried))]
    if isinstance(operator, ir.Take):
        return [rendered.First(operator.count, (), each)]
    if isinstance(operator, ir.Top):
        return [rendered.First(operator.count, operator.keys, each)]
    if isinstance(operator, ir.Count):
        count = ir.NamedExpr(ir.FunctionCall("count"), operator.name)
        return for_each(ir.Summarize((count,)), each, whole, query)
    if isinstance(operator, ir.Summarize):
        if operator.by:
            return [ir.Summarize(operator.aggregates, (*operator.by, carried))]
        if not whole:
            raise query.refused(
                "summarize without by in partition", None, hint="summarize by the key instead"
            )
        return [rendered.SummarizeEach(operator.aggregates, each, whole)]
    if isinstance(operator, _ROWWISE):
        return [operator]
    if isinstance(operator, ir.Join) and operator.kind in ("inner", "leftouter", "leftsemi", "leftanti"):
        return [operator]
    name = type(operator).__name__.lower()
    raise query.refused(f"{name} in a subquery of mv-apply or partition", None)


_ROWWISE = (
    ir.Where, ir.Extend, ir.Sort, ir.MvExpand, ir.Parse, ir.ProjectAway, ir.ProjectRename, ir.Lookup,
    rendered.Applied,
)  # fmt: skip
