"""Incidents on their way to both portals: rows of a table, and the one rule that raises them.

Incidents that are created through the Sentinel API do not reach the Defender portal; those that an analytics
rule raises do (DESIGN section 8). So an incident is a row of `TidewaiterAlerts_CL`, one more whenever it has
grown; the rule turns rows into alerts, and alerts of one `incident_id` into one incident.
"""

from tidewaiter.pipeline.deliver.alerts.function import FUNCTION, function_text, render_function
from tidewaiter.pipeline.deliver.alerts.rows import AlertRow, alert_batches, alert_rows
from tidewaiter.pipeline.deliver.alerts.rule import RULE_ID, render_rule
from tidewaiter.pipeline.deliver.alerts.table import COLUMNS, MOST_AT_ONCE, SPACING, TABLE

__all__ = [
    "COLUMNS",
    "FUNCTION",
    "MOST_AT_ONCE",
    "RULE_ID",
    "SPACING",
    "TABLE",
    "AlertRow",
    "alert_batches",
    "alert_rows",
    "function_text",
    "render_function",
    "render_rule",
]
