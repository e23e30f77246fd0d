"""azure-monitor-query, unmodified, against the lab over TLS."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import HttpResponseError
from azure.monitor.query import (
    LogsBatchQuery,
    LogsQueryClient,
    LogsQueryError,
    LogsQueryPartialResult,
    LogsQueryResult,
)

from tidewaiter.lab.server.query.limits import QueryLimits

from .conftest import LabServer, Way
from .test_lab_sdk_ingestion import credential


@pytest.fixture
def client(lab_server: LabServer) -> Iterator[LogsQueryClient]:
    with LogsQueryClient(
        credential(lab_server),
        endpoint=lab_server.url,
        audience="https://api.loganalytics.io",
        connection_verify=str(lab_server.ca),
        retry_total=0,
    ) as client:
        yield client


@pytest.fixture
def workspace(lab_server: LabServer) -> str:
    return lab_server.lab.tenant.workspace_id


def test_the_sdk_reads_what_was_sent(client: LogsQueryClient, workspace: str, fresh_way: Way):
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    fresh_way.send([{"TimeGenerated": at.isoformat(), "N": 2**53 + 1, "Extra": {"a": [1]}, "Flag": True}])
    query = f"{fresh_way.table} | project TimeGenerated, N, Extra, Flag, Ratio"
    found = client.query_workspace(workspace, query, timespan=timedelta(hours=1))
    assert isinstance(found, LogsQueryResult)
    (table,) = found.tables
    assert table.columns_types == ["datetime", "long", "dynamic", "bool", "real"]
    assert list(table.rows[0]) == [at, 2**53 + 1, '{"a":[1]}', True, None]


def test_the_sdks_timespans_are_understood(client: LogsQueryClient, workspace: str, fresh_way: Way):
    now = datetime.now(UTC)
    fresh_way.send([{"TimeGenerated": (now - timedelta(hours=n)).isoformat(), "N": n} for n in (1, 3, 5)])
    spans = (
        (timedelta(hours=2), [1]),
        ((now - timedelta(hours=4), now - timedelta(hours=2)), [3]),
        ((now - timedelta(hours=6), timedelta(hours=4)), [3, 5]),
        (None, [1, 3, 5]),
    )
    for span, wanted in spans:
        found = client.query_workspace(
            workspace, f"{fresh_way.table} | project N | order by N asc", timespan=span
        )
        assert isinstance(found, LogsQueryResult)
        assert [row[0] for row in found.tables[0].rows] == wanted


def test_the_sdk_queries_by_resource_id(client: LogsQueryClient, lab_server: LabServer):
    found = client.query_resource(lab_server.lab.tenant.workspace_path, "print X = 1", timespan=None)
    assert isinstance(found, LogsQueryResult)
    assert found.tables[0].rows[0]["X"] == 1


def test_the_sdk_gets_statistics_and_visualization(client: LogsQueryClient, workspace: str):
    found = client.query_workspace(
        workspace,
        "print X = 1 | render piechart",
        timespan=None,
        server_timeout=60,
        include_statistics=True,
        include_visualization=True,
    )
    assert found.statistics
    assert found.statistics["query"]["executionTime"] > 0
    assert found.visualization
    assert found.visualization["visualization"] == "piechart"


def test_the_sdk_reports_a_wrong_query_in_the_services_words(client: LogsQueryClient, workspace: str):
    with pytest.raises(HttpResponseError) as caught:
        client.query_workspace(workspace, "SecurityAlert | where Nope == 1", timespan=None)
    assert caught.value.status_code == 400
    assert "SEM0100" in str(caught.value)
    assert "Nope" in str(caught.value)


def test_the_sdk_names_what_the_lab_cannot_run(client: LogsQueryClient, workspace: str):
    with pytest.raises(HttpResponseError, match="not locally executable: top-nested"):
        client.query_workspace(
            workspace, "SecurityAlert | top-nested 1 of AlertName by count()", timespan=None
        )


def test_the_sdk_refuses_further_workspaces_by_name(client: LogsQueryClient, workspace: str):
    with pytest.raises(HttpResponseError, match=r"not locally executable: workspace\('other'\)"):
        client.query_workspace(workspace, "print 1", timespan=None, additional_workspaces=["other"])


def test_the_sdk_tells_a_partial_result(client: LogsQueryClient, workspace: str, lab_server: LabServer):
    before, lab_server.lab.query_limits = lab_server.lab.query_limits, QueryLimits(rows=10)
    try:
        found = client.query_workspace(workspace, "range X from 1 to 11 step 1", timespan=None)
    finally:
        lab_server.lab.query_limits = before
    assert isinstance(found, LogsQueryPartialResult)
    assert found.partial_error
    assert found.partial_error.code == "PartialError"
    assert len(found.partial_data[0].rows) == 10


def test_the_sdk_tells_a_timeout(client: LogsQueryClient, workspace: str):
    endless = (
        "range A from 1 to 100000 step 1 | extend K = 1 | join kind=inner "
        "(range B from 1 to 100000 step 1 | extend K = 1) on K | summarize sum(A * B)"
    )
    with pytest.raises(HttpResponseError) as caught:
        client.query_workspace(workspace, endless, timespan=None, server_timeout=1)
    assert caught.value.status_code == 504


def test_the_sdk_runs_a_batch(client: LogsQueryClient, workspace: str):
    asked = [
        LogsBatchQuery(workspace, "print X = 1", timespan=None),
        LogsBatchQuery(workspace, "wrong |", timespan=timedelta(days=1)),
        LogsBatchQuery(workspace, "print X = 3 | render table", timespan=None, include_visualization=True),
    ]
    first, second, third = client.query_batch(asked)
    assert isinstance(first, LogsQueryResult)
    assert first.tables[0].rows[0][0] == 1
    assert isinstance(second, LogsQueryError)
    assert second.code == "BadArgumentError"
    assert isinstance(third, LogsQueryResult)
    assert third.visualization
