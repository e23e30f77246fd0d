"""One pass over a folder: plan, work, commit. What is claimed is never delivered again."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Protocol

from tidewaiter.app.engine.commit import Committer
from tidewaiter.app.engine.plan import Plan, make_plan
from tidewaiter.app.engine.pool import work_all
from tidewaiter.app.engine.report import RunSummary, write_report
from tidewaiter.app.engine.worker import ObjectResult
from tidewaiter.content import sources
from tidewaiter.core.errors import StateError, UsageError
from tidewaiter.core.faults import OBJECT_FAULTS, Fault
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
    """What one pass did: `summary` is of this pass, `exit_code` 5 when input is missing from the result."""

    summary: RunSummary
    faults: list[Fault] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0, or 5 (partial delivery) when an object could not be read whole."""
        return 5 if any(fault.kind in OBJECT_FAULTS for fault in self.faults) else 0


def run_once(root: Path, state_dir: Path, *, workers: int, progress: Progress, today: date) -> RunResult:
    """Deliver what is new under `root` to the lab under `state_dir`.

    Raises:
        UsageError: nothing to read there. StateError: the state cannot be used. DeliveryError: rows
        could not be written; what was not claimed is taken again by the next run.
    """
    _check_apart(root, state_dir)
    paths = Paths(state_dir)
    with (
        State.open(state_dir) as state,
        _staging(paths.staging),
        Workspace.open(paths.workspace) as workspace,
    ):
        with state.transaction():
            state.forget(today - timedelta(days=DEDUPLICATION_DAYS))
        plan = make_plan(root, sources(), state.versions())
        progress.planned(plan)
        summary = RunSummary(
            started=_now(), from_path=str(root), objects_claimed_before=plan.claimed,
            unrecognized=[(item.id, item.reason) for item in plan.unrecognized],
        )  # fmt: skip
        committer = Committer(state, workspace, today=today)
        started = time.perf_counter()
        for group, result in work_all(plan.objects, paths.staging, workers=workers, detect=True):
            committer.add([item.claim for item in group], result)
            progress.done(result.objects)
            if committer.rows >= _COMMIT_ROWS:
                committer.commit()
        committer.commit()
        summary.seconds = round(time.perf_counter() - started, 3)
        summary.sources = committer.counts
        faults = [*plan.unreadable, *committer.faults]
        summary.unreadable = [(fault.object_id, fault.message) for fault in plan.unreadable]
        write_report(state, summary)
    return RunResult(summary, faults)


def _check_apart(root: Path, state_dir: Path) -> None:
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
            raise StateError(f"cannot use {self.path}: {error.strerror}") from None
        return self.path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
