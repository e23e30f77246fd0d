"""Reads `evaluate`: a plugin by name with its arguments; `lowering` has the other operators."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from duckdb_kql import ir
from duckdb_kql.errors import KqlUnsupportedError

from tidewaiter.kql.tabular import nodes, ranges

_lower: Any = import_module("duckdb_kql.lower")


def read(_node: Any, kids: list[Any]) -> ir.Operator:
    """Read the operator off its parse tree; hints say how to run it, not what it means."""
    call = next(kid for kid in kids if _lower._cls(kid) == "FunctionCallExpression")
    name, *arguments = _lower._rule_children(_lower._collapse(call))
    if name.getText().strip() == ranges.NAME:
        return _ipv4_lookup(arguments)
    clauses = [kid for kid in kids if _lower._cls(kid) == "EvaluateOperatorSchemaClause"]
    schema = None
    for clause in clauses:
        declared = (
            _lower._rule_children(each) for each in _lower._rule_children(_lower._rule_children(clause)[0])
        )
        schema = tuple((_lower._find_names(column)[0], kind.getText().strip()) for column, kind in declared)
    return nodes.Plugin(name.getText().strip(), tuple(_argument(each) for each in arguments), schema)


def _ipv4_lookup(arguments: list[Any]) -> ir.Operator:
    if len(arguments) < 3:
        hint = "Kusto requires a table, a column with addresses, and the table's column with networks"
        raise KqlUnsupportedError("function:ipv4_lookup", hint=hint)
    scope = _lower._FN_STATE.get()
    table = _lower._substitute_query(
        _lower._lower_query_node(arguments[0]), _lower._pipeline_scope(scope.scalars)
    )
    read = [_argument(each) for each in arguments[1:]]
    last, name = read[-1].expr, read[-1].name
    flag = last if isinstance(last, ir.Literal) and name in (None, "return_unmatched") else None
    columns = [each.expr for each in (read if flag is None else read[:-1])]
    named = [each.name for each in columns if isinstance(each, ir.ColumnRef)]
    if len(named) < max(2, len(columns)):
        raise KqlUnsupportedError("ipv4_lookup of an expression", hint="compute it with extend before")
    unmatched = flag is not None and bool(flag.value)
    return ranges.Ipv4Lookup(table, named[0], named[1], tuple(named[2:]), unmatched)


def _argument(node: Any) -> ir.NamedExpr:
    """Read an argument of a plugin, which may be named."""
    named = _lower._rule_children(node)[0] if _lower._cls(node) == "ArgumentExpression" else node
    read: ir.NamedExpr = _lower._lower_named(named)
    return read
