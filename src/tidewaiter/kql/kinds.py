"""What is known of values before a query runs: the DuckDB types of columns and expressions.

The library knows no types: it writes `tostring(x)`, `gettype(x)` or `x == "a"` once for each type that x
might have, and DuckDB drops what does not apply. That is right, and several times the SQL: functions made
of mappings became 800 kB, and planning them took most of the time. Where the type is certain, these calls are
replaced by internal ones that are written for it alone and mean the same. The rest stays as it was.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from duckdb_kql import ir, translate
from duckdb_kql.translate.functions import SCALAR_FUNCTIONS, FunctionSpec

from tidewaiter.kql.calls.forms import form
from tidewaiter.kql.parts import with_parts
from tidewaiter.kql.tabular import rendered

_translate: Any = import_module("duckdb_kql.translate")

Kinds = Mapping[str, str]
"""Column -> DuckDB type, for those of which it is known."""

COLUMN_TYPES = {
    "string": "VARCHAR", "guid": "VARCHAR", "int": "INTEGER", "long": "BIGINT", "real": "DOUBLE",
    "bool": "BOOLEAN", "datetime": "TIMESTAMP", "dynamic": "JSON",
}  # fmt: skip
"""KQL type -> DuckDB type of a column in the file of an executor."""

_KNOWN_TEXT = "text of known type"
_BARE = "known to be no dynamic"
_DYNAMIC_TEXT = "text of a dynamic"
_NUMBER_TEXT = "text of a whole number"
_BOOL_TEXT = "text of a truth"
_DYNAMIC_KIND = "type of a dynamic"
_DYNAMIC_LONG = "whole number of a dynamic"
_TEXT_LONG = "whole number of a text"
_LONG = "whole number as it is"
_INT = "small number as it is"
_DYNAMIC_BOOL = "truth of a dynamic"
_BAG = "bag of known types"
_FIRST_TEXT = "first text that is not empty"
_FIRST = "first value that is not null"

_MADE = {
    **dict.fromkeys(("tostring", "strcat", "tolower", "toupper", "gettype", "replace_string"), "VARCHAR"),
    **dict.fromkeys(("replace", "strcat_array", _KNOWN_TEXT, _DYNAMIC_TEXT, _FIRST_TEXT), "VARCHAR"),
    **dict.fromkeys((_NUMBER_TEXT, _BOOL_TEXT, _DYNAMIC_KIND, "translate"), "VARCHAR"),
    **dict.fromkeys(("parse_json", "todynamic", "split", "bag_pack", "pack", _BAG), "JSON"),
    **dict.fromkeys(("isempty", "isnotempty", "isnull", "isnotnull", "not", "tobool"), "BOOLEAN"),
    _DYNAMIC_BOOL: "BOOLEAN",
    **dict.fromkeys(("tolong", _DYNAMIC_LONG, _TEXT_LONG, _LONG), "BIGINT"),
    **dict.fromkeys(("toint", _INT), "INTEGER"),
    **dict.fromkeys(("todouble", "toreal"), "DOUBLE"),
}  # fmt: skip
"""Function -> the DuckDB type of what it gives, whatever it is given."""

_LITERALS = {"string": "VARCHAR", "bool": "BOOLEAN", "long": "BIGINT", "dynamic": "JSON"}
_BOOLEAN = frozenset({"==", "!=", "<>", "=~", "!~", "<", ">", "<=", ">=", "and", "or", "matches regex"})
_TEXT_OF = {
    "VARCHAR": _KNOWN_TEXT, "JSON": _DYNAMIC_TEXT, "BIGINT": _NUMBER_TEXT, "INTEGER": _NUMBER_TEXT,
    "BOOLEAN": _BOOL_TEXT,
}  # fmt: skip
_LONG_OF = {"JSON": _DYNAMIC_LONG, "VARCHAR": _TEXT_LONG, "BIGINT": _LONG, "INTEGER": _LONG}
_MOST_TO_CHOOSE = 64
_ALL_TEXTS = frozenset({"strcat", "strcat_delim"})
_SAME_ROWS = (ir.Where, ir.Take, ir.Sort, ir.Top)


def install() -> None:
    """Teach the library the internal functions, and which of them give texts."""
    held = " ".join(f"WHEN '{name}' THEN '{kind}'" for name, kind in translate._DYNAMIC_GETTYPE.items())
    _add(_KNOWN_TEXT, "coalesce({0}, '')")
    _add(_BARE, "{0}")
    _add(_DYNAMIC_TEXT, translate._unwrap_json_scalar("({0})"))
    _add(_NUMBER_TEXT, "coalesce(CAST({0} AS VARCHAR), '')")
    _add(
        _BOOL_TEXT, "CASE CAST({0} AS VARCHAR) WHEN 'true' THEN 'True' WHEN 'false' THEN 'False' ELSE '' END"
    )
    _add(_DYNAMIC_KIND, f"coalesce(CASE json_type({{0}}) {held} END, 'null')")
    _add(_LONG, "CAST({0} AS BIGINT)")
    _add(_INT, "CAST({0} AS INTEGER)")
    _add(_DYNAMIC_BOOL, "TRY_CAST({0} AS BOOLEAN)")
    SCALAR_FUNCTIONS[_DYNAMIC_LONG] = form(_DYNAMIC_LONG, _long_of_dynamic)
    SCALAR_FUNCTIONS[_TEXT_LONG] = form(_TEXT_LONG, lambda v: translate._integer_from_text(v, "BIGINT"))
    for name, render in {_BAG: _render_bag, _FIRST_TEXT: _render_first_text, _FIRST: _render_first}.items():
        SCALAR_FUNCTIONS[name] = FunctionSpec(name, "template", "", ())
        translate._SPECIAL_FORMS[name] = render
    texts = {_KNOWN_TEXT, _DYNAMIC_TEXT, _NUMBER_TEXT, _BOOL_TEXT}
    _translate._STRING_RETURNING = translate._STRING_RETURNING | texts


def _add(name: str, sql: str) -> None:
    SCALAR_FUNCTIONS[name] = FunctionSpec(name, "template", sql, (1,))


def _long_of_dynamic(value: str) -> str:
    """SQL of `tolong` of a dynamic, as the library has it for what turns out to be one."""
    text = translate._integer_from_text(f"({value} ->> '$')", "BIGINT")
    return (
        f"CASE json_type({value}) WHEN 'BIGINT' THEN TRY_CAST({value} AS BIGINT) "
        f"WHEN 'UBIGINT' THEN TRY_CAST({value} AS BIGINT) "
        f"WHEN 'DOUBLE' THEN {translate._integer_from_real(f'CAST({value} AS DOUBLE)', 64)} "
        f"WHEN 'BOOLEAN' THEN CAST(CAST({value} AS BOOLEAN) AS BIGINT) WHEN 'VARCHAR' THEN {text} END"
    )


def _render_bag(node: ir.FunctionCall) -> str:
    parts = [translate.render_expr(arg) for arg in node.args]
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return f"json_object({', '.join(f'{key}, to_json({value})' for key, value in pairs)})"


def _render_first_text(node: ir.FunctionCall) -> str:
    found = (f"nullif({translate.render_expr(arg)}, '')" for arg in node.args)
    return f"coalesce({', '.join(found)}, '')"


def _render_first(node: ir.FunctionCall) -> str:
    return f"coalesce({', '.join(map(translate.render_expr, node.args))})"


def of_table(columns: Mapping[str, str]) -> Kinds:
    """Return the DuckDB types of a table's columns, by their KQL types."""
    return {name: COLUMN_TYPES[kind] for name, kind in columns.items() if kind in COLUMN_TYPES}


def kind_of(node: Any, kinds: Kinds) -> str | None:
    """Return the DuckDB type of an expression's values, None where it is not certain."""
    match node:
        case ir.ColumnRef(name=name):
            return kinds.get(name)
        case ir.Literal(kind=kind, value=value):
            return _LITERALS.get(kind) if value is not None else None
        case ir.PathAccess():
            return "JSON"
        case ir.InList() | ir.HasList() | ir.Between():
            return "BOOLEAN"
        case ir.BinaryOp(op=op):
            return "BOOLEAN" if op in _BOOLEAN or op in translate._STRING_OPERATORS else None
        case ir.FunctionCall(name="extract", args=args):
            return "VARCHAR" if len(args) == 3 else None
        case ir.FunctionCall(name="iif" | "iff", args=(_, yes, no)):
            return _common((yes, no), kinds)
        case ir.FunctionCall(name="case", args=args):
            return _common((*args[1::2], args[-1]), kinds)
        case ir.FunctionCall(name="coalesce" | "first value that is not null", args=args):
            return _common(args, kinds)
        case ir.FunctionCall(name=name, args=args):
            return kind_of(args[0], kinds) if name == _BARE else _MADE.get(name)
    return None


def _replaced(operator: ir.Operator) -> frozenset[str] | None:
    """Return the columns that an operator takes away or fills anew, None where that is not all it does."""
    if isinstance(operator, ir.ProjectAway):
        return frozenset(operator.columns)
    if isinstance(operator, ir.MvExpand):
        own = frozenset(filter(None, (operator.item_index,)))
        return own | {target.name or target.column for target in operator.targets}
    if isinstance(operator, rendered.Numbered):
        return frozenset((operator.name,))
    if isinstance(operator, rendered.Applied):
        expanded = [
            _replaced(each) or frozenset() for each in operator.expand if isinstance(each, ir.MvExpand)
        ]
        return operator.made.union(*expanded)
    return None


def _common(values: Sequence[ir.Expr], kinds: Kinds) -> str | None:
    """Return the type that all values have; a null has any."""
    found = {
        kind_of(value, kinds)
        for value in values
        if not (isinstance(value, ir.Literal) and value.value is None)
    }
    return found.pop() if len(found) == 1 else None


def of_query(query: ir.Query, tables: Mapping[str, Kinds]) -> Kinds:
    """Return what is known of the columns of a query, by what is known of those of tables and lets."""
    kinds = of_source(query.source, tables)
    for operator in query.operators:
        kinds = after(operator, kinds)
    return kinds


def of_source(source: ir.Source, tables: Mapping[str, Kinds]) -> Kinds:
    """Return what is known of the columns of a source."""
    return tables.get(source.name, {}) if isinstance(source, ir.TableRef) else {}


def after(operator: ir.Operator, kinds: Kinds) -> Kinds:
    """Return what is known of the columns behind an operator."""
    if isinstance(operator, _SAME_ROWS):
        return kinds
    gone = _replaced(operator)
    if gone is not None:
        return {name: kind for name, kind in kinds.items() if name not in gone}
    if isinstance(operator, ir.ProjectRename):
        renamed = dict(operator.renames)
        return {renamed.get(name, name): kind for name, kind in kinds.items()}
    if not isinstance(operator, ir.Extend | ir.Project):
        return {}
    made: dict[str, str | None] = dict(kinds) if isinstance(operator, ir.Extend) else {}
    for named in operator.expressions:
        plain = named.expr.name if isinstance(named.expr, ir.ColumnRef) else None
        name = named.name or plain
        if name is None:  # whatever it is called, it might be called as another
            return {}
        made[name] = kind_of(named.expr, kinds)
    return {name: kind for name, kind in made.items() if kind is not None}


def written(operator: Any, kinds: Kinds) -> Any:
    """Return an operator with what is known of the types of its input written into it."""
    if not kinds or not isinstance(operator, ir.Where | ir.Extend | ir.Project):
        return operator
    if not isinstance(operator, ir.Where) and any(
        named.name is None and not isinstance(named.expr, ir.ColumnRef) for named in operator.expressions
    ):
        return operator  # what has no name is called by what it is
    return _Writer(kinds).visited(operator)


class _Writer:
    """Rewrites expressions; a node that stands in several places stays one node, which the library shares."""

    def __init__(self, kinds: Kinds) -> None:
        self.kinds = kinds
        self.done: dict[int, tuple[Any, Any]] = {}

    def visited(self, node: Any) -> Any:
        """Return the node rewritten."""
        if id(node) not in self.done:
            self.done[id(node)] = (node, self.rebuilt(node))
        return self.done[id(node)][1]

    def rebuilt(self, node: Any) -> Any:
        if isinstance(node, ir.Query | ir.LetRef | ir.ColumnRef):
            return node
        changed = with_parts(node, self.visited)
        match changed:
            case ir.FunctionCall():
                return self.call(changed)
            case ir.BinaryOp():
                return self.comparison(changed)
            case ir.InList() | ir.HasList() if isinstance(changed.value, ir.ColumnRef):
                return self.membership(changed)
        return changed

    def call(self, node: ir.FunctionCall) -> ir.FunctionCall:
        """Return a call that is written for the types of its arguments, where they are known."""
        name, args = node.name, node.args
        kind = kind_of(args[0], self.kinds) if args else None
        if len(args) == 1 and kind is not None:
            known = {
                "tostring": _TEXT_OF.get(kind),
                "gettype": _DYNAMIC_KIND if kind == "JSON" else None,
                "tolong": _LONG_OF.get(kind),
                "toint": _INT if kind == "INTEGER" or _is_small(args[0]) else None,
                "tobool": _DYNAMIC_BOOL if kind == "JSON" else None,
            }.get(name)
            if known is not None:
                return ir.FunctionCall(known, args)
        if name in ("bag_pack", "pack") and not len(args) % 2:
            values = [kind_of(arg, self.kinds) for arg in args[1::2]]
            return ir.FunctionCall(_BAG, args) if all(k and k != "TIMESTAMP" for k in values) else node
        if name == "coalesce" and 2 <= len(args) <= _MOST_TO_CHOOSE and (common := _common(args, self.kinds)):
            return ir.FunctionCall(_FIRST_TEXT if common == "VARCHAR" else _FIRST, args)
        always = name in _ALL_TEXTS
        places = range(len(args)) if always else translate._STRING_ARG_POSITIONS.get(name, ())
        texts = [self.text(arg, always=always) if at in places else arg for at, arg in enumerate(args)]
        return dataclasses.replace(node, args=tuple(texts)) if places else node

    def text(self, node: ir.Expr, *, always: bool) -> ir.Expr:
        """Return an argument as the text that it is read as; without `always` only columns are."""
        known = _TEXT_OF.get(kind_of(node, self.kinds) or "")
        return (
            ir.FunctionCall(known, (node,)) if known and (always or isinstance(node, ir.ColumnRef)) else node
        )

    def comparison(self, node: ir.BinaryOp) -> ir.BinaryOp:
        """Let operands that are columns be compared as what they are."""
        if not translate._is_string_context(node):
            return node
        return dataclasses.replace(node, left=self.operand(node.left), right=self.operand(node.right))

    def operand(self, node: ir.Expr) -> ir.Expr:
        if not isinstance(node, ir.ColumnRef) or node.name not in self.kinds:
            return node
        return ir.FunctionCall(_DYNAMIC_TEXT if self.kinds[node.name] == "JSON" else _BARE, (node,))

    def membership(self, node: Any) -> Any:
        """Let a column that is looked for in a list be what it is; a subquery looks for itself."""
        if node.subquery is not None or self.kinds.get(node.value.name) in (None, "JSON"):
            return node
        return dataclasses.replace(node, value=ir.FunctionCall(_BARE, (node.value,)))


def _is_small(node: Any) -> bool:
    return isinstance(node, ir.Literal) and type(node.value) is int and -(2**31) <= node.value < 2**31
