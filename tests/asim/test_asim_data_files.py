"""The data files are what the tool makes from the gathered facts."""

from __future__ import annotations

import importlib.util
import json
from importlib import resources
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
FACTS = ROOT.parent / "shared" / "facts" / "asim"
DATA = resources.files("tidewaiter.asim").joinpath("data")
SIZE_LIMIT = 700_000


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    """Return tools/asim_data.py as a module."""
    spec = importlib.util.spec_from_file_location("asim_data", ROOT / "tools" / "asim_data.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.corpus
def test_the_data_files_are_made_from_the_facts(tool: ModuleType) -> None:
    if not FACTS.is_dir():
        pytest.skip(f"no gathered facts at {FACTS}")
    for name, text in tool.build(FACTS).items():
        assert DATA.joinpath(name).read_text(encoding="utf-8") == text


def test_a_small_set_of_facts_becomes_lines_in_one_form(tool: ModuleType, tmp_path: Path) -> None:
    row = {"class": "Optional", "type": "boolean", "logical": "ip address", "allowed": ["b", " a", "b", ""]}
    row |= {"alias_of": "X|Y", "conditional_on": ""}
    field = row | {"tester": None}
    schemas = {"Common": {"F": field | {"tester": row}}, "AuditEvent": {"F": field, "A": field}}
    logical = [{"name": "T", "physical_type": "Enumerated", "allowed_values": "p|q"}]
    tables = {"ASimAuditEventLogs": {"columns": {"B": "int", "A": "string"}}, "AWSWAF": {"columns": {}}}
    (tmp_path / "asim_schema.json").write_text(json.dumps({"schemas": schemas, "logical_types": logical}))
    (tmp_path / "la_tables_aws_asim.json").write_text(json.dumps(tables))

    built = tool.build(tmp_path)

    facts = json.loads(built["schemas.json"])
    described = facts["schemas"]["AuditEvent"]["F"]
    assert described["type"] == "bool"
    assert described["logical"] == "IP Address"
    assert described["allowed"] == ["b", "a"]
    assert described["alias_of"] == ["X", "Y"]
    assert described["tester"]["class"] == "Optional"
    assert facts["logical_types"] == {"T": {"type": "string", "allowed": ["p", "q"]}}
    assert json.loads(built["tables.json"])["schemas"] == {"ASimAuditEventLogs": "AuditEvent"}
    assert '\n"A": "string",\n"B": "int"\n' in built["tables.json"]


def test_a_native_table_without_a_schema_stops_the_tool(tool: ModuleType) -> None:
    with pytest.raises(SystemExit, match="ASimNewLogs"):
        tool.schema_of("ASimNewLogs", ["AuditEvent"])


def test_the_data_files_stay_small() -> None:
    assert sum(len(DATA.joinpath(name).read_bytes()) for name in _names()) < SIZE_LIMIT


def _names() -> list[str]:
    return [entry.name for entry in DATA.iterdir() if entry.name.endswith(".json")]
