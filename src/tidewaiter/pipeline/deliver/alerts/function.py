"""The KQL function by which people read the table of alerts."""

from __future__ import annotations

from tidewaiter.pipeline.deliver.alerts.table import TABLE
from tidewaiter.sentinel import SavedSearch

FUNCTION = "TidewaiterAlerts"


def function_text() -> str:
    """Return its body: each alert once, with provenance under its exact names.

    Log Analytics stores no column of ours that begins with `_`; a query may well have one.
    """
    return (
        f"{TABLE}\n"
        "| summarize arg_max(TimeGenerated, *) by AlertId\n"
        "| extend _AI_ConfidenceScore = AI_ConfidenceScore, _AI_ModelVersion = AI_ModelVersion\n"
        "| project-away AI_ConfidenceScore, AI_ModelVersion"
    )


def render_function() -> SavedSearch:
    """Return the function as a saved search."""
    return SavedSearch(
        category="Tidewaiter",
        display_name="Tidewaiter alerts",
        query=function_text(),
        function_alias=FUNCTION,
    )
