from __future__ import annotations

import json
import re
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.core.errors import UsageError
from tidewaiter.lab.generator.company import BUCKETS, DEV, PROD, Company
from tidewaiter.lab.generator.making import everyday
from tidewaiter.lab.generator.others import ObjectAccess
from tidewaiter.lab.generator.record import Recorder
from tidewaiter.lab.generator.rhythm import HOUR
from tidewaiter.lab.generator.s3_access import AccessCounts, AccessLog, write_s3_access
from tidewaiter.lab.generator.s3_access.line import FIELDS, Access, line

COMPANY = Company(7, date(2026, 3, 17))
EVENTS = 6_000
THIEF = "arn:aws:iam::718250946633:user/svc-report-export"
ASKED = (
    ObjectAccess(
        13 * HOUR, "kr-customer-exports", "REST.GET.OBJECT", "2026/customers 7.csv.gz", THIEF, "192.0.2.66",
        'Boto3/1.34 "quoted"', size=5_200_000, request_id="REQUESTIDOFTRAIL",
    ),
    ObjectAccess(
        13 * HOUR, "kr-customer-exports", "REST.GET.BUCKET", address="192.0.2.66", status=403,
        error="AccessDenied",
    ),
)  # fmt: skip
Line = dict[str, str]
Written = tuple[AccessCounts, dict[str, list[Line]]]


def parse(text: str) -> Line:
    """Fields are separated by spaces, but for those in brackets and quotes."""
    values = re.findall(r'\[[^\]]*\]|"[^"]*"|\S+', text)
    assert len(values) == len(FIELDS) == 27, text
    return dict(zip(FIELDS, (value.strip('[]"') for value in values), strict=True))


def read(out: Path) -> dict[str, list[Line]]:
    return {
        str(path.relative_to(out)): [parse(text) for text in path.read_text().splitlines()]
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


def files_of(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    out = tmp_path_factory.mktemp("s3")
    return write_s3_access(out, COMPANY, EVENTS, ASKED), read(out)


def every(files: dict[str, list[Line]]) -> list[Line]:
    return [each for lines in files.values() for each in lines]


def test_every_line_has_27_fields_of_the_documented_kind(written: Written) -> None:
    for found in every(written[1]):
        assert re.fullmatch(r"[0-9a-f]{64}", found["bucket_owner"])
        assert re.fullmatch(r"17/Mar/2026:\d\d:\d\d:\d\d \+0000", found["time"])
        assert re.fullmatch(r"[A-Z0-9]{16}", found["request_id"])
        assert re.fullmatch(r"(REST|S3)\.[A-Z]+\.[A-Z_]+", found["operation"])
        assert re.fullmatch(r"\d{3}|-", found["http_status"])
        for name in ("bytes_sent", "object_size", "total_time", "turn_around_time"):
            assert re.fullmatch(r"\d+|-", found[name])
        if found["turn_around_time"] != "-":
            assert int(found["turn_around_time"]) <= int(found["total_time"])
        assert (found["error_code"] == "-") is (found["http_status"][0] not in "45")
        if found["request_uri"] != "-":
            assert re.fullmatch(r"(GET|PUT|POST|HEAD|DELETE) /\S* HTTP/1\.1", found["request_uri"])


def test_anonymous_requests_are_not_signed_and_signed_ones_have_a_requester(written: Written) -> None:
    ways = Counter(found["authentication_type"] for found in every(written[1]))
    assert set(ways) == {"-", "AuthHeader", "QueryString"}
    for found in every(written[1]):
        signed = found["authentication_type"] != "-"
        assert (found["signature_version"] == "SigV4") is signed
        assert (found["requester"] not in {"-", "AmazonS3"}) is signed


def test_request_ids_are_unique_and_owners_are_the_accounts(written: Written) -> None:
    found = every(written[1])
    assert len({each["request_id"] for each in found}) == len(found)
    owners: dict[str, set[str]] = {}
    accounts = {bucket: account for account, buckets in BUCKETS.items() for bucket in buckets}
    for each in found:
        owners.setdefault(accounts[each["bucket"]], set()).add(each["bucket_owner"])
    assert all(len(ids) == 1 for ids in owners.values())


def test_production_is_partitioned_by_date_and_the_others_are_not(written: Written) -> None:
    names = {"partitioned": 0, "simple": 0}
    stamp = r"2026-03-1[78]-\d\d-\d\d-\d\d-[0-9A-F]{16}"
    for path, lines in written[1].items():
        bucket = lines[0]["bucket"]
        assert {each["bucket"] for each in lines} == {bucket}
        times = [each["time"] for each in lines]
        assert times == sorted(times)
        if bucket in BUCKETS[PROD.id]:
            shape = rf"S3AccessLogs/{PROD.id}/[a-z0-9-]+/{bucket}/2026/03/1[78]/{stamp}"
            names["partitioned"] += 1
        else:
            shape = rf"S3AccessLogs/{bucket}/{stamp}"
            names["simple"] += 1
        assert re.fullmatch(shape, path), path
    assert all(names.values())
    assert any(bucket in path for bucket in BUCKETS[DEV.id] for path in written[1])


def test_asked_for_requests_are_where_they_are_said_to_be(written: Written) -> None:
    counts, files = written
    assert counts.objects == len(files)
    assert counts.lines == len(every(files)) == EVENTS // 4 + len(ASKED)
    first, second = (files[each.object][each.line] for each in counts.placed)
    assert [each.id for each in counts.placed] == [first["request_id"], second["request_id"]]
    assert first["request_id"] == "REQUESTIDOFTRAIL"
    assert (first["requester"], first["key"]) == (THIEF, "2026/customers%25207.csv.gz")
    assert first["user_agent"] == "Boto3/1.34 %22quoted%22"
    assert first["bytes_sent"] == first["object_size"] == "5200000"
    assert (second["requester"], second["http_status"], second["error_code"]) == ("-", "403", "AccessDenied")


def test_what_cloudtrail_recorded_stands_in_the_access_log_under_the_same_request_id(tmp_path: Path) -> None:
    company, recorder = Company(7, date(2026, 3, 17)), Recorder(COMPANY)
    log = AccessLog(tmp_path, company, 1_200)
    seen: dict[str, dict[str, Any]] = {}
    for deed in sorted(everyday(company, 1_200), key=lambda deed: deed.at):
        _, _, _, record = recorder.record(deed)
        log.see(deed.at, record, 0 if len(seen) == 3 else -1)
        body = json.loads(record)
        if body["eventSource"] == "s3.amazonaws.com" and (body["requestParameters"] or {}).get("bucketName"):
            seen[body["requestID"]] = body
    counts, lines = log.close(), {each["request_id"]: each for each in every(read(tmp_path))}
    assert counts.recorded == len(seen) > 100
    assert len(lines) == counts.lines == len(seen) + 300
    assert len(counts.placed) == 1
    for request_id, body in seen.items():
        found = lines[request_id]
        assert found["bucket"] == body["requestParameters"]["bucketName"]
        assert (found["error_code"] == "-") is ("errorCode" not in body)
        clock = f"17/Mar/2026:{body['eventTime'][11:19]} +0000"
        assert found["time"] == clock
        if body["eventName"] == "GetObject":
            assert found["operation"] == "REST.GET.OBJECT"
            assert unquote(unquote(found["key"])) == body["requestParameters"]["key"]


@given(key=st.text(min_size=1, max_size=40), agent=st.text(max_size=40), referer=st.text(max_size=40))
def test_what_a_client_sends_never_breaks_a_line(key: str, agent: str, referer: str) -> None:
    access = Access(
        "0" * 64, "b", "192.0.2.1", "", "R" * 16, "REST.GET.OBJECT", key, "GET /x HTTP/1.1", 200, "", 1, 1, 1,
        1,
        agent, "h", "b.s3.amazonaws.com", referer=referer,
    )  # fmt: skip
    text = line("17/Mar/2026:00:00:00 +0000", access)
    assert "\n" not in text
    assert parse(text)["operation"] == "REST.GET.OBJECT"


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write_s3_access(tmp_path / name, Company(7, date(2026, 3, 17)), 400)
    first, second = (files_of(tmp_path / name) for name in "ab")
    assert first == second


def test_a_bucket_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="kr-nothing"):
        write_s3_access(tmp_path, COMPANY, 400, [ObjectAccess(0, "kr-nothing", "REST.GET.OBJECT")])
