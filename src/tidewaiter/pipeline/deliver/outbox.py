"""What a sender needs of the state; `tidewaiter.state.State` has it (its docstrings say more)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from tidewaiter.core.outbox import OutboxBatch
from tidewaiter.state import RejectedRow, Waiting


class Outbox(Protocol):
    """Batches that wait; every method is a transaction of its own."""

    def take_batches(self, n: int, *, now: datetime, lease: timedelta) -> list[Waiting]:
        """Return the oldest that may be sent now, marked as being sent."""

    def mark_sent(self, batch_ids: Sequence[str], *, now: datetime) -> None:
        """Note that they were accepted."""

    def put_back(
        self, batch_id: str, *, now: datetime, retry_at: datetime, error: str, uncertain: bool
    ) -> None:
        """Let one wait; `uncertain`: it may have been stored."""

    def split(self, batch_id: str, parts: Sequence[OutboxBatch]) -> None:
        """Replace one by parts, which take its place in the order."""

    def bury(self, batch_id: str, error: str) -> None:
        """Give one up, and keep it."""

    def reject_rows(self, batch_id: str, rest: OutboxBatch | None, rejected: Sequence[RejectedRow]) -> None:
        """Put rows of one into quarantine."""

    def next_retry(self) -> datetime | None:
        """Return when the next may be sent; None when none waits for its time."""
