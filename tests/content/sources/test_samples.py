"""Every source proves its mapping on its samples, and the lookups hold what they say."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from tidewaiter.asim import network_protocols, schema
from tidewaiter.content import SourceSpec, sources
from tidewaiter.pipeline.normalize.check import check_source, write_expected
from tidewaiter.pipeline.normalize.coverage import coverage

SOURCES = sources()
CLOUDTRAIL = SOURCES["aws_cloudtrail"]


@pytest.fixture(params=sorted(SOURCES))
def source(request: pytest.FixtureRequest) -> SourceSpec:
    return SOURCES[str(request.param)]


def test_samples_become_what_a_person_reviewed(source: SourceSpec):
    found = check_source(source)
    assert not found.problems, "\n".join(map(str, found.problems))
    assert found.ok
    ours = source.id.startswith(("aws_", "azure_", "entra_"))
    assert (found.samples if ours else found.records) >= 10
    assert found.records == found.rows + found.quarantined


def test_samples_exercise_every_table_and_every_column(source: SourceSpec):
    filled: dict[str, set[str]] = {}
    for name in source.folder.names("expected"):
        entries = msgspec.json.decode(source.folder.read(f"expected/{name}"))
        for entry in entries:
            filled.setdefault(entry.get("table", ""), set()).update(entry.get("row", {}))
    for route in source.mapping.routes:
        missing = set(route.mapping.columns) - filled.get(route.mapping.table, set())
        assert not missing, f"no sample fills {sorted(missing)} of {route.mapping.table}"


def test_writing_expected_files_anew_changes_nothing(source: SourceSpec, tmp_path: Path):
    for name in source.folder.names("expected"):
        (tmp_path / name).write_bytes(source.folder.read(f"expected/{name}"))
    (tmp_path / "stale.json").write_text("[]")
    assert write_expected(source, tmp_path) == ["stale.json"]


def test_mandatory_columns_are_all_mapped(source: SourceSpec):
    found = coverage(source)
    assert 0.5 < found.share <= 1
    for part in found.schemas:
        assert part.mandatory_mapped == part.mandatory, part.missing
        assert part.table in found.destinations
    assert "docs" in found.targets


def test_no_sample_names_a_real_account_or_public_address(source: SourceSpec):
    """RFC 5737 and RFC 3849 addresses, private ones, and the invented accounts 9001002003xx alone."""
    allowed = r"^(10|192\.0\.2|198\.51\.100|203\.0\.113|127|0\.0\.0|169\.254)\."
    for name in source.folder.names("samples"):
        text = source.folder.read(f"samples/{name}").decode("utf-8", "replace")  # Parquet has texts too
        for account in re.findall(r"(?<![0-9a-zA-Z.-])\d{12}(?![0-9.])", text):
            assert account.startswith("9001002003"), f"{name}: {account}"
        for address in re.findall(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])", text):
            assert re.match(allowed, address), f"{name}: {address}"


def test_no_key_of_a_lookup_is_written_twice(source: SourceSpec):
    for name in source.file.lookups:
        rows = msgspec.yaml.decode(
            source.folder.read(f"lookups/{name}.yaml"), type=dict[str, str | list[str]]
        )
        keys = [key for row, value in rows.items() for key in ([row] if isinstance(value, str) else value)]
        twice = [key for key, count in Counter(keys).items() if count > 1]
        assert not twice, f"{name}: {twice}"


@pytest.mark.parametrize(
    ("lookup", "schema_name", "field"),
    [
        ("sign_ins", "Authentication", "EventSubType"),
        ("user_management", "UserManagement", "EventType"),
        ("s3_objects", "FileEvent", "EventType"),
        ("verbs", "AuditEvent", "EventType"),
    ],
)
def test_lookups_give_values_that_asim_allows(lookup: str, schema_name: str, field: str):
    allowed = schema(schema_name).fields[field].common_allowed
    assert allowed is not None
    assert set(CLOUDTRAIL.mapping.lookups[lookup].values()) <= allowed


def test_the_protocol_lookup_is_ianas_list():
    wanted = {str(number): keyword for number, keyword in network_protocols().items()}
    flows, gateways = (SOURCES[name].mapping.lookups for name in ("aws_vpcflow", "aws_tgwflow"))
    assert flows["protocols"] == gateways["protocols"] == wanted
    assert flows["unnamed_protocols"] == gateways["unnamed_protocols"]
