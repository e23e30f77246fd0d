"""Who calls: CloudTrail's `userIdentity` by type, with the address and the client that go with it.

Shapes after "CloudTrail userIdentity element" (AWS CloudTrail User Guide, read 2026-11): member order,
`sessionContext` without an empty `webIdFederationData`, `ec2RoleDelivery`, `inScopeOf` for functions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tidewaiter.lab.generator.company import CORE, HOME, IDENTITY_STORE, Company
from tidewaiter.lab.generator.rhythm import HOUR

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Actor:
    """A principal at work: identity, source address and client.

    `name` is the ARN, or the service's name where there is none. `direct` means that the caller's own
    client spoke TLS to the API; services that call on someone's behalf show no TLS details.
    """

    persona: str
    account: str
    name: str
    identity: Json
    address: str
    agent: str
    direct: bool = True
    console: bool = False
    endpoint: str = ""

    def through(self, service: str) -> Actor:
        """Return this principal as a service acts for it (forward access session)."""
        identity = {**self.identity, "invokedBy": service}
        return replace(
            self, identity=identity, address=service, agent=service, direct=False, console=False, endpoint=""
        )


def iam_user(
    company: Company,
    account: str,
    user: str,
    *,
    persona: str,
    address: str,
    agent: str,
    key: str = "first",
    console_since: int | None = None,
) -> Actor:
    """Return an IAM user: with a long-lived key, or in the console since a time of the day (with MFA)."""
    arn = f"arn:aws:iam::{account}:user/{user}"
    in_console = console_since is not None
    identity: Json = {
        "type": "IAMUser",
        "principalId": company.unique_id("AIDA", account, user),
        "arn": arn,
        "accountId": account,
        "accessKeyId": company.unique_id("ASIA" if in_console else "AKIA", account, user, key),
        "userName": user,
    }
    if console_since is not None:
        attributes = {"creationDate": company.stamp(console_since), "mfaAuthenticated": "true"}
        identity["sessionContext"] = {"attributes": attributes}
    return Actor(persona, account, arn, identity, address, agent, console=in_console)


def session_key(company: Company, account: str, role: str, session: str, since: int) -> str:
    """Return the temporary access key id of one session; the AssumeRole event that opens it shows it too."""
    return company.unique_id("ASIA", account, role, session, company.instant(since))


def role_session(
    company: Company,
    account: str,
    role: str,
    session: str,
    *,
    persona: str,
    since: int,
    address: str,
    agent: str,
    path: str = "/",
    context: Json | None = None,
    extra: Json | None = None,
    direct: bool = True,
    console: bool = False,
    endpoint: str = "",
) -> Actor:
    """Return an assumed role; `context` joins the session context, `extra` the identity itself."""
    role_id = company.unique_id("AROA", account, role)
    arn = f"arn:aws:sts::{account}:assumed-role/{role}/{session}"
    issuer = {
        "type": "Role",
        "principalId": role_id,
        "arn": f"arn:aws:iam::{account}:role{path}{role}",
        "accountId": account,
        "userName": role,
    }
    attributes = {"creationDate": company.stamp(since), "mfaAuthenticated": "false"}
    before = {key: value for key, value in (context or {}).items() if key == "webIdFederationData"}
    after = {key: value for key, value in (context or {}).items() if key != "webIdFederationData"}
    identity: Json = {
        "type": "AssumedRole",
        "principalId": f"{role_id}:{session}",
        "arn": arn,
        "accountId": account,
        "accessKeyId": session_key(company, account, role, session, since),
        "sessionContext": {"sessionIssuer": issuer, **before, "attributes": attributes, **after},
        **(extra or {}),
    }
    return Actor(
        persona, account, arn, identity, address, agent, direct=direct, console=console, endpoint=endpoint
    )


def linked_role(
    company: Company, account: str, role: str, service: str, session: str, *, persona: str, since: int
) -> Actor:
    """Return a service-linked role at work: address and client are the service's name."""
    return role_session(
        company,
        account,
        role,
        session,
        persona=persona,
        since=since,
        address=service,
        agent=service,
        path=f"/aws-service-role/{service}/",
        extra={"invokedBy": service},
        direct=False,
    )


def aws_service(service: str, *, persona: str) -> Actor:
    """Return an AWS service acting as itself."""
    identity: Json = {"type": "AWSService", "invokedBy": service}
    return Actor(persona, "", service, identity, service, service, direct=False)


def outside_account(company: Company, account: str, *, persona: str, address: str, agent: str) -> Actor:
    """Return a principal of another account as the receiving account sees it."""
    principal = f"{company.unique_id('AIDA', account, 'collector')}"
    identity: Json = {"type": "AWSAccount", "principalId": principal, "accountId": account}
    return Actor(persona, account, f"arn:aws:iam::{account}:root", identity, address, agent)


def web_identity(
    *, account: str, provider: str, subject: str, audience: str, persona: str, address: str, agent: str
) -> Actor:
    """Return a caller that shows an OpenID Connect token."""
    arn = f"arn:aws:iam::{account}:oidc-provider/{provider}"
    identity: Json = {
        "type": "WebIdentityUser",
        "principalId": f"{arn}:{audience}:{subject}",
        "userName": subject,
        "identityProvider": arn,
    }
    return Actor(persona, account, f"{arn}:{subject}", identity, address, agent)


def saml_user(company: Company, *, account: str, upn: str, persona: str) -> Actor:
    """Return the SAML principal by which Identity Center opens a session in a member account."""
    provider = f"AWSSSO_{company.token(14, 'saml', account)}_DO_NOT_DELETE"
    identity: Json = {
        "type": "SAMLUser",
        "principalId": f"{company.token(27, 'saml-issuer', account)}=:{upn}",
        "userName": upn,
        "identityProvider": f"{company.token(27, 'saml-issuer', account)}=",
    }
    name = f"arn:aws:iam::{account}:saml-provider/{provider}"
    agent = "aws-internal/3 aws-sdk-java/1.12.792 Linux/5.10.245 OpenJDK_64-Bit_Server_VM/17.0.17+10-LTS"
    return Actor(persona, account, name, identity, "sso.amazonaws.com", agent, direct=False)


def portal_user(company: Company, *, upn: str, persona: str, since: int, address: str, agent: str) -> Actor:
    """Return an Identity Center user on the access portal (recorded in the organisation's core account)."""
    store = f"arn:aws:identitystore::{CORE.id}:identitystore/{IDENTITY_STORE}"
    user = company.uuid("identity-store", upn)
    identity: Json = {
        "type": "IdentityCenterUser",
        "accountId": CORE.id,
        "onBehalfOf": {"userId": user, "identityStoreArn": store},
        "credentialId": company.uuid("portal", upn, company.instant(since)),
    }
    return Actor(persona, CORE.id, f"{store}/user/{user}", identity, address, agent, direct=False)


def permission_set_role(company: Company, account: str, permission_set: str) -> tuple[str, str]:
    """Return the name and path of the role that Identity Center keeps for a permission set."""
    name = f"AWSReservedSSO_{permission_set}_{company.hex_id('sso', account, permission_set)[-16:]}"
    return name, f"/aws-reserved/sso.amazonaws.com/{HOME}/"


class Sessions:
    """A role's sessions over the day: each lives `lifetime` and is then opened anew.

    `build(since)` makes the actor of the session that was opened at `since`, which may lie before midnight.
    """

    def __init__(self, build: Callable[[int], Actor], *, lifetime: int = HOUR, phase: int = 0) -> None:
        """Open sessions at `phase` milliseconds past midnight and every `lifetime` before and after."""
        self._build = build
        self._lifetime = lifetime
        self._phase = phase % lifetime
        self._known: dict[int, Actor] = {}

    def at(self, moment: int) -> Actor:
        """Return the actor whose session is open at that moment."""
        since = (moment - self._phase) // self._lifetime * self._lifetime + self._phase
        actor = self._known.get(since)
        if actor is None:
            actor = self._known[since] = self._build(since)
        return actor

    def openings(self, last: int) -> list[int]:
        """Return the moments from midnight to `last` at which a session is opened."""
        return list(range(self._phase, last + 1, self._lifetime))
