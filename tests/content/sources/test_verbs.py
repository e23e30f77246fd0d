"""The verbs of CloudTrail calls, against all operations of the AWS service models (botocore)."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import botocore
import msgspec
import pytest

from tidewaiter.asim.mapping.evaluate import evaluate
from tidewaiter.asim.mapping.expression import parse
from tidewaiter.content import sources

MAPPING = sources()["aws_cloudtrail"].mapping
AUDIT = next(route.mapping for route in MAPPING.routes if route.mapping.schema == "AuditEvent")


class _Model(msgspec.Struct):
    operations: dict[str, msgspec.Raw]


@cache
def operations() -> frozenset[tuple[str, str]]:
    """Service and name of every operation, in the newest model of each service."""
    return frozenset(_operations())


def _operations() -> Iterator[tuple[str, str]]:
    decoder = msgspec.json.Decoder(_Model)
    for service in sorted((Path(botocore.__file__).parent / "data").iterdir()):
        models = sorted(service.glob("*/service-2.json*"))
        if models:
            content = models[-1].read_bytes()
            content = gzip.decompress(content) if models[-1].suffix == ".gz" else content
            yield from ((service.name, name) for name in decoder.decode(content).operations)


def verb_of(call: str) -> str | None:
    """The EventType that the call's name alone tells."""
    verb = evaluate(AUDIT.lets["verb"], {"eventName": call}, MAPPING.lookups)
    return MAPPING.lookups["verbs"].get(str(verb))


def event_type(call: str, **members: object) -> object:
    return evaluate(AUDIT.columns["EventType"], {"eventName": call, **members}, MAPPING.lookups)


def test_the_models_are_those_that_the_verbs_were_derived_from():
    assert len(operations()) > 19_000


def test_at_least_99_of_100_operations_tell_their_event_type_by_name():
    untold = sorted({name for _, name in operations() if verb_of(name) is None})
    told = sum(verb_of(name) is not None for _, name in operations())
    assert told / len(operations()) >= 0.99, untold


def test_no_operation_is_other_where_cloudtrail_says_whether_it_reads():
    for _, name in operations():
        assert event_type(name, readOnly=True) != "Other"
        assert event_type(name, readOnly=False) != "Other"


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
    "SendCommand": "Set",
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
    "SendMessage": "Set",
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
    assert event_type("SharedSnapshotCopyInitiated", readOnly=False) == "Set"
    assert event_type("SharedSnapshotCopyInitiated", readOnly=True) == "Read"
    assert event_type("SharedSnapshotCopyInitiated") == "Other"


def test_the_verb_is_the_first_word_after_a_batch_prefix():
    verb = AUDIT.lets["verb"]
    assert verb == parse("regex(eventName, '^(?:Batch|Admin|Bulk|Transact)?([A-Z][a-z]+)')")
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
        assert evaluate(verb, {"eventName": call}, {}) == word
