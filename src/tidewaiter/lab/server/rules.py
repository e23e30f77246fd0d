"""Data collection rules: what they say, kept in one file, and the flows that ingestion follows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from tidewaiter.core.errors import Location, StateError
from tidewaiter.lab.server.clock import LabClock
from tidewaiter.lab.server.errors import not_stored
from tidewaiter.lab.server.files import write_whole
from tidewaiter.lab.server.ingestion.rows import StreamReader
from tidewaiter.lab.server.ingestion.transform import Transform
from tidewaiter.lab.workspace import Workspace


class StreamColumn(msgspec.Struct, frozen=True):
    """A column that a stream declares; the type as DCRs write it (`boolean`)."""

    name: str
    type: str


class StreamDeclaration(msgspec.Struct, frozen=True):
    """The columns of a stream."""

    columns: tuple[StreamColumn, ...] = ()


class LogAnalytics(msgspec.Struct, frozen=True, rename="camel"):
    """A destination: a workspace by its ARM id, under a name of the rule's own."""

    name: str
    workspace_resource_id: str
    workspace_id: str = ""


class Destinations(msgspec.Struct, frozen=True, rename="camel"):
    """Where a rule's rows may go."""

    log_analytics: tuple[LogAnalytics, ...] = ()


class DataFlow(msgspec.Struct, frozen=True, rename="camel"):
    """From streams through a transformation to a table."""

    streams: tuple[str, ...]
    destinations: tuple[str, ...]
    transform_kql: str | None = None
    output_stream: str | None = None


class RuleProperties(msgspec.Struct, frozen=True, rename="camel"):
    """What a client says of a rule; what the lab does not know is left out."""

    description: str | None = None
    stream_declarations: dict[str, StreamDeclaration] = {}
    destinations: Destinations = Destinations()
    data_flows: tuple[DataFlow, ...] = ()


class Rule(msgspec.Struct, frozen=True):
    """A data collection rule; `created` is by the wall clock."""

    name: str
    immutable_id: str
    created: datetime
    location: str
    kind: str
    properties: RuleProperties
    tags: dict[str, str] = {}

    @property
    def etag(self) -> str:
        """Changes with what the rule says."""
        return hashlib.sha256(msgspec.json.encode(self.properties)).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Flow:
    """One way of a stream's rows: into `table`, through `transform` unless they pass unchanged."""

    table: str
    transform: Transform | None


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream ready to take bodies."""

    reader: StreamReader
    flows: tuple[Flow, ...] = field(default=())


class Rules(Mapping[str, Rule]):
    """All rules by name; changes are durable when the call returns."""

    def __init__(self, path: Path, workspace: Workspace, clock: LabClock) -> None:
        self.clock = clock
        self._path = path
        self._workspace = workspace
        self._rules = _read(path)
        self._streams: dict[tuple[str, str], Stream] = {}

    def __getitem__(self, name: str) -> Rule:
        return self._rules[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)

    def put(self, rule: Rule) -> None:
        """Keep a rule, instead of one of its name if there is one.

        Raises:
            DeliveryError: it cannot be written, and nothing was changed.
        """
        self._keep({**self._rules, rule.name: rule})

    def drop(self, name: str) -> None:
        """Forget a rule.

        Raises:
            KeyError: there is none. DeliveryError: as `put`.
        """
        rest = dict(self._rules)
        del rest[name]
        self._keep(rest)

    def by_immutable_id(self, immutable_id: str) -> Rule | None:
        """Return the rule with that id, if there is one."""
        return next((rule for rule in self._rules.values() if rule.immutable_id == immutable_id), None)

    def changed(self) -> None:
        """Forget what was prepared: a table has changed."""
        self._streams.clear()

    def stream(self, rule: Rule, name: str) -> Stream | None:
        """Return a stream of a rule, ready to take bodies; None when no flow of the rule names it."""
        key = (rule.immutable_id, name)
        if key not in self._streams:
            flows = [flow for flow in rule.properties.data_flows if name in flow.streams]
            if not flows:
                return None
            columns = columns_of(rule.properties, name, self._workspace)
            ways = tuple(_flow(flow, name, columns) for flow in flows)
            self._streams[key] = Stream(StreamReader(columns), ways)
        return self._streams[key]

    def _keep(self, rules: dict[str, Rule]) -> None:
        try:
            write_whole(self._path, msgspec.json.encode(list(rules.values())))
        except OSError as error:
            raise not_stored(self._path, error) from None
        self._rules = rules
        self._streams.clear()


def columns_of(properties: RuleProperties, stream: str, workspace: Workspace) -> dict[str, str]:
    """Return the columns of a stream with KQL types: as declared, or those of the table it is named after.

    Raises:
        KeyError: the stream is not declared and names no table.
    """
    declared = properties.stream_declarations.get(stream)
    if declared is not None:
        return {column.name: kql_type(column.type) for column in declared.columns}
    return dict(workspace.tables()[stream.removeprefix("Microsoft-")].sendable)


def kql_type(dcr_type: str) -> str:
    """Return the KQL type for a type as DCRs and tables write it."""
    return "bool" if dcr_type.lower() == "boolean" else dcr_type.lower()


def table_of(flow: DataFlow, stream: str) -> str:
    """Return the table that a flow leads to."""
    output = flow.output_stream or stream
    return output.removeprefix("Custom-").removeprefix("Microsoft-")


def _flow(flow: DataFlow, stream: str, columns: Mapping[str, str]) -> Flow:
    query = (flow.transform_kql or "source").strip()
    return Flow(table_of(flow, stream), None if query == "source" else Transform(query, columns))


def _read(path: Path) -> dict[str, Rule]:
    if not path.exists():
        return {}
    try:
        return {rule.name: rule for rule in msgspec.json.decode(path.read_bytes(), type=list[Rule])}
    except msgspec.DecodeError as error:
        hint = "remove it, and create the data collection rules again"
        raise StateError(f"cannot be read: {error}", at=Location(str(path)), hint=hint) from None
