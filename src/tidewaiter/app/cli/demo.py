"""`tidewaiter demo`: a small day through everything, on the embedded lab."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidewaiter.app.cli.incidents import StoredIncident, read_incidents
from tidewaiter.app.cli.lab import DEFAULT_DAY
from tidewaiter.app.cli.progress import Bar
from tidewaiter.app.cli.run import pass_over
from tidewaiter.app.cli.story import print_run
from tidewaiter.app.cli.terminal import output, plain, some, table
from tidewaiter.core.errors import UsageError
from tidewaiter.core.findings import SEVERITIES

if TYPE_CHECKING:
    from tidewaiter.lab.generator import Truth

_MARK = ".tidewaiter-demo"


def demo(
    out: Annotated[Path, typer.Option("--out", help="Where the demo's logs and state go; made anew.")] = Path(
        "tidewaiter-demo"
    ),
    events: Annotated[int, typer.Option("--events", min=500, help="CloudTrail events of the day.")] = 20_000,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same day.")] = 7,
) -> None:
    """Make a small day of logs, run everything, print the story."""
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
    output().print(
        f"A day of {truth.events.cloudtrail:,} CloudTrail events and {truth.events.vpcflow:,} flow records "
        f"of {len(truth.accounts)} accounts, in {plain(logs)}\n"
        f"hidden in it: {some(len(truth.campaigns), 'attack')}, and "
        f"{some(len(truth.lookalikes), 'look-alike')} that should stay quiet\n",
        soft_wrap=True,
    )
    result = pass_over(logs, state, 0)
    print_run(result, state, json=False, before={})
    _print_hidden(truth, read_incidents(state))
    raise typer.Exit(result.exit_code)


def _print_hidden(truth: Truth, incidents: list[StoredIncident]) -> None:
    """Print every hidden story, and the gravest incident that holds any of its events."""
    gravest: dict[str, str] = {}
    for incident in sorted(incidents, key=lambda each: SEVERITIES.index(each.severity)):
        gravest.update(dict.fromkeys(incident.event_ids, incident.severity))
    rows, found, alarms = [], 0, 0
    for campaign in truth.campaigns:
        severity = _seen(gravest, campaign.event_ids)
        found += bool(severity)
        beside = sum(len(each.places) for each in campaign.techniques)
        seen = f"{severity} incident" if severity else "missed"
        rows.append(("attack", campaign.title, len(campaign.event_ids), beside, seen))
    for story in truth.lookalikes:
        severity = _seen(gravest, story.event_ids)
        alarms += bool(severity)
        seen = f"{severity} incident, a false alarm" if severity else "quiet"
        rows.append(("look-alike", story.title, len(story.event_ids), len(story.places), seen))
    columns = ("hidden", "what", "events", "in other logs", "seen as")
    console = output()
    console.print()
    console.print(table(columns, rows, right=("events", "in other logs")))
    console.print(
        f"\nincidents show {found} of {some(len(truth.campaigns), 'attack')}; "
        f"{alarms} of {some(len(truth.lookalikes), 'look-alike')} raised a false alarm",
        soft_wrap=True,
    )


def _seen(gravest: dict[str, str], event_ids: tuple[str, ...]) -> str:
    """Return the gravest severity among the incidents of these events, "" for none."""
    found = {gravest[event_id] for event_id in event_ids if event_id in gravest}
    return max(found, key=SEVERITIES.index, default="")


def _make_anew(out: Path) -> None:
    if out.exists():
        if not (out / _MARK).is_file():
            raise UsageError(f"{out} exists and is not a demo's folder", hint="give --out another folder")
        shutil.rmtree(out)
    out.mkdir(parents=True)
    (out / _MARK).touch()
