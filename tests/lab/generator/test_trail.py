from __future__ import annotations

import gzip
import re
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from tests.lab.generator.conftest import Day
from tidewaiter.lab.generator.company import ORGANIZATION

NAME = re.compile(
    rf"AWSLogs/{ORGANIZATION}/(\d{{12}})/CloudTrail/([a-z0-9-]+)/(\d{{4}})/(\d\d)/(\d\d)/"
    r"\1_CloudTrail_\2_\3\4\5T(\d{4})Z_[A-Za-z0-9]{16}\.json\.gz"
)


def key(day: Day, path: Path) -> str:
    return path.relative_to(day.out).as_posix()


def when(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp).replace(tzinfo=None)


def delivered(path: Path) -> datetime:
    return datetime.strptime(path.name.split("_")[3], "%Y%m%dT%H%MZ")


def digests(day: Day) -> dict[str, tuple[str, dict[str, Any]]]:
    found = {}
    for path in sorted(day.out.glob("AWSLogs/*/*/CloudTrail-Digest/**/*.json.gz")):
        text = gzip.decompress(path.read_bytes())
        found[key(day, path)] = (sha256(text).hexdigest(), msgspec.json.decode(text))
    return found


def test_log_files_lie_where_an_organisation_trail_puts_them(day: Day) -> None:
    assert len(day.trail) == day.truth.objects.cloudtrail
    for path in day.trail:
        match = NAME.fullmatch(key(day, path))
        assert match, path
        assert int(match[6][2:]) % 5 == 0


def test_a_file_is_compact_json_in_a_gzip_without_a_time(day: Day) -> None:
    for path in day.trail:
        raw = path.read_bytes()
        assert raw[:4] == b"\x1f\x8b\x08\x00", "no name and no comment in the header"
        assert raw[4:8] == bytes(4), "no time in the header"
        text = gzip.decompress(raw)
        assert text.startswith(b'{"Records":[{"eventVersion":"1.')
        assert msgspec.json.encode(msgspec.json.decode(text)) == text


def test_files_hold_no_event_of_the_future_and_none_very_late(day: Day) -> None:
    for path, records in day.trail.items():
        ages = [delivered(path) - when(record["eventTime"]) for record in records]
        assert min(ages) > timedelta(0)
        assert max(ages) < timedelta(minutes=75)


def test_events_are_not_in_order_within_files_nor_between_them(day: Day) -> None:
    unsorted = [
        records
        for records in day.trail.values()
        if [each["eventTime"] for each in records] != sorted(each["eventTime"] for each in records)
    ]
    assert len(unsorted) > len(day.trail) / 2
    overtaken = 0
    for place in {path.parent for path in day.trail}:
        newest = ""
        for path in sorted((each for each in day.trail if each.parent == place), key=delivered):
            times = sorted(record["eventTime"] for record in day.trail[path])
            overtaken += times[0] < newest
            newest = max(newest, times[-1])
    assert overtaken > 5


def test_digests_name_every_log_file_once_with_its_hash_and_times(day: Day) -> None:
    listed = [entry for _, digest in digests(day).values() for entry in digest["logFiles"]]
    assert sorted(entry["s3Object"] for entry in listed) == sorted(key(day, path) for path in day.trail)
    for entry in listed:
        path = day.out / entry["s3Object"]
        assert entry["hashValue"] == sha256(gzip.decompress(path.read_bytes())).hexdigest()
        times = [record["eventTime"] for record in day.trail[path]]
        assert (entry["oldestEventTime"], entry["newestEventTime"]) == (min(times), max(times))


def test_digests_form_a_chain_of_hours_per_account_and_region(day: Day) -> None:
    found = digests(day)
    assert len(found) == day.truth.objects.digest
    firsts = 0
    for name, (_, digest) in found.items():
        assert digest["digestS3Object"] == name
        assert name.endswith(f"_{re.sub('[-:]', '', digest['digestEndTime'])}.json.gz")
        assert when(digest["digestEndTime"]) - when(digest["digestStartTime"]) == timedelta(hours=1)
        if digest["previousDigestS3Object"] is None:
            firsts += 1
            continue
        before, previous = found[digest["previousDigestS3Object"]]
        assert digest["previousDigestHashValue"] == before
        assert previous["digestEndTime"] == digest["digestStartTime"]
        assert previous["awsAccountId"] == digest["awsAccountId"]
    assert firsts == len({path.parts[-7:-4] for path in day.trail})


def test_the_insights_file_tells_of_the_intruder_beside_the_events(day: Day) -> None:
    (path,) = day.out.glob("AWSLogs/*/*/CloudTrail-Insight/**/*.json.gz")
    start, end = msgspec.json.decode(gzip.decompress(path.read_bytes()))["Records"]
    assert [each["insightDetails"]["state"] for each in (start, end)] == ["Start", "End"]
    assert start["sharedEventID"] == end["sharedEventID"]
    assert (start["eventID"], end["eventID"]) == day.truth.insight_ids
    assert set(day.truth.insight_ids).isdisjoint(day.truth.event_ids)
    assert day.truth.events.insight == 2
    told = start["insightDetails"]["insightContext"]["attributions"][0]["insight"][0]["value"]
    assert told == day.truth.campaigns[0].actor
