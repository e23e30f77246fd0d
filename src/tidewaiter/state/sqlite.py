"""SQLite: the default state, one file in write-ahead mode, one process at a time."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from tidewaiter.core.errors import DeliveryError, StateError
from tidewaiter.state.driver import Row

_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC}
_BROKEN = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}


class SqliteDriver:
    """The file `state.db` below a state directory; see `driver.Driver`."""

    types: ClassVar[dict[str, str]] = {
        "blob": "BLOB",
        "big": "INTEGER",
        "real": "REAL",
        "serial": "INTEGER PRIMARY KEY AUTOINCREMENT",
        "compact": "WITHOUT ROWID",
        "row": "",
    }
    order = "rowid"
    errors: tuple[type[Exception], ...] = (sqlite3.Error,)
    shared = False

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open the file, and hold its folder's lock unless `read_only`.

        Raises:
            StateError: not usable, held by another process, or no state of ours. DeliveryError: no room.
        """
        self.path = path
        self.name = str(path)
        self._lock = None if read_only else _hold(path.parent)
        try:
            self._db = self._open(read_only)
        except BaseException:
            self._release()
            raise

    def _open(self, read_only: bool) -> sqlite3.Connection:
        db = None
        try:
            mode = "?mode=ro" if read_only else ""
            db = sqlite3.connect(f"{self.path.absolute().as_uri()}{mode}", uri=True, isolation_level=None)
            if not read_only:
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = FULL")  # what is claimed and waiting outlives a power cut
            known = db.execute("PRAGMA user_version").fetchone()[0]
            if not known and (read_only or db.execute("SELECT 1 FROM sqlite_master").fetchone()):
                message = f"{self.path} is an SQLite database, but no state of Tidewaiter"
                raise StateError(message, hint="give --state another folder")
        except (sqlite3.Error, StateError) as error:
            if db is not None:
                db.close()
            raise self.explain("open", error) if isinstance(error, sqlite3.Error) else error from None
        return db

    def begin(self) -> None:
        """Begin a transaction that writes."""
        self._db.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Make it durable."""
        self._db.execute("COMMIT")

    def rollback(self) -> None:
        """Undo it, if one is open."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def read(self, query: str, values: Sequence[object] = ()) -> list[Row]:
        """Return all rows of a query."""
        return self._db.execute(query, values).fetchall()

    def run(self, statement: str, values: Sequence[object] = ()) -> int:
        """Run a statement; return how many rows it touched."""
        return self._db.execute(statement, values).rowcount

    def many(self, statement: str, rows: Iterable[Sequence[object]]) -> int:
        """Run a statement for each row; return how many rows it touched in all."""
        before = self._db.total_changes
        self._db.executemany(statement, rows)
        return self._db.total_changes - before

    def script(self, ddl: str) -> None:
        """Run several statements of DDL, separated by semicolons."""
        for statement in filter(str.strip, ddl.split(";")):
            self._db.execute(statement)

    def version(self) -> int:
        """Return the schema's version; 0 when there is none."""
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    def check(self) -> None:
        """Read the whole file: pages, rows and their order (PRAGMA quick_check, sqlite.org)."""
        found = str(self._db.execute("PRAGMA quick_check(1)").fetchone()[0])
        if found != "ok":
            error = sqlite3.DatabaseError(" ".join(found.split()))
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error

    def set_version(self, version: int) -> None:
        """Note the schema's version, in the transaction that is open."""
        self._db.execute(f"PRAGMA user_version = {version:d}")

    def explain(self, act: str, error: Exception) -> StateError | DeliveryError:
        """Say why SQLite gave up, and what to do."""
        code = getattr(error, "sqlite_errorcode", 0)
        message = f"cannot {act} {self.path}: {error}"
        if code in _FULL:
            return DeliveryError(message, hint="free disk space, then run again: nothing of it was claimed")
        if code in _BROKEN:
            hint = "restore it from a copy, or give --state another folder and run again over all logs"
            return StateError(message, hint=hint)
        return StateError(message, hint="is it a Tidewaiter state that you may read and write?")

    def is_race(self, error: Exception) -> bool:
        """Nobody else writes: never."""
        del error
        return False

    def close(self) -> None:
        """Let go of the file and the lock."""
        self._db.close()
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _hold(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        hint = "give --state a folder that you can write to"
        raise StateError(f"cannot use {folder}: {error.strerror}", hint=hint) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        hint = "wait for it, or give --state another folder"
        raise StateError(f"another tidewaiter is using {folder}", hint=hint) from None
    return lock
