"""`tidewaiter run`: a folder of AWS logs into the workspace."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidewaiter.app.cli.incidents import known_incidents
from tidewaiter.app.cli.options import DEFAULT_STATE, Config, Json, StateDir, Workers
from tidewaiter.app.cli.progress import Bar
from tidewaiter.app.cli.story import print_run
from tidewaiter.app.cli.terminal import explain, say
from tidewaiter.core.errors import StateError, TidewaiterError, UsageError

if TYPE_CHECKING:
    from tidewaiter.app.engine.metrics import Metrics
    from tidewaiter.app.engine.run import RunResult
    from tidewaiter.core.settings import Settings


def run(
    from_: Annotated[
        Path | None,
        typer.Option("--from", readable=False, help="Folder (or file) of logs; sources are recognised."),
    ] = None,
    state: StateDir = DEFAULT_STATE,
    once: Annotated[
        bool, typer.Option("--once", help="End when all is read, instead of watching for more.")
    ] = False,
    every: Annotated[float, typer.Option("--every", min=1, help="Seconds between looks for more.")] = 30.0,
    workers: Workers = 0,
    config: Config = None,
    json: Json = False,
) -> None:
    """Deliver what is new under a folder to Sentinel or the lab. It is the lab without Azure settings.

    Findings that are in the workspace already are read from there, of sources with `pull = true` in the
    settings; then --from may be left out.

    Exit code 5 when an object could not be read whole, a pull stopped early or rows still wait in the outbox,
    2 when nothing there is of a known source; quarantined records are reported and kept.
    """
    from tidewaiter.app.engine.metrics import Metrics, serving
    from tidewaiter.core.settings import load

    settings = load(config).settings
    metrics = Metrics()
    try:
        with _stopped_by_sigterm(), serving(metrics, settings.metrics.listen):
            before = known_incidents(state)
            result = pass_over(from_, state, workers, settings=settings, metrics=metrics)
            print_run(result, state, json=json, before=before, settings=settings)
            while not once:
                time.sleep(every)
                before = known_incidents(state)
                newer = _look_again(from_, state, workers, settings, metrics)
                if newer and _is_news(newer, result):
                    result = newer
                    print_run(result, state, json=json, before=before, settings=settings)
    except KeyboardInterrupt:
        say("stopped; what was not claimed is taken by the next run")
        raise
    raise typer.Exit(result.exit_code)


@contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """Let SIGTERM, which service managers send, stop a run as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _is_news(newer: RunResult, result: RunResult) -> bool:
    """Whether a later pass is worth telling: something came, or a pull began to fail or works again."""
    failed, before = newer.summary.pull_failures, result.summary.pull_failures
    return bool(newer.summary.sources) or failed.keys() != before.keys()


def _look_again(
    from_: Path | None, state: Path, workers: int, settings: Settings, metrics: Metrics
) -> RunResult | None:
    """Make a later pass; what a wait may mend (a full disk, a folder that is
    away, a query that holds the lab) does not end the watch."""
    try:
        return pass_over(from_, state, workers, settings=settings, metrics=metrics)
    except TidewaiterError as error:
        if not error.retry and not isinstance(error, (UsageError, StateError)):
            raise
        explain(error)
        return None


def pass_over(
    from_: Path | None,
    state: Path,
    workers: int,
    *,
    settings: Settings | None = None,
    metrics: Metrics | None = None,
) -> RunResult:
    """Make one pass with a progress bar."""
    from tidewaiter.app.engine.pool import default_workers
    from tidewaiter.app.engine.run import run_once

    with Bar("delivering") as bar:
        result = run_once(
            from_,
            state,
            workers=workers or default_workers(),
            progress=bar,
            settings=settings,
            metrics=metrics,
            notice=say,
        )
    if metrics and result.exit_code == 0:
        metrics.last_success.set_to_current_time()
    return result
