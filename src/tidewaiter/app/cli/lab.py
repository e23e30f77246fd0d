"""`tidewaiter lab`: a believable day to try things on, and a local Sentinel to try them with."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidewaiter.app.cli.lab_up import up
from tidewaiter.app.cli.progress import Bar
from tidewaiter.app.cli.terminal import output, plain, table
from tidewaiter.core.errors import UsageError

if TYPE_CHECKING:
    from tidewaiter.lab.generator import Truth
    from tidewaiter.lab.generator.truth import CampaignTruth

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
        int, typer.Option("--events", min=500, help="CloudTrail events a day; the other logs come on top.")
    ] = 30_000,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same bytes.")] = 7,
    day: Annotated[str, typer.Option("--day", help="The first day, YYYY-MM-DD.")] = DEFAULT_DAY,
    days: Annotated[
        int, typer.Option("--days", min=1, max=92, help="How many days; weekends have fewer events.")
    ] = 1,
    faults: Annotated[
        bool, typer.Option("--faults", help="Also write damaged objects, one of every kind.")
    ] = False,
) -> None:
    """Write believable days of logs, and truth.json. They lie as AWS, Entra and Azure lay them out."""
    from tidewaiter.lab.generator import generate as write_day
    from tidewaiter.lab.generator import planned

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is not an empty folder", hint="give --out a new folder")
    first = _day(day)
    with Bar("generating", unit="events") as bar:
        truth = write_day(
            out,
            events=events,
            seed=seed,
            day=first,
            days=days,
            faults=faults,
            progress=bar.counter(sum(planned(events, first, days))),
        )
    print_truth(truth, out)


def print_truth(truth: Truth, out: Path) -> None:
    """Print what was written, and what is hidden in it."""
    console = output()
    span = f"{len(truth.days)} days from {truth.day}" if len(truth.days) > 1 else truth.day
    console.print(f"wrote {span} of {len(truth.accounts)} accounts and one Entra tenant under {plain(out)}")
    console.print(table(("log", "records", "objects"), _logs(truth), right=("records", "objects")))
    rows = [("attack", c.title, len(c.event_ids), _elsewhere(c)) for c in truth.campaigns]
    rows += [("look-alike", c.title, len(c.event_ids), len(c.places)) for c in truth.lookalikes]
    columns = ("hidden in it", "what", "events", "in other logs")
    console.print()
    console.print(table(columns, rows, right=("events", "in other logs")))
    if truth.faults:
        console.print(f"damaged objects: {', '.join(each.kind for each in truth.faults)}")
    console.print(f"truth: {plain(out / 'truth.json')}")


def _logs(truth: Truth) -> list[tuple[str, int, int]]:
    events, objects = truth.events, truth.objects
    return [
        ("CloudTrail", events.cloudtrail, objects.cloudtrail),
        ("VPC flow logs", events.vpcflow, objects.vpcflow),
        ("DNS queries", events.dns, objects.dns),
        ("S3 access", events.s3_access, objects.s3_access),
        ("GuardDuty", events.guardduty, objects.guardduty),
        ("Security Hub", events.securityhub, objects.securityhub),
        ("Entra and Azure", sum(events.entra.values()), objects.entra),
        ("cost rows", events.cost, objects.cost),
    ]


def _elsewhere(campaign: CampaignTruth) -> int:
    """How many records in other logs than CloudTrail belong to an attack."""
    return sum(len(technique.places) for technique in campaign.techniques)


def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise UsageError(f"{text!r} is not a day", hint="write it as 2026-03-17") from None
