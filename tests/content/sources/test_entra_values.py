"""What single values of Entra's and Azure's logs become."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from tidewaiter.asim import schema
from tidewaiter.content import sources
from tidewaiter.core.event_id import positional_id
from tidewaiter.core.objects import JsonChunk
from tidewaiter.pipeline.normalize import JsonRows, Normalizer

SPECS = {name: sources()[name] for name in ("azure_activity", "entra_audit", "entra_signin")}
NORMALIZERS = {name: Normalizer(spec) for name, spec in SPECS.items()}
SIGN_IN = SPECS["entra_signin"].mapping
Row = dict[str, Any]
AT = "2026-03-04T09:12:44Z"
MFA = "multiFactorAuthentication"


def row(source: str, **members: Any) -> Row:
    found = NORMALIZERS[source].normalize(
        JsonChunk([msgspec.json.encode(members)], [3]), object_id="o", prefix="p"
    )
    assert not found.quarantined, found.quarantined[0].reason
    [rows] = found.rows
    assert isinstance(rows, JsonRows)
    return msgspec.json.decode(rows.heads[0], type=dict[str, Any])


def sign_in(**members: Any) -> Row:
    at = {"TimeGenerated": AT, "Category": "SignInLogs"}
    return row("entra_signin", **at | members)


def change(**members: Any) -> Row:
    return row("entra_audit", **{"TimeGenerated": AT, "OperationName": "Update user"} | members)


def operation(**members: Any) -> Row:
    base = {
        "TimeGenerated": AT,
        "OperationNameValue": "Microsoft.Compute/virtualMachines/write",
    }
    return row("azure_activity", **base | members)


@pytest.mark.parametrize(
    ("code", "result", "details"),
    [
        ("0", "Success", None),
        (0, "Success", None),
        ("50126", "Failure", "No such user or password"),
        (50126, "Failure", "No such user or password"),
        ("50034", "Failure", "No such user"),
        ("50053", "Failure", "User locked"),
        ("50057", "Failure", "User disabled"),
        ("50055", "Failure", "Password expired"),
        ("50074", "Failure", "Logon violates policy"),
        ("50076", "Failure", "Logon violates policy"),
        ("50079", "Failure", "Logon violates policy"),
        ("500121", "Failure", "Logon violates policy"),
        ("53000", "Failure", "Logon violates policy"),
        ("53003", "Failure", "Logon violates policy"),
        ("70008", "Failure", "Session expired"),
        ("700016", "Failure", "No such user"),
        ("700213", "Failure", "Incorrect key"),
        ("7000215", "Failure", "Incorrect key"),
        ("7000222", "Failure", "Password expired"),
        ("50097", "Partial", "Logon violates policy"),
        ("50140", "Partial", "Other"),
        ("65001", "Partial", "Logon violates policy"),
        ("9998887", "Failure", "Other"),
        ("Failure", "Failure", "Other"),
        ("Success", "Success", None),
        (None, "NA", None),
        ("", "NA", None),
        ([], "Failure", "Other"),
    ],
)
def test_entras_codes_become_asims_results(code: object, result: str, details: str | None):
    found = sign_in(ResultType=code)
    assert (found["EventResult"], found.get("EventResultDetails")) == (result, details)


def test_the_code_of_the_status_is_the_better_one():
    found = sign_in(ResultType="Failure", Status={"errorCode": 50126})
    assert found["EventOriginalResultDetails"] == "50126"


def test_every_reason_and_interrupt_is_a_value_that_asim_allows():
    fields = schema("Authentication").fields
    for lookup, column in (
        ("results", "EventResultDetails"),
        ("interrupts", "EventResult"),
        ("methods", "LogonMethod"),
    ):
        allowed = fields[column].common_allowed
        assert allowed
        assert set(SIGN_IN.lookups[lookup].values()) <= allowed
    for source, lookups in (("entra_audit", ("verbs", "kinds")), ("azure_activity", ("actions",))):
        types = schema("AuditEvent").fields["EventType"].common_allowed
        assert types
        for name in lookups:
            assert set(SPECS[source].mapping.lookups[name].values()) <= types
    objects = schema("AuditEvent").fields["ObjectType"].common_allowed
    assert objects
    assert set(SPECS["entra_audit"].mapping.lookups["object_types"].values()) <= objects


@pytest.mark.parametrize(
    ("written", "address", "port"),
    [
        ("203.0.113.24", "203.0.113.24", None),
        ("203.0.113.24:51544", "203.0.113.24", 51544),
        ("2001:db8:66::9", "2001:db8:66::9", None),
        ("[2001:db8:66::9]:443", "2001:db8:66::9", 443),
        ("[2001:db8:66::9]", "2001:db8:66::9", None),
        ("fe80::1%eth0", None, None),
        ("host.example", None, None),
        ("", None, None),
        (7, None, None),
    ],
)
def test_addresses_with_and_without_ports(written: object, address: str | None, port: int | None):
    for found in (sign_in(IPAddress=written), operation(CallerIpAddress=written)):
        assert (found.get("SrcIpAddr"), found.get("SrcPortNumber")) == (address, port)


@pytest.mark.parametrize(
    ("first", "second", "more", "method"),
    [
        ("Password", None, {}, "Username & Password"),
        ("Password", "Mobile app notification", {}, "Multi factor authentication"),
        ("Passkey (device-bound)", None, {}, "Passwordless"),
        ("X.509 Certificate", None, {}, "PKI"),
        ("Previously satisfied", None, {}, "Other"),
        ("A method of tomorrow", None, {}, "Other"),
        (None, None, {"AuthenticationRequirement": MFA}, "Multi factor authentication"),
        (None, None, {"MfaDetail": {"authMethod": "Text message"}}, "Multi factor authentication"),
        ("Password", None, {"AuthenticationRequirement": MFA, "ResultType": "50126"}, "Username & Password"),
        (None, None, {}, None),
    ],
)  # fmt: skip
def test_the_method_of_a_sign_in(first: str | None, second: str | None, more: Row, method: str | None):
    steps = [{"authenticationMethod": name} for name in (first, second) if name]
    as_list = sign_in(AuthenticationDetails=steps, **more)
    as_text = sign_in(AuthenticationDetails=json.dumps(steps), **more)
    assert as_list == as_text
    assert as_list.get("LogonMethod") == method


def test_a_policy_in_the_way_is_named_wherever_it_stands():
    policies = [{"displayName": f"CA{n}", "result": "success"} for n in range(40)]
    policies.append({"displayName": "CA40 block", "result": "failure"})
    for form in (policies, json.dumps(policies)):
        assert sign_in(ResultType="53003", ConditionalAccessPolicies=form)["RuleName"] == "CA40 block"
        assert "RuleName" not in sign_in(ResultType="0", ConditionalAccessPolicies=form)


def test_a_sign_in_without_an_id_gets_one_by_its_place():
    assert sign_in(CorrelationId="c")["EventOriginalUid"] == positional_id("p", 3)


@pytest.mark.parametrize(
    ("activity", "kind", "event_type"),
    [
        ("Add member to role", "Assign", "Create"),
        ("Remove member from role", "Unassign", "Delete"),
        ("Update user", "Update", "Set"),
        ("Disable account", "Update", "Disable"),
        ("Enable account", "Update", "Enable"),
        ("Hard Delete user", "Delete", "Delete"),
        ("Delete conditional access policy", "Delete", "Delete"),
        ("User registered security info", "Update", "Create"),
        ("Admin deleted security info", "Update", "Delete"),
        ("User has elevated their access to User Access Administrator", "Assign", "Set"),
        ("Invite external user", "Add", "Create"),
        ("Consent to application", "Assign", "Set"),
        ("Reset password (by admin)", "Update", "Set"),
        ("Add eligible member to role in PIM completed (permanent)", "AssignEligibleRole", "Create"),
        ("Export", "Update", "Set"),
        ("Self-service password reset flow activity progress", "Other", "Other"),
        ("Frobnicate", "Add", "Create"),
        ("Frobnicate", "of tomorrow", "Other"),
        ("42", None, "Other"),
    ],
)
def test_the_words_of_an_activity_tell_its_type(activity: str, kind: str | None, event_type: str):
    assert change(ActivityDisplayName=activity, AADOperationType=kind)["EventType"] == event_type


@pytest.mark.parametrize(
    ("name", "substatus", "event_type"),
    [
        ("Microsoft.Compute/virtualMachines/write", "Created", "Create"),
        ("MICROSOFT.COMPUTE/VIRTUALMACHINES/WRITE", "OK", "Set"),
        ("Microsoft.Compute/virtualMachines/delete", "", "Delete"),
        ("Microsoft.Compute/virtualMachines/start/action", "", "Start"),
        ("MICROSOFT.COMPUTE/VIRTUALMACHINES/DEALLOCATE/ACTION", "", "Stop"),
        ("Microsoft.Compute/virtualMachines/runCommand/action", "", "Execute"),
        ("Microsoft.Storage/storageAccounts/listKeys/action", "", "Read"),
        ("Microsoft.Storage/storageAccounts/regenerateKey/action", "", "Set"),
        ("Microsoft.Harbour/boats/listOfTomorrow/action", "", "Read"),
        ("Microsoft.Harbour/boats/unmoor/action", "", "Execute"),
        ("Microsoft.Harbour/boats/unmoor", "", "Other"),
    ],
)
def test_the_words_of_an_operation_tell_its_type(name: str, substatus: str, event_type: str):
    found = operation(
        OperationNameValue=name, ActivitySubstatusValue=substatus, Caller="mara@harbour.example"
    )
    assert found["EventType"] == event_type


@pytest.mark.parametrize(
    ("status", "substatus", "result", "details"),
    [
        ("Start", "", "NA", "Start"),
        ("Started", "", "NA", "Started"),
        ("Accept", "Accepted", "Partial", "Accept"),
        ("Success", "OK", "Success", None),
        ("Succeeded", "", "Success", None),
        ("Failure", "Forbidden", "Failure", "NotAuthorized"),
        ("Failed", "Conflict (HTTP Status Code: 409)", "Failure", "Conflict"),
        ("Failed", "429", "Failure", "Throttled"),
        ("Failure", "of tomorrow", "Failure", "Other"),
        ("Active", "", "NA", "Active"),
        ("of tomorrow", "", "NA", None),
        (None, None, "NA", None),
    ],
)
def test_a_status_and_its_substatus(
    status: str | None, substatus: str | None, result: str, details: str | None
):
    found = operation(ActivityStatusValue=status, ActivitySubstatusValue=substatus)
    assert (found["EventResult"], found.get("EventResultDetails")) == (result, details)


@pytest.mark.parametrize(
    ("source", "members", "reason"),
    [
        ("entra_signin", {"category": "AuditLogs", "time": AT}, "sign-in category"),
        ("entra_signin", {"Category": "SignInLogs", "TimeGenerated": "soon"}, "time"),
        ("entra_audit", {"TimeGenerated": AT}, "operation"),
        ("azure_activity", {"time": AT, "operationName": "GetBlob"}, "operation"),
        ("azure_activity", {"time": AT, "operationName": "a/b", "category": "StorageRead"},
         "activity category"),
    ],
)  # fmt: skip
def test_a_record_that_is_of_no_use_is_quarantined_with_what_it_lacks(source: str, members: Row, reason: str):
    chunk = JsonChunk([msgspec.json.encode(members)], [0])
    found = NORMALIZERS[source].normalize(chunk, object_id="o", prefix="p")
    (bad,) = found.quarantined
    assert (bad.kind, bad.reason) == ("invalid", f"the record has no usable {reason}")
