"""The one analytics rule that raises incidents from the table of alerts.

Near real time, not scheduled: it looks at rows by the time of their arrival, once. A scheduled rule looks by
TimeGenerated, and would miss what waited in the outbox during an outage. What it costs: at most 29 alerts of
their own a minute, which the spacing of the batches keeps to (Detect threats quickly with near-real-time
analytics rules; Work with NRT detection rules; Microsoft, 2025-08).
"""

from __future__ import annotations

from datetime import timedelta

from tidewaiter.pipeline.deliver.alerts.table import COLUMNS, ENTITY_COLUMNS, TABLE
from tidewaiter.sentinel import EntityMapping, FieldMapping, NrtRule
from tidewaiter.sentinel.rules import AlertDetails, AlertProperty, EventGrouping, Grouping, IncidentSettings

RULE_ID = "7aede1a1-0000-4000-8000-000000000001"
"""The rule's name as a resource: always the same, so that writing it again changes it."""
LOOKBACK = timedelta(days=2)
"""Alerts of one incident join it this long after its first. Our incidents last a day at most."""
DETAILS = {
    "incident_id": "IncidentId",
    "detector": "Detector",
    "score": "Score",
    "_AI_ConfidenceScore": "AI_ConfidenceScore",
    "_AI_ModelVersion": "AI_ModelVersion",
    "event_ids": "EventIdsSample",
    "events": "EventIdsTotal",
    "aws_resources": "AwsResources",
}
"""Custom detail -> column: at most 20, names of at most 20 characters, and 2 KB for one alert in all (Surface
custom event details in alerts, Microsoft, 2025-08)."""


def render_rule(*, enabled: bool = True) -> NrtRule:
    """Return the rule: an alert for each row, one incident for each `incident_id`."""
    return NrtRule(
        display_name="Tidewaiter incidents",
        description="Raises the incidents that Tidewaiter found. Rendered by Tidewaiter: change it there.",
        query=query_text(),
        severity="Medium",
        enabled=enabled,
        tactics=(),
        techniques=(),
        entity_mappings=_entity_mappings(),
        custom_details=dict(DETAILS),
        alert_details_override=AlertDetails(
            alert_display_name_format="{{AlertTitle}}",
            alert_description_format="{{Description}}",
            alert_severity_column_name="Severity",
            alert_tactics_column_name="Tactics",
            alert_dynamic_properties=(
                AlertProperty("Techniques", "Techniques"),
                AlertProperty("SubTechniques", "SubTechniques"),
            ),
        ),
        event_grouping_settings=EventGrouping("AlertPerResult"),
        incident_configuration=IncidentSettings(
            create_incident=True,
            grouping_configuration=Grouping(
                enabled=True,
                reopen_closed_incident=False,
                lookback_duration=LOOKBACK,
                matching_method="Selected",
                group_by_custom_details=("incident_id",),
            ),
        ),
    )


def query_text() -> str:
    """Return the rule's query: a row for each alert, also where a batch arrived twice."""
    left_out = {"Narrative", "Stages", "Entities", "EventIds", "CustomDetails"}  # an alert holds 64 KB
    shown = ", ".join(name for name in COLUMNS if name not in left_out)
    return f"{TABLE}\n| summarize arg_max(TimeGenerated, *) by AlertId\n| project {shown}"


def _entity_mappings() -> tuple[EntityMapping, ...]:
    return tuple(
        EntityMapping(kind, tuple(FieldMapping(identifier, column) for identifier, column in identifiers))
        for kind, places in ENTITY_COLUMNS.items()
        for identifiers in places
    )
