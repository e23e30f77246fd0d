"""Settling: which rows of finished objects are new, and what is noted of every record that is not."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl

from tidewaiter.app.engine.worker import GroupResult, ObjectResult
from tidewaiter.core.decision import Decision
from tidewaiter.core.event_id import object_prefix, positional_id
from tidewaiter.core.faults import Fault
from tidewaiter.pipeline.deliver import Segment
from tidewaiter.pipeline.deliver.archive import SCHEMA
from tidewaiter.state import Claim, Counts, ObjectDone, State


@dataclass(slots=True)
class TableRows:
    """New rows of one table in their order; `claims[i]` is the object that brought `rows[i]`."""

    rows: list[bytes] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    billed: list[int] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)


@dataclass(slots=True)
class Settled:
    """What one commit brings.

    `tables` has the rows of each (table, source), because a batch holds rows of one source. `archive` has a
    frame of the archive's `SCHEMA` per source; `decisions` go by object (source, id, digest). `unreadable`
    lists (source, fault) of objects that could not be read to their end, which are not claimed.
    """

    done: list[ObjectDone] = field(default_factory=list)
    tables: dict[tuple[str, str], TableRows] = field(default_factory=dict)
    archive: dict[str, pl.DataFrame] = field(default_factory=dict)
    decisions: dict[tuple[str, str, str], list[Decision]] = field(default_factory=dict)
    unreadable: list[tuple[str, Fault]] = field(default_factory=list)


Group = tuple[Sequence[Claim], GroupResult]


def settle(
    groups: Sequence[Group], state: State, *, now: datetime, taken: Collection[tuple[str, str]] = ()
) -> Settled:
    """Leave out what was delivered before, and note for every record what becomes of it.

    `taken` are versions of objects that another process claimed meanwhile: nothing of them is ours.
    """
    return _Settlement(state, now, frozenset(taken)).run(groups)


class _Settlement:
    def __init__(self, state: State, now: datetime, taken: frozenset[tuple[str, str]]) -> None:
        self.state = state
        self.taken = taken
        self.now = now
        self.stamp = now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        self.out = Settled()
        self._known: set[int] = set()
        self._digests: dict[str, set[str]] = {}
        self._archive: dict[str, list[pl.DataFrame]] = {}

    def run(self, groups: Sequence[Group]) -> Settled:
        for claims, result in groups:
            self._group(claims, result)
        self.out.archive = {source: pl.concat(parts) for source, parts in self._archive.items()}
        return self.out

    def _group(self, claims: Sequence[Claim], result: GroupResult) -> None:
        done = [_done(claim, item) for claim, item in zip(claims, result.objects, strict=True)]
        theirs = [claim.version in self.taken for claim in claims]
        unreadable = [any(fault.kind == "unreadable" for fault in item.faults) for item in done]
        lost = [gone or away for gone, away in zip(unreadable, theirs, strict=True)]
        copies = [not gone and self._is_copy(claim) for claim, gone in zip(claims, lost, strict=True)]
        for segment in result.segments:
            self._segment(segment, done, copies, lost)
        for item, away, gone in zip(done, theirs, unreadable, strict=True):
            if away:
                continue
            item.counts.delivered = sum(item.rows.values())
            item.counts.duplicate = item.counts.valid - item.counts.delivered
            if gone:
                self.out.unreadable += [(item.claim.source, fault) for fault in item.faults]
                continue
            self._quarantined(item)
            self.out.done.append(item)

    def _segment(
        self, segment: Segment, done: Sequence[ObjectDone], copies: Sequence[bool], lost: Sequence[bool]
    ) -> None:
        frame = pl.read_parquet(segment.path)
        keys: list[int] = frame["key"].to_list() if segment.keyed else []
        seen = self.state.seen(keys) if keys else set()
        start = 0
        for place, rows in segment.spans:
            part, item = frame.slice(start, rows), done[place]
            if not lost[place]:
                if keys:
                    new = [self._is_new(key, seen) for key in keys[start : start + rows]]
                    item.keys += [
                        key for key, is_new in zip(keys[start : start + rows], new, strict=True) if is_new
                    ]
                else:
                    new = [not copies[place]] * rows
                self._rows(segment.table, item, part, new)
            start += rows

    def _rows(self, table: str, item: ObjectDone, part: pl.DataFrame, new: list[bool]) -> None:
        claim = item.claim
        fresh = part if all(new) else part.filter(pl.Series(new, dtype=pl.Boolean))
        if fresh.height:
            item.rows[table] = item.rows.get(table, 0) + fresh.height
            held = self.out.tables.setdefault((table, claim.source), TableRows())
            held.rows += fresh["row"].to_list()
            held.ids += fresh["id"].to_list()
            held.billed += fresh["billed"].to_list()
            held.claims += [claim] * fresh.height
        if fresh.height < part.height:
            kept = [event_id for event_id, is_new in zip(part["id"], new, strict=True) if not is_new]
            self._decide(claim, [self._duplicate(event_id) for event_id in kept])
        self._archive.setdefault(claim.source, []).append(_pointers(claim, table, part, new))

    def _duplicate(self, event_id: str) -> Decision:
        reason = "the same event was delivered before"
        return Decision(event_id, "duplicate", event_id, "one-event-once", reason=reason, at=self.stamp)

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

    def _is_new(self, key: int, seen: set[int]) -> bool:
        if key in seen or key in self._known:
            return False
        self._known.add(key)
        return True

    def _is_copy(self, claim: Claim) -> bool:
        """Whether the same bytes were claimed under another id: their text lines have the same ids."""
        digests = self._digests.get(claim.source)
        if digests is None:
            digests = self._digests[claim.source] = self.state.digests(claim.source)
        copied = claim.digest in digests
        digests.add(claim.digest)
        return copied


def _pointers(claim: Claim, table: str, part: pl.DataFrame, new: Sequence[bool]) -> pl.DataFrame:
    """Return what the archive holds of records whose bytes stay where they are: where to find them."""
    action = (
        pl.when(pl.Series(new, dtype=pl.Boolean)).then(pl.lit("delivered")).otherwise(pl.lit("duplicate"))
    )
    return part.select(
        pl.col("id").alias("event_id"),
        pl.col("at").str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us").alias("event_time"),
        pl.lit(claim.object_id).alias("object_id"),
        pl.lit(claim.digest).alias("digest"),
        pl.col("position"),
        pl.lit(table).alias("table"),
        action.alias("action"),
        pl.lit(None, dtype=pl.Binary).alias("raw"),
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
