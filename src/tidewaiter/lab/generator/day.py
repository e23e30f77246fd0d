"""The entry: checks what is asked for, makes every day of the series, and writes the truth about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

from tidewaiter.core.errors import ConfigError, Location, UsageError
from tidewaiter.lab.generator import truth as facts
from tidewaiter.lab.generator.company import ACCOUNTS, EDGE, PROD, Company
from tidewaiter.lab.generator.cost import write_cost
from tidewaiter.lab.generator.digest import write_digests, write_insight
from tidewaiter.lab.generator.evidence import Ledger
from tidewaiter.lab.generator.faults import write_faults
from tidewaiter.lab.generator.making import OneDay, Tally
from tidewaiter.lab.generator.personas import PERSONAS
from tidewaiter.lab.generator.rhythm import DAY
from tidewaiter.lab.generator.stories import Campaign, Lookalike, campaigns_of, cast_of, lookalikes_of
from tidewaiter.lab.generator.stories.leaked_key import LeakedKey
from tidewaiter.lab.generator.trail import TrailWriter
from tidewaiter.lab.generator.truth import Truth

DEFAULT_EVENTS = 30_000
DEFAULT_SEED = 7
DEFAULT_DAY = date(2026, 3, 17)
FEWEST = 500
MOST_DAYS = 92

FOLDERS = ("AWSLogs", "AzureLogs", "CostExports", "S3AccessLogs")
_CAST = [(kind.id, kind.kind, kind.description) for kind in PERSONAS]

Progress = Callable[[int], None]


def generate(
    out: Path,
    *,
    events: int = DEFAULT_EVENTS,
    seed: int = DEFAULT_SEED,
    day: date = DEFAULT_DAY,
    days: int = 1,
    faults: bool = False,
    progress: Progress | None = None,
) -> Truth:
    """Write one day or several below `out` (created if need be) and return the truth about them.

    Args:
        out: folder for the logs and `truth.json`; must not hold a day yet.
        events: number of CloudTrail events of a day, exactly; the other logs come on top. Of several days,
            Saturdays and Sundays have fewer (see `planned`).
        seed: the same seed, day and numbers give the same bytes.
        day: the first day, in UTC.
        days: how many days; personas, sessions and the trail go on from one to the next.
        faults: also write an object for every kind of fault; the truth says what should come of each.
        progress: hears, file by file, how many more CloudTrail events are written.

    Raises:
        UsageError: fewer than 500 events, no or too many days, or `out` holds a day already.
        ConfigError: `out` cannot be written.
    """
    if events < FEWEST:
        raise UsageError(f"{events} events are too few for a day", hint=f"ask for {FEWEST} or more")
    if not 1 <= days <= MOST_DAYS:
        raise UsageError(f"{days} is no number of days", hint=f"ask for 1 to {MOST_DAYS}")
    for name in (*FOLDERS, "truth.json"):
        if (out / name).exists():
            raise UsageError(
                "the folder holds a day already", at=Location(str(out / name)), hint="choose another folder"
            )
    try:
        out.mkdir(parents=True, exist_ok=True)
        return _Series(out, seed, day, planned(events, day, days)).write(faults, progress)
    except OSError as error:
        place = Location(str(error.filename or out))
        hint = "check the path, permissions and free space"
        raise ConfigError(f"cannot write the day: {error.strerror}", at=place, hint=hint) from error


def planned(events: int, day: date, days: int) -> list[int]:
    """Return the CloudTrail events of each day: a single day has all, of several the weekends have fewer."""
    if days == 1:
        return [events]
    working = sum(each.share for each in PERSONAS)
    left = sum(each.share * each.weekend for each in PERSONAS) / working
    dates = [day + timedelta(days=number) for number in range(days)]
    return [max(FEWEST, round(events * left)) if each.weekday() >= 5 else events for each in dates]


class _Series:
    """Days that follow each other: one trail, one bill, one truth."""

    def __init__(self, out: Path, seed: int, day: date, sizes: Sequence[int]) -> None:
        self._out = out
        self._sizes = sizes
        self._companies = [Company(seed, day + timedelta(days=number)) for number in range(len(sizes))]
        self._ledger, self._tally = Ledger(), Tally()
        self._campaigns: dict[int, list[Campaign]] = {}
        self._lookalikes: dict[int, list[Lookalike]] = {}
        stage = [number for number, each in enumerate(self._companies) if not each.weekend]
        stage = stage or list(range(len(sizes)))
        for turn, number in enumerate(stage):
            company, size = self._companies[number], sizes[number]
            self._campaigns[number] = campaigns_of(company, size)[turn :: len(stage)]
            self._lookalikes[number] = lookalikes_of(company, size)[turn :: len(stage)]

    def write(self, faults: bool, progress: Progress | None) -> Truth:
        """Write everything."""
        out, first = self._out, self._companies[0]
        trail = TrailWriter(out, first, progress)
        for number, company in enumerate(self._companies):
            stories = [*self._campaigns.get(number, ()), *self._lookalikes.get(number, ())]
            one = OneDay(out, company, self._sizes[number], stories, self._ledger, self._tally)
            one.write(trail, number * DAY)
        trail.close()
        digests = write_digests(out, first, trail.files, len(self._sizes))
        insights = _insight(out, first, self._ledger)
        self._cost()
        found = write_faults(out, first, trail.files) if faults else ()
        objects = _objects(len(trail.files), digests, int(bool(insights)), self._tally)
        truth = self._truth(objects, insights, found)
        facts.write_truth(out / "truth.json", truth)
        return truth

    def _cost(self) -> None:
        days, tally = len(self._sizes), self._tally
        calls = {place: max(1, count // days) for place, count in tally.calls.items()}
        cost = write_cost(
            self._out, self._companies[0], max(self._sizes), tally.costs, calls=calls, days=days
        )
        self._ledger.place("cost", cost.placed, [(each.at, each.mark) for each in tally.costs])
        tally.add("cost", cost.rows, cost.objects)

    def _truth(
        self, objects: facts.ObjectCounts, insights: tuple[str, ...], faults: tuple[facts.FaultTruth, ...]
    ) -> Truth:
        first, ledger = self._companies[0], self._ledger
        campaigns = [each for number in sorted(self._campaigns) for each in self._campaigns[number]]
        lookalikes = [each for number in sorted(self._lookalikes) for each in self._lookalikes[number]]
        return Truth(
            seed=first.seed,
            day=first.day.isoformat(),
            events=_events(len(ledger.ids), len(insights), self._tally),
            objects=objects,
            accounts=tuple(
                facts.AccountTruth(each.id, each.name, each.purpose, each.regions) for each in ACCOUNTS
            ),
            personas=ledger.personas([*_CAST, *cast_of(max(self._sizes))]),
            campaigns=tuple(ledger.campaign(first, each) for each in campaigns),
            lookalikes=tuple(ledger.lookalike(each) for each in lookalikes),
            event_ids=tuple(ledger.ids),
            insight_ids=insights,
            days=tuple(
                facts.DayTruth(
                    company.day.isoformat(),
                    self._sizes[number],
                    company.weekend,
                    tuple(each.id for each in self._campaigns.get(number, ())),
                    tuple(each.id for each in self._lookalikes.get(number, ())),
                )
                for number, company in enumerate(self._companies)
            ),
            faults=faults,
        )


def _insight(out: Path, company: Company, ledger: Ledger) -> tuple[str, ...]:
    """The leaked key's exploration is refused so often that CloudTrail Insights notices."""
    story = LeakedKey(company)
    found = [
        at for technique in story.techniques for at, _ in ledger.marked.get(story.mark(technique.id), ())
    ]
    return write_insight(out, company, PROD.id, EDGE, min(found), story.actor) if found else ()


def _events(count: int, insights: int, tally: Tally) -> facts.EventCounts:
    logs = ("vpcflow", "dns", "s3_access", "guardduty", "securityhub", "cost")
    return facts.EventCounts(
        cloudtrail=count,
        insight=insights,
        entra=dict(sorted(tally.entra.items())),
        **{log: tally.records[log] for log in logs},
    )


def _objects(trail: int, digests: int, insights: int, tally: Tally) -> facts.ObjectCounts:
    logs = ("vpcflow", "dns", "s3_access", "guardduty", "securityhub", "entra", "cost")
    return facts.ObjectCounts(
        cloudtrail=trail, digest=digests, insight=insights, **{log: tally.objects[log] for log in logs}
    )
