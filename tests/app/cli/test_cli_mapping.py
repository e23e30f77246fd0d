"""`tidewaiter mapping`: the sources, their columns, their KQL, and their samples."""

from __future__ import annotations

import msgspec
import pytest

from tests.app.cli.conftest import raw_characters
from tidewaiter.app.cli import mapping_test, transform_runs
from tidewaiter.kql.text import Failed
from tidewaiter.pipeline.normalize import generated_check
from tidewaiter.pipeline.normalize.check import check_source
from tidewaiter.pipeline.normalize.judging import Problem, judged_natives


def test_sources_are_listed_with_their_schemas_and_coverage(cli):
    table, listed = cli("mapping", "list"), cli("mapping", "list", "--json").json

    assert "aws_cloudtrail" in table.out
    (found,) = listed
    by_id = {source["id"]: source for source in found}
    assert by_id["aws_vpcflow"]["schemas"] == ["NetworkSession"]
    assert by_id["aws_vpcflow"]["native"] == ["AWSVPCFlow"]
    for source in found:
        assert {"id", "schemas", "destinations", "targets", "coverage"} <= set(source)
        assert source["destinations"] == (["asim", "native"] if source["native"] else ["asim"])
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
    assert found[0]["missing"] == {
        "EventOriginalUid": ["event_id"],
        "EventOriginalResultDetails": ["reject_reason"],
    }


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
        (("show", "aws_nothing"), "known are aws_alb, aws_clb"),
        (("show", "aws_vpcflow", "--schema", "Dns"), "it maps to NetworkSession"),
        (("test", "aws_nothing"), "known are aws_alb, aws_clb"),
    ],
)
def test_a_source_or_schema_that_is_not_there_is_answered_with_those_that_are(cli, words, hint):
    said = cli("mapping", *words)

    assert (said.code, said.out) == (2, "")
    assert f"  next: {hint}" in said.err


def test_samples_and_generated_records_hold_and_what_was_compared_is_told(cli, repo):
    written = len(list((repo / "src/tidewaiter/content/sources/aws_vpcflow/samples").iterdir()))
    words = ("mapping", "test", "aws_vpcflow", "--seed", "3", "--records")
    table = cli(*words, "100", "--targets", "python")
    as_json = cli(*words, "60", "--targets", "python,kql,transform", "--json")

    assert (table.code, as_json.code) == (0, 0)
    samples, generated, warnings = (
        line.split() for line in table.out.splitlines() if line.startswith("aws_vpcflow ")
    )
    assert (samples[1], generated[1], warnings[2]) == (str(written), "100", "8")
    assert generated[-5:] == ["-", "-", "0", "0", "0"], "KQL and transformations were not compared"
    [found] = as_json.json[0]
    assert found["source"] == "aws_vpcflow"
    assert found["generated"]["seed"] == 3
    assert sum(route["records"] for route in found["generated"]["routes"]) == found["generated"]["valid"]
    kinds = {each["kind"] for each in found["generated"]["targets"]}
    assert kinds == {"polars", "native", "kql", "transform"}


def test_a_sample_that_is_not_what_it_must_be_is_exit_code_3(cli, monkeypatch):
    problem = Problem("snapshot", "a.log", 3, "SrcIpAddr", "[red]x\x1b[31m", "y\nforged")
    monkeypatch.setattr(
        mapping_test,
        "check_source",
        lambda spec: msgspec.structs.replace(check_source(spec), mismatches=1, problems=(problem,)),
    )
    failed = cli("mapping", "test", "aws_vpcflow", "--records", "0")

    assert failed.code == 3
    assert (
        "aws_vpcflow/a.log [snapshot] record 3 SrcIpAddr: expected [red]x\\x1b[31m, got y\\nforged"
        in failed.err
    )
    assert not raw_characters(failed.err)


def test_a_generated_record_that_differs_is_exit_code_3_and_can_be_made_again(cli, monkeypatch):
    real = judged_natives

    def forged(name, natives):
        for place, table, columns, judge in natives:
            changed = {**columns, "Action": b'"x"'} if place == 23 else columns
            yield from real(name, [(place, table, changed, judge)])

    monkeypatch.setattr(generated_check, "judged_natives", forged)
    whole = cli("mapping", "test", "aws_vpcflow", "--records", "40", "--targets", "python")
    again = cli("mapping", "test", "aws_vpcflow", "--records", "1", "--first", "23", "--targets", "python")

    assert (whole.code, again.code) == (3, 3)
    [told] = [line for line in whole.err.splitlines() if "record 23 Action" in line]
    assert told.startswith("aws_vpcflow/seed 0 [native] record 23 Action: expected ")
    assert told in again.err


def test_a_target_that_could_not_be_compared_is_told_as_not_held(cli, monkeypatch):
    def refuse(*_):
        raise Failed("the query failed: too large")

    monkeypatch.setattr(transform_runs.TransformRunner, "__call__", refuse)
    said = cli("mapping", "test", "aws_vpcflow", "--records", "40", "--targets", "transform")

    assert said.out.count("not held") == 1
    generated = [line.split() for line in said.out.splitlines() if line.startswith("aws_vpcflow ")][1]
    assert generated[-4:] == ["-", "1", "0", "0"]
    assert "transform NetworkSession (route 1) was not compared: " in said.err
    assert "too large" in said.err


def test_fewer_records_go_through_kql_when_they_are_asked_for(cli):
    said = cli("mapping", "test", "aws_vpcflow", "--records", "60", "--kql-records", "20", "--json")

    [found] = said.json[0]
    compared = {each["kind"]: each["records"] for each in found["generated"]["targets"]}
    assert compared["polars"] > 40
    assert 10 < compared["kql"] == compared["transform"] <= 20


def test_a_target_that_there_is_not_is_answered_with_those_that_are(cli):
    said = cli("mapping", "test", "aws_vpcflow", "--targets", "python,spark")
    assert said.code == 2
    assert "targets are python, kql, transform" in said.err
