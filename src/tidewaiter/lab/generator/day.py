"""The entry: checks what is asked for, makes every day of the series, and writes the truth about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

from tidewaiter.core.errors import ConfigError, Location, UsageError
from tidewaiter.lab.generator import truth as facts
from tidewaiter.lab.generator.company import ACCOUNTS, EDGE, PROD, Company
from tidewaiter.lab.generator.cost import write_cost
from tidewaiter.lab.generator.digest import write_digests, write_insight
from tidewaiter.lab.generator.evidence import Ledger
from tidewaiter.lab.generator.making import OneDay, Tally
from tidewaiter.lab.generator.personas import PERSONAS
from tidewaiter.lab.generator.stories import campaigns_of, cast_of, lookalikes_of
from tidewaiter.lab.generator.stories.leaked_key import LeakedKey
from tidewaiter.lab.generator.trail import TrailWriter
from tidewaiter.lab.generator.truth import Truth

DEFAULT_EVENTS = 30_000
DEFAULT_SEED = 7
DEFAULT_DAY = date(2026, 3, 17)
FEWEST = 500

FOLDERS = ("AWSLogs", "AzureLogs", "CostExports", "S3AccessLogs")
_CAST = [(kind.id, kind.kind, kind.description) for kind in PERSONAS]

Progress = Callable[[int], None]


def generate(
    out: Path,
    *,
    events: int = DEFAULT_EVENTS,
    seed: int = DEFAULT_SEED,
    day: date = DEFAULT_DAY,
    progress: Progress | None = None,
) -> Truth:
    """Write one day below `out` (created if need be) and return the truth about it.

    Args:
        out: folder for the logs and `truth.json`; must not hold a day yet.
        events: number of CloudTrail events, exactly; the other logs come on top.
        seed: the same seed, day and number give the same bytes.
        day: the day, in UTC.
        progress: hears, file by file, how many more CloudTrail events are written.

    Raises:
        UsageError: fewer than 500 events, or `out` holds a day already.
        ConfigError: `out` cannot be written.
    """
    if events < FEWEST:
        raise UsageError(f"{events} events are too few for a day", hint=f"ask for {FEWEST} or more")
    for name in (*FOLDERS, "truth.json"):
        if (out / name).exists():
            raise UsageError(
                "the folder holds a day already", at=Location(str(out / name)), hint="choose another folder"
            )
    try:
        return _generate(out, Company(seed, day), events, progress)
    except OSError as error:
        place = Location(str(error.filename or out))
        hint = "check the path, permissions and free space"
        raise ConfigError(f"cannot write the day: {error.strerror}", at=place, hint=hint) from error


def _generate(out: Path, company: Company, events: int, progress: Progress | None) -> Truth:
    out.mkdir(parents=True, exist_ok=True)
    campaigns = campaigns_of(company, events)
    lookalikes = lookalikes_of(company, events)
    ledger, tally = Ledger(), Tally()
    trail = TrailWriter(out, company, progress)
    OneDay(out, company, events, [*campaigns, *lookalikes], ledger, tally).write(trail, 0)
    trail.close()
    digests = write_digests(out, company, trail.files)
    insights = _insight(out, company, ledger)
    cost = write_cost(out, company, events, tally.costs, calls=tally.calls)
    ledger.place("cost", cost.placed, [(each.at, each.mark) for each in tally.costs])
    tally.add("cost", cost.rows, cost.objects)
    truth = Truth(
        seed=company.seed,
        day=company.day.isoformat(),
        events=_events(len(ledger.ids), tally),
        objects=_objects(len(trail.files), digests, insights, tally),
        accounts=tuple(
            facts.AccountTruth(each.id, each.name, each.purpose, each.regions) for each in ACCOUNTS
        ),
        personas=ledger.personas([*_CAST, *cast_of(events)]),
        campaigns=tuple(ledger.campaign(company, each) for each in campaigns),
        lookalikes=tuple(ledger.lookalike(each) for each in lookalikes),
        event_ids=tuple(ledger.ids),
    )
    facts.write_truth(out / "truth.json", truth)
    return truth


def _insight(out: Path, company: Company, ledger: Ledger) -> int:
    """The leaked key's exploration is refused so often that CloudTrail Insights notices."""
    story = LeakedKey(company)
    found = [
        at for technique in story.techniques for at, _ in ledger.marked.get(story.mark(technique.id), ())
    ]
    return write_insight(out, company, PROD.id, EDGE, min(found), story.actor) if found else 0


def _events(count: int, tally: Tally) -> facts.EventCounts:
    logs = ("vpcflow", "dns", "s3_access", "guardduty", "securityhub", "cost")
    return facts.EventCounts(
        cloudtrail=count, entra=dict(sorted(tally.entra.items())), **{log: tally.records[log] for log in logs}
    )


def _objects(trail: int, digests: int, insights: int, tally: Tally) -> facts.ObjectCounts:
    logs = ("vpcflow", "dns", "s3_access", "guardduty", "securityhub", "entra", "cost")
    return facts.ObjectCounts(
        cloudtrail=trail, digest=digests, insight=insights, **{log: tally.objects[log] for log in logs}
    )
