from __future__ import annotations

import os
from datetime import date, datetime

import polars as pl
import pytest

from tests.pipeline.deliver.archive.writing import put
from tidewaiter.core.errors import ConfigError, DeliveryError, QueryError
from tidewaiter.pipeline.deliver.archive import SCHEMA, Archive, check_durable

MONDAY, TUESDAY = datetime(2026, 3, 16, 23, 59, 59), datetime(2026, 3, 17, 0, 0, 1)


def record(event_id: str, at: datetime = TUESDAY, action: str = "delivered", raw: bytes | None = None):
    return (event_id, at, "AWSLogs/a.json.gz", "d1", 7, "ASimAuditEventLogs", action, raw)


def frame(*rows):
    return pl.DataFrame(list(rows), schema=SCHEMA, orient="row")


@pytest.fixture
def archive(tmp_path):
    return Archive.open((tmp_path / "archive of ours").as_uri())


def ids(found):
    return found.rows["event_id"].to_list()


def test_records_come_back_by_source_day_and_id(archive):
    put(archive, "000001", "aws_cloudtrail", frame(record("a", MONDAY), record("b"), record("c")))
    put(archive, "000001", "aws_vpcflow", frame(record("d")))

    assert ids(archive.scan()) == ["a", "b", "c", "d"]
    assert ids(archive.scan(source="aws_cloudtrail", since=date(2026, 3, 17))) == ["b", "c"]
    assert ids(archive.scan(until=date(2026, 3, 16))) == ["a"]
    assert ids(archive.scan(event_ids=["c", "d", "x"])) == ["c", "d"]
    assert archive.scan().rows["source"].unique().sort().to_list() == ["aws_cloudtrail", "aws_vpcflow"]
    paths = [path for _, path in archive.parts(source="aws_cloudtrail")]
    assert paths == [
        "source=aws_cloudtrail/date=2026-03-16/000001.parquet",
        "source=aws_cloudtrail/date=2026-03-17/000001.parquet",
    ]


def test_a_source_whose_name_begins_like_anothers_is_not_taken_for_it(archive):
    put(archive, "1", "aws_waf", frame(record("a")))
    put(archive, "1", "aws_waf_v2", frame(record("b")))

    assert ids(archive.scan(source="aws_waf")) == ["a"]


def test_the_same_part_written_again_replaces_it(archive):
    put(archive, "000001", "s", frame(record("a"), record("b")))
    put(archive, "000001", "s", frame(record("a"), record("b")))

    assert ids(archive.scan()) == ["a", "b"]


def test_what_was_not_delivered_is_there_byte_for_byte_and_a_pointer_is_read_from_its_object(archive):
    raw = b'{"eventName":\xff"x"}'
    put(archive, "1", "s", frame(record("a", action="quarantine", raw=raw), record("b")))
    first, second = archive.scan().rows.rows(named=True)
    asked = []

    def reader(*place):
        asked.append(place)
        return b"from the object"

    assert archive.resolve(first, reader) == raw
    assert archive.resolve(second, reader) == b"from the object"
    assert asked == [("AWSLogs/a.json.gz", "d1", 7)]


def test_a_damaged_part_is_named_and_the_others_are_read(archive):
    put(archive, "1", "s", frame(record("a")))
    put(archive, "2", "s", frame(record("b")))
    (archive.where.root / "source=s/date=2026-03-17/1.parquet").write_bytes(b"PAR1 torn")

    found = archive.scan()

    assert ids(found) == ["b"]
    assert [path for path, _ in found.unreadable] == ["source=s/date=2026-03-17/1.parquet"]


def test_a_half_written_file_of_a_killed_run_is_no_part(archive):
    put(archive, "1", "s", frame(record("a")))
    (archive.where.root / "source=s/date=2026-03-17/.2.parquet.part").write_bytes(b"half")

    assert ids(archive.scan()) == ["a"]


def test_an_empty_archive_has_nothing(archive):
    assert ids(archive.scan()) == []
    assert archive.query("SELECT count(*) FROM archive") == [(0,)]
    assert put(archive, "1", "s", frame()) == 0


def test_questions_are_answered_over_all_parts(archive):
    put(archive, "1", "s", frame(record("a", MONDAY), record("b"), record("c", action="duplicate")))

    asked = 'SELECT date, action, count(*) FROM archive WHERE "table" = ? GROUP BY ALL ORDER BY ALL'
    assert archive.query(asked, ["ASimAuditEventLogs"]) == [
        (date(2026, 3, 16), "delivered", 1),
        (date(2026, 3, 17), "delivered", 1),
        (date(2026, 3, 17), "duplicate", 1),
    ]
    assert archive.query("SELECT count(*) FROM archive", since=date(2026, 3, 17)) == [(2,)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/proc/self/environ')",
        "COPY (SELECT 1) TO '/tmp/tidewaiter-out.csv'",
        "ATTACH '/tmp/tidewaiter-other.db'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SELECT nonsense",
    ],
)
def test_a_query_reaches_nothing_but_the_archive(archive, sql):
    put(archive, "1", "s", frame(record("a")))

    with pytest.raises(QueryError):
        archive.query(sql)


@pytest.mark.parametrize("url", ["gs://bucket/x", "https://host/x", "archive", "", "file://other-host/x"])
def test_a_url_that_names_no_archive_is_refused(url):
    with pytest.raises(ConfigError, match=r"archive\.url") as caught:
        Archive.open(url)

    assert caught.value.hint


def test_a_part_with_a_name_that_is_a_path_is_a_bug(archive):
    for name, source in (("../x", "s"), ("x", "a/b"), ("", "s")):
        with pytest.raises(ValueError, match="not a name"):
            put(archive, name, source, frame(record("a")))


def test_a_full_disk_is_told_and_leaves_no_half_a_part(archive, monkeypatch):
    put(archive, "1", "s", frame(record("a")))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(DeliveryError, match="No space left on device") as caught:
            put(archive, "2", "s", frame(record("b")))

    assert "nothing was claimed" in caught.value.hint
    assert [path.name for path in archive.where.root.rglob("*") if path.is_file()] == ["1.parquet"]


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(DeliveryError, match="cannot write the archive"):
        put(Archive.open((tmp_path / "file" / "archive").as_uri()), "1", "s", frame(record("a")))


MOUNTS = """\
overlay / overlay rw 0 0
tmpfs /tmp tmpfs rw 0 0
/dev/sdb1 /data ext4 rw 0 0
/dev/sdc1 /my\\040disk xfs rw 0 0
"""


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("file:///data/archive", True),
        ("file:///my%20disk/archive", True),
        ("file:///tmp/archive", False),
        ("file:///var/archive", False),
        ("s3://bucket/archive", True),
    ],
)
def test_reduction_needs_an_archive_that_outlives_a_restart(url, kept):
    check_durable(url, reduction=False, mounts=MOUNTS)
    if kept:
        check_durable(url, reduction=True, mounts=MOUNTS)
    else:
        with pytest.raises(ConfigError, match="which a restart may empty"):
            check_durable(url, reduction=True, mounts=MOUNTS)
