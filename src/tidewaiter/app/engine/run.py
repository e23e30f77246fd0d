"""One pass over a folder: plan, work, commit, send. What is claimed is never delivered again."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from tidewaiter.app.engine.alerting import raise_alerts
from tidewaiter.app.engine.bound import begin_anew, bind, bind_trail
from tidewaiter.app.engine.commit import Committer, Places
from tidewaiter.app.engine.destination import (
    Destination,
    check_pulled,
    check_wanted,
    destination,
    utc_now,
    wanted_of,
    warden_of,
)
from tidewaiter.app.engine.drift import Drift
from tidewaiter.app.engine.metrics import Metrics
from tidewaiter.app.engine.paths import Paths
from tidewaiter.app.engine.plan import Plan, PlannedObject, add_objects, check_root, make_plan
from tidewaiter.app.engine.pool import work_all
from tidewaiter.app.engine.pull import PullCounts, Puller, sweep
from tidewaiter.app.engine.report import RunSummary, write_report
from tidewaiter.app.engine.worker import ObjectResult
from tidewaiter.content import sources
from tidewaiter.core.errors import StateError, TidewaiterError, UsageError
from tidewaiter.core.faults import OBJECT_FAULTS, Fault, Quarantined
from tidewaiter.core.permit import Capability
from tidewaiter.core.settings import Destination as Wanted
from tidewaiter.core.settings import Settings
from tidewaiter.govern import NO_SOURCE
from tidewaiter.govern.audit import open_audit
from tidewaiter.pipeline.deliver.archive import Archive
from tidewaiter.pipeline.normalize.drift import table as drift_table
from tidewaiter.pipeline.sources.pull import pulled_objects
from tidewaiter.state import State, open_state

DEDUPLICATION_DAYS = 14
"""How long an event's key is remembered, in days on which something was delivered."""
_LEASE = timedelta(minutes=30)
_RESERVED = 64
"""Objects that one process takes at a time from a state that it shares."""


class Progress(Protocol):
    """Told of the plan once, then of the objects that are done."""

    def planned(self, plan: Plan) -> None:
        """The plan is made."""

    def done(self, results: Sequence[ObjectResult]) -> None:
        """Some objects are worked on, not yet committed."""


@dataclass(slots=True)
class RunResult:
    """What one pass did; `known` says that something there was of a known source.

    `faults` are all of this pass, `quarantined` the first few records that it set aside, `waiting` the
    batches that are still in the outbox, `dead` those that were given up.
    """

    summary: RunSummary
    faults: list[Fault] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    known: bool = True
    waiting: int = 0
    dead: int = 0

    @property
    def exit_code(self) -> int:
        """0, 2 when nothing there is of a known source, 5 when something is missing from the result."""
        missing = self.waiting or self.dead or self.summary.pull_failures
        return 5 if missing else exit_code(self.faults, known=self.known)


def exit_code(faults: Sequence[Fault], *, known: bool) -> int:
    """Return the exit code of a pass (docs/bad-input.md)."""
    if any(fault.kind in OBJECT_FAULTS for fault in faults):
        return 5
    return 0 if known else 2


@dataclass
class Pass:
    """What one pass works with; `clock` gives aware times, `notice` tells people what takes long.

    `root` is None where findings of the workspace are all that is read.
    """

    root: Path | None
    paths: Paths
    settings: Settings
    state: State
    to: Destination
    places: Places
    metrics: Metrics
    clock: Callable[[], datetime]
    notice: Callable[[str], None]


def run_once(
    root: Path | None,
    state_dir: Path,
    *,
    workers: int,
    progress: Progress,
    settings: Settings | None = None,
    clock: Callable[[], datetime] = utc_now,
    metrics: Metrics | None = None,
    notice: Callable[[str], None] = lambda _: None,
) -> RunResult:
    """Deliver what is new under `root` to where the settings say: the lab under `state_dir`, or Azure.

    Before that, findings are pulled from there, of the sources for which the settings say so.

    Raises:
        UsageError: nothing to read there, or anywhere. ConfigError: a setting cannot be used. StateError: the
        state cannot be used. DeliveryError: rows could not be written or sent; what was not claimed is taken
        again by the next run, and what was waits in the outbox.
    """
    given = settings or Settings()
    if root is not None:
        _check_apart(root, state_dir)
    elif not given.pulled:
        hint = "give --from DIR, or pull = true under [sources.NAME] in the settings"
        raise UsageError("there is nothing to read: no folder, and no source to pull", hint=hint)
    check_wanted(given)
    check_pulled(given)
    with _opened(root, state_dir, given, clock, metrics or Metrics(), notice) as its:
        its.state.take_back(now=clock())
        its.state.revive()
        its.places.sweep(its.state, now=clock())
        its.state.forget(days=DEDUPLICATION_DAYS)
        its.state.prune(clock().date())
        pulled = _pull(its)
        plan = _plan(its, pulled)
        progress.planned(plan)
        return _Work(plan, its, pulled).to_the_end(workers=workers, progress=progress)


def _pull(its: Pass) -> dict[str, PullCounts]:
    wanted = {name: its.settings.sources[name] for name in its.settings.pulled}
    puller = Puller(its.state, its.to, its.paths.pulled, its.metrics, its.clock, its.notice)
    return puller.pull(wanted)


def _plan(its: Pass, pulled: Mapping[str, PullCounts]) -> Plan:
    known, versions = sources(), its.state.versions()
    sweep(its.paths.pulled, versions, now=its.clock())
    plan = make_plan(its.root, known, versions) if its.root is not None else Plan()
    add_objects(plan, pulled_objects(its.paths.pulled, list(known)), versions)
    plan.pulled = bool(pulled)
    return plan


@contextmanager
def _opened(
    root: Path | None,
    state_dir: Path,
    settings: Settings,
    clock: Callable[[], datetime],
    metrics: Metrics,
    notice: Callable[[str], None],
) -> Iterator[Pass]:
    paths = Paths(state_dir)
    with ExitStack() as stack:
        fresh = not settings.state.url and not (state_dir / "state.db").exists()
        state = stack.enter_context(open_state(state_dir, settings.state.url))
        stack.enter_context(_staging(paths.staging))
        bind(state, settings)
        audit = stack.enter_context(open_audit(paths.audit))
        if not settings.state.url:  # processes that share a state have a trail each
            bind_trail(state, audit, now=clock())
        if settings.embedded and not settings.state.url and not paths.workspace.exists():
            begin_anew(state, paths, audit, now=clock())
        warden = warden_of(settings, clock)
        warden.sink = lambda permit: audit.append(
            "permit",
            "tidewaiter",
            {
                "capability": permit.capability.value, "source": permit.source, "phase": permit.phase.value,
                "approval": permit.approval, "expires": permit.expires.isoformat(),
            },
            at=clock(),
        )  # fmt: skip
        archive = Archive.open(settings.archive.url or paths.archive)
        to = stack.enter_context(destination(settings, paths, warden))
        theirs = {table for name in settings.pulled for table in sources()[name].native_tables}
        ours = to.routes.keys() - theirs
        if fresh and to.lab and to.lab.work(to.lab.workspace.counts).keys() & ours:
            hint = f"remove {paths.lab} to deliver everything anew, or bring the state back"
            raise StateError("the lab holds rows, but the state that delivered them is gone", hint=hint)
        places = Places(archive, paths.decisions, audit, warden)
        yield Pass(root, paths, settings, state, to, places, metrics, clock, notice)


class _Work:
    """One pass at work. Once it was stopped, or a drain failed, it sends no more."""

    def __init__(self, plan: Plan, its: Pass, pulled: dict[str, PullCounts]) -> None:
        self.plan = plan
        self.its = its
        self.started = time.perf_counter()
        self.summary = RunSummary(
            started=_stamp(its.clock()), from_path=_text(its.root), objects_claimed_before=plan.claimed,
            unrecognized=[(item.id, item.reason) for item in plan.unrecognized], pulled=pulled,
        )  # fmt: skip
        self.sender = its.to.sender(its.state, clock=its.clock, notice=its.notice)
        self.sends, self.sending = True, 0.0
        self.warden = its.to.warden
        self.drift = Drift(
            its.state, its.metrics, clock=its.to.lab.now if its.to.lab else its.clock,
            leave=lambda: self.warden.allows(Capability.DELIVER_SUMMARIES, NO_SOURCE),
            routed=drift_table.TABLE in its.to.routes, notice=its.notice,
        )  # fmt: skip
        self.committer = Committer(
            its.state, its.places, clock=its.clock, send=self.send, metrics=its.metrics,
            kept_back=lambda source: not self.warden.allows(Capability.DELIVER_ROWS, source),
        )  # fmt: skip

    def to_the_end(self, *, workers: int, progress: Progress) -> RunResult:
        """Work on all of the plan; raises as `run_once`, after what was done is committed and reported."""
        try:
            self.send()  # what an earlier run left in the outbox
            for items in _turns(self.plan.objects, self.its):
                self._work_on(items, workers=workers, progress=progress)
        except BaseException as error:
            self.sends = self.sends and isinstance(error, Exception)
            with suppress(TidewaiterError):
                self._finish()
            raise
        return self._finish()

    def _work_on(self, items: Sequence[PlannedObject], *, workers: int, progress: Progress) -> None:
        staging = self.its.paths.staging
        destinations = self._destinations()
        for group, result in work_all(
            items, staging, workers=workers, deliver=True, destinations=destinations
        ):
            self.committer.add([item.claim for item in group], result)
            self.drift.take(result.seen)
            progress.done(result.objects)
            if self.committer.full:
                self.committer.commit()
                self.drift.save()
        if self.its.settings.state.url:
            self.committer.commit()

    def _destinations(self) -> dict[str, Wanted]:
        """Where the events go, by source; of a source in shadow the archive gets the ASIM rows."""
        wanted = wanted_of(self.its.settings)
        leaves = {name: self.warden.allows(Capability.DELIVER_ROWS, name) for name in wanted}
        return {name: where for name, where in wanted.items() if leaves[name]}

    def send(self) -> None:
        """Send what is in the outbox; nothing after a drain that failed."""
        if not self.sends:
            return
        before, began = self.sender.report, time.perf_counter()
        self.sends = False
        try:
            self.its.to.drain(self.sender)
            self.sends = True
        finally:
            self.sending += time.perf_counter() - began
            self.its.metrics.sent_between(before, self.sender.report)

    def _finish(self) -> RunResult:
        its, lab = self.its, self.its.to.lab
        try:
            self.committer.commit()
            self.committer.audit()
            self.drift.save()
            leave = self.warden.allows(Capability.RAISE_ALERTS, NO_SOURCE)
            raise_alerts(its.state, clock=lab.now if lab else its.clock, leave=leave)
            self.send()
            if lab and self.sends:
                lab.run_rules()
        finally:
            missed = self._report()
        outcome = self.committer.outcome
        faults = [fault for _, fault in missed] + outcome.faults
        totals = its.state.outbox()
        its.metrics.outbox(totals)
        waiting = totals.pending.batches
        if not its.state.shared:  # what another process is sending is its affair
            waiting += totals.sending.batches
        return RunResult(
            self.summary, faults, outcome.quarantined, self.plan.known, waiting, totals.dead.batches
        )

    def _report(self) -> list[tuple[str, Fault]]:
        """Write the reports; return what could not be read to its end."""
        outcome, summary = self.committer.outcome, self.summary
        self.its.state.add_seconds({"send": self.sending})
        missed = [*self.plan.unreadable, *outcome.unreadable]
        summary.seconds = round(time.perf_counter() - self.started, 3)
        summary.sources = outcome.counts
        summary.sent = self.sender.report
        summary.drift = self.drift.counts
        summary.unreadable = [(fault.object_id, fault.message) for _, fault in missed]
        write_report(self.its.state, summary, missed)
        return missed


def _turns(items: Sequence[PlannedObject], its: Pass) -> Iterator[Sequence[PlannedObject]]:
    """Yield the objects that are ours: all of them, or a few at a time where others share the state."""
    if not its.settings.state.url:
        yield items
        return
    for start in range(0, len(items), _RESERVED):
        part = items[start : start + _RESERVED]
        ours = its.state.reserve([item.claim for item in part], now=its.clock(), lease=_LEASE)
        mine = [item for item in part if item.claim.version in ours]
        if mine:
            yield mine
            its.state.release([item.claim for item in mine])


def _check_apart(root: Path, state_dir: Path) -> None:
    check_root(root)  # before a state is made
    if root.is_dir() and state_dir.resolve().is_relative_to(root.resolve()):
        hint = "give --state a folder outside of --from"
        raise UsageError(f"the state directory {state_dir} lies inside {root}", hint=hint)


class _staging:  # noqa: N801 (a context manager used as a word)
    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Path:
        try:
            shutil.rmtree(self.path, ignore_errors=True)
            self.path.mkdir(parents=True)
        except OSError as error:
            hint = "remove what is there, or give --state another folder"
            raise StateError(f"cannot use {self.path}: {error.strerror}", hint=hint) from None
        return self.path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def _text(path: Path | None) -> str:
    """Return a path as text that can be stored, whatever bytes it is of; "" for none."""
    return "" if path is None else os.fsencode(path).decode("utf-8", "backslashreplace")


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
