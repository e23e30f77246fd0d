from __future__ import annotations

import json
from typing import Any

import pytest

from tests.lab.generator.conftest import Day, Record
from tidewaiter.lab.generator.company import ACCOUNTS, STRANGER

PERSISTENCE = {
    "CreateAccessKey",
    "CreateLoginProfile",
    "UpdateLoginProfile",
    "UpdateAssumeRolePolicy",
}
TAMPERING = {"StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors"}


@pytest.fixture(params=["day", "small_day"])
def any_day(request: pytest.FixtureRequest) -> Day:
    found: Day = request.getfixturevalue(request.param)
    return found


def told(day: Day, ids: tuple[str, ...]) -> list[Record]:
    records = day.by_id()
    return [records[event_id] for event_id in ids]


def principals(policy: str) -> dict[str, Any]:
    (statement,) = json.loads(policy)["Statement"]
    return dict(statement["Principal"])


def test_a_day_of_any_size_holds_the_campaign_and_both_lookalikes(any_day: Day) -> None:
    assert [each.id for each in any_day.truth.campaigns] == ["leaked-access-key"]
    assert [each.id for each in any_day.truth.lookalikes] == ["audit-preparation", "own-key-rotation"]


def test_the_attack_is_a_tiny_part_of_the_day(day: Day) -> None:
    assert len(day.truth.campaigns[0].event_ids) < 0.01 * len(day.truth.event_ids)


def test_every_event_of_the_campaign_belongs_to_a_technique_and_comes_from_the_intruder(any_day: Day) -> None:
    (campaign,) = any_day.truth.campaigns
    by_technique = [event_id for technique in campaign.techniques for event_id in technique.event_ids]
    assert sorted(by_technique) == sorted(campaign.event_ids)
    records = told(any_day, campaign.event_ids)
    addresses = {record["sourceIPAddress"] for record in records}
    assert addresses == {*campaign.addresses, "secretsmanager.amazonaws.com"}
    times = [record["eventTime"] for record in records]
    assert (min(times), max(times)) == (campaign.start, campaign.end)
    assert times == sorted(times)
    strangers = {each["eventID"] for each in any_day.records if each["sourceIPAddress"] in campaign.addresses}
    assert strangers <= set(campaign.event_ids), "no everyday event comes from the intruder's addresses"


def test_the_leaked_key_makes_access_for_others_and_then_blinds_the_trail(any_day: Day) -> None:
    (campaign,) = any_day.truth.campaigns
    techniques = {technique.id: told(any_day, technique.event_ids) for technique in campaign.techniques}
    user = campaign.actor.rpartition("/")[2]
    persisted = techniques["T1098.001"] + techniques["T1098"]
    assert {record["eventName"] for record in persisted} == PERSISTENCE
    assert all(record["userIdentity"]["arn"] == campaign.actor for record in persisted)
    assert all(record["requestParameters"].get("userName") != user for record in persisted)
    assert all("errorCode" not in record for record in persisted)
    (trust,) = [each for each in persisted if each["eventName"] == "UpdateAssumeRolePolicy"]
    assert f"arn:aws:iam::{STRANGER}:root" in principals(trust["requestParameters"]["policyDocument"])["AWS"]
    assert STRANGER not in {account.id for account in ACCOUNTS}

    blinded = {record["eventName"]: record for record in techniques["T1562.008"]}
    assert "errorCode" not in blinded["StopLogging"]
    (selector,) = blinded["PutEventSelectors"]["requestParameters"]["eventSelectors"]
    assert selector["includeManagementEvents"] is False
    assert blinded["DeleteTrail"]["errorCode"] == "AccessDenied"
    last = max(record["eventTime"] for record in persisted)
    assert last < blinded["PutEventSelectors"]["eventTime"] < blinded["StopLogging"]["eventTime"]


def test_the_backdoor_key_that_was_created_is_the_one_that_steals(any_day: Day) -> None:
    (campaign,) = any_day.truth.campaigns
    records = told(any_day, campaign.event_ids)
    (made,) = [record for record in records if record["eventName"] == "CreateAccessKey"]
    key = made["responseElements"]["accessKey"]["accessKeyId"]
    stolen = [record for record in records if record["eventName"] in {"GetSecretValue", "GetObject"}]
    assert len(stolen) >= 15
    assert {record["userIdentity"]["accessKeyId"] for record in stolen} == {key}


def test_some_of_the_reconnaissance_is_refused(any_day: Day) -> None:
    (campaign,) = any_day.truth.campaigns
    refused = [record for record in told(any_day, campaign.event_ids) if "errorCode" in record]
    assert len(refused) >= 4


def test_the_audit_change_widens_the_trail_and_trusts_nobody_outside(any_day: Day) -> None:
    story = any_day.truth.lookalikes[0]
    records = {record["eventName"]: record for record in told(any_day, story.event_ids)}
    assert set(records) >= {"UpdateTrail", "PutEventSelectors", "StartLogging", "UpdateAssumeRolePolicy"}
    assert records["UpdateTrail"]["requestParameters"]["isMultiRegionTrail"] is True
    (selector,) = records["PutEventSelectors"]["requestParameters"]["eventSelectors"]
    assert (selector["includeManagementEvents"], selector["readWriteType"]) == (True, "All")
    trust = records["UpdateAssumeRolePolicy"]
    trusted = principals(trust["requestParameters"]["policyDocument"])
    assert trusted["Service"].endswith(".amazonaws.com")
    assert trusted["AWS"].split(":")[4] == trust["recipientAccountId"]
    changes = [record for record in records.values() if not record["readOnly"]]
    assert {record["userIdentity"]["arn"] for record in changes} == {story.actor}


def test_the_rotation_is_by_the_user_for_herself(any_day: Day) -> None:
    story = any_day.truth.lookalikes[1]
    records = told(any_day, story.event_ids)
    assert {record["userIdentity"]["arn"] for record in records} == {story.actor}
    user = story.actor.rpartition("/")[2]
    keys = [record for record in records if record["eventName"].endswith("AccessKey")]
    assert [record["eventName"] for record in keys] == [
        "CreateAccessKey",
        "UpdateAccessKey",
        "DeleteAccessKey",
    ]
    assert {record["requestParameters"]["userName"] for record in keys} == {user}
    old = keys[2]["requestParameters"]["accessKeyId"]
    later = [
        record
        for record in any_day.records
        if record["userIdentity"].get("accessKeyId") == old and record["eventTime"] > keys[2]["eventTime"]
    ]
    assert not later, "the deleted key is used no more"


def test_nothing_else_in_the_day_looks_like_persistence_or_tampering(any_day: Day) -> None:
    stories = [each.event_ids for each in any_day.truth.campaigns]
    stories += [each.event_ids for each in any_day.truth.lookalikes]
    known = {event_id for ids in stories for event_id in ids}
    strays = [
        record["eventName"]
        for record in any_day.records
        if record["eventName"] in PERSISTENCE | TAMPERING and record["eventID"] not in known
    ]
    assert not strays
