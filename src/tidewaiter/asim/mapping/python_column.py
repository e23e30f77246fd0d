"""A column of a row in the generated Python: the lines that append its JSON and count its bytes."""

from __future__ import annotations

from tidewaiter.asim.mapping.expression import Expr, Op
from tidewaiter.asim.mapping.python_text import Scope
from tidewaiter.core.errors import ContentError


def write_column(scope: Scope, column: str, expr: Expr, kind: str, into: str) -> None:
    """Write the lines that append `"Column":value,` to the list `into`, unless the value is null or empty.

    Raises:
        ContentError: the column's type is not one that JSON mappings write.
    """
    key = b'"' + column.encode() + b'":'
    json = isinstance(expr, Op) and expr.name == "json"
    if json != (kind == "dynamic") and kind != "string":
        raise ContentError(f"column {column!r} is {kind}: json() is for dynamic columns and strings")
    if isinstance(expr, Op) and json:
        value = scope.assign(scope.json(expr.args[0], text=kind == "string"))
        there, piece, size = f"{value} is not None", value, f"_dynamic_size({value})"
        if kind == "string":
            piece, size = f"_encode({value})", f"_octets({value})"
    elif kind in ("string", "datetime", "guid"):
        if (pieces := scope.pieces(expr, key)) is not None:
            value = scope.assign(pieces)
            scope.lines.append(f"{into}.append({value}); n += _piece_size({value})")
            return
        value = scope.assign(scope.text(expr))
        there, piece, size = value, f"_encode({value})", f"_octets({value})"
    elif kind in ("int", "long"):
        value = scope.assign(scope.value(expr))
        limit = 2**31 if kind == "int" else 2**63
        there = f"type({value}) is int and {-limit} <= {value} < {limit}"
        piece, size = f"b'%d' % {value}", f"len(str({value}))"
    elif kind == "bool":
        value = scope.assign(scope.value(expr))
        there, piece = f"type({value}) is bool", f"b'true' if {value} else b'false'"
        size = f"4 if {value} else 5"
    elif kind == "real":
        value = scope.assign(f"_real({scope.value(expr)})")
        there, piece, size = f"{value} is not None", f"_encode({value})", f"len(_encode({value}))"
    else:
        raise ContentError(f"column {column!r} has type {kind!r}, which JSON mappings do not write")
    scope.lines.append(f"if {there}: {into} += ({key!r}, {piece}, b','); n += {size}")
