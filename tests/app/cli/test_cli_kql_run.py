"""`tidewaiter kql run`: a table on a terminal, a JSON object for each row elsewhere, refusals by name."""

from __future__ import annotations

import io

import pytest

from tests.app import logs


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
    said = cli("kql", "run", "--state", day_state, "ASimRegistryEventLogs | union ASimAuditEventLogs | count")
    other = cli(
        "kql", "run", "--state", day_state, "ASimAuditEventLogs | summarize count() by Operation | take 1"
    )

    assert "ASimRegistryEventLogs is empty: nothing that was delivered so far goes there" in said.err
    assert "empty" not in other.err


def test_rows_too_wide_for_a_table_are_shown_one_by_one(on_a_screen, day_state):
    query = "ASimAuditEventLogs | where EventResult == 'Success' | take 2"

    *lines, wide, count = on_a_screen("kql", "run", "--state", day_state, query, columns=1000)

    assert [line for line in lines if not line.startswith(" ")] == ["row 1", "row 2"]
    assert sum(line.split() == ["EventResult", "Success"] for line in lines) == 2
    assert not any(line.startswith("  EventResultDetails ") for line in lines)
    assert "too wide for a table" in wide
    assert count == "2 rows"
