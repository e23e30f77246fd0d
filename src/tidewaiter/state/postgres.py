"""PostgreSQL: one state for several processes and hosts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import ClassVar

import psycopg
from psycopg import errors as pg

from tidewaiter.core.errors import DeliveryError, StateError
from tidewaiter.state.driver import Row

_PASSWORD = re.compile(r"(?<=://)([^:/@\s]*):[^@\s]*@")
_RACES = (pg.SerializationFailure, pg.DeadlockDetected, pg.UniqueViolation, pg.LockNotAvailable)
_FULL = (pg.DiskFull, pg.OutOfMemory, pg.TooManyConnections)
_CONNECT_SECONDS = 10


class PostgresDriver:
    """A PostgreSQL database by its URL; see `driver.Driver`."""

    types: ClassVar[dict[str, str]] = {
        "blob": "BYTEA",
        "big": "BIGINT",
        "real": "DOUBLE PRECISION",
        "serial": "BIGSERIAL PRIMARY KEY",
        "compact": "",
        "row": ", n BIGSERIAL",
    }
    order = "n"
    errors: tuple[type[Exception], ...] = (psycopg.Error,)
    shared = True

    def __init__(self, url: str) -> None:
        """Connect.

        Raises:
            StateError: no such database, or no way in. DeliveryError: it does not answer.
        """
        self.name = _PASSWORD.sub(r"\1:…@", url)
        try:
            self._db = psycopg.connect(url, autocommit=True, connect_timeout=_CONNECT_SECONDS)
        except psycopg.Error as error:
            raise self.explain("open", error) from None

    def begin(self) -> None:
        """Begin a transaction that writes."""
        self._db.execute("BEGIN")

    def commit(self) -> None:
        """Make it durable."""
        self._db.execute("COMMIT")

    def rollback(self) -> None:
        """Undo it, if one is open."""
        if not self._db.closed and self._db.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            self._db.execute("ROLLBACK")

    def read(self, query: str, values: Sequence[object] = ()) -> list[Row]:
        """Return all rows of a query."""
        return [tuple(row) for row in self._db.execute(_numbered(query), values).fetchall()]

    def run(self, statement: str, values: Sequence[object] = ()) -> int:
        """Run a statement; return how many rows it touched."""
        return self._db.execute(_numbered(statement), values).rowcount

    def many(self, statement: str, rows: Iterable[Sequence[object]]) -> int:
        """Run a statement for each row; return how many rows it touched in all."""
        with self._db.cursor() as cursor:
            cursor.executemany(_numbered(statement), list(rows))
            return max(cursor.rowcount, 0)

    def script(self, ddl: str) -> None:
        """Run several statements of DDL, separated by semicolons."""
        for statement in filter(str.strip, ddl.split(";")):
            self._db.execute(statement.encode())

    def version(self) -> int:
        """Return the schema's version; 0 when there is none."""
        if self.read("SELECT to_regclass('tidewaiter_version')")[0][0] is None:
            return 0
        found = self.read("SELECT version FROM tidewaiter_version")
        return int(found[0][0]) if found else 0

    def check(self) -> None:
        """Nothing: the server checks its pages itself, when it reads them."""

    def set_version(self, version: int) -> None:
        """Note the schema's version, in the transaction that is open."""
        self.script("CREATE TABLE IF NOT EXISTS tidewaiter_version (version INTEGER NOT NULL)")
        self.run("DELETE FROM tidewaiter_version")
        self.run("INSERT INTO tidewaiter_version VALUES (?)", (version,))

    def explain(self, act: str, error: Exception) -> StateError | DeliveryError:
        """Say why PostgreSQL gave up, and what to do."""
        text = str(error).strip().splitlines()
        message = f"cannot {act} the state at {self.name}: {text[0] if text else type(error).__name__}"
        gone = isinstance(error, psycopg.OperationalError) and not isinstance(
            error, pg.InvalidCatalogName | pg.InvalidPassword | pg.InvalidAuthorizationSpecification
        )
        if isinstance(error, _FULL):
            return DeliveryError(message, hint="make room on the database server, then run again")
        if gone and not any(word in message for word in ("does not exist", "authentication failed")):
            hint = "is the server up and reachable? what was not claimed is taken by the next run"
            return DeliveryError(message, hint=hint)
        return StateError(message, hint="check state.url, the database and the role's rights in it")

    def is_race(self, error: Exception) -> bool:
        """Whether another process's transaction was in the way."""
        return isinstance(error, _RACES)

    def close(self) -> None:
        """Close the connection."""
        self._db.close()


def _numbered(statement: str) -> bytes:
    return statement.replace("?", "%s").encode()
