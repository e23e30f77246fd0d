"""Rows of AuditLogs: what changed in the directory, by whom.

Columns after "AuditLogs" (Azure Monitor Logs reference), values after "directoryAudit resource type"
(Microsoft Graph) and "Microsoft Entra audit log categories and activities" (Microsoft Learn, read 2026-11).
Values of modified properties are JSON texts, as the directory writes them.
"""

from __future__ import annotations

from tidewaiter.lab.generator.company import Company
from tidewaiter.lab.generator.entra.people import people
from tidewaiter.lab.generator.entra.rows import Json, Pen, Row
from tidewaiter.lab.generator.entra.tenant import PRINCIPALS, app_id, object_id, service_principal_id
from tidewaiter.lab.generator.others import DirectoryChange

AUDIT = "AuditLogs"
_KINDS = {"Add": "Add", "Update": "Update", "Delete": "Delete", "Remove": "Unassign", "Consent": "Assign"}


class Changes:
    """Turns directory changes into rows."""

    def __init__(self, company: Company) -> None:
        """Look the company's people up."""
        self._company = company
        self._pen = Pen(company, "directory")
        self._people = {each.upn: each for each in people(company)}

    def row(self, change: DirectoryChange) -> Row:
        """Return the row of a change; whoever is no person of the tenant counts as an application."""
        pen = self._pen
        correlation, time = pen.draw.uuid(), pen.stamp(change.at)
        code = pen.token(correlation)[:5].upper()
        identifier = f"Directory_{correlation}_{code}_{pen.draw.whole(10_000_000, 99_999_999)}"
        person = self._people.get(change.who)
        columns: Json = {
            "TimeGenerated": time,
            "ResourceId": pen.resource,
            "OperationName": change.operation,
            "OperationVersion": "1.0",
            "Category": change.category,
            "ResultType": "",
            "ResultSignature": "None",
            "ResultDescription": change.error,
            "DurationMs": 0,
            "CorrelationId": correlation,
            "Resource": "Microsoft.aadiam",
            "ResourceGroup": "Microsoft.aadiam",
            "ResourceProvider": "",
            "Identity": person.name if person else change.who,
            "Level": "4",
            "Location": "",
            "AdditionalDetails": self._details(change),
            "Id": identifier,
            "InitiatedBy": self._initiator(change),
            "LoggedByService": change.service,
            "Result": "failure" if change.error else "success",
            "ResultReason": change.error,
            "TargetResources": [self._target(change)],
            "AADTenantId": pen.tenant,
            "ActivityDisplayName": change.operation,
            "ActivityDateTime": time,
            "AADOperationType": _KINDS.get(change.operation.split(" ")[0], "Update"),
            "SourceSystem": "Azure AD",
            "TenantId": pen.workspace,
            "Type": AUDIT,
        }
        return Row(AUDIT, change.at, identifier, columns)

    def _initiator(self, change: DirectoryChange) -> Json:
        person = self._people.get(change.who)
        if person:
            user: Json = {
                "id": person.object_id,
                "displayName": None,
                "userPrincipalName": person.upn,
                "ipAddress": change.address or person.address,
                "roles": [],
            }
            return {"user": user}
        known = change.who in PRINCIPALS
        app: Json = {
            "appId": app_id(self._company, change.who) if known else None,
            "displayName": change.who,
            "servicePrincipalId": service_principal_id(self._company, change.who),
            "servicePrincipalName": None,
        }
        return {"app": app}

    def _target(self, change: DirectoryChange) -> Json:
        kind, name = change.target
        target: Json = {"id": self._target_id(kind, name), "displayName": name, "type": kind}
        if kind == "User":
            target["displayName"] = None
            target["userPrincipalName"] = name
        target["modifiedProperties"] = [
            {"displayName": label, "oldValue": self._value(old), "newValue": self._value(new)}
            for label, old, new in change.changes
        ]
        target["administrativeUnits"] = []
        return target

    def _target_id(self, kind: str, name: str) -> str:
        if kind == "User":
            return object_id(self._company, name)
        if kind == "ServicePrincipal":
            return service_principal_id(self._company, name)
        return self._company.uuid("entra-object", kind, name)

    def _value(self, text: str) -> str | None:
        """A property's value as JSON text; texts that are JSON lists or objects already stay."""
        if not text:
            return None
        return text if text[0] in "[{" else self._pen.text(text)

    def _details(self, change: DirectoryChange) -> list[Json]:
        person = self._people.get(change.who)
        return [{"key": "User-Agent", "value": person.agent}] if person else []
