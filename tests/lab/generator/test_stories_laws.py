"""Laws of every story, on the plans alone: order, marks, pace, sizes, the same again."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from datetime import date
from itertools import pairwise

import pytest

from tidewaiter.lab.generator.company import Company
from tidewaiter.lab.generator.others import Others
from tidewaiter.lab.generator.record import Recorder
from tidewaiter.lab.generator.rhythm import HOUR, LAST, MINUTE
from tidewaiter.lab.generator.stories import (
    CAMPAIGNS,
    LOOKALIKES,
    WHOLE,
    Campaign,
    Lookalike,
    Story,
    campaigns_of,
    cast_of,
    lookalikes_of,
)

TUESDAY = date(2026, 3, 17)
DAYS = [(7, TUESDAY, WHOLE), (8, TUESDAY, 300_000), (9, date(2026, 10, 31), 60_000)]
TACTICS = {
    "Initial Access", "Execution", "Persistence", "Privilege Escalation", "Defense Evasion",
    "Credential Access", "Discovery", "Lateral Movement", "Collection", "Command and Control", "Exfiltration",
    "Impact",
}  # fmt: skip
CONTEXT = {"leaving-insider": 1}
"""Values without a mark: what belongs to the world around a story (the leaving date)."""


@pytest.fixture(params=DAYS, ids=str)
def told(request: pytest.FixtureRequest) -> tuple[Company, int]:
    seed, day, total = request.param
    return Company(seed, day), total


def beside(others: Others) -> list[tuple[int, str]]:
    """Time and mark of every value for the other logs."""
    return [(value.at, value.mark) for each in fields(Others) for value in getattr(others, each.name)]


def happenings(story: Story, total: int) -> list[tuple[int, str]]:
    deeds = [(deed.at, deed.mark) for deed in story.deeds(total)]
    return deeds + [(at, mark) for at, mark in beside(story.others(total)) if mark]


@pytest.mark.parametrize("kind", CAMPAIGNS, ids=lambda kind: kind.id)
def test_techniques_have_tactics_and_begin_in_their_order(
    kind: type[Campaign], told: tuple[Company, int]
) -> None:
    company, total = told
    story = kind(company)
    ids = [technique.id for technique in story.techniques]
    assert len(set(ids)) == len(ids) >= 5
    assert {technique.tactic for technique in story.techniques} <= TACTICS
    assert len({technique.tactic for technique in story.techniques}) >= 4
    first = {mark: at for at, mark in sorted(happenings(story, total), reverse=True)}
    begins = [first[story.mark(technique)] for technique in ids]
    assert begins == sorted(begins)


@pytest.mark.parametrize("kind", [*CAMPAIGNS, *LOOKALIKES], ids=lambda kind: kind.id)
def test_every_happening_carries_the_mark_of_its_story_and_of_one_of_its_techniques(
    kind: type[Story], told: tuple[Company, int]
) -> None:
    company, total = told
    story = kind(company)
    techniques = [each.id for each in story.techniques] if isinstance(story, Campaign) else [""]
    known = {story.mark(technique) for technique in techniques}
    assert {mark for _, mark in happenings(story, total)} == known
    unmarked = sum(not mark for _, mark in beside(story.others(total)))
    assert unmarked == CONTEXT.get(kind.id, 0)


@pytest.mark.parametrize("kind", [*CAMPAIGNS, *LOOKALIKES], ids=lambda kind: kind.id)
def test_a_story_stays_within_its_day_and_takes_minutes_to_hours(
    kind: type[Story], told: tuple[Company, int]
) -> None:
    company, total = told
    times = [at for at, _ in happenings(kind(company), total)]
    assert min(times) >= 0
    assert max(times) <= LAST
    assert max(times) - min(times) > MINUTE // 2
    deeds = kind(company).deeds(total)
    assert max(deed.at for deed in deeds) - min(deed.at for deed in deeds) < 9 * HOUR
    assert 5 <= len(deeds) <= 260


@pytest.mark.parametrize("kind", CAMPAIGNS, ids=lambda kind: kind.id)
def test_an_attack_is_neither_a_burst_nor_a_metronome(
    kind: type[Campaign], told: tuple[Company, int]
) -> None:
    company, total = told
    deeds = sorted(kind(company).deeds(total), key=lambda deed: deed.at)
    gaps = [later.at - earlier.at for earlier, later in pairwise(deeds)]
    assert len(set(gaps)) > len(gaps) * 0.6
    assert max(gaps) > 5 * MINUTE
    assert deeds[-1].at - deeds[0].at > 15 * MINUTE


@pytest.mark.parametrize("kind", [*CAMPAIGNS, *LOOKALIKES], ids=lambda kind: kind.id)
def test_a_story_is_the_same_again_and_another_with_another_seed_or_day(kind: type[Story]) -> None:
    def told_as(seed: int, day: date) -> tuple[list[bytes], list[object]]:
        company = Company(seed, day)
        story, recorder = kind(company), Recorder(company)
        others = story.others(WHOLE)
        values = [value for each in fields(Others) for value in getattr(others, each.name)]
        return [recorder.record(deed)[-1] for deed in story.deeds(WHOLE)], values

    once = told_as(7, TUESDAY)
    assert once == told_as(7, TUESDAY)
    for other in (told_as(8, TUESDAY), told_as(7, date(2026, 3, 18))):
        assert set(once[0]).isdisjoint(other[0])


@pytest.mark.parametrize("kind", [*CAMPAIGNS, *LOOKALIKES], ids=lambda kind: kind.id)
def test_what_is_beside_cloudtrail_does_not_depend_on_who_asked_first(kind: type[Story]) -> None:
    asked_first, asked_last = kind(Company(7, TUESDAY)), kind(Company(7, TUESDAY))
    others = asked_first.others(WHOLE)
    asked_last.deeds(WHOLE)
    assert asked_last.others(WHOLE) == others


@pytest.mark.parametrize("kind", CAMPAIGNS, ids=lambda kind: kind.id)
def test_a_larger_day_never_has_a_smaller_attack_nor_one_without_end(kind: type[Campaign]) -> None:
    company = Company(7, TUESDAY)
    sizes = [len(kind(company).deeds(total)) for total in (WHOLE, 60_000, 300_000, 3_000_000)]
    assert sizes == sorted(sizes)
    assert sizes[-1] == sizes[-2] or sizes[-1] <= 260


def test_a_whole_day_holds_every_story_and_a_small_one_the_first() -> None:
    company = Company(7, TUESDAY)
    assert [type(each) for each in campaigns_of(company, WHOLE)] == list(CAMPAIGNS)
    assert [type(each) for each in lookalikes_of(company, WHOLE)] == list(LOOKALIKES)
    assert [each.id for each in campaigns_of(company, WHOLE - 1)] == ["leaked-access-key"]
    assert [each.id for each in lookalikes_of(company, 500)] == ["audit-preparation", "own-key-rotation"]
    assert len(CAMPAIGNS) == 8
    assert len(LOOKALIKES) == 8


def test_stories_have_their_own_names_and_say_what_they_are() -> None:
    kinds: list[type[Story]] = [*CAMPAIGNS, *LOOKALIKES]
    assert len({kind.id for kind in kinds}) == len(kinds)
    assert len({kind.title for kind in kinds}) == len(kinds)
    for kind in LOOKALIKES:
        assert issubclass(kind, Lookalike)
        assert len(kind.why) > 100


def test_intruders_do_not_share_addresses() -> None:
    addresses = Counter(address for kind in CAMPAIGNS for address in kind.addresses)
    assert set(addresses.values()) == {1}
    assert all(address.startswith(("192.0.2.", "2001:db8:")) for address in addresses)


def test_whoever_acts_in_a_story_is_somebody_whom_the_day_knows(told: tuple[Company, int]) -> None:
    from tidewaiter.lab.generator.personas import PERSONAS

    company, total = told
    known = {kind.id for kind in PERSONAS} | {name for name, _, _ in cast_of(total)}
    stories: list[Story] = [*campaigns_of(company, total), *lookalikes_of(company, total)]
    assert {deed.actor.persona for story in stories for deed in story.deeds(total)} <= known
