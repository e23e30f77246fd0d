"""What a call does to the place where log files lie: S3 lifecycle rules and bucket policies."""

from __future__ import annotations

import re
from datetime import datetime

from tidewaiter.asim.mapping.operators import Value, whole
from tidewaiter.pipeline.detect.policy import Unreadable, statements

_NOT_LOGS = re.compile(r"athena|quer|result|te?mp|test", re.IGNORECASE)


def expires_within(lifecycle: Value, days: Value, at: Value) -> int | None:
    """Return after how many days the fastest enabled rule of a bucket lets objects expire, if within `days`.

    `lifecycle` is `LifecycleConfiguration` of a PutBucketLifecycle record: one rule or a list. `at` is the
    event's time, against which a rule's date is held. Rules for query results or temporary files do not
    count.
    """
    rules = lifecycle.get("Rule", lifecycle.get("rules")) if isinstance(lifecycle, dict) else None
    found = []
    for rule in rules if isinstance(rules, list) else [rules]:
        if isinstance(rule, dict) and rule.get("Status") == "Enabled" and not _NOT_LOGS.search(_prefix(rule)):
            expiry = rule.get("Expiration")
            left = _days(expiry, at) if isinstance(expiry, dict) else None
            if left is not None and left <= days:
                found.append(left)
    return min(found, default=None)


def _days(expiry: dict[str, Value], at: Value) -> int | None:
    if "Days" in expiry:
        return whole(expiry["Days"])
    try:
        return max(0, (datetime.fromisoformat(expiry["Date"]) - datetime.fromisoformat(at)).days)
    except (KeyError, TypeError, ValueError):
        return None


def _prefix(rule: dict[str, Value]) -> str:
    scope = rule.get("Filter")
    scope = scope.get("And", scope) if isinstance(scope, dict) else {}
    named = scope.get("Prefix") if isinstance(scope, dict) else None
    return next((text for text in (named, rule.get("Prefix")) if isinstance(text, str)), "")


def admits_service(document: Value, service: Value) -> bool | None:
    """Whether a bucket policy lets `service` (such as cloudtrail.amazonaws.com) write objects.

    Null when the policy cannot be read. A statement that denies without a condition outweighs.
    """
    try:
        about = [statement for statement in statements(document) if statement.covers("s3:putobject")]
    except Unreadable:
        return None
    named = [s for s in about if service in s.principals.services or "*" in s.principals.aws]
    denied = any(not statement.allow and not statement.conditional for statement in named)
    return not denied and any(statement.allow for statement in named)


def grants_everything(document: Value) -> bool:
    """Whether a session policy allows every action on every resource."""
    try:
        read = statements(document)
    except Unreadable:
        return False
    return any(s.allow and "*" in s.actions and "*" in s.resources and not s.conditional for s in read)
