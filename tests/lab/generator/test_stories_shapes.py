"""The calls that stories make, against the AWS service models that botocore carries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import msgspec
import pytest

from tests.lab.generator import test_shapes as models
from tests.lab.generator.conftest import Record
from tidewaiter.lab.generator.company import Company
from tidewaiter.lab.generator.record import Recorder
from tidewaiter.lab.generator.stories import WHOLE, Story, campaigns_of, lookalikes_of

RECORDED_AS = {
    ("s3", "PutBucketPolicy", "bucketPolicy"): "Policy",
    ("s3", "DeleteObjects", "x-id"): "",  # the name of the operation, which newer SDKs add to the URI
    ("ec2", "CreateSecurityGroup", "groupDescription"): "Description",
    ("ec2", "ModifySnapshotAttribute", "attributeType"): "Attribute",
    ("ec2", "DescribeSnapshotAttribute", "attributeType"): "Attribute",
    ("ec2", "DescribeRegions", "regionSet"): "RegionNames",
    ("ec2", "RunInstances", "instancesSet"): "ImageId",
    ("ec2", "RunInstances", "groupSet"): "SecurityGroupIds",
    ("ssm", "SendCommand", "interactive"): "",  # in real records, in no public model
    ("sts", "AssumeRoleWithSAML", "sAMLAssertionID"): "",
    ("sts", "AssumeRoleWithSAML", "roleSessionName"): "",
}
"""Parameters that CloudTrail records under another name, and the member that they stand for, if any."""


@dataclass(frozen=True)
class Told:
    """The records of all stories."""

    records: list[Record]


@pytest.fixture(scope="module")
def told() -> Told:
    company = Company(7, date(2026, 3, 17))
    recorder = Recorder(company)
    stories: list[Story] = [*campaigns_of(company, WHOLE), *lookalikes_of(company, WHOLE)]
    deeds = sorted((deed for story in stories for deed in story.deeds(WHOLE)), key=lambda deed: deed.at)
    return Told([msgspec.json.decode(recorder.record(deed)[-1]) for deed in deeds])


def calls(told: Told) -> dict[tuple[str, str], list[Record]]:
    found: dict[tuple[str, str], list[Record]] = {}
    for record in told.records:
        key = (models.source_of(record), record["eventName"])
        if key not in models.NOT_OF_AN_API:
            found.setdefault(key, []).append(record)
    return found


def test_every_call_of_a_story_is_an_operation_of_its_service(told: Told) -> None:
    made = calls(told)
    assert len(made) > 90
    assert not [key for key in made if models.operation(*key) is None]


def test_every_parameter_is_a_member_or_a_listed_exception(told: Told) -> None:
    strange = {
        (source, name, key)
        for (source, name), records in calls(told).items()
        for record in records
        for key in models.strange_parameters(source, name, record["requestParameters"] or {})
    }
    assert strange <= set(RECORDED_AS)
    for source, name, key in strange:
        stands_for = RECORDED_AS[source, name, key]
        (found,) = models.operation(source, name)
        assert not stands_for or stands_for in found.input_shape.members


def test_required_parameters_are_recorded_unless_the_call_failed(told: Told) -> None:
    checked = 0
    for (source, name), records in calls(told).items():
        if source in {"s3", "ec2"} or name.endswith("WithSAML"):
            continue
        shapes = [each.input_shape for each in models.operation(source, name) if each.input_shape]
        needed = {models.upper(key) for shape in shapes[:1] for key in shape.required_members}
        secret = {"WebIdentityToken", "Password", "AuthenticationCode1", "AuthenticationCode2"}
        for record in records:
            if "errorCode" not in record:
                checked += 1
                recorded = {models.upper(key) for key in record["requestParameters"] or {}}
                assert recorded >= needed - secret, name
    assert checked > 120


def test_answers_name_members_of_the_operations_output(told: Told) -> None:
    checked = set()
    for (source, name), records in calls(told).items():
        found = models.operation(source, name)
        if source in {"s3", "ec2"} or found[0].output_shape is None:
            continue
        members = {models.upper(member) for each in found for member in each.output_shape.members}
        for record in records:
            if record["responseElements"]:
                checked.add(name)
                assert {models.upper(key) for key in record["responseElements"]} <= members, name
    assert checked >= {
        "CreateRole", "CreatePolicyVersion", "CreateFunction20150331", "AddPermission20150331v2", "PutRule",
        "PutTargets", "CreateUser", "CreateAccountAssignment", "SendCommand", "RequestServiceQuotaIncrease",
        "CreateVirtualMFADevice",
    }  # fmt: skip


def test_inner_members_of_answers_are_the_models_own(told: Told) -> None:
    inner = {
        "CreateRole": "Role",
        "CreatePolicyVersion": "PolicyVersion",
        "CreateUser": "User",
        "CreateVirtualMFADevice": "VirtualMFADevice",
        "CreateAccountAssignment": "AccountAssignmentCreationStatus",
        "RequestServiceQuotaIncrease": "RequestedQuota",
        "SendCommand": "Command",
    }
    for (source, name), records in calls(told).items():
        if name not in inner:
            continue
        (found,) = models.operation(source, name)
        members = set(found.output_shape.members[inner[name]].members)
        for record in records:
            if record["responseElements"]:
                (answer,) = record["responseElements"].values()
                assert {models.upper(key) for key in answer} <= members, name


def test_reading_calls_are_read_only_and_changing_ones_are_not(told: Told) -> None:
    reads = ("Get", "List", "Describe", "Head", "AssumeRole", "Decrypt", "BatchGet")
    for (_source, name), records in calls(told).items():
        assert {record["readOnly"] for record in records} == {name.startswith(reads)}, name


@pytest.mark.parametrize("exception", sorted(RECORDED_AS))
def test_no_listed_exception_is_stale(told: Told, exception: tuple[str, str, str]) -> None:
    source, name, key = exception
    records = calls(told)[source, name]
    assert any(key in (record["requestParameters"] or {}) for record in records)
