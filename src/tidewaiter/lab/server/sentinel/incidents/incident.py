"""Incidents as they are kept, and as SecurityIncident shows them.

Source: SecurityIncident table reference (Microsoft, 2025-03), and rows as workspaces export them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from tidewaiter.lab.server.tenant import Tenant

PRODUCT = "Azure Sentinel"


class Owner(msgspec.Struct, frozen=True, rename="camel"):
    """Whom an incident is assigned to."""

    object_id: str | None = None
    email: str | None = None
    assigned_to: str | None = None
    user_principal_name: str | None = None
    owner_type: str | None = None


class Label(msgspec.Struct, frozen=True, rename="camel"):
    """A label (a tag, in the portal)."""

    label_name: str
    label_type: str = "User"


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """An incident; times are aware.

    `rules`, `alerts` and `bookmarks` are ids. `group` is what its alerts have in common, by their rule, and
    `first_alert` when the first of them was made. `by` is what changed it last, in Sentinel's words.
    """

    name: str
    number: int
    etag: str
    title: str
    severity: str
    status: str
    description: str = ""
    classification: str | None = None
    classification_reason: str | None = None
    classification_comment: str | None = None
    owner: Owner = Owner()
    labels: tuple[Label, ...] = ()
    first_activity: datetime | None = None
    last_activity: datetime | None = None
    created: datetime
    modified: datetime
    first_modified: datetime | None = None
    closed: datetime | None = None
    rules: tuple[str, ...] = ()
    alerts: tuple[str, ...] = ()
    bookmarks: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    tactics: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    group: str = ""
    first_alert: datetime | None = None
    by: str = ""


class Author(msgspec.Struct, frozen=True, rename="camel"):
    """Who wrote a comment."""

    object_id: str | None = None
    email: str | None = None
    name: str | None = None
    user_principal_name: str | None = None


class Comment(msgspec.Struct, frozen=True):
    """A comment on an incident."""

    incident: str
    name: str
    etag: str
    message: str
    author: Author
    created: datetime
    modified: datetime


class Relation(msgspec.Struct, frozen=True):
    """What belongs to an incident beside the alerts that raised it: a resource by its ARM id."""

    incident: str
    name: str
    etag: str
    resource_id: str
    kind: str


def union(*several: Iterable[str]) -> tuple[str, ...]:
    """Return all texts, each once, in order."""
    return tuple(dict.fromkeys(text for texts in several for text in texts))


def url_of(name: str, tenant: Tenant) -> str:
    """Return the address of an incident in the portal."""
    path = f"{tenant.workspace_path}/providers/Microsoft.SecurityInsights/Incidents/{name}"
    return f"https://portal.azure.com/#asset/Microsoft_Azure_Security_Insights/Incident{path}"


def additional_data(incident: Incident, comments: int) -> dict[str, object]:
    """Return what the service counts and collects for an incident."""
    return {
        "alertsCount": len(incident.alerts),
        "bookmarksCount": len(incident.bookmarks),
        "commentsCount": comments,
        "alertProductNames": list(incident.products),
        "tactics": list(incident.tactics),
        "techniques": list(incident.techniques),
    }


def security_incident(incident: Incident, comments: Sequence[Comment], tenant: Tenant) -> dict[str, object]:
    """Return the row of SecurityIncident that tells of an incident as it is now."""
    return {
        "TimeGenerated": incident.modified,
        "IncidentName": incident.name,
        "Title": incident.title,
        "Description": incident.description,
        "Severity": incident.severity,
        "Status": incident.status,
        "Classification": incident.classification or "",
        "ClassificationComment": incident.classification_comment or "",
        "ClassificationReason": incident.classification_reason or "",
        "Owner": msgspec.to_builtins(incident.owner),
        "ProviderName": PRODUCT,
        "ProviderIncidentId": str(incident.number),
        "FirstActivityTime": incident.first_activity,
        "LastActivityTime": incident.last_activity,
        "FirstModifiedTime": incident.first_modified,
        "LastModifiedTime": incident.modified,
        "CreatedTime": incident.created,
        "ClosedTime": incident.closed,
        "IncidentNumber": incident.number,
        "IncidentUrl": url_of(incident.name, tenant),
        "RelatedAnalyticRuleIds": list(incident.rules),
        "AlertIds": list(incident.alerts),
        "BookmarkIds": list(incident.bookmarks),
        "Comments": [_comment(comment) for comment in comments],
        "Tasks": [],
        "Labels": msgspec.to_builtins(incident.labels),
        "AdditionalData": additional_data(incident, len(comments)),
        "ModifiedBy": incident.by,
        "SourceSystem": "Azure",
    }


def _comment(comment: Comment) -> dict[str, object]:
    return {
        "message": comment.message,
        "createdTimeUtc": comment.created.isoformat(),
        "author": msgspec.to_builtins(comment.author),
    }
