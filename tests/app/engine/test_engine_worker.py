"""What a worker holds in memory stays bounded by what it sets aside, whatever the objects hold."""

from __future__ import annotations

import pytest

from tests.app import logs
from tidewaiter.app.engine import worker
from tidewaiter.app.engine.worker import Worker
from tidewaiter.core.objects import SourceObject
from tidewaiter.pipeline.deliver import read_rows
from tidewaiter.pipeline.sources.codecs import Limits

WINDOW = Limits(window_bytes=2_000)


@pytest.fixture
def work(tmp_path):
    """Work on objects, each given by its records, as one group."""
    staging = tmp_path / "staging"
    staging.mkdir()

    def run(*objects):
        group = []
        for place, records in enumerate(objects):
            path = logs.write(tmp_path / f"{place}.json.gz", logs.document(records))
            size = path.stat().st_size
            group.append(
                (SourceObject(path.name, path, "aws_cloudtrail", "events", "json_records", size), f"d{place}")
            )
        return Worker(staging, limits=WINDOW).work(group, "s")

    return run


def bad(number):
    return logs.event(number, eventTime=number)


def test_an_object_of_nothing_but_bad_records_is_given_up_and_says_so(work, monkeypatch):
    monkeypatch.setattr(worker, "MOST_QUARANTINED", 10)

    (found,) = work([bad(number) for number in range(100)]).objects

    assert 10 <= len(found.quarantined) < 30
    assert [fault.kind for fault in found.faults] == ["over_limit"]
    assert "more than 10 records had to be set aside; the rest is not read" in found.faults[0].message


def test_bad_records_of_many_bytes_are_given_up_before_they_fill_the_memory(work, monkeypatch):
    monkeypatch.setattr(worker, "QUARANTINE_BYTES", 10_000)
    monkeypatch.setattr(worker, "_OWN_BYTES", 1_000)

    (found,) = work([bad(number) for number in range(100)]).objects

    assert 10_000 < found.set_aside < 15_000
    assert [fault.kind for fault in found.faults] == ["over_limit"]
    assert "records of more than 10,000 bytes had to be set aside" in found.faults[0].message


def test_a_group_shares_the_room_for_bad_records_and_a_few_more_are_no_matter(work, monkeypatch):
    monkeypatch.setattr(worker, "QUARANTINE_BYTES", 10_000)
    monkeypatch.setattr(worker, "_OWN_BYTES", 1_000)
    good = [logs.event(number) for number in range(200, 230)]

    done = work(
        [bad(number) for number in range(100)], [bad(100), *good], [bad(number) for number in range(101, 199)]
    )

    assert [len(found.faults) for found in done.objects] == [1, 0, 1]
    assert done.objects[1].valid == 30
    assert done.objects[2].set_aside < 5_000
    rows = [read_rows(segment.path) for segment in done.segments]
    assert sum(len(held.row) for held in rows) == 30
