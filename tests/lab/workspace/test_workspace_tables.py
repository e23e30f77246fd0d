from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from tidewaiter.asim.schema import tables
from tidewaiter.core.errors import ContentError, StateError
from tidewaiter.lab.workspace import Workspace

AT = datetime(2026, 3, 17, 12, tzinfo=UTC)
COLUMNS = {"N": "long", "Text": "string", "Extra": "dynamic", "At": "datetime"}


def test_a_defined_table_is_there_for_kql_and_after_the_workspace_was_closed(
    workspace: Workspace, path: Path
):
    table = workspace.define_table("Mine_CL", COLUMNS, properties='{"plan":"Basic"}')
    assert {"N", "TimeGenerated", "Type", "TenantId"} <= table.columns.keys()
    workspace.append(
        "Mine_CL",
        [{"TimeGenerated": AT, "N": 1, "Text": "x", "Extra": {"a": [1]}, "At": AT}, {"TimeGenerated": AT}],
    )
    workspace.close()
    with Workspace.open(path, read_only=True) as reader:
        assert reader.definitions()["Mine_CL"].properties == '{"plan":"Basic"}'
        found = reader.query("Mine_CL | order by N asc | project N, Text, Extra, At, Type").rows
        assert found == [(None, "", None, None, "Mine_CL"), (1, "x", '{"a":[1]}', AT, "Mine_CL")]
        assert reader.counts() == {"Mine_CL": 2}


def test_rows_can_be_appended_to_sentinels_own_tables(workspace: Workspace):
    rows = [{"TimeGenerated": AT, "AlertName": f"alert {n}", "Entities": "[]"} for n in range(3)]
    workspace.append("SecurityAlert", rows)
    assert workspace.query("SecurityAlert | summarize count() by Type").rows == [("SecurityAlert", 3)]
    workspace.append("SecurityAlert", rows)
    assert workspace.query("SecurityAlert | count").rows == [(6,)]


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("SecurityAlert", {"TimeGenerated": AT, "Nonsense": "x"}),
        ("SecurityAlert", {"TimeGenerated": AT, "AlertName": 5}),
        ("SecurityAlert", {"AlertName": "x"}),
        ("Nonsense_CL", {"TimeGenerated": AT}),
    ],
)
def test_a_row_that_does_not_fit_is_refused(workspace: Workspace, table, row):
    with pytest.raises(ContentError):
        workspace.append(table, [row])
    assert workspace.counts() == {}


def test_a_dropped_table_is_gone_with_its_rows(workspace: Workspace):
    workspace.define_table("Mine_CL", COLUMNS)
    workspace.append("Mine_CL", [{"TimeGenerated": AT, "N": 1}])
    workspace.drop_table("Mine_CL")
    assert "Mine_CL" not in workspace.tables()
    workspace.define_table("Mine_CL", {"N": "string"})
    assert workspace.query("Mine_CL | count").rows == [(0,)]


def test_an_unknown_type_or_another_one_is_refused(workspace: Workspace):
    workspace.define_table("Mine_CL", COLUMNS)
    for columns in ({"A": "decimal"}, {"N": "string"}):
        with pytest.raises(ContentError):
            workspace.define_table("Mine_CL", columns)
    assert workspace.tables()["Mine_CL"].columns["N"] == "long"


def test_the_bill_and_the_usage_are_empty_at_first(workspace: Workspace):
    assert (workspace.billed(), workspace.receipts()) == ({}, [])
    assert workspace.query("Usage | count").rows == [(0,)]
    schema = workspace.query("Usage | getschema | project ColumnName, ColumnType").rows
    assert schema == list(tables()["Usage"].columns.items())


@pytest.mark.parametrize(
    "query",
    [
        "Mine_CL | count",
        "let T = Mine_CL | where N >= 0; T | count",
        "Mine_CL | join kind=inner (Mine_CL | project N) on N | count",
        "union Mine_CL, (SecurityAlert | project TimeGenerated) | count",
        "union Mine* | count",
        "print n = toscalar(Mine_CL | count)",
    ],
)
def test_a_timespan_bounds_every_table_of_a_query(workspace: Workspace, query):
    workspace.define_table("Mine_CL", COLUMNS)
    workspace.append("Mine_CL", [{"TimeGenerated": AT + timedelta(hours=n), "N": n} for n in range(10)])
    span = (AT + timedelta(hours=2), AT + timedelta(hours=5))
    assert workspace.query(query, timespan=span).rows == [(3,)]
    assert workspace.query(query).rows == [(10,)]


@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_of_the_first_version_is_brought_up(workspace: Workspace, path: Path, read_only: bool):
    workspace.close()
    with duckdb.connect(str(path)) as connection:
        connection.execute('DROP VIEW main."LabIngestionRequests"')
        connection.execute('CREATE OR REPLACE VIEW main."Usage" AS SELECT 1 AS a')
        connection.execute("DROP TABLE tidewaiter._requests; DROP TABLE tidewaiter._tables")
        connection.execute(
            'DROP VIEW main."_GetWatchlist."; DROP VIEW main."_GetWatchlist._GetWatchlistAlias"'
        )
        connection.execute("DROP TABLE tidewaiter._searches; DROP TABLE tidewaiter._watchlists")
        connection.execute("DROP TABLE tidewaiter._watchlist_items")
        connection.execute("UPDATE tidewaiter._meta SET version = 1")
    with Workspace.open(path, read_only=read_only) as opened:
        assert opened.query("LabIngestionRequests | count").rows == [(0,)]
        assert opened.query("Usage | count").rows == [(0,)]


def test_a_read_only_workspace_changes_nothing(workspace: Workspace, path: Path):
    workspace.define_table("Mine_CL", COLUMNS)
    workspace.close()
    with Workspace.open(path, read_only=True) as reader:
        for change in (
            lambda: reader.define_table("Other_CL", COLUMNS),
            lambda: reader.drop_table("Mine_CL"),
            lambda: reader.append("Mine_CL", [{"TimeGenerated": AT}]),
        ):
            with pytest.raises(StateError, match="read-only"):
                change()
