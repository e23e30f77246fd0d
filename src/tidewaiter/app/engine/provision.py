"""What a workspace needs before rows can go into it: our tables, data collection rules, the alerts' rule.

The same calls make it in the lab and in Azure; each is a PUT, so that doing it again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from tidewaiter.content import sources
from tidewaiter.core.permit import Capability
from tidewaiter.govern import Warden
from tidewaiter.pipeline.deliver import alerts
from tidewaiter.pipeline.deliver.routes import Route
from tidewaiter.sentinel import Sentinel, WorkspacePath, render_dcr, render_table

DCR_NAME = "tidewaiter"
_PREFIX = "Custom-"


def delivered_tables() -> list[str]:
    """Return every table that a row may go into, in a fixed order."""
    mapped = {route.mapping.table for spec in sources().values() for route in spec.mapping.routes}
    return [*sorted(mapped), alerts.TABLE]


async def provision(
    sentinel: Sentinel, path: WorkspacePath, warden: Warden, *, location: str
) -> dict[str, Route]:
    """Make tables, data collection rules and the alerts' rule; return the route of every table.

    Raises:
        Refused, Throttled, Uncertain, Unreachable: the service did not do it.
        PermitError: the phase does not allow it.
    """
    permit = warden.permit(Capability.PROVISION)
    await sentinel.tables.put(alerts.TABLE, render_table(alerts.TABLE, alerts.COLUMNS), permit=permit)
    drafts = render_dcr(
        delivered_tables(),
        workspace_resource_id=path.insights,
        location=location,
        custom={alerts.TABLE: alerts.COLUMNS},
    )
    routes: dict[str, Route] = {}
    for number, draft in enumerate(drafts, 1):
        made = await sentinel.dcrs.put(f"{DCR_NAME}-{number}", draft, permit=permit)
        immutable = made.properties.immutable_id
        assert immutable, "the service names every rule"
        routes.update(_routes(draft.properties.stream_declarations or {}, immutable))
    rules = warden.permit(Capability.WRITE_RULES)
    await sentinel.rules.put(alerts.RULE_ID, alerts.render_rule(), permit=rules)
    functions = warden.permit(Capability.WRITE_FUNCTIONS)
    await sentinel.functions.put(alerts.FUNCTION, alerts.render_function(), permit=functions)
    return routes


def _routes(streams: Iterable[str], dcr: str) -> dict[str, Route]:
    return {stream.removeprefix(_PREFIX): Route(dcr, stream) for stream in streams}
