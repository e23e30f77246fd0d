"""`gettype` in short: the library's SQL has its argument forty times, which nested calls multiply.

The names are the library's own; the argument is computed once.
"""

from __future__ import annotations

from duckdb_kql import ir, translate
from duckdb_kql.types import kusto_type_sql

from tidewaiter.kql.calls.forms import value_of

_gettype = translate._render_gettype


def install() -> None:
    """Put the short form in the place of the library's."""
    translate._SPECIAL_FORMS["gettype"] = _short


def _short(node: ir.FunctionCall) -> str | None:
    if len(node.args) != 1 or isinstance(node.args[0], ir.Literal):
        return _gettype(node)
    held = " ".join(
        f"WHEN {translate.quote_string(name)} THEN {translate.quote_string(kind)}"
        for name, kind in translate._DYNAMIC_GETTYPE.items()
    )
    value = translate.render_expr(node.args[0])
    if len(value) > _SHORT:
        return value_of(value, "_t", _kind("_t", held))
    return _kind(value, held)


def _kind(value: str, held: str) -> str:
    """SQL of a value's type: for a dynamic what it holds, else what DuckDB's type is called in KQL."""
    kind = f"typeof({value})"
    composite = " OR ".join(f"{kind} LIKE '{each}'" for each in ("%[]", "STRUCT%", "MAP%", "LIST%"))
    inside = f"coalesce(CASE json_type(to_json({value})) {held} END, 'null')"
    return f"CASE WHEN {kind} = 'JSON' OR {composite} THEN {inside} ELSE {kusto_type_sql(kind)} END"


_SHORT = 24
"""Characters of SQL that may as well stand there forty times: a lambda is not free to plan."""
