"""The reference meaning of an expression: an interpreter over one decoded record.

The compilers must agree with it on every record (differential tests). Detections use it directly, on
the few events that their index lets through.
"""

from __future__ import annotations

from collections.abc import Mapping

from tidewaiter.asim.mapping import operators as meaning
from tidewaiter.asim.mapping.expression import Const, Expr, Field, Op, alternatives
from tidewaiter.asim.mapping.operators import Value
from tidewaiter.asim.mapping.runtime import held, json_text, json_value, real, text_of_raw

Lookups = Mapping[str, Mapping[str, str]]
Record = Mapping[str, Value]


def evaluate(expr: Expr, record: Record, lookups: Lookups) -> Value:
    """Return the value of `expr` on `record` (JSON-like: dict, list, str, int, float, bool, None)."""
    match expr:
        case Const(value=value):
            return value
        case Field(path=path):
            return resolve(path, record)
        case Op(name="case", args=args):
            return _case(args, record, lookups)
        case Op(name="all", args=args):
            return all(truth(arg, record, lookups) for arg in args)
        case Op(name="any", args=args):
            return any(truth(arg, record, lookups) for arg in args)
        case Op(name="not", args=(arg,)):
            return not truth(arg, record, lookups)
        case Op(name="eq" | "ne" as name, args=(left, right)):
            same = equal(evaluate(left, record, lookups), evaluate(right, record, lookups), left, right)
            return same if name == "eq" else not same
        case Op(name=name, args=args):
            return _apply(name, [evaluate(arg, record, lookups) for arg in args], lookups)


def truth(expr: Expr, record: Record, lookups: Lookups) -> bool:
    """Whether a condition holds; null counts as false."""
    return evaluate(expr, record, lookups) is True


def column(
    expr: Expr, kind: str, record: Record, lookups: Lookups, raws: Mapping[str, bytes] | None = None
) -> Value:
    """Return what a column of the Log Analytics type `kind` holds; None where the row has no value.

    `raws` has the bytes of members: the text of a JSON value is theirs, without white space.
    """
    if isinstance(expr, Op) and expr.name == "json":
        return _json_column(expr.args[0], kind, record, lookups, raws or {})
    value = evaluate(expr, record, lookups)
    if kind in ("string", "datetime", "guid"):
        return meaning.text(value) or None
    if kind in ("int", "long"):
        limit = 2**31 if kind == "int" else 2**63
        return value if type(value) is int and -limit <= value < limit else None
    if kind == "bool":
        return value if type(value) is bool else None
    return real(value) if kind == "real" else value


def _json_column(expr: Expr, kind: str, record: Record, lookups: Lookups, raws: Mapping[str, bytes]) -> Value:
    for part in alternatives(expr):
        value = evaluate(part, record, lookups)
        if not meaning.exists(value):
            continue
        if kind != "string":
            return json_value(value)
        raw = raws.get(part.member) if isinstance(part, Field) and len(part.path) == 1 else None
        return json_text(value) if raw is None else text_of_raw(raw)
    return None


def resolve(path: tuple[str | int, ...], record: Record) -> Value:
    """Follow `path`; null where a step is missing or of another shape.

    A path goes through a member whose value is a text that holds JSON.
    """
    value: Value = record
    for place, step in enumerate(path):
        value = held(value) if place == 1 else value
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, Mapping) else None
        elif type(value) is list and -len(value) <= step < len(value):
            value = value[step]
        else:
            return None
    return value


def equal(left: Value, right: Value, left_expr: Expr, right_expr: Expr) -> bool:
    """Equality by type when a literal is a number or boolean, else as text; null equals nothing."""
    if left is None or right is None:
        return False
    if _plain(left_expr) or _plain(right_expr):
        return type(left) is type(right) and bool(left == right)
    left, right = meaning.text(left), meaning.text(right)
    return left is not None and left == right


def _plain(expr: Expr) -> bool:
    return isinstance(expr, Const) and type(expr.value) in (bool, int)


def _case(args: tuple[Expr, ...], record: Record, lookups: Lookups) -> Value:
    for cond, value in zip(args[:-1:2], args[1::2], strict=True):
        if truth(cond, record, lookups):
            return evaluate(value, record, lookups)
    return evaluate(args[-1], record, lookups)


def _apply(name: str, values: list[Value], lookups: Lookups) -> Value:
    if name in meaning.TEXT_ARGUMENTS:
        values[0] = meaning.text(values[0])
        if name in ("concat", "template"):
            values = [meaning.text(value) for value in values]
    match name:
        case "json":
            return values[0]
        case "lookup":
            return None if values[0] is None else lookups[values[1]].get(values[0])
        case "member":
            return meaning.member(values[0], meaning.ranks(lookups[values[1]]))
        case "in":
            return values[0] in values[1]
        case "startswith":
            return values[0] is not None and values[0].startswith(values[1])
        case "endswith":
            return values[0] is not None and values[0].endswith(values[1])
        case "contains":
            return values[0] is not None and values[1] in values[0]
    if name in ("sub", "mul", "bit"):
        values = [value if type(value) is int else None for value in values]
    return meaning.FUNCTIONS[name](*values)
