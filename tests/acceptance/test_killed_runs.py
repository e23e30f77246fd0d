"""Runs over HTTP that are killed at random moments: `make acceptance` does this at length."""

from __future__ import annotations

import random

import pytest

from tests.acceptance.killed import round_of_kills
from tidewaiter.lab.generator import generate


@pytest.mark.parametrize(
    ("destination", "events", "kills"),
    [
        ("asim", 2_000, 3),
        pytest.param("asim", 5_000, 4, marks=pytest.mark.long),
        pytest.param("both", 1_500, 4, marks=pytest.mark.long),
    ],
)
def test_nothing_is_lost_when_runs_are_killed_and_what_is_there_twice_is_listed(
    tmp_path, destination, events, kills
):
    truth = generate(tmp_path / "day", events=events, seed=5)

    tally = round_of_kills(
        tmp_path, tmp_path / "day", truth, kills=kills, draw=random.Random(5), destination=destination
    )

    assert tally.moments, "no run was killed before its end"
    counts = truth.events
    beside = counts.insight + counts.vpcflow + counts.guardduty + sum(counts.entra.values())
    beside += counts.securityhub + counts.s3_access + counts.dns
    assert tally.delivered == events + beside
