"""The day itself: plans of all personas and stories, sorted, recorded, delivered, and the truth about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from tidewaiter.core.errors import ConfigError, Location, UsageError
from tidewaiter.lab.generator import truth as facts
from tidewaiter.lab.generator.company import ACCOUNTS, EDGE, PROD, Company
from tidewaiter.lab.generator.digest import write_digests, write_insight
from tidewaiter.lab.generator.flows import FlowCounts, write_flows
from tidewaiter.lab.generator.persona import Deed, Persona
from tidewaiter.lab.generator.personas import PERSONAS
from tidewaiter.lab.generator.record import Recorder
from tidewaiter.lab.generator.rhythm import shares
from tidewaiter.lab.generator.stories import CAMPAIGNS, LOOKALIKES, Campaign, Lookalike
from tidewaiter.lab.generator.stories.leaked_key import INTRUDER
from tidewaiter.lab.generator.trail import TrailWriter
from tidewaiter.lab.generator.truth import Truth

DEFAULT_EVENTS = 30_000
DEFAULT_SEED = 7
DEFAULT_DAY = date(2026, 3, 17)
FEWEST = 500

Progress = Callable[[int], None]


@dataclass(slots=True)
class _Ledger:
    """What is noted while records are made: ids in order, by mark, and who caused them."""

    ids: list[str] = field(default_factory=list)
    marked: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    principals: dict[str, set[str]] = field(default_factory=dict)

    def note(self, deed: Deed, event_id: str) -> None:
        self.ids.append(event_id)
        self.counts[deed.actor.persona] += 1
        self.principals.setdefault(deed.actor.persona, set()).add(deed.actor.name)
        if deed.mark:
            self.marked.setdefault(deed.mark, []).append((deed.at, event_id))


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
        out: folder for `AWSLogs/` and `truth.json`; must not hold either yet.
        events: number of CloudTrail events, exactly; about a third as many flow records come on top.
        seed: the same seed, day and number give the same bytes.
        day: the day, in UTC.
        progress: hears, file by file, how many more CloudTrail events are written.

    Raises:
        UsageError: fewer than 500 events, or `out` holds a day already.
        ConfigError: `out` cannot be written.
    """
    if events < FEWEST:
        raise UsageError(f"{events} events are too few for a day", hint=f"ask for {FEWEST} or more")
    for name in ("AWSLogs", "truth.json"):
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
    campaigns = [kind(company) for kind in CAMPAIGNS]
    lookalikes = [kind(company) for kind in LOOKALIKES]
    plan = [deed for story in (*campaigns, *lookalikes) for deed in story.deeds(events)]
    plan += everyday(company, events - len(plan))
    plan.sort(key=lambda deed: deed.at)
    ledger = _Ledger()
    writer = TrailWriter(out, company, progress)
    recorder = Recorder(company)
    for deed in plan:
        event_id, region, record = recorder.record(deed)
        writer.add(deed.at, deed.account, region, record)
        ledger.note(deed, event_id)
    writer.close()
    digests = write_digests(out, company, writer.files)
    explored = min(deed.at for deed in plan if deed.actor.persona == INTRUDER)
    insights = write_insight(out, company, PROD.id, EDGE, explored, campaigns[0].actor)
    addresses = [address for campaign in campaigns for address in campaign.addresses]
    flows = write_flows(out, company, events // 3, addresses)
    objects = facts.ObjectCounts(len(writer.files), digests, insights, flows.objects)
    truth = _truth(company, ledger, objects, flows, campaigns, lookalikes)
    facts.write_truth(out / "truth.json", truth)
    return truth


def everyday(company: Company, count: int) -> list[Deed]:
    """Return exactly `count` deeds of all personas; what a ceiling holds back goes to the others."""
    cast: list[Persona] = [kind(company) for kind in PERSONAS]
    parts = shares(count, [persona.share for persona in cast])
    over = 0
    for index, persona in enumerate(cast):
        if persona.ceiling and parts[index] > persona.ceiling:
            over += parts[index] - persona.ceiling
            parts[index] = persona.ceiling
    extra = shares(over, [0.0 if persona.ceiling else persona.share for persona in cast])
    return [
        deed
        for persona, part, more in zip(cast, parts, extra, strict=True)
        for deed in persona.plan(part + more)
    ]


def _truth(
    company: Company,
    ledger: _Ledger,
    objects: facts.ObjectCounts,
    flows: FlowCounts,
    campaigns: list[Campaign],
    lookalikes: list[Lookalike],
) -> Truth:
    cast = [(kind.id, kind.kind, kind.description) for kind in PERSONAS]
    cast.append((INTRUDER, "intruder", "Someone outside who uses the leaked key and what it opens"))
    return Truth(
        seed=company.seed,
        day=company.day.isoformat(),
        events=facts.EventCounts(len(ledger.ids), flows.lines),
        objects=objects,
        accounts=tuple(
            facts.AccountTruth(each.id, each.name, each.purpose, each.regions) for each in ACCOUNTS
        ),
        personas=tuple(
            facts.PersonaTruth(
                name, kind, text, tuple(sorted(ledger.principals.get(name, ()))), ledger.counts[name]
            )
            for name, kind, text in cast
        ),
        campaigns=tuple(_campaign(company, ledger, each, flows) for each in campaigns),
        lookalikes=tuple(
            facts.LookalikeTruth(
                each.id, each.title, each.actor, _ids(ledger.marked[f"{each.id}|"]), each.why
            )
            for each in lookalikes
        ),
        event_ids=tuple(ledger.ids),
    )


def _ids(noted: Iterable[tuple[int, str]]) -> tuple[str, ...]:
    return tuple(event_id for _, event_id in noted)


def _campaign(
    company: Company, ledger: _Ledger, campaign: Campaign, flows: FlowCounts
) -> facts.CampaignTruth:
    marks = {technique: ledger.marked[f"{campaign.id}|{technique.id}"] for technique in campaign.techniques}
    noted = sorted(entry for entries in marks.values() for entry in entries)
    return facts.CampaignTruth(
        id=campaign.id,
        title=campaign.title,
        actor=campaign.actor,
        addresses=campaign.addresses,
        techniques=tuple(
            facts.TechniqueTruth(technique.id, technique.tactic, _ids(entries))
            for technique, entries in marks.items()
        ),
        event_ids=_ids(noted),
        flow_records=flows.intruder,
        start=company.stamp(noted[0][0]),
        end=company.stamp(noted[-1][0]),
    )
