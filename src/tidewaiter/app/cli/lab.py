"""`tidewaiter lab`: a believable day to try things on, and a local Sentinel to try them with."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from tidewaiter.app.cli.lab_up import up
from tidewaiter.app.cli.progress import Bar
from tidewaiter.app.cli.terminal import output, plain, table
from tidewaiter.core.errors import UsageError

app = typer.Typer(
    help="The lab: a local Sentinel, and generated days.", no_args_is_help=True, rich_markup_mode=None
)
DEFAULT_DAY = "2026-03-17"
app.command("up")(up)


@app.callback()
def lab() -> None:
    """The lab: a local Sentinel, and generated days."""


@app.command("generate")
def generate(
    out: Annotated[Path, typer.Option("--out", help="An empty or new folder.")],
    events: Annotated[
        int, typer.Option("--events", min=500, help="CloudTrail events; flow records come in addition.")
    ] = 30_000,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same bytes.")] = 7,
    day: Annotated[str, typer.Option("--day", help="The day, YYYY-MM-DD.")] = DEFAULT_DAY,
) -> None:
    """Write a believable day of AWS logs as AWS lays them out in S3, and truth.json."""
    from tidewaiter.lab.generator import generate as write_day

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is not an empty folder", hint="give --out a new folder")
    with Bar("generating", unit="events") as bar:
        truth = write_day(
            out,
            events=events,
            seed=seed,
            day=_day(day),
            progress=bar.counter(events),
        )
    console = output()
    console.print(
        f"wrote {events:,} CloudTrail events and {truth.events.vpcflow:,} flow records under {plain(out)}"
    )
    rows = [("attack", c.title, len(c.event_ids)) for c in truth.campaigns]
    rows += [("look-alike", c.title, len(c.event_ids)) for c in truth.lookalikes]
    console.print(table(("hidden in it", "what", "events"), rows, right=("events",)))
    console.print(f"truth: {plain(out / 'truth.json')}")


def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise UsageError(f"{text!r} is not a day", hint="write it as 2026-03-17") from None
