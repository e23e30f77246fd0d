"""What SentinelHealth says of rules. Source: SentinelHealth tables reference (Microsoft, 2025-01).

Sentinel writes a row for every run; the lab writes one when a rule begins to fail, fails for another reason,
or runs again.
"""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from tidewaiter.lab.server.sentinel.rules.definition import Rule
from tidewaiter.lab.server.tenant import Tenant


def health(rule: Rule, failed: str, at: datetime, tenant: Tenant) -> dict[str, object]:
    """Return a row: a failure with its reason, or success when `failed` is empty."""
    kind = "NRT" if rule.kind == "NRT" else "Scheduled"
    return {
        "TimeGenerated": at,
        "OperationName": f"{kind} analytics rule run",
        "SentinelResourceId": (
            f"{tenant.workspace_path}/providers/Microsoft.SecurityInsights/alertRules/{rule.name}"
        ),
        "SentinelResourceName": rule.properties.display_name,
        "SentinelResourceKind": kind,
        "SentinelResourceType": "Analytics Rule",
        "Status": "Failure" if failed else "Success",
        "Description": "Rule failed to run." if failed else "Rule executed successfully.",
        "Reason": failed,
        "ExtendedProperties": {
            "QueryPeriod": str(rule.properties.period),
            "Issues": [failed] if failed else [],
        },
        "RecordId": str(uuid4()),
        "SourceSystem": "Azure",
        "WorkspaceId": tenant.workspace_id,
    }
