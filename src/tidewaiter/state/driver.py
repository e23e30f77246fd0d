"""What a database must do for the state.

SQL is written once, with `?` for values, in what both dialects know.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Protocol

from tidewaiter.core.errors import DeliveryError, StateError

Row = tuple[Any, ...]


class Driver(Protocol):
    """One connection to one database; not for several threads."""

    name: str
    """How a person would name the place: a path, or a URL without its password."""
    types: ClassVar[dict[str, str]]
    """What DDL writes for `{blob}`, `{big}`, `{real}`, `{serial}`, `{compact}` and `{row}`."""
    order: str
    """The column by which rows of tables without a key of their own come in the order of their writing."""
    errors: tuple[type[Exception], ...]
    """What the database raises; `explain` makes it readable."""
    shared: bool
    """Whether other processes may work on the same state."""

    def begin(self) -> None:
        """Begin a transaction that writes."""

    def commit(self) -> None:
        """Make it durable."""

    def rollback(self) -> None:
        """Undo it, if one is open."""

    def read(self, query: str, values: Sequence[object] = ()) -> list[Row]:
        """Return all rows of a query."""

    def run(self, statement: str, values: Sequence[object] = ()) -> int:
        """Run a statement; return how many rows it touched."""

    def many(self, statement: str, rows: Iterable[Sequence[object]]) -> int:
        """Run a statement for each row; return how many rows it touched in all."""

    def script(self, ddl: str) -> None:
        """Run several statements of DDL, separated by semicolons."""

    def version(self) -> int:
        """Return the schema's version; 0 when there is none."""

    def check(self) -> None:
        """Read the whole database; raises one of `errors` when it is damaged."""

    def set_version(self, version: int) -> None:
        """Note the schema's version, in the transaction that is open."""

    def explain(self, act: str, error: Exception) -> StateError | DeliveryError:
        """Say what went wrong while it tried to `act`, and what to do."""

    def is_race(self, error: Exception) -> bool:
        """Whether another process's transaction was in the way, so that trying again helps."""

    def close(self) -> None:
        """Let go of it."""
