"""Expressions whose meaning depends on the columns that stand before them.

Each is replaced by what it means there: `column_ifexists` by the column or its default, `take_any(*)` and
`percentiles` by one aggregate for each of their columns, `pack_all()` by a bag of the columns.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from duckdb_kql import ir

from tidewaiter.kql.dialect import DISTANCE, TIMES
from tidewaiter.kql.names import HIDDEN
from tidewaiter.kql.parts import with_parts
from tidewaiter.kql.received import FUNCTION
from tidewaiter.kql.results import RECEIVED
from tidewaiter.kql.text import QueryText

TypeOf = Callable[[ir.Expr], str]
"""The KQL type of an expression over the rows before the operator."""

_EXISTING = frozenset({"column_ifexists", "columnifexists"})
_ANY = frozenset({"take_any", "any"})
_NUMBERS = frozenset({"int", "long", "real"})
_EQUALITY = frozenset({"==", "!=", "<>", "=~", "!~"})


class Rewriter:
    """Rewrites the expressions of one operator; `columns` are those of its input.

    `arrival` says that the rows also have the time at which they were received.
    """

    def __init__(
        self, columns: Sequence[str], type_of: TypeOf, query: QueryText, *, arrival: bool = False
    ) -> None:
        self._columns = columns
        self._arrival = arrival
        self._type_of = type_of
        self._query = query

    def type_of(self, expression: ir.Expr) -> str:
        """Return the KQL type of an expression as it is written."""
        return self._type_of(self._rebuilt(expression))

    def operator(self, operator: Any) -> Any:
        """Return the operator with its expressions rewritten; nested queries are left alone."""
        if isinstance(operator, ir.Summarize):
            aggregates = tuple(
                part for named in operator.aggregates for part in self._aggregates(named, operator)
            )
            operator = dataclasses.replace(operator, aggregates=aggregates)
        return self._rebuilt(operator)

    def _aggregates(self, named: ir.NamedExpr, operator: ir.Summarize) -> Iterator[ir.NamedExpr]:
        call = named.expr
        if not isinstance(call, ir.FunctionCall):
            yield named
        elif call.name in _ANY and (len(call.args) > 1 or isinstance(call.args[0], ir.Wildcard)):
            for column in self._listed(call.args, operator):
                yield ir.NamedExpr(ir.FunctionCall(call.name, (column,)))
        elif call.name == "percentiles" and len(call.args) > 1:
            for percent in call.args[1:]:
                yield ir.NamedExpr(ir.FunctionCall("percentile", (call.args[0], percent)))
        else:
            yield named

    def _listed(self, args: Sequence[ir.Expr], operator: ir.Summarize) -> Iterator[ir.Expr]:
        keys = {key.expr.name for key in operator.by if isinstance(key.expr, ir.ColumnRef)}
        for arg in args:
            if isinstance(arg, ir.Wildcard):
                yield from (ir.ColumnRef(name) for name in self._columns if name not in keys)
            else:
                yield arg

    def _rebuilt(self, node: Any) -> Any:
        if isinstance(node, ir.Query):
            return node
        return self._meaning(with_parts(node, self._rebuilt))

    def _meaning(self, node: Any) -> Any:
        if isinstance(node, ir.FunctionCall) and node.name == FUNCTION:
            return self._ingestion_time(node)
        if isinstance(node, ir.ColumnRef) and node.name == RECEIVED and self._reads_hidden(node.name):
            return ir.ColumnRef(HIDDEN)
        if isinstance(node, ir.NamedExpr) and node.name is None and node.expr == ir.ColumnRef(HIDDEN):
            return dataclasses.replace(node, name=RECEIVED)
        if isinstance(node, ir.FunctionCall) and node.name in _EXISTING:
            return self._existing(node)
        if isinstance(node, ir.FunctionCall) and node.name == "abs" and len(node.args) == 1:
            timespan = self._type_of(node.args[0]) == "timespan"
            return dataclasses.replace(node, name=DISTANCE) if timespan else node
        if isinstance(node, ir.BinaryOp) and node.op == "*":
            return self._times(node)
        if isinstance(node, ir.FunctionCall) and node.name == "pack_all" and not node.args:
            named = ((ir.Literal(name, "string"), ir.ColumnRef(name)) for name in self._columns)
            return ir.FunctionCall("bag_pack", tuple(part for pair in named for part in pair))
        if isinstance(node, ir.BinaryOp) and node.op in _EQUALITY:
            return self._as_text(node)
        if isinstance(node, ir.InList) and any(_number(item) is not None for item in node.items):
            return self._in_texts(node)
        return node

    def _times(self, node: ir.BinaryOp) -> ir.Expr:
        """Return `n * 1s` as a call that takes whole numbers of any size."""
        for span, number in ((node.left, node.right), (node.right, node.left)):
            literal = isinstance(span, ir.Literal) and span.kind == "timespan"
            kind = number.kind if isinstance(number, ir.Literal) else self._type_of(number)
            if literal and kind in ("long", "int"):
                return ir.FunctionCall(TIMES, (span, number))
        return node

    def _reads_hidden(self, name: str) -> bool:
        return self._arrival and name not in self._columns

    def _ingestion_time(self, call: ir.FunctionCall) -> ir.Expr:
        """Return the row's time, or null where rows are none of a table's."""
        if call.args:
            raise self._query.wrong(f"{FUNCTION}() takes 0 arguments, not {len(call.args)}", None)
        time = ir.ColumnRef(HIDDEN) if self._arrival else ir.Literal(None, "datetime")
        return dataclasses.replace(call, args=(time,))

    def _existing(self, call: ir.FunctionCall) -> ir.Expr:
        """`column_ifexists(Name, Default)` ("column_ifexists()", Kusto docs, 2026-11)."""
        name = call.args[0] if len(call.args) == 2 else None
        while isinstance(name, ir.LetRef):
            name = name.value
        if not isinstance(name, ir.Literal) or not isinstance(name.value, str):
            raise self._query.refused(f"{call.name} of a name that is no literal", None)
        return ir.ColumnRef(name.value) if name.value in self._columns else call.args[1]

    def _as_text(self, node: ir.BinaryOp) -> ir.BinaryOp:
        """Compare a string with a number by the number's text: `ResultType == 0` is `ResultType == "0"`.

        Microsoft's language service takes the comparison, and only for equality (measured 2026-11).
        """
        for side, other in (("left", "right"), ("right", "left")):
            number, compared = getattr(node, side), getattr(node, other)
            if _number(number) is None or _number(compared) is not None:
                continue
            if self._type_of(compared) == "string":
                return dataclasses.replace(node, **{side: _text(number)})
        return node

    def _in_texts(self, node: ir.InList) -> ir.InList:
        if self._type_of(node.value) != "string":
            return node
        return dataclasses.replace(node, items=tuple(_text(item) for item in node.items))


def _number(node: Any) -> ir.Literal | None:
    while isinstance(node, ir.LetRef):
        node = node.value
    return node if isinstance(node, ir.Literal) and node.kind in _NUMBERS and node.value is not None else None


def _text(node: Any) -> Any:
    number = _number(node)
    return node if number is None else ir.Literal(str(number.value), "string")
