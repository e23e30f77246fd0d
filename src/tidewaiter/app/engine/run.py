"""One pass over a folder: plan, work, commit. What is claimed is never delivered again."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Protocol

from tidewaiter.app.engine.commit import Committer
from tidewaiter.app.engine.plan import Plan, check_root, make_plan
from tidewaiter.app.engine.pool import work_all
from tidewaiter.app.engine.report import RunSummary, write_report
from tidewaiter.app.engine.worker import ObjectResult
from tidewaiter.content import sources
from tidewaiter.core.errors import DeliveryError, StateError, TidewaiterError, UsageError
from tidewaiter.core.faults import OBJECT_FAULTS, Fault, Quarantined
from tidewaiter.lab.workspace import Workspace
from tidewaiter.state import State

DEDUPLICATION_DAYS = 14
"""How long an event's key is remembered, in days of the wall clock."""
_COMMIT_ROWS = 20_000


class Progress(Protocol):
    """Told of the plan once, then of the objects that are done."""

    def planned(self, plan: Plan) -> None:
        """The plan is made."""

    def done(self, results: Sequence[ObjectResult]) -> None:
        """Some objects are worked on, not yet committed."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Where things lie under the state directory."""

    state: Path

    @property
    def workspace(self) -> Path:
        """The embedded lab's workspace."""
        return self.state / "lab" / "workspace.duckdb"

    @property
    def staging(self) -> Path:
        """Segments on their way from a worker to the lab; empty between runs."""
        return self.state / "staging"


@dataclass(slots=True)
class RunResult:
    """What one pass did; `known` says that something there was of a known source.

    `faults` are all of this pass, `quarantined` the first few records that it set aside.
    """

    summary: RunSummary
    faults: list[Fault] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    known: bool = True

    @property
    def exit_code(self) -> int:
        """0, 2 when nothing there is of a known source, 5 when an object could not be read whole."""
        return exit_code(self.faults, known=self.known)


def exit_code(faults: Sequence[Fault], *, known: bool) -> int:
    """Return the exit code of a pass (docs/bad-input.md)."""
    if any(fault.kind in OBJECT_FAULTS for fault in faults):
        return 5
    return 0 if known else 2


def run_once(root: Path, state_dir: Path, *, workers: int, progress: Progress, today: date) -> RunResult:
    """Deliver what is new under `root` to the lab under `state_dir`.

    Raises:
        UsageError: nothing to read there. StateError: the state cannot be used. DeliveryError: rows
        could not be written; what was not claimed is taken again by the next run.
    """
    _check_apart(root, state_dir)
    paths = Paths(state_dir)
    with State.open(state_dir) as state, _staging(paths.staging):
        if not paths.workspace.exists():
            state.reset()  # the lab was removed: nothing that was delivered is left
        with _open_lab(paths.workspace) as workspace:
            committer = Committer(state, workspace, today=today)
            committer.recover()
            with state.transaction():
                state.forget(today - timedelta(days=DEDUPLICATION_DAYS))
            plan = make_plan(root, sources(), state.versions())
            progress.planned(plan)
            return _work(plan, root, paths, committer, workers=workers, progress=progress)


def _work(
    plan: Plan, root: Path, paths: Paths, committer: Committer, *, workers: int, progress: Progress
) -> RunResult:
    summary = RunSummary(
        started=_now(), from_path=_text(root), objects_claimed_before=plan.claimed,
        unrecognized=[(item.id, item.reason) for item in plan.unrecognized],
    )  # fmt: skip
    started = time.perf_counter()

    def finish() -> RunResult:
        committer.commit()
        missed = [*plan.unreadable, *committer.unreadable]
        summary.seconds = round(time.perf_counter() - started, 3)
        summary.sources = committer.counts
        summary.unreadable = [(fault.object_id, fault.message) for _, fault in missed]
        write_report(committer.state, summary, missed)
        faults = [fault for _, fault in missed] + committer.faults
        return RunResult(summary, faults, committer.quarantined, plan.known)

    try:
        for group, result in work_all(plan.objects, paths.staging, workers=workers, deliver=True):
            committer.add([item.claim for item in group], result)
            progress.done(result.objects)
            if committer.rows >= _COMMIT_ROWS:
                committer.commit()
    except BaseException:
        # What was done before a worker died, or the user stopped it, is delivered and reported all the same.
        with suppress(TidewaiterError):
            finish()
        raise
    return finish()


def _open_lab(path: Path) -> Workspace:
    try:
        return Workspace.open(path)
    except StateError as error:
        if "No space left" not in error.message:
            raise
        hint = "free disk space, then run again: nothing was delivered"
        raise DeliveryError(f"cannot open the lab: {error.message}", hint=hint) from None


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


def _text(path: Path) -> str:
    """Return a path as text that can be stored, whatever bytes it is of."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
