"""What a query reads, and that nothing is left out that could matter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tidewaiter.kql import Executor
from tidewaiter.lab.workspace import Workspace
from tidewaiter.lab.workspace.parts import by_arrival, by_time

START = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    with Workspace.open(tmp_path_factory.mktemp("reads") / "workspace.duckdb") as workspace:
        rows = [
            {
                "TimeGenerated": START + timedelta(minutes=n),
                "EventName": f"E{n % 5}",
                "SourceIpAddress": f"192.0.2.{n % 7}",
            }
            for n in range(60)
        ]
        workspace.append("AWSCloudTrail", rows)
        flow = {"TimeGenerated": START + timedelta(minutes=31), "SrcAddr": "192.0.2.1", "Action": "REJECT"}
        workspace.append("AWSVPCFlow", [flow])
        yield workspace


@pytest.fixture(scope="module")
def executor(workspace: Workspace) -> Executor:
    return workspace.executor()


QUERIES = [
    "AWSCloudTrail | where EventName == 'E1'",
    "AWSCloudTrail | where EventName == 'E1' and TimeGenerated > ago(3m) | summarize count() by EventName",
    "let wanted = 'E2'; AWSCloudTrail | where EventName == wanted | project EventName",
    "let n = toscalar(AWSVPCFlow | summarize count()); AWSCloudTrail | where strlen(EventName) == n + 1",
    "AWSCloudTrail | summarize n = count() | where n < 3",
    "AWSCloudTrail | where EventName == 'E9' | count",
    "AWSVPCFlow | join kind=inner (AWSCloudTrail) on $left.SrcAddr == $right.SourceIpAddress "
    "| project SrcAddr",
    "AWSVPCFlow | join kind=leftanti (AWSCloudTrail) on $left.SrcAddr == $right.SourceIpAddress",
    "AWSVPCFlow | join kind=fullouter (AWSCloudTrail | where EventName == 'E3') "
    "on $left.SrcAddr == $right.SourceIpAddress | project SrcAddr, EventName",
    "AWSVPCFlow | join kind=rightouter (datatable(SrcAddr:string)['192.0.2.1']) on SrcAddr "
    "| project SrcAddr1",
    "union (AWSCloudTrail | where EventName == 'E4' | project EventName), (print EventName = 'always')",
    "union AWSV*, AWSCloudTrail | where TimeGenerated > ago(1d) | summarize count() by Type",
    "AWSCloudTrail | where EventName in ((datatable(E:string)['E1'])) | distinct EventName",
    "let A = AWSCloudTrail | where EventName startswith 'E'; A | where EventName endswith '2' | take 3",
    "AWSCloudTrail | extend EventName = strcat(EventName, '!') | where EventName == 'E1!' "
    "| project EventName",
    "AWSCloudTrail | take 5 | where EventName == 'E1'",
    "AWSCloudTrail | where EventName == 'E1' | extend x = now() | where x > TimeGenerated",
]


@pytest.mark.parametrize("query", QUERIES)
def test_a_window_without_a_row_that_can_matter_has_no_result(executor, query):
    """The law that lets a rule skip windows: checked on every window of five minutes."""
    prepared = executor.prepare(query)
    admitted = executor.admitted(prepared, '"TimeGenerated"', {})
    times = {at.replace(tzinfo=UTC) for _, at in admitted}
    skipped = 0
    for n in range(-10, 70, 5):
        start, end = START + timedelta(minutes=n), START + timedelta(minutes=n + 5)
        parts = by_time(prepared.reads.tables, start, end)
        rows = executor.run_prepared(prepared, now=end, parts=parts).rows
        if prepared.reads.nothing_from_nothing and not any(start <= at < end for at in times):
            skipped += 1
            assert rows == []
    if prepared.reads.nothing_from_nothing:
        assert skipped >= 4  # before the first row, and after the last


@pytest.mark.parametrize("query", QUERIES)
def test_a_prepared_query_answers_as_a_run_on_the_same_rows(executor, query):
    prepared = executor.prepare(query)
    for start, end in [(0, 60), (30, 40), (-10, 0)]:
        window = START + timedelta(minutes=start), START + timedelta(minutes=end)
        plain = executor.run(query, now=window[1], timespan=window)
        parts = by_time(prepared.reads.tables, *window)
        found = executor.run_prepared(prepared, now=window[1], parts=parts)
        assert found.columns == plain.columns
        if "take" not in query:  # whose rows are any
            assert sorted(map(repr, found.rows)) == sorted(map(repr, plain.rows))


@pytest.mark.parametrize(
    ("query", "nothing", "minutes"),
    [
        (QUERIES[0], True, 12),
        (QUERIES[1], True, 12),
        (QUERIES[2], True, 12),
        (QUERIES[3], True, 61),
        (QUERIES[4], False, 60),
        (QUERIES[7], True, 61),
        (QUERIES[9], False, 1),
        (QUERIES[10], False, 12),
        (QUERIES[14], True, 60),
        (QUERIES[15], True, 60),
    ],
)
def test_filters_right_behind_a_table_say_which_rows_can_matter(executor, query, nothing, minutes):
    prepared = executor.prepare(query)
    assert prepared.reads.nothing_from_nothing is nothing
    assert len(executor.admitted(prepared, '"TimeGenerated"', {})) == minutes


def test_rows_are_parted_by_their_arrival(workspace, executor):
    prepared = executor.prepare("AWSCloudTrail | order by TimeGenerated asc | project EventName")
    parts = by_arrival(workspace, {"AWSCloudTrail": (10, 12)})
    assert executor.run_prepared(prepared, now=START, parts=parts).rows == [("E0",), ("E1",)]
    nothing = by_arrival(workspace, {"AWSCloudTrail": (60, 60)})
    assert executor.run_prepared(prepared, now=START, parts=nothing).rows == []
