"""Each attack of a whole day, step by step through the logs: what leads to what."""

from __future__ import annotations

from tests.lab.generator.conftest import Day
from tests.lab.generator.told import (
    all_elsewhere,
    by_technique,
    campaign_of,
    elsewhere,
    identity_of,
    records_of,
)
from tidewaiter.lab.generator.company import ACCOUNTS


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
