"""Settling: which rows of finished objects are new, and what is noted of every record that is not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import compress

import polars as pl

from tidewaiter.app.engine.worker import GroupResult, ObjectResult
from tidewaiter.core.decision import Decision
from tidewaiter.core.event_id import object_prefix, positional_id
from tidewaiter.core.faults import Fault
from tidewaiter.core.outbox import OutboxBatch
from tidewaiter.pipeline.deliver import RowColumns, Segment, read_rows
from tidewaiter.pipeline.deliver.archive import SCHEMA
from tidewaiter.pipeline.deliver.batcher import Packer
from tidewaiter.state import Claim, Counts, ObjectDone, State


@dataclass(slots=True)
class Settled:
    """What one commit brings.

    `batches` have the new rows, ready for the outbox. `archive` has a frame of the archive's `SCHEMA` per
    source; `decisions` go by object (source, id, digest). `unreadable` lists (source, fault) of objects that
    could not be read to their end, which are not claimed.
    """

    done: list[ObjectDone] = field(default_factory=list)
    batches: list[OutboxBatch] = field(default_factory=list)
    archive: dict[str, pl.DataFrame] = field(default_factory=dict)
    decisions: dict[tuple[str, str, str], list[Decision]] = field(default_factory=dict)
    unreadable: list[tuple[str, Fault]] = field(default_factory=list)


Group = tuple[Sequence[Claim], GroupResult]


def settle(
    groups: Sequence[Group],
    state: State,
    *,
    now: datetime,
    taken: Collection[tuple[str, str]] = (),
    kept_back: Callable[[str], bool] = lambda _: False,
) -> Settled:
    """Leave out what was delivered before, and note for every record what becomes of it.

    `taken` are versions of objects that another process claimed meanwhile: nothing of them is ours.
    `kept_back` says of a source whether its phase lets no row of it leave: they go into the archive whole.
    """
    return _Settlement(state, now, frozenset(taken), kept_back).run(groups)


class _Settlement:
    def __init__(
        self,
        state: State,
        now: datetime,
        taken: frozenset[tuple[str, str]],
        kept_back: Callable[[str], bool],
    ) -> None:
        self.state = state
        self.kept_back = kept_back
        self.taken = taken
        self.now = now
        self.stamp = now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        self.out = Settled()
        self._known: set[int] = set()
        self._digests: dict[str, set[str]] = {}
        self._packers: dict[tuple[str, str], Packer] = {}
        self._archive: dict[str, list[pl.DataFrame]] = {}

    def run(self, groups: Sequence[Group]) -> Settled:
        mine: dict[str, list[str]] = {}
        for claim in (claim for claims, _ in groups for claim in claims):
            mine.setdefault(claim.source, []).append(claim.digest)
        self._digests = {source: self.state.known_digests(source, found) for source, found in mine.items()}
        for claims, result in groups:
            self._group(claims, result)
        for _, packer in sorted(self._packers.items()):
            self.out.batches += packer.close()
        self.out.archive = {source: pl.concat(parts) for source, parts in self._archive.items()}
        return self.out

    def _group(self, claims: Sequence[Claim], result: GroupResult) -> None:
        done = [_done(claim, item) for claim, item in zip(claims, result.results, strict=True)]
        theirs = [claim.version in self.taken for claim in claims]
        unreadable = [any(fault.kind == "unreadable" for fault in item.faults) for item in done]
        for place, guest in enumerate(result.guests, len(result.objects)):
            unreadable[place] = unreadable[guest.of]  # a guest is lost with its object
        lost = [gone or away for gone, away in zip(unreadable, theirs, strict=True)]
        copies = [not gone and self._is_copy(claim) for claim, gone in zip(claims, lost, strict=True)]
        for segment in result.segments:
            self._segment(segment, done, copies, lost)
        for item, away, gone in zip(done, theirs, unreadable, strict=True):
            if away:
                continue
            item.counts.duplicate = item.counts.valid - item.counts.delivered - item.counts.tiered
            if gone:
                self.out.unreadable += [(item.claim.source, fault) for fault in item.faults]
                continue
            self._quarantined(item)
            self.out.done.append(item)

    def _segment(
        self, segment: Segment, done: Sequence[ObjectDone], copies: Sequence[bool], lost: Sequence[bool]
    ) -> None:
        rows = read_rows(segment.path)
        seen = self.state.seen([key for key in rows.key if key is not None])
        pointers: dict[str, _Pointers] = {}
        start = 0
        for place, count in segment.spans:
            end, item = start + count, done[place]
            if not lost[place]:
                if segment.keyed:
                    keys, new = self._new(rows.key[start:end], seen)
                    item.keys += keys
                else:
                    new = [not copies[place]] * count
                whole = self._rows(segment, item, rows, start, new)
                held = pointers.setdefault(item.claim.source, _Pointers(segment.table))
                held.add(item.claim, rows, start, new, whole)
            start = end
        for source, held in pointers.items():
            self._archive.setdefault(source, []).append(held.frame())

    def _rows(
        self, segment: Segment, item: ObjectDone, rows: RowColumns, start: int, new: Sequence[bool]
    ) -> dict[int, tuple[str, bytes]]:
        """Hand the new ones of an object's rows to the batcher, and decide about the others.

        Returns by their place in `new` the rows that the archive has to hold whole, with what became of them:
        the batcher sends a part only, or the phase keeps them back. A copy goes with its row: no event.
        """
        claim, end = item.claim, start + len(new)
        row, billed, ids = rows.row[start:end], rows.billed[start:end], rows.id[start:end]
        if not all(new):
            self._decide(claim, [self._duplicate(ids[n]) for n, is_new in enumerate(new) if not is_new])
            row, billed = list(compress(row, new)), list(compress(billed, new))
            ids = list(compress(ids, new))
        if row and self.kept_back(claim.source):
            item.counts.tiered += len(row)
            self._decide(claim, [self._kept_back(event_id) for event_id in ids])
            return {place: ("tier", rows.row[start + place]) for place, is_new in enumerate(new) if is_new}
        if row:
            item.counts.delivered += len(row)
            if segment.copies:
                copy = list(compress(rows.copy[start:end], new))
                sizes = list(compress(rows.copy_billed[start:end], new))
                self._pack(segment.copies, item, copy, sizes, ids, copies=True)
            packer = self._packer(segment.table, claim.source)
            first, known = packer.added, len(packer.cuts)
            self._pack(segment.table, item, row, billed, ids)
            if len(packer.cuts) > known:
                places = [n for n, is_new in enumerate(new) if is_new]
                cut = [each.place - first for each in packer.cuts[known:]]
                return {places[n]: ("oversize", row[n]) for n in cut}
        return {}

    def _pack(
        self,
        table: str,
        item: ObjectDone,
        rows: Sequence[bytes],
        billed: Sequence[int],
        ids: Sequence[str],
        *,
        copies: bool = False,
    ) -> None:
        item.rows[table] = item.rows.get(table, 0) + len(rows)
        packer = self._packer(table, item.claim.source, copies=copies)
        self.out.batches += packer.add(rows, item.claim, billed=billed, ids=ids)

    def _packer(self, table: str, source: str, *, copies: bool = False) -> Packer:
        """Return the packer of a table; one for each source, because a batch has rows of one."""
        key = table, source
        if key not in self._packers:
            self._packers[key] = Packer(table, copies=copies)
        return self._packers[key]

    def _duplicate(self, event_id: str) -> Decision:
        reason = "the same event was delivered before"
        return Decision(event_id, "duplicate", event_id, "one-event-once", reason=reason, at=self.stamp)

    def _kept_back(self, event_id: str) -> Decision:
        reason = "in shadow no row leaves; it is in the archive"
        return Decision(event_id, "tier", policy="phase", reason=reason, phase="shadow", at=self.stamp)

    def _quarantined(self, item: ObjectDone) -> None:
        if not item.quarantined:
            return
        claim = item.claim
        prefix = object_prefix(claim.source, claim.digest)
        ids = [positional_id(prefix, each.position) for each in item.quarantined]
        frame = pl.DataFrame(
            {
                "event_id": ids,
                "event_time": [self.now.astimezone(UTC).replace(tzinfo=None)] * len(ids),
                "object_id": [claim.object_id] * len(ids),
                "digest": [claim.digest] * len(ids),
                "position": [each.position for each in item.quarantined],
                "table": [""] * len(ids),
                "action": ["quarantine"] * len(ids),
                "raw": [bytes(each.raw) for each in item.quarantined],
            },
            schema=SCHEMA,
        )
        self._archive.setdefault(claim.source, []).append(frame)
        self._decide(
            claim,
            [
                Decision(event_id, "quarantine", rule_id=each.kind, reason=each.reason, at=self.stamp)
                for event_id, each in zip(ids, item.quarantined, strict=True)
            ],
        )

    def _decide(self, claim: Claim, decisions: Sequence[Decision]) -> None:
        key = claim.source, claim.object_id, claim.digest
        self.out.decisions.setdefault(key, []).extend(decisions)

    def _new(self, keys: Sequence[int | None], seen: set[int]) -> tuple[list[int], list[bool]]:
        """Return those keys that nobody has had, and for each key whether it is one of them."""
        known = self._known
        fresh: list[int] = []
        new: list[bool] = []
        for key in keys:
            if key is None or key in known or key in seen:
                new.append(False)
                continue
            known.add(key)
            fresh.append(key)
            new.append(True)
        return fresh, new

    def _is_copy(self, claim: Claim) -> bool:
        """Whether the same bytes were claimed under another id: their text lines have the same ids."""
        digests = self._digests[claim.source]
        copied = claim.digest in digests
        digests.add(claim.digest)
        return copied


class _Pointers:
    """What the archive holds of records whose bytes stay where they are: where to find them.

    Of a row that was too large to be sent, or that is not to be sent, it holds the whole row as JSON.
    """

    def __init__(self, table: str) -> None:
        self.table = table
        self._columns: dict[str, list[object]] = {
            name: [] for name in ("event_id", "at", "object_id", "digest", "position", "action", "raw")
        }

    def add(
        self,
        claim: Claim,
        rows: RowColumns,
        start: int,
        new: Sequence[bool],
        whole: Mapping[int, tuple[str, bytes]],
    ) -> None:
        count = len(new)
        end, columns = start + count, self._columns
        columns["event_id"] += rows.id[start:end]
        columns["at"] += rows.at[start:end]
        columns["object_id"] += [claim.object_id] * count
        columns["digest"] += [claim.digest] * count
        columns["position"] += rows.position[start:end]
        actions = ["delivered" if is_new else "duplicate" for is_new in new]
        raw: list[bytes | None] = [None] * count
        for place, (action, row) in whole.items():
            actions[place], raw[place] = action, row
        columns["action"] += actions
        columns["raw"] += raw

    def frame(self) -> pl.DataFrame:
        time = pl.col("at").str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us")
        types = {"position": pl.Int64, "raw": pl.Binary}
        return pl.DataFrame(self._columns, schema_overrides=types).select(
            "event_id",
            time.alias("event_time"),
            "object_id",
            "digest",
            "position",
            pl.lit(self.table).alias("table"),
            "action",
            "raw",
        )


def _done(claim: Claim, result: ObjectResult) -> ObjectDone:
    counts = Counts(
        objects=1,
        records=result.records,
        valid=result.valid,
        quarantined=len(result.quarantined),
        faults=len(result.faults) + len(result.quarantined),
        raw_bytes=result.raw_bytes,
    )
    return ObjectDone(claim, counts, {}, [], result.signals, result.faults, result.quarantined)
