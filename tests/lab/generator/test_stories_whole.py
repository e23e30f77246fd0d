"""A whole day with its eight attacks and eight look-alikes, read back from every log: what holds for all."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.lab.generator.conftest import Day, Record
from tests.lab.generator.told import (
    all_elsewhere,
    campaign_of,
    elsewhere,
    identity_of,
    lookalike_of,
    records_of,
)
from tidewaiter.lab.generator.company import ACCOUNTS
from tidewaiter.lab.generator.stories import CAMPAIGNS, LOOKALIKES, WHOLE

INSIDE = {"203.0.113.11"}
"""The gateway by which the edge's machines reach AWS: a miner on one of them shows it."""


def test_a_day_of_twenty_thousand_events_holds_all_stories(whole: Day) -> None:
    assert [each.id for each in whole.truth.campaigns] == [kind.id for kind in CAMPAIGNS]
    assert [each.id for each in whole.truth.lookalikes] == [kind.id for kind in LOOKALIKES]
    assert len(whole.records) == WHOLE
    assert all(persona.event_count > 0 for persona in whole.truth.personas)


def test_all_attacks_together_are_a_small_part_of_the_day(whole: Day) -> None:
    events = [event_id for each in whole.truth.campaigns for event_id in each.event_ids]
    assert len(set(events)) == len(events)
    assert 200 < len(events) < 0.03 * WHOLE


@pytest.mark.parametrize("name", [kind.id for kind in CAMPAIGNS])
def test_every_technique_shows_somewhere_and_every_event_belongs_to_one(whole: Day, name: str) -> None:
    campaign = campaign_of(whole, name)
    for technique in campaign.techniques:
        assert technique.event_ids or technique.places, technique.id
        assert len(elsewhere(whole, technique.places)) == len(technique.places)
    told = [event_id for technique in campaign.techniques for event_id in technique.event_ids]
    assert sorted(told) == sorted(campaign.event_ids)
    times = [record["eventTime"] for record in records_of(whole, campaign.event_ids)]
    assert times == sorted(times)
    assert (times[0], times[-1]) == (campaign.start, campaign.end)


@pytest.mark.parametrize("name", [kind.id for kind in CAMPAIGNS])
def test_the_intruder_is_at_the_same_addresses_in_every_log_and_nobody_else_is(whole: Day, name: str) -> None:
    campaign = campaign_of(whole, name)
    addresses = set(campaign.addresses)
    seen: set[str] = set()
    for record in records_of(whole, campaign.event_ids):
        if record["sourceIPAddress"].endswith(".amazonaws.com"):
            continue
        seen.add(record["sourceIPAddress"])
    for row in all_elsewhere(whole, campaign, "entra.sign_ins"):
        seen.add(row["IPAddress"])
    for row in all_elsewhere(whole, campaign, "entra.azure"):
        seen.add(row["CallerIpAddress"])
    for line in all_elsewhere(whole, campaign, "vpcflow"):
        ends = {line["srcaddr"], line["dstaddr"]}
        assert len(ends & addresses) == 1
        seen |= ends & addresses
    assert seen - INSIDE == addresses
    own = set(campaign.event_ids)
    strangers = [each for each in whole.records if each["sourceIPAddress"] in addresses]
    assert {each["eventID"] for each in strangers} <= own
    lines = [line for text in whole.flows.values() for line in text if addresses & set(line.split())]
    assert len(lines) == campaign.flow_records


@pytest.mark.parametrize("name", [kind.id for kind in CAMPAIGNS])
def test_some_of_what_an_intruder_tries_fails(whole: Day, name: str) -> None:
    campaign = campaign_of(whole, name)
    records = records_of(whole, campaign.event_ids)
    failed = [record for record in records if "errorCode" in record]
    assert 2 <= len(failed) <= 0.6 * len(records)
    assert all(record["responseElements"] is None for record in failed)


@pytest.mark.parametrize("name", [kind.id for kind in CAMPAIGNS])
def test_a_finding_tells_of_the_principal_address_and_bucket_that_cloudtrail_shows(
    whole: Day, name: str
) -> None:
    campaign = campaign_of(whole, name)
    records = records_of(whole, campaign.event_ids)
    findings = all_elsewhere(whole, campaign, "guardduty")
    for finding in findings:
        action = finding["service"]["action"]
        if action["actionType"] != "AWS_API_CALL":
            continue
        call = action["awsApiCallAction"]
        remote = call["remoteIpDetails"]
        address = remote.get("ipAddressV4") or remote["ipAddressV6"]
        same = [
            record
            for record in records
            if record["eventName"] == call["api"]
            and record["sourceIPAddress"] == address
            and record["userIdentity"]["accessKeyId"]
            == finding["resource"]["accessKeyDetails"]["accessKeyId"]
            and record["eventTime"] <= finding["updatedAt"]
        ]
        assert same, (finding["type"], call["api"])
        buckets = {each["name"] for each in finding["resource"].get("s3BucketDetails", ())}
        assert buckets <= {(record["requestParameters"] or {}).get("bucketName") for record in same}
    assert findings or name in {"leaked-access-key", "consent-to-pipeline"}


def test_sessions_of_stories_were_issued_with_their_keys_before_they_are_used(whole: Day) -> None:
    issued = {
        record["responseElements"]["credentials"]["accessKeyId"]: record["eventTime"]
        for record in whole.records
        if record["eventName"].startswith("AssumeRole") and "errorCode" not in record
    }
    made = {
        record["responseElements"]["accessKey"]["accessKeyId"]: record["eventTime"]
        for record in whole.records
        if record["eventName"] == "CreateAccessKey" and "errorCode" not in record
    }
    checked = Counter[str]()
    for campaign in whole.truth.campaigns:
        for record in records_of(whole, campaign.event_ids):
            key = identity_of(record).get("accessKeyId", "")
            context = identity_of(record).get("sessionContext", {}).get("attributes")
            if context:
                assert context["creationDate"] <= record["eventTime"]
            if key in issued or key in made:
                checked[campaign.id] += 1
                assert (issued | made)[key] <= record["eventTime"]
    opened = {"leaked-access-key", "spray-to-aws", "consent-to-pipeline", "leaving-insider", "vendor-role"}
    assert set(checked) >= opened, "these stories open sessions or make keys themselves"


# Each look-alike


@pytest.mark.parametrize("name", [kind.id for kind in LOOKALIKES])
def test_a_lookalike_is_the_work_of_the_named_actor_from_no_intruders_address(whole: Day, name: str) -> None:
    story = lookalike_of(whole, name)
    records = records_of(whole, story.event_ids)
    assert story.actor in {identity_of(record).get("arn") for record in records}
    hostile = {address for each in whole.truth.campaigns for address in each.addresses}
    assert {record["sourceIPAddress"] for record in records}.isdisjoint(hostile)
    attacks = {event_id for each in whole.truth.campaigns for event_id in each.event_ids}
    assert attacks.isdisjoint(story.event_ids)


def changes(whole: Day, name: str) -> list[Record]:
    story = lookalike_of(whole, name)
    entry = {"UserAuthentication", "Federate", "GetRoleCredentials", "ConsoleLogin"}
    return [
        record
        for record in records_of(whole, story.event_ids)
        if not record["readOnly"] and record["eventName"] not in entry
    ]


def test_the_traveller_has_her_device_and_changes_nothing(whole: Day) -> None:
    assert not changes(whole, "traveller")
    rows = elsewhere(whole, lookalike_of(whole, "traveller").places, "entra.sign_ins")
    assert {row["UserPrincipalName"] for row in rows} == {"lucia.ortega@kestrelrowe.example"}
    assert {row["Location"] for row in rows} == {"DK"}
    assert {row["DeviceDetail"]["isCompliant"] for row in rows} == {True}
    last_at_home = max(
        record["eventTime"]
        for record in whole.records
        if record["sourceIPAddress"] == "198.51.100.90"
        and str(identity_of(record).get("arn", "")).endswith("/lucia.ortega@kestrelrowe.example")
    )
    assert last_at_home < "2026-03-17T17:15:00Z", "three hours of flight"


def test_the_scaling_group_ends_all_machines_that_it_started_and_they_are_on_the_bill(whole: Day) -> None:
    story = lookalike_of(whole, "batch-render")
    records = records_of(whole, story.event_ids)
    assert {record["userIdentity"]["invokedBy"] for record in records} == {"autoscaling.amazonaws.com"}
    started = {
        each["instanceId"]
        for record in records
        if record["eventName"] == "RunInstances"
        for each in record["responseElements"]["instancesSet"]["items"]
    }
    ended = {
        record["requestParameters"]["instancesSet"]["items"][0]["instanceId"]
        for record in records
        if record["eventName"] == "TerminateInstances"
    }
    assert started == ended
    assert {row["ResourceId"] for row in elsewhere(whole, story.places, "cost")} == started


def test_the_clean_up_touches_the_scratch_bucket_alone(whole: Day) -> None:
    made = changes(whole, "scratch-cleanup")
    assert {record["eventName"] for record in made} == {"DeleteObjects", "PutBucketLifecycle"}
    assert {record["requestParameters"]["bucketName"] for record in made} == {"kr-dev-scratch"}


def test_the_migration_shares_with_the_organisation_alone(whole: Day) -> None:
    shared = [
        record["requestParameters"]
        for record in changes(whole, "account-migration")
        if record["eventName"] == "ModifySnapshotAttribute"
    ]
    assert len(shared) == 3
    receivers = {each["createVolumePermission"]["add"]["items"][0]["userId"] for each in shared}
    assert receivers <= {account.id for account in ACCOUNTS}
    copied = {
        record["requestParameters"]["sourceSnapshotId"]
        for record in changes(whole, "account-migration")
        if record["eventName"] == "CopySnapshot"
    }
    assert copied == {each["snapshotId"] for each in shared}


def test_the_help_desk_changes_second_factors_only_and_their_owners_enrol_themselves(whole: Day) -> None:
    made = changes(whole, "helpdesk-mfa-reset")
    assert [record["eventName"] for record in made] == [
        "DeactivateMFADevice",
        "CreateVirtualMFADevice",
        "EnableMFADevice",
    ]
    user = made[0]["requestParameters"]["userName"]
    assert identity_of(made[2])["userName"] == user
    rows = elsewhere(whole, lookalike_of(whole, "helpdesk-mfa-reset").places, "entra.directory")
    assert [row["OperationName"] for row in rows] == [
        "Admin deleted security info",
        "User registered security info",
    ]
    assert rows[1]["InitiatedBy"]["user"]["userPrincipalName"] == "ciara.walsh@kestrelrowe.example"


def test_the_testers_sessions_carry_the_ticket_and_they_leave_nothing_behind(whole: Day) -> None:
    made = changes(whole, "penetration-test")
    done = [record for record in made if "errorCode" not in record]
    assert [record["eventName"] for record in done] == [
        "CreateUser",
        "CreateAccessKey",
        "DeleteAccessKey",
        "DeleteUser",
    ]
    assert {record["requestParameters"]["userName"] for record in done} == {"pt-chg0048213-canary"}
    assert len(made) - len(done) >= 4
    assert {"CHG0048213" in identity_of(record)["arn"] for record in made} == {True}
