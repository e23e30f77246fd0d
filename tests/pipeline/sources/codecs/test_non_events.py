"""Digest files: typed, no records. Insight files hold records like any other."""

from __future__ import annotations

import json

import pytest

from tidewaiter.core.objects import ObjectKind, SourceObject
from tidewaiter.pipeline.sources import Digest, Limits, read_non_event

DIGEST = {
    "awsAccountId": "111122223333",
    "digestStartTime": "2025-08-17T14:01:31Z",
    "digestEndTime": "2025-08-17T15:01:31Z",
    "digestS3Bucket": "trail-bucket",
    "digestS3Object": "AWSLogs/x.json.gz",
    "previousDigestS3Bucket": "trail-bucket",
    "previousDigestS3Object": "AWSLogs/w.json.gz",
    "logFiles": [{"s3Object": "a"}, {"s3Object": "b"}],
}
INSIGHT = {"eventCategory": "Insight", "insightDetails": {"state": "Start"}, "eventTime": "t"}


@pytest.fixture
def look(tmp_path):
    def found(data: object, kind: ObjectKind):
        path = tmp_path / "object"
        path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
        obj = SourceObject("object", path, "aws_cloudtrail", kind, "json_records", 0)
        return read_non_event(obj, Limits())

    return found


def test_a_digest_is_typed(look):
    found = look(DIGEST, "digest")
    assert isinstance(found.detail, Digest)
    assert found.detail.aws_account_id == "111122223333"
    assert (found.detail.digest_start_time, found.detail.digest_end_time) == (
        "2025-08-17T14:01:31Z",
        "2025-08-17T15:01:31Z",
    )
    assert (found.detail.bucket, found.detail.previous_object) == ("trail-bucket", "AWSLogs/w.json.gz")
    assert found.detail.log_files == 2
    assert (found.faults, found.raw_bytes) == ((), len(json.dumps(DIGEST)))


def test_the_first_digest_of_a_trail_has_no_previous_one(look):
    found = look(DIGEST | {"previousDigestS3Bucket": None, "previousDigestS3Object": None}, "digest")
    assert found.detail.previous_object is None


@pytest.mark.parametrize(
    "damaged", [b"", b"{", b'{"awsAccountId":1}', json.dumps(DIGEST).encode()[:-4], b"[" * 5_000]
)
def test_a_damaged_digest_is_a_fault(look, damaged):
    found = look(damaged, "digest")
    assert found.detail is None
    assert [fault.kind for fault in found.faults] == ["malformed"]


def test_reading_it_like_events_yields_no_records(read_bytes):
    reading = read_bytes(json.dumps(DIGEST).encode(), kind="digest")
    assert (reading.records, reading.faults, reading.raw_bytes) == ([], [], len(json.dumps(DIGEST)))


def test_the_records_of_an_insight_file_are_read(read_bytes):
    reading = read_bytes(json.dumps({"Records": [INSIGHT, INSIGHT]}).encode(), kind="insight")
    assert [json.loads(bytes(record)) for record in reading.records] == [INSIGHT, INSIGHT]
    assert reading.faults == []


def test_a_damaged_insight_file_is_read_as_far_as_it_goes(read_bytes):
    reading = read_bytes(json.dumps({"Records": [INSIGHT, INSIGHT]}).encode()[:-10], kind="insight")
    assert len(reading.records) == 1
    assert {fault.kind for fault in reading.faults} == {"truncated"}
