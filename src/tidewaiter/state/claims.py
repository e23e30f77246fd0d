"""Objects that are claimed or being worked on, and events that were seen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import msgspec

from tidewaiter.state.base import CHUNK, Base, marks, seconds
from tidewaiter.state.values import Claim, Conflict, ObjectDone, Unaudited

_CLAIM = "object_id, digest, source, kind, size, mtime_ns"


class Claims(Base):
    """Who has what, so that nothing is delivered twice."""

    def versions(self) -> dict[str, list[Claim]]:
        """Return the claims of every object by its id."""
        found: dict[str, list[Claim]] = {}
        for row in self._read(f"SELECT {_CLAIM} FROM objects"):
            found.setdefault(row[0], []).append(Claim(*row))
        return found

    def known_digests(self, source: str, digests: Sequence[str]) -> set[str]:
        """Return those of `digests` that a claimed object of the source has."""
        found: set[str] = set()
        for start in range(0, len(digests), CHUNK):
            part = digests[start : start + CHUNK]
            query = f"SELECT digest FROM objects WHERE source = ? AND digest IN ({marks(part)})"
            found.update(row[0] for row in self._read(query, (source, *part)))
        return found

    def claimed(self, claims: Sequence[Claim]) -> set[tuple[str, str]]:
        """Return those versions that are claimed already."""
        return {claim.version for claim in claims if self._has("objects", claim)}

    def reserve(self, claims: Sequence[Claim], *, now: datetime, lease: timedelta) -> set[tuple[str, str]]:
        """Take objects to work on, for as long as the lease; return those that nobody has.

        A lease that ran out, or one that ends later than a lease can (a clock jumped back), is nobody's.
        """
        taken: set[tuple[str, str]] = set()
        moment, until = seconds(now), seconds(now + lease)
        with self.transaction():
            for claim in sorted(claims, key=lambda each: each.version):
                self._db.run(
                    "DELETE FROM leases WHERE object_id = ? AND digest = ? "
                    "AND (until <= ? OR until > ? OR owner = ?)",
                    (*claim.version, moment, until + lease.total_seconds(), self.owner),
                )
                new = self._db.run(
                    "INSERT INTO leases VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                    (*claim.version, self.owner, until),
                )
                if new and not self._has("objects", claim):
                    taken.add(claim.version)
        return taken

    def release(self, claims: Sequence[Claim]) -> None:
        """Give objects back that were taken to work on."""
        with self.transaction():
            self._release(claims)

    def _release(self, claims: Sequence[Claim]) -> None:
        self._db.many(
            "DELETE FROM leases WHERE object_id = ? AND digest = ? AND owner = ?",
            [(*claim.version, self.owner) for claim in claims],
        )

    def _has(self, table: str, claim: Claim) -> bool:
        query = f"SELECT 1 FROM {table} WHERE object_id = ? AND digest = ?"
        return bool(self._read(query, claim.version))

    def seen(self, keys: Sequence[int]) -> set[int]:
        """Return those of `keys` that were delivered before."""
        found: set[int] = set()
        for start in range(0, len(keys), CHUNK):
            part = keys[start : start + CHUNK]
            found.update(
                row[0] for row in self._read(f"SELECT key FROM seen WHERE key IN ({marks(part)})", part)
            )
        return found

    def forget(self, *, days: int) -> None:
        """Forget all event keys but those of the newest `days` on which something was delivered.

        Days that were noted are counted, not days since then: a clock that runs ahead forgets nothing.
        """
        oldest: int | None = None
        for _ in range(days):  # each step goes to the end of the index; all days at once would read it whole
            older = ("", ()) if oldest is None else ("WHERE day < ?", (oldest,))
            [(day,)] = self._read(f"SELECT max(day) FROM seen {older[0]}", older[1])
            if day is None:
                return
            oldest = day
        with self.transaction():
            self._db.run("DELETE FROM seen WHERE day < ?", (oldest,))

    def _claim(self, done: Sequence[ObjectDone], today: date) -> None:
        """Write claims and event keys; in a fixed order, so that two processes cannot block each other."""
        ordered = sorted(done, key=lambda item: item.claim.version)
        lost = [item.claim for item in ordered if not self._insert(item)]
        if lost:
            raise Conflict(lost)
        keys = sorted({key for item in done for key in item.keys})
        day = today.toordinal()
        new = self._db.many(
            "INSERT INTO seen VALUES (?, ?) ON CONFLICT DO NOTHING", [(key, day) for key in keys]
        )
        if new < len(keys):
            raise Conflict(keys=len(keys) - new)
        self._release([item.claim for item in done])

    def _insert(self, item: ObjectDone) -> int:
        claim = item.claim
        values = (
            claim.object_id, claim.digest, claim.source, claim.kind, claim.size, claim.mtime_ns,
            msgspec.json.encode(item.counts), item.root, item.decided, item.part, 0 if item.decided else 1,
        )  # fmt: skip
        columns = f"{_CLAIM}, counts, root, decided, part, audited"
        return self._db.run(
            f"INSERT INTO objects ({columns}) VALUES ({marks(values)}) ON CONFLICT DO NOTHING", values
        )

    def unaudited(self) -> list[Unaudited]:
        """Return the objects whose decisions are to be written into the audit trail."""
        query = (
            f"SELECT {_CLAIM}, root, decided, part FROM objects WHERE audited = 0 ORDER BY object_id, digest"
        )
        return [Unaudited(Claim(*row[:6]), *row[6:]) for row in self._read(query)]

    def mark_audited(self, audited: Sequence[Unaudited]) -> None:
        """Note that the audit trail has them."""
        with self.transaction():
            self._db.many(
                "UPDATE objects SET audited = 1 WHERE object_id = ? AND digest = ?",
                [each.claim.version for each in audited],
            )

    def begin_part(self, part: str, files: Sequence[str], *, now: datetime, lease: timedelta) -> None:
        """Note which files of archive and decisions are about to be written; `commit` takes the note away."""
        with self.transaction():
            self._db.run(
                "INSERT INTO begun VALUES (?, ?, ?, ?)",
                (part, self.owner, seconds(now + lease), msgspec.json.encode(list(files))),
            )

    def abandoned(self, *, now: datetime) -> dict[str, list[str]]:
        """Return the files of parts that were begun and never committed, by part: nothing stands behind them.

        On PostgreSQL only those whose lease ran out; a part of this owner is its own affair.
        """
        late = " AND until <= ?" if self._db.shared else ""
        values = (self.owner, seconds(now)) if late else (self.owner,)
        rows = self._read(f"SELECT part, files FROM begun WHERE owner <> ?{late}", values)
        return {part: msgspec.json.decode(bytes(files), type=list[str]) for part, files in rows}

    def forget_part(self, part: str) -> None:
        """Forget a part that was begun: its files are gone."""
        with self.transaction():
            self._db.run("DELETE FROM begun WHERE part = ?", (part,))
