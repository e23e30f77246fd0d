"""A row as a diagnostic setting writes it to storage or an event hub, instead of the table's columns.

After "Common and service-specific schemas for Azure resource logs" and "Azure activity log event schema"
(Microsoft Learn, read 2026-11): common members outside, the rest in `properties` in camel case. For the
activity log, who and what for is under `identity`, and names and ids are in capital letters.
"""

from __future__ import annotations

import msgspec

from tidewaiter.lab.generator.entra.activity import ACTIVITY
from tidewaiter.lab.generator.entra.directory import AUDIT
from tidewaiter.lab.generator.entra.rows import Json, Row

_OUTSIDE = {
    "TimeGenerated", "OperationName", "OperationVersion", "Category", "ResultType", "ResultSignature",
    "ResultDescription", "DurationMs", "Identity", "Level", "Resource", "ResourceGroup",
    "ResourceProvider", "ResourceId", "TenantId", "AADTenantId", "SourceSystem", "Type", "Location",
}  # fmt: skip
_NAMES = {
    "IPAddress": "ipAddress",
    "LocationDetails": "location",
    "ConditionalAccessPolicies": "appliedConditionalAccessPolicies",
    "ResourceIdentity": "resourceId",
    "RiskEventTypes_V2": "riskEventTypes_v2",
    "ProcessingTimeInMs": "processingTimeInMilliseconds",
    "AADOperationType": "operationType",
}
_PARSED = {
    "DeviceDetail", "LocationDetails", "Status", "ConditionalAccessPolicies", "MfaDetail",
    "AuthenticationDetails", "AuthenticationProcessingDetails", "AuthenticationRequirementPolicies",
    "NetworkLocationDetails", "RiskEventTypes", "RiskEventTypes_V2",
    "AuthenticationContextClassReferences", "SignInEventTypes", "TokenProtectionStatusDetails",
    "ManagedServiceIdentity",
}  # fmt: skip
_NUMBERS = {"ProcessingTimeInMilliseconds", "ProcessingTimeInMs", "AutonomousSystemNumber"}


def enveloped(row: Row, tenant: str) -> Json:
    """Return the row in its envelope."""
    if row.table == ACTIVITY:
        return _activity(row.columns, tenant)
    columns = row.columns
    envelope: Json = {
        "time": columns["TimeGenerated"],
        "resourceId": f"/tenants/{tenant}/providers/Microsoft.aadiam",
        "operationName": columns["OperationName"],
        "operationVersion": columns["OperationVersion"],
        "category": AUDIT if row.table == AUDIT else columns["Category"],
        "tenantId": tenant,
        "resultSignature": columns["ResultSignature"],
        "durationMs": columns["DurationMs"],
        "correlationId": columns["CorrelationId"],
        "identity": columns["Identity"],
        "Level": 4,
    }
    if row.table != AUDIT:
        envelope["resultType"] = columns["ResultType"]
        if columns["IPAddress"]:
            envelope["callerIpAddress"] = columns["IPAddress"]
        envelope["location"] = columns["Location"]
    if columns["ResultDescription"]:
        envelope["resultDescription"] = columns["ResultDescription"]
    envelope["properties"] = _properties(row)
    return envelope


def _properties(row: Row) -> Json:
    inside = _OUTSIDE - {"Category"} if row.table == AUDIT else _OUTSIDE
    properties: Json = {}
    for name, value in row.columns.items():
        if name in inside:
            continue
        if name in _PARSED and isinstance(value, str):
            value = msgspec.json.decode(value) if value else []
        elif name in _NUMBERS:
            value = int(str(value) or 0)
        elif name in {"CreatedDateTime", "ActivityDateTime"}:
            value = str(value).replace("Z", "+00:00")
        properties[_NAMES.get(name) or name[0].lower() + name[1:]] = value
    if row.table != AUDIT:
        properties.setdefault("status", {"errorCode": int(str(row.columns["ResultType"]))})
    return properties


def _activity(columns: Json, tenant: str) -> Json:
    status = str(columns["ActivityStatusValue"])
    signature = str(columns["ActivitySubstatusValue"])
    envelope: Json = {
        "time": columns["TimeGenerated"],
        "resourceId": str(columns["_ResourceId"]).upper(),
        "operationName": columns["OperationNameValue"],
        "category": columns["CategoryValue"],
        "resultType": status,
        "resultSignature": "Started." if status == "Start" else f"{status}.{signature}".rstrip("."),
        "durationMs": "0",
        "callerIpAddress": columns["CallerIpAddress"],
        "correlationId": columns["CorrelationId"],
        "identity": {"authorization": columns["Authorization_d"], "claims": columns["Claims_d"]},
        "level": "Information" if columns["Level"] == "Informational" else columns["Level"],
        "location": "global",
        "properties": columns["Properties_d"],
        "tenantId": tenant,
    }
    return envelope
