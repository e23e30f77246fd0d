"""transformKql: a query on `source`, row by row, in the dialect that data collection rules allow."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import duckdb
import polars as pl

from tidewaiter.core.errors import QueryError
from tidewaiter.kql import Executor, Limits, QueryResult
from tidewaiter.kql.prepared import Prepared
from tidewaiter.kql.text import QueryText
from tidewaiter.kql.tokens import Token, lex
from tidewaiter.lab.workspace.database import SQL_TYPES
from tidewaiter.lab.workspace.frames import POLARS_TYPES

LONGEST = 15_360
"""Characters of a transformation ("Azure Monitor service limits", Data collection rules, 2025-05-21)."""

OPERATORS = frozenset({"extend", "project", "where", "parse", "project-away", "project-rename"})
"""Operators after a pipe; `print` and `datatable` begin a query. This and what follows: "Supported KQL
features in Azure Monitor transformations", 2026-01-20."""

_LISTED = """
    binary_and binary_or binary_not binary_shift_left binary_shift_right binary_xor tobool todatetime todouble
    toreal toguid toint tolong tostring totimespan ago datetime_add datetime_diff datetime_part dayofmonth
    dayofweek dayofyear endofday endofmonth endofweek endofyear getmonth getyear hourofday make_datetime
    make_timespan now startofday startofmonth startofweek startofyear weekofyear array_concat array_length
    pack_array pack parse_json parse_xml zip abs bin floor ceiling exp exp10 exp2 isfinite isinf isnan log
    log10 log2 pow round sign case iif iff max_of min_of base64_encodestring base64_decodestring countof
    extract extract_all indexof isempty isnotempty split strcat strcat_delim strlen substring tolower toupper
    hash_sha256 gettype isnotnull isnull columnifexists parse_cef_dictionary geo_location not replace
"""
FUNCTIONS = frozenset(_LISTED.split())
"""Functions: those listed, and `iff`, `not` and `replace`, which the page's own examples use."""

REFUSED_OPERATORS = frozenset(
    {"in~", "!in~", "has_any", "has_all", "hasprefix", "hassuffix", "hasprefix_cs", "hassuffix_cs"}
)
_LITERALS = frozenset(
    {"datetime", "date", "timespan", "time", "bool", "int", "long", "real", "double", "guid", "datatable"}
)
_LOCAL_NAMES = {
    "columnifexists": "column_ifexists",
    "base64_encodestring": "base64_encode_tostring",
    "base64_decodestring": "base64_decode_tostring",
    "pack": "bag_pack",
}
"""What a transformation calls otherwise than a query does."""

PARSE_COLUMNS = 10


class InvalidTransform(Exception):
    """A transformation that Azure would refuse, or that the lab cannot run; the message says which."""


class Transform:
    """A transformation of rows with these columns (name -> KQL type)."""

    def __init__(
        self, query: str, columns: Mapping[str, str], *, memory: str = "512MB", limits: Limits | None = None
    ) -> None:
        """Take a query that was checked; `memory` and `limits` bound what it may use."""
        self.query = query
        self.columns = dict(columns)
        self.memory = memory
        self.limits = limits
        self._prepared: Prepared | None = None

    def check(self) -> Mapping[str, str]:
        """Return the columns of its output with their types.

        Raises:
            InvalidTransform: too long, outside the dialect, wrong, or not executable here.
        """
        if len(self.query) > LONGEST:
            raise InvalidTransform(f"The transformation has more than {LONGEST} characters.")
        try:
            _check_dialect(lex(QueryText(self.query, "transformKql")))
            result = self.run(pl.DataFrame(schema={}), None)
        except QueryError as error:
            raise InvalidTransform(str(error)) from None
        return {column.name: column.type for column in result.columns}

    def apply(self, source: pl.DataFrame, now: datetime) -> list[dict[str, object]]:
        """Return the rows that come out; `now` is now().

        Raises:
            InvalidTransform: it fails on these rows.
        """
        try:
            result = self.run(source, now)
        except QueryError as error:
            raise InvalidTransform(str(error)) from None
        names = [column.name for column in result.columns]
        return [dict(zip(names, row, strict=True)) for row in result.rows]

    def run(self, source: pl.DataFrame, now: datetime | None) -> QueryResult:
        """Run it on rows; raises QueryError."""
        with tempfile.TemporaryDirectory(prefix="tidewaiter-transform-") as folder:
            database = Path(folder) / "source.duckdb"
            rows = Path(folder) / "rows.parquet"
            missing = [name for name in self.columns if name not in source.columns]
            if source.height:
                kinds = self.columns
                source.with_columns(
                    pl.lit(None, dtype=POLARS_TYPES[kinds[name]]).alias(name) for name in missing
                ).write_parquet(rows)
            _make_source(database, self.columns, rows if source.height else None)
            schemas = {"source": self.columns}
            with Executor(database, schemas, limits=self.limits, memory=self.memory) as executor:
                if self._prepared is None:  # translated once, as every body has the same columns
                    self._prepared = executor.prepare(_local(self.query), origin="transformKql")
                return executor.run_prepared(self._prepared, now=now or datetime.now(UTC), parts={})


def _make_source(database: Path, columns: Mapping[str, str], rows: Path | None) -> None:
    kinds = ", ".join(f'"{name}" {SQL_TYPES[kind]}' for name, kind in columns.items())
    values = ", ".join(
        f'coalesce("{name}", \'\') AS "{name}"' if SQL_TYPES[kind] == "VARCHAR" else f'"{name}"'
        for name, kind in columns.items()
    )
    with duckdb.connect(str(database), config={"threads": 1}) as connection:
        connection.execute(f"CREATE TABLE source ({kinds})")
        if rows is not None:
            connection.execute(
                f"INSERT INTO source BY NAME SELECT {values} FROM read_parquet(?)", [str(rows)]
            )


def _local(query: str) -> str:
    """Return the query with the names that the executor knows."""
    text = query
    for token in reversed(lex(QueryText(query, "transformKql"))):
        if token.text in _LOCAL_NAMES:
            text = text[: token.start] + _LOCAL_NAMES[token.text] + text[token.end :]
    return text


def _check_dialect(tokens: list[Token]) -> None:
    """Refuse what is not row by row, or not listed."""
    start = next((at + 1 for at in range(len(tokens) - 1, -1, -1) if tokens[at].text == ";"), 0)
    if start == len(tokens):
        start = next((at + 1 for at in range(len(tokens) - 2, -1, -1) if tokens[at].text == ";"), 0)
    if tokens[start].text not in ("source", "print", "datatable"):
        raise InvalidTransform(f"A transformation reads 'source', not '{tokens[start].text}'.")
    lets = {name.text for before, name in pairwise(tokens) if before.text == "let"}
    for before, token in pairwise(tokens):
        if before.text == "|" and token.text not in OPERATORS:
            raise InvalidTransform(f"The operator '{token.text}' is not supported in transformations.")
        if token.text in REFUSED_OPERATORS:
            raise InvalidTransform(f"The operator '{token.text}' is not supported in transformations.")
        if token.text == "(" and _is_name(before.text) and before.text not in lets:
            _check_function(before.text)
    _check_parse(tokens)


def _is_name(text: str) -> bool:
    return text[:1].isalpha() or text[:1] == "_"


_WORDS = frozenset(
    {"and", "or", "in", "between", "by", "with", "where", "project", "extend", "print", "dynamic"}
)


def _check_function(name: str) -> None:
    if name == "dynamic":
        raise InvalidTransform("A dynamic literal is not supported in transformations: use parse_json().")
    if name not in FUNCTIONS and name not in _LITERALS and name not in _WORDS:
        raise InvalidTransform(f"The function '{name}' is not supported in transformations.")


def _check_parse(tokens: list[Token]) -> None:
    """`parse` takes at most ten columns: the names after `with` that are not literals, types or stars."""
    at = 0
    while at < len(tokens) - 1:
        if tokens[at].text == "|" and tokens[at + 1].text == "parse":
            end = next((k for k in range(at + 1, len(tokens)) if tokens[k].text in ("|", ";")), len(tokens))
            begin = next((k for k in range(at, end) if tokens[k].text == "with"), end)
            part = tokens[begin + 1 : end]
            names = [
                token
                for place, token in enumerate(part)
                if _is_name(token.text) and (place == 0 or part[place - 1].text != ":")
            ]
            if len(names) > PARSE_COLUMNS:
                raise InvalidTransform(
                    f"'parse' takes at most {PARSE_COLUMNS} columns in a transformation, not {len(names)}."
                )
        at += 1
