from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.lab.generator.company import Company
from tidewaiter.lab.generator.day import DEFAULT_DAY
from tidewaiter.lab.generator.draw import Draw
from tidewaiter.lab.generator.making import everyday
from tidewaiter.lab.generator.personas import PERSONAS
from tidewaiter.lab.generator.rhythm import DAY, HOUR, LAST, OFFICE, beats, moments, shares


@given(
    count=st.integers(0, 10**6),
    weights=st.lists(st.floats(0.001, 1000), min_size=1, max_size=30),
)
def test_shares_add_up_and_stay_within_one_of_the_exact_part(count: int, weights: list[float]) -> None:
    parts = shares(count, weights)
    assert sum(parts) == count
    total = sum(weights)
    assert all(
        abs(part - count * weight / total) < 1.001 for part, weight in zip(parts, weights, strict=True)
    )


def test_an_office_has_a_lunch_dip_and_an_empty_night() -> None:
    times = moments(Draw(1), 20_000, OFFICE, 1.0)
    assert times == sorted(times)
    local = [(time / HOUR + 1) % 24 for time in times]

    def between(low: float, high: float) -> int:
        return sum(low <= hour < high for hour in local)

    assert between(12.3, 13.2) < 0.5 * between(10.8, 11.7)
    assert between(0, 7.5) == 0


def test_a_time_zone_shifts_the_day() -> None:
    berlin, austin = (moments(Draw(1), 5_000, OFFICE, offset) for offset in (1.0, -5.0))
    shift = sum(austin) / len(austin) - sum(berlin) / len(berlin)
    assert 5.5 * HOUR < shift < 6.5 * HOUR


@given(count=st.integers(1, 3_000), seed=st.integers())
def test_a_poller_keeps_its_pace_with_some_jitter(count: int, seed: int) -> None:
    times = beats(Draw(seed), count)
    pace = DAY / count
    assert len(times) == count
    assert all(0 <= time <= LAST for time in times)
    gaps = [after - before for before, after in pairwise(times)]
    assert all(0.8 * pace - 2000 < gap < 1.2 * pace + 2000 for gap in gaps)
    assert count < 20 or len(set(gaps)) > 1


@given(count=st.integers(0, 400), seed=st.integers(0, 1000), index=st.integers(0, len(PERSONAS) - 1))
def test_every_persona_plans_exactly_what_is_asked_within_the_day(count: int, seed: int, index: int) -> None:
    plan = PERSONAS[index](Company(seed, DEFAULT_DAY)).plan(count)
    assert len(plan) == count
    assert all(0 <= deed.at <= LAST for deed in plan)
    assert {deed.actor.persona for deed in plan} <= {PERSONAS[index].id}


def test_people_do_not_grow_with_the_day_and_others_make_up_for_it() -> None:
    count = 130_000
    plan = everyday(Company(3, DEFAULT_DAY), count)
    assert len(plan) == count
    made = Counter(deed.actor.persona for deed in plan)
    bounded = {persona.id: persona.ceiling for persona in PERSONAS if persona.ceiling}
    assert {name: made[name] for name in bounded} == bounded


@given(st.integers(-2 * DAY, 3 * DAY))
def test_times_of_the_day_and_of_the_days_around_it_are_stamped_alike(at: int) -> None:
    company = Company(1, DEFAULT_DAY)
    assert company.stamp(at) == f"{company.moment(at).isoformat()}Z"


def test_persona_names_are_unique() -> None:
    names = [persona.id for persona in PERSONAS]
    assert len(set(names)) == len(names)
