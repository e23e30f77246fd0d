"""The functions and transformations of mappings in the lab, over HTTP as a user has them: ASIM's rows."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.monitor.query import LogsQueryClient, LogsQueryResult

from tests.pipeline.normalize.kql_targets import arrives_whole, cases_of_samples
from tidewaiter.asim.mapping.expression import lookups
from tidewaiter.asim.mapping.record import attribute
from tidewaiter.asim.schema import table
from tidewaiter.content import sources
from tidewaiter.lab.server import Lab
from tidewaiter.lab.server.serving import background
from tidewaiter.pipeline.normalize.differential import Case

from .conftest import LabServer
from .test_lab_sdk_ingestion import credential

SEARCHES = "Microsoft.OperationalInsights/workspaces/lab/savedSearches"
SOURCES = sources()
KINDS = {"bool": "boolean", "guid": "string"}
"""KQL types that a stream declares by another name."""


def long(*names: str) -> list[Any]:
    return [pytest.param(name, marks=pytest.mark.long) for name in names]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, empty_workspace: Path) -> Iterator[LabServer]:
    """A lab of its own, on the clock of its events: those of the samples are old."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copy(empty_workspace, folder / "workspace.duckdb")
    with Lab.open(folder, clock="stream") as lab, background(lab) as address:
        context = ssl.create_default_context(cafile=str(address.ca))
        with httpx.Client(base_url=address.url, verify=context, timeout=120) as client:
            yield LabServer(lab, address.url, address.ca, client)


def printed(*arguments: str) -> list[dict[str, Any]]:
    """What a command prints with --json."""
    command = [sys.executable, "-c", "from tidewaiter.app.cli import main; main()", "mapping"]
    result = subprocess.run([*command, *arguments, "--json"], capture_output=True, check=True)
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def saved(server: LabServer, functions: Iterable[Mapping[str, Any]]) -> None:
    """Save functions in the workspace, as docs/kql-targets.md says."""
    for each in functions:
        properties = {
            "category": "ASIM",
            "displayName": each["name"],
            "functionAlias": each["name"],
            "functionParameters": each["parameters"],
            "query": each["body"],
        }
        answer = server.arm(
            "PUT", f"{SEARCHES}/{each['name']}", {"properties": properties}, version="2025-07-01"
        )
        assert answer.status_code == 200, answer.text


def rule(server: LabServer, columns: Mapping[str, str], flows: Iterable[tuple[str, str]]) -> str:
    """Make a rule with one stream and a flow for each transformation with its table."""
    body = server.rule_body({name: KINDS.get(kind, kind) for name, kind in columns.items()}, "")
    body["properties"]["dataFlows"] = [
        {
            "streams": ["Custom-Stream"],
            "destinations": ["here"],
            "transformKql": kql,
            "outputStream": f"Microsoft-{name}",
        }
        for kql, name in flows
    ]
    return server.make_rule(body)


def queried(server: LabServer, query: str) -> list[dict[str, Any]]:
    """Ask with Microsoft's client."""
    with (
        credential(server) as known,
        LogsQueryClient(
            known,
            endpoint=server.url,
            audience="https://api.loganalytics.io",
            connection_verify=str(server.ca),
            retry_total=0,
        ) as client,
    ):
        answer = client.query_workspace(server.lab.tenant.workspace_id, query, timespan=None)
    assert isinstance(answer, LogsQueryResult)
    (found,) = answer.tables
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


def counted(
    rows: Iterable[Mapping[str, Any]], names: Iterable[str], types: Mapping[str, str]
) -> Counter[str]:
    """Rows in no order, with the columns that are compared; an empty text is absent."""

    def value(row: Mapping[str, Any], name: str) -> Any:
        found = row.get(name)
        if types[name] == "datetime" and found is not None:
            at = datetime.fromisoformat(found) if isinstance(found, str) else found
            return at.astimezone(UTC).isoformat()
        return None if found == "" else found

    return Counter(repr([(name, value(row, name)) for name in names]) for row in rows)


def cases(source: str) -> list[Case]:
    """The samples' records in the form that the native table and the stream have."""
    spec = SOURCES[source]
    found = [each for each in cases_of_samples(spec) if each.native]
    return [
        each for each in found if not any(each.record.get(attribute(name)) for name in spec.file.other_form)
    ]


_delivered: dict[tuple[str, str], list[Case]] = {}


def delivered(server: LabServer, source: str) -> list[Case]:
    """Save a source's functions and send its samples' native rows, once; return the cases."""
    if (server.url, source) not in _delivered:
        sample = _delivered[server.url, source] = cases(source)
        saved(server, printed("kql", source))
        for name in {each.native.table for each in sample if each.native}:
            rows = [each.native.columns for each in sample if each.native and each.native.table == name]
            answer = server.send(rule(server, table(name).sendable, [("source", name)]), rows)
            assert answer.status_code == 204, answer.text
    return _delivered[server.url, source]


@pytest.mark.parametrize(
    "source",
    [
        "aws_vpcflow",
        *long("aws_cloudtrail", "aws_guardduty", "entra_signin", "entra_audit", "azure_activity"),
    ],
)
def test_saved_functions_give_the_rows_that_the_pipeline_makes(server: LabServer, source: str):
    spec, sample = SOURCES[source], delivered(server, source)
    compared = 0
    for function in (each for each in spec.functions() if each.name.startswith("ASim")):
        own = [each.row.columns for each in sample if each.place in function.routes]
        types = spec.mapping.types[spec.mapping.routes[function.routes[0]].mapping.table]
        names = [name for name in types if name in function.columns and name not in function.missing]

        found = queried(server, f"{function.name}()")

        assert counted(found, names, types) == counted(own, names, types), function.name
        compared += len(found) * len(names)
    assert compared > 500


def test_a_saved_function_filters(server: LabServer):
    sample = delivered(server, "aws_vpcflow")

    found = queried(server, "vimNetworkSessionAWSVPC(srcipaddr_has_any_prefix=dynamic(['10.4.2.']))")

    addresses = [each.row.columns.get("SrcIpAddr") for each in sample]
    wanted = Counter(each for each in addresses if str(each).startswith("10.4.2."))
    assert Counter(row["SrcIpAddr"] for row in found) == wanted
    assert 0 < len(found) < len(sample)
    assert {row["ASimMatchingIpAddr"] for row in found} == {"SrcIpAddr"}


@pytest.mark.parametrize(
    "source",
    long("aws_vpcflow", "aws_cloudtrail", "aws_guardduty", "entra_signin", "entra_audit", "azure_activity"),
)
def test_a_rule_with_our_transformations_stores_the_rows_that_the_pipeline_makes(
    server: LabServer, source: str
):
    spec, sample = SOURCES[source], list(filter(arrives_whole, cases(source)))
    made, told = spec.transforms, printed("transform", source)
    immutable_id = rule(server, made[0].stream, [(each["transformKql"], each["table"]) for each in told])
    bodies = [
        {name: each.record[name] for name in made[0].stream if each.record.get(name) is not None}
        for each in sample
    ]
    answer = server.send(immutable_id, bodies)
    assert answer.status_code == 204, answer.text

    for name in {each.table for each in made}:
        places = [each for each in made if each.table == name]
        lost = {column for each in places for column in (*each.missing, *each.dropped)}
        short = {each.table for one in places for each in one.shortened}
        own = [each.row.columns for each in sample if each.place in {one.place for one in places}]
        types = spec.mapping.types[name]
        filled = {column for one in places for column in spec.mapping.routes[one.place].mapping.columns}
        names = sorted(filled - lost)
        if short:  # what a shortened table gives is not compared
            names = [column for column in names if not _reads(spec, places, column, short)]
        product = own[0]["EventProduct"]
        found = queried(server, f"{name} | where EventProduct == '{product}'")
        assert counted(found, names, types) == counted(own, names, types), name
        assert len(found) == len(own) > 5
        assert len(names) > 25


def _reads(spec: Any, places: Iterable[Any], column: str, tables: set[str]) -> bool:
    """Whether a column is read from one of these tables in one of the routes."""
    mappings = [spec.mapping.routes[each.place].mapping for each in places]
    return any(column in each.columns and lookups(each.columns[column]) & tables for each in mappings)
