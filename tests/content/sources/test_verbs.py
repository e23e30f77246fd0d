"""The verbs of CloudTrail calls, against all operations of the AWS service models (botocore)."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

import botocore
import pytest

from tidewaiter.asim.mapping.evaluate import evaluate, truth
from tidewaiter.asim.mapping.source_mapping import Route
from tidewaiter.content import sources
from tools import aws_operations
from tools.aws_operations import FOLDER, Operation, operations

MAPPING = sources()["aws_cloudtrail"].mapping
AUDIT = MAPPING.routes[-1].mapping


def route_of(record: dict[str, object]) -> Route:
    return next(route for route in MAPPING.routes if truth(route.when, record, MAPPING.lookups))


def event_type(call: str, **members: object) -> object:
    """The EventType that AuditEvent gives a call."""
    return evaluate(AUDIT.columns["EventType"], {"eventName": call, **members}, MAPPING.lookups)


@cache
def told(operation: Operation) -> tuple[str, str]:
    """The schema and EventType of an operation, by its source and name alone."""
    record: dict[str, object] = {"eventSource": operation.source, "eventName": operation.name}
    mapping = route_of(record).mapping
    return mapping.schema, str(evaluate(mapping.columns["EventType"], record, MAPPING.lookups))


def test_the_lookups_are_what_the_models_and_the_review_give():
    locked = re.search(
        r"^botocore==(\S+)", (FOLDER.parents[5] / "requirements/dev.txt").read_text(), re.MULTILINE
    )
    if not locked or botocore.__version__ != locked[1]:
        pytest.skip(f"botocore {botocore.__version__} is not the locked one")
    for name, text in aws_operations.render().items():
        assert (FOLDER / name).read_text() == text, f"{name}: run tools/aws_operations.py"


def test_a_reviewed_operation_that_is_gone_is_named(monkeypatch):
    decided = aws_operations.reviewed()
    monkeypatch.setitem(decided.types, "Stop", [*decided.types["Stop"], "ec2:HaltInstances"])
    with pytest.raises(ValueError, match="ec2:HaltInstances"):
        aws_operations.types(aws_operations.words())


def test_at_least_99_of_100_operations_have_a_specific_event_type(capsys):
    types = Counter(told(operation) for operation in operations())
    other = sorted({operation.call for operation in operations() if told(operation)[1] == "Other"})
    share = 1 - sum(told(operation)[1] == "Other" for operation in operations()) / len(operations())
    with capsys.disabled():
        print(f"\n{len(operations()):,} operations of AWS, {share:.2%} with a specific EventType:")
        for (schema, kind), count in types.most_common():
            print(f"  {schema:15} {kind:22} {count:6,}")
    assert len(operations()) > 19_000
    assert share >= 0.99, other


def test_what_the_models_call_read_only_is_read_unless_it_runs_something():
    readers = {operation for operation in operations() if operation.readonly}
    running = {"Start", "Stop", "Execute"}
    types = {operation.call: told(operation) for operation in readers}
    audit = {call: kind for call, (schema, kind) in types.items() if schema == "AuditEvent"}
    assert len(audit) > 2_000
    assert set(audit.values()) <= {"Read"} | running
    assert sum(kind == "Read" for kind in audit.values()) / len(audit) > 0.99


def test_no_operation_is_other_where_cloudtrail_says_whether_it_reads():
    for operation in operations():
        assert event_type(operation.name, readOnly=True) != "Other"
        assert event_type(operation.name, readOnly=False) != "Other"


def test_most_operations_with_an_object_find_it_among_their_members(capsys):
    """Against the member that the model's names and traits choose; members as CloudTrail spells them."""
    having = [operation for operation in operations() if operation.identifier]
    ranks = {name: place for place, name in enumerate(MAPPING.lookups["identifiers"])}
    right = sum(
        min(ranks.get(name, len(ranks)) for name in operation.texts) == ranks[operation.identifier]
        for operation in having
    )
    with capsys.disabled():
        print(f"\n{len(having):,} operations have an object; {right / len(having):.1%} of them name it first")
    assert right / len(having) > 0.9


COMMON = {
    "RunInstances": "Start",
    "StartInstances": "Start",
    "StopInstances": "Stop",
    "TerminateInstances": "Delete",
    "RebootInstances": "Start",
    "DescribeInstances": "Read",
    "ModifyInstanceAttribute": "Set",
    "AuthorizeSecurityGroupIngress": "Set",
    "RevokeSecurityGroupEgress": "Delete",
    "CreateSecurityGroup": "Create",
    "CreateTags": "Create",
    "DeleteTags": "Delete",
    "CreateNetworkAclEntry": "Create",
    "CreateSnapshot": "Create",
    "ModifySnapshotAttribute": "Set",
    "ModifyImageAttribute": "Set",
    "GetPasswordData": "Read",
    "ImportKeyPair": "Create",
    "AssociateIamInstanceProfile": "Set",
    "AttachVolume": "Set",
    "DetachVolume": "Set",
    "EnableSerialConsoleAccess": "Enable",
    "CreateRoute": "Create",
    "PutBucketPolicy": "Set",
    "DeleteBucket": "Delete",
    "CreateBucket": "Create",
    "ListBuckets": "Read",
    "GetBucketAcl": "Read",
    "HeadBucket": "Read",
    "PutBucketLifecycle": "Set",
    "PutBucketPublicAccessBlock": "Set",
    "PutBucketReplication": "Set",
    "DeleteBucketEncryption": "Delete",
    "StopLogging": "Stop",
    "StartLogging": "Start",
    "DeleteTrail": "Delete",
    "UpdateTrail": "Set",
    "PutEventSelectors": "Set",
    "LookupEvents": "Read",
    "CreatePolicyVersion": "Create",
    "SetDefaultPolicyVersion": "Set",
    "CreateInstanceProfile": "Create",
    "AddRoleToInstanceProfile": "Create",
    "UpdateAccountPasswordPolicy": "Set",
    "DeleteAccountPasswordPolicy": "Delete",
    "GenerateCredentialReport": "Create",
    "SimulatePrincipalPolicy": "Read",
    "Encrypt": "Execute",
    "Decrypt": "Execute",
    "GenerateDataKey": "Create",
    "ReEncrypt": "Execute",
    "ScheduleKeyDeletion": "Set",
    "DisableKey": "Disable",
    "PutKeyPolicy": "Set",
    "CreateGrant": "Create",
    "RetireGrant": "Delete",
    "CancelKeyDeletion": "Stop",
    "GetSecretValue": "Read",
    "PutSecretValue": "Set",
    "BatchGetSecretValue": "Read",
    "UpdateSecret": "Set",
    "DeleteSecret": "Delete",
    "RotateSecret": "Set",
    "GetParameters": "Read",
    "StartSession": "Start",
    "ResumeSession": "Start",
    "TerminateSession": "Delete",
    "UpdateInstanceInformation": "Set",
    "GetCallerIdentity": "Read",
    "Invoke": "Execute",
    "InvokeModel": "Execute",
    "InvokeModelWithResponseStream": "Execute",
    "CreateFunction20150331": "Create",
    "AddPermission20150331v2": "Create",
    "UpdateFunctionCode20150331v2": "Set",
    "UpdateFunctionConfiguration20150331v2": "Set",
    "DeleteFunction20150331": "Delete",
    "GetFunction20150331v2": "Read",
    "PutItem": "Set",
    "GetItem": "Read",
    "BatchGetItem": "Read",
    "BatchWriteItem": "Create",
    "TransactWriteItems": "Create",
    "Query": "Read",
    "Scan": "Read",
    "CreateDBSnapshot": "Create",
    "ModifyDBInstance": "Set",
    "DeleteDBInstance": "Delete",
    "RestoreDBInstanceFromDBSnapshot": "Create",
    "ModifyDBSnapshotAttribute": "Set",
    "CreateLogStream": "Create",
    "PutLogEvents": "Set",
    "DeleteLogGroup": "Delete",
    "FilterLogEvents": "Read",
    "StartQuery": "Start",
    "PutRetentionPolicy": "Set",
    "PutMetricAlarm": "Set",
    "DisableAlarmActions": "Disable",
    "DeleteAlarms": "Delete",
    "PutRule": "Set",
    "PutTargets": "Set",
    "PutEvents": "Set",
    "RemoveTargets": "Delete",
    "DeleteDetector": "Delete",
    "UpdateDetector": "Set",
    "DisassociateMembers": "Set",
    "CreateIPSet": "Create",
    "BatchImportFindings": "Create",
    "BatchUpdateFindings": "Set",
    "ArchiveFindings": "Set",
    "LeaveOrganization": "Delete",
    "InviteAccountToOrganization": "Create",
    "AttachPolicy": "Set",
    "DetachPolicy": "Set",
    "MoveAccount": "Set",
    "CreateAccount": "Create",
    "SendMessage": "Create",
    "ReceiveMessage": "Read",
    "Publish": "Create",
    "Subscribe": "Create",
    "CreateStack": "Create",
    "UpdateStack": "Set",
    "DeleteStack": "Delete",
    "RegisterTaskDefinition": "Create",
    "RunTask": "Start",
    "UpdateService": "Set",
    "SubmitTaskStateChange": "Create",
    "BatchGetImage": "Read",
    "PutImage": "Set",
    "InitiateLayerUpload": "Start",
    "CompleteLayerUpload": "Set",
    "GetAuthorizationToken": "Read",
    "AssociateVPCWithHostedZone": "Set",
    "ChangeResourceRecordSets": "Set",
    "TransferDomain": "Set",
    "EnableMacie": "Enable",
    "DisableMacie": "Disable",
    "StopConfigurationRecorder": "Stop",
    "DeleteConfigurationRecorder": "Delete",
    "CreateProvisionedProduct": "Create",
    "PurchaseReservedInstancesOffering": "Create",
    "RequestSpotInstances": "Create",
    "CancelSpotInstanceRequests": "Stop",
    "CreateLaunchTemplateVersion": "Create",
    "SetQueueAttributes": "Set",
    "PurgeQueue": "Delete",
    "FlushStageCache": "Clear",
    "InitializeCluster": "Initialize",
}
"""What an analyst would expect of the calls that fill most trails and most attack reports."""


@pytest.mark.parametrize(("call", "wanted"), COMMON.items())
def test_a_common_call_has_the_event_type_that_an_analyst_expects(call: str, wanted: str):
    assert event_type(call, readOnly=wanted == "Read") == wanted


def test_a_name_that_tells_nothing_is_told_by_read_only():
    assert event_type("LatencyReport", readOnly=False) == "Set"
    assert event_type("LatencyReport", readOnly=True) == "Read"
    assert event_type("LatencyReport") == "Other"


@pytest.mark.parametrize(
    ("call", "wanted"),
    {
        "ssm.amazonaws.com:SendCommand": "Execute",
        "ssm.amazonaws.com:TerminateSession": "Stop",
        "ec2.amazonaws.com:TerminateInstances": "Delete",
        "ec2.amazonaws.com:ExportImage": "Create",
        "acm.amazonaws.com:ExportCertificate": "Read",
        "dynamodb.amazonaws.com:ExportTableToPointInTime": "Create",
        "ses.amazonaws.com:VerifyEmailIdentity": "Create",
        "kms.amazonaws.com:Verify": "Read",
        "ecs.amazonaws.com:SubmitTaskStateChange": "Set",
        "batch.amazonaws.com:SubmitJob": "Start",
        "cloudformation.amazonaws.com:DetectStackDrift": "Start",
        "workspaces.amazonaws.com:DeployWorkspaceApplications": "Install",
        "ecr.amazonaws.com:PutImage": "Create",
    }.items(),
)
def test_a_call_whose_first_word_misleads_has_its_own_event_type(call: str, wanted: str):
    source, name = call.split(":")
    assert event_type(name, eventSource=source) == wanted


def test_the_verb_is_the_first_word_after_a_batch_prefix():
    calls = {
        "BatchGetItem": "Get",
        "AdminCreateUser": "Create",
        "TransactWriteItems": "Write",
        "Batch": "Batch",
        "GetHLSUrl": "Get",
        "REST": None,
        "": None,
    }
    for call, word in calls.items():
        assert evaluate(AUDIT.lets["verb"], {"eventName": call}, {}) == word


def test_the_version_of_the_api_is_no_part_of_the_operation():
    calls = {
        "CreateFunction20150331": "CreateFunction",
        "UpdateFunctionCode20150331v2": "UpdateFunctionCode",
        "CreateDistribution2020_05_31": "CreateDistribution",
        "AssociateVPCWithHostedZone": "AssociateVPCWithHostedZone",
        "GetDiscoveredSchema2": "GetDiscoveredSchema2",
        "ListObjectsV2": "ListObjectsV2",
    }
    for call, operation in calls.items():
        assert evaluate(AUDIT.lets["operation"], {"eventName": call}, {}) == operation


@pytest.mark.parametrize(
    ("call", "noun"),
    {
        "RunInstances": "Instance",
        "ListGroupsForUser": "Group",
        "DescribeSecurityGroups": "SecurityGroup",
        "ListPolicies": "Policy",
        "DescribeAddresses": "Address",
        "GetBucketPolicyStatus": "BucketPolicyStatus",
        "StartDocumentAnalysis": "DocumentAnalysis",
        "BatchGetItem": "Item",
        "CreateFunction20150331": "Function",
        "AssociateVPCWithHostedZone": "VPC",
        "ListIndexes": "Index",
        "Decrypt": None,
    }.items(),
)
def test_the_object_of_a_call_is_typed_by_the_noun_in_its_name(call: str, noun: str | None):
    assert evaluate(AUDIT.columns["OriginalObjectType"], {"eventName": call}, MAPPING.lookups) == noun


@pytest.mark.parametrize(
    ("call", "wanted"),
    {
        "iam.amazonaws.com:CreatePolicyVersion": "Policy Rule",
        "ec2.amazonaws.com:AuthorizeSecurityGroupIngress": "Policy Rule",
        "s3.amazonaws.com:PutBucketPolicy": "Policy Rule",
        "s3.amazonaws.com:PutBucketVersioning": "Configuration Atom",
        "ec2.amazonaws.com:ModifyInstanceAttribute": "Configuration Atom",
        "ec2.amazonaws.com:RunInstances": "Cloud Resource",
        "cloudtrail.amazonaws.com:StopLogging": "Event Log",
        "events.amazonaws.com:PutRule": "Policy Rule",
        "scheduler.amazonaws.com:CreateSchedule": "Scheduled Task",
        "organizations.amazonaws.com:CreateAccount": "Directory Service Object",
    }.items(),
)
def test_asims_object_type_is_told_by_the_noun(call: str, wanted: str):
    source, name = call.split(":")
    record = {"eventSource": source, "eventName": name, "requestParameters": {"name": "x"}}
    assert evaluate(AUDIT.columns["ObjectType"], record, MAPPING.lookups) == wanted
