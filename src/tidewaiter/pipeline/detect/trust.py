"""Whom a role's trust policy lets in from outside its account.

Sources, read 2026-11-22: AWS IAM User Guide, "AWS JSON policy elements: Principal", "AWS global condition
context keys", "Access to AWS accounts owned by third parties" (external id) and "Create a role for OpenID
Connect federation" (a GitHub role needs a condition on `sub`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tidewaiter.asim.mapping.operators import Value
from tidewaiter.pipeline.detect.policy import Statement, Unreadable, statements

_ASSUME = ("sts:assumerole", "sts:assumerolewithsaml", "sts:assumerolewithwebidentity")
_ACCOUNT = re.compile(r"[0-9]{12}")
_ARN = re.compile(r"arn:[^:]*:(?:iam|sts)::([^:]*):")
_SAML = re.compile(r"arn:[^:]*:iam::[^:]*:saml-provider/(.+)")
_OIDC = re.compile(r"arn:[^:]*:iam::[^:]*:oidc-provider/(.+)")
_EKS = re.compile(r"oidc\.eks\.[a-z0-9-]+\.(amazonaws\.com|amazonaws\.com\.cn|api\.aws)/id/")
_OPEN = re.compile(r"(?:\w+:)?[*?]")
"""A claim's value that begins with a wildcard (`*`, `repo:*`) admits strangers of the same provider."""
_NAMED = 5


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """One outsider that a statement lets in; `guard` says what else it asks of them, '' for nothing."""

    rank: int
    kind: str
    who: str
    guard: str


def trust_policy(document: Value, account: Value) -> dict[str, str] | None:
    """Judge a trust policy of a role in `account` (12 digits; null when the record does not say).

    Returns null when nobody outside is trusted (or there is no document), else the gravest grant:
    `kind` is `anyone`, `account`, `federated` or `unreadable`; `who` names up to five of that kind, `guard`
    what a caller must also bring, '' when that is nothing.
    """
    if document is None or document == "":
        return None
    try:
        read = statements(document)
    except Unreadable as error:
        return {"kind": "unreadable", "who": str(error), "guard": ""}
    own = account if isinstance(account, str) else ""
    grants = sorted({grant for statement in read for grant in _grants(statement, own)})
    if not grants:
        return None
    gravest = grants[0]
    alike = [grant.who for grant in grants if grant.rank == gravest.rank]
    more = f" and {len(alike) - _NAMED} more" if len(alike) > _NAMED else ""
    return {"kind": gravest.kind, "who": ", ".join(alike[:_NAMED]) + more, "guard": gravest.guard}


def _grants(statement: Statement, own: str) -> Iterator[Grant]:
    if not statement.allow or not any(statement.covers(action) for action in _ASSUME):
        return
    yield from _aws(statement, own)
    for provider in statement.principals.federated:
        guard = _federated_guard(statement, provider)
        if guard is not None:
            name = next(
                (found[1] for form in (_SAML, _OIDC) if (found := form.fullmatch(provider))), provider
            )
            yield Grant(5 if guard else 1, "federated", f"identities of {name}", guard)


def _aws(statement: Statement, own: str) -> Iterator[Grant]:
    named = {account for text in statement.principals.aws if (account := principal_account(text))}
    demanded = _demanded_accounts(statement)
    if demanded and ("*" in named or demanded & named):
        named = demanded if "*" in named else demanded & named
    guard = _guard(statement)
    for account in named:
        if account == "*":
            yield Grant(3 if guard else 0, "anyone", "any AWS account", guard)
        elif own and account != own:
            yield Grant(4 if guard else 2, "account", f"the account {account}", guard)


def principal_account(principal: str) -> str:
    """Return the account of an AWS principal, `*` for everyone, empty for the bare id of a deleted one."""
    if principal == "*" or _ACCOUNT.fullmatch(principal):
        return principal
    found = _ARN.match(principal)
    if not found:
        return ""
    if _ACCOUNT.fullmatch(found[1]):
        return found[1]
    return "*" if "*" in found[1] else ""


def _demanded_accounts(statement: Statement) -> set[str]:
    """The accounts that conditions on the caller's account or ARN allow; empty when they name none."""
    accounts = set(statement.limits.get("aws:principalaccount", ()))
    accounts |= {principal_account(text) for text in statement.limits.get("aws:principalarn", ())}
    return accounts if all(_ACCOUNT.fullmatch(account) for account in accounts) else set()


def _guard(statement: Statement) -> str:
    organizations = statement.limits.get("aws:principalorgid", statement.limits.get("aws:principalorgpaths"))
    if organizations:
        return f"callers of the organization {', '.join(organizations[:_NAMED])}"
    return "an external id" if "sts:externalid" in statement.limits else ""


def _federated_guard(statement: Statement, provider: str) -> str | None:
    """What a federated caller must prove; null when it is a named workload of an EKS cluster."""
    if _SAML.fullmatch(provider):
        return "a SAML assertion of that provider for this role"
    found = _OIDC.fullmatch(provider)
    host = (found[1] if found else provider).lower()
    claims = [
        f"{key.removeprefix(f'{host}:')} {', '.join(values[:_NAMED])}"
        for key, values in statement.limits.items()
        if key.startswith(f"{host}:")
        and not (key == f"{host}:aud" and "sts.amazonaws.com" in values)
        and not any(_OPEN.match(value) for value in values)
    ]
    if _EKS.match(host):
        return None if claims else "a token of that EKS cluster"
    return " and ".join(claims[:_NAMED])
