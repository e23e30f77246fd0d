"""A day with all its logs and stories: what the truth says lies where it says, and the logs agree."""

from __future__ import annotations

import csv
import gzip
import io
import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.lab.generator.conftest import Day, Record, read_day
from tidewaiter.lab.generator import generate
from tidewaiter.lab.generator.company import ACCOUNTS, DATA, REGIONS
from tidewaiter.lab.generator.truth import PlaceTruth

Row = dict[str, Any]
FOLDERS = {
    "entra.sign_ins": ("SigninLogs", "SignInLogs"),
    "entra.directory": ("AuditLogs",),
    "entra.azure": ("AzureActivity",),
    "dns": ("vpcdnsquerylogs",),
    "vpcflow": ("vpcflowlogs",),
    "s3_access": ("S3AccessLogs/",),
    "guardduty": ("/GuardDuty/",),
    "securityhub": ("/SecurityHub/",),
    "cost": ("CostExports/",),
}


EVENTS = 20_000
TOOK: list[float] = []
"""Seconds of processor time that the day took."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Day:
    out = tmp_path_factory.mktemp("whole")
    start = time.process_time()
    truth = generate(out, events=EVENTS, seed=11)
    TOOK.append(time.process_time() - start)
    return read_day(out, truth)


@cache
def texts(path: Path) -> tuple[str, ...]:
    """Return the records of a file that has one on each line; headers do not count."""
    data = path.read_bytes()
    lines = (gzip.decompress(data) if path.suffix == ".gz" else data).decode().splitlines()
    return tuple(lines[1:] if "vpcflowlogs" in path.name or path.name.endswith(".csv.gz") else lines)


def rows(out: Path, pattern: str) -> Iterator[Row]:
    for path in sorted(out.glob(pattern)):
        yield from map(json.loads, texts(path))


def moment(text: str) -> datetime:
    return datetime.fromisoformat(f"{text[:19]}+00:00")


def places(day: Day) -> list[tuple[str, PlaceTruth]]:
    found = [
        (campaign.id, place)
        for campaign in day.truth.campaigns
        for technique in campaign.techniques
        for place in technique.places
    ]
    return found + [(story.id, place) for story in day.truth.lookalikes for place in story.places]


def test_at_this_pace_300_000_events_with_all_logs_take_less_than_two_minutes(whole: Day) -> None:
    assert len(whole.truth.event_ids) == EVENTS
    assert TOOK[0] / EVENTS * 300_000 < 120


def test_the_truth_counts_what_is_on_disk(whole: Day) -> None:
    events, objects = whole.truth.events, whole.truth.objects
    patterns = {
        "vpcflow": "AWSLogs/*/vpcflowlogs/**/*.log.gz",
        "dns": "AWSLogs/*/vpcdnsquerylogs/**/*.log.gz",
        "guardduty": "AWSLogs/*/GuardDuty/**/*.jsonl.gz",
        "securityhub": "AWSLogs/*/SecurityHub/**/*.jsonl.gz",
        "s3_access": "S3AccessLogs/**/*-*",
        "cost": "CostExports/*/data/**/*.csv.gz",
    }
    for log, pattern in patterns.items():
        files = [path for path in whole.out.glob(pattern) if path.is_file()]
        assert sum(len(texts(path)) for path in files) == getattr(events, log), log
        assert len(files) == getattr(objects, log) - (log == "cost"), log
    for table, count in events.entra.items():
        assert sum(1 for _ in rows(whole.out, f"AzureLogs/{table}/*.json")) == count
    assert sum(events.entra.values()) > 1_000
    assert len(events.entra) == 6


def test_every_place_of_a_story_holds_the_record_that_the_truth_names(whole: Day) -> None:
    seen = Counter[str]()
    for story, place in places(whole):
        text = texts(whole.out / place.object)[place.line]
        assert place.id in text, (story, place)
        seen[place.log] += 1
        assert any(folder in place.object for folder in FOLDERS[place.log]), (story, place)
    assert set(seen) == set(FOLDERS)


def test_the_bill_shows_what_a_story_cost_on_the_line_that_the_truth_names(whole: Day) -> None:
    costs = [place for _, place in places(whole) if place.log == "cost"]
    assert costs
    for place in costs:
        data = gzip.decompress((whole.out / place.object).read_bytes()).decode()
        row = list(csv.DictReader(io.StringIO(data)))[place.line]
        assert row["ChargePeriodStart"].startswith(whole.truth.day)
        assert float(row["BilledCost"]) > 0


def test_all_six_accounts_work_in_all_three_regions(whole: Day) -> None:
    seen = {(record["recipientAccountId"], record["awsRegion"]) for record in whole.records}
    assert len(ACCOUNTS) == 6
    assert seen >= {(account.id, region) for account in ACCOUNTS for region in REGIONS}
    assert {account.id for account in whole.truth.accounts} == {account.id for account in ACCOUNTS}


def test_people_come_through_entra_seconds_before_aws_lets_them_in(whole: Day) -> None:
    sign_ins = [
        row
        for row in rows(whole.out, "AzureLogs/SigninLogs/*.json")
        if row["AppDisplayName"] == "AWS IAM Identity Center" and row["ResultType"] == "0"
    ]
    portal = [each for each in whole.records if each["eventName"] == "UserAuthentication"]
    assert len(portal) >= 8
    for record in portal:
        upn, at = record["additionalEventData"]["UserName"], moment(record["eventTime"])
        before = [
            (at - moment(row["TimeGenerated"])).total_seconds()
            for row in sign_ins
            if row["UserPrincipalName"] == upn and row["IPAddress"] == record["sourceIPAddress"]
        ]
        assert any(0 <= each <= 130 for each in before), (upn, at, before)


def test_a_federated_session_carries_the_name_by_which_the_person_signed_in(whole: Day) -> None:
    people = {row["UserPrincipalName"] for row in rows(whole.out, "AzureLogs/SigninLogs/*.json")}
    issued = [each for each in whole.records if each["eventName"] == "AssumeRoleWithSAML"]
    assert len(issued) >= 8
    for record in issued:
        name = record["requestParameters"]["roleSessionName"]
        assert name in people
        assert record["responseElements"]["assumedRoleUser"]["arn"].endswith(f"/{name}")
        assert record["userIdentity"]["userName"] == name


def test_a_request_to_a_bucket_stands_in_both_logs_under_one_id(whole: Day) -> None:
    lines = {
        line.split('"')[0].split()[6]: line
        for path in whole.out.glob("S3AccessLogs/**/*-*")
        if path.is_file()
        for line in texts(path)
    }
    data = [each for each in whole.records if each["eventName"] in {"GetObject", "PutObject"}]
    assert len(data) > 1_000
    for record in data:
        line = lines[record["requestID"]]
        assert record["requestParameters"]["bucketName"] in line
        assert record["additionalEventData"]["x-amz-id-2"] in line


def test_a_machine_asked_for_every_name_before_it_connected_to_its_address(whole: Day) -> None:
    """Outward flows to public addresses; what a story connects to by number alone is left out."""
    told = {(place.object, place.line) for _, place in places(whole) if place.log == "vpcflow"}
    asked: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for row in rows(whole.out, "AWSLogs/*/vpcdnsquerylogs/**/*.log.gz"):
        for answer in row["answers"]:
            asked[row["srcaddr"], answer["Rdata"]].append(moment(row["query_timestamp"]))
    pairs = set[tuple[str, str]]()
    for path, lines in whole.flows.items():
        key = path.relative_to(whole.out).as_posix()
        for number, line in enumerate(lines[1:]):
            _, _, _, source, target, near, far, _, _, _, start, *_ = line.split()
            known = not target.startswith("10.") and source.startswith("10.") and far == "443"
            if not known or (key, number) in told or int(near) < 1024:
                continue
            pairs.add((source, target))
            at = datetime.fromtimestamp(int(start), moment(whole.truth.day + "T00:00:00Z").tzinfo)
            assert min(asked[source, target]) <= at, (source, target, at)
    assert len(pairs) > 50


def test_personas_are_of_every_kind_and_more_than_thirty(whole: Day) -> None:
    kinds = Counter(persona.kind for persona in whole.truth.personas)
    assert sum(kinds.values()) >= 30
    assert set(kinds) >= {"human", "iam_user", "saas", "service", "workload", "pipeline", "intruder"}
    assert sum(persona.event_count for persona in whole.truth.personas) == EVENTS


def test_three_vendors_come_in_by_external_id(whole: Day) -> None:
    ours = {each.id for each in ACCOUNTS}
    stories = [each.event_ids for each in whole.truth.campaigns]
    stories += [each.event_ids for each in whole.truth.lookalikes]
    told = {event_id for ids in stories for event_id in ids}
    issued: dict[str, set[str]] = defaultdict(set)
    for record in whole.records:
        external = (record["requestParameters"] or {}).get("externalId")
        if record["eventName"] == "AssumeRole" and external and record["eventID"] not in told:
            issued[record["userIdentity"]["accountId"]].add(external)
    assert len(issued) == 3
    assert ours.isdisjoint(issued)
    assert all(len(ids) > 1 for ids in issued.values()), "an external id per account"


def test_the_lake_is_read_and_written_in_its_own_account(whole: Day) -> None:
    lake: list[Record] = [
        each
        for each in whole.records
        if each["eventSource"] == "s3.amazonaws.com"
        and str((each["requestParameters"] or {}).get("bucketName", "")).startswith("kr-lake-")
    ]
    assert len(lake) > 500
    assert {each["recipientAccountId"] for each in lake} == {DATA.id}
