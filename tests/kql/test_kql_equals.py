"""A single `=` in a condition is refused: the library would read it as an assignment and keep every row."""

from __future__ import annotations

import pytest

from tidewaiter.core.errors import QueryError
from tidewaiter.kql import Executor

SCHEMAS = {"T": {"A": "string", "N": "long"}}
DATA = "datatable(A:string, N:long)['x', 1, 'y', 2]"


@pytest.mark.parametrize(
    "rest",
    [
        "where N = 1",
        "where (N = 1)",
        "where A == 'x' and (N = 1 or N == 2)",
        "extend x = iff(N = 1, 'one', 'other')",
        "summarize countif(N = 1)",
        "summarize x = countif(N = 1) by A",
        "where not(N = 1)",
        "join kind=inner (datatable(A:string)['x'] | where A = 'x') on A",
    ],
)
def test_an_assignment_where_a_comparison_must_stand_is_refused(rest):
    with Executor(None, SCHEMAS) as executor, pytest.raises(QueryError, match="=="):
        executor.run(f"{DATA} | {rest}")


@pytest.mark.parametrize(
    "query",
    [
        f"{DATA} | extend x = N + 1 | where x == 2",
        f"{DATA} | summarize n = count(), m = max(N) by a = A",
        f"{DATA} | project B = A, M = iff(N == 1, 'one', 'other')",
        f"{DATA} | join kind=inner (datatable(A:string)['x'] | extend y = 1 | where y == 1) on A",
        f"let n = 1; {DATA} | where N == n",
        f"{DATA} | where A in (({DATA} | where N == 1 | project B = A))",
        "print a = 1, b = strcat('x', 'y=z')",
        f"union ({DATA} | extend x = 1), ({DATA} | extend x = 2)",
        f"{DATA} | where A has 'a = b' or N == 1 // N = 2",
        f"let m = toscalar({DATA} | summarize t = max(N)); {DATA} | where N == m",
        f"{DATA} | summarize total = count() by bin(N, 1) | render timechart with (title='x')",
    ],
)
def test_names_may_still_be_given(query):
    with Executor(None, SCHEMAS) as executor:
        assert executor.run(query).rows
