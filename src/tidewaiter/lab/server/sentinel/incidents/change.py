"""What clients may set of an incident, and what the service refuses.

Sources: Microsoft Sentinel REST API, Incidents (2024-09-01); Investigate incidents, "Closing an incident"
(Microsoft, 2025-04): which reasons go with a classification; Service limits (2025-03-19).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from tidewaiter.lab.server.errors import ServiceError
from tidewaiter.lab.server.lab import Lab
from tidewaiter.lab.server.sentinel.answers import missing, new_etag
from tidewaiter.lab.server.sentinel.incidents.incident import Incident, Label, Owner
from tidewaiter.lab.server.sentinel.rules.check import SEVERITIES

STATUSES = ("New", "Active", "Closed")
REASONS: Mapping[str, tuple[str, ...]] = {
    "TruePositive": ("SuspiciousActivity",),
    "BenignPositive": ("SuspiciousButExpected",),
    "FalsePositive": ("IncorrectAlertLogic", "InaccurateData"),
    "Undetermined": (),
}
"""Classification -> the reasons that go with it; without any, no reason does."""
MOST_DESCRIPTION = 5_000


class _Owner(msgspec.Struct, frozen=True, rename="camel"):
    object_id: str | None = None
    email: str | None = None
    assigned_to: str | None = None
    user_principal_name: str | None = None
    owner_type: str | None = None


class _Label(msgspec.Struct, frozen=True, rename="camel"):
    label_name: str


class DraftProperties(msgspec.Struct, frozen=True, rename="camel"):
    """What may be set; what only the service sets is left out, whatever was sent."""

    title: str = ""
    severity: str = ""
    status: str = ""
    description: str | None = None
    classification: str | None = None
    classification_reason: str | None = None
    classification_comment: str | None = None
    owner: _Owner | None = None
    labels: tuple[_Label, ...] | None = None
    first_activity_time_utc: datetime | None = None
    last_activity_time_utc: datetime | None = None


class Draft(msgspec.Struct, frozen=True):
    """The body of a PUT."""

    properties: DraftProperties = DraftProperties()
    etag: str | None = None


def incident_of(lab: Lab, name: str) -> Incident:
    """Return an incident.

    Raises:
        ServiceError: 404, there is none of that name.
    """
    found = lab.sentinel.incidents.incidents.get(name)
    if found is None:
        raise missing("The incident", name)
    return found


def changed(lab: Lab, name: str, before: Incident | None, given: DraftProperties) -> Incident:
    """Return the incident as it is after a PUT: what is not sent is gone, but for what the service keeps.

    Raises:
        ServiceError: 400, with all that is wrong.
    """
    wrong = " ".join(_wrong(given))
    if wrong:
        raise ServiceError(400, "BadRequest", wrong)
    now = lab.now()
    base = before or Incident(
        name=name,
        number=lab.sentinel.incidents.next_number(),
        etag="",
        title="",
        severity="",
        status="New",
        created=now,
        modified=now,
        by="Incident created by API",
    )
    closing = given.status == "Closed"
    return msgspec.structs.replace(
        base,
        etag=new_etag(),
        title=given.title,
        severity=given.severity,
        status=given.status,
        description=given.description or "",
        classification=given.classification if closing else None,
        classification_reason=given.classification_reason if closing else None,
        classification_comment=given.classification_comment if closing else None,
        owner=Owner(**msgspec.structs.asdict(given.owner)) if given.owner else Owner(),
        labels=tuple(Label(label.label_name) for label in given.labels or ()),
        first_activity=given.first_activity_time_utc or base.first_activity,
        last_activity=given.last_activity_time_utc or base.last_activity,
        modified=now,
        closed=(base.closed or now) if closing else None,
        by="Incident updated by API" if before else base.by,
    )


def _wrong(given: DraftProperties) -> Iterator[str]:
    if not given.title:
        yield "title is required."
    if given.severity not in SEVERITIES:
        yield f"The severity '{given.severity}' is none of {', '.join(SEVERITIES)}."
    if given.status not in STATUSES:
        yield f"The status '{given.status}' is none of {', '.join(STATUSES)}."
    if len(given.description or "") > MOST_DESCRIPTION:
        yield f"The description has over {MOST_DESCRIPTION:,} characters."
    if any(not label.label_name for label in given.labels or ()):
        yield "A label needs a labelName."
    if given.owner and given.owner.owner_type not in (None, "Unknown", "User", "Group"):
        yield f"The ownerType '{given.owner.owner_type}' is unknown."
    for at in (given.first_activity_time_utc, given.last_activity_time_utc):
        if at is not None and at.tzinfo is None:
            yield "Times must be in UTC."
    if given.status == "Closed":
        yield from _wrong_closure(given)


def _wrong_closure(given: DraftProperties) -> Iterator[str]:
    if given.classification is None:
        yield "A closed incident needs a classification."
        return
    reasons = REASONS.get(given.classification)
    if reasons is None:
        yield f"The classification '{given.classification}' is none of {', '.join(REASONS)}."
    elif (given.classification_reason or "") not in (reasons or ("",)):
        fitting = " or ".join(reasons) or "no reason"
        yield (
            f"The classification {given.classification} goes with {fitting}, not with "
            f"'{given.classification_reason or ''}'."
        )
