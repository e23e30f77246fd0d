"""Counts, signals, faults and quarantined records of claimed objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from tidewaiter.core.faults import Fault, Quarantined
from tidewaiter.core.findings import Signal
from tidewaiter.state.base import Base
from tidewaiter.state.counts import Counts
from tidewaiter.state.values import Claim, ObjectDone


class Findings(Base):
    """What came of the objects."""

    def _note(self, done: ObjectDone) -> None:
        claim, db = done.claim, self._db
        self._add_rows(done.rows)
        db.many(
            "INSERT INTO signals VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            [(s.detector, s.event_id, msgspec.json.encode(s)) for s in done.signals],
        )
        db.many(
            "INSERT INTO faults (source, object_id, kind, message, hint, position) VALUES (?, ?, ?, ?, ?, ?)",
            [(claim.source, f.object_id, f.kind, f.message, f.hint, f.position) for f in done.faults],
        )
        self._set_aside(claim, done.quarantined)

    def _set_aside(self, claim: Claim, records: Sequence[Quarantined]) -> None:
        self._db.many(
            "INSERT INTO quarantine (source, object_id, position, kind, reason, raw) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            [(claim.source, q.object_id, q.position, q.kind, q.reason, bytes(q.raw)) for q in records],
        )

    def _add_rows(self, rows: Mapping[str, int]) -> None:
        self._db.many(
            "INSERT INTO rows VALUES (?, ?) ON CONFLICT (target) DO UPDATE SET n = rows.n + excluded.n",
            sorted(rows.items()),
        )

    def add_seconds(self, spent: Mapping[str, float]) -> None:
        """Add to the time that each stage took, in seconds of work."""
        with self.transaction():
            self._add_seconds(spent)

    def _add_seconds(self, spent: Mapping[str, float]) -> None:
        self._db.many(
            "INSERT INTO seconds VALUES (?, ?) ON CONFLICT (stage) DO UPDATE SET n = seconds.n + excluded.n",
            sorted(spent.items()),
        )

    def totals(self) -> dict[str, Counts]:
        """Return the counts of every source, summed over its objects."""
        totals: dict[str, Counts] = {}
        for source, body in self._read("SELECT source, counts FROM objects ORDER BY source"):
            totals.setdefault(source, Counts()).add(msgspec.json.decode(body, type=Counts))
        return totals

    def kinds(self) -> dict[str, dict[str, int]]:
        """Return how many objects of each kind every source has."""
        found: dict[str, dict[str, int]] = {}
        for source, kind, n in self._read("SELECT source, kind, count(*) FROM objects GROUP BY 1, 2"):
            found.setdefault(source, {})[kind] = n
        return found

    def rows(self) -> dict[str, int]:
        """Return how many rows each table was given, those that wait in the outbox included."""
        return {target: int(n) for target, n in self._read("SELECT target, n FROM rows ORDER BY target")}

    def seconds(self) -> dict[str, float]:
        """Return the time that each stage took, in seconds of work summed over processes."""
        return {stage: round(n, 3) for stage, n in self._read("SELECT stage, n FROM seconds ORDER BY stage")}

    def signals(self) -> list[Signal]:
        """Return all signals."""
        rows = self._read("SELECT body FROM signals ORDER BY detector, event_id, body")
        return [msgspec.json.decode(body, type=Signal) for (body,) in rows]

    def faults(self) -> Iterator[tuple[str, Fault]]:
        """Yield (source, fault)."""
        columns = "source, object_id, kind, message, hint, position"
        for source, *rest in self._read(f"SELECT {columns} FROM faults ORDER BY {self._db.order}"):
            yield source, Fault(*rest)

    def quarantined(self) -> Iterator[tuple[str, Quarantined]]:
        """Yield (source, record)."""
        columns = "source, object_id, position, kind, reason, raw"
        for source, *rest in self._read(f"SELECT {columns} FROM quarantine ORDER BY {self._db.order}"):
            yield source, Quarantined(*rest)
