"""`evaluate bag_unpack` and `evaluate pivot`: their columns depend on the data, which is asked first.

With an output schema nothing is asked. ("bag_unpack plugin", "pivot plugin", Kusto docs, 2026-11.)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from duckdb_kql import ir
from duckdb_kql.translate.functions import SCALAR_FUNCTIONS, FunctionSpec

from tidewaiter.core.errors import QueryError
from tidewaiter.kql.calls.dynamics import pointer
from tidewaiter.kql.tabular import nodes
from tidewaiter.kql.text import QueryText

MOST_COLUMNS = 1000
EMPTY = "Column1"
"""The column of `pivot` for an empty value, which cannot be a name."""

Ask = Callable[[ir.Expr, str], list[tuple[Any, ...]]]
"""Evaluates an expression on the rows before, and a SELECT on its values, which are the column "value"."""

Wrong = Callable[[str], QueryError]

_SLOTS = """
SELECT name, list(DISTINCT kind) FROM (
    SELECT name, json_type("value", {pointer}) AS kind FROM (
        SELECT "value", unnest(json_keys("value")) AS name FROM (
            SELECT to_json("value") AS "value" FROM ({rows})) WHERE json_type("value") = 'OBJECT'))
GROUP BY name ORDER BY name
""".replace("{pointer}", pointer("name"))
_VALUES = "SELECT DISTINCT coalesce(\"value\", '') AS name FROM ({rows}) ORDER BY name"

_SLOT_TYPES = {
    "VARCHAR": "string", "BIGINT": "long", "UBIGINT": "long", "DOUBLE": "real", "BOOLEAN": "bool",
}  # fmt: skip
_SQL_TYPES = {
    "int": "INTEGER", "long": "BIGINT", "real": "DOUBLE", "double": "DOUBLE", "bool": "BOOLEAN",
    "boolean": "BOOLEAN", "datetime": "TIMESTAMP", "date": "TIMESTAMP",
}  # fmt: skip
_CONDITIONAL = {
    "count": "countif", "sum": "sumif", "min": "minif", "max": "maxif", "avg": "avgif",
    "dcount": "dcountif", "take_any": "take_anyif", "any": "take_anyif", "stdev": "stdevif",
    "variance": "varianceif", "make_list": "make_list_if", "make_set": "make_set_if",
    "make_bag": "make_bag_if",
}  # fmt: skip
"""Aggregate of `pivot` -> the same for the rows of one column."""


def _slot(kind: str) -> str:
    """Name the internal function that reads a slot of a bag as a type."""
    return f"slot as {kind}"


def install() -> None:
    """Register the internal functions; the space in their names keeps queries from calling them."""
    slot = f"json_extract(to_json({{0}}), {pointer('{1}')})"
    templates = {
        "string": f"coalesce({slot} ->> '$', '')",
        "dynamic": f"CASE WHEN json_type({slot}) <> 'NULL' THEN {slot} END",
        **{kind: f"TRY_CAST({slot} ->> '$' AS {sql})" for kind, sql in _SQL_TYPES.items()},
    }
    for kind, template in templates.items():
        SCALAR_FUNCTIONS[_slot(kind)] = FunctionSpec(_slot(kind), "template", template, (2,))


def unpacked(plugin: nodes.Plugin, columns: Sequence[str], ask: Ask, query: QueryText) -> list[ir.Operator]:
    """Return what `bag_unpack` means: a column for each slot, in the order of names, before the others.

    Raises:
        QueryError: arguments that it does not take; a slot with the name of a column.
        NotExecutable: an output schema of a type that is not read.
    """
    asked = _Unpacking.of(plugin, query)
    if plugin.schema is not None:
        slots = dict(plugin.schema)
    else:
        slots = {
            asked.prefix + name: _slot_type(kinds)
            for name, kinds in ask(asked.column, _SLOTS)
            if name not in asked.ignored
        }
    if len(slots) > MOST_COLUMNS:
        raise query.wrong(f"bag_unpack would make {len(slots):,} columns, more than {MOST_COLUMNS:,}", None)
    kept = [name for name in columns if name != asked.column.name]
    both = [name for name in kept if name in slots]
    if both and asked.conflict == "error":
        hint = "give a prefix, or columnsConflict='replace_source' or 'keep_source'"
        raise query.wrong(f"bag_unpack makes the column '{both[0]}', which is there already", None, hint=hint)
    if asked.conflict == "replace_source":
        kept = [name for name in kept if name not in slots]
    elif plugin.schema is not None:
        kept = []
    made = [_read(asked, name, kind, query) for name, kind in slots.items() if name not in kept]
    return [ir.Project((*made, *(ir.NamedExpr(ir.ColumnRef(name)) for name in kept)))]


@dataclasses.dataclass(frozen=True)
class _Unpacking:
    """The arguments of `bag_unpack`, by place or by name."""

    column: ir.ColumnRef
    prefix: str = ""
    conflict: str = "error"
    ignored: frozenset[str] = frozenset()

    @classmethod
    def of(cls, plugin: nodes.Plugin, query: QueryText) -> _Unpacking:
        """Read the arguments."""
        names = ("column", "OutputColumnPrefix", "columnsConflict", "ignoredProperties")
        given: dict[str, ir.Expr] = {}
        for place, argument in enumerate(plugin.arguments):
            name = argument.name or names[min(place, 3)]
            if name not in names or name in given:
                raise query.wrong(f"bag_unpack takes no argument '{name}' here", None)
            given[name] = argument.expr
        column = given.get("column")
        if not isinstance(column, ir.ColumnRef):
            raise query.wrong("bag_unpack takes the name of a column first", None)
        texts = {name: _text(given[name], query) for name in names[1:3] if name in given}
        conflict = texts.get("columnsConflict", "error")
        if conflict not in ("error", "replace_source", "keep_source"):
            raise query.wrong(f"columnsConflict is no '{conflict}'", None)
        ignored = _names(given["ignoredProperties"], query) if "ignoredProperties" in given else frozenset()
        return cls(column, texts.get("OutputColumnPrefix", ""), conflict, ignored)


def _slot_type(kinds: Sequence[str | None]) -> str:
    """Return the type of a slot's values if it is one, else dynamic."""
    found = {_SLOT_TYPES.get(str(kind), "dynamic") for kind in kinds if kind not in (None, "NULL")}
    return found.pop() if len(found) == 1 else "dynamic"


def _read(asked: _Unpacking, name: str, kind: str, query: QueryText) -> ir.NamedExpr:
    if _slot(kind) not in SCALAR_FUNCTIONS:
        raise query.refused(f"bag_unpack of a {kind}", None)
    key = ir.Literal(name.removeprefix(asked.prefix), "string")
    return ir.NamedExpr(ir.FunctionCall(_slot(kind), (asked.column, key)), name)


def pivoted(plugin: nodes.Plugin, columns: Sequence[str], ask: Ask, query: QueryText) -> list[ir.Operator]:
    """Return what `pivot` means: a column for each value, in their order, with an aggregate of its rows.

    Raises:
        QueryError: arguments that it does not take, too many values, or one with the name of a column.
        NotExecutable: an aggregate that it does not document.
    """
    column, aggregate, by = _pivoting(plugin, query)
    used = _columns_in(aggregate) | {column.name}
    keys = by or [ir.ColumnRef(name) for name in columns if name not in used]
    named = {key.name for key in keys}
    text = ir.FunctionCall("tostring", (column,))
    if plugin.schema is not None:
        values = {name: name for name, _ in plugin.schema if name not in named}
    else:
        values = {name or EMPTY: name for (name,) in ask(text, _VALUES)}
    if len(values) > MOST_COLUMNS:
        raise query.wrong(f"pivot would make {len(values):,} columns, more than {MOST_COLUMNS:,}", None)
    if both := named & values.keys():
        raise query.wrong(f"pivot makes the column '{both.pop()}', which is there already", None)
    conditional = _CONDITIONAL.get(aggregate.name)
    if conditional is None:
        raise query.refused(f"pivot with {aggregate.name}", None)
    made = tuple(
        ir.NamedExpr(ir.FunctionCall(conditional, (*aggregate.args, _equals(text, value))), name)
        for name, value in values.items()
    )
    grouped = ir.Summarize(made, tuple(ir.NamedExpr(key) for key in keys))
    return [grouped] if made else [ir.Distinct(tuple(ir.NamedExpr(key) for key in keys))]


def _equals(text: ir.Expr, value: str) -> ir.Expr:
    return ir.BinaryOp("==", text, ir.Literal(value, "string"))


def _pivoting(
    plugin: nodes.Plugin, query: QueryText
) -> tuple[ir.ColumnRef, ir.FunctionCall, list[ir.ColumnRef]]:
    if not plugin.arguments or any(argument.name for argument in plugin.arguments):
        raise query.wrong("pivot takes a column, an aggregate and further columns, none of them named", None)
    column, *others = (argument.expr for argument in plugin.arguments)
    aggregate = ir.FunctionCall("count", ())
    if others and isinstance(others[0], ir.FunctionCall):
        aggregate, others = others[0], others[1:]
    by = [each for each in others if isinstance(each, ir.ColumnRef)]
    if not isinstance(column, ir.ColumnRef) or len(by) != len(others):
        raise query.wrong("pivot takes names of columns: compute others with extend before it", None)
    return column, aggregate, by


def _columns_in(call: ir.FunctionCall) -> set[str]:
    found: set[str] = set()
    waiting: list[Any] = list(call.args)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ir.ColumnRef):
            found.add(node.name)
        if dataclasses.is_dataclass(node):
            waiting += [getattr(node, each.name) for each in dataclasses.fields(node)]
        elif isinstance(node, tuple):
            waiting += node
    return found


def _text(expression: ir.Expr, query: QueryText) -> str:
    while isinstance(expression, ir.LetRef):
        expression = expression.value
    if isinstance(expression, ir.Literal) and isinstance(expression.value, str):
        return expression.value
    raise query.refused("bag_unpack with an argument that is no literal", None)


def _names(expression: ir.Expr, query: QueryText) -> frozenset[str]:
    while isinstance(expression, ir.LetRef):
        expression = expression.value
    value = getattr(expression, "value", None)
    if isinstance(value, str):
        from json import loads

        value = loads(value)
    if isinstance(value, list | tuple):
        return frozenset(str(getattr(each, "value", each)) for each in value)
    raise query.refused("bag_unpack with an argument that is no literal", None)


PLUGINS: Mapping[str, Callable[..., list[ir.Operator]]] = {"bag_unpack": unpacked, "pivot": pivoted}
