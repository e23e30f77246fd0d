"""A whole day with its eight attacks and eight look-alikes, read back from every log."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.lab.generator.conftest import Day, Record, read_day
from tests.lab.generator.told import (
    all_elsewhere,
    by_technique,
    campaign_of,
    elsewhere,
    lookalike_of,
    records_of,
)
from tidewaiter.lab.generator import generate
from tidewaiter.lab.generator.company import ACCOUNTS
from tidewaiter.lab.generator.stories import CAMPAIGNS, LOOKALIKES, WHOLE

INSIDE = {"203.0.113.11"}
"""The gateway by which the edge's machines reach AWS: a miner on one of them shows it."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Day:
    out = tmp_path_factory.mktemp("whole")
    return read_day(out, generate(out, events=WHOLE, seed=7))


def identity_of(record: Record) -> dict[str, Any]:
    found: dict[str, Any] = record["userIdentity"]
    return found


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


# Each attack


def test_the_spray_tries_everybody_finds_one_password_and_wears_its_owner_down(whole: Day) -> None:
    campaign = campaign_of(whole, "spray-to-aws")
    places = {each.id: each.places for each in campaign.techniques}
    guesses = elsewhere(whole, places["T1110.003"])
    people = {row["UserPrincipalName"] for row in guesses}
    assert len(people) > 15
    assert {row["ResultType"] for row in guesses} == {"50126", "50053", "50074"}
    (right,) = [row for row in guesses if row["ResultType"] == "50074"]
    prompts = elsewhere(whole, places["T1621"])
    assert {row["UserPrincipalName"] for row in prompts} == {right["UserPrincipalName"]}
    results = [row["ResultType"] for row in sorted(prompts, key=lambda row: str(row["TimeGenerated"]))]
    assert results == ["500121"] * 9 + ["0"]
    (aws,) = elsewhere(whole, places["T1078.004"], "entra.sign_ins")
    assert (aws["AppDisplayName"], aws["ResultType"]) == ("AWS IAM Identity Center", "0")
    assert aws["DeviceDetail"]["deviceId"] == ""
    records = records_of(whole, campaign.event_ids)
    portal = next(record for record in records if record["eventName"] == "UserAuthentication")
    assert portal["additionalEventData"]["UserName"] == right["UserPrincipalName"]
    assert aws["TimeGenerated"] <= portal["eventTime"]
    assert max(str(row["TimeGenerated"]) for row in guesses) < min(
        str(row["TimeGenerated"]) for row in prompts
    )


def test_the_rewritten_policy_is_that_of_the_role_which_then_steals(whole: Day) -> None:
    told = by_technique(whole, campaign_of(whole, "spray-to-aws"))
    (version,) = [each for each in told["T1098.003"] if each["eventName"] == "CreatePolicyVersion"]
    assert '"Action":"*"' in version["requestParameters"]["policyDocument"]
    role = version["requestParameters"]["policyArn"].rpartition("/")[2]
    stolen = told["T1530"]
    assert len(stolen) >= 12
    assert {identity_of(each)["sessionContext"]["sessionIssuer"]["userName"] for each in stolen} == {role}


def test_the_stolen_instance_key_is_used_by_the_machine_too(whole: Day) -> None:
    campaign = campaign_of(whole, "ssrf-to-entra")
    records = records_of(whole, campaign.event_ids)
    (key,) = {identity_of(record)["accessKeyId"] for record in records}
    own = set(campaign.event_ids)
    everyday = {
        record["sourceIPAddress"]
        for record in whole.records
        if identity_of(record).get("accessKeyId") == key and record["eventID"] not in own
    }
    assert everyday
    assert everyday.isdisjoint(campaign.addresses)


def test_the_secret_that_is_read_is_the_one_that_opens_azure_afterwards(whole: Day) -> None:
    campaign = campaign_of(whole, "ssrf-to-entra")
    told = by_technique(whole, campaign)
    fetched = [
        record["requestParameters"]["secretId"]
        for record in told["T1555.006"]
        if record["eventName"] == "GetSecretValue" and "errorCode" not in record
    ]
    (entra,) = [arn for arn in fetched if "entra-parcel-sync" in arn]
    last = max(record["eventTime"] for record in told["T1555.006"])
    sign_ins = all_elsewhere(whole, campaign, "entra.sign_ins")
    assert {row["ServicePrincipalName"] for row in sign_ins} == {"kr-parcel-sync"}
    assert [row["ResultType"] for row in sign_ins] == ["7000222", "7000215", "0", "0", "0"]
    assert all(row["TimeGenerated"] > last for row in sign_ins), entra
    changes = all_elsewhere(whole, campaign, "entra.directory")
    assert {row["InitiatedBy"]["app"]["displayName"] for row in changes} == {"kr-parcel-sync"}
    operations = all_elsewhere(whole, campaign, "entra.azure")
    assert {row["ActivityStatusValue"] for row in operations} == {"Start", "Success", "Failure"}


def test_the_consented_application_gives_the_pipeline_a_foreign_issuer_before_aws_is_entered(
    whole: Day,
) -> None:
    campaign = campaign_of(whole, "consent-to-pipeline")
    changes = all_elsewhere(whole, campaign, "entra.directory")
    names = [row["OperationName"] for row in changes]
    assert names[-2:] == ["Consent to application", "Update application"]
    (foreign,) = changes[-1]["TargetResources"][0]["modifiedProperties"]
    assert foreign["displayName"] == "FederatedIdentityCredentials"
    assert ".example" in foreign["newValue"]
    exchange, *rest = records_of(whole, campaign.event_ids)
    assert exchange["eventName"] == "AssumeRoleWithWebIdentity"
    assert exchange["responseElements"]["provider"].split("oidc-provider/")[1].startswith("sts.windows.net/")
    assert changes[-1]["TimeGenerated"] < exchange["eventTime"]
    signed_in = [
        row for row in all_elsewhere(whole, campaign, "entra.sign_ins") if "ServicePrincipalName" in row
    ]
    principal = identity_of(exchange)["userName"]
    assert {row["ServicePrincipalId"] for row in signed_in} == {principal}
    role = next(record for record in rest if record["eventName"] == "CreateRole")
    trusted = role["requestParameters"]["assumeRolePolicyDocument"]
    assert not any(account.id in trusted for account in ACCOUNTS)
    function = next(record for record in rest if record["eventName"].startswith("CreateFunction"))
    assert function["requestParameters"]["role"] == role["responseElements"]["role"]["arn"]


def test_the_ransom_cuts_the_way_back_before_it_locks_and_the_key_is_the_partners_own(whole: Day) -> None:
    campaign = campaign_of(whole, "s3-ransom")
    told = by_technique(whole, campaign)
    cut = [record["eventTime"] for record in told["T1490"]]
    locked = told["T1486"]
    assert max(cut) < min(record["eventTime"] for record in locked)
    for record in locked:
        asked = record["requestParameters"]
        assert asked["x-amz-copy-source"] == f"{asked['bucketName']}/{asked['key']}"
        assert asked["x-amz-server-side-encryption-customer-algorithm"] == "AES256"
    suspended = {
        record["requestParameters"]["bucketName"]
        for record in told["T1490"]
        if record["eventName"] == "PutBucketVersioning"
    }
    assert {record["requestParameters"]["bucketName"] for record in locked} <= suspended
    (key,) = {identity_of(record)["accessKeyId"] for record in locked}
    partner = [
        record
        for record in whole.records
        if identity_of(record).get("accessKeyId") == key and record["eventID"] not in campaign.event_ids
    ]
    assert len(partner) > 50
    lines = [line for line in all_elsewhere(whole, campaign, "s3_access") if "HOW_TO_RESTORE" in line]
    assert len(lines) == 4


def test_the_mined_region_is_nobodys_and_the_bill_names_the_machines_that_were_started(whole: Day) -> None:
    campaign = campaign_of(whole, "gpu-mining")
    records = records_of(whole, campaign.event_ids)
    started = [
        each["instanceId"]
        for record in records
        if record["eventName"] == "RunInstances" and record["responseElements"]
        for each in record["responseElements"]["instancesSet"]["items"]
    ]
    rows = all_elsewhere(whole, campaign, "cost")
    assert sorted(row["ResourceId"] for row in rows) == sorted(started)
    (region,) = {row["RegionId"] for row in rows}
    assert region not in {each for account in ACCOUNTS for each in account.regions}
    own = set(campaign.event_ids)
    assert {each["eventID"] for each in whole.records if each["awsRegion"] == region} <= own
    assert sum(float(row["BilledCost"]) for row in rows) > 200
    asked = all_elsewhere(whole, campaign, "dns")
    (pool,) = {query["answers"][0]["Rdata"] for query in asked}
    (machine,) = {query["srcids"]["instance"] for query in asked}
    assert machine in campaign.actor
    flows = [line for line in all_elsewhere(whole, campaign, "vpcflow") if line["dstaddr"] == pool]
    assert {line["dstport"] for line in flows} == {"3333"}
    findings = {each["type"] for each in all_elsewhere(whole, campaign, "guardduty")}
    assert findings == {"CryptoCurrency:EC2/BitcoinTool.B", "CryptoCurrency:EC2/BitcoinTool.B!DNS"}


def test_the_insider_takes_more_in_a_night_than_on_a_day_and_shares_outside(whole: Day) -> None:
    campaign = campaign_of(whole, "leaving-insider")
    told = by_technique(whole, campaign)
    taken = [
        record for record in told["T1530"] if record["eventName"] == "GetObject" and "errorCode" not in record
    ]
    volume = sum(record["additionalEventData"]["bytesTransferredOut"] for record in taken)
    own = set(campaign.event_ids)
    usual = sum(
        record["additionalEventData"]["bytesTransferredOut"]
        for record in whole.records
        if identity_of(record).get("arn") == campaign.actor
        and record["eventName"] == "GetObject"
        and record["eventID"] not in own
        and "errorCode" not in record
    )
    assert usual > 0
    assert volume > 2 * usual
    (share,) = [record for record in told["T1537"] if record["eventName"] == "ModifySnapshotAttribute"]
    (outsider,) = share["requestParameters"]["createVolumePermission"]["add"]["items"]
    assert outsider["userId"] not in {account.id for account in ACCOUNTS}
    (sign_in,) = all_elsewhere(whole, campaign, "entra.sign_ins")
    assert sign_in["UserPrincipalName"] == campaign.actor.rpartition("/")[2]
    assert {int(record["eventTime"][11:13]) for record in taken} <= {20, 21, 22}, "night in Pune"


def test_the_vendor_comes_with_the_right_external_id_from_the_wrong_network(whole: Day) -> None:
    campaign = campaign_of(whole, "vendor-role")
    records = records_of(whole, campaign.event_ids)
    entries = [record for record in records if record["eventName"] == "AssumeRole"]
    own = set(campaign.event_ids)
    for entry in entries:
        same = [
            record
            for record in whole.records
            if record["eventName"] == "AssumeRole"
            and record["recipientAccountId"] == entry["recipientAccountId"]
            and record["requestParameters"].get("externalId") == entry["requestParameters"]["externalId"]
            and record["eventID"] not in own
        ]
        assert same, "the everyday's poll of the same account"
        assert {record["sourceIPAddress"] for record in same}.isdisjoint(campaign.addresses)
        assert {record["userAgent"] for record in same} == {entry["userAgent"]}


def test_the_watch_ends_before_the_tunnel_begins_and_names_fit_into_dns(whole: Day) -> None:
    campaign = campaign_of(whole, "vendor-role")
    told = by_technique(whole, campaign)
    off = [record for record in told["T1562.001"] if not record["readOnly"]]
    assert [record["eventName"] for record in off] == [
        "StopLogging",
        "UpdateDetector",
        "StopConfigurationRecorder",
    ]
    assert [record.get("errorCode") for record in off] == ["AccessDenied", None, None]
    queries = all_elsewhere(whole, campaign, "dns")
    assert len(queries) >= 60
    first = min(query["query_timestamp"] for query in queries)
    assert off[-1]["eventTime"] < told["T1651"][0]["eventTime"] < first
    (machine,) = {query["srcids"]["instance"] for query in queries}
    assert told["T1651"][0]["requestParameters"]["instanceIds"] == [machine]
    for query in queries:
        assert len(query["query_name"]) <= 254
        assert all(len(part) <= 63 for part in query["query_name"].split("."))
    detector = off[1]["requestParameters"]["detectorId"]
    found = all_elsewhere(whole, campaign, "guardduty")
    assert {each["service"]["detectorId"] for each in found} == {detector}


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
