"""`tidewaiter mapping`: the sources, their columns, their KQL, and their samples."""

from __future__ import annotations

import msgspec
import pytest

from tests.app.cli.conftest import raw_characters
from tidewaiter.pipeline.normalize import check


def test_sources_are_listed_with_their_schemas_and_coverage(cli):
    table, listed = cli("mapping", "list"), cli("mapping", "list", "--json").json

    assert "aws_cloudtrail" in table.out
    (found,) = listed
    by_id = {source["id"]: source for source in found}
    assert by_id["aws_vpcflow"]["schemas"] == ["NetworkSession"]
    assert by_id["aws_vpcflow"]["native"] == ["AWSVPCFlow"]
    for source in found:
        assert {"id", "schemas", "destinations", "targets", "coverage"} <= set(source)
        own = source["id"] != "aws_tgwflow"
        assert source["destinations"] == (["asim", "native"] if own else ["asim"])
        assert bool(source["native"]) == own
        assert 0 < source["coverage"] <= 1


def test_a_mapping_is_shown_column_by_column(cli):
    said = cli("mapping", "show", "aws_cloudtrail", "--schema", "FileEvent")

    assert said.code == 0
    assert "FileEvent -> ASimFileEventLogs" in said.out
    assert "EventOriginalUid" in said.out
    assert "AuditEvent ->" not in said.out
    assert "native ->" not in said.out


def test_functions_are_printed_and_what_their_tables_lack_is_told(cli):
    said = cli("mapping", "kql", "aws_vpcflow")
    (found,) = cli("mapping", "kql", "aws_vpcflow", "--vim", "--json").json

    assert said.code == 0
    assert said.out.startswith("// ASimNetworkSessionAWSVPC(disabled:bool=false, pack:bool=false)\n")
    assert "ASimNetworkSessionAWSVPC: reads AWSVPCFlow" in said.err
    assert "EventOriginalUid is read without event_id" in said.err
    assert [each["name"] for each in found] == ["vimNetworkSessionAWSVPC"]
    assert found[0]["missing"] == {"EventOriginalUid": ["event_id"]}


def test_transformations_are_printed_and_what_they_leave_out_is_told(cli):
    said = cli("mapping", "transform", "entra_audit")
    (found,) = cli("mapping", "transform", "entra_audit", "--json").json

    assert said.code == 0
    assert "source\n| extend" in said.out
    assert "HttpUserAgent is left empty without a look through a list" in said.err
    assert found[0]["table"] == "ASimAuditEventLogs"
    assert found[0]["stream"]["InitiatedBy"] == "dynamic"


def test_a_source_without_a_table_of_its_own_has_no_functions(cli):
    said = cli("mapping", "kql", "aws_tgwflow")

    assert said.code == 2
    assert "Sentinel has no table of its own for aws_tgwflow" in said.err


def test_a_native_mapping_is_shown_after_the_others(cli):
    said = cli("mapping", "show", "aws_cloudtrail")

    assert said.code == 0
    assert "native -> AWSCloudTrail" in said.out
    assert "json(requestParameters)" in said.out


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("show", "aws_nothing"), "known are aws_cloudtrail, aws_guardduty"),
        (("show", "aws_vpcflow", "--schema", "Dns"), "it maps to NetworkSession"),
        (("test", "aws_nothing"), "known are aws_cloudtrail, aws_guardduty"),
    ],
)
def test_a_source_or_schema_that_is_not_there_is_answered_with_those_that_are(cli, words, hint):
    said = cli("mapping", *words)

    assert (said.code, said.out) == (2, "")
    assert f"  next: {hint}" in said.err


def test_samples_hold_and_a_sample_that_does_not_is_exit_code_3(cli, monkeypatch):
    table = cli("mapping", "test", "aws_vpcflow")
    as_json = cli("mapping", "test", "aws_vpcflow", "--json")
    assert (table.code, as_json.code) == (0, 0)
    assert as_json.json[0][0]["source"] == "aws_vpcflow"

    problem = check.Problem("snapshot", "a.log", 3, "SrcIpAddr", "[red]x\x1b[31m", "y\nforged")
    original = check.check_source
    monkeypatch.setattr(
        check,
        "check_source",
        lambda spec: msgspec.structs.replace(original(spec), mismatches=1, problems=(problem,)),
    )
    failed = cli("mapping", "test", "aws_vpcflow")

    assert failed.code == 3
    assert (
        "aws_vpcflow/a.log [snapshot] record 3 SrcIpAddr: expected [red]x\\x1b[31m, got y\\nforged"
        in failed.err
    )
    assert not raw_characters(failed.err)
