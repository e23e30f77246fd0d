"""Rows that Sentinel writes itself: SecurityAlert, SecurityIncident, SentinelHealth.

They are noted in the transaction of what they tell of, then stored in the workspace under the same number:
after a crash between the two, they are stored once, not twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import uuid4

import msgspec

from tidewaiter.core.errors import DeliveryError
from tidewaiter.lab.server.sentinel.documents import Documents
from tidewaiter.lab.workspace import Receipt, Workspace
from tidewaiter.lab.workspace.frames import frame_of

_log = logging.getLogger("tidewaiter.lab")


class _Waiting(msgspec.Struct, frozen=True):
    table: str
    rows: list[dict[str, object]]


class OwnRows:
    """Rows on their way into the workspace; `now` is the lab's clock."""

    def __init__(self, documents: Documents, workspace: Workspace, now: Callable[[], datetime]) -> None:
        self._documents = documents
        self._workspace = workspace
        self._now = now
        self._waiting = documents.collection("row", _Waiting)
        self._stored: set[str] = set()
        """What is in the workspace although the documents say that it waits."""

    def add(self, table: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Note rows in the open transaction; `flush` after it stores them."""
        if rows:
            self._waiting.put(f"lab-{uuid4()}", _Waiting(table, [dict(row) for row in rows]))

    def flush(self) -> None:
        """Store what was noted.

        Raises:
            DeliveryError: it cannot be written; it waits for the next time.
        """
        waiting = dict(self._waiting)
        for number, each in waiting.items():
            if number not in self._stored:
                self._store(number, each)
                self._stored.add(number)
        if waiting:
            with self._documents.transaction():
                for number in waiting:
                    self._waiting.drop(number)
            self._stored.clear()

    def flush_when_possible(self) -> None:
        """Store what was noted, or log that there is no room for it now, and let it wait for the next time.

        For a change that is durable already, and is acknowledged whether its rows can be read yet or not.
        """
        try:
            self.flush()
        except DeliveryError as error:
            _log.warning("rows of Sentinel's own tables wait until they can be stored: %s", error)

    def recover(self) -> None:
        """Store what an earlier process noted and did not come to store; raises as `flush`."""
        if self._waiting:
            self._stored = {receipt.request_id for receipt in self._workspace.receipts()}
            self.flush()

    def _store(self, number: str, waiting: _Waiting) -> None:
        table = self._workspace.tables()[waiting.table]
        times = [name for name, kind in table.columns.items() if kind == "datetime"]
        frame = frame_of(table, [_timed(row, times) for row in waiting.rows])
        receipt = Receipt(table=waiting.table, rows=frame.height, received=self._now(), request_id=number)
        self._workspace.store(frame, receipt)


def _timed(row: Mapping[str, object], times: Sequence[str]) -> dict[str, object]:
    """Return a row with its times as such: a journal holds them as text."""
    shown = dict(row)
    for name in times:
        if isinstance(value := shown.get(name), str):
            shown[name] = datetime.fromisoformat(value)
    return shown
