from __future__ import annotations

import pytest

from tidewaiter.core.errors import QueryError
from tidewaiter.kql import Executor, Limits
from tidewaiter.kql.tokens import MAX_TOKENS


def test_rows_beyond_the_limit_are_cut_and_the_result_says_so(executor: Executor):
    result = executor.run("range x from 1 to 100 step 1", limits=Limits(rows=10))
    assert [x for (x,) in result.rows] == list(range(1, 11))
    assert result.cut == "cut at 10 rows"


def test_as_many_rows_as_the_limit_allows_are_not_cut(executor: Executor):
    result = executor.run("range x from 1 to 10 step 1", limits=Limits(rows=10))
    assert len(result.rows) == 10
    assert result.cut == ""


def test_bytes_beyond_the_limit_are_cut_and_the_result_says_so(executor: Executor):
    result = executor.run(
        "range x from 1 to 100 step 1 | project strrep('é', 100)", limits=Limits(bytes=1000)
    )
    assert len(result.rows) == 10
    assert result.cut == "cut after 10 rows, at 1,000 bytes"


def test_a_query_that_takes_too_long_is_stopped(executor: Executor):
    endless = (
        "range a from 1 to 100000 step 1 | extend k = 1 | join kind=inner "
        "(range b from 1 to 100000 step 1 | extend k = 1) on k | summarize sum(a * b)"
    )
    with pytest.raises(QueryError, match=r"stopped after 0\.2 s"):
        executor.run(endless, limits=Limits(seconds=0.2))
    assert executor.run("print 1").rows == [(1,)]


def test_a_query_that_needs_too_much_memory_is_an_error():
    with Executor(None, {}, memory="20MB") as executor:
        with pytest.raises(QueryError, match="more memory"):
            executor.run("range a from 1 to 5000000 step 1 | summarize make_list(strcat('a', a))")
        assert executor.run("print 1").rows == [(1,)]


def test_a_query_of_too_many_tokens_is_refused_before_it_is_parsed(executor: Executor):
    many = ", ".join(["1"] * MAX_TOKENS)
    with pytest.raises(QueryError, match="tokens; the limit is"):
        executor.run(f"print x = dynamic([{many}])")


def test_an_executor_without_a_file_runs_print_and_datatable():
    with Executor(None, {}) as executor:
        assert executor.run("datatable(a: long)[1, 2] | summarize sum(a)").rows == [(3,)]


def test_a_closed_executor_opens_again_for_the_next_query(executor: Executor):
    executor.close()
    assert executor.run("Calls | count").rows == [(4,)]
