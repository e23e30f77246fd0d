"""The table of alerts, by the rules of Log Analytics for custom tables (Add or delete tables and columns,
Microsoft, 2026-11: a letter first, letters, digits and `_`, at most 45; `Title` and `Type` are reserved).
"""

from __future__ import annotations

from collections.abc import Mapping

TABLE = "TidewaiterAlerts_CL"

ENTITY_COLUMNS: Mapping[str, tuple[tuple[tuple[str, str], ...], ...]] = {
    "Account": tuple((("FullName", f"Account{n}FullName"), ("Name", f"Account{n}Name")) for n in range(1, 4)),
    "IP": tuple((("Address", f"IP{n}Address"),) for n in range(1, 4)),
    "CloudApplication": ((("Name", "CloudApplication1Name"),),),
    "AzureResource": tuple((("ResourceId", f"AzureResource{n}ResourceId"),) for n in range(1, 3)),
    "Host": ((("HostName", "Host1HostName"),),),
}
"""Sentinel's entity kind -> for each entity that is mapped its identifiers, each with its column.

At most ten mappings for a rule, and three identifiers for each (Map data fields to entities, Microsoft,
2025-08). AWS resources are no kind of Sentinel's: they are in `Entities` and in the custom details."""

COLUMNS: Mapping[str, str] = {
    "TimeGenerated": "datetime",
    "AlertId": "string",
    "IncidentId": "string",
    "AlertTitle": "string",
    "Description": "string",
    "Narrative": "string",
    "Severity": "string",
    "Score": "int",
    "Detector": "string",
    "StartTime": "datetime",
    "EndTime": "datetime",
    "Tactics": "dynamic",
    "Techniques": "dynamic",
    "SubTechniques": "dynamic",
    "Stages": "dynamic",
    "Entities": "dynamic",
    "EventIds": "dynamic",
    "EventIdsTotal": "int",
    "EventIdsSample": "string",
    "AwsResources": "string",
    "CustomDetails": "dynamic",
    "AI_ConfidenceScore": "real",
    "AI_ModelVersion": "string",
    **{
        column: "string"
        for entities in ENTITY_COLUMNS.values()
        for identifiers in entities
        for _, column in identifiers
    },
}
"""Column -> KQL type. `EventIds`, `Entities` and `Stages` hold what fits (`EventIdsTotal` counts all);
`StartTime` and `EndTime` are the incident's, TimeGenerated is when the alert was made."""

MOST_AT_ONCE = 25
"""Rows in one batch. A near-real-time rule makes an alert for each of at most 29 rows of a minute; the 30th
alert is of all of them together (Work with NRT detection rules, Microsoft, 2025-08)."""
SPACING = 61.0
"""Seconds between two batches, so that no minute has two."""
