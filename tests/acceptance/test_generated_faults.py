"""A day with damaged objects: the product makes of each exactly what the day's truth says."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance import originals
from tests.acceptance.conftest import WITHOUT_IDS, rows_of
from tidewaiter.lab.generator import read_truth
from tidewaiter.lab.generator.faults.bodies import BODIES, HUGE

KINDS = {*BODIES, "delivered_twice", "digest_among_logs", "malformed_line", "torn_line"}
EVENTS = 1_500


@pytest.fixture(scope="module")
def state(tidewaiter, tmp_path_factory):
    """(folder of the state, truth): the run ends with 5, because some objects are not whole."""
    root = tmp_path_factory.mktemp("faults")
    words = ("--events", EVENTS, "--seed", 9, "--faults", "--out", root / "day")
    said = tidewaiter("lab", "generate", *words)
    assert "damaged objects: " in said.stdout
    tidewaiter("run", "--from", root / "day", "--state", root / "state", "--once", code=5)
    return root / "state", read_truth(root / "day" / "truth.json")


@pytest.fixture(scope="module")
def truth(state):
    return state[1]


@pytest.fixture(scope="module")
def report(state):
    return json.loads((state[0] / "report.json").read_bytes())


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_there_is_one_object_of_every_kind(truth):
    assert {fault.kind for fault in truth.faults} == KINDS
    assert len(truth.faults) == len(KINDS)


def test_the_counts_are_those_of_the_day_and_of_its_damaged_objects(truth, report):
    events = truth.events
    written = {
        "aws_cloudtrail": events.cloudtrail + events.insight,
        "aws_vpcflow": events.vpcflow,
        "aws_guardduty": events.guardduty,
    }
    for source, whole in written.items():
        damaged = [fault for fault in truth.faults if fault.source == source]
        counts = report["sources"][source]
        assert counts["records"] == whole + sum(fault.records for fault in damaged)
        assert counts["valid"] == whole + sum(fault.valid for fault in damaged)
        assert counts["duplicate"] == sum(fault.duplicate for fault in damaged)
        assert counts["quarantined"] == sum(len(fault.quarantined) for fault in damaged)
    assert truth.events.cloudtrail == EVENTS


def test_every_object_with_a_fault_is_named_with_its_kind(state, truth):
    found = Counter((each["object_id"], each["kind"]) for each in lines(state[0] / "faults.jsonl"))
    told = Counter((fault.object, kind) for fault in truth.faults for kind in fault.faults)
    assert found == told
    assert told


def test_every_bad_record_is_set_aside_with_its_kind(state, truth):
    found = Counter((each["object"], each["kind"]) for each in lines(state[0] / "quarantine.jsonl"))
    told = Counter((fault.object, kind) for fault in truth.faults for kind in fault.quarantined)
    assert found == told
    assert {kind for _, kind in told} == {
        "truncated",
        "malformed",
        "wrong_type",
        "invalid",
        "encoding",
        "too_deep",
    }


def test_every_event_that_can_be_read_is_delivered_once(state, truth):
    rows = rows_of(state[0])
    day = state[0].parent / "day"
    whole = [*truth.event_ids, *truth.insight_ids, *originals.finding_ids(day), *originals.entra_ids(day)]
    whole += originals.hub_findings(day)
    told = Counter([*whole, *(each for fault in truth.faults for each in fault.event_ids)])
    trail = [
        row
        for table, some in rows.items()
        if table.startswith("ASim") and table not in WITHOUT_IDS
        for row in some
    ]
    assert Counter(row["EventOriginalUid"] for row in trail) == told
    assert max(told.values()) == 1
    again = {each for fault in truth.faults for each in fault.repeated_ids}
    assert again
    assert again <= set(told)


def test_the_huge_record_is_a_row_like_any_other(state, truth):
    (huge,) = [fault for fault in truth.faults if fault.kind == "huge_record"]
    rows = [row for some in rows_of(state[0]).values() for row in some]
    (row,) = [row for row in rows if row.get("EventOriginalUid") == huge.event_ids[0]]
    assert len(str(row["AdditionalFields"])) < HUGE
    assert "EventStartTime" in row


def test_a_day_without_damage_is_the_same_but_for_the_damaged_objects(tmp_path, state):
    from tidewaiter.lab.generator import generate

    plain = generate(tmp_path, events=EVENTS, seed=9)
    day = state[0].parent / "day"
    with_faults = {path.relative_to(day).as_posix() for path in day.rglob("*") if path.is_file()}
    without = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert with_faults - without == {fault.object for fault in state[1].faults}
    assert without <= with_faults
    assert plain.event_ids == state[1].event_ids
    assert all(
        (day / name).read_bytes() == (tmp_path / name).read_bytes() for name in without - {"truth.json"}
    )
