"""Commits: archive and decisions are written, then claims and outbox in one transaction, then it is sent.

A crash before the transaction leaves parts of the archive that nothing stands behind; the next run writes the
same part anew. A crash after it leaves batches in the outbox, which the next run sends. Between a request and
the note that it was answered a batch may be sent twice: the outbox marks it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tidewaiter.app.engine.metrics import Metrics
from tidewaiter.app.engine.settle import Group, Settled, settle
from tidewaiter.app.engine.worker import GroupResult
from tidewaiter.core.errors import StateError
from tidewaiter.core.faults import Fault, Quarantined
from tidewaiter.govern.audit import AuditLog
from tidewaiter.govern.merkle import decisions_root
from tidewaiter.pipeline.deliver.archive import Archive
from tidewaiter.pipeline.deliver.decisions import write_decisions
from tidewaiter.state import Claim, Conflict, Counts, State

SHOWN = 8
"""How many quarantined records a result carries; all of them are in quarantine.jsonl."""
_ROWS = 20_000
_BYTES = 64_000_000
"""A commit is due when this much is staged: what it packs, and the outbox until it is sent, is in memory."""
_ATTEMPTS = 50
"""How often another process may be faster before something is wrong."""


@dataclass(frozen=True, slots=True)
class Places:
    """What a commit writes into beside the state."""

    archive: Archive
    decisions: Path
    audit: AuditLog


@dataclass(slots=True)
class Outcome:
    """What all commits of a pass brought.

    `unreadable` holds (source, fault) of objects that could not be read to their end: not claimed.
    `quarantined` holds the first few records that were set aside.
    """

    counts: dict[str, Counts] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    unreadable: list[tuple[str, Fault]] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)


class Committer:
    """Gathers results and commits them together; `send` is called after each commit."""

    def __init__(
        self,
        state: State,
        places: Places,
        *,
        clock: Callable[[], datetime],
        send: Callable[[], None],
        metrics: Metrics,
    ) -> None:
        self.state = state
        self.places = places
        self.clock = clock
        self.send = send
        self.metrics = metrics
        self.outcome = Outcome()
        self._rows = 0
        self._bytes = 0
        self._held: list[Group] = []
        self._commits = 0

    def add(self, claims: Sequence[Claim], result: GroupResult) -> None:
        """Take the result of one group; `commit` writes it."""
        self._held.append((claims, result))
        self._rows += sum(item.records + 1 for item in result.objects)
        self._bytes += sum(segment.size for segment in result.segments)

    @property
    def full(self) -> bool:
        """Whether enough waits for a commit."""
        return self._rows >= _ROWS or self._bytes >= _BYTES

    def commit(self) -> None:
        """Write everything that waits, and send it; what cannot be written is left to the next run.

        Raises:
            DeliveryError: no room, or the destination did not take the rows (they wait in the outbox).
            StateError: the state could not be written. ConfigError: the archive cannot be used.
        """
        held, self._held, self._rows, self._bytes = self._held, [], 0, 0
        if not held:
            return
        settled = self._write(held)
        for _, result in held:
            for segment in result.segments:
                segment.path.unlink(missing_ok=True)
        self._account(settled)
        self.audit()
        self.send()

    def audit(self) -> None:
        """Write the Merkle roots of committed decisions into the audit trail, those of a dead run too."""
        waiting = self.state.unaudited()
        if not waiting:
            return
        bodies = [
            {
                "source": each.claim.source, "object_id": each.claim.object_id, "digest": each.claim.digest,
                "count": each.decided, "root": each.root,
            }
            for each in waiting
        ]  # fmt: skip
        self.places.audit.append_all([("decisions", "tidewaiter", body) for body in bodies], at=self.clock())
        self.state.mark_audited(waiting)

    def _write(self, held: Sequence[Group]) -> Settled:
        spent: dict[str, float] = {}
        for _, result in held:
            for stage, n in result.seconds.items():
                spent[stage] = spent.get(stage, 0.0) + n
        taken: Collection[tuple[str, str]] = ()
        for _ in range(_ATTEMPTS):
            started = time.perf_counter()
            settled = settle(held, self.state, now=self.clock(), taken=taken)
            self._keep(settled)
            seconds = {**spent, "commit": time.perf_counter() - started}
            try:
                self.state.commit(settled.done, settled.batches, seconds, today=self.clock().date())
            except Conflict:
                taken = self.state.claimed([claim for claims, _ in held for claim in claims])
                continue
            self.metrics.committed(_by_source(settled), seconds)
            return settled
        raise StateError("other processes claim the same objects again and again", hint="report this")

    def _keep(self, settled: Settled) -> None:
        """Write archive and decisions under a name that the next attempt at the same commit takes, too."""
        self._commits += 1
        part = f"{self.state.owner}-{self._commits:06d}"
        for source, frame in settled.archive.items():
            self.places.archive.write(part, source, frame)
        if not settled.decisions:
            return
        write_decisions(
            self.places.decisions, part, settled.decisions, day=self.clock().astimezone(UTC).date()
        )
        for item in settled.done:
            claim = item.claim
            decided = settled.decisions.get((claim.source, claim.object_id, claim.digest), [])
            if decided:
                item.root, item.decided, item.part = decisions_root(decided), len(decided), part

    def _account(self, settled: Settled) -> None:
        outcome = self.outcome
        outcome.unreadable += settled.unreadable
        for item in settled.done:
            outcome.counts.setdefault(item.claim.source, Counts()).add(item.counts)
            outcome.faults += item.faults
            outcome.quarantined += item.quarantined[: SHOWN - len(outcome.quarantined)]


def _by_source(settled: Settled) -> dict[str, Counts]:
    found: dict[str, Counts] = {}
    for item in settled.done:
        found.setdefault(item.claim.source, Counts()).add(item.counts)
    return found
