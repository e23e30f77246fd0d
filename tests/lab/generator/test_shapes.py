"""Names in the records against the AWS service models that botocore carries."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import botocore.session
import pytest

from tests.lab.generator.conftest import Day, Record

SERVICES = {
    "monitoring": "cloudwatch",
    "servicequotas": "service-quotas",
    "access-analyzer": "accessanalyzer",
}

NOT_OF_AN_API = {
    ("signin", "ConsoleLogin"),
    ("signin", "UserAuthentication"),
    ("sso", "Federate"),
    ("sso", "GetRoleCredentials"),
}
"""Events without a public operation of that event source (console and portal)."""

RENAMED = {
    ("s3", "ListObjects"): "ListObjectsV2",
    ("s3", "GetBucketPublicAccessBlock"): "GetPublicAccessBlock",
    ("s3", "GetBucketObjectLockConfiguration"): "GetObjectLockConfiguration",
    ("s3", "GetBucketNotification"): "GetBucketNotificationConfiguration",
    ("s3", "GetBucketLifecycle"): "GetBucketLifecycleConfiguration",
}
"""Event name in CloudTrail -> operation in the model."""

EC2_NAMES = {
    "instancesSet": "InstanceIds",
    "filterSet": "Filters",
    "vpcSet": "VpcIds",
    "subnetSet": "SubnetIds",
    "routeTableIdSet": "RouteTableIds",
    "securityGroupSet": "GroupNames",
    "securityGroupIdSet": "GroupIds",
    "networkAclIdSet": "NetworkAclIds",
    "networkInterfaceIdSet": "NetworkInterfaceIds",
    "volumeSet": "VolumeIds",
    "snapshotSet": "SnapshotIds",
    "ownersSet": {"DescribeSnapshots": "OwnerIds", "DescribeImages": "Owners"},
    "sharedUsersSet": "RestorableByUserIds",
    "executableBySet": "ExecutableUsers",
    "imagesSet": "ImageIds",
    "publicIpsSet": "PublicIps",
    "allocationIdsSet": "AllocationIds",
    "keySet": "KeyNames",
    "keyPairIdSet": "KeyPairIds",
    "internetGatewayIdSet": "InternetGatewayIds",
    "availabilityZoneSet": "ZoneNames",
    "availabilityZoneIdSet": "ZoneIds",
    "regionSet": "RegionNames",
    "tagSpecificationSet": "TagSpecifications",
    "blockDeviceMapping": "BlockDeviceMappings",
    "availabilityZone": "Placement",
}
"""EC2's record names of parameters -> members of the model."""

OTHER_NAMES = {
    ("ec2", "RunInstances", "instancesSet"): {"ImageId", "MinCount", "MaxCount"},
    ("ec2", "DeleteSnapshot", "force"): set[str](),  # recorded by EC2, in no public model
    ("sts", "AssumeRoleWithSAML", "sAMLAssertionID"): set[str](),  # stands for the assertion itself
    ("sts", "AssumeRoleWithSAML", "roleSessionName"): set[str](),  # taken from the assertion
    ("ssm", "UpdateInstanceInformation", ""): set[str](),  # operations of the agent, in no public model
    ("ssm", "ListInstanceAssociations", ""): set[str](),
}
"""The remaining exceptions: what CloudTrail records there, and the members it stands for, if any."""


@cache
def model(source: str) -> Any:
    return botocore.session.get_session().get_service_model(SERVICES.get(source, source))


@cache
def services_of(source: str) -> tuple[str, ...]:
    return {"elasticloadbalancing": ("elb", "elbv2"), "sso": ("sso", "sso-admin")}.get(source, (source,))


def operation(source: str, name: str) -> Any:
    wanted = RENAMED.get((source, name), name)
    if source == "lambda":
        wanted = re.sub(r"20\d{6}(v\d)?$", "", wanted)
    if source == "lambda" and wanted == "GetAccountSettings20160819":
        wanted = "GetAccountSettings"
    found = [
        model(service).operation_model(wanted)
        for service in services_of(source)
        if wanted in model(service).operation_names
    ]
    return found or None


def source_of(record: Record) -> str:
    return str(record["eventSource"]).removesuffix(".amazonaws.com")


def calls(day: Day) -> dict[tuple[str, str], list[Record]]:
    found: dict[tuple[str, str], list[Record]] = {}
    for record in day.records:
        found.setdefault((source_of(record), record["eventName"]), []).append(record)
    return found


def upper(name: str) -> str:
    return name[:1].upper() + name[1:]


def known_members(source: str, name: str) -> set[str]:
    members: set[str] = set()
    for each in operation(source, name) or ():
        if each.input_shape is not None:
            members |= {upper(member) for member in each.input_shape.members}
    return members


def s3_names(name: str) -> set[str]:
    (found,) = operation("s3", name)
    wire = {member.serialization.get("name", key) for key, member in found.input_shape.members.items()}
    sub_resource = found.http["requestUri"].partition("?")[2].partition("=")[0]
    return wire | {"bucketName", "key", "Host", sub_resource}


def strange_parameters(source: str, name: str, request: dict[str, Any]) -> set[str]:
    if source == "s3":
        return set(request) - s3_names(name)
    members = known_members(source, name)
    if source == "ec2" and set(request) == {f"{name}Request"}:
        return set(request[f"{name}Request"] or {}) - members
    strange = set()
    for key in request:
        ec2 = EC2_NAMES.get(key, "") if source == "ec2" else ""
        stands_for = ec2.get(name, "") if isinstance(ec2, dict) else ec2
        exception = OTHER_NAMES.get((source, name, key))
        if upper(key) in members or stands_for in members:
            continue
        if exception is not None and exception <= members:
            continue
        strange.add(key)
    return strange


def test_every_event_is_an_operation_of_its_service_or_a_known_event_of_no_api(day: Day) -> None:
    unknown = {
        (source, name)
        for source, name in calls(day)
        if (source, name) not in NOT_OF_AN_API
        and (source, name, "") not in OTHER_NAMES
        and operation(source, name) is None
    }
    assert not unknown


def test_every_request_parameter_is_a_member_of_the_operation_or_a_listed_exception(day: Day) -> None:
    strange = {
        (source, name, key)
        for (source, name), records in calls(day).items()
        if (source, name) not in NOT_OF_AN_API and (source, name, "") not in OTHER_NAMES
        for record in records
        for key in strange_parameters(source, name, record["requestParameters"] or {})
    }
    assert not strange


def test_required_parameters_are_recorded_unless_the_call_failed(day: Day) -> None:
    checked = 0
    for (source, name), records in calls(day).items():
        if source in {"s3", "ec2"} or (source, name) in NOT_OF_AN_API or name.endswith("WithSAML"):
            continue
        shapes = [each.input_shape for each in operation(source, name) or () if each.input_shape]
        needed = {upper(key) for shape in shapes for key in shape.required_members}
        secret = {"WebIdentityToken", "Password"}
        for record in records:
            if "errorCode" not in record:
                checked += 1
                assert {upper(key) for key in record["requestParameters"] or {}} >= needed - secret, name
    assert checked > 1_000


def test_reading_operations_are_read_only_and_changing_ones_are_not(day: Day) -> None:
    writes = re.compile(
        "^(Create|Delete|Put|Update|Stop|Start|Run|Terminate|Authorize|ConsoleLogin|Generate)"
    )
    exceptions = {"GenerateDataKey"}
    for record in day.records:
        name = record["eventName"]
        if name not in exceptions and name != "UserAuthentication" and name != "Federate":
            assert record["readOnly"] is not bool(writes.match(name)), name


def test_answers_name_members_of_the_operations_output(day: Day) -> None:
    checked = set()
    for (source, name), records in calls(day).items():
        found = operation(source, name)
        if source in {"s3", "ec2"} or not found or found[0].output_shape is None:
            continue
        members = {upper(member) for each in found for member in each.output_shape.members}
        for record in records:
            answer = record["responseElements"]
            if answer:
                checked.add(name)
                assert {upper(key) for key in answer} <= members, name
    assert checked >= {"AssumeRole", "CreateAccessKey", "PutEventSelectors", "UpdateTrail"}


@pytest.mark.parametrize("exception", sorted(OTHER_NAMES))
def test_no_listed_exception_is_stale(day: Day, exception: tuple[str, str, str]) -> None:
    source, name, key = exception
    records = calls(day)[source, name]
    assert not key or any(key in (record["requestParameters"] or {}) for record in records)
    if key:
        assert upper(key) not in known_members(source, name)
    else:
        assert operation(source, name) is None
