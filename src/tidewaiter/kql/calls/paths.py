"""A step into a dynamic value by what stands in a row: `bag[Key]` by a text, `list[Place]` by a number.

A text finds a key of a bag and nothing in an array, a number an element of an array and nothing in a bag
(Kusto docs "The dynamic data type", "Dynamic object accessors"). The library takes each such step for a
number.
"""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

from duckdb_kql import ir, translate

from tidewaiter.kql.calls.dynamics import pointer
from tidewaiter.kql.calls.forms import form

_translate: Any = import_module("duckdb_kql.translate")
_render_path = translate.render_path


def install() -> None:
    """Let paths step by text."""
    _translate.render_path = _stepped


def _stepped(node: ir.PathAccess) -> str:
    if translate._static_path(node.steps) is not None:
        return _render_path(node)
    found = _looked_up(node)
    if found is not None:
        return found
    sql = translate.render_expr(node.base)
    for step in node.steps:
        static = translate._static_path((step,))
        if static is not None or step.index is None:
            sql = f"json_extract({sql}, {translate.quote_string(str(static))})"
        else:
            sql = _STEP.render([sql, translate.render_expr(step.index)])
    return sql


def _looked_up(node: ir.PathAccess) -> str | None:
    """SQL of a step by text into a bag that stands in the query: a table of keys, read once.

    As JSON the bag would be read anew for every row, whatever its size. None where it is no such step, or the
    bag is small, holds a null or has a key twice.
    """
    text = _constant(node.base)
    index = node.steps[0].index if len(node.steps) == 1 else None
    if text is None or index is None or len(text) < _LARGE:
        return None
    try:
        pairs = json.loads(text, object_pairs_hook=tuple)
    except ValueError:
        return None
    if not isinstance(pairs, tuple) or len({key for key, _ in pairs}) < len(pairs):
        return None
    if not all(isinstance(value, str | int) for _, value in pairs):
        return None
    keys = _listed([key for key, _ in pairs], "VARCHAR")
    values = _listed([value for _, value in pairs], "JSON")
    return form(
        "lookup",
        lambda at: (
            f"list_extract({values}, CASE WHEN typeof({at}) = 'VARCHAR' "
            f"THEN list_position({keys}, CAST({at} AS VARCHAR)) END)"
        ),
    ).render([translate.render_expr(index)])


def _constant(node: ir.Expr) -> str | None:
    """Return the JSON of a dynamic that stands in the query, as a literal or as a text that is parsed."""
    match node:
        case (
            ir.Literal(kind="dynamic", value=value)
            | ir.FunctionCall(name="parse_json" | "todynamic", args=(ir.Literal(kind="string", value=value),))
        ):
            return str(value)
    return None


def _listed(values: list[Any], kind: str) -> str:
    """SQL of a constant list."""
    text = translate.quote_string(json.dumps(values, ensure_ascii=False))
    return f"CAST(CAST({text} AS JSON) AS {kind}[])"


_LARGE = 1_000
"""Characters of a bag that is a table."""


def _step(value: str, index: str) -> str:
    """SQL of a step whose kind shows when it runs; null where the value is of the other kind."""
    text = f"CAST({index} AS VARCHAR)"
    place = f"'$[' || CASE WHEN starts_with({text}, '-') THEN '#' ELSE '' END || {text} || ']'"
    key = f"CASE WHEN json_type(to_json({value})) = 'OBJECT' THEN {pointer(text)} END"
    return (
        f"json_extract(to_json({value}), CASE WHEN typeof({index}) = 'VARCHAR' THEN {key} ELSE {place} END)"
    )


_STEP = form("step", _step, 2)
