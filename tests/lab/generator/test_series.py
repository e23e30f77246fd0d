"""Several days: one company goes on, weekends are quiet, and the bytes depend on the seed alone."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.lab.generator.conftest import Day, read_day
from tests.lab.generator.test_day import tree
from tidewaiter.core.errors import UsageError
from tidewaiter.lab.generator import MOST_DAYS, generate, planned
from tidewaiter.lab.generator.personas import PERSONAS
from tidewaiter.lab.generator.truth import CampaignTruth, LookalikeTruth

FRIDAY = date(2026, 3, 20)
EVENTS = 2_500
PEOPLE = {each.id for each in PERSONAS if each.kind == "human"}


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Day:
    """Friday to Monday."""
    out = tmp_path_factory.mktemp("series")
    return read_day(out, generate(out, events=EVENTS, seed=3, day=FRIDAY, days=4))


def test_each_day_has_its_events_and_the_weekend_has_fewer(series: Day) -> None:
    made = Counter(record["eventTime"][:10] for record in series.records)
    told = {each.day: each.cloudtrail for each in series.truth.days}
    assert made == told
    assert list(told.values()) == planned(EVENTS, FRIDAY, 4)
    friday, saturday, sunday, monday = told.values()
    assert friday == monday == EVENTS
    assert saturday == sunday
    assert 0.6 * EVENTS < saturday < 0.95 * EVENTS
    assert [each.weekend for each in series.truth.days] == [False, True, True, False]


def test_event_ids_and_keys_of_one_day_are_not_those_of_another(series: Day) -> None:
    ids = Counter(record["eventID"] for record in series.records)
    assert max(ids.values()) == 1
    assert Counter(series.truth.event_ids) == ids
    opened: dict[str, set[str]] = {}
    for record in series.records:
        session = record["userIdentity"].get("sessionContext", {}).get("attributes", {}).get("creationDate")
        if session and "accessKeyId" in record["userIdentity"]:
            opened.setdefault(record["userIdentity"]["accessKeyId"], set()).add(session)
    assert len(opened) > 200
    assert all(len(since) == 1 for since in opened.values()), "a key belongs to one session"


def test_sessions_go_on_over_midnight(series: Day) -> None:
    days: dict[str, set[str]] = {}
    for record in series.records:
        key = record["userIdentity"].get("accessKeyId", "")
        if key.startswith("ASIA"):
            days.setdefault(key, set()).add(record["eventTime"][:10])
    assert sum(len(each) == 2 for each in days.values()) >= 3


def test_people_rest_at_the_weekend_and_machines_do_not(series: Day) -> None:
    by_day: dict[str, Counter[bool]] = {}
    for record in series.records:
        arn = str(record["userIdentity"].get("arn", ""))
        person = "@kestrelrowe.example" in arn
        by_day.setdefault(record["eventTime"][:10], Counter())[person] += 1
    friday, saturday, sunday, _ = (by_day[each.day] for each in series.truth.days)
    assert saturday[True] + sunday[True] < 0.5 * friday[True]
    assert saturday[False] > 0.7 * friday[False]


def test_stories_happen_once_and_on_working_days(series: Day) -> None:
    days = series.truth.days
    told = [name for each in days for name in (*each.campaigns, *each.lookalikes)]
    stories: list[CampaignTruth | LookalikeTruth] = [*series.truth.campaigns, *series.truth.lookalikes]
    assert sorted(told) == sorted(each.id for each in stories)
    assert not any(each.campaigns or each.lookalikes for each in days if each.weekend)
    records = series.by_id()
    for day in days:
        for story in stories:
            if story.id in (*day.campaigns, *day.lookalikes):
                assert {records[each]["eventTime"][:10] for each in story.event_ids} == {day.day}


def test_digests_form_one_chain_over_all_days(series: Day) -> None:
    digests: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for path in series.out.glob("AWSLogs/*/*/CloudTrail-Digest/**/*.json.gz"):
        body = json.loads(gzip.decompress(path.read_bytes()))
        place = (path.parts[-7], path.parts[-5])
        digests.setdefault(place, {})[body["digestS3Object"]] = body
    for chain in digests.values():
        assert len(chain) == 4 * 24 + 2
        first = [each for each in chain.values() if each["previousDigestS3Object"] is None]
        assert len(first) == 1
        assert all(each["previousDigestS3Object"] in {None, *chain} for each in chain.values())
    vouched = {
        file["s3Object"] for chain in digests.values() for body in chain.values() for file in body["logFiles"]
    }
    assert vouched == {path.relative_to(series.out).as_posix() for path in series.trail}


def test_the_bill_has_a_row_for_every_generated_day(series: Day) -> None:
    text = "".join(
        gzip.decompress(path.read_bytes()).decode()
        for path in series.out.glob("CostExports/*/data/**/*.csv.gz")
    )
    assert all(f",{each.day}T00:00:00.000Z," in text for each in series.truth.days)


@pytest.mark.parametrize("days", [0, MOST_DAYS + 1])
def test_no_days_and_too_many_are_refused(tmp_path: Path, days: int) -> None:
    with pytest.raises(UsageError, match="no number of days"):
        generate(tmp_path / "out", days=days)
    assert not (tmp_path / "out").exists()


def test_the_bytes_do_not_depend_on_the_process_or_its_hash_seed(tmp_path: Path) -> None:
    code = (
        "import sys, datetime, pathlib; from tidewaiter.lab.generator import generate; "
        "generate(pathlib.Path(sys.argv[1]), events=700, seed=5, days=2, faults=True, "
        "day=datetime.date(2026, 3, 20))"
    )
    for name, hash_seed in (("a", "1"), ("b", "4242")):
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / name)],
            check=True,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
        )
    first = tree(tmp_path / "a")
    assert first == tree(tmp_path / "b")
    assert len(first) > 500
