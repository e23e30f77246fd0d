"""`tidewaiter demo`: a small day through everything, on the embedded lab."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from tidewaiter.app.cli.lab import DEFAULT_DAY
from tidewaiter.app.cli.progress import Bar
from tidewaiter.app.cli.run import pass_over
from tidewaiter.app.cli.story import print_run
from tidewaiter.app.cli.terminal import output, plain
from tidewaiter.core.errors import UsageError

_MARK = ".tidewaiter-demo"


def demo(
    out: Annotated[Path, typer.Option("--out", help="Where the demo's logs and state go; made anew.")] = Path(
        "tidewaiter-demo"
    ),
    events: Annotated[int, typer.Option("--events", min=500, help="CloudTrail events of the day.")] = 20_000,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same day.")] = 7,
) -> None:
    """Generate a small day of AWS logs, run everything on the embedded lab, and print the story."""
    from tidewaiter.lab.generator import generate

    _make_anew(out)
    logs, state = out / "logs", out / "state"
    with Bar("generating", unit="events") as bar:
        truth = generate(
            logs,
            events=events,
            seed=seed,
            day=date.fromisoformat(DEFAULT_DAY),
            progress=bar.counter(events),
        )
    console = output()
    console.print(f"A day of {truth.events.cloudtrail:,} CloudTrail events and {truth.events.vpcflow:,} flow "
                  f"records of {len(truth.accounts)} accounts, in {plain(logs)}")  # fmt: skip
    for story in truth.campaigns:
        console.print(f"hidden in it: {plain(story.title)} ({len(story.event_ids)} events)")
    for other in truth.lookalikes:
        console.print(
            f"a look-alike that must stay quiet: {plain(other.title)} ({len(other.event_ids)} events)"
        )
    console.print()
    result = pass_over(logs, state, 0)
    print_run(result, state, json=False)
    raise typer.Exit(result.exit_code)


def _make_anew(out: Path) -> None:
    if out.exists():
        if not (out / _MARK).is_file():
            raise UsageError(f"{out} exists and is not a demo's folder", hint="give --out another folder")
        shutil.rmtree(out)
    out.mkdir(parents=True)
    (out / _MARK).touch()
