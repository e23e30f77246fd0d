"""Every source's rows of Sentinel's own tables: their columns and types, and what stands in them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import as_file
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.pipeline.normalize.native_rows import problems
from tidewaiter.asim import table
from tidewaiter.content import SourceSpec, sources
from tidewaiter.core.objects import SourceObject
from tidewaiter.lab.generator import generate
from tidewaiter.pipeline.deliver.frame_rows import native_rows
from tidewaiter.pipeline.normalize import FrameRows, Normalizer
from tidewaiter.pipeline.sources.codecs import read
from tidewaiter.pipeline.sources.folder import discover

SOURCES = sources()
NATIVE = {name: spec for name, spec in SOURCES.items() if spec.native}
TABLES = {
    "aws_cloudtrail": {"AWSCloudTrail"},
    "aws_guardduty": {"AWSGuardDuty"},
    "aws_vpcflow": {"AWSVPCFlow"},
    "azure_activity": {"AzureActivity"},
    "entra_audit": {"AuditLogs"},
    "entra_signin": {
        "SigninLogs",
        "AADNonInteractiveUserSignInLogs",
        "AADServicePrincipalSignInLogs",
        "AADManagedIdentitySignInLogs",
    },
}
UNFILLED = {"AWSCloudTrail": {"AwsRequestId", "OperationName"}}
"""Microsoft calls the first deprecated (AwsRequestId_ has it); the second is empty in its rows, too."""
Row = dict[str, Any]


@cache
def normalizer(source: str) -> Normalizer:
    return Normalizer(SOURCES[source], native=True)


def native(item: SourceObject) -> Iterator[tuple[str, str, Row]]:
    """Yield table, event id and row of every record of an object that is a row."""
    for chunk in read(item, SOURCES[item.source].recognition):
        for part in normalizer(item.source).normalize(chunk, object_id=item.id, prefix="p").rows:
            if isinstance(part, FrameRows):
                assert part.natives is not None
                rows, ids = native_rows(part.natives)[0], part.frame["EventOriginalUid"].to_list()
            else:
                rows, ids = part.natives, part.ids
            for event_id, row in zip(ids, rows, strict=True):
                yield part.native, event_id, msgspec.json.decode(row)


def of_sample(spec: SourceSpec, name: str) -> list[tuple[str, str, Row]]:
    with as_file(spec.folder.root.joinpath("samples", name)) as path:
        item = SourceObject(name, path, spec.id, "events", spec.recognition.codec, path.stat().st_size)
        return list(native(item))


def test_the_sources_have_the_tables_that_sentinel_has_for_them():
    found = {
        name: {route.mapping.table for route in spec.native.routes}
        for name, spec in NATIVE.items()
        if spec.native
    }
    assert found == TABLES
    assert set(SOURCES) - set(NATIVE) == {"aws_tgwflow"}, "a table for it would be in the table reference"


@pytest.mark.parametrize("source", sorted(TABLES))
def test_a_mapping_fills_every_column_of_its_table_and_no_other(source: str):
    mapping = SOURCES[source].native
    assert mapping
    for route in mapping.routes:
        name = route.mapping.table
        assert set(route.mapping.columns) == set(table(name).sendable) - UNFILLED.get(name, set())
        assert route.mapping.schema == ""


@pytest.mark.parametrize("source", sorted(TABLES))
def test_the_rows_of_samples_have_the_columns_and_types_of_their_tables(source: str):
    spec = SOURCES[source]
    filled: dict[str, set[str]] = {}
    for name in spec.folder.names("samples"):
        for where, _, row in of_sample(spec, name):
            assert not problems(where, row), name
            filled.setdefault(where, set()).update(row)
    assert filled.keys() == TABLES[source]


def test_the_rows_of_a_generated_day_have_the_columns_and_types_of_their_tables(tmp_path: Path):
    generate(tmp_path, events=6_000, seed=11)
    found: dict[str, int] = {}
    for item in discover(tmp_path, {name: spec.recognition for name, spec in SOURCES.items()}):
        if isinstance(item, SourceObject) and item.source in NATIVE and item.kind == "events":
            for where, _, row in native(item):
                assert not problems(where, row)
                found[where] = found.get(where, 0) + 1
    assert found.keys() == set().union(*TABLES.values())
    assert found["AWSCloudTrail"] > 1_000
