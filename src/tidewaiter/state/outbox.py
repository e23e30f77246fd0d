"""The outbox: what is decided to be sent, until the destination has it.

`pending` batches wait; `sending` ones are in a process's hands, durably so before the request begins. A batch
that leaves those hands without an answer (a crash, a timeout) may have arrived: it is sent again, and
`possibly_sent` says so for good. `sent` is final; `dead` batches are kept for a person to look at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from tidewaiter.core.faults import Quarantined
from tidewaiter.core.outbox import OutboxBatch, Span
from tidewaiter.state.base import seconds
from tidewaiter.state.counts import Counts
from tidewaiter.state.findings import Findings
from tidewaiter.state.values import Amount, Claim, Conflict, OutboxTotals, RejectedRow, Waiting

LONGEST_WAIT = timedelta(hours=1)
"""No retry lies further ahead; one that does was written before the clock was set back, and is due."""
_COLUMNS = "batch_id, target, row_count, size, billed, body, spans, attempts, possibly_sent, error"
_spans = msgspec.json.Decoder(tuple[Span, ...]).decode


class Outbox(Findings):
    """Batches on their way."""

    def _add_batches(self, batches: Sequence[OutboxBatch]) -> None:
        (first,) = self._read("SELECT coalesce(max(place), 0) FROM outbox")
        for place, batch in enumerate(batches, first[0] + 1):
            self._put(batch, place, "")

    def _put(self, batch: OutboxBatch, place: int, part: str, possibly_sent: bool = False) -> None:
        values = [
            place, part, batch.table, batch.rows, batch.size, batch.billed, batch.body,
            msgspec.json.encode(batch.spans), "pending", int(possibly_sent),
        ]  # fmt: skip
        columns = "batch_id, place, part, target, row_count, size, billed, body, spans, status, possibly_sent"
        statement = (
            f"INSERT INTO outbox ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
        )
        name, again = batch.batch_id, 1
        while not self._db.run(statement, [name, *values]):  # the same rows, long after they were sent
            again += 1
            name = f"{batch.batch_id}~{again}"

    def take_batches(self, n: int, *, now: datetime, lease: timedelta) -> list[Waiting]:
        """Return up to `n` batches that are due, oldest first, after noting durably that they are sent."""
        moment, horizon = seconds(now), seconds(now + LONGEST_WAIT)
        lock = " FOR UPDATE SKIP LOCKED" if self._db.shared else ""
        due = (
            f"SELECT n, {_COLUMNS} FROM outbox WHERE status = 'pending' AND (retry_at <= ? OR retry_at > ?) "
            f"ORDER BY place, part LIMIT ?{lock}"
        )
        with self.transaction():
            self._take_expired(moment, seconds(now + lease + lease))
            found = self._read(due, (moment, horizon, n))
            self._db.many(
                "UPDATE outbox SET status = 'sending', owner = ?, lease_until = ?, attempts = attempts + 1 "
                "WHERE n = ?",
                [(self.owner, seconds(now + lease), row[0]) for row in found],
            )
        return [replace(_waiting(row[1:]), attempts=row[8] + 1) for row in found]

    def _take_expired(self, moment: float, horizon: float) -> None:
        if self._db.shared:
            self._db.run(
                "UPDATE outbox SET status = 'pending', possibly_sent = 1, owner = '' "
                "WHERE status = 'sending' AND (lease_until <= ? OR lease_until > ?)",
                (moment, horizon),
            )

    def take_back(self, *, now: datetime, lease: timedelta = timedelta(0)) -> int:
        """Make batches that a dead process left `sending` pending again, as possibly sent; return how many.

        On SQLite no other process lives; on PostgreSQL only those whose lease ran out, or of this owner.
        """
        mine = "" if not self._db.shared else " AND (owner = ? OR lease_until <= ? OR lease_until > ?)"
        values = (self.owner, seconds(now), seconds(now + lease + LONGEST_WAIT)) if mine else ()
        with self.transaction():
            return self._db.run(
                "UPDATE outbox SET status = 'pending', possibly_sent = 1, owner = '' "
                f"WHERE status = 'sending'{mine}",
                values,
            )

    def mark_sent(self, batch_ids: Sequence[str], *, now: datetime) -> None:
        """Note that the destination has these; their bodies go, but for those possibly sent twice."""
        with self.transaction():
            self._db.many(
                "UPDATE outbox SET status = 'sent', sent_at = ?, owner = '', error = '', "
                "body = CASE WHEN possibly_sent = 1 THEN body ELSE NULL END WHERE batch_id = ?",
                [(seconds(now), batch_id) for batch_id in batch_ids],
            )

    def put_back(
        self, batch_id: str, *, now: datetime, retry_at: datetime, error: str, uncertain: bool
    ) -> None:
        """Let a batch wait until `retry_at`; `uncertain` says that it may have arrived all the same."""
        until = min(retry_at, now + LONGEST_WAIT)
        with self.transaction():
            self._db.run(
                "UPDATE outbox SET status = 'pending', owner = '', retry_at = ?, error = ?, "
                "possibly_sent = CASE WHEN ? = 1 THEN 1 ELSE possibly_sent END WHERE batch_id = ?",
                (seconds(until), error[:1000], int(uncertain), batch_id),
            )

    def split(self, batch_id: str, parts: Sequence[OutboxBatch]) -> None:
        """Put parts in the place of a batch; they inherit that it was possibly sent."""
        with self.transaction():
            query = "SELECT place, part, possibly_sent FROM outbox WHERE batch_id = ?"
            ((place, part, possibly),) = self._read(query, (batch_id,))
            self._db.run("DELETE FROM outbox WHERE batch_id = ?", (batch_id,))
            for number, each in enumerate(parts):
                self._put(each, place, f"{part}.{number:03d}", bool(possibly))

    def bury(self, batch_id: str, error: str) -> None:
        """Make a batch a dead letter: it is kept, and not sent again until it is revived."""
        with self.transaction():
            self._db.run(
                "UPDATE outbox SET status = 'dead', owner = '', error = ? WHERE batch_id = ?",
                (error[:1000], batch_id),
            )

    def revive(self) -> int:
        """Let dead letters be sent again, with all their attempts; return how many."""
        with self.transaction():
            return self._db.run(
                "UPDATE outbox SET status = 'pending', attempts = 0, retry_at = 0 WHERE status = 'dead'"
            )

    def reject_rows(self, batch_id: str, rest: OutboxBatch | None, rejected: Sequence[RejectedRow]) -> None:
        """Set rows aside that the destination refuses; `rest` is the batch without them (None: nothing left).

        Each row's object has one delivered record less and one quarantined record more; but for copies, whose
        events are delivered by another row.
        """
        with self.transaction():
            ((target, body),) = self._read("SELECT target, spans FROM outbox WHERE batch_id = ?", (batch_id,))
            owners = [span for span in _spans(body) for _ in range(span.rows)]
            for row in rejected:
                self._reject(target, owners[row.place], row)
            self.split(batch_id, [rest] if rest else [])

    def _reject(self, target: str, span: Span, row: RejectedRow) -> None:
        self._add_rows({target: -1})
        query = "SELECT counts, kind, size, mtime_ns FROM objects WHERE object_id = ? AND digest = ?"
        found = self._read(query, (span.object_id, span.digest))
        claim = Claim(span.object_id, span.digest, span.source, "events", 0, 0)
        reason = f"the destination refused it: {row.reason}"
        self._set_aside(claim, [Quarantined(span.object_id, -1, "invalid", reason, row.row)])
        if span.copies:
            return
        for body, *_ in found:
            counts = msgspec.json.decode(body, type=Counts)
            counts.delivered -= 1
            counts.valid -= 1
            counts.quarantined += 1
            counts.faults += 1
            counts.check()
            self._db.run(
                "UPDATE objects SET counts = ? WHERE object_id = ? AND digest = ?",
                (msgspec.json.encode(counts), span.object_id, span.digest),
            )

    def outbox(self) -> OutboxTotals:
        """Return how much is in the outbox, by status."""
        query = "SELECT status, count(*), coalesce(sum(row_count), 0) FROM outbox GROUP BY status"
        found = {status: Amount(int(n), int(rows)) for status, n, rows in self._read(query)}
        ((n, rows),) = self._read(
            "SELECT count(*), coalesce(sum(row_count), 0) FROM outbox WHERE possibly_sent = 1"
        )
        return OutboxTotals(**found, possibly_sent=Amount(int(n), int(rows)))

    def billed(self) -> dict[str, int]:
        """Return the billed bytes of all rows by source, those that wait included."""
        found = self._billed_of("SELECT spans, billed FROM outbox WHERE status <> 'dead'")
        for source, n in self._read("SELECT source, n FROM billed"):  # of batches that were pruned
            found[source] = found.get(source, 0) + int(n)
        return found

    def _billed_of(self, query: str, values: Sequence[object] = ()) -> dict[str, int]:
        found: dict[str, int] = {}
        for body, billed in self._read(query, values):
            for source in {span.source for span in _spans(body)}:  # a batch's rows are of one source
                found[source] = found.get(source, 0) + int(billed)
        return found

    def next_retry(self) -> datetime | None:
        """Return when the next pending batch is due; None when none is pending."""
        ((moment,),) = self._read("SELECT min(retry_at) FROM outbox WHERE status = 'pending'")
        return None if moment is None else datetime.fromtimestamp(moment).astimezone()

    def possibly_sent(self) -> Iterator[Waiting]:
        """Yield the batches that may have arrived more than once, with their bodies."""
        query = f"SELECT {_COLUMNS} FROM outbox WHERE possibly_sent = 1 ORDER BY place, part"
        yield from map(_waiting, self._read(query))

    def dead(self) -> Iterator[Waiting]:
        """Yield the dead letters, with their bodies."""
        query = f"SELECT {_COLUMNS} FROM outbox WHERE status = 'dead' ORDER BY place, part"
        yield from map(_waiting, self._read(query))

    def add_alerts(self, alert_ids: Sequence[str], batches: Sequence[OutboxBatch]) -> None:
        """Note alerts, so that none is sent twice, and put their batches into the outbox.

        Raises:
            Conflict: another process noted one of them; nothing was written.
        """
        with self.transaction():
            ordered = [(alert_id,) for alert_id in sorted(set(alert_ids))]
            new = self._db.many("INSERT INTO alerts VALUES (?) ON CONFLICT DO NOTHING", ordered)
            if new < len(ordered):
                raise Conflict(keys=len(ordered) - new)
            for batch in batches:
                self._add_rows({batch.table: batch.rows})
            self._add_batches(batches)

    def alerts_noted(self) -> set[str]:
        """Return the ids of all alerts that were put into the outbox."""
        return {row[0] for row in self._read("SELECT alert_id FROM alerts")}


def _waiting(row: Sequence[object]) -> Waiting:
    batch_id, target, rows, size, billed, body, spans, attempts, possibly, error = row
    batch = msgspec.convert(
        {
            "batch_id": batch_id, "table": target, "rows": rows, "size": size, "billed": billed,
            "body": b"", "spans": (),
        },
        OutboxBatch,
    )  # fmt: skip
    assert isinstance(spans, (bytes, memoryview))
    assert body is None or isinstance(body, (bytes, memoryview))
    whole = msgspec.structs.replace(batch, body=bytes(body or b""), spans=_spans(bytes(spans)))
    assert isinstance(attempts, int)
    return Waiting(whole, attempts, bool(possibly), str(error))
