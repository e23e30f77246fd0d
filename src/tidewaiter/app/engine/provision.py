"""What a workspace needs before rows can go into it: our tables, data collection rules, the alerts' rule.

The same calls make it in the lab and in Azure; each is a PUT, so that doing it again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus

from tidewaiter.app.engine.parsers import disabled_parsers, exclude
from tidewaiter.content import sources
from tidewaiter.core.permit import Capability, Permit
from tidewaiter.core.settings import Destination
from tidewaiter.govern import Warden
from tidewaiter.pipeline.deliver import alerts
from tidewaiter.pipeline.deliver.routes import Route
from tidewaiter.pipeline.normalize.drift import table as drift_table
from tidewaiter.sentinel import Refused, Sentinel, WorkspacePath, render_dcr, render_table

DCR_NAME = "tidewaiter"
_PREFIX = "Custom-"
OWN_TABLES: Mapping[str, Mapping[str, str]] = {
    alerts.TABLE: alerts.COLUMNS,
    drift_table.TABLE: drift_table.COLUMNS,
}
"""Our own tables, with their columns and types."""
OPTIONAL_TABLES = frozenset({drift_table.TABLE})
"""Tables that a workspace in Azure may lack: rows go there if `ingestion.dcrs` names them."""
ASIM_ALONE: Mapping[str, Destination] = {}


def delivered_tables(wanted: Mapping[str, Destination] = ASIM_ALONE) -> list[str]:
    """Return every table that a row may go into, in a fixed order.

    These are the ASIM tables of all sources; and the native ones of those that `wanted`, by source, says.
    """
    mapped = {route.mapping.table for spec in sources().values() for route in spec.mapping.routes}
    return [*sorted(mapped), *native_tables(wanted), *OWN_TABLES]


def native_tables(wanted: Mapping[str, Destination] | None = None) -> list[str]:
    """Return the native tables of the sources that go there by `wanted`; without it those of all sources."""
    found = {
        table
        for name, spec in sources().items()
        if wanted is None or wanted.get(name, "asim") != "asim"
        for table in spec.native_tables
    }
    return sorted(found)


async def provision(
    sentinel: Sentinel,
    path: WorkspacePath,
    warden: Warden,
    *,
    location: str,
    wanted: Mapping[str, Destination] = ASIM_ALONE,
) -> dict[str, Route]:
    """Make tables, data collection rules and the alerts' rule; return the route of every table.

    Native tables have their streams whatever is `wanted`; where a source goes into both kinds of tables,
    Microsoft's parsers of the native ones are excluded.

    Raises:
        Refused, Throttled, Uncertain, Unreachable: the service did not do it.
        PermitError: the phase does not allow it.
    """
    permit = warden.permit(Capability.PROVISION)
    for name, columns in OWN_TABLES.items():
        await sentinel.tables.put(name, render_table(name, columns), permit=permit)
    drafts = render_dcr(
        [*delivered_tables(), *native_tables()],
        workspace_resource_id=path.insights,
        location=location,
        custom=OWN_TABLES,
    )
    routes: dict[str, Route] = {}
    for number, draft in enumerate(drafts, 1):
        made = await sentinel.dcrs.put(f"{DCR_NAME}-{number}", draft, permit=permit)
        immutable = made.properties.immutable_id
        assert immutable, "the service names every rule"
        routes.update(_routes(draft.properties.stream_declarations or {}, immutable))
    await _put_rule(sentinel, warden.permit(Capability.WRITE_RULES))
    functions = warden.permit(Capability.WRITE_FUNCTIONS)
    await sentinel.functions.put(alerts.FUNCTION, alerts.render_function(), permit=functions)
    await exclude(sentinel, disabled_parsers(wanted), warden.permit(Capability.WRITE_WATCHLISTS))
    return routes


async def _put_rule(sentinel: Sentinel, permit: Permit) -> None:
    """Write the alerts' rule unless it is there as it should be; a change names the version that was read."""
    wanted = alerts.render_rule()
    try:
        there = await sentinel.rules.get(alerts.RULE_ID)
    except Refused as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        await sentinel.rules.put(alerts.RULE_ID, wanted, permit=permit)
        return
    if there.definition != wanted:
        await sentinel.rules.put(alerts.RULE_ID, wanted, permit=permit, etag=there.etag)


def _routes(streams: Iterable[str], dcr: str) -> dict[str, Route]:
    return {stream.removeprefix(_PREFIX): Route(dcr, stream) for stream in streams}
