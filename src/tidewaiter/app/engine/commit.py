"""Commits: archive and decisions are written, then claims and outbox in one transaction, then it is sent.

A crash before the transaction leaves parts of archive and decisions that nothing stands behind: the state has
noted which, and the next run removes them (`sweep`). A crash after it leaves batches in the outbox, which
the next run sends. Between a request and the note of its answer a batch may be sent twice: the outbox marks
it.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from tidewaiter.app.engine.metrics import Metrics
from tidewaiter.app.engine.settle import Group, Settled, settle
from tidewaiter.app.engine.worker import GroupResult, guest_id
from tidewaiter.core.errors import StateError
from tidewaiter.core.faults import Fault, Quarantined
from tidewaiter.core.permit import Capability
from tidewaiter.govern import Warden
from tidewaiter.govern.audit import AuditLog
from tidewaiter.govern.merkle import decisions_root
from tidewaiter.pipeline.deliver.archive import Archive, files_of
from tidewaiter.pipeline.deliver.decisions import decision_files, write_decisions
from tidewaiter.state import Claim, Conflict, Counts, State, Unaudited

SHOWN = 8
"""How many quarantined records a result carries; all of them are in quarantine.jsonl."""
_ROWS = 20_000
_BYTES = 64_000_000
"""A commit is due when this much is staged: what it packs, and the outbox until it is sent, is in memory."""
_ATTEMPTS = 50
"""How often another process may be faster before something is wrong."""
_LEASE = timedelta(minutes=30)
_ARCHIVE, _DECISIONS = "archive/", "decisions/"


def guest_claim(claim: Claim, source: str) -> Claim:
    """Return the claim of the records of `source` in an object of another."""
    return replace(claim, object_id=guest_id(claim.object_id, source), source=source)


@dataclass(frozen=True, slots=True)
class Places:
    """What a commit writes into beside the state."""

    archive: Archive
    decisions: Path
    audit: AuditLog
    warden: Warden

    @property
    def home(self) -> str:
        """A name for this state directory among those that share a state."""
        return sha256(f"{platform.node()}:{self.decisions.resolve()}".encode()).hexdigest()[:12]

    def sweep(self, state: State, *, now: datetime) -> int:
        """Remove what a run wrote that ended before its commit; return how many files.

        Raises:
            DeliveryError: a file cannot be removed. ConfigError: the archive cannot be used.
        """
        gone, here = 0, f"{_DECISIONS}{self.home}/"
        for part, files in state.abandoned(now=now).items():
            theirs = [name for name in files if not name.startswith((_ARCHIVE, here))]
            for name in files:
                if name.startswith(_ARCHIVE):
                    leave = self.warden.permit(Capability.WRITE_ARCHIVE)
                    self.archive.remove(name.removeprefix(_ARCHIVE), permit=leave, now=now)
                elif name.startswith(here):
                    (self.decisions / name.removeprefix(here)).unlink(missing_ok=True)
            gone += len(files) - len(theirs)
            if not theirs:  # decisions in another state directory are for a run there
                state.forget_part(part)
        return gone


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
        kept_back: Callable[[str], bool],
    ) -> None:
        self.state = state
        self.places = places
        self.clock = clock
        self.send = send
        self.metrics = metrics
        self.kept_back = kept_back
        self.outcome = Outcome()
        self._rows = 0
        self._bytes = 0
        self._held: list[Group] = []
        self._commits = 0

    def add(self, claims: Sequence[Claim], result: GroupResult) -> None:
        """Take the result of one group, whose objects the claims are for; `commit` writes it."""
        guests = [guest_claim(claims[guest.of], guest.source) for guest in result.guests]
        self._held.append(([*claims, *guests], result))
        self._rows += sum(item.records + 1 for item in result.results)
        self._bytes += sum(segment.size for segment in result.segments)
        self._bytes += sum(item.set_aside for item in result.results)

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
        waiting = [each for each in self.state.unaudited() if self._is_ours(each)]
        if not waiting:
            return
        entries: list[tuple[str, str, dict[str, object]]] = [
            (
                "decisions",
                "tidewaiter",
                {
                    "source": each.claim.source, "object_id": each.claim.object_id,
                    "digest": each.claim.digest, "count": each.decided, "root": each.root,
                },
            )
            for each in waiting
        ]  # fmt: skip
        for part in sorted({each.part for each in waiting}):
            for path in sorted(self.places.decisions.rglob(f"{part}.parquet")):
                name = path.relative_to(self.places.decisions).as_posix()
                digest = sha256(path.read_bytes()).hexdigest()
                entries.append(("decisions_file", "tidewaiter", {"file": name, "sha256": digest}))
        self.places.audit.append_all(entries, at=self.clock())
        self.state.mark_audited(waiting)

    def _is_ours(self, each: Unaudited) -> bool:
        """Whether its decisions are in this state directory; others that share the state have their own."""
        return not self.state.shared or any(self.places.decisions.rglob(f"{each.part}.parquet"))

    def _write(self, held: Sequence[Group]) -> Settled:
        spent: dict[str, float] = {}
        for _, result in held:
            for stage, n in result.seconds.items():
                spent[stage] = spent.get(stage, 0.0) + n
        taken: Collection[tuple[str, str]] = ()
        for _ in range(_ATTEMPTS):
            started = time.perf_counter()
            settled = settle(held, self.state, now=self.clock(), taken=taken, kept_back=self.kept_back)
            part = self._keep(settled)
            seconds = {**spent, "commit": time.perf_counter() - started}
            try:
                today = self.clock().date()
                self.state.commit(settled.done, settled.batches, seconds, today=today, part=part)
            except Conflict:
                taken = self.state.claimed([claim for claims, _ in held for claim in claims])
                continue
            self.metrics.committed(_by_source(settled), seconds)
            return settled
        raise StateError("other processes claim the same objects again and again", hint="report this")

    def _keep(self, settled: Settled) -> str:
        """Write archive and decisions; return the part's name, which is another one for each attempt."""
        self._commits += 1
        part = f"{self.state.owner}-{self._commits:06d}"
        day = self.clock().astimezone(UTC).date()
        self.state.begin_part(
            part, _files(part, settled, day, self.places.home), now=self.clock(), lease=_LEASE
        )
        for source, frame in settled.archive.items():
            leave = self.places.warden.permit(Capability.WRITE_ARCHIVE, source)
            self.places.archive.write(part, source, frame, permit=leave, now=self.clock())
        if settled.decisions:
            write_decisions(self.places.decisions, part, settled.decisions, day=day)
        for item in settled.done:
            claim = item.claim
            decided = settled.decisions.get((claim.source, claim.object_id, claim.digest), [])
            if decided:
                item.root, item.decided, item.part = decisions_root(decided), len(decided), part
        return part

    def _account(self, settled: Settled) -> None:
        outcome = self.outcome
        outcome.unreadable += settled.unreadable
        for item in settled.done:
            outcome.counts.setdefault(item.claim.source, Counts()).add(item.counts)
            outcome.faults += item.faults
            outcome.quarantined += item.quarantined[: SHOWN - len(outcome.quarantined)]


def _files(part: str, settled: Settled, day: date, home: str) -> list[str]:
    archive = [name for source, frame in settled.archive.items() for name in files_of(part, source, frame)]
    decisions = decision_files(part, settled.decisions, day=day)
    return [_ARCHIVE + name for name in archive] + [f"{_DECISIONS}{home}/{name}" for name in decisions]


def _by_source(settled: Settled) -> dict[str, Counts]:
    found: dict[str, Counts] = {}
    for item in settled.done:
        found.setdefault(item.claim.source, Counts()).add(item.counts)
    return found
