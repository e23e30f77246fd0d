"""Who acted: one key per principal, whatever access key, console session or region it used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tidewaiter.asim.mapping.evaluate import resolve
from tidewaiter.asim.mapping.operators import Value

_WORDS: Mapping[str, str] = {
    "root": "root user",
    "user": "IAM user",
    "role": "role session",
    "federated": "federated user",
    "saml": "SAML user",
    "web": "web identity",
    "identity-center": "Identity Center user",
    "service": "AWS service",
    "account": "another AWS account",
    "unknown": "unknown identity",
}


@dataclass(frozen=True, slots=True)
class Actor:
    """A principal of an account; `key` is the same for all its events.

    An IAM user is one actor through all its access keys; a role session is the role and the session's name,
    so that the credentials which a session renews are one actor. Two people may share a session name: that
    cannot be told from CloudTrail.
    """

    account: str
    kind: str
    name: str

    @property
    def key(self) -> str:
        """Account, kind and name, as signals carry it: `123456789012:user/ana`."""
        return f"{self.account}:{self.kind}/{self.name}"

    @property
    def words(self) -> str:
        """The kind in words: `IAM user`, `role session` …"""
        return _WORDS.get(self.kind, "principal")


def actor_from_key(key: str) -> Actor:
    """Read a key back; a text that is none becomes an unknown identity of that name."""
    account, colon, rest = key.partition(":")
    kind, slash, name = rest.partition("/")
    return Actor(account, kind, name) if colon and slash else Actor("", "unknown", key)


def actor_of(event: Mapping[str, Value]) -> Actor:
    """Return the actor of a CloudTrail record (AWS CloudTrail User Guide, "userIdentity element")."""
    arn = _text(event, "userIdentity", "arn")
    account = _text(event, "userIdentity", "accountId") or _text(event, "recipientAccountId")
    principal = _text(event, "userIdentity", "principalId")
    tail = arn.rpartition("/")[2] if "/" in arn else ""
    match _text(event, "userIdentity", "type"):
        case "Root":
            return Actor(account, "root", "root")
        case "IAMUser" if name := _text(event, "userIdentity", "userName") or tail or principal:
            return Actor(account, "user", name)
        case "AssumedRole" if name := _session(event, arn, principal):
            return Actor(account, "role", name)
        case "FederatedUser" if name := tail or principal.partition(":")[2]:
            return Actor(account, "federated", name)
        case "SAMLUser" | "WebIdentityUser" as kind if name := principal or _text(
            event, "userIdentity", "userName"
        ):
            return Actor(account, "saml" if kind == "SAMLUser" else "web", name)
        case "IdentityCenterUser" if (
            name := _text(event, "userIdentity", "onBehalfOf", "userId") or principal
        ):
            return Actor(account, "identity-center", name)
        case "AWSService" if name := _text(event, "userIdentity", "invokedBy"):
            return Actor(account, "service", name)
        case "AWSAccount" if name := principal or account:
            return Actor(account, "account", name)
    name = principal or arn or _text(event, "userIdentity", "userName") or _text(event, "sourceIPAddress")
    return Actor(account, "unknown", name or "unknown")


def _session(event: Mapping[str, Value], arn: str, principal: str) -> str:
    parts = arn.split("/")
    issuer = _text(event, "userIdentity", "sessionContext", "sessionIssuer", "userName")
    role = issuer or (parts[1] if len(parts) > 1 else "")
    session = parts[-1] if len(parts) > 2 else principal.partition(":")[2]
    return f"{role}/{session}" if role and session else role or principal


def _text(event: Mapping[str, Value], *path: str) -> str:
    value = resolve(path, event)
    return value if isinstance(value, str) else ""
