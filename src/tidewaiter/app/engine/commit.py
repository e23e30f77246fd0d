"""Commits: what is about to be delivered is noted, the rows go into the lab, then the claims are written.

Each of the three is one transaction. After a crash `recover` asks the lab whether the rows arrived: if they
did, the note becomes the claims; if not, the objects are worked on again. So it makes no difference what
changed in the folder meanwhile. Without a note (the state was removed, the lab was not) the lab still knows
the objects that it holds: they are worked on again, counted, and not stored a second time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date

import polars as pl

from tidewaiter.app.engine.worker import GroupResult, ObjectResult
from tidewaiter.core.faults import Fault, Quarantined
from tidewaiter.lab.workspace import StagedRows, Workspace
from tidewaiter.pipeline.deliver import Segment, write_segment
from tidewaiter.state import Claim, Counts, Intent, ObjectDone, State

SHOWN = 8
"""How many quarantined records a result carries; all of them are in quarantine.jsonl."""


class Committer:
    """Gathers results and commits them together; `counts` and `faults` are of all commits so far.

    `unreadable` holds (source, fault) of objects that could not be read to their end: not claimed.
    `quarantined` holds the first few records that were set aside.
    """

    def __init__(self, state: State, workspace: Workspace, *, today: date) -> None:
        self.state = state
        self.workspace = workspace
        self.today = today
        self.counts: dict[str, Counts] = {}
        self.faults: list[Fault] = []
        self.unreadable: list[tuple[str, Fault]] = []
        self.quarantined: list[Quarantined] = []
        self.rows = 0
        self._held: list[tuple[Sequence[Claim], GroupResult]] = []
        self._digests: dict[str, set[str]] = {}

    def recover(self) -> None:
        """Record what a run that ended early had delivered; to be called before anything is planned."""
        intent = self.state.intent()
        if intent is None:
            return
        batches = [_batch(item.claim) for item in intent.objects]
        if self.workspace.held(batches).issuperset(batches):
            self._record(intent)
        else:
            with self.state.transaction():
                self.state.drop_intent()

    def add(self, claims: Sequence[Claim], result: GroupResult) -> None:
        """Take the result of one group; `commit` writes it."""
        self._held.append((claims, result))
        self.rows += sum(item.records + 1 for item in result.objects)

    def commit(self) -> None:
        """Write everything that waits; what cannot be written is left to the next run.

        Raises:
            DeliveryError: the lab could not take the rows, or no room. StateError: the state could not be
            written.
        """
        held, self._held, self.rows = self._held, [], 0
        if not held:
            return
        started = time.perf_counter()
        claims = [claim for group, _ in held for claim in group]
        settled = _Settlement(self.state, self.workspace.held([_batch(claim) for claim in claims]))
        done = [item for group, result in held for item in self._settle(group, result, settled)]
        intent = Intent(done, {})
        for _, result in held:
            for stage, n in result.seconds.items():
                intent.seconds[stage] = intent.seconds.get(stage, 0.0) + n
        self.state.intend(intent)
        fresh = [batch for batch in (_batch(item.claim) for item in done) if batch not in settled.stored]
        self.workspace.ingest_all(fresh, settled.staged)
        intent.seconds["load"] = time.perf_counter() - started
        self._record(intent)
        for _, result in held:
            for segment in result.segments:
                segment.path.unlink(missing_ok=True)

    def _record(self, intent: Intent) -> None:
        self.state.fulfil(intent, today=self.today)
        for item in intent.objects:
            self.counts.setdefault(item.claim.source, Counts()).add(item.counts)
            self.faults += item.faults
            self.quarantined += item.quarantined[: SHOWN - len(self.quarantined)]

    def _settle(self, claims: Sequence[Claim], result: GroupResult, settled: _Settlement) -> list[ObjectDone]:
        """Leave out what was delivered before; count what each object delivers."""
        done = [_done(claim, item) for claim, item in zip(claims, result.objects, strict=True)]
        lost = [any(fault.kind == "unreadable" for fault in item.faults) for item in done]
        copies = [not gone and self._is_copy(claim) for claim, gone in zip(claims, lost, strict=True)]
        for segment in result.segments:
            settled.take(segment, done, copies, lost)
        for item, gone in zip(done, lost, strict=True):
            item.counts.delivered = sum(item.rows.values())
            item.counts.duplicate = item.counts.valid - item.counts.delivered
            if gone:
                self.unreadable += [(item.claim.source, fault) for fault in item.faults]
        return [item for item, gone in zip(done, lost, strict=True) if not gone]

    def _is_copy(self, claim: Claim) -> bool:
        """Whether the same bytes were claimed under another id: their text lines have the same ids."""
        digests = self._digests.get(claim.source)
        if digests is None:
            digests = self._digests[claim.source] = self.state.digests(claim.source)
        copied = claim.digest in digests
        digests.add(claim.digest)
        return copied


class _Settlement:
    """Decides row by row what is new in one commit; `stored` names the objects that the lab holds."""

    def __init__(self, state: State, stored: set[str]) -> None:
        self.state = state
        self.stored = stored
        self.staged: list[StagedRows] = []
        self._known: set[int] = set()

    def take(
        self, segment: Segment, done: Sequence[ObjectDone], copies: Sequence[bool], lost: Sequence[bool]
    ) -> None:
        """Count a segment's new rows with their objects, and stage those that the lab lacks."""
        keys: list[int] = []
        seen: set[int] = set()
        if segment.keyed:
            keys = pl.read_parquet(segment.path, columns=["key"])["key"].to_list()
            seen = self.state.seen(keys)
        kept: list[int] = []
        start = 0
        for place, rows in segment.spans:
            item = done[place]
            if lost[place]:
                new = []
            elif keys:
                new = [at for at in range(start, start + rows) if self._is_new(keys[at], seen)]
                item.keys.extend(keys[at] for at in new)
            else:
                new = [] if copies[place] else list(range(start, start + rows))
            if new:
                item.rows[segment.table] = item.rows.get(segment.table, 0) + len(new)
            if _batch(item.claim) not in self.stored:
                kept += new
            start += rows
        if kept:
            held = pl.read_parquet(segment.path, columns=["row", "extra_at"])[kept]
            heads = [row[: at - 20] + b"}" for row, at in held.iter_rows()]
            extras = [row[at:-1] for row, at in held.iter_rows()]
            frame = pl.DataFrame({"head": heads, "extra": extras}).select(pl.all().cast(pl.String))
            write_segment(frame, segment.path)
            self.staged.append(StagedRows(segment.table, segment.path, "json"))

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
