"""Stored functions: KQL that a workspace keeps under a name, and a query calls.

The library expands a call where it stands, as Kusto does. A stored text is as hostile as a query: it passes
the same checks before the library sees it, and what is wrong with it is told when it is called, with its
place in the function's own text. Corrections to the library are at the end of the module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

from duckdb_kql import stored_functions
from duckdb_kql.errors import KqlError, KqlUnsupportedError

from tidewaiter.core.errors import QueryError
from tidewaiter.kql import tokens
from tidewaiter.kql.equals import refuse_equals
from tidewaiter.kql.results import Functions, Schemas, StoredFunction
from tidewaiter.kql.tabular import let_functions
from tidewaiter.kql.text import QueryText
from tidewaiter.kql.tokens import Canonical, Token
from tidewaiter.kql.watchlists import watchlist_calls


@dataclass(frozen=True, slots=True)
class Text:
    """A query's or a function's text, checked, in its tokens and as the library reads it."""

    query: QueryText
    tokens: Sequence[Token]
    canonical: Canonical


class Library:
    """The functions that a query may call, checked as far as its text and theirs mention them."""

    def __init__(self, functions: Functions, schemas: Schemas) -> None:
        self._functions = functions
        self._schemas = schemas
        self._texts: dict[str, Text] = {}
        self._known = _Known()

    def read(self, query: QueryText) -> Text:
        """Check a query's text, and that of every function it may come to call.

        Raises:
            QueryError: the query's own text is wrong; a function's is told when it is called.
        """
        text = self._checked(query)
        waiting = [text]
        while waiting:
            for token in waiting.pop().tokens:
                function = self._functions.get(token.text)
                if function is not None and function.name not in self._known.seen:
                    waiting += self._add(function)
        return text

    @property
    def known(self) -> stored_functions.ResolvedFunctions:
        """What the library takes."""
        return {None: self._known} if self._known.seen else {}

    @property
    def names(self) -> list[str]:
        """The names of all functions, mentioned or not."""
        return list(self._functions)

    def text_of(self, name: str) -> Text | None:
        """Return the text of a function that a query mentions."""
        return self._texts.get(name)

    def _checked(self, query: QueryText) -> Text:
        found = tokens.lex(query)
        tokens.refuse(query, found)
        refuse_equals(query, found, calls={*self._functions, *tokens.PLUGINS})
        edits = [
            *watchlist_calls(query, found, self._schemas),
            *tokens.legacy_paths(found),
            *tokens.bare_serialize(found),
            *tokens.named_series(found),
            *tokens.table_calls(found),
        ]
        return Text(query, found, tokens.canonical(query, found, edits))

    def _add(self, function: StoredFunction) -> list[Text]:
        self._known.seen.add(function.name)
        query = QueryText(function.body, f"function {function.name}")
        try:
            text = self._checked(query)
            parsed = _parsed(function.name, function.parameters, text.canonical.text)
        except _Unparsed as error:
            self._known.broken[function.name] = _explained(error, function, query)
            return []
        except QueryError as error:
            self._known.broken[function.name] = error
            return []
        self._known[function.name] = parsed
        self._texts[function.name] = text
        return [text]


class _Known(dict[str, stored_functions.StoredFunction]):
    """Functions by name; asking for one that is wrong raises what is wrong with it."""

    def __init__(self) -> None:
        super().__init__()
        self.broken: dict[str, QueryError] = {}
        self.seen: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        if name in self.broken:
            raise self.broken[name]
        return super().get(name, default)


class _Unparsed(Exception):
    """The library's own words about a definition that it does not take."""


@lru_cache(maxsize=500)
def _parsed(name: str, parameters: str, body: str) -> stored_functions.StoredFunction:
    """Parse a definition; the body begins in the second line, which `place_in_body` relies on."""
    definition = f"function ['{name}']({parameters}) {{\n{body}\n}}"
    try:
        parsed = stored_functions.parse_functions([definition])[None][name]  # type: ignore[index]
    except ValueError as error:
        raise _Unparsed(str(error)) from None
    if parsed.body != f"{{\n{body}\n}}":  # parameters that bring a body of their own, which nobody checked
        raise _Unparsed("the definition does not parse")
    return parsed


def _explained(error: _Unparsed, function: StoredFunction, query: QueryText) -> QueryError:
    said, name = str(error), function.name
    if "tabular parameter" in said:
        return query.refused(f"{name} with a tabular parameter", None, hint="only scalar parameters run")
    if "scalar stored function" in said:
        return query.refused(f"{name} as a function with a scalar body", None)
    if "does not parse" in said:
        return query.misread(f"{name}({function.parameters}) cannot be read: syntax error", None)
    if "reserved" in said:
        return query.wrong(f"{name} is the name of a built-in function", None)
    return query.refused(f"{name}: {said.partition(': ')[2]}", None)


# Corrections to the library

_lower: Any = import_module("duckdb_kql.lower")
_bind_arguments = _lower._bind_stored_arguments


def install() -> None:
    """Let the library take arguments by name, and tell in which function an error is."""
    _lower._bind_stored_arguments = _bind_by_name
    _lower._expand = _expand_telling


def _expand_telling(node: Any, function: stored_functions.StoredFunction, arguments: list[Any]) -> Any:
    """Expand a call; an error in the body remembers the function, since its place is in the body's text."""
    try:
        return let_functions.expand(node, function, arguments)
    except KqlError as error:
        own = isinstance(error, KqlUnsupportedError) and error.construct == f"function:{function.name}"
        cause = error.__cause__ if own else error
        if isinstance(cause, KqlError):
            if not hasattr(cause, "within"):
                cause.within = function.name  # type: ignore[attr-defined]
            raise cause from None
        raise


def _bind_by_name(node: Any, function: stored_functions.StoredFunction, arguments: list[Any]) -> Any:
    """Put arguments that are given by name in their places; the library takes them by place alone."""
    parameters = [name for name, _ in _lower._stored_parameters(function)]
    placed: list[Any] = []
    named: dict[str, Any] = {}
    for argument in arguments:
        clause = _lower._find_all(argument, "NamedExpressionNameClause")
        if not clause:
            placed.append(argument)
            continue
        name = _lower._find_names(clause[0])[0]
        if name not in parameters or name in named or name in parameters[: len(placed)]:
            hint = f"Kusto refuses the argument {name}: {function.name}{function.parameters}"
            raise KqlUnsupportedError(f"function:{function.name}", span=_lower._span(node), hint=hint)
        (whole,) = _lower._rule_children(argument)
        named[name] = _lower._rule_children(whole)[1]
    if not named:
        return _bind_arguments(node, function, arguments)
    binding = {}
    for index, (name, default) in enumerate(_lower._stored_parameters(function)):
        if index < len(placed):
            binding[name] = _value(placed[index])
        elif name in named:
            binding[name] = _value(named[name])
        elif default is not None:
            binding[name] = default
        else:
            hint = f"Kusto requires the argument {name}: {function.name}{function.parameters}"
            raise KqlUnsupportedError(f"function:{function.name}", span=_lower._span(node), hint=hint)
    return binding


def _value(node: Any) -> Any:
    """Lower an argument in the caller's scope, as the library does."""
    return _lower._substitute(_lower._lower_expr(node), _lower._FN_STATE.get().scalars)
