"""A step into a dynamic value by what stands in a row: `bag[Key]` by a text, `list[Place]` by a number.

A text finds a key of a bag and nothing in an array, a number an element of an array and nothing in a bag
(Kusto docs "The dynamic data type", "Dynamic object accessors"). The library takes each such step for a
number.
"""

from __future__ import annotations

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
    sql = translate.render_expr(node.base)
    for step in node.steps:
        static = translate._static_path((step,))
        if static is not None or step.index is None:
            sql = f"json_extract({sql}, {translate.quote_string(str(static))})"
        else:
            sql = _STEP.render([sql, translate.render_expr(step.index)])
    return sql


def _step(value: str, index: str) -> str:
    """SQL of a step whose kind shows when it runs; null where the value is of the other kind."""
    text = f"CAST({index} AS VARCHAR)"
    place = f"'$[' || CASE WHEN starts_with({text}, '-') THEN '#' ELSE '' END || {text} || ']'"
    key = f"CASE WHEN json_type(to_json({value})) = 'OBJECT' THEN {pointer(text)} END"
    return (
        f"json_extract(to_json({value}), CASE WHEN typeof({index}) = 'VARCHAR' THEN {key} ELSE {place} END)"
    )


_STEP = form("step", _step, 2)
