"""The workspace: ingest, count, read and query."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import duckdb

from tidewaiter.asim.schema import table as table_named
from tidewaiter.asim.schema import tables
from tidewaiter.core.errors import DeliveryError, StateError
from tidewaiter.kql import Executor, open_locked
from tidewaiter.lab.workspace.database import check_version, open_for_writing
from tidewaiter.lab.workspace.loading import StagedRows, load

Row = Mapping[str, object]
"""Column -> str ('' when empty), int, float, bool, aware datetime, JSON text of a dynamic, or None."""

_BATCH = 1000
_PART_BYTES = 16_000_000


class Workspace:
    """A workspace in a DuckDB file; a context manager, closed with a checkpoint. Not for several threads."""

    def __init__(self, path: Path, connection: duckdb.DuckDBPyConnection, memory: str | None) -> None:
        self._path = path
        self._connection: duckdb.DuckDBPyConnection | None = connection
        self._memory = memory
        schemas = {name: table.columns for name, table in tables().items()}
        self._executor = Executor(path, schemas, before_open=self._release)

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False, memory: str = "256MB") -> Workspace:
        """Open a workspace, creating the file unless `read_only`; `memory` bounds what writing may use.

        Raises:
            StateError: the file is in use by another process, damaged, of a newer version, not writable,
                or absent when `read_only`.
        """
        if not read_only:
            return cls(path, open_for_writing(path, memory), memory)
        connection = open_locked(path)
        try:
            check_version(connection, path)
        except StateError:
            connection.close()
            raise
        return cls(path, connection, None)

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Checkpoint and let go of the file, for the executor too."""
        self._executor.close()
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
        if self._memory is None:
            raise StateError(f"the lab database {self._path} was opened read-only")
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
        if self._memory is None:
            raise StateError(f"the lab database {self._path} was opened read-only")
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
        parts = [f"SELECT '{name}', count(*) FROM main.\"{name}\"" for name in tables()]
        rows = self._open().execute(" UNION ALL ".join(parts)).fetchall()
        return {name: count for name, count in sorted(rows) if count}

    def stream_time(self) -> datetime | None:
        """Return the latest TimeGenerated of all rows, aware in UTC: the clock of an embedded lab."""
        parts = [f'SELECT max("TimeGenerated") AS latest FROM main."{name}"' for name in tables()]
        found = self._open().execute(f"SELECT max(latest) FROM ({' UNION ALL '.join(parts)})").fetchone()
        latest = found[0] if found else None
        return latest.replace(tzinfo=UTC) if isinstance(latest, datetime) else None

    def rows(self, table: str) -> Iterator[Row]:
        """Yield the rows of a table with all its columns, in no particular order.

        Raises:
            ContentError: no such table.
        """
        columns = table_named(table).columns
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
