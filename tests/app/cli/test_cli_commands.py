"""Every command as an analyst types it: tables for people, JSON for scripts, messages on stderr."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import polars as pl
import pytest

from tests.app import logs
from tests.app.cli.conftest import raw_characters
from tidewaiter import __version__
from tidewaiter.core.errors import ContentError, ContentErrors, Location
from tidewaiter.lab.generator import read_truth
from tidewaiter.pipeline.normalize import check
from tidewaiter.state import open_state

USAGE = "Usage: tidewaiter"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "in"
    logs.trail(folder, [logs.event(number) for number in range(5)])
    logs.flows(folder, range(3))
    return folder


# run


def test_run_prints_what_it_delivered_what_it_found_and_where_it_lies(cli, tmp_path, folder):
    said = cli("run", "--from", folder, "--state", tmp_path / "state", "--once")

    assert said.code == 0
    assert "Delivered 8 rows in" in said.out
    assert "aws_cloudtrail        1        5      5          5          0            0       0" in said.out
    assert "ASimNetworkSessionLogs     3" in said.out
    assert "0 incidents" in said.out
    assert f"{tmp_path / 'state'}/report.json" in said.out
    assert said.err == ""


def test_a_second_run_says_that_nothing_was_new(cli, tmp_path, folder):
    cli("run", "--from", folder, "--state", tmp_path / "state", "--once")

    said = cli("run", "--from", folder, "--state", tmp_path / "state", "--once")

    assert said.code == 0
    assert f"Nothing new to deliver from {folder}: every object was delivered before." in said.out
    assert said.err == "2 objects were delivered by an earlier run\n"


def test_a_run_of_copies_says_that_they_hold_nothing_new(cli, tmp_path, folder):
    cli("run", "--from", folder, "--state", tmp_path / "state", "--once")
    logs.trail(folder, [logs.event(number) for number in range(2)], "copy")

    said = cli("run", "--from", folder, "--state", tmp_path / "state", "--once")

    assert "its new objects hold no event that is new" in said.out


def test_run_prints_the_report_as_json_and_nothing_else_on_stdout(cli, tmp_path, folder):
    said = cli("run", "--from", folder, "--state", tmp_path / "state", "--once", "--json")

    assert said.json == [json.loads((tmp_path / "state" / "report.json").read_bytes())]
    assert said.json[0]["sources"]["aws_cloudtrail"]["delivered"] == 5


def test_the_state_directory_can_be_named_by_the_environment(cli, monkeypatch, tmp_path, folder):
    monkeypatch.setenv("TIDEWAITER_STATE", str(tmp_path / "from-env"))

    assert cli("run", "--from", folder, "--once").code == 0
    assert (tmp_path / "from-env" / "report.json").is_file()


class Watcher:
    """Stands for the wait between two looks at the folder: does one thing each time, then stops the run."""

    def __init__(self, *deeds):
        self.deeds = list(deeds)

    def __call__(self, seconds):
        assert seconds == 30.0
        if not self.deeds:
            raise KeyboardInterrupt
        self.deeds.pop(0)()


def test_a_watch_delivers_what_comes_and_ends_on_an_interrupt(cli, monkeypatch, tmp_path, folder):
    watch = Watcher(lambda: None, lambda: logs.trail(folder, [logs.event(9)], "new"))
    monkeypatch.setattr(time, "sleep", watch)

    said = cli("run", "--from", folder, "--state", tmp_path / "state")

    assert said.code == 130
    assert said.out.count("Delivered 8 rows") == said.out.count("Delivered 1 row in") == 1
    assert "Nothing new" not in said.out
    assert "stopped; what was not claimed is taken by the next run" in said.err


def test_a_watch_outlives_a_folder_that_is_away_for_a_while(cli, monkeypatch, tmp_path, folder):
    away = tmp_path / "away"
    watch = Watcher(
        lambda: folder.rename(away),
        lambda: (away.rename(folder), logs.trail(folder, [logs.event(9)], "new")),
    )
    monkeypatch.setattr(time, "sleep", watch)

    said = cli("run", "--from", folder, "--state", tmp_path / "state")

    assert f"tidewaiter: {folder} does not exist\n  next: check the path" in said.err
    assert "Delivered 1 row in" in said.out


# normalize


def test_normalize_writes_a_line_of_json_for_each_row_and_its_summary_to_stderr(cli, folder):
    said = cli("normalize", folder)

    assert said.code == 0
    assert [row["Type"] for row in said.json].count("ASimAuditEventLogs") == 5
    assert {row["EventOriginalUid"] for row in said.json} >= {logs.event_id(number) for number in range(5)}
    assert "aws_cloudtrail        1        5     5            0       0" in said.err


def test_normalize_writes_ndjson_and_parquet_files_with_the_same_rows(cli, tmp_path, folder):
    ndjson = cli("normalize", folder, "--out", tmp_path / "n")
    parquet = cli("normalize", folder, "--out", tmp_path / "p", "--format", "parquet")

    assert (ndjson.code, parquet.code, ndjson.out, parquet.out) == (0, 0, "", "")
    assert f"wrote {tmp_path / 'n' / 'ASimAuditEventLogs.ndjson'}" in ndjson.err
    for table in ("ASimAuditEventLogs", "ASimNetworkSessionLogs"):
        lines = (tmp_path / "n" / f"{table}.ndjson").read_bytes().splitlines()
        frame = pl.read_parquet(tmp_path / "p" / f"{table}.parquet")
        assert frame.height == len(lines)
        assert frame["EventOriginalUid"].to_list() == [json.loads(line)["EventOriginalUid"] for line in lines]


def test_normalize_takes_several_paths_and_names_each_in_its_messages(cli, tmp_path):
    good = logs.write(tmp_path / "one" / "x.json", logs.document([logs.event(1)]))
    bad = logs.write(
        tmp_path / "two" / "x.json", logs.document([logs.event(2), logs.event(3) | {"eventTime": 5}])
    )

    said = cli("normalize", good, tmp_path / "two")

    assert len(said.json) == 2
    assert f"{bad} record 1 [wrong_type]" in said.err


def test_parquet_on_stdout_is_refused(cli, folder):
    said = cli("normalize", folder, "--format", "parquet")

    assert (said.code, said.out) == (2, "")
    assert "next: add --out DIR" in said.err


def test_an_output_folder_that_is_a_file_is_refused(cli, tmp_path, folder):
    (tmp_path / "out").write_text("mine")

    said = cli("normalize", folder, "--out", tmp_path / "out")

    assert said.code == 2
    assert "next: give --out a folder" in said.err
    assert (tmp_path / "out").read_text() == "mine"


# kql run


def test_a_query_prints_a_table_and_the_number_of_rows_on_a_terminal(on_a_screen, day_state, day):
    actor = day.truth.campaigns[0].actor.rpartition("/")[2]
    query = f"union ASim* | where ActorUsername has '{actor}' | summarize count() by Operation, SrcIpAddr"
    head, *rows, count = on_a_screen("kql", "run", "--state", day_state, query)

    assert head.split() == ["Operation", "SrcIpAddr", "count_"]
    assert count == f"{len(rows)} rows" != "0 rows"


@pytest.mark.parametrize("flag", [(), ("--json",)])
def test_a_query_prints_one_json_object_per_row_where_stdout_is_no_terminal(
    cli, day_state, delivered_day, flag
):
    said = cli("kql", "run", "--state", day_state, *flag, "union ASim* | summarize n=count() by Type")

    rows = {table: n for table, n in delivered_day.report["rows"].items() if table.startswith("ASim")}
    assert {row["Type"]: row["n"] for row in said.json} == rows
    assert said.err == ""


def test_values_keep_their_types_in_json(cli, day_state):
    query = (
        "print s='a\"b', n=long(443), r=1.5, b=true, t=datetime(2026-03-17T01:02:03.5Z), d=1d + 2h, "
        'o=dynamic({"k": [1, 2]}), none=long(null)'
    )
    said = cli("kql", "run", "--state", day_state, "--json", query)

    assert said.json == [
        {
            "s": 'a"b',
            "n": 443,
            "r": 1.5,
            "b": True,
            "t": "2026-03-17T01:02:03.500000Z",
            "d": "1.02:00:00",
            "o": {"k": [1, 2]},
            "none": None,
        }
    ]


def test_json_is_json_on_a_terminal_too(on_a_screen, day_state):
    lines = on_a_screen("kql", "run", "--state", day_state, "--json", "print a=1, b='x'")

    assert lines == ['{"a":1,"b":"x"}']


def test_values_in_a_table_are_written_as_kql_writes_them(on_a_screen, day_state):
    query = "print port=long(49152), yes=true, no=false, d=-(1d + 2h + 3m + 4s), e=1500ms, none=int(null)"
    lines = on_a_screen("kql", "run", "--state", day_state, query)

    assert lines[1].split() == ["49152", "true", "false", "-1.02:03:04", "00:00:01.5000000"]


def test_the_raw_members_of_a_record_are_json_in_json(cli, tmp_path, folder):
    cli("run", "--from", folder, "--state", tmp_path / "state", "--once")

    query = "ASimAuditEventLogs | project AdditionalFields | take 1"
    said = cli("kql", "run", "--state", tmp_path / "state", "--json", query)

    assert said.json[0]["AdditionalFields"]["requestParameters"]["instanceType"] == "t3.micro"


def test_a_query_can_come_from_stdin(cli, monkeypatch, day_state):
    monkeypatch.setattr("sys.stdin", io.StringIO("print\n  x = 1"))

    assert cli("kql", "run", "--state", day_state, "--json", "-").json == [{"x": 1}]


@pytest.mark.parametrize(
    ("now", "rows"), [("stream", 1), ("wall", 0), ("2026-03-18T00:00:00Z", 1), ("2026-03-30", 0)]
)
def test_now_is_the_newest_row_unless_another_time_is_given(cli, day_state, now, rows):
    query = "ASimAuditEventLogs | where TimeGenerated > ago(1d) | take 1"

    assert len(cli("kql", "run", "--state", day_state, "--json", "--now", now, query).json) == rows


def test_now_that_is_no_time_is_refused(cli, day_state):
    said = cli("kql", "run", "--state", day_state, "--now", "tomorrow", "print 1")

    assert said.code == 2
    assert "next: write stream, wall, or a time such as" in said.err


def test_now_is_a_time_even_when_a_record_is_of_the_last_day_there_is(cli, tmp_path):
    logs.trail(tmp_path / "in", [logs.event(1) | {"eventTime": "9999-12-31T23:59:59Z"}])
    cli("run", "--from", tmp_path / "in", "--state", tmp_path / "state", "--once")

    said = cli(
        "kql",
        "run",
        "--state",
        tmp_path / "state",
        "--json",
        "ASimAuditEventLogs | where TimeGenerated > ago(1d) | count",
    )

    assert said.json == [{"Count": 1}]


def test_a_query_beyond_the_executor_is_refused_by_name(cli, day_state):
    said = cli("kql", "run", "--state", day_state, "ASimAuditEventLogs | evaluate autocluster()")

    assert (said.code, said.out) == (2, "")
    assert "not locally executable: evaluate autocluster" in said.err
    assert "  next: " in said.err


def test_a_wrong_query_is_shown_with_the_place(cli, day_state):
    said = cli("kql", "run", "--state", day_state, "ASimAuditEventLogs\n| where Nonsense == 1")

    assert said.code == 2
    lines = said.err.splitlines()
    assert "2:9: unknown column 'Nonsense'" in lines[0]
    assert lines[1:3] == ["  | where Nonsense == 1", "          ^"]


def test_a_table_without_rows_is_named_so_that_nobody_takes_its_silence_for_an_answer(cli, day_state):
    said = cli("kql", "run", "--state", day_state, "ASimDnsActivityLogs | union ASimAuditEventLogs | count")
    other = cli(
        "kql", "run", "--state", day_state, "ASimAuditEventLogs | summarize count() by Operation | take 1"
    )

    assert "ASimDnsActivityLogs is empty: nothing that was delivered so far goes there" in said.err
    assert "empty" not in other.err


def test_rows_too_wide_for_a_table_are_shown_one_by_one(on_a_screen, day_state):
    query = "ASimAuditEventLogs | where EventResult == 'Success' | take 2"

    *lines, wide, count = on_a_screen("kql", "run", "--state", day_state, query, columns=1000)

    assert [line for line in lines if not line.startswith(" ")] == ["row 1", "row 2"]
    assert sum(line.split() == ["EventResult", "Success"] for line in lines) == 2
    assert not any(line.startswith("  EventResultDetails ") for line in lines)
    assert "too wide for a table" in wide
    assert count == "2 rows"


# incidents


def test_incidents_are_listed_gravest_first_with_who_and_what(cli, day_state, day):
    said = cli("incidents", "--state", day_state)

    first = said.out.splitlines()[0]
    assert (said.code, said.err) == (0, "")
    assert first.startswith("High ")
    assert day.truth.campaigns[0].actor.rpartition("/")[2] in first
    assert any(address in said.out for address in day.truth.campaigns[0].addresses)


def test_incidents_as_json_are_the_lines_of_the_file(cli, day_state):
    said = cli("incidents", "--state", day_state, "--json")

    assert said.data == (day_state / "incidents.jsonl").read_bytes()


def test_one_incident_is_shown_whole(cli, day_state):
    incident = cli("incidents", "--state", day_state, "--json").json[0]

    said = cli("incidents", "--state", day_state, incident["incident_id"])
    as_json = cli("incidents", "--state", day_state, "--json", incident["incident_id"])

    text = " ".join(said.out.split())
    assert incident["title"] in text
    assert " ".join(incident["narrative"].split()) in text
    assert incident["_AI_ModelVersion"] in text
    assert all(stage["technique"] in text for stage in incident["stages"])
    assert as_json.json == [incident]


def test_an_unknown_incident_is_refused(cli, day_state):
    said = cli("incidents", "--state", day_state, "inc-nothing")

    assert said.code == 2
    assert "no incident 'inc-nothing'\n  next: list them" in said.err


def test_a_quiet_state_says_so(cli, tmp_path, folder):
    cli("run", "--from", folder, "--state", tmp_path / "state", "--once")

    assert cli("incidents", "--state", tmp_path / "state").out == "No incidents.\n"
    assert cli("incidents", "--state", tmp_path / "state", "--json").out == ""


def test_damaged_incidents_are_told_with_the_way_to_mend_them(cli, tmp_path):
    logs.write(tmp_path / "incidents.jsonl", b'{"incident_id": 5}\n')

    said = cli("incidents", "--state", tmp_path)

    assert said.code == 4
    assert "incidents.jsonl is damaged" in said.err
    assert "next: run `tidewaiter run" in said.err


@pytest.mark.parametrize("words", [("incidents",), ("kql", "run", "print 1")])
def test_what_needs_a_state_says_how_to_make_one(cli, tmp_path, words):
    said = cli(*words, "--state", tmp_path / "none")

    assert (said.code, said.out) == (4, "")
    assert f"next: run `tidewaiter run --from DIR --state {tmp_path / 'none'}` first" in said.err
    assert not (tmp_path / "none").exists()


# mapping


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


# lab generate and demo


def test_a_day_is_generated_and_what_is_hidden_in_it_is_told(cli, tmp_path):
    said = cli("lab", "generate", "--events", 500, "--seed", 3, "--out", tmp_path / "day")
    again = cli("lab", "generate", "--events", 500, "--seed", 3, "--out", tmp_path / "again")

    truth = read_truth(tmp_path / "day" / "truth.json")
    assert (said.code, again.code) == (0, 0)
    assert said.out.startswith("wrote 2026-03-17 of 6 accounts and one Entra tenant under ")
    assert re.search(r"^CloudTrail +500 ", said.out, re.MULTILINE)
    assert truth.campaigns[0].title in said.out
    assert len(truth.event_ids) == 500
    names = [path.relative_to(tmp_path / "day") for path in (tmp_path / "day").rglob("*") if path.is_file()]
    assert all((tmp_path / "day" / n).read_bytes() == (tmp_path / "again" / n).read_bytes() for n in names)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--day", "17.3.2026"), "'17.3.2026' is not a day\n  next: write it as 2026-03-17"),
        (("--events", "5"), "500"),
    ],
)
def test_a_day_that_cannot_be_is_refused(cli, tmp_path, words, said):
    result = cli("lab", "generate", "--out", tmp_path / "day", *words)

    assert result.code == 2
    assert said in result.err
    assert not (tmp_path / "day").exists()


def test_a_day_is_not_written_over_something_else(cli, tmp_path):
    (tmp_path / "mine").write_text("x")

    said = cli("lab", "generate", "--out", tmp_path)

    assert said.code == 2
    assert "is not an empty folder\n  next: give --out a new folder" in said.err


def test_the_demo_tells_the_whole_story_and_can_be_run_again(cli, tmp_path):
    for _ in range(2):
        said = cli("demo", "--events", 500, "--out", tmp_path / "demo")

    assert said.code == 0
    assert "A day of 500 CloudTrail events" in said.out
    assert "hidden in it: 1 attack, and 2 look-alikes that should stay quiet" in said.out
    lines = [line.rstrip() for line in said.out.splitlines()]
    (attack,) = [line for line in lines if line.startswith("attack ")]
    assert attack.endswith("High incident")
    assert sum(line.startswith("look-alike ") and line.endswith("quiet") for line in lines) == 2
    assert "incidents show 1 of 1 attack; 0 of 2 look-alikes raised a false alarm" in said.out
    assert "Delivered " in said.out
    assert "\nHigh " in said.out
    assert re.search(rf"Ask it: \S*tidewaiter kql run --state {tmp_path / 'demo' / 'state'} 'ASim", said.out)


def test_the_demo_does_not_remove_what_is_not_its_own(cli, tmp_path):
    (tmp_path / "mine").write_text("x")

    said = cli("demo", "--events", 500, "--out", tmp_path)

    assert said.code == 2
    assert "is not a demo's folder\n  next: give --out another folder" in said.err
    assert (tmp_path / "mine").read_text() == "x"


# The frame around all commands


def test_the_version_is_printed(cli):
    assert cli("--version").out == f"{__version__}\n"


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("run",),
        ("run", "--no-such-flag"),
        ("kql", "run"),
        ("run", "--from", "x", "--every", "0"),
    ],
)
def test_a_wrong_command_line_is_exit_code_2_with_the_usage_on_stderr(cli, words):
    said = cli(*words)

    assert (said.code, said.out) == (2, "")
    assert USAGE in said.err


@pytest.mark.parametrize("words", [(), ("kql",), ("lab",), ("mapping",)])
def test_a_command_of_several_shows_what_there_is(cli, words):
    said = cli(*words)

    assert "Commands:" in said.out + said.err


def test_a_wrong_content_file_is_exit_code_4(cli, monkeypatch, tmp_path):
    def broken(*_: object) -> None:
        raise ContentErrors(
            [ContentError("one", at=Location("a.yaml", 2), hint="fix it"), ContentError("two")]
        )

    monkeypatch.setattr("tidewaiter.app.engine.run.sources", broken)
    said = cli("run", "--from", logs.trail(tmp_path / "in", []), "--state", tmp_path / "state", "--once")

    assert said.code == 4
    assert said.err.splitlines() == ["tidewaiter: a.yaml:2: one", "  next: fix it", "tidewaiter: two"]


def test_a_state_that_is_in_use_is_exit_code_4_with_a_next_step(cli, tmp_path, folder):
    with open_state(tmp_path / "state"):
        said = cli("run", "--from", folder, "--state", tmp_path / "state", "--once")

    assert said.code == 4
    assert "another tidewaiter is using" in said.err
    assert "next: wait for it, or give --state another folder" in said.err


def test_a_reader_that_has_seen_enough_is_no_error(day):
    command = [
        sys.executable,
        "-c",
        "from tidewaiter.app.cli import main; main()",
        "normalize",
        str(day.folder),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("{")
    process.stdout.close()
    _, err = process.communicate(timeout=60)

    assert process.returncode == 0
    assert "Traceback" not in err
    assert "BrokenPipe" not in err


@pytest.mark.parametrize("command", ["normalize", "kql"])
def test_a_stdout_that_takes_no_more_is_a_delivery_that_failed(shell, day, day_state, command):
    words = {
        "normalize": ("normalize", day.folder),
        "kql": ("kql", "run", "--state", day_state, "--json", "ASimAuditEventLogs | take 1"),
    }[command]
    with Path("/dev/full").open("w") as full:
        said = shell(*words, capture_output=False, stdout=full, stderr=subprocess.PIPE)

    assert said.returncode == 5
    assert "No space left on device\n  next: " in said.stderr
    assert "Traceback" not in said.stderr


def test_colours_are_left_out_when_the_user_wants_none(on_a_terminal, folder, tmp_path):
    colour = re.compile(rb"\x1b\[[0-9;]*(?:3[0-9]|4[0-9]|9[0-7])(?:;[0-9;]*)?m")
    words = ("normalize", folder, "--out", tmp_path / "out")

    code, coloured = on_a_terminal(*words)
    assert code == 0
    assert colour.search(coloured), "the bar has colours, or this test shows nothing"
    code, plain = on_a_terminal(*words, env={"NO_COLOR": "1"})
    assert code == 0
    assert b"normalizing" in plain
    assert not colour.search(plain)
