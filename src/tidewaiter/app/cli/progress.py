"""Progress on stderr: objects done of all, records, and the rate; nothing when stderr is not a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tidewaiter.app.cli.terminal import errors

if TYPE_CHECKING:
    from tidewaiter.app.engine.plan import Plan
    from tidewaiter.app.engine.worker import ObjectResult


class Bar:
    """A bar with counts and rates; `planned` and `done` make it an engine's Progress."""

    def __init__(self, verb: str, *, unit: str = "objects") -> None:
        self.verb = verb
        self.records = 0
        self._start = time.monotonic()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TextColumn(unit),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=errors(),
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._progress.add_task(verb, total=None, rate="")

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._progress.stop()

    def planned(self, plan: Plan) -> None:
        """Say what lies ahead."""
        self._progress.update(self._task, total=len(plan.objects))

    def done(self, results: Sequence[ObjectResult]) -> None:
        """Advance by some objects."""
        self.records += sum(result.records for result in results)
        rate = f"{self.records:,} records  {self._rate()}"
        self._progress.update(self._task, advance=len(results), rate=rate)

    def counter(self, total: int) -> Callable[[int], None]:
        """Return a function that advances by so many of `total`."""
        self._progress.update(self._task, total=total)

        def advance(n: int) -> None:
            self.records += n
            self._progress.update(self._task, advance=n, rate=self._rate())

        return advance

    def _rate(self) -> str:
        return f"{self.records / max(time.monotonic() - self._start, 0.001):,.0f}/s"
