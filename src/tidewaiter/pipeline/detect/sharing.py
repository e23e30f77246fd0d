"""Whom a call lets in from outside the account: resource policies, snapshot and image permissions.

Sources, read 2026-11-23: AWS IAM User Guide, "Cross-account resource access"; Amazon EC2 API Reference,
"ModifySnapshotAttribute" and "ModifyImageAttribute"; Amazon RDS API Reference, "ModifyDBSnapshotAttribute".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tidewaiter.asim.mapping.operators import Value
from tidewaiter.pipeline.detect.policy import Statement, Unreadable, statements
from tidewaiter.pipeline.detect.trust import principal_account

_ACCOUNT = re.compile(r"[0-9]{12}")
_NAMED = 5
_GUARDS = {
    "aws:principalorgid": "callers of the organization",
    "aws:principalorgpaths": "callers of the organization",
    "aws:principalaccount": "callers of the account",
    "aws:sourceaccount": "services on behalf of the account",
    "aws:sourceowner": "services on behalf of the account",
    "aws:sourcearn": "services on behalf of",
    "aws:sourcevpce": "callers in the VPC endpoint",
    "aws:sourcevpc": "callers in the VPC",
    "aws:sourceip": "callers from",
}
"""Conditions that keep strangers out, by key."""


def shared_with(permissions: Value, account: Value) -> dict[str, str] | None:
    """Judge the permissions that a call adds to a snapshot or an image of `account`.

    `permissions` is a list of `{userId}`, `{group}` and such (EC2), or of texts (RDS). Returns null when
    nobody outside is let in, else `kind` (`anyone` or `account`) and `who`, up to five of them.
    """
    named = set(_named(permissions))
    if "all" in named:
        return {"kind": "anyone", "who": "everyone"}
    outside = sorted(name for name in named if _ACCOUNT.fullmatch(name) and name != account)
    return {"kind": "account", "who": _accounts(outside)} if outside else None


def _named(permissions: Value) -> Iterator[str]:
    for item in permissions if isinstance(permissions, list) else [permissions]:
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            yield from (value for name in ("userId", "group") if isinstance(value := item.get(name), str))


def _accounts(accounts: list[str]) -> str:
    more = f" and {len(accounts) - _NAMED} more" if len(accounts) > _NAMED else ""
    return f"the account {', '.join(accounts[:_NAMED])}{more}"


def resource_policy(document: Value, account: Value) -> dict[str, str] | None:
    """Judge the policy of a resource of `account` (12 digits; null when the record does not say).

    Returns null when it lets in nobody from outside, else the gravest grant: `kind` is `anyone` or `account`,
    `who` says whom, `guard` what keeps others out, '' when that is nothing.
    """
    try:
        read = statements(document)
    except Unreadable:
        return None
    own = account if isinstance(account, str) else ""
    grants = sorted(grant for statement in read for grant in _grants(statement, own))
    if not grants:
        return None
    _, kind, who, guard = grants[0]
    return {"kind": kind, "who": who, "guard": guard}


def _grants(statement: Statement, own: str) -> Iterator[tuple[int, str, str, str]]:
    if not statement.allow:
        return
    guard = next(
        (
            f"{words} {', '.join(statement.limits[key][:_NAMED])}"
            for key, words in _GUARDS.items()
            if key in statement.limits
        ),
        "",
    )
    for named in {principal_account(text) for text in statement.principals.aws}:
        if named == "*":
            yield (2 if guard else 0), "anyone", "everyone", guard
        elif named and own and named != own:
            yield (3 if guard else 1), "account", f"the account {named}", guard
