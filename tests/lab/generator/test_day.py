from __future__ import annotations

import errno
from collections import Counter
from datetime import date
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.lab.generator.conftest import Day, read_day
from tidewaiter.core.errors import ConfigError, UsageError
from tidewaiter.lab.generator import FEWEST, generate, read_truth
from tidewaiter.lab.generator.company import ACCOUNTS

ORDER = {  # member -> whether every record has it
    "eventVersion": True,
    "userIdentity": True,
    "eventTime": True,
    "eventSource": True,
    "eventName": True,
    "awsRegion": True,
    "sourceIPAddress": True,
    "userAgent": True,
    "errorCode": False,
    "errorMessage": False,
    "requestParameters": True,
    "responseElements": True,
    "additionalEventData": False,
    "requestID": False,
    "eventID": True,
    "readOnly": True,
    "resources": False,
    "eventType": True,
    "apiVersion": False,
    "managementEvent": True,
    "recipientAccountId": True,
    "sharedEventID": False,
    "vpcEndpointId": False,
    "vpcEndpointAccountId": False,
    "serviceEventDetails": False,
    "eventCategory": True,
    "tlsDetails": False,
    "sessionCredentialFromConsole": False,
}


def tree(out: Path) -> dict[str, str]:
    return {
        path.relative_to(out).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        generate(tmp_path / name, events=700, seed=seed)
    first = tree(tmp_path / "a")
    assert first == tree(tmp_path / "b")
    other = tree(tmp_path / "c")
    assert set(first.values()).isdisjoint(other.values())


def test_another_day_moves_every_time_and_path(tmp_path: Path) -> None:
    truth = generate(tmp_path, events=3_000, seed=5, day=date(2026, 10, 31))
    moved = read_day(tmp_path, truth)
    assert {record["eventTime"][:10] for record in moved.records} == {"2026-10-31"}
    folders = {"/".join(path.parts[-4:-1]) for path in moved.trail}
    assert folders == {"2026/10/31", "2026/11/01"}


def test_the_day_holds_exactly_the_events_asked_for_and_the_truth_knows_each_once(day: Day) -> None:
    ids = [record["eventID"] for record in day.records]
    assert len(ids) == day.truth.events.cloudtrail == 9_000
    assert Counter(ids) == Counter(day.truth.event_ids)
    assert len(set(ids)) == len(ids)


@settings(max_examples=8)
@given(events=st.integers(FEWEST, 3_000), seed=st.integers(0, 2**32))
def test_every_size_and_seed_keeps_the_laws_of_a_day(events: int, seed: int) -> None:
    with TemporaryDirectory() as folder:
        seen: list[int] = []
        truth = generate(Path(folder), events=events, seed=seed, progress=seen.append)
        made = read_day(Path(folder), truth)
        assert sum(seen) == events
        assert sorted(record["eventID"] for record in made.records) == sorted(truth.event_ids)
        assert {record["eventTime"][:10] for record in made.records} == {"2026-03-17"}
        assert sum(persona.event_count for persona in truth.personas) == events
        assert sum(len(lines) - 1 for lines in made.flows.values()) == truth.events.vpcflow
        assert truth.events.vpcflow >= round(events / 3)
        assert (len(made.trail), len(made.flows)) == (truth.objects.cloudtrail, truth.objects.vpcflow)
        told = [story.event_ids for story in truth.campaigns] + [
            story.event_ids for story in truth.lookalikes
        ]
        assert all(told)
        assert {event_id for ids in told for event_id in ids} <= set(truth.event_ids)


def test_records_have_the_members_of_cloudtrail_in_its_order(day: Day) -> None:
    for record in day.records:
        members = list(record)
        assert members == [name for name in ORDER if name in record]
        assert set(members) >= {name for name, always in ORDER.items() if always}
        assert record["eventVersion"] in {"1.09", "1.10", "1.11"}
        assert (record["eventCategory"] == "Management") is record["managementEvent"]
        assert ("requestID" in record) is (record["eventType"] != "AwsConsoleSignIn")


def test_records_come_from_the_accounts_and_regions_of_the_company(day: Day) -> None:
    allowed = {(account.id, region) for account in ACCOUNTS for region in account.regions}
    for path, records in day.trail.items():
        account, region = path.parts[-7], path.parts[-5]
        assert (account, region) in allowed
        assert {(each["recipientAccountId"], each["awsRegion"]) for each in records} == {(account, region)}


def test_every_identity_type_of_a_normal_day_is_there(day: Day) -> None:
    kinds = {record["userIdentity"]["type"] for record in day.records}
    assert kinds == {
        "AssumedRole",
        "IAMUser",
        "AWSService",
        "AWSAccount",
        "IdentityCenterUser",
        "SAMLUser",
        "WebIdentityUser",
    }


def test_sessions_were_opened_before_they_are_used(day: Day) -> None:
    for record in day.records:
        attributes = record["userIdentity"].get("sessionContext", {}).get("attributes")
        if attributes:
            assert attributes["creationDate"] <= record["eventTime"]


def test_a_session_uses_the_key_that_its_issuance_answered_with(day: Day) -> None:
    issued = {
        record["responseElements"]["credentials"]["accessKeyId"]
        for record in day.records
        if record["eventName"].startswith("AssumeRole") and "errorCode" not in record
    }
    used = {record["userIdentity"].get("accessKeyId") for record in day.records}
    assert len(issued) > 100
    assert len(issued & used) / len(issued) > 0.5


def test_error_rates_are_those_of_a_company_and_not_of_a_fire(day: Day) -> None:
    errors = [record for record in day.records if "errorCode" in record]
    assert 0.01 < len(errors) / len(day.records) < 0.08
    codes = {record["errorCode"] for record in errors}
    assert codes >= {
        "AccessDenied",
        "Client.UnauthorizedOperation",
        "NoSuchBucketPolicy",
        "ThrottlingException",
    }
    assert all(record["responseElements"] is None for record in errors)


def test_console_logins_show_mfa_and_some_mistyped_passwords(day: Day) -> None:
    logins = [record for record in day.records if record["eventName"] == "ConsoleLogin"]
    users = [record for record in logins if record["userIdentity"]["type"] == "IAMUser"]
    failed = [each for each in users if each["responseElements"]["ConsoleLogin"] == "Failure"]
    passed = [each for each in users if each["responseElements"]["ConsoleLogin"] == "Success"]
    assert failed
    assert all(each["errorMessage"] == "Failed authentication" for each in failed)
    assert passed
    assert all(each["additionalEventData"]["MFAUsed"] == "Yes" for each in passed)
    assert len(logins) > len(users)


def test_people_keep_their_hours(day: Day) -> None:
    def hours(upn: str) -> list[int]:
        mine = [each for each in day.records if str(each["userIdentity"].get("arn", "")).endswith(f"/{upn}")]
        return [int(record["eventTime"][11:13]) for record in mine]

    austin = hours("jonah.whitfield@kestrelrowe.example")
    pune = hours("priya.raghunathan@kestrelrowe.example")
    assert len(austin) > 20
    assert len(pune) > 20
    assert min(austin) >= 12, "nobody in Austin works before 07:30 local time"
    assert max(hour for hour in pune) <= 18
    assert sum(austin) / len(austin) > sum(pune) / len(pune) + 7


def test_personas_in_the_truth_are_the_callers_in_the_records(day: Day) -> None:
    callers = {
        record["userIdentity"]["arn"]
        for record in day.records
        if record["userIdentity"]["type"] in {"AssumedRole", "IAMUser"} and "arn" in record["userIdentity"]
    }
    named = {name for persona in day.truth.personas for name in persona.principals}
    assert callers <= named
    assert all(persona.event_count > 0 for persona in day.truth.personas)


def test_only_documentation_and_private_addresses_occur(day: Day) -> None:
    fine = ("192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:", "10.")
    for record in day.records:
        address = record["sourceIPAddress"]
        assert address.startswith(fine) or address.endswith(".amazonaws.com")


def test_the_truth_file_reads_back_and_stands_beside_the_logs(day: Day) -> None:
    assert read_truth(day.out / "truth.json") == day.truth
    assert sorted(path.name for path in day.out.iterdir()) == [
        "AWSLogs",
        "AzureLogs",
        "CostExports",
        "S3AccessLogs",
        "truth.json",
    ]


def test_a_folder_that_holds_a_day_is_refused(day: Day) -> None:
    before = tree(day.out)
    with pytest.raises(UsageError, match="holds a day already"):
        generate(day.out, events=600)
    assert tree(day.out) == before


def test_too_few_events_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="too few"):
        generate(tmp_path / "day", events=FEWEST - 1)
    assert not (tmp_path / "day").exists()


def test_a_full_disk_is_a_clear_error(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "somewhere.json.gz")
    with patch.object(Path, "write_bytes", side_effect=full), pytest.raises(ConfigError) as caught:
        generate(tmp_path / "day", events=600)
    assert "No space left on device" in str(caught.value)
    assert "somewhere.json.gz" in str(caught.value)
