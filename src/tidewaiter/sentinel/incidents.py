"""Incidents: read, create, change with ETag, close.

Source: Microsoft Sentinel REST API, Incidents (2024-09-01). Incidents created here are *not* synchronised to
the Defender portal; those that an analytics rule raises are (DESIGN section 8).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from tidewaiter import govern
from tidewaiter.core.permit import Capability, Permit
from tidewaiter.sentinel.arm import Arm, WorkspacePath, segment
from tidewaiter.sentinel.wire import SENTINEL, Wire, narrowed

Classification = Literal["Undetermined", "TruePositive", "BenignPositive", "FalsePositive"]
Reason = Literal["SuspiciousActivity", "SuspiciousButExpected", "IncorrectAlertLogic", "InaccurateData"]

REASONS: dict[str, tuple[str, ...]] = {
    "TruePositive": ("SuspiciousActivity",),
    "BenignPositive": ("SuspiciousButExpected",),
    "FalsePositive": ("IncorrectAlertLogic", "InaccurateData"),
    "Undetermined": (),
}
"""Which reasons go with a classification."""


class Owner(Wire, frozen=True):
    """Whom an incident is assigned to."""

    email: str | None = None
    assigned_to: str | None = None
    object_id: str | None = None
    user_principal_name: str | None = None


class Label(Wire, frozen=True):
    """A label (a tag, in the portal)."""

    label_name: str


class AdditionalData(Wire, frozen=True):
    """What the service counts and collects for an incident."""

    alerts_count: int | None = None
    bookmarks_count: int | None = None
    comments_count: int | None = None
    alert_product_names: tuple[str, ...] | None = None
    tactics: tuple[str, ...] | None = None
    techniques: tuple[str, ...] | None = None
    provider_incident_url: str | None = None
    merged_incident_number: str | None = None


class IncidentDraft(Wire, frozen=True):
    """What a client may set of an incident. Times are aware."""

    title: str
    severity: str
    status: str
    description: str | None = None
    classification: str | None = None
    classification_reason: str | None = None
    classification_comment: str | None = None
    owner: Owner | None = None
    labels: tuple[Label, ...] | None = None
    first_activity_time_utc: datetime | None = None
    last_activity_time_utc: datetime | None = None


class IncidentProperties(IncidentDraft, frozen=True):
    """An incident's properties, those that the service sets included."""

    created_time_utc: datetime | None = None
    last_modified_time_utc: datetime | None = None
    incident_number: int | None = None
    incident_url: str | None = None
    provider_name: str | None = None
    provider_incident_id: str | None = None
    related_analytic_rule_ids: tuple[str, ...] | None = None
    additional_data: AdditionalData | None = None


class Incident(Wire, frozen=True):
    """An incident as read; `name` is its id in this API (a GUID), `id` its ARM id."""

    name: str
    properties: IncidentProperties
    id: str = ""
    etag: str | None = None


class _Body(Wire, frozen=True):
    properties: IncidentDraft
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Incidents:
    """The incidents of one workspace."""

    arm: Arm
    workspace: WorkspacePath

    async def get(self, name: str) -> Incident:
        """Return one incident; Refused with status 404 when there is none of that name."""
        return await self.arm.get(self._path(name), Incident, version=SENTINEL)

    def list(
        self, *, where: str = "", order: str = "properties/createdTimeUtc desc", page: int = 200
    ) -> AsyncIterator[Incident]:
        """Yield incidents page by page; `where` and `order` are OData expressions ($filter, $orderby)."""
        given = {"$filter": where, "$orderby": order, "$top": str(page)}
        params = {name: value for name, value in given.items() if value}
        return self.arm.list(self._all(), Incident, version=SENTINEL, params=params)

    async def create(self, name: str, draft: IncidentDraft, *, permit: Permit, source: str = "*") -> Incident:
        """Create the incident `name`, or overwrite the one that is there."""
        self._enforce(permit, source)
        body = _Body(narrowed(draft, IncidentDraft))
        return await self.arm.put(self._path(name), body, Incident, version=SENTINEL)

    async def update(self, incident: Incident, *, permit: Permit, source: str = "*") -> Incident:
        """Write a changed copy of an incident that was read, if nobody changed it since.

        Raises:
            Conflict412: somebody did; read it again.
            ValueError: the incident was never read (it has no ETag).
        """
        self._enforce(permit, source)
        if not incident.etag:
            raise ValueError("an update needs the ETag of the incident that was read")
        body = _Body(narrowed(incident.properties, IncidentDraft), incident.etag)
        return await self.arm.put(
            self._path(incident.name), body, Incident, version=SENTINEL, etag=incident.etag
        )

    async def close(
        self,
        incident: Incident,
        classification: Classification,
        reason: Reason | None = None,
        *,
        comment: str = "",
        permit: Permit,
        source: str = "*",
    ) -> Incident:
        """Close an incident that was read, with a classification and the reason that goes with it.

        Raises:
            Conflict412: somebody changed it since it was read.
            ValueError: the reason does not go with the classification, see `REASONS`.
        """
        self._enforce(permit, source)
        fitting = REASONS[classification]
        if (reason or "") not in (fitting or ("",)):
            allowed = " or ".join(fitting) or "no reason"
            raise ValueError(f"{classification} goes with {allowed}, not with {reason}")
        closed = msgspec.structs.replace(
            incident.properties,
            status="Closed",
            classification=classification,
            classification_reason=reason,
            classification_comment=comment or None,
        )
        return await self.update(
            msgspec.structs.replace(incident, properties=closed), permit=permit, source=source
        )

    async def delete(self, name: str, *, permit: Permit, source: str = "*") -> None:
        """Delete an incident; none of that name is no error."""
        self._enforce(permit, source)
        await self.arm.delete(self._path(name), version=SENTINEL)

    def _enforce(self, permit: Permit, source: str) -> None:
        govern.enforce(permit, Capability.WRITE_INCIDENTS, source=source, now=self.arm.session.now())

    def _all(self) -> str:
        return f"{self.workspace.sentinel}/incidents"

    def _path(self, name: str) -> str:
        return f"{self._all()}/{segment(name)}"
