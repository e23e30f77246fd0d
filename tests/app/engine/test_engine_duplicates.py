"""The same event by two ways is delivered once; two events are never taken for one."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import timedelta

import pytest

from tests.app import logs
from tests.app.conftest import TODAY
from tidewaiter.app.engine import run


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "in"


def numbers(start, stop):
    return [logs.event(number) for number in range(start, stop)]


def test_an_event_of_the_organisation_trail_and_the_account_trail_is_delivered_once(folder, deliver):
    logs.write(
        folder / "AWSLogs/o-exampleorg/111122223333/CloudTrail/eu-west-1/a.json.gz",
        logs.document(numbers(0, 6)),
    )
    logs.write(folder / "AWSLogs/111122223333/CloudTrail/eu-west-1/b.json.gz", logs.document(numbers(3, 8)))

    delivery = deliver(folder)

    counts = delivery.counts()
    assert (counts["records"], counts["delivered"], counts["duplicate"]) == (11, 8, 3)
    assert delivery.ids() == Counter(logs.event_id(number) for number in range(8))


def test_an_event_that_comes_again_in_a_later_run_is_a_duplicate(folder, deliver):
    logs.trail(folder, numbers(0, 5), "one")
    deliver(folder)
    logs.trail(folder, numbers(2, 7), "two")

    delivery = deliver(folder)

    assert delivery.result.summary.delivered == 2
    assert delivery.counts()["duplicate"] == 3
    assert delivery.ids() == Counter(logs.event_id(number) for number in range(7))


def test_the_same_file_under_two_names_adds_no_event(folder, deliver):
    path = logs.trail(folder, numbers(0, 5))
    shutil.copy(path, folder / "copy.json.gz")

    counts = deliver(folder).counts()

    assert (counts["objects"], counts["delivered"], counts["duplicate"]) == (2, 5, 5)


def test_a_record_twice_in_one_file_is_delivered_once(folder, deliver):
    logs.trail(folder, [*numbers(0, 3), *numbers(0, 2)])

    assert deliver(folder).ids() == Counter(logs.event_id(number) for number in range(3))


def test_events_that_share_an_id_but_differ_are_both_kept(folder, deliver):
    other = logs.event(1) | {"eventName": "TerminateInstances"}
    logs.trail(folder, [logs.event(1), other, logs.event(1)])

    delivery = deliver(folder)

    assert delivery.ids() == Counter({logs.event_id(1): 2})
    assert {row["Operation"] for row in delivery.rows()["ASimAuditEventLogs"]} == {
        "RunInstances", "TerminateInstances",
    }  # fmt: skip
    assert delivery.counts()["duplicate"] == 1


def test_records_without_an_id_are_all_kept_even_when_they_are_alike(folder, deliver):
    record = logs.event(1)
    del record["eventID"]
    logs.trail(folder, [record, record])

    delivery = deliver(folder)

    assert delivery.counts()["delivered"] == 2
    assert set(delivery.ids().values()) == {1}


def test_a_copy_of_a_flow_log_adds_no_row(folder, deliver):
    path = logs.flows(folder, range(20))
    shutil.copy(path, folder / "again.log.gz")

    counts = deliver(folder).counts("aws_vpcflow")
    assert (counts["delivered"], counts["duplicate"]) == (20, 20)

    shutil.copy(path, folder / "later.log.gz")
    counts = deliver(folder).counts("aws_vpcflow")
    assert (counts["delivered"], counts["duplicate"]) == (20, 40)


def test_flow_records_that_are_alike_in_different_files_are_all_kept(folder, deliver):
    logs.flows(folder, range(20), "one")
    logs.flows(folder, range(21), "two")

    assert deliver(folder).counts("aws_vpcflow")["delivered"] == 41


def test_a_file_that_grew_brings_only_its_new_events(folder, deliver):
    path = logs.write(folder / "events.ndjson", logs.lines(numbers(0, 4)))
    deliver(folder)
    with path.open("ab") as file:
        file.write(logs.lines(numbers(4, 6)))

    delivery = deliver(folder)

    assert delivery.result.summary.delivered == 2
    assert delivery.ids() == Counter(logs.event_id(number) for number in range(6))
    assert deliver(folder).result.summary.delivered == 0


def test_a_file_that_was_only_touched_is_not_read_again(folder, deliver):
    path = logs.trail(folder, numbers(0, 4))
    deliver(folder)
    path.touch()

    delivery = deliver(folder)

    assert delivery.result.summary.objects_claimed_before == 1
    assert delivery.result.summary.sources == {}


def test_a_file_under_a_new_name_is_read_and_brings_nothing_new(folder, deliver):
    path = logs.trail(folder, numbers(0, 4))
    deliver(folder)
    path.rename(folder / "moved.json.gz")

    delivery = deliver(folder)

    assert delivery.result.summary.delivered == 0
    assert delivery.counts()["duplicate"] == 4


def test_another_file_under_the_name_of_an_older_one_is_read(folder, deliver):
    logs.trail(folder, numbers(0, 4))
    deliver(folder)
    logs.trail(folder, numbers(4, 8))

    assert deliver(folder).ids() == Counter(logs.event_id(number) for number in range(8))


def test_events_of_the_newest_days_with_deliveries_are_remembered(folder, deliver, monkeypatch):
    monkeypatch.setattr(run, "DEDUPLICATION_DAYS", 2)
    duplicates = []
    for number, days in enumerate((0, 30, 31, 32)):
        logs.trail(folder, numbers(0, 2 + number), f"trail-{number}")
        delivery = deliver(folder, today=TODAY + timedelta(days=days))
        duplicates.append(delivery.report["last_run"]["sources"]["aws_cloudtrail"]["duplicate"])

    # However long ago: the first day is forgotten when two others with deliveries have come after it.
    assert duplicates == [0, 2, 3, 2]
    assert delivery.ids()[logs.event_id(0)] == 2


def test_two_folders_deliver_into_one_state(tmp_path, deliver):
    logs.trail(tmp_path / "one", numbers(0, 3), "one")
    logs.trail(tmp_path / "two", numbers(2, 5), "two")
    deliver(tmp_path / "one")

    assert deliver(tmp_path / "two").ids() == Counter(logs.event_id(number) for number in range(5))


def test_a_single_file_can_be_given(folder, deliver):
    path = logs.trail(folder, numbers(0, 3))

    delivery = deliver(path)

    assert delivery.counts()["delivered"] == 3
    assert deliver(path).result.summary.delivered == 0
