"""Commits: rows into the lab first, then claims and all that came with them, in one transaction.

A crash between the two is harmless: the lab knows the batches that it holds by their id, so the objects
that were not claimed are worked on again and their rows are recognised.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date

import polars as pl

from tidewaiter.app.engine.worker import ObjectResult
from tidewaiter.core.faults import Fault
from tidewaiter.lab.workspace import StagedRows, Workspace
from tidewaiter.pipeline.deliver import Segment
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
        self._held: list[tuple[Claim, ObjectResult]] = []
        self._digests: dict[str, set[str]] = {}

    @property
    def objects(self) -> int:
        """How many objects wait for the next commit."""
        return len(self._held)

    def add(self, claim: Claim, result: ObjectResult) -> None:
        """Take one result; `commit` writes it."""
        self._held.append((claim, result))
        self.rows += result.valid

    def commit(self) -> None:
        """Write everything that waits.

        Raises:
            DeliveryError: the lab could not take the rows. StateError: the state could not be written.
        """
        if not self._held:
            return
        started = time.perf_counter()
        seconds: dict[str, float] = {}
        known: set[int] = set()
        batches: dict[str, list[StagedRows]] = {}
        done: list[ObjectDone] = []
        for claim, result in self._held:
            batch, item = self._settle(claim, result, known)
            batches[f"{claim.source}/{claim.digest}/{claim.object_id}"] = batch
            done.append(item)
            for stage, n in result.seconds.items():
                seconds[stage] = seconds.get(stage, 0.0) + n
        self.workspace.ingest_all(batches)
        seconds["load"] = time.perf_counter() - started
        with self.state.transaction():
            for item in done:
                self.state.record(item, today=self.today)
            self.state.add_seconds(seconds)
        for item in done:
            self.counts.setdefault(item.claim.source, Counts()).add(item.counts)
            self.faults += item.faults
        self._clean()

    def _settle(
        self, claim: Claim, result: ObjectResult, known: set[int]
    ) -> tuple[list[StagedRows], ObjectDone]:
        """Leave out what was delivered before; count what remains."""
        rows: dict[str, int] = {}
        staged: list[StagedRows] = []
        fresh: list[int] = []
        copied = self._is_copy(claim)
        for segment in result.segments:
            kept = segment.rows
            if segment.layout == "json":
                kept = self._keep_new(segment, known, fresh)
            elif copied:
                kept = 0
            if kept:
                rows[segment.table] = rows.get(segment.table, 0) + kept
                staged.append(StagedRows(segment.table, segment.path, segment.layout))
        delivered = sum(rows.values())
        counts = Counts(
            objects=1,
            records=result.records,
            valid=result.valid,
            quarantined=len(result.quarantined),
            delivered=delivered,
            duplicate=result.valid - delivered,
            faults=len(result.faults) + len(result.quarantined),
            raw_bytes=result.raw_bytes,
        )
        return staged, ObjectDone(
            claim, counts, rows, fresh, result.signals, result.faults, result.quarantined
        )

    def _is_copy(self, claim: Claim) -> bool:
        """Whether the same bytes were claimed before under another id (their text lines have the same ids)."""
        digests = self._digests.get(claim.source)
        if digests is None:
            digests = self._digests[claim.source] = self.state.digests(claim.source)
        copied = claim.digest in digests
        digests.add(claim.digest)
        return copied

    def _keep_new(self, segment: Segment, known: set[int], fresh: list[int]) -> int:
        """Drop the rows of events that were delivered before; return how many rows are left."""
        keys = pl.read_parquet(segment.path, columns=["key"])["key"].to_list()
        seen = self.state.seen(keys)
        kept: list[int] = []
        for place, key in enumerate(keys):
            if key not in seen and key not in known:
                known.add(key)
                kept.append(place)
        fresh += [keys[place] for place in kept]
        if len(kept) < len(keys):
            _rewrite(segment, kept)
        return len(kept)

    def _clean(self) -> None:
        for _, result in self._held:
            for segment in result.segments:
                segment.path.unlink(missing_ok=True)
        self._held.clear()
        self.rows = 0


def _rewrite(segment: Segment, kept: Sequence[int]) -> None:
    frame = pl.read_parquet(segment.path)[list(kept)]
    frame.write_parquet(segment.path, compression="lz4", statistics=False)
