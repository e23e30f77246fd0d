"""Folding: what an expression becomes when some members are known to be absent.

A condition that is a literal other than `True` does not hold: the language has no truthy values.

A header tells which fields a text object lacks; whatever depends on those alone is a constant, and a
column that is always null need not be computed or written at all.
"""

from __future__ import annotations

from collections.abc import Set

from tidewaiter.asim.mapping.evaluate import Lookups, evaluate
from tidewaiter.asim.mapping.expression import Const, Expr, Field, Op

_NULL = Const(None)
_TRUE, _FALSE = Const(True), Const(False)
_NULL_IN_NULL_OUT = frozenset(
    {
        "lower",
        "split",
        "regex",
        "ip",
        "unquote",
        "time",
        "millis",
        "int",
        "bit",
        "json",
        "member",
        "lookup",
        "sub",
        "mul",
    }
)


def fold(expr: Expr, present: Set[str], lookups: Lookups) -> Expr:
    """Simplify `expr` for records that have only the members in `present`."""
    if isinstance(expr, Field):
        return expr if expr.member in present else _NULL
    if not isinstance(expr, Op):
        return expr
    args = tuple(fold(arg, present, lookups) for arg in expr.args)
    if all(isinstance(arg, Const) for arg in args) and expr.name not in (
        "time",
        "millis",
    ):  # which has no literal
        return Const(evaluate(Op(expr.name, args), {}, lookups))
    match expr.name:
        case "case":
            return _case(args)
        case "first":
            kept = tuple(arg for arg in args if arg not in (_NULL, Const("")))
            return Op("first", kept) if kept else _NULL
        case "exists" if isinstance(args[0], Const):
            return _FALSE if args[0].value in (None, "") else _TRUE
        case "eq" | "ne" if _NULL in args:
            return _FALSE if expr.name == "eq" else _TRUE
        case "in" | "startswith" | "endswith" | "contains" if args[0] == _NULL:
            return _FALSE
        case "not" if isinstance(args[0], Const):
            return _FALSE if args[0] == _TRUE else _TRUE
        case "all" | "any" as name:
            return _logic(name, args)
        case "template" if _NULL in args[1:]:
            return _NULL
        case name if name in _NULL_IN_NULL_OUT and _NULL in args:
            return _NULL
    return Op(expr.name, args)


def _case(args: tuple[Expr, ...]) -> Expr:
    kept: list[Expr] = []
    last = args[-1]
    for cond, value in zip(args[:-1:2], args[1::2], strict=True):
        if cond == _TRUE:
            last = value
            break
        if not isinstance(cond, Const):
            kept += (cond, value)
    return Op("case", (*kept, last)) if set(kept[1::2]) - {last} else last


def _logic(name: str, args: tuple[Expr, ...]) -> Expr:
    ends, neutral = (_FALSE, _TRUE) if name == "all" else (_TRUE, _FALSE)
    known = tuple(_FALSE if isinstance(arg, Const) and arg != _TRUE else arg for arg in args)
    if ends in known:
        return ends
    kept = tuple(arg for arg in known if arg != neutral)
    if not kept:
        return neutral
    if len(kept) == 1:
        return kept[0] if _never_null(kept[0]) else Op(name, (*kept, neutral))
    return Op(name, kept)


def _never_null(condition: Expr) -> bool:
    return isinstance(condition, Op) and condition.name not in ("first", "case", "bit", "lookup")
