"""Runs over HTTP that are killed at random moments: `make acceptance` does this at length."""

from __future__ import annotations

import random

from tests.acceptance.killed import round_of_kills
from tidewaiter.lab.generator import generate


def test_nothing_is_lost_when_runs_are_killed_and_what_is_there_twice_is_listed(tmp_path):
    truth = generate(tmp_path / "day", events=5_000, seed=5)

    tally = round_of_kills(tmp_path, tmp_path / "day", truth, kills=4, draw=random.Random(5))

    assert tally.moments, "no run was killed before its end"
    events = truth.events
    beside = events.insight + events.vpcflow + events.guardduty + sum(events.entra.values())
    assert tally.delivered == 5_000 + beside
