"""Sign-ins and session issuance: STS, the console, Identity Center's portal."""

from __future__ import annotations

from tidewaiter.lab.generator.calls.call import Call, Json, Make, aws_date, resource
from tidewaiter.lab.generator.company import HOME, IDENTITY_STORE, Company
from tidewaiter.lab.generator.draw import Draw
from tidewaiter.lab.generator.rhythm import HOUR

PORTAL = f"https://{IDENTITY_STORE}.awsapps.com/start/"


def identity_check() -> Make:
    """Return GetCallerIdentity."""
    call = Call("sts", "GetCallerIdentity", firm=True)
    return lambda _draw: call


def _credentials(company: Company, draw: Draw, key_id: str, at: int, lifetime: int) -> Json:
    expiration = aws_date(company.stamp(at + lifetime))
    return {"accessKeyId": key_id, "sessionToken": draw.opaque(192), "expiration": expiration}


def assume_role(
    company: Company,
    account: str,
    role: str,
    session: str,
    *,
    key_id: str,
    at: int,
    path: str = "/",
    external_id: str = "",
    by_service: bool = False,
    lifetime: int = HOUR,
) -> Make:
    """Return AssumeRole of a role; services see no `assumedRoleUser` and share the event id."""
    arn = f"arn:aws:iam::{account}:role{path}{role}"
    request: Json = {"roleArn": arn, "roleSessionName": session}
    if external_id:
        request["externalId"] = external_id
    if not by_service:
        request["durationSeconds"] = lifetime // 1000
    user = {
        "assumedRoleId": f"{company.unique_id('AROA', account, role)}:{session}",
        "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
    }

    def make(draw: Draw) -> Call:
        response: Json = {"credentials": _credentials(company, draw, key_id, at, lifetime)}
        if not by_service:
            response["assumedRoleUser"] = user
        return Call(
            "sts",
            "AssumeRole",
            request,
            response,
            resources=(resource("AWS::IAM::Role", arn, account),),
            shared=by_service or bool(external_id),
            firm=True,
        )

    return make


def assume_role_with_token(
    company: Company,
    account: str,
    role: str,
    session: str,
    subject: str,
    provider: str,
    key_id: str,
    at: int,
    *,
    audience: str = "sts.amazonaws.com",
) -> Make:
    """Return AssumeRoleWithWebIdentity of a CI job."""
    arn = f"arn:aws:iam::{account}:role/{role}"

    def make(draw: Draw) -> Call:
        response: Json = {
            "credentials": _credentials(company, draw, key_id, at, HOUR),
            "subjectFromWebIdentityToken": subject,
            "assumedRoleUser": {
                "assumedRoleId": f"{company.unique_id('AROA', account, role)}:{session}",
                "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
            },
            "provider": f"arn:aws:iam::{account}:oidc-provider/{provider}",
            "audience": audience,
        }
        return Call(
            "sts",
            "AssumeRoleWithWebIdentity",
            {"roleArn": arn, "roleSessionName": session, "durationSeconds": 3600},
            response,
            resources=(resource("AWS::IAM::Role", arn, account),),
            firm=True,
        )

    return make


def assume_role_with_saml(
    company: Company, account: str, role: str, path: str, upn: str, key_id: str, at: int
) -> Make:
    """Return AssumeRoleWithSAML, by which Identity Center opens a person's session."""
    arn = f"arn:aws:iam::{account}:role{path}{role}"
    provider = f"AWSSSO_{company.token(14, 'saml', account)}_DO_NOT_DELETE"
    principal = f"arn:aws:iam::{account}:saml-provider/{provider}"

    def make(draw: Draw) -> Call:
        response: Json = {
            "credentials": _credentials(company, draw, key_id, at, 8 * HOUR),
            "assumedRoleUser": {
                "assumedRoleId": f"{company.unique_id('AROA', account, role)}:{upn}",
                "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{upn}",
            },
            "subject": upn,
            "subjectType": "persistent",
            "issuer": f"https://portal.sso.{HOME}.amazonaws.com/saml/assertion/{draw.opaque(24)}",
            "audience": "https://signin.aws.amazon.com/saml",
        }
        request: Json = {
            "sAMLAssertionID": f"_{draw.uuid()}",
            "roleSessionName": upn,
            "durationSeconds": 28_800,
            "roleArn": arn,
            "principalArn": principal,
        }
        roles = resource("AWS::IAM::Role", arn, account)
        providers = resource("AWS::IAM::SAMLProvider", principal, account)
        return Call("sts", "AssumeRoleWithSAML", request, response, resources=(roles, providers), firm=True)

    return make


def console_login(*, mfa: str, success: bool = True, region: str = HOME, to: str = "") -> Make:
    """Return ConsoleLogin; `mfa` is the ARN of the MFA device or "" for a session that brings none."""
    additional: Json = {
        "LoginTo": to or f"https://{region}.console.aws.amazon.com/console/home?region={region}#",
        "MobileVersion": "No",
    }
    if mfa:
        additional["MFAIdentifier"] = mfa
    additional["MFAUsed"] = "Yes" if mfa else "No"
    call = Call(
        "signin",
        "ConsoleLogin",
        None,
        {"ConsoleLogin": "Success" if success else "Failure"},
        read_only=False,
        additional=additional,
        kind="AwsConsoleSignIn",
        firm=True,
        host=f"{region}.signin.aws.amazon.com",
        error=None if success else ("", "Failed authentication"),
    )
    return lambda _draw: call


def portal_sign_in(upn: str) -> Make:
    """Return the UserAuthentication event of a sign-in through the external identity provider."""
    return lambda draw: Call(
        "signin",
        "UserAuthentication",
        read_only=False,
        additional={
            "AuthWorkflowID": draw.uuid(),
            "LoginTo": PORTAL,
            "CredentialType": "EXTERNAL_IDP",
            "UserName": upn,
        },
        details={"UserAuthentication": "Success"},
        kind="AwsServiceEvent",
        firm=True,
    )


def portal_choice(name: str, account: str, permission_set: str) -> Make:
    """Return Federate (to the console) or GetRoleCredentials (to the command line) of the portal."""
    call = Call(
        "sso",
        name,
        read_only=name == "GetRoleCredentials",
        details={"role_name": permission_set, "account_id": account},
        kind="AwsServiceEvent",
        firm=True,
    )
    return lambda _draw: call
