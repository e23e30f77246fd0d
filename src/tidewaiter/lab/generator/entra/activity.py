"""Rows of AzureActivity: control-plane operations in the company's subscriptions.

Columns after "AzureActivity" (Azure Monitor Logs reference), values after "Azure activity log event schema"
(Microsoft Learn, both read 2026-11): an operation starts and ends in two records of the same correlation
and operation id; names and resource ids are in capital letters in the columns that end in `Value`.
"""

from __future__ import annotations

from tidewaiter.lab.generator.company import Company
from tidewaiter.lab.generator.entra.people import Person, people
from tidewaiter.lab.generator.entra.rows import Json, Pen, Row
from tidewaiter.lab.generator.entra.tenant import (
    MANAGEMENT,
    SUBSCRIPTIONS,
    app_id,
    object_id,
    service_principal_id,
    subscription_id,
)
from tidewaiter.lab.generator.others import AzureOperation
from tidewaiter.lab.generator.rhythm import LAST

ACTIVITY = "AzureActivity"
_CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
_MICROSOFT = "http://schemas.microsoft.com/identity/claims"
_CONTRIBUTOR = "b24988ac618042a0ab8820f7382dd24c"
_CREATES = ("/write",)


class Operations:
    """Turns Azure operations into rows."""

    def __init__(self, company: Company) -> None:
        """Look the company's people up."""
        self._company = company
        self._pen = Pen(company, "activity")
        self._people = {each.upn: each for each in people(company)}

    def rows(self, operation: AzureOperation) -> list[Row]:
        """Return the record of the start and that of the end, some seconds later."""
        draw = self._pen.draw
        correlation, number, request = draw.uuid(), draw.uuid(), draw.uuid()
        status = ("Failure", operation.error) if operation.error else ("Success", _substatus(operation))
        later = min(operation.at + draw.whole(300, 9_000), LAST)
        common = self._common(operation, correlation, number, request)
        return [
            self._row(operation, common, operation.at, ("Start", "")),
            self._row(operation, common, later, status),
        ]

    def _row(self, operation: AzureOperation, common: Json, at: int, status: tuple[str, str]) -> Row:
        identifier = self._pen.draw.uuid()
        time = self._pen.stamp(at)
        properties: Json = {
            "eventCategory": "Administrative",
            "eventDataId": identifier,
            "eventSubmissionTimestamp": time,
            "resource": operation.resource.rsplit("/", 1)[-1],
            "resourceGroup": operation.group,
            "resourceProviderValue": str(common["ResourceProviderValue"]),
            "subscriptionId": str(common["SubscriptionId"]),
            "activityStatusValue": status[0],
            "entity": str(common["_ResourceId"]),
            "message": operation.operation,
            "hierarchy": str(common["Hierarchy"]),
            **dict(operation.properties),
        }
        if status[1]:
            properties["statusCode"] = status[1]
        columns: Json = {
            "TimeGenerated": time,
            "ActivityStatusValue": status[0],
            "ActivitySubstatusValue": status[1],
            "EventDataId": identifier,
            "EventSubmissionTimestamp": time,
            "Level": "Error" if status[0] == "Failure" else "Informational",
            "Properties": self._pen.text(properties),
            "Properties_d": properties,
            **common,
        }
        return Row(ACTIVITY, at, identifier, columns)

    def _common(self, operation: AzureOperation, correlation: str, number: str, request: str) -> Json:
        company, pen = self._company, self._pen
        subscription = subscription_id(company, SUBSCRIPTIONS[0])
        scope = f"/subscriptions/{subscription}/resourcegroups/{operation.group}"
        target = f"{scope}/providers/{operation.resource}" if operation.resource else scope
        person = self._people.get(operation.who)
        claims = self._claims(operation, person)
        authorization = self._authorization(operation, target)
        provider = operation.operation.split("/")[0]
        method = (
            "PUT"
            if operation.operation.endswith("/write")
            else "DELETE"
            if operation.operation.endswith("/delete")
            else "POST"
        )
        http = {"clientRequestId": request, "clientIpAddress": operation.address, "method": method}
        return {
            "Authorization": pen.text(authorization),
            "Authorization_d": authorization,
            "Caller": person.upn if person else service_principal_id(company, operation.who),
            "CallerIpAddress": operation.address,
            "CategoryValue": "Administrative",
            "Claims": pen.text(claims),
            "Claims_d": claims,
            "CorrelationId": correlation,
            "Hierarchy": f"{pen.tenant}/mg-kestrelrowe/{subscription}",
            "HTTPRequest": pen.text(http),
            "OperationId": number,
            "OperationNameValue": operation.operation.upper(),
            "ResourceGroup": operation.group,
            "ResourceProviderValue": provider.upper(),
            "SubscriptionId": subscription,
            "_ResourceId": target.lower(),
            "_SubscriptionId": subscription,
            "SourceSystem": "Azure",
            "TenantId": pen.workspace,
            "Type": ACTIVITY,
        }

    def _authorization(self, operation: AzureOperation, target: str) -> Json:
        company = self._company
        person = self._people.get(operation.who)
        principal = (
            object_id(company, operation.who) if person else service_principal_id(company, operation.who)
        )
        evidence = {
            "role": "Contributor",
            "roleAssignmentScope": "/".join(target.split("/")[:3]),
            "roleAssignmentId": company.uuid("role-assignment", operation.who).replace("-", ""),
            "roleDefinitionId": _CONTRIBUTOR,
            "principalId": principal.replace("-", ""),
            "principalType": "User" if person else "ServicePrincipal",
        }
        return {"scope": target, "action": operation.operation, "evidence": evidence}

    def _claims(self, operation: AzureOperation, person: Person | None) -> Json:
        company, pen = self._company, self._pen
        issuer = f"https://sts.windows.net/{pen.tenant}/"
        start = company.midnight + max(operation.at, 0) // 1000 - 300
        claims: Json = {"aud": MANAGEMENT[1], "iss": issuer, "iat": str(start), "nbf": str(start)}
        claims["exp"] = str(start + 5_100)
        if person:
            claims |= {
                "appid": app_id(company, "portal"),
                "appidacr": "0",
                f"{_MICROSOFT}/objectidentifier": person.object_id,
                "ipaddr": operation.address,
                "name": person.name,
                f"{_CLAIMS}/upn": person.upn,
                f"{_CLAIMS}/name": person.upn,
                "http://schemas.microsoft.com/claims/authnmethodsreferences": "pwd,mfa",
            }
        else:
            claims |= {
                "appid": app_id(company, operation.who),
                "appidacr": "2",
                f"{_MICROSOFT}/objectidentifier": service_principal_id(company, operation.who),
                "idtyp": "app",
            }
        return claims | {f"{_MICROSOFT}/tenantid": pen.tenant, "uti": pen.draw.code(22), "ver": "1.0"}


def _substatus(operation: AzureOperation) -> str:
    return "Created" if operation.operation.endswith(_CREATES) else "OK"
