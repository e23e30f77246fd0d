"""make-series, by its page ("make-series operator", Kusto docs, 2026-11)."""

# ruff: noqa: E501  (a query is read on one line)
from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tidewaiter.core.errors import QueryError

# The page's example: metrics of ten days, with two days missing.
DATA = """let data = datatable(timestamp: datetime, metric: real)[
    datetime(2016-12-31 06:00), 50, datetime(2017-01-01), 4, datetime(2017-01-02), 3, datetime(2017-01-03), 4,
    datetime(2017-01-03 03:00), 6, datetime(2017-01-05), 8, datetime(2017-01-05 13:40), 13,
    datetime(2017-01-06), 4, datetime(2017-01-07), 3, datetime(2017-01-08), 8, datetime(2017-01-09), 11, datetime(2017-01-10), 7];
    let interval = 1d; let stime = datetime(2017-01-01); let etime = datetime(2017-01-10);"""
CALLS = """datatable(t: datetime, k: string)[datetime(2024-01-01 05:00), 'a', datetime(2024-01-03 05:00), 'a',
    datetime(2024-01-02), 'b', datetime(2024-02-02), 'c', datetime(null), 'a']"""


def _day(day: int) -> str:
    return f'"2024-01-{day:02}T00:00:00.0000000Z"'


def test_the_example_of_the_page_gives_its_result(run):
    result = run(f"{DATA} data | make-series avg(metric) on timestamp from stime to etime step interval")

    assert [(column.name, column.type) for column in result.columns] == [
        ("avg_metric", "dynamic"),
        ("timestamp", "dynamic"),
    ]
    ((values, times),) = result.rows
    assert values == "[4.0,3.0,5.0,0,10.5,4.0,3.0,8.0,11.0]"
    assert times.startswith('["2017-01-01T00:00:00.0000000Z","2017-01-02T')
    assert times.endswith('"2017-01-09T00:00:00.0000000Z"]')


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("make-series n = count() on t from datetime(2024-01-01) to datetime(2024-01-04) step 1d by k | sort by k asc",
         [("a", "[1,0,1]", f"[{_day(1)},{_day(2)},{_day(3)}]"), ("b", "[0,1,0]", f"[{_day(1)},{_day(2)},{_day(3)}]")]),
        ("where k != 'c' | make-series n = count() default = -1 on t step 1d by k | sort by k asc",
         [("a", "[1,-1,1]", f"[{_day(1)},{_day(2)},{_day(3)}]"), ("b", "[1]", f"[{_day(2)}]")]),
        ("where k == 'a' | make-series n = count() on t from datetime(2023-12-31 12:00) step 1d",
         [("[1,0,1]", '["2023-12-31T12:00:00.0000000Z","2024-01-01T12:00:00.0000000Z","2024-01-02T12:00:00.0000000Z"]')]),
        ("where k == 'b' | make-series n = count(), d = dcount(k) default = 7 on at = t from datetime(2024-01-01) to datetime(2024-01-03) step 1d",
         [("[0,1]", "[7,1]", f"[{_day(1)},{_day(2)}]")]),
        ("where false | make-series n = count() on t from datetime(2024-01-01) to datetime(2024-01-03) step 1d", []),
        ("make-series n = countif(k == 'a') on t from datetime(2024-01-01) to datetime(2024-01-02 01:00) step 1d", [("[1,0]", f"[{_day(1)},{_day(2)}]")]),
        ("make-series n = count() on t from datetime(2024-01-01) to datetime(2024-01-04) step 1d by k | mv-expand n to typeof(long), t to typeof(datetime) | where n > 0 and k == 'b' | project t",
         [(datetime(2024, 1, 2, tzinfo=UTC),)]),
        ("make-series n = count() on t from datetime(2024-01-01) to datetime(2024-01-04) step 1d by K = toupper(k) | where K == 'B' | project K, n | render timechart", [("B", "[0,1,0]")]),
    ],
)  # fmt: skip
def test_rows_are_counted_in_bins_and_empty_bins_have_the_default(run, query, rows):
    assert run(f"{CALLS} | {query}").rows == rows


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("range x from 1 to 10 step 1 | make-series c = count() on x from 0 to 12 step 5", [("[4,5,1]", "[0,5,10]")]),
        ("datatable(x: real)[0.1, 0.9, -0.4] | make-series c = count() on x step 0.5", [("[1,1,1]", "[-0.5,0.0,0.5]")]),
        ("range x from 1 to 3 step 1 | make-series s = sum(x), m = max(x) default = long(null) on x from 2 to 6 step 2", [("[5,0]", "[3,null]", "[2,4]")]),
    ],
)  # fmt: skip
def test_an_axis_may_be_of_numbers(run, query, rows):
    assert run(query).rows == rows


def test_a_series_without_end_is_stopped(run):
    query = (
        f"{CALLS} | make-series n = count() on t from datetime(2000-01-01) to datetime(2024-02-01) step 1s"
    )
    with pytest.raises(QueryError, match="more than 1048576 bins"):
        run(query)
