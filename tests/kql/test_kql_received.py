"""ingestion_time() is the time at which a row of a table was received ("ingestion_time()", Kusto docs)."""

# ruff: noqa: E501  (a query is read on one line)
from __future__ import annotations

from datetime import UTC, datetime

import duckdb
import pytest

from tidewaiter.core.errors import NotExecutable, QueryError
from tidewaiter.kql import Executor

NOW = datetime(2024, 1, 4, tzinfo=UTC)
SCHEMAS = {
    "Calls": {"Id": "long", "Name": "string", "TimeGenerated": "datetime"},
    "Others": {"Id": "long", "Kind": "string", "TimeGenerated": "datetime"},
    "Bare": {"Id": "long", "TimeGenerated": "datetime"},
}


@pytest.fixture(scope="module")
def executor(tmp_path_factory):
    path = tmp_path_factory.mktemp("kql") / "received.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("""
            CREATE TABLE Calls(Id BIGINT, Name VARCHAR, TimeGenerated TIMESTAMP, _TimeReceived TIMESTAMP);
            INSERT INTO Calls VALUES (1, 'a', '2024-01-01 10:00:00', '2024-01-03 22:30:00'),
                (2, 'b', '2024-01-03 22:00:00', '2024-01-03 22:00:00'), (3, 'c', '2024-01-03 23:00:00', '2024-01-03 23:30:00');
            CREATE TABLE Others(Id BIGINT, Kind VARCHAR, TimeGenerated TIMESTAMP, _TimeReceived TIMESTAMP);
            INSERT INTO Others VALUES (1, 'x', '2024-01-01 00:00:00', '2024-01-03 23:59:00'), (7, 'y', '2024-01-01', '2024-01-01');
            CREATE TABLE Bare(Id BIGINT, TimeGenerated TIMESTAMP);
            INSERT INTO Bare VALUES (5, '2024-01-03 23:00:00');
        """)
    with Executor(path, SCHEMAS, received={"Calls", "Others"}) as executor:
        yield executor


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("Calls | where ingestion_time() > ago(1h)", [3]),
        ("Calls | where ingestion_time() >= ago(2h) | sort by Id asc", [1, 2, 3]),
        ("Calls | where Name != 'c' | extend x = 1 | where ingestion_time() > ago(1h + 45m)", [1]),
        ("Calls | where ingestion_time() between (ago(1d) .. ago(1h)) | project Id | sort by Id asc", [1, 2]),
        ("Calls | project Id | where ingestion_time() > ago(1h)", [3]),
        ("Calls | project-away Name | project-reorder Id | where ingestion_time() > ago(1h)", [3]),
        ("let since = ago(1h); let Recent = Calls | where ingestion_time() > since; Recent", [3]),
        ("let All = Calls | where Name != ''; All | where ingestion_time() > ago(1h)", [3]),
        ("let A = Calls; let B = A | project Id; union B, (A | where Id == 1) | where ingestion_time() > ago(1h)", [3]),
        ("union Calls, Others | where ingestion_time() > ago(1h) | sort by Id asc", [1, 3]),
        ("Calls | union (Others | where Kind != '') | where ingestion_time() > ago(1h) | sort by Id asc", [1, 3]),
        ("let f = (since: timespan) { union Calls, Others | where ingestion_time() > ago(since) }; f(1h) | sort by Id asc", [1, 3]),
        ("Calls | join kind=inner (Others | where ingestion_time() > ago(5m)) on Id", [1]),
        ("Calls | where Id in ((Others | where ingestion_time() > ago(5m) | project Id))", [1]),
        ("let All = Calls; All | where Id in ((All | where ingestion_time() > ago(1h) | project Id))", [3]),
        ("Calls | mv-expand x = pack_array(1) | where ingestion_time() > ago(1h)", [3]),
        ("Calls | mv-apply x = pack_array(1) on (where ingestion_time() > ago(1h))", [3]),
        ("Calls | where _TimeReceived > ago(1h)", [3]),
        ("Calls | lookup Others on Id | where ingestion_time() > ago(1h)", [3]),
        ("Calls | sort by Id desc | where ingestion_time() < ago(1h) and row_number() > 0", [2, 1]),
        ("union Calls, Bare | where isnull(ingestion_time()) | project Id", [5]),
    ],
)  # fmt: skip
def test_rows_are_chosen_by_the_time_at_which_they_were_received(executor, query, ids):
    result = executor.run(query, now=NOW)

    place = [column.name for column in result.columns].index("Id")
    assert [row[place] for row in result.rows] == ids


@pytest.mark.parametrize(
    "query",
    [
        "Calls | summarize n = count() | extend t = ingestion_time()",
        "Calls | distinct Id | extend t = ingestion_time()",
        "let A = Calls | summarize arg_max(TimeGenerated, *) by Id; A | extend t = ingestion_time()",
        "datatable(Id: long)[1] | extend t = ingestion_time()",
        "Bare | extend t = ingestion_time()",
    ],
)
def test_rows_that_are_no_rows_of_a_table_have_none(executor, query):
    result = executor.run(query, now=NOW)

    assert result.columns[-1].name == "t"
    assert result.columns[-1].type == "datetime"
    assert {row[-1] for row in result.rows} == {None}


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("Calls", ["Id", "Name", "TimeGenerated"]),
        ("Calls | where ingestion_time() > ago(1d)", ["Id", "Name", "TimeGenerated"]),
        ("Calls | where ingestion_time() > ago(1d) | distinct *", ["Id", "Name", "TimeGenerated"]),
        ("Calls | extend ingestion_time()", ["Id", "Name", "TimeGenerated", "Column1"]),
        ("Calls | project Id, _TimeReceived", ["Id", "_TimeReceived"]),
        ("Calls | project Received = ingestion_time() | where Received > ago(1h)", ["Received"]),
        ("Calls | where ingestion_time() > ago(1d) | project pack_all()", ["Column1"]),
        ("union withsource=T Calls, Others | where ingestion_time() > ago(1d)", ["T", "Id", "Name", "TimeGenerated", "Kind"]),
        ("let A = Calls; A | join (A | where ingestion_time() > ago(1d)) on Id", ["Id", "Name", "TimeGenerated", "Id1", "Name1", "TimeGenerated1"]),
        ("union C*", ["Id", "Name", "TimeGenerated"]),
        ("Calls | getschema | project ColumnName", ["ColumnName"]),
    ],
)  # fmt: skip
def test_the_time_is_no_column_unless_a_query_names_it(executor, query, columns):
    result = executor.run(query, now=NOW)

    assert [column.name for column in result.columns] == columns
    assert "received at" not in str(result.rows)


def test_the_names_of_a_union_stay_those_of_its_tables(executor):
    query = "union withsource=T Calls, Others | where ingestion_time() > ago(1h) | project T | sort by T asc"

    assert executor.run(query, now=NOW).rows == [("Calls",), ("Others",)]


def test_a_table_may_list_the_time_among_its_columns(executor):
    listed = {**SCHEMAS, "Calls": {**SCHEMAS["Calls"], "_TimeReceived": "datetime"}}
    query = "Calls | where ingestion_time() > ago(1h) and _TimeReceived == ingestion_time()"
    with Executor(executor._database, listed, received={"Calls"}) as other:
        result = other.run(query, now=NOW)

    assert [column.name for column in result.columns] == ["Id", "Name", "TimeGenerated", "_TimeReceived"]
    assert [row[0] for row in result.rows] == [3]


def test_a_time_that_nothing_can_tell_is_refused(executor):
    with pytest.raises(NotExecutable, match="ingestion_time of a wildcard"):
        executor.run("union C* | where ingestion_time() > ago(1h)")
    with pytest.raises(QueryError, match="of a table's row"):
        executor.run("print ingestion_time()")
    with pytest.raises(QueryError, match="takes 0 arguments"):
        executor.run("Calls | where ingestion_time(1) > ago(1h)")
    with pytest.raises(QueryError, match="unknown column '_TimeReceived'"):
        executor.run("Bare | where _TimeReceived > ago(1h)")


def test_a_rule_by_the_time_of_arrival_runs_on_parts_of_its_tables(executor):
    prepared = executor.prepare("Calls | where ingestion_time() > ago(1h) and Name != 'z' | project Id")
    part = {"Calls": 'SELECT * FROM main."Calls" WHERE "Id" > 1'}

    found = executor.run_prepared(prepared, now=NOW, parts=part)
    admitted = executor.admitted(prepared, '"TimeGenerated"', part)

    assert found.rows == [(3,)]
    assert len(admitted) == 2, "whether a row is recent is not known before the run"
