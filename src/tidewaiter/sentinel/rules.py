"""Analytics rules: scheduled and NRT. Source: Microsoft Sentinel REST API, Alert Rules (2025-10-01-preview).

The stable versions have no NRT kind, so rules are read and written by the preview.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from tidewaiter import govern
from tidewaiter.core.permit import Capability, Permit
from tidewaiter.sentinel.arm import Arm, WorkspacePath, segment
from tidewaiter.sentinel.session import decode
from tidewaiter.sentinel.wire import PREVIEW, Wire


class FieldMapping(Wire, frozen=True):
    """One identifier of an entity, and the column that holds it."""

    identifier: str
    column_name: str


class EntityMapping(Wire, frozen=True):
    """An entity that alerts carry, such as Account or IP."""

    entity_type: str
    field_mappings: tuple[FieldMapping, ...]


class Grouping(Wire, frozen=True, omit_defaults=False):
    """How alerts of a rule are grouped into one incident."""

    enabled: bool = False
    reopen_closed_incident: bool = False
    lookback_duration: timedelta = timedelta(hours=5)
    matching_method: str = "AllEntities"
    group_by_entities: tuple[str, ...] | None = ()
    group_by_alert_details: tuple[str, ...] | None = ()
    group_by_custom_details: tuple[str, ...] | None = ()


class IncidentSettings(Wire, frozen=True, omit_defaults=False):
    """Whether alerts of a rule make incidents."""

    create_incident: bool = True
    grouping_configuration: Grouping | None = None


class AlertProperty(Wire, frozen=True):
    """A property of alerts, such as Techniques, and the column that it is taken from."""

    alert_property: str
    value: str


class AlertDetails(Wire, frozen=True):
    """What of a row goes into an alert's name, description, severity, tactics and other properties."""

    alert_display_name_format: str | None = None
    alert_description_format: str | None = None
    alert_severity_column_name: str | None = None
    alert_tactics_column_name: str | None = None
    alert_dynamic_properties: tuple[AlertProperty, ...] | None = None


class EventGrouping(Wire, frozen=True):
    """`SingleAlert`, or `AlertPerResult`: an alert for every row."""

    aggregation_kind: str | None = None


class NrtRule(Wire, frozen=True, omit_defaults=False):
    """A near-real-time rule: it looks at each minute's rows once."""

    display_name: str
    query: str
    severity: str
    enabled: bool = True
    description: str | None = ""
    suppression_duration: timedelta = timedelta(hours=5)
    suppression_enabled: bool = False
    tactics: tuple[str, ...] | None = ()
    techniques: tuple[str, ...] | None = ()
    incident_configuration: IncidentSettings | None = None
    event_grouping_settings: EventGrouping | None = None
    custom_details: dict[str, str] | None = None
    entity_mappings: tuple[EntityMapping, ...] | None = None
    alert_details_override: AlertDetails | None = None


class ScheduledRule(NrtRule, frozen=True):
    """A rule that looks at the rows of `query_period` every `query_frequency`."""

    query_frequency: timedelta = timedelta(hours=5)
    query_period: timedelta = timedelta(hours=5)
    trigger_operator: str = "GreaterThan"
    trigger_threshold: int = 0


class Rule(msgspec.Struct, frozen=True):
    """A rule as read; `definition` is None for kinds that we do not write (Fusion and such)."""

    name: str
    kind: str
    definition: ScheduledRule | NrtRule | None
    etag: str | None = None
    id: str = ""
    last_modified: datetime | None = None


class _Times(Wire, frozen=True):
    last_modified_utc: datetime | None = None


class _Rule(Wire, frozen=True):
    name: str
    kind: str
    properties: msgspec.Raw = msgspec.Raw(b"{}")
    etag: str | None = None
    id: str = ""


class _Body(Wire, frozen=True):
    kind: str
    properties: ScheduledRule | NrtRule
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """The analytics rules of one workspace."""

    arm: Arm
    workspace: WorkspacePath

    async def get(self, name: str) -> Rule:
        """Return a rule; Refused with status 404 when there is none of that name."""
        return _read(await self.arm.get(self._path(name), _Rule, version=PREVIEW))

    async def list(self) -> AsyncIterator[Rule]:
        """Yield all rules, those of other kinds included."""
        async for rule in self.arm.list(f"{self.workspace.sentinel}/alertRules", _Rule, version=PREVIEW):
            yield _read(rule)

    async def put(
        self,
        name: str,
        definition: ScheduledRule | NrtRule,
        *,
        permit: Permit,
        source: str = "*",
        etag: str | None = None,
    ) -> Rule:
        """Create a rule, or change the one that is there; with `etag` only if nobody changed it since.

        Raises:
            Conflict412: somebody did.
            Refused: the service does not accept it; 400 tells what is wrong with the query.
        """
        self._enforce(permit, source)
        kind = "Scheduled" if isinstance(definition, ScheduledRule) else "NRT"
        body = _Body(kind, definition, etag)
        return _read(await self.arm.put(self._path(name), body, _Rule, version=PREVIEW, etag=etag))

    async def delete(self, name: str, *, permit: Permit, source: str = "*") -> None:
        """Delete a rule; none of that name is no error."""
        self._enforce(permit, source)
        await self.arm.delete(self._path(name), version=PREVIEW)

    def _enforce(self, permit: Permit, source: str) -> None:
        govern.enforce(permit, Capability.WRITE_RULES, source=source, now=self.arm.session.now())

    def _path(self, name: str) -> str:
        return f"{self.workspace.sentinel}/alertRules/{segment(name)}"


def _read(rule: _Rule) -> Rule:
    kinds: dict[str, type[ScheduledRule] | type[NrtRule]] = {"Scheduled": ScheduledRule, "NRT": NrtRule}
    body = bytes(rule.properties)
    what = f"rule {rule.name}"
    kind = kinds.get(rule.kind)
    definition = decode(body, kind, what) if kind else None
    changed = decode(body, _Times, what).last_modified_utc
    return Rule(rule.name, rule.kind, definition, rule.etag, rule.id, changed)
