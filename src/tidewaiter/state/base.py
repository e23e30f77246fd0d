"""What every part of the state stands on: a driver, an owner, and transactions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from tidewaiter.state.driver import Driver, Row

CHUNK = 500


class Base:
    """A connection to the state; `root` is the state directory, `owner` names this process in leases."""

    def __init__(self, root: Path, driver: Driver, owner: str) -> None:
        self.root = root
        self.owner = owner
        self._db = driver
        self._depth = 0

    @property
    def shared(self) -> bool:
        """Whether other processes may work on the same state."""
        return self._db.shared

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: what fails leaves what was. A transaction within another is part of it.

        Raises:
            DeliveryError: no room, or the server is away. StateError: damaged, or cannot be written.
        """
        if self._depth:
            yield
            return
        self._depth += 1
        try:
            self._db.begin()
            yield
            self._db.commit()
        except BaseException as error:
            self._undo()
            if isinstance(error, self._db.errors) and not self._db.is_race(error):
                raise self._db.explain("write", error) from None
            raise
        finally:
            self._depth -= 1

    def _undo(self) -> None:
        try:
            self._db.rollback()
        except self._db.errors:
            return  # the connection is gone, and its transaction with it

    def check(self) -> None:
        """Read the whole database.

        Raises:
            StateError: it is damaged.
        """
        try:
            self._db.check()
        except self._db.errors as error:
            raise self._db.explain("read", error) from None

    def _read(self, query: str, values: Sequence[object] = ()) -> list[Row]:
        try:
            return self._db.read(query, values)
        except self._db.errors as error:
            raise self._db.explain("read", error) from None


def seconds(moment: datetime) -> float:
    """Return a moment as stored: seconds since 1970, UTC."""
    return moment.timestamp()


def marks(values: Sequence[object]) -> str:
    """Return a question mark for each value, with commas."""
    return ",".join("?" * len(values))
