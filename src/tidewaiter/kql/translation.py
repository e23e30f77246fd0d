"""From KQL text to one SQL statement, with every error in the analyst's words."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from duckdb_kql import ir
from duckdb_kql.errors import (
    KqlError,
    KqlSchemaError,
    KqlSyntaxError,
    KqlUnsupportedError,
    SourceSpan,
)
from duckdb_kql.lower import lower
from duckdb_kql.params import bind
from duckdb_kql.schema import Schema
from duckdb_kql.translate import CLOCK_SLOT, Clock, clock, render_literal, to_sql

from tidewaiter.core.errors import QueryError
from tidewaiter.kql import dialect
from tidewaiter.kql.binding import Binder
from tidewaiter.kql.functions import Library, Text
from tidewaiter.kql.names import statement
from tidewaiter.kql.results import Functions, Schemas, Timespan
from tidewaiter.kql.text import Place, QueryText, did_you_mean
from tidewaiter.kql.timespan import bound_to
from tidewaiter.kql.tokens import Canonical, Token


@dataclass(frozen=True, slots=True)
class Statement:
    """A single SELECT with the values of its placeholders; `parsed` is what DuckDB made of its text."""

    sql: str
    parameters: Mapping[str, Any]
    parsed: Any = None


@dataclass(frozen=True, slots=True)
class Probe:
    """What translation asks the database: a statement's columns with KQL types, a condition, rows.

    Without `rows` the columns of a plugin that depend on them cannot be told.
    """

    types: Callable[[Statement], dict[str, str]]
    holds: Callable[[str], bool]
    rows: Callable[[Statement], list[tuple[Any, ...]]] | None = None


def translate(
    query: QueryText,
    schemas: Schemas,
    probe: Probe,
    *,
    functions: Functions,
    now: datetime,
    rows: int,
    timespan: Timespan | None = None,
    received: Collection[str] = (),
) -> Statement:
    """Translate a query into a statement that returns at most `rows` rows.

    `now` is what now() and ago() mean, unless the query sets query_now itself; `timespan` bounds the
    TimeGenerated of every table. `received` are the tables with the column `_TimeReceived`.

    Raises:
        QueryError: the query is wrong (syntax, unknown names, unreadable literals).
        NotExecutable: it uses what the executor cannot or must not run.
    """
    dialect.install()
    library = Library(functions, schemas)
    text = library.read(query)
    columns = {name: list(columns) for name, columns in schemas.items()}
    with (
        statement(received, columns),
        _explained(text, library),
        clock(now.astimezone(UTC).replace(tzinfo=None)) as active,
    ):
        lowered = lower(text.canonical.text, functions=library.known)
        if timespan is not None:
            bound_to(lowered, timespan, schemas)

        def describe(part: ir.Query, columns: Schema) -> dict[str, str]:
            return probe.types(_render(part, columns, lowered, active))

        def is_datetime(value: ir.Literal) -> bool:
            return value.value is None or probe.holds(f"{render_literal(value)} IS NOT NULL")

        def ask(part: ir.Query, columns: Schema, sql: str) -> list[tuple[Any, ...]]:
            assert probe.rows is not None
            rows = _render(part, columns, lowered, active)
            return probe.rows(Statement(sql.replace("{rows}", rows.sql), rows.parameters))

        asking = ask if probe.rows is not None else None
        bound = Binder(text, library, describe, is_datetime, received, asking).bind(lowered, schemas)
        bound.operators.append(ir.Take(rows))
        return _render(bound, columns, lowered, active)


def _render(query: ir.Query, columns: Schema, whole: ir.Query, active: Clock) -> Statement:
    with clock(active.moment) as used:
        result = to_sql(query, columns)
    values, missing = bind(whole.parameters, None)
    if missing:
        names = ", ".join(missing)
        raise QueryError(f"the query parameter {names} has no value", hint="give it a default: p:long = 1")
    parameters = {slot: value for slot, value in values.items() if slot in result.slots}
    if used.used:
        parameters[CLOCK_SLOT] = used.moment
    return Statement(str(result), parameters)


@contextmanager
def _explained(text: Text, library: Library) -> Iterator[None]:
    try:
        yield
    except KqlError as error:
        raise _in_words(error, text, library) from None
    except RecursionError:
        raise text.query.wrong("the query is nested too deeply", None) from None


def _in_words(error: KqlError, text: Text, library: Library) -> QueryError:
    within = library.text_of(getattr(error, "within", ""))
    if within is not None:
        text, error = within, _in_body(error)
    if isinstance(error, KqlSyntaxError):
        return _syntax_error(error, text.canonical, text.tokens)
    if isinstance(error, KqlUnsupportedError):
        return _refusal(error, text.canonical, text.tokens, library)
    if isinstance(error, KqlSchemaError):
        return _schema_error(error, text.query)
    return text.query.wrong(str(error), None)


def _in_body(error: KqlError) -> KqlError:
    """Let an error's place be one in a function's body: the text that was parsed has one line before it."""
    if isinstance(error, KqlUnsupportedError) and error.span:
        error.span = dataclasses.replace(error.span, line=max(1, error.span.line - 1))
    return error


def _place(span: SourceSpan | None, text: Canonical) -> Place | None:
    return text.original_place(span.line, span.column + 1) if span else None


def _syntax_error(error: KqlSyntaxError, text: Canonical, found: Sequence[Token]) -> QueryError:
    for token, following in pairwise(found):
        if token.text == "materialize" and following.kind == "OPENPAREN":
            return text.original.refused(
                "materialize outside a let", token.place, hint="write let T = materialize(…); T"
            )
    first = error.diagnostics[0]
    message = re.sub(r" expecting \{.*\}$", "", first.message, flags=re.DOTALL)
    message = re.sub(
        r"^(extraneous input|mismatched input|no viable alternative at input)", "unexpected", message
    )
    message = message.replace("'<EOF>'", "end of the query")
    return text.original.misread(f"syntax error: {message}", _place(first.span, text))


_PREFIX = re.compile(r"^(source|function|aggregate|operator|expression|literal|unary):")
_WRONG_IN_KUSTO_TOO = re.compile(r"Kusto (also )?(refuses|requires|cannot)|\(Kusto: |\bS(EM|YN)\d{4}")
_NAMED = {
    "multi-statement": "several query statements",
    "statement": "a query without a result",
    "StringStarOperatorExpression": "* as a column",
    "Wildcard": "* as an argument",
    "TypeLiteralExpression": "typeof() as an argument",
    "TopNestedOperatorPart": "top-nested",
    "project-away": "project-away with a wildcard",
    "take": "take with a count that is not a literal",
    "top": "top with a count that is not a literal",
}
_LIBRARY_TALK = re.compile(r"in this wave|Wave 1|a tabular body is not supported|only a single query")


def _refusal(
    error: KqlUnsupportedError, text: Canonical, found: Sequence[Token], library: Library
) -> QueryError:
    """Name what the library does not run as an analyst knows it: by the text that stands there."""
    hint = error.hint or ""
    place = _place(error.span, text)
    standing = next((token.text for token in found if token.place == place), "")
    name = _refused_name(error.construct, hint, standing)
    if place is None:
        place = next((token.place for token in found if token.text == name.split()[0]), None)
    if _WRONG_IN_KUSTO_TOO.search(hint):
        return text.original.wrong(f"{name}: {hint}", place)
    if "no stored function by that name" in hint:
        hint = did_you_mean(name, library.names)
    return text.original.refused(name, place, hint="" if _LIBRARY_TALK.search(hint) else hint)


def _refused_name(construct: str, hint: str, standing: str) -> str:
    if construct.startswith("let function:") and "tabular" in hint:
        return f"let {construct.removeprefix('let function:')} as a function with a tabular body"
    if construct == "parse" and standing != "parse":
        return "parse with a column before any text"
    name = _PREFIX.sub("", construct)
    if name in _NAMED:
        return _NAMED[name]
    if name.endswith(("Operator", "Expression", "Clause", "Statement")) and standing:
        return standing
    return name.replace(":", " ")


def _schema_error(error: KqlSchemaError, query: QueryText) -> QueryError:
    hint = error.hint or ""
    if "no cluster here" in hint:
        return query.refused("cluster()", None)
    hint = hint.partition("; known:")[0]
    return query.wrong(f"'{error.name}': {hint}" if hint else f"'{error.name}'", None)
