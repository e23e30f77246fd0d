"""Rows that the service refuses: found by halving, and put into quarantine, one by one.

A batch that is refused as a whole may also be right, and the DCR wrong. What tells them apart is whether
any row of the table was accepted. Until one was, single rows from all over the batch are tried first; when
all of them are refused, the batch is kept as a dead letter instead of being taken apart.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tidewaiter.clouds import Refused
from tidewaiter.core.errors import DeliveryError, TidewaiterError
from tidewaiter.core.outbox import OutboxBatch
from tidewaiter.pipeline.deliver.batcher import divide, halve, rows_of
from tidewaiter.pipeline.deliver.outbox import Outbox
from tidewaiter.pipeline.deliver.send_report import Tally
from tidewaiter.state import RejectedRow

PROBES = 4
"""Single rows that are tried before a batch is called refused as a whole."""


@dataclass(slots=True)
class Poison:
    """What is known of refused rows, by table."""

    state: Outbox
    tally: Tally
    most_rejected: int
    _accepted: set[str] = field(default_factory=set)
    _suspects: dict[str, list[tuple[OutboxBatch, str]]] = field(default_factory=dict)
    _condemned: dict[str, str] = field(default_factory=dict)
    _whole: dict[str, str] = field(default_factory=dict)
    _rejected: Counter[str] = field(default_factory=Counter)

    def accepted(self, table: str) -> None:
        """Note that rows of a table were accepted: those that were refused alone are at fault themselves."""
        self._accepted.add(table)
        for batch, reason in self._suspects.pop(table, []):
            self._reject(batch, reason)

    def refused(self, batch: OutboxBatch, error: TidewaiterError | None) -> DeliveryError | None:
        """Take care of a batch that was refused for its rows (400).

        Returns an error when this is the second batch of its table that is refused as a whole: then the
        sender must stop, and the batch is the caller's to put back.
        """
        known = batch.table in self._accepted
        reason = _reason(error)
        if batch.rows == 1:
            if known:
                self._reject(batch, reason)
            else:
                self._suspects.setdefault(batch.table, []).append((batch, reason))
            return None
        if known and self._rejected[batch.table] >= self.most_rejected:
            self._bury(batch, f"more than {self.most_rejected} rows were refused: {reason}")
            return None
        whole = self._whole.get(batch.batch_id, batch.batch_id)
        if not known and self._is_refused_whole(batch.table, whole):
            return self._condemn(batch, whole, reason)
        parts = halve(batch) if known or batch.rows <= PROBES else _probes(batch)
        self._whole.update((part.batch_id, whole) for part in parts)
        self.state.split(batch.batch_id, parts)
        self.tally.splits += 1
        return None

    def settle(self) -> None:
        """Nothing more is there to be tried: rows that were refused alone, of a table that accepted none."""
        for suspects in self._suspects.values():
            for batch, reason in suspects:
                self._bury(batch, reason)
        self._suspects.clear()

    def release(self) -> list[OutboxBatch]:
        """Return the batches that are still under suspicion, for another run to look at."""
        held = [batch for suspects in self._suspects.values() for batch, _ in suspects]
        self._suspects.clear()
        return held

    def _is_refused_whole(self, table: str, whole: str) -> bool:
        alone = [
            batch for batch, _ in self._suspects.get(table, ()) if self._whole.get(batch.batch_id) == whole
        ]
        return len(alone) >= PROBES

    def _condemn(self, batch: OutboxBatch, whole: str, reason: str) -> DeliveryError | None:
        if self._condemned.setdefault(batch.table, whole) != whole:
            hint = f"compare {batch.table}'s columns with its DCR's stream; everything is kept in the outbox"
            return DeliveryError(f"every row for {batch.table} is refused: {reason}", hint=hint)
        self._bury(batch, reason)
        return None

    def _reject(self, batch: OutboxBatch, reason: str) -> None:
        (row,) = rows_of(batch)
        self.state.reject_rows(batch.batch_id, None, [RejectedRow(0, row, reason)])
        self._rejected[batch.table] += 1
        self.tally.rejected += 1

    def _bury(self, batch: OutboxBatch, reason: str) -> None:
        self.state.bury(batch.batch_id, reason)
        self.tally.dead += 1


def _reason(error: TidewaiterError | None) -> str:
    if isinstance(error, Refused):
        return ": ".join(part for part in (str(error.status), error.code, error.detail) if part)
    return str(error)


def _probes(batch: OutboxBatch) -> list[OutboxBatch]:
    """Divide a batch into single rows (the first, the last, and some between), and then all the others."""
    last = batch.rows - 1
    singles = {round(last * place / (PROBES - 1)) for place in range(PROBES)}
    edges = singles | {place + 1 for place in singles if place < last}
    return sorted(divide(batch, sorted(edges - {0})), key=lambda part: part.rows > 1)
