"""Data collection rules: what streams the Logs Ingestion API takes, and into which tables they go.

Sources: Structure of a data collection rule (stream columns are string, int, long, real, boolean, dynamic,
datetime); Azure Monitor service limits, Data collection rules: at most 10 data flows and 10 streams
(Microsoft, read 2026-11-23). A rule of kind `Direct` has its own endpoint, `endpoints.logsIngestion`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from tidewaiter import asim, govern
from tidewaiter.core.errors import ConfigError
from tidewaiter.core.permit import Capability, Permit
from tidewaiter.sentinel.arm import Arm, WorkspacePath, segment
from tidewaiter.sentinel.wire import Wire

VERSION = "2023-03-11"
MOST_FLOWS = 10
DESTINATION = "workspace"
PREFIX = "Custom-"
_TYPES = {
    "string": "string",
    "int": "int",
    "long": "long",
    "real": "real",
    "bool": "boolean",
    "boolean": "boolean",
    "datetime": "datetime",
    "dynamic": "dynamic",
    "guid": "string",
}


class StreamColumn(Wire, frozen=True):
    """A column of a stream."""

    name: str
    type: str


class StreamDeclaration(Wire, frozen=True):
    """The columns that a stream takes; others are dropped."""

    columns: tuple[StreamColumn, ...]


class DataFlow(Wire, frozen=True):
    """From streams through a transformation into a table."""

    streams: tuple[str, ...]
    destinations: tuple[str, ...]
    transform_kql: str | None = None
    output_stream: str | None = None


class LogAnalytics(Wire, frozen=True):
    """A workspace as destination, by ARM id."""

    workspace_resource_id: str
    name: str
    workspace_id: str | None = None


class Destinations(Wire, frozen=True):
    """Where the flows of a rule may lead."""

    log_analytics: tuple[LogAnalytics, ...] | None = ()


class DcrEndpoints(Wire, frozen=True):
    """The URLs of a rule of kind Direct."""

    logs_ingestion: str | None = None


class DcrProperties(Wire, frozen=True):
    """A rule's properties; `immutable_id` and `endpoints` are the service's."""

    data_flows: tuple[DataFlow, ...] | None = ()
    destinations: Destinations | None = None
    stream_declarations: dict[str, StreamDeclaration] | None = None
    description: str | None = None
    immutable_id: str | None = None
    endpoints: DcrEndpoints | None = None
    provisioning_state: str | None = None


class DcrDraft(Wire, frozen=True, omit_defaults=False):
    """The body of a rule to create."""

    location: str
    properties: DcrProperties
    kind: str | None = "Direct"


class Dcr(Wire, frozen=True):
    """A rule as read."""

    name: str
    properties: DcrProperties
    location: str = ""
    kind: str | None = None
    id: str = ""
    etag: str | None = None


def columns_of(table: str) -> Mapping[str, str]:
    """Return what may be sent into a table that Microsoft defines: column -> KQL type.

    Raises:
        ConfigError: it is not known.
    """
    known = asim.tables().get(table)
    if known is None:
        hint = "give the columns of a custom table (…_CL)"
        raise ConfigError(f"the columns of the table {table} are not known", hint=hint)
    return known.sendable


def render_dcr(
    tables: Sequence[str],
    *,
    workspace_resource_id: str,
    location: str,
    custom: Mapping[str, Mapping[str, str]] | None = None,
) -> list[DcrDraft]:
    """Return the rules that take rows for `tables`: ten tables to a rule, in the order given.

    Each table has one stream, `Custom-<table>`, with every column that a sender may fill, and one flow that
    changes nothing (`source`) into `Microsoft-<table>`, or `Custom-<table>` for a table ending in `_CL`.
    `custom` holds the columns (column -> KQL type) of tables that Microsoft does not define.

    Raises:
        ConfigError: the columns of a table are not known, or are of a type that streams do not take.
    """
    named = list(dict.fromkeys(tables))
    return [
        _draft(group, workspace_resource_id, location, custom or {}) for group in _groups(named, MOST_FLOWS)
    ]


def _draft(
    tables: Sequence[str], workspace: str, location: str, custom: Mapping[str, Mapping[str, str]]
) -> DcrDraft:
    declarations = {
        PREFIX + table: _declaration(table, custom[table] if table in custom else columns_of(table))
        for table in tables
    }
    flows = tuple(
        DataFlow((PREFIX + table,), (DESTINATION,), "source", output_stream(table)) for table in tables
    )
    destinations = Destinations((LogAnalytics(workspace, DESTINATION),))
    description = f"Tidewaiter's rows for {', '.join(tables)}"
    return DcrDraft(location, DcrProperties(flows, destinations, declarations, description))


def output_stream(table: str) -> str:
    """Return the name by which a flow leads into a table."""
    return ("Custom-" if table.endswith("_CL") else "Microsoft-") + table


def _declaration(table: str, columns: Mapping[str, str]) -> StreamDeclaration:
    wrong = sorted(name for name, kind in columns.items() if kind not in _TYPES)
    if wrong:
        hint = f"a stream takes {', '.join(sorted(set(_TYPES.values())))}"
        raise ConfigError(f"a stream for {table} cannot have the columns {', '.join(wrong)}", hint=hint)
    given = columns if "TimeGenerated" in columns else {"TimeGenerated": "datetime", **columns}
    return StreamDeclaration(tuple(StreamColumn(name, _TYPES[kind]) for name, kind in given.items()))


def _groups(names: Sequence[str], size: int) -> Iterator[list[str]]:
    rest = iter(names)
    while group := list(islice(rest, size)):
        yield group


@dataclass(frozen=True, slots=True)
class DataCollectionRules:
    """The data collection rules of the workspace's resource group."""

    arm: Arm
    workspace: WorkspacePath

    async def get(self, name: str) -> Dcr:
        """Return a rule by its name (not its immutable id); Refused with status 404 when there is none."""
        return await self.arm.get(self._path(name), Dcr, version=VERSION)

    def list(self) -> AsyncIterator[Dcr]:
        """Yield the rules of the resource group."""
        return self.arm.list(self._all(), Dcr, version=VERSION)

    async def put(self, name: str, draft: DcrDraft, *, permit: Permit, source: str = "*") -> Dcr:
        """Create a rule, or change the one that is there."""
        self._enforce(permit, source)
        return await self.arm.put(self._path(name), draft, Dcr, version=VERSION)

    async def delete(self, name: str, *, permit: Permit, source: str = "*") -> None:
        """Delete a rule; none of that name is no error."""
        self._enforce(permit, source)
        await self.arm.delete(self._path(name), version=VERSION)

    def _enforce(self, permit: Permit, source: str) -> None:
        govern.enforce(permit, Capability.PROVISION, source=source, now=self.arm.session.now())

    def _all(self) -> str:
        return f"{self.workspace.group}/providers/Microsoft.Insights/dataCollectionRules"

    def _path(self, name: str) -> str:
        return f"{self._all()}/{segment(name)}"
