"""The workspace knows when it took a row in, and ingestion_time() tells it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl

from tidewaiter.lab.workspace import Workspace
from tidewaiter.lab.workspace.arrivals import Receipt

from .conftest import AUDIT

HAPPENED, CAME, LATER = (datetime(2024, 1, 2, hour, tzinfo=UTC) for hour in (3, 9, 11))


def _bring(workspace: Workspace, operation: str, received: datetime) -> None:
    frame = pl.DataFrame({"TimeGenerated": [HAPPENED.replace(tzinfo=None)], "Operation": [operation]})
    frame = frame.with_columns(pl.col("TimeGenerated").cast(pl.Datetime("us")))
    workspace.store(frame, Receipt(table=AUDIT, rows=1, received=received))


def _times(workspace: Workspace) -> Sequence[tuple[object, ...]]:
    query = f"{AUDIT} | project Operation, ingestion_time() | sort by Operation asc"
    return workspace.query(query, now=LATER).rows


def test_a_row_was_received_when_its_request_was(workspace: Workspace):
    _bring(workspace, "a", CAME)
    _bring(workspace, "b", LATER)

    assert _times(workspace) == [("a", CAME), ("b", LATER)]
    late = workspace.query(f"{AUDIT} | where ingestion_time() > ago(1h) | project Operation", now=LATER)
    assert late.rows == [("b",)]


def test_a_row_that_no_request_brought_came_when_it_happened(workspace: Workspace, stage):
    workspace.ingest("1", [stage([({"Operation": "a", "TimeGenerated": "2024-01-02T03:00:00Z"}, None)])])
    assert _times(workspace) == [("a", HAPPENED)]

    _bring(workspace, "b", CAME)
    workspace.ingest("2", [stage([({"Operation": "c", "TimeGenerated": "2024-01-02T03:00:00Z"}, None)])])
    assert _times(workspace) == [("a", HAPPENED), ("b", CAME), ("c", HAPPENED)]


def test_the_time_is_no_column_of_a_table(workspace: Workspace):
    _bring(workspace, "a", CAME)

    result = workspace.query(f"{AUDIT} | where ingestion_time() < now()", now=LATER)
    assert "_TimeReceived" not in [column.name for column in result.columns]
    assert all("_TimeReceived" not in row for row in workspace.rows(AUDIT))
    named = workspace.query(f"{AUDIT} | project _TimeReceived", now=LATER)
    assert named.rows == [(CAME,)]


def test_a_file_of_the_version_before_knows_the_times_of_what_comes(workspace: Workspace, path: Path, stage):
    workspace.ingest("1", [stage([({"Operation": "a", "TimeGenerated": "2024-01-02T03:00:00Z"}, None)])])
    workspace.close()
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE tidewaiter._meta SET version = 3")
        connection.execute(f'CREATE OR REPLACE VIEW main."{AUDIT}" AS SELECT * FROM tidewaiter."{AUDIT}"')

    with Workspace.open(path) as opened:
        _bring(opened, "b", CAME)
        assert _times(opened) == [("a", HAPPENED), ("b", CAME)]
