"""Where rows go: a table's DCR and stream, and which destinations a source's mappings have."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from tidewaiter.core.errors import ConfigError
from tidewaiter.core.settings import Destination, Ingestion


@dataclass(frozen=True, slots=True)
class Route:
    """A stream of a DCR, named by its immutable id (`dcr-…`)."""

    dcr: str
    stream: str


def routes_for(tables: Iterable[str], ingestion: Ingestion) -> dict[str, Route]:
    """Return the route of every table: `ingestion.dcrs` before `ingestion.dcr`.

    Raises:
        ConfigError: neither names a DCR for a table.
    """
    routes = {}
    for table in tables:
        dcr = ingestion.dcrs.get(table) or ingestion.dcr
        if not dcr:
            hint = f'set ingestion.dcr, or {table} = "dcr-…" under [ingestion.dcrs]'
            raise ConfigError(f"no data collection rule takes rows for {table}", hint=hint)
        routes[table] = Route(dcr, ingestion.stream_prefix + table)
    return routes


def destinations_of(setting: Destination) -> tuple[str, ...]:
    """Return the destinations that a source's setting stands for."""
    return ("asim", "native") if setting == "both" else (setting,)


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
