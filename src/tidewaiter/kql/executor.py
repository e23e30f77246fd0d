"""Runs KQL on the lab's DuckDB file, within limits and locked down."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import blake2b
from operator import itemgetter
from pathlib import Path
from threading import Lock, Timer
from types import TracebackType
from typing import Any, TypeVar

import duckdb

from tidewaiter.core.errors import Location, QueryError
from tidewaiter.kql.connection import open_locked
from tidewaiter.kql.names import kql_name, spelt
from tidewaiter.kql.prepared import Parts, Prepared
from tidewaiter.kql.reads import reads_of
from tidewaiter.kql.results import Column, Functions, Limits, QueryResult, Schemas, Timespan, Value
from tidewaiter.kql.text import Exceeded, Failed, QueryText
from tidewaiter.kql.translation import Probe, Statement, translate

_Found = TypeVar("_Found")

_BATCH = 1000
_MOST_PREPARED = 256
_prepared: dict[tuple[str, Limits, str, bytes], Prepared] = {}
"""Translations of this process, the oldest first: of the text, and of what the query could see."""
_ANY_TIME = datetime(1999, 12, 31, 23, 59, 59, 987654, tzinfo=UTC)
"""The clock of a query while it is prepared: a time that stands in no query."""
_KQL_TYPES = {
    "VARCHAR": "string", "BIGINT": "long", "HUGEINT": "long", "UBIGINT": "long", "UHUGEINT": "long",
    "UINTEGER": "long", "INTEGER": "int", "SMALLINT": "int", "TINYINT": "int", "UTINYINT": "int",
    "USMALLINT": "int", "DOUBLE": "real", "FLOAT": "real", "BOOLEAN": "bool", "TIMESTAMP": "datetime",
    "INTERVAL": "timespan", "UUID": "guid",
}  # fmt: skip


class Executor:
    """Runs queries on a DuckDB file read-only; a context manager.

    `schemas` names the tables that a query may read, with their columns and KQL types; other tables of the
    file do not exist for it. `functions` are those that a query may call. Both may change between queries.
    `received` are the tables that also have the column `_TimeReceived`, which schemas do not list: the time
    of `ingestion_time()`. Without a file only `print`, `range` and `datatable` have rows. `before_open` is
    called before the file is opened, so that a writer in this process can let go of it. One query runs at a
    time.
    """

    def __init__(
        self,
        database: Path | None,
        schemas: Schemas,
        *,
        functions: Functions | None = None,
        received: Collection[str] = (),
        limits: Limits | None = None,
        memory: str = "512MB",
        before_open: Callable[[], None] | None = None,
    ) -> None:
        self._database = database
        self._schemas = schemas
        self._functions = functions if functions is not None else {}
        self._received = received
        self._limits = limits or Limits()
        self._memory = memory
        self._before_open = before_open
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._lock = Lock()

    def __enter__(self) -> Executor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; the next query opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def run(
        self,
        query: str,
        *,
        limits: Limits | None = None,
        now: datetime | None = None,
        timespan: Timespan | None = None,
        origin: str = "query",
    ) -> QueryResult:
        """Run a query and return its rows.

        `now` (aware) is the instant of now() and ago(), the wall clock if None; `timespan` bounds the
        TimeGenerated of every table that is read; `origin` names the query in errors.

        Raises:
            QueryError: the query is wrong, or exceeds the time or memory it may use.
            NotExecutable: it uses what cannot or must not run here; its `construct` is the KQL name.
            StateError: the file cannot be opened.
        """
        limits = limits or self._limits
        text = QueryText(query, origin)
        with self._lock:
            connection = self._open()
            statement = self._translate(connection, text, limits, now, timespan)
            try:
                return _run(connection, statement, text, limits, _fetch)
            except QueryError:
                # A fatal or interrupted statement may leave the instance unusable: open it afresh.
                self.close()
                raise

    def check(self, query: str, *, origin: str = "query") -> None:
        """Raise what `run` would raise before it reads a row; return for a query that can run."""
        text = QueryText(query, origin)
        with self._lock:
            connection = self._open()
            statement = self._translate(connection, text, self._limits, None)
            with _in_kql_words(text):
                _types(connection, statement)

    def prepare(self, query: str, *, limits: Limits | None = None, origin: str = "query") -> Prepared:
        """Translate a query once, to run it on many parts of its tables; raises what `check` raises.

        What was prepared on the same tables and functions is prepared: rules are, every time they run.
        """
        key = query, limits or self._limits, origin, self._visible()
        if (known := _prepared.get(key)) is not None:
            return known
        made = self._prepare(QueryText(query, origin), limits)
        while len(_prepared) >= _MOST_PREPARED:
            _prepared.pop(next(iter(_prepared)), None)
        _prepared[key] = made
        return made

    def _visible(self) -> bytes:
        """Return what stands for all that a query may see: a translation holds as long as it stays."""
        tables = [(name, *columns.items()) for name, columns in self._schemas.items()]
        seen = repr((tables, sorted(self._functions.items(), key=itemgetter(0)), sorted(self._received)))
        return blake2b(seen.encode("utf-8", "surrogatepass"), digest_size=16).digest()

    def _prepare(self, text: QueryText, limits: Limits | None) -> Prepared:
        with self._lock:
            connection = self._open()
            statement = self._translate(connection, text, limits or self._limits, _ANY_TIME, rows=False)
            with _in_kql_words(text):
                columns = _types(connection, statement)
            reads = reads_of(text, self._schemas, self._functions, self._received)
            return Prepared(text, statement, limits or self._limits, reads, columns)

    def run_prepared(self, prepared: Prepared, *, now: datetime, parts: Parts) -> QueryResult:
        """Run a prepared query at `now` on parts of its tables; the whole of those that `parts` lacks.

        Raises what `run` raises.
        """
        moment = now.astimezone(UTC).replace(tzinfo=None)
        at = {name: moment if value == _ANY_TIME.replace(tzinfo=None) else value
              for name, value in prepared.statement.parameters.items()}  # fmt: skip
        statement = Statement(_standing_in(parts, prepared.statement.sql), at)
        with self._lock:
            try:
                return _run(self._open(), statement, prepared.text, prepared.limits, _fetch)
            except QueryError:
                self.close()
                raise

    def admitted(self, prepared: Prepared, column: str, parts: Parts) -> list[tuple[str, Any]]:
        """Return tables with the values of `column` (SQL) in their rows that can matter to a prepared query.

        They are distinct and in no order; `parts` may give tables columns that KQL does not see.
        """
        selected = [
            _standing_in(parts, f"SELECT '{each.table}' AS name, {column} AS value FROM ({each.sql})")
            for each in prepared.reads.admissions
        ]
        if not selected:
            return []
        with self._lock, _in_kql_words(prepared.text):
            sql = " UNION ".join(f"SELECT name, value FROM ({each})" for each in selected)
            return self._open().execute(sql).fetchall()

    def rows_of(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement of ours, in SQL, on the file as queries see it."""
        with self._lock:
            return self._open().execute(sql).fetchall()

    def _open(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            if self._before_open is not None:
                self._before_open()
            self._connection = open_locked(self._database, memory=self._memory)
        return self._connection

    def _translate(
        self,
        connection: duckdb.DuckDBPyConnection,
        text: QueryText,
        limits: Limits,
        now: datetime | None,
        timespan: Timespan | None = None,
        *,
        rows: bool = True,
    ) -> Statement:
        def holds(condition: str) -> bool:
            return connection.execute(f"SELECT {condition}").fetchone() == (True,)

        def asked(statement: Statement) -> list[tuple[Any, ...]]:
            return _run(connection, statement, text, limits, _fetched)

        probe = Probe(lambda statement: _types(connection, statement), holds, asked if rows else None)
        with _in_kql_words(text):
            instant = now or datetime.now(UTC)
            statement = translate(
                text,
                self._schemas,
                probe,
                functions=self._functions,
                now=instant,
                rows=limits.rows + 1,
                timespan=timespan,
                received=self._received,
            )
            parsed = connection.extract_statements(statement.sql)
        kinds = [found.type for found in parsed]
        if kinds != [duckdb.StatementType.SELECT]:
            raise RuntimeError(f"the query became {kinds} instead of one SELECT")
        return replace(statement, parsed=parsed[0])


def _standing_in(parts: Parts, sql: str) -> str:
    """Let a SELECT stand in for each table of `parts` in a statement."""
    if not parts:
        return sql
    named = ", ".join(f'"{table}" AS NOT MATERIALIZED ({part})' for table, part in parts.items())
    return f"WITH {named} SELECT * FROM ({sql})"


def _types(connection: duckdb.DuckDBPyConnection, statement: Statement) -> dict[str, str]:
    rows = connection.execute(f"DESCRIBE {statement.sql}", dict(statement.parameters)).fetchall()
    return {kql_name(name): _kql_type(kind) for name, kind, *_ in rows}


def _kql_type(duckdb_type: str) -> str:
    if duckdb_type.startswith("DECIMAL"):
        return "decimal"
    return _KQL_TYPES.get(duckdb_type, "dynamic")


def _run(
    connection: duckdb.DuckDBPyConnection,
    statement: Statement,
    text: QueryText,
    limits: Limits,
    fetch: Callable[[duckdb.DuckDBPyConnection, Limits], _Found],
) -> _Found:
    """Run a statement within its time."""
    cursor = connection.cursor()
    expired = False

    def stop() -> None:
        nonlocal expired
        expired = True
        cursor.interrupt()

    timer = Timer(limits.seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        with _in_kql_words(text):
            cursor.execute(statement.parsed or statement.sql, dict(statement.parameters))
            return fetch(cursor, limits)
    except RuntimeError as error:
        if "interrupted" in str(error) and not expired:  # how DuckDB passes on Ctrl-C
            raise KeyboardInterrupt from None
        raise
    except QueryError:
        if not expired:
            raise
        hint = "narrow the time range, or filter and summarize earlier"
        message = f"stopped after {limits.seconds:g} s"
        raise Exceeded(message, at=Location(text.origin), hint=hint, what="time") from None
    finally:
        timer.cancel()
        cursor.close()


def _fetched(cursor: duckdb.DuckDBPyConnection, _limits: Limits) -> list[tuple[Any, ...]]:
    return cursor.fetchall()


def _fetch(cursor: duckdb.DuckDBPyConnection, limits: Limits) -> QueryResult:
    columns = tuple(
        Column(kql_name(name), _kql_type(str(kind))) for name, kind, *_ in cursor.description or ()
    )
    convert = _converter(columns)
    rows: list[tuple[Value, ...]] = []
    size = 0
    while batch := cursor.fetchmany(_BATCH):
        for row in map(convert, batch):
            size += sum(len(cell) if isinstance(cell, str) else 8 for cell in row)
            if len(rows) == limits.rows:
                return QueryResult(columns, rows, f"cut at {limits.rows:,} rows")
            if size > limits.bytes:
                return QueryResult(columns, rows, f"cut after {len(rows):,} rows, at {limits.bytes:,} bytes")
            rows.append(row)
    return QueryResult(columns, rows)


def _converter(columns: tuple[Column, ...]) -> Callable[[tuple[Any, ...]], tuple[Value, ...]]:
    changes = [(i, _CONVERSIONS[c.type]) for i, c in enumerate(columns) if c.type in _CONVERSIONS]

    def convert(row: tuple[Any, ...]) -> tuple[Value, ...]:
        cells = list(row)
        for index, change in changes:
            cells[index] = change(cells[index])
        return tuple(cells)

    return convert


def _aware(value: datetime | None) -> datetime | None:
    return None if value is None else value.replace(tzinfo=UTC)


def _json_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, default=str)


_CONVERSIONS: dict[str, Callable[[Any], Value]] = {
    "string": lambda value: "" if value is None else value,
    "datetime": _aware,
    "dynamic": _json_text,
    "guid": lambda value: None if value is None else str(value),
    "decimal": lambda value: None if value is None else float(value),
}


@contextmanager
def _in_kql_words(text: QueryText) -> Iterator[None]:
    """Turn what DuckDB says of a statement into a QueryError; no SQL is shown."""
    try:
        yield
    except duckdb.OutOfMemoryException:
        hint = "filter or summarize earlier, or project fewer columns"
        message = "the query needs more memory than it may use"
        raise Exceeded(message, at=Location(text.origin), hint=hint, what="memory") from None
    except duckdb.InterruptException:
        raise text.wrong("the query was interrupted", None) from None
    except (duckdb.BinderException, duckdb.ConversionException, duckdb.TypeMismatchException) as error:
        hint = "convert with tostring(), tolong(), todouble() or todatetime()"
        raise text.wrong(f"the types do not fit: {_first_line(error)}", None, hint=hint) from None
    except duckdb.Error as error:
        raise Failed(f"the query failed: {_first_line(error)}", at=Location(text.origin)) from None


def _first_line(error: duckdb.Error) -> str:
    line = spelt(str(error).splitlines()[0])
    return line.partition(" Error: ")[2] or line
