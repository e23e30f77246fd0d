"""The workspace: ingest, count, read and query."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import duckdb
import polars as pl

from tidewaiter.asim.schema import Table
from tidewaiter.asim.schema import table as table_named
from tidewaiter.core.errors import DeliveryError, StateError
from tidewaiter.kql import Executor, Limits, QueryResult, Timespan, open_locked
from tidewaiter.lab.workspace.arrivals import Arrivals, Receipt
from tidewaiter.lab.workspace.catalog import Catalog, Definition
from tidewaiter.lab.workspace.database import (
    FREE_TABLES,
    VERSION,
    check_version,
    make_folder,
    open_for_writing,
    show_all_columns,
)
from tidewaiter.lab.workspace.frames import frame_of
from tidewaiter.lab.workspace.loading import StagedRows, load, load_arrivals
from tidewaiter.lab.workspace.lock import WorkspaceLock
from tidewaiter.lab.workspace.searches import SavedSearches
from tidewaiter.lab.workspace.watchlists import Item, Watchlists, items_of

Row = Mapping[str, object]
"""Column -> str ('' when empty), int, float, bool, aware datetime, JSON text of a dynamic, or None."""

OWN_TABLES = frozenset(
    {"Usage", "SecurityAlert", "SecurityIncident", "SentinelAudit", "SentinelHealth", "Watchlist"}
)
"""Tables that the service fills itself: their rows do not move the stream's clock."""

_BATCH = 1000
_PART_BYTES = 16_000_000
_WAITING_BYTES = 32_000_000
"""Of acknowledged rows, as JSON; more are loaded before the next request is answered, so much at a time."""
_WAITING_FILES = 256


class Workspace:
    """A workspace in a DuckDB file; a context manager, closed with a checkpoint. Not for several threads."""

    def __init__(
        self, path: Path, connection: duckdb.DuckDBPyConnection, memory: str | None, lock: WorkspaceLock
    ) -> None:
        self._path = path
        self._lock = lock
        self._connection: duckdb.DuckDBPyConnection | None = connection
        self._memory = memory
        self._catalog = Catalog()
        self._catalog.read(connection)
        self._arrivals = Arrivals(path.parent / "arrivals")
        self.searches = SavedSearches(self._changing)
        self.searches.read(connection)
        self.watchlists = Watchlists(self._changing, self._catalog.schemas)
        self.watchlists.read(connection)
        self._executor = Executor(
            path,
            self._catalog.schemas,
            functions=self.searches.functions,
            received=self._catalog,
            before_open=self._settle,
        )

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False, memory: str = "256MB") -> Workspace:
        """Open a workspace, creating the file unless `read_only`; `memory` bounds what writing may use.

        Raises:
            StateError: the file is in use by another process, damaged, of a newer version, not writable,
                or absent when `read_only`.
        """
        if not read_only:
            return cls._open_for_writing(path, memory)
        if not path.exists():
            open_locked(path)  # raises
        lock = WorkspaceLock.take(path, shared=True)
        try:
            connection = open_locked(path)
            try:
                version, _ = check_version(connection, path)
            except BaseException:
                connection.close()
                raise
            if version < VERSION or any((path.parent / "arrivals").glob("*.parquet")):
                connection.close()
                lock.release()
                cls._open_for_writing(path, memory).close()  # brings the file up, and loads what waits
                lock = WorkspaceLock.take(path, shared=True)
                connection = open_locked(path)
            return cls(path, connection, None, lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def _open_for_writing(cls, path: Path, memory: str) -> Workspace:
        make_folder(path.parent)
        lock = WorkspaceLock.take(path, shared=False)
        try:
            connection = open_for_writing(path, memory)
            workspace = cls(path, connection, memory, lock)
            for name in workspace._catalog.definitions:
                show_all_columns(connection, workspace._catalog[name])
            query = "SELECT coalesce(max(number), 0) FROM tidewaiter._requests"
            loaded = connection.execute(query).fetchone()
            workspace._arrivals.recover(loaded[0] if loaded else 0)
            return workspace
        except BaseException:
            lock.release()
            raise

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Load what waits, checkpoint and let go of the file, for the executor too."""
        try:
            self._executor.close()
            if self._lock.held:
                self.load_waiting()
        finally:
            self._release()
            self._lock.release()

    def tables(self) -> Mapping[str, Table]:
        """Return all tables by name: Azure's, with their custom columns, and custom ones."""
        return self._catalog

    def definitions(self) -> Mapping[str, Definition]:
        """Return what was defined here by name: custom tables, and custom columns of Azure's tables."""
        return self._catalog.definitions

    def define_table(self, name: str, columns: Mapping[str, str], *, properties: str = "{}") -> Table:
        """Define a table, or change one: `columns` (name -> KQL type) are all that are not standard.

        For one of Azure's tables they are its custom columns. `properties` is JSON that is kept with the
        table for whoever defined it. Rows stay; a column that is left out is no longer seen.

        Raises:
            ContentError: an unknown type, or another type than the column has.
            StateError: the workspace is read-only, or another process has taken it.
        """
        self._check_writable()
        self.load_waiting()
        with self._transaction(f"of table {name}") as connection:
            self._catalog.define(connection, Definition(name, dict(columns), properties))
        return self._catalog[name]

    def drop_table(self, name: str) -> None:
        """Drop a custom table with its rows, or the custom columns of one of Azure's.

        Raises:
            KeyError: nothing of that name was defined.
        """
        self._check_writable()
        self.load_waiting()
        with self._transaction(f"of table {name}") as connection:
            self._catalog.drop(connection, name)

    def append(self, table: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Store rows durably; queries see them from now on.

        Values: str, bool, int, float, aware datetime; for a dynamic column any JSON value. TimeGenerated is
        required. `_BilledSize` stays empty: no request brought them.

        Raises:
            ContentError: no such table or column, or a value of another type than its column.
            DeliveryError: they cannot be written.
        """
        if rows:
            frame = frame_of(self._table(table), rows)
            self.store(frame, Receipt(table=table, rows=len(rows), received=datetime.now(UTC)))

    def store(self, frame: pl.DataFrame, receipt: Receipt) -> None:
        """Store the rows of one request durably; `frame` has columns of the table, in its types.

        Polars' types for them: String, Int32, Int64, Float64, Boolean, Datetime("us") naive in UTC; dynamic
        as String of JSON text.

        Raises:
            DeliveryError: they cannot be written. StateError: the workspace is read-only.
        """
        self._check_writable()
        if self._arrivals.size > _WAITING_BYTES or len(self._arrivals.waiting) >= _WAITING_FILES:
            self.load_waiting()
        self._executor.close()  # so that its next query loads what waits
        self._arrivals.add(frame, receipt)

    def load_waiting(self) -> None:
        """Load acknowledged rows that wait; called before every query, and by itself when many wait."""
        if self._memory is None:
            return
        while part := self._arrivals.first(_WAITING_BYTES):
            with self._transaction(f"of {len(part)} requests") as connection:
                load_arrivals(connection, part, self._catalog)
            self._arrivals.done(part)

    def query(
        self,
        kql: str,
        *,
        now: datetime | None = None,
        timespan: Timespan | None = None,
        limits: Limits | None = None,
    ) -> QueryResult:
        """Run a query on all rows so far; `timespan` bounds TimeGenerated of every table that it reads.

        Raises what `Executor.run` raises.
        """
        return self._executor.run(kql, now=now, timespan=timespan, limits=limits)

    def billed(self) -> dict[str, int]:
        """Return the bytes that are billed so far, by table, free ones left out."""
        self.load_waiting()
        found = self._open().execute(
            "SELECT name, CAST(sum(billed) AS BIGINT) FROM tidewaiter._requests GROUP BY name ORDER BY name"
        )
        return {name: n for name, n in found.fetchall() if n and name not in FREE_TABLES}

    def receipts(self) -> list[Receipt]:
        """Return the ledger: one entry for each acknowledged request and table, in order."""
        self.load_waiting()
        found = self._open().execute(
            "SELECT name, rows, received, request_id, rule, stream, body_bytes, json_bytes, billed "
            "FROM tidewaiter._requests ORDER BY number"
        )
        names = Receipt.__struct_fields__
        rows = (dict(zip(names, row, strict=True)) for row in found.fetchall())
        return [Receipt(**{**row, "received": row["received"].replace(tzinfo=UTC)}) for row in rows]

    def _filled(self) -> list[str]:
        """Return the tables that ever had a row: to plan a query on all of them takes long."""
        query = "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'tidewaiter'"
        return [name for (name,) in self._open().execute(query).fetchall() if name in self._catalog]

    def _table(self, name: str) -> Table:
        found = self._catalog.get(name)
        if found is None:
            return table_named(name)  # raises, with what was probably meant
        return found

    def _check_writable(self) -> None:
        if self._memory is None:
            raise StateError(f"the lab database {self._path} was opened read-only")

    @contextmanager
    def _changing(self, what: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open a transaction on what the workspace keeps beside its tables."""
        self._check_writable()
        with self._transaction(what) as connection:
            yield connection

    def _settle(self) -> None:
        """Make the file ready for the executor."""
        self.load_waiting()
        self._release()

    def ingest(self, batch_id: str, staged: Sequence[StagedRows]) -> dict[str, int]:
        """Load staged files in one transaction; return the rows per table that the batch holds.

        A batch that the workspace already holds is not loaded again: the counts of its first load come
        back, so that a repetition after a crash changes nothing.

        Raises:
            DeliveryError: nothing of the batch was stored: a column or value that does not fit its table,
                no space left, not enough memory, or an unreadable file.
            StateError: the workspace is read-only, or another process has taken it.
        """
        self._check_writable()
        with self._transaction(batch_id) as connection:
            held = connection.execute(
                "SELECT rows FROM tidewaiter._batches WHERE batch_id = ?", [batch_id]
            ).fetchone()
            if held is not None:
                return dict(json.loads(held[0]))
            counts = load(connection, staged)
            connection.execute(
                "INSERT INTO tidewaiter._batches VALUES (?, ?)", [batch_id, json.dumps(counts)]
            )
            return counts

    def ingest_all(self, batch_ids: Sequence[str], staged: Sequence[StagedRows]) -> None:
        """Load staged files that hold the rows of several batches, none of them held yet.

        One statement takes all files of a table, which is far quicker than a transaction for each batch.
        Raises what `ingest` raises.
        """
        self._check_writable()
        with self._transaction(f"of {len(batch_ids)} objects") as connection:
            for part in _parts(staged):
                load(connection, part)
            if batch_ids:
                rows = ", ".join(["(?, '{}')"] * len(batch_ids))
                connection.execute(f"INSERT INTO tidewaiter._batches VALUES {rows}", list(batch_ids))

    def held(self, batch_ids: Sequence[str]) -> set[str]:
        """Return those batches that are loaded already."""
        query = "SELECT batch_id FROM tidewaiter._batches WHERE batch_id IN (SELECT unnest(?))"
        return {row[0] for row in self._open().execute(query, [list(batch_ids)]).fetchall()}

    def holds(self, batch_id: str) -> bool:
        """Say whether the batch has been loaded."""
        query = "SELECT 1 FROM tidewaiter._batches WHERE batch_id = ?"
        return self._open().execute(query, [batch_id]).fetchone() is not None

    def counts(self) -> dict[str, int]:
        """Return the number of rows per table, for tables that have any."""
        self.load_waiting()
        parts = [f"SELECT '{name}', count(*) FROM main.\"{name}\"" for name in self._filled()]
        rows = self._open().execute(" UNION ALL ".join(parts)).fetchall() if parts else []
        return {name: count for name, count in sorted(rows) if count}

    def stream_time(self) -> datetime | None:
        """Return the latest TimeGenerated of rows that were sent, in UTC: the clock of an embedded lab."""
        self.load_waiting()
        names = [name for name in self._filled() if name not in OWN_TABLES]
        if not names:
            return None
        parts = [f'SELECT max("TimeGenerated") AS latest FROM main."{name}"' for name in names]
        found = self._open().execute(f"SELECT max(latest) FROM ({' UNION ALL '.join(parts)})").fetchone()
        latest = found[0] if found else None
        return latest.replace(tzinfo=UTC) if isinstance(latest, datetime) else None

    def watchlist_items(self, alias: str, *, id: str = "", after: str = "", most: int = 0) -> list[Item]:
        """Return items of a watchlist in the order of their ids; see `watchlists.items_of`."""
        return items_of(self._open(), alias, id=id, after=after, most=most)

    def rows(self, table: str) -> Iterator[Row]:
        """Yield the rows of a table with all its columns, in no particular order.

        Raises:
            ContentError: no such table.
        """
        columns = self._table(table).columns
        self.load_waiting()
        times = [index for index, kind in enumerate(columns.values()) if kind == "datetime"]
        listed = ", ".join(f'"{name}"' for name in columns)
        cursor = self._open().cursor()
        try:
            cursor.execute(f'SELECT {listed} FROM main."{table}"')
            while batch := cursor.fetchmany(_BATCH):
                for row in batch:
                    cells = list(row)
                    for index in times:
                        if cells[index] is not None:
                            cells[index] = cells[index].replace(tzinfo=UTC)
                    yield dict(zip(columns, cells, strict=True))
        finally:
            cursor.close()

    def executor(self) -> Executor:
        """Return the executor of KQL on this workspace, read-only and locked down.

        It reads what has been ingested so far. In the process that writes, the file goes to and fro
        between the two: a query closes the writer, `ingest` closes the executor; both open it again.
        """
        return self._executor

    def _open(self) -> duckdb.DuckDBPyConnection:
        """Return a connection that reads, and writes unless the workspace is read-only."""
        if self._connection is None:
            self._executor.close()
            if self._memory is None:
                self._connection = open_locked(self._path)
            else:
                self._connection = open_for_writing(self._path, self._memory)
        return self._connection

    def _release(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def _transaction(self, batch_id: str) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = self._open()
        done = False
        try:
            connection.execute("BEGIN")
            yield connection
            connection.execute("COMMIT")
            done = True
        except duckdb.Error as error:
            raise _delivery_error(batch_id, error) from None
        except RuntimeError as error:
            if "interrupted" in str(error):  # how DuckDB passes on Ctrl-C
                raise KeyboardInterrupt from None
            raise
        finally:
            if not done:
                # Closing rolls back, also after a fatal error that no ROLLBACK survives.
                self._release()


def _parts(staged: Sequence[StagedRows]) -> Iterator[list[StagedRows]]:
    """Cut the files, in their order, into parts that one statement loads within the memory limit."""
    part: list[StagedRows] = []
    size = 0
    for rows in staged:
        n = rows.path.stat().st_size
        if part and size + n > _PART_BYTES:
            yield part
            part, size = [], 0
        part.append(rows)
        size += n
    if part:
        yield part


def _delivery_error(batch_id: str, error: duckdb.Error) -> DeliveryError:
    text = str(error).splitlines()[0].partition(" Error: ")[2] or str(error)
    hint = "nothing of the batch was stored"
    # At commit DuckDB reports a lack of memory or space as a failed transaction.
    if isinstance(error, duckdb.OutOfMemoryException) or "failed to pin block" in text:
        hint = "stage fewer or smaller rows at a time, or give the lab more memory"
    elif isinstance(error, duckdb.IOException | duckdb.FatalException) or "Could not write file" in text:
        hint = "free disk space and run again: nothing of the batch was stored"
    return DeliveryError(f"the lab did not take batch {batch_id}: {text}", hint=hint)
