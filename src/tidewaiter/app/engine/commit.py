"""Commits: rows into the lab first, then claims and all that came with them, in one transaction.

A crash between the two is harmless: the lab knows the objects whose rows it holds, so those that were not
claimed are worked on again, counted, and not stored a second time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date

import polars as pl

from tidewaiter.app.engine.worker import GroupResult, ObjectResult
from tidewaiter.core.faults import Fault
from tidewaiter.lab.workspace import StagedRows, Workspace
from tidewaiter.pipeline.deliver import Segment, write_segment
from tidewaiter.state import Claim, Counts, ObjectDone, State


class Committer:
    """Gathers results and commits them together; `counts` and `faults` are of all commits so far."""

    def __init__(self, state: State, workspace: Workspace, *, today: date) -> None:
        self.state = state
        self.workspace = workspace
        self.today = today
        self.counts: dict[str, Counts] = {}
        self.faults: list[Fault] = []
        self.rows = 0
        self._held: list[tuple[Sequence[Claim], GroupResult]] = []
        self._digests: dict[str, set[str]] = {}

    def add(self, claims: Sequence[Claim], result: GroupResult) -> None:
        """Take the result of one group; `commit` writes it."""
        self._held.append((claims, result))
        self.rows += sum(item.valid for item in result.objects)

    def commit(self) -> None:
        """Write everything that waits.

        Raises:
            DeliveryError: the lab could not take the rows. StateError: the state could not be written.
        """
        if not self._held:
            return
        started = time.perf_counter()
        claims = [claim for group, _ in self._held for claim in group]
        settled = _Settlement(self.state, self.workspace.held([_batch(claim) for claim in claims]))
        done = [item for group, result in self._held for item in self._settle(group, result, settled)]
        fresh = [_batch(claim) for claim in claims if _batch(claim) not in settled.stored]
        self.workspace.ingest_all(fresh, settled.staged)
        seconds = {"load": time.perf_counter() - started}
        for _, result in self._held:
            for stage, n in result.seconds.items():
                seconds[stage] = seconds.get(stage, 0.0) + n
        with self.state.transaction():
            for item in done:
                self.state.record(item, today=self.today)
            self.state.add_seconds(seconds)
        for item in done:
            self.counts.setdefault(item.claim.source, Counts()).add(item.counts)
            self.faults += item.faults
        self._clean()

    def _settle(self, claims: Sequence[Claim], result: GroupResult, settled: _Settlement) -> list[ObjectDone]:
        """Leave out what was delivered before; count what each object delivers."""
        done = [_done(claim, item) for claim, item in zip(claims, result.objects, strict=True)]
        copies = [self._is_copy(claim) for claim in claims]
        for segment in result.segments:
            settled.take(segment, done, copies)
        for item in done:
            item.counts.delivered = sum(item.rows.values())
            item.counts.duplicate = item.counts.valid - item.counts.delivered
        return done

    def _is_copy(self, claim: Claim) -> bool:
        """Whether the same bytes were claimed under another id: their text lines have the same ids."""
        digests = self._digests.get(claim.source)
        if digests is None:
            digests = self._digests[claim.source] = self.state.digests(claim.source)
        copied = claim.digest in digests
        digests.add(claim.digest)
        return copied

    def _clean(self) -> None:
        for _, result in self._held:
            for segment in result.segments:
                segment.path.unlink(missing_ok=True)
        self._held.clear()
        self.rows = 0


class _Settlement:
    """Decides row by row what is new in one commit; `stored` names the objects that the lab holds."""

    def __init__(self, state: State, stored: set[str]) -> None:
        self.state = state
        self.stored = stored
        self.staged: list[StagedRows] = []
        self._known: set[int] = set()

    def take(self, segment: Segment, done: Sequence[ObjectDone], copies: Sequence[bool]) -> None:
        """Count a segment's new rows with their objects, and stage those that the lab lacks."""
        keys: list[int] = []
        seen: set[int] = set()
        if segment.layout == "json":
            keys = pl.read_parquet(segment.path, columns=["key"])["key"].to_list()
            seen = self.state.seen(keys)
        kept: list[int] = []
        start = 0
        for place, rows in segment.spans:
            item = done[place]
            if keys:
                new = [at for at in range(start, start + rows) if self._is_new(keys[at], seen)]
                item.keys.extend(keys[at] for at in new)
            else:
                new = [] if copies[place] else list(range(start, start + rows))
            if new:
                item.rows[segment.table] = item.rows.get(segment.table, 0) + len(new)
            if _batch(item.claim) not in self.stored:
                kept += new
            start += rows
        if len(kept) < start:
            write_segment(pl.read_parquet(segment.path)[kept], segment.path)
        if kept:
            self.staged.append(StagedRows(segment.table, segment.path, segment.layout))

    def _is_new(self, key: int, seen: set[int]) -> bool:
        if key in seen or key in self._known:
            return False
        self._known.add(key)
        return True


def _batch(claim: Claim) -> str:
    return f"{claim.source}/{claim.digest}/{claim.object_id}"


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
