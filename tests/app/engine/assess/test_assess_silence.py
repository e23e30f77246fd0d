"""What is a silence, and what is a quiet place."""

from __future__ import annotations

import random

import pytest

from tidewaiter.app.engine.assess.silence import BIN, silences
from tidewaiter.app.engine.assess.talkers import Talkers

DAY = 86_400 // BIN
_NOON = 20_000 * DAY + DAY // 2


def test_an_outage_between_busy_hours_is_told_with_its_ends():
    (found,) = silences("a", "r", [*range(_NOON, _NOON + 40), *range(_NOON + 60, _NOON + 100)])
    assert (found.start.timestamp(), found.end.timestamp()) == ((_NOON + 40) * BIN, (_NOON + 60) * BIN)
    assert round(found.hours, 2) == 1.67


def test_less_than_an_hour_may_be_late_delivery():
    assert silences("a", "r", [*range(_NOON, _NOON + 40), *range(_NOON + 51, _NOON + 100)]) == []


@pytest.mark.parametrize("seed", range(20))
def test_places_where_little_happens_are_not_cried_about(seed):
    draw = random.Random(seed)
    share = draw.choice([0.01, 0.05, 0.2, 0.5, 0.8])
    assert silences("a", "r", [n for n in range(_NOON, _NOON + 3 * DAY) if draw.random() < share]) == []


@pytest.mark.parametrize("seed", range(10))
def test_nights_are_not_outages(seed):
    draw = random.Random(seed)

    def busy(hour: float) -> float:  # an office: full at noon, nothing at night
        return max(0.0, 1 - abs(hour - 12.5) / 5.5)

    bins = [n for n in range(_NOON, _NOON + 5 * DAY) if draw.random() < busy((n % DAY) / DAY * 24)]
    assert silences("a", "r", bins) == []


def test_samples_from_other_months_are_no_outage():
    assert (
        silences("a", "r", [*range(_NOON, _NOON + 40), *range(_NOON + 60 * DAY, _NOON + 60 * DAY + 40)]) == []
    )


def test_a_place_that_ends_while_others_go_on_has_fallen_silent():
    busy = range(_NOON, _NOON + 40)
    (found,) = silences("a", "r", busy, _NOON + 100)
    assert (found.start.timestamp(), found.end.timestamp()) == ((_NOON + 40) * BIN, (_NOON + 101) * BIN)
    assert silences("a", "r", busy, _NOON + 45) == []


def test_nothing_has_no_silence():
    assert silences("a", "r", []) == []


def test_the_loudest_are_kept_among_very_many_names():
    talkers = Talkers()
    for number in range(60_000):
        talkers.add(f"quiet {number}", 1)
        if number % 3 == 0:
            talkers.add("loud", 10)
    (name, rows, size) = talkers.top(1)[0]
    assert (name, rows, size) == ("loud", 20_000, 200_000)
    assert len(talkers.rows) <= 20_000
    assert not talkers.complete
