"""Names of columns and tables in SQL, where DuckDB folds case and the file holds more than KQL sees.

Names that differ only in case are one name to DuckDB. Within a statement the first spelling stands as it
is, and every other one with a mark and a number, which the result loses again. A table is read without what
its schema hides: the time at which a row was received (`received`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from duckdb_kql import ir, translate
from duckdb_kql._state import State
from duckdb_kql.schema import Schema

from tidewaiter.kql.results import RECEIVED

_schema: Any = import_module("duckdb_kql.schema")
_source_columns = _schema._source_columns_unchecked
_no_case_collision = _schema._no_case_collision
_plain_quote = translate.quote_ident
_let_cte = translate._let_cte
_parse_convert = translate._parse_convert
_render_getschema = translate.render_getschema

HIDDEN = "received at"
"""What that column is called inside a statement; the space keeps queries from naming it by chance."""

_MARK = "\u2063"  # an invisible separator
_MARKED = re.compile(f"{_MARK}[0-9]+")


@dataclass(frozen=True)
class Arrived(ir.TableRef):
    """A table that is read with the time at which each row was received, as the column HIDDEN."""


@dataclass
class Names:
    """The names of one statement; `received` are the tables that hold the hidden column."""

    received: Collection[str]
    schema: Schema
    spellings: dict[str, list[str]] = field(default_factory=lambda: {"timegenerated": ["TimeGenerated"]})

    def column(self, name: str) -> str:
        """Return what a column is called in SQL."""
        known = self.spellings.setdefault(name.casefold(), [name])
        if name not in known:
            known.append(name)
        place = known.index(name)
        return f"{name}{_MARK}{place}" if place else name

    def table(self, name: str, *, arrived: bool = False) -> str:
        """Return SQL that stands for a table of the file: its name, or a SELECT that hides and renames."""
        listed = self.schema.get(name, ())
        renamed = {each: self.column(each) for each in listed}
        renamed = {each: new for each, new in renamed.items() if each != new}
        hides = name in self.received and RECEIVED not in listed
        if not (hides or renamed or arrived):
            return _plain_quote(name)
        time = _plain_quote(RECEIVED)
        without = f" EXCLUDE ({time})" if hides else ""
        pairs = ", ".join(f"{_plain_quote(old)} AS {_plain_quote(new)}" for old, new in renamed.items())
        renaming = f" RENAME ({pairs})" if pairs else ""
        also = f", {time} AS {_plain_quote(HIDDEN)}" if arrived else ""
        return f"(SELECT *{without}{renaming}{also} FROM {_plain_quote(name)})"


_NAMES: State[Names | None] = State("tidewaiter.names", lambda: None)


@contextmanager
def statement(received: Collection[str], schema: Schema) -> Iterator[None]:
    """Keep the names of one statement, however often parts of it are rendered."""
    with _NAMES.bound(Names(received, schema)):
        yield


def install() -> None:
    """Put the functions of this module in the places of the library's."""
    translate.quote_ident = quote
    translate._qualified_name = _qualified_name
    translate.render_table_ref = render_table_ref
    translate._parse_convert = _captured
    translate.render_getschema = _getschema
    _schema._source_columns_unchecked = source_columns
    _schema._no_case_collision = _no_collision


def quote(name: str) -> str:
    """Return a column's name, or that of a binding, as an SQL identifier."""
    names = _NAMES.get()
    return _plain_quote(name if names is None else names.column(name))


def kql_name(name: str) -> str:
    """Return a result column's name as the query spells it."""
    return name.partition(_MARK)[0]


def spelt(text: str) -> str:
    """Return a text that DuckDB wrote with the names in it as the query spells them."""
    return _MARKED.sub("", text)


def render_table_ref(source: ir.TableRef) -> str:
    """Return SQL for a table or a binding, as the library's."""
    names = _NAMES.get()
    bound = _let_cte(source.name) if source.database is None else None
    if bound is not None or names is None:
        return quote(bound) if bound is not None else _plain_quote(source.name)
    return names.table(source.name, arrived=isinstance(source, Arrived))


def _qualified_name(name: str) -> str:
    names = _NAMES.get()
    return _plain_quote(name) if names is None else names.table(name)


def source_columns(source: ir.Source, schema: Schema | None) -> list[str]:
    """Return a source's columns, with the hidden one of a table that is read with it."""
    found: list[str] = _source_columns(source, schema)
    return [*found, HIDDEN] if isinstance(source, Arrived) else found


def _captured(segment: ir.ParseSegment) -> str:
    """Return SQL of what `parse` captured: groups of a pattern have the names that stand there."""
    with _NAMES.bound(None):
        captured: str = _parse_convert(segment)
    return captured


def _getschema(prev: str) -> str:
    spelt = f"regexp_replace(\"ColumnName\", '{_MARK}[0-9]+$', '')"
    return f'SELECT * REPLACE ({spelt} AS "ColumnName") FROM ({_render_getschema(prev)})'


def _no_collision(columns: list[str], where: str) -> list[str]:
    checked: list[str] = columns if _NAMES.get() is not None else _no_case_collision(columns, where)
    return checked
