"""Functions that a query declares itself and that give a table, or take one.

    let Recent = (since: timespan) { SigninLogs | where TimeGenerated > ago(since) };
    let Count = (T: (*)) { T | count };
    Recent(1d) | invoke Count()

The library knows functions of scalars, and stored functions, which it expands where they are called; these
are expanded the same way. A table that is given as an argument becomes a binding with the parameter's name.
"""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import Any

from duckdb_kql import ir
from duckdb_kql._state import State
from duckdb_kql.errors import KqlUnsupportedError
from duckdb_kql.stored_functions import StoredFunction

from tidewaiter.kql.tokens import TABLE

_lower: Any = import_module("duckdb_kql.lower")
_declare = _lower._declare_let_function
_stored = _lower._stored
_stored_call_source = _lower._stored_call_source
_expand = _lower._expand
_macro_context = _lower._macro_context

_DECLARED: State[dict[str, StoredFunction]] = State("tidewaiter.let_functions", dict)


class _Context:
    """The library's context of one query, with its functions of tables."""

    def __init__(self, *arguments: Any) -> None:
        self._contexts = (_macro_context(*arguments), _DECLARED.bound({}))

    def __enter__(self) -> None:
        for context in self._contexts:
            context.__enter__()

    def __exit__(self, *error: Any) -> None:
        for context in reversed(self._contexts):
            context.__exit__(*error)


def install() -> None:
    """Put the functions of this module in the places of the library's; `functions` calls `expand`."""
    _lower._macro_context = _Context
    _lower._declare_let_function = declare
    _lower._stored = stored
    _lower._stored_call_source = call_source


def declare(declaration: Any, scalars: Any) -> None:
    """Register a declared function: a scalar one as the library does, others to be expanded at the call."""
    refused = None
    try:
        _declare(declaration, scalars)
    except KqlUnsupportedError as error:
        refused = error
    kids = _lower._rule_children(declaration)
    name = _lower._find_names(kids[0])[0]
    if refused is None and not _tabular_parameters(declaration):
        return
    tabular = _tabular_parameters(declaration) or (refused and "tabular body" in (refused.hint or ""))
    if refused is not None and not tabular:
        raise refused
    _DECLARED.get()[name] = StoredFunction(name, None, "", "", "", "", "", declaration)


def stored(name: str, database: str | None) -> StoredFunction | None:
    """Return what a called name means: the query's own function before a stored one."""
    own = _DECLARED.get().get(name) if database is None else None
    found: StoredFunction | None = own or _stored(name, database)
    return found


def call_source(node: Any) -> ir.Source | None:
    """Expand a call where a table stands, also of a function that `invoke` could call too."""
    kids = _lower._rule_children(node)
    names = _lower._find_names(kids[0]) if kids else []
    if names == [TABLE]:
        return _table_named(node, kids[1:])
    own = _DECLARED.get().get(names[0]) if names else None
    if own is not None:
        source: ir.Source = _lower._expand(node, own, kids[1:])
        return source
    found: ir.Source | None = _stored_call_source(node)
    return found


def _table_named(node: Any, arguments: list[Any]) -> ir.Source:
    """Read `table("Name")`: a stored table, by a literal, a `let` or a parameter ("table()", Kusto docs)."""
    scope = _lower._FN_STATE.get()
    name = _lower._substitute(_lower._lower_expr(arguments[0]), scope.scalars) if arguments else None
    while isinstance(name, ir.LetRef):
        name = name.value
    if not isinstance(name, ir.Literal) or not isinstance(name.value, str):
        hint = "give it a string"
        raise KqlUnsupportedError("table of a name that is no literal", span=_lower._span(node), hint=hint)
    if name.value in scope.visible:
        hint = "the query has a let of that name, which table() does not mean"
        raise KqlUnsupportedError(f"table of {name.value}", span=_lower._span(node), hint=hint)
    return ir.TableRef(name.value)


def expand(node: Any, function: StoredFunction, arguments: list[Any]) -> Any:
    """Expand a call into a binding of its own; the tables among its arguments are bindings before it."""
    names = _tabular_parameters(function.declaration) if function.command == "" else []
    if not names:
        return _expand(node, function, arguments)
    scope = _lower._FN_STATE.get()
    parameters = [name for name, _ in _lower._stored_parameters(function)]
    given = dict(zip(parameters, arguments, strict=False))
    tables = [(name, _table(given[name], scope)) for name in names if name in given]
    if len(tables) < len(names):
        hint = f"Kusto requires a table as argument of {function.name}"
        raise KqlUnsupportedError(f"function:{function.name}", span=_lower._span(node), hint=hint)
    visible = scope.visible
    scope.visible = visible | set(names)
    try:
        made = _expand(node, _Scalars.of(function), [a for p, a in given.items() if p not in names])
    finally:
        scope.visible = visible
    _, bound = scope.pending[-1][-1]
    bound.lets[:0] = tables
    return made


def _table(argument: Any, scope: Any) -> ir.Query:
    query = _lower._lower_query_node(argument)
    table: ir.Query = _lower._substitute_query(query, _lower._pipeline_scope(scope.scalars))
    return table


def _tabular_parameters(declaration: Any) -> list[str]:
    lists = [k for k in _lower._rule_children(declaration) if _lower._cls(k) == "LetFunctionParameterList"]
    found = [p for each in lists for p in _lower._rule_children(each) if _lower._cls(p) == "TabularParameter"]
    return [_lower._tabular_parameter_name(parameter) for parameter in found]


class _Scalars:
    """A declaration as the library reads it, without the parameters that are tables."""

    def __init__(self, node: Any) -> None:
        self.children = [self._without_tables(child) for child in node.children]

    @staticmethod
    def of(function: StoredFunction) -> StoredFunction:
        """Return the function with a declaration of its scalar parameters alone."""
        return replace(function, declaration=_Scalars(function.declaration))

    @staticmethod
    def _without_tables(node: Any) -> Any:
        if _lower._cls(node) != "LetFunctionParameterList":
            return node
        return _List([child for child in node.children if _lower._cls(child) != "TabularParameter"])

    def getText(self) -> str:  # noqa: N802
        """Return nothing: the text of a declaration is not read."""
        return ""


class LetFunctionParameterListContext:
    """A list of parameters; the library tells nodes by the names of their classes."""

    def __init__(self, children: list[Any]) -> None:
        self.children = children

    def getText(self) -> str:  # noqa: N802
        """Return nothing: the text of a list is not read."""
        return ""


_List = LetFunctionParameterListContext
