"""Rows of the four sign-in tables.

Columns and types after "SigninLogs", "AADNonInteractiveUserSignInLogs", "AADServicePrincipalSignInLogs" and
"AADManagedIdentitySignInLogs" (Azure Monitor Logs reference, Microsoft Learn, read 2026-11); values after
"signIn resource type" (Microsoft Graph, read 2026-11). The interactive table keeps device, location, status
and policies as dynamic values, the others keep them as JSON text.
"""

from __future__ import annotations

from collections.abc import Mapping

from tidewaiter.core.errors import UsageError
from tidewaiter.lab.generator.company import Company
from tidewaiter.lab.generator.entra.people import OFFICES, Person, browser_of, people
from tidewaiter.lab.generator.entra.rows import Json, Pen, Row
from tidewaiter.lab.generator.entra.tenant import (
    APPLICATIONS,
    AWS,
    ERRORS,
    PLACES,
    PRINCIPALS,
    SUBSCRIPTIONS,
    Place,
    Principal,
    app_id,
    service_principal_id,
    subscription_id,
)
from tidewaiter.lab.generator.others import SignIn

INTERACTIVE, SILENT = "SigninLogs", "AADNonInteractiveUserSignInLogs"
PRINCIPAL, MANAGED = "AADServicePrincipalSignInLogs", "AADManagedIdentitySignInLogs"
CATEGORIES: Mapping[str, str] = {
    INTERACTIVE: "SignInLogs",
    SILENT: "NonInteractiveUserSignInLogs",
    PRINCIPAL: "ServicePrincipalSignInLogs",
    MANAGED: "ManagedIdentitySignInLogs",
}
_MFA_POLICY, _BLOCK_POLICY = "CA001 Require MFA for all users", "CA004 Block countries without offices"
_MFA = {
    "push": ("Mobile app notification", "MFA successfully completed", True),
    "fido": ("Passkey (device-bound)", "MFA requirement satisfied by strong authentication", True),
    "denied": ("Mobile app notification", "MFA denied; user declined the authentication", False),
}
_SYSTEMS = {"Windows": "Windows10", "Mac OS": "MacOs", "Android": "Android", "Linux": "Linux"}
_NOWHERE = Place("", "", "", 0.0, 0.0, 0)


class SignIns:
    """Turns sign-ins into rows."""

    def __init__(self, company: Company) -> None:
        """Look the company's people up."""
        self._company = company
        self._pen = Pen(company, "sign-ins")
        self._people = {each.upn: each for each in people(company)}
        self._policies = {
            name: company.uuid("conditional-access", name) for name in (_MFA_POLICY, _BLOCK_POLICY)
        }

    def row(self, sign_in: SignIn) -> Row:
        """Return the row of a sign-in.

        Raises:
            UsageError: the tenant does not know the person, principal, application or place.
        """
        if sign_in.app not in APPLICATIONS:
            raise UsageError(f"no application {sign_in.app!r}", hint=f"known: {', '.join(APPLICATIONS)}")
        if sign_in.place and sign_in.place not in PLACES:
            raise UsageError(f"no place {sign_in.place!r}", hint=f"known: {', '.join(PLACES)}")
        if sign_in.kind in {"service_principal", "managed_identity"}:
            return self._principal(sign_in)
        person = self._people.get(sign_in.who)
        if person is None:
            raise UsageError(f"no account {sign_in.who!r} in the tenant", hint="see entra.people")
        return self._person(sign_in, person)

    def _shared(self, sign_in: SignIn, table: str, place: Place, identity: str) -> Json:
        """The columns that all four tables have."""
        pen = self._pen
        identifier = pen.draw.uuid()
        correlation = (
            self._company.uuid("session", f"{self._company.day}", sign_in.session)
            if sign_in.session
            else pen.draw.uuid()
        )
        time = pen.stamp(sign_in.at)
        return {
            "TimeGenerated": time,
            "OperationName": "Sign-in activity",
            "OperationVersion": "1.0",
            "Category": CATEGORIES[table],
            "ResultType": str(sign_in.error),
            "ResultSignature": "None" if not sign_in.error else "FAILURE",
            "ResultDescription": ERRORS.get(sign_in.error, "") if sign_in.error else "",
            "DurationMs": 0,
            "CorrelationId": correlation,
            "ResourceGroup": "Microsoft.aadiam",
            "Identity": identity,
            "Level": "4",
            "Location": place.country,
            "AADTenantId": pen.tenant,
            "CreatedDateTime": time,
            "Id": identifier,
            "IPAddress": sign_in.address,
            "AutonomousSystemNumber": str(place.system) if place.system else "",
            "UniqueTokenIdentifier": pen.token(identifier),
            "SourceSystem": "Azure AD",
            "Type": table,
        }

    def _person(self, sign_in: SignIn, person: Person) -> Row:
        table = INTERACTIVE if sign_in.kind == "interactive" else SILENT
        whole = table == INTERACTIVE
        place = PLACES[sign_in.place] if sign_in.place else person.place
        columns = self._shared(sign_in, table, place, person.name)
        dynamic: Json = {
            "DeviceDetail": _device(sign_in, person),
            "LocationDetails": _located(place),
            "Status": _status(sign_in),
            "ConditionalAccessPolicies": self._conditions(sign_in, place, person),
            "MfaDetail": _mfa_detail(sign_in),
            "TokenProtectionStatusDetails": {
                "signInSessionStatus": "unbound",
                "signInSessionStatusCode": 1002,
            },
        }
        columns.update(dynamic if whole else {name: self._pen.text(each) for name, each in dynamic.items()})
        columns.update(self._application(sign_in))
        columns.update(self._account(sign_in, person))
        columns.update(self._assurance(sign_in, columns))
        took = str(self._pen.draw.whole(60, 900))
        if whole:
            columns["Resource"] = "Microsoft.aadiam"
            columns["ResourceId"] = self._pen.resource
            columns["ResourceProvider"] = ""
            columns["RiskLevel"] = sign_in.risk
            columns["FlaggedForReview"] = False
            columns["ProcessingTimeInMilliseconds"] = took
        else:
            columns["TenantId"] = self._pen.workspace
            columns["SignInEventTypes"] = '["nonInteractiveUser"]'
            columns["ProcessingTimeInMs"] = took
        return Row(table, sign_in.at, str(columns["Id"]), columns)

    def _application(self, sign_in: SignIn) -> Json:
        app, company = APPLICATIONS[sign_in.app], self._company
        identifier = app_id(company, sign_in.app)
        return {
            "AppDisplayName": app.name,
            "AppId": identifier,
            "ResourceDisplayName": app.resource,
            "ResourceIdentity": app.resource_id or identifier,
            "ResourceServicePrincipalId": service_principal_id(company, app.resource),
            "ResourceTenantId": self._pen.tenant,
            "ClientAppUsed": app.client,
            "ClientCredentialType": "none",
        }

    def _account(self, sign_in: SignIn, person: Person) -> Json:
        return {
            "UserDisplayName": person.name,
            "UserPrincipalName": person.upn,
            "UserId": person.object_id,
            "UserType": "Member",
            "AlternateSignInName": person.upn,
            "SignInIdentifierType": "userPrincipalName",
            "UserAgent": sign_in.agent or person.agent,
            "HomeTenantId": self._pen.tenant,
            "IsInteractive": sign_in.kind == "interactive",
            "CrossTenantAccessType": "none",
            "SessionId": self._company.uuid("entra-session", sign_in.session or person.upn),
        }

    def _assurance(self, sign_in: SignIn, columns: Json) -> Json:
        """How sure Entra was: methods, requirement, protocol, risk."""
        strong = sign_in.mfa != "" or sign_in.error in {50074, 50076, 500121}
        saml = sign_in.app == AWS
        policy = self._pen.text(
            [{"requirementProvider": "multiConditionalAccess", "detail": "Conditional Access"}]
        )
        return {
            "AuthenticationDetails": self._pen.text(_steps(sign_in, str(columns["TimeGenerated"]))),
            "AuthenticationMethodsUsed": "",
            "AuthenticationProcessingDetails": self._pen.text(
                [{"key": "Is CAE Token", "value": "False"}]
                + ([{"key": "Domain Hint Present", "value": "True"}] if saml else [])
            ),
            "AuthenticationProtocol": "saml20" if saml and sign_in.protocol == "none" else sign_in.protocol,
            "AuthenticationRequirement": "multiFactorAuthentication"
            if strong
            else "singleFactorAuthentication",
            "AuthenticationRequirementPolicies": policy if strong else "[]",
            "AuthenticationContextClassReferences": "[]",
            "ConditionalAccessStatus": (
                "failure"
                if sign_in.error in {53003, 50074, 50076, 500121}
                else "success"
                if strong
                else "notApplied"
            ),
            "IncomingTokenType": "primaryRefreshToken" if sign_in.mfa == "previous" else "none",
            "NetworkLocationDetails": self._pen.text(
                [{"networkType": "trustedNamedLocation", "networkNames": ["KR offices"]}]
                if sign_in.address in OFFICES
                else []
            ),
            "OriginalRequestId": columns["Id"],
            **self._risk(sign_in),
            "TokenIssuerName": "",
            "TokenIssuerType": "AzureAD",
        }

    def _risk(self, sign_in: SignIn) -> Json:
        events = self._pen.text(list(sign_in.risk_events))
        return {
            "RiskDetail": "none",
            "RiskEventTypes": events,
            "RiskEventTypes_V2": events,
            "RiskLevelAggregated": sign_in.risk,
            "RiskLevelDuringSignIn": sign_in.risk,
            "RiskState": "none" if sign_in.risk == "none" else "atRisk",
        }

    def _conditions(self, sign_in: SignIn, place: Place, person: Person) -> list[Json]:
        """The two policies of the tenant and what they said."""
        allowed = place.country in {"DE", "DK", "PT", "IE", "ES", "IN", "US", person.place.country}
        blocked = sign_in.error == 53003
        asked = (
            "failure"
            if sign_in.error in {50074, 50076, 500121}
            else "success"
            if sign_in.mfa
            else "notApplied"
        )
        return [
            self._policy(_MFA_POLICY, ["Mfa"], "notApplied" if blocked else asked),
            self._policy(_BLOCK_POLICY, ["Block"], "failure" if blocked and not allowed else "notApplied"),
        ]

    def _policy(self, name: str, controls: list[str], result: str) -> Json:
        applied = result != "notApplied"
        return {
            "id": self._policies[name],
            "displayName": name,
            "enforcedGrantControls": controls if applied else [],
            "enforcedSessionControls": [],
            "result": result,
            "conditionsSatisfied": 3 if applied else 0,
            "conditionsNotSatisfied": 0 if applied else 2,
        }

    def _principal(self, sign_in: SignIn) -> Row:
        known = PRINCIPALS.get(sign_in.who)
        if known is None:
            raise UsageError(
                f"no principal {sign_in.who!r} in the tenant", hint=f"known: {', '.join(PRINCIPALS)}"
            )
        managed = sign_in.kind == "managed_identity"
        table = MANAGED if managed else PRINCIPAL
        place = _NOWHERE if managed else PLACES[sign_in.place or "Frankfurt am Main"]
        columns = self._shared(sign_in, table, place, known.name)
        if managed:
            columns["IPAddress"] = ""
            del columns["AutonomousSystemNumber"]
            columns["ManagedServiceIdentity"] = self._pen.text(self._managed(known))
        columns.update(self._service(sign_in, known))
        columns["LocationDetails"] = self._pen.text(_located(place))
        return Row(table, sign_in.at, str(columns["Id"]), columns)

    def _service(self, sign_in: SignIn, known: Principal) -> Json:
        company = self._company
        resource, resource_id = known.resource
        secret = known.credential in {"secret", "certificate"}
        kinds = {
            "secret": "clientSecret",
            "federated": "federatedIdentityCredential",
            "managed": "managedIdentity",
        }
        return {
            "AppId": app_id(company, known.name),
            "ServicePrincipalId": service_principal_id(company, known.name),
            "ServicePrincipalName": known.name,
            "ServicePrincipalCredentialKeyId": company.uuid("credential", known.name) if secret else "",
            "ServicePrincipalCredentialThumbprint": (
                company.token(40, "thumbprint", known.name).upper()
                if known.credential == "certificate"
                else ""
            ),
            "FederatedCredentialId": (
                company.uuid("federated", known.name) if known.credential == "federated" else ""
            ),
            "ClientCredentialType": kinds.get(known.credential, "clientAssertion"),
            "ResourceDisplayName": resource,
            "ResourceIdentity": resource_id,
            "ResourceServicePrincipalId": service_principal_id(company, resource),
            "ConditionalAccessStatus": "notApplied",
            "ConditionalAccessPolicies": "[]",
            "AuthenticationProcessingDetails": "[]",
            "UserAgent": sign_in.agent,
            "TenantId": self._pen.workspace,
        }

    def _managed(self, known: Principal) -> Json:
        subscription = subscription_id(self._company, SUBSCRIPTIONS[0])
        user_assigned = "userAssignedIdentities" in known.identity
        resource = f"/subscriptions/{subscription}/resourcegroups/rg-platform/providers/{known.identity}"
        return {
            "msiType": "userAssigned" if user_assigned else "systemAssigned",
            "associatedResourceId": resource,
            "federatedTokenId": "",
            "federatedTokenIssuer": "",
        }


def _device(sign_in: SignIn, person: Person) -> Json:
    known = sign_in.device and bool(person.device_id)
    agent = sign_in.agent or person.agent
    system = person.system
    if not sign_in.device:
        system = next((name for word, name in _SYSTEMS.items() if word in agent), "")
    detail: Json = {"deviceId": person.device_id if known else ""}
    if known:
        detail["displayName"] = person.device
    detail["operatingSystem"] = system
    detail["browser"] = browser_of(agent)
    if known:
        detail |= {"isCompliant": True, "isManaged": True, "trustType": "Azure AD joined"}
    return detail


def _located(place: Place) -> Json:
    return {
        "city": place.city,
        "state": place.state,
        "countryOrRegion": place.country,
        "geoCoordinates": {"latitude": place.latitude, "longitude": place.longitude},
    }


def _status(sign_in: SignIn) -> Json:
    if not sign_in.error:
        done = {"previous": "MFA requirement satisfied by claim in the token", "": ""}
        text = done.get(sign_in.mfa, "MFA completed in Azure AD")
        return {"errorCode": 0, "additionalDetails": text} if text else {"errorCode": 0}
    status: Json = {"errorCode": sign_in.error, "failureReason": ERRORS.get(sign_in.error, "Other.")}
    if sign_in.mfa == "denied":
        status["additionalDetails"] = _MFA["denied"][1]
    elif sign_in.error in {50074, 50076}:
        status["additionalDetails"] = "MFA required in Azure AD"
    return status


def _mfa_detail(sign_in: SignIn) -> Json:
    return {"authMethod": _MFA[sign_in.mfa][0], "authDetail": ""} if sign_in.mfa in _MFA else {}


def _steps(sign_in: SignIn, time: str) -> list[Json]:
    """The steps of authentication in order: the password or a token, then the second factor."""
    moment = time.replace("Z", "+00:00")
    right = sign_in.error not in {50126, 50053, 50055}
    if sign_in.mfa == "previous" or sign_in.kind == "noninteractive":
        text = "First factor requirement satisfied by claim in the token"
        return [_step(moment, "Previously satisfied", True, text, "Primary authentication", 0)]
    said = (
        "Correct password"
        if right
        else "Invalid username or password or Invalid on-premise username or password."
    )
    steps = [_step(moment, "Password", right, said, "Primary authentication", 0)]
    steps[0]["authenticationMethodDetail"] = "Password in the cloud"
    if sign_in.mfa in _MFA:
        method, text, done = _MFA[sign_in.mfa]
        steps.append(_step(moment, method, done, text, "Multifactor authentication", 1))
    return steps


def _step(moment: str, method: str, succeeded: bool, result: str, requirement: str, number: int) -> Json:
    return {
        "authenticationStepDateTime": moment,
        "authenticationMethod": method,
        "succeeded": succeeded,
        "authenticationStepResultDetail": result,
        "authenticationStepRequirement": requirement,
        "StatusSequence": number,
        "RequestSequence": 1,
    }
