"""What Azure would refuse in a data collection rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tidewaiter.asim.schema import tables as known_tables
from tidewaiter.lab.server.errors import ServiceError
from tidewaiter.lab.server.ingestion.transform import InvalidTransform, Transform
from tidewaiter.lab.server.rules import DataFlow, RuleProperties, columns_of, table_of
from tidewaiter.lab.server.tenant import Tenant
from tidewaiter.lab.workspace import Workspace

MOST_FLOWS = 10
MOST_STREAMS = 10
MOST_WORKSPACES = 10
"""All three: "Azure Monitor service limits", Data collection rules, 2025-05-21."""

COLUMN_TYPES = frozenset({"string", "int", "long", "real", "boolean", "dynamic", "datetime"})
""""Structure of a data collection rule (DCR) in Azure Monitor", Data types, 2026-05-15."""


@dataclass(frozen=True, slots=True)
class _Flaw:
    code: str
    message: str
    target: str


def check_rule(properties: RuleProperties, tenant: Tenant, workspace: Workspace) -> None:
    """Check a rule as a whole, as the service does: all that is wrong is answered together.

    Raises:
        ServiceError: 400 InvalidPayload with `details`, or 400 with the code of the one thing that is wrong
            with a transformation.
    """
    flaws = [*_limits(properties), *_streams(properties), *_destinations(properties, tenant)]
    if not flaws:
        for place, flow in enumerate(properties.data_flows):
            flaws += _flow(properties, flow, f"properties.dataFlows[{place}]", workspace)
    if flaws:
        details = [{"code": f.code, "message": f.message, "target": f.target} for f in flaws]
        codes = {flaw.code for flaw in flaws}
        single = codes.pop() if len(codes) == 1 else ""
        if single.startswith("InvalidTransform"):
            raise ServiceError(400, single, flaws[0].message, members={"details": details})
        message = "Data collection rule is invalid"
        raise ServiceError(400, "InvalidPayload", message, members={"details": details})


def _limits(properties: RuleProperties) -> Iterator[_Flaw]:
    counts = (
        ("dataFlows", len(properties.data_flows), MOST_FLOWS),
        ("streamDeclarations", len(properties.stream_declarations), MOST_STREAMS),
        ("destinations.logAnalytics", len(properties.destinations.log_analytics), MOST_WORKSPACES),
    )
    for name, count, most in counts:
        if count > most:
            message = f"'{name}' must have at most {most} items; it has {count}."
            yield _Flaw("InvalidCollectionSize", message, f"properties.{name}")
    if not properties.data_flows:
        yield _Flaw("InvalidCollectionSize", "'dataFlows' must not be empty.", "properties.dataFlows")


def _streams(properties: RuleProperties) -> Iterator[_Flaw]:
    for stream, declaration in properties.stream_declarations.items():
        target = f"properties.streamDeclarations.{stream}"
        if not stream.startswith("Custom-"):
            yield _Flaw("InvalidStream", f"Stream '{stream}' must begin with 'Custom-'.", target)
        names = [column.name for column in declaration.columns]
        if not names or len({name.lower() for name in names}) < len(names):
            yield _Flaw("InvalidStreamDeclaration", f"'{stream}' needs columns, each name once.", target)
        for column in declaration.columns:
            if column.type.lower() not in COLUMN_TYPES:
                message = f"'{column.type}' of column '{column.name}' is none of {sorted(COLUMN_TYPES)}."
                yield _Flaw("InvalidStreamDeclaration", message, target)


def _destinations(properties: RuleProperties, tenant: Tenant) -> Iterator[_Flaw]:
    for place, destination in enumerate(properties.destinations.log_analytics):
        target = f"properties.destinations.logAnalytics[{place}]"
        if destination.workspace_resource_id.lower() != tenant.workspace_path.lower():
            message = f"Workspace '{destination.workspace_resource_id}' was not found."
            yield _Flaw("InvalidWorkspace", message, target)
    names = {destination.name for destination in properties.destinations.log_analytics}
    for place, flow in enumerate(properties.data_flows):
        for name in flow.destinations or ("",):
            if name not in names:
                target = f"properties.dataFlows[{place}]"
                yield _Flaw("InvalidDestination", f"Destination '{name}' is not declared.", target)


def _flow(properties: RuleProperties, flow: DataFlow, target: str, workspace: Workspace) -> Iterator[_Flaw]:
    query = (flow.transform_kql or "source").strip()
    if not flow.streams:
        yield _Flaw("InvalidStream", "A data flow needs a stream.", target)
    if query != "source" and len(flow.streams) > 1:
        message = "A data flow with a transformation must have a single stream."
        yield _Flaw("InvalidDataFlow", message, target)
        return
    for stream in flow.streams:
        if stream not in properties.stream_declarations and not _is_known(stream):
            message = f"'Streams' stream '{stream}' must be a declared custom stream or a table's."
            yield _Flaw("InvalidStream", message, target)
            continue
        table = workspace.tables().get(table_of(flow, stream))
        output = flow.output_stream or stream
        if table is None or not _fits_prefix(output):
            where = flow.destinations[0] if flow.destinations else ""
            message = f"Table for output stream '{output}' is not available for destination '{where}'."
            yield _Flaw("InvalidOutputTable", message, target)
            continue
        columns = columns_of(properties, stream, workspace)
        yield from _transform(query, columns, table.columns, target)


def _transform(
    query: str, columns: Mapping[str, str], wanted: Mapping[str, str], target: str
) -> Iterator[_Flaw]:
    produced = columns
    if query != "source":
        try:
            produced = Transform(query, columns).check()
        except InvalidTransform as error:
            yield _Flaw("InvalidTransformQuery", f"Error while parsing query: {error}", target)
            return
    wrong = [
        f"{name} [produced:'{kind.capitalize()}', output:'{wanted[name].capitalize()}']"
        for name, kind in produced.items()
        if name in wanted and _plain(kind) != _plain(wanted[name])
    ]
    if wrong:
        message = (
            "Types of transform output columns do not match the ones defined by the output stream: "
            + ", ".join(wrong)
        )
        yield _Flaw("InvalidTransformOutput", message, target)


def _plain(kind: str) -> str:
    """GUIDs are stored as strings ("Add or delete tables and columns", 2026-05-25)."""
    return "string" if kind == "guid" else kind


def _is_known(stream: str) -> bool:
    return stream.startswith("Microsoft-") and stream.removeprefix("Microsoft-") in known_tables()


def _fits_prefix(output: str) -> bool:
    custom = output.endswith("_CL")
    return output.startswith("Custom-" if custom else "Microsoft-")
