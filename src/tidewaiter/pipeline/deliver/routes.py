"""Where rows go: a table's DCR and stream, and which destinations a source's mappings have."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tidewaiter.core.errors import ConfigError
from tidewaiter.core.settings import Destination, Ingestion


@dataclass(frozen=True, slots=True)
class Route:
    """A stream of a DCR, named by its immutable id (`dcr-…`)."""

    dcr: str
    stream: str


def routes_for(
    tables: Iterable[str],
    ingestion: Ingestion,
    *,
    perhaps: Collection[str] = (),
    named: Collection[str] = (),
) -> dict[str, Route]:
    """Return the route of every table: `ingestion.dcrs` before `ingestion.dcr`.

    Of the tables `perhaps`, which rows of an earlier run may wait for, those that have one. Of the tables
    `named`, those that `ingestion.dcrs` names: a rule that was made before them has no stream for them.

    Raises:
        ConfigError: neither names a DCR for a table.
    """
    needed = list(tables)
    routes = {}
    chosen = sorted(table for table in named if ingestion.dcrs.get(table))
    for table in dict.fromkeys((*needed, *perhaps, *chosen)):
        dcr = ingestion.dcrs.get(table) or ingestion.dcr
        if not dcr and table not in needed:
            continue
        if not dcr:
            hint = f'set ingestion.dcr, or {table} = "dcr-…" under [ingestion.dcrs]'
            raise ConfigError(f"no data collection rule takes rows for {table}", hint=hint)
        routes[table] = Route(dcr, ingestion.stream_prefix + table)
    return routes


def destinations_of(setting: Destination) -> tuple[str, ...]:
    """Return the destinations that a source's setting stands for."""
    return ("asim", "native") if setting == "both" else (setting,)


def check_accepted(wanted: Mapping[str, Destination], refused: Mapping[str, Sequence[str]]) -> None:
    """Check that every source's setting wants rows in tables that a workspace in Azure takes from a sender.

    `refused` names by source the native tables that it does not.

    Raises:
        ConfigError: a source wants one of those.
    """
    for source, setting in wanted.items():
        tables = refused.get(source, ())
        if "native" in destinations_of(setting) and tables:
            message = f"{source} cannot be delivered as '{setting}': no sender may fill {', '.join(tables)}"
            hint = (
                "the Logs Ingestion API takes no rows for them, diagnostic settings of Azure fill them. "
                f'Leave sources.{source}.destination at "asim"; the embedded lab takes such rows'
            )
            raise ConfigError(message, hint=hint)


def check_destinations(wanted: Mapping[str, Destination], existing: Mapping[str, Collection[str]]) -> None:
    """Check that the mappings of every source have the destinations that its setting wants.

    `wanted` and `existing` go by source; a source that is not in `existing` is left out.

    Raises:
        ConfigError: a source has no mapping for a destination.
    """
    for source, setting in wanted.items():
        there = existing.get(source)
        if there is None:
            continue
        missing = [name for name in destinations_of(setting) if name not in there]
        if missing:
            message = f"{source} cannot be delivered as '{setting}': it has no {' or '.join(missing)} mapping"
            hint = f"its mappings are for: {', '.join(sorted(there))}; set sources.{source}.destination"
            raise ConfigError(message, hint=hint)
