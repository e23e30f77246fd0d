"""Analytics rules as clients write them. Source: Microsoft Sentinel REST API, Alert Rules
(2025-10-01-preview), read through azure-mgmt-securityinsight 2.0.0b4.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

Kind = Literal["Scheduled", "NRT"]


class _Wire(msgspec.Struct, frozen=True, rename="camel"):
    """A wire shape; members that it does not name are left out."""


class FieldMapping(_Wire, frozen=True):
    """One identifier of an entity, and the column that holds it."""

    identifier: str
    column_name: str


class EntityMapping(_Wire, frozen=True):
    """An entity that alerts carry."""

    entity_type: str
    field_mappings: tuple[FieldMapping, ...] = ()


class AlertProperty(_Wire, frozen=True):
    """A property of alerts, and the column that it is taken from."""

    alert_property: str
    value: str


class AlertDetails(_Wire, frozen=True):
    """What of a row goes into an alert's name, description, severity, tactics and other properties."""

    alert_display_name_format: str | None = None
    alert_description_format: str | None = None
    alert_severity_column_name: str | None = None
    alert_tactics_column_name: str | None = None
    alert_dynamic_properties: tuple[AlertProperty, ...] | None = None


class Grouping(_Wire, frozen=True):
    """How alerts of a rule are grouped into one incident."""

    enabled: bool = False
    reopen_closed_incident: bool = False
    lookback_duration: str = "PT5H"
    matching_method: str = "AllEntities"
    group_by_entities: tuple[str, ...] | None = None
    group_by_alert_details: tuple[str, ...] | None = None
    group_by_custom_details: tuple[str, ...] | None = None


class IncidentSettings(_Wire, frozen=True):
    """Whether alerts of a rule make incidents."""

    create_incident: bool = True
    grouping_configuration: Grouping | None = None


class EventGrouping(_Wire, frozen=True):
    """`SingleAlert`, or `AlertPerResult`: an alert for every row."""

    aggregation_kind: str | None = None


class Properties(_Wire, frozen=True):
    """What a rule says; durations are ISO 8601. A near-real-time rule has no schedule and no trigger."""

    display_name: str = ""
    query: str = ""
    severity: str = ""
    enabled: bool | None = None
    description: str | None = None
    tactics: tuple[str, ...] | None = None
    techniques: tuple[str, ...] | None = None
    sub_techniques: tuple[str, ...] | None = None
    suppression_duration: str | None = None
    suppression_enabled: bool | None = None
    query_frequency: str | None = None
    query_period: str | None = None
    trigger_operator: str | None = None
    trigger_threshold: int | None = None
    incident_configuration: IncidentSettings | None = None
    event_grouping_settings: EventGrouping | None = None
    custom_details: dict[str, str] | None = None
    entity_mappings: tuple[EntityMapping, ...] | None = None
    alert_details_override: AlertDetails | None = None
    alert_rule_template_name: str | None = None
    template_version: str | None = None
    sentinel_entities_mappings: tuple[object, ...] | None = None

    @property
    def frequency(self) -> timedelta:
        """How often it runs; every minute when it is near real time."""
        return duration(self.query_frequency) if self.query_frequency else timedelta(minutes=1)

    @property
    def period(self) -> timedelta:
        """How far it looks back."""
        return duration(self.query_period) if self.query_period else timedelta(minutes=1)

    @property
    def suppression(self) -> timedelta:
        """How long it rests after an alert; not at all unless suppression is enabled."""
        on = self.suppression_enabled and self.suppression_duration
        return duration(self.suppression_duration or "") if on else timedelta()

    @property
    def grouping(self) -> Grouping:
        """How its alerts are grouped; not, unless it says so."""
        settings = self.incident_configuration
        return (settings.grouping_configuration if settings else None) or Grouping()

    @property
    def alert_per_result(self) -> bool:
        """Whether each row makes an alert."""
        settings = self.event_grouping_settings
        return settings is not None and settings.aggregation_kind == "AlertPerResult"


class Draft(_Wire, frozen=True):
    """The body of a PUT."""

    kind: str = ""
    properties: Properties = Properties()
    etag: str | None = None


class Rule(msgspec.Struct, frozen=True):
    """A rule as it is kept. `modified` is by the lab's clock."""

    name: str
    kind: Kind
    properties: Properties
    etag: str
    modified: datetime


class Progress(msgspec.Struct, frozen=True):
    """How far a rule has come.

    `due` is the scheduled time of the next run; None before the first row on a stream's clock. `seen` counts,
    by table, the rows that a near-real-time rule is done with. `failed` is why the last run failed, if it
    did.
    """

    due: datetime | None = None
    seen: dict[str, int] = {}
    resting_until: datetime | None = None
    failed: str = ""


def duration(text: str) -> timedelta:
    """Return an ISO 8601 duration.

    Raises:
        ValueError: it is none.
    """
    try:
        return msgspec.convert(text, timedelta, strict=True)
    except msgspec.ValidationError:
        raise ValueError(f"'{text}' is no ISO 8601 duration") from None
