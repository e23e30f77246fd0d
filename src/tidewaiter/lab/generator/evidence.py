"""What is noted while a day is made: ids in order, who caused them, and where a story's records lie."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tidewaiter.lab.generator import truth as facts
from tidewaiter.lab.generator.company import Company
from tidewaiter.lab.generator.persona import Deed
from tidewaiter.lab.generator.slots import Placed
from tidewaiter.lab.generator.stories import Campaign, Lookalike


@dataclass(slots=True)
class Ledger:
    """The notes of all days; times are milliseconds since the first day's midnight."""

    ids: list[str] = field(default_factory=list)
    marked: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    places: dict[str, list[tuple[int, facts.PlaceTruth]]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    principals: dict[str, set[str]] = field(default_factory=dict)

    def note(self, deed: Deed, at: int, event_id: str) -> None:
        """Note one CloudTrail event."""
        self.ids.append(event_id)
        self.counts[deed.actor.persona] += 1
        self.principals.setdefault(deed.actor.persona, set()).add(deed.actor.name)
        if deed.mark:
            self.marked.setdefault(deed.mark, []).append((at, event_id))

    def place(self, log: str, placed: Iterable[Placed], asked: Sequence[tuple[int, str]]) -> None:
        """Note where records of another log lie; `asked` has the time and mark of every number."""
        for each in placed:
            if each.number >= len(asked):
                continue
            at, mark = asked[each.number]
            if mark:
                place = facts.PlaceTruth(log, each.id, each.object, each.line)
                self.places.setdefault(mark, []).append((at, place))

    def campaign(self, company: Company, campaign: Campaign) -> facts.CampaignTruth:
        """Return the truth about an attack; `company` is that of the first day."""
        marks = [campaign.mark(technique.id) for technique in campaign.techniques]
        noted = sorted(entry for mark in marks for entry in self.marked.get(mark, ()))
        elsewhere = [at for mark in marks for at, _ in self.places.get(mark, ())]
        times = [at for at, _ in noted] or elsewhere
        techniques = tuple(
            facts.TechniqueTruth(
                technique.id, technique.tactic, _ids(self.marked.get(mark, ())), self._places(mark)
            )
            for technique, mark in zip(campaign.techniques, marks, strict=True)
        )
        return facts.CampaignTruth(
            id=campaign.id,
            title=campaign.title,
            actor=campaign.actor,
            addresses=campaign.addresses,
            techniques=techniques,
            event_ids=_ids(noted),
            flow_records=sum(each.log == "vpcflow" for one in techniques for each in one.places),
            start=company.stamp(min(times)),
            end=company.stamp(max(times)),
        )

    def lookalike(self, story: Lookalike) -> facts.LookalikeTruth:
        """Return the truth about an innocent story."""
        mark = story.mark("")
        ids = _ids(self.marked.get(mark, ()))
        return facts.LookalikeTruth(story.id, story.title, story.actor, ids, story.why, self._places(mark))

    def personas(self, cast: Iterable[tuple[str, str, str]]) -> tuple[facts.PersonaTruth, ...]:
        """Return the truth about everyone: (id, kind, description) of those known, then whoever else came."""
        known = list(cast)
        named = {name for name, _, _ in known}
        known += [(name, "intruder", "Someone in a story") for name in sorted(self.counts.keys() - named)]
        return tuple(
            facts.PersonaTruth(
                name, kind, text, tuple(sorted(self.principals.get(name, ()))), self.counts[name]
            )
            for name, kind, text in known
        )

    def _places(self, mark: str) -> tuple[facts.PlaceTruth, ...]:
        return tuple(place for _, place in sorted(self.places.get(mark, ()), key=_by_time))


def _by_time(entry: tuple[int, facts.PlaceTruth]) -> tuple[int, str, str, int]:
    at, place = entry
    return at, place.log, place.object, place.line


def _ids(noted: Iterable[tuple[int, str]]) -> tuple[str, ...]:
    return tuple(event_id for _, event_id in noted)
