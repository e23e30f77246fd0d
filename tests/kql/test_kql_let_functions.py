# ruff: noqa: E501  (a query is read on one line)
from __future__ import annotations

import pytest

from tidewaiter.core.errors import QueryError


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("let f = (n: long) { Calls | where Id > n }; f(3) | count", [(1,)]),
        ("let f = (n: long = 2) { Calls | where Id > n }; f() | count", [(2,)]),
        ("let f = (n: long) { Calls | where Id > n }; f(3) | union f(1) | count", [(4,)]),
        ("let f = () { Calls | where Id > 3 }; union f, f() | count", [(2,)]),
        ("let f = () { Calls }; f | where Id == 1 | count", [(1,)]),
        ("let f = (T: (Id: long)) { T | count }; f(Calls)", [(4,)]),
        ("let f = (T: (*)) { T | count }; f((Calls | where Id > 1))", [(3,)]),
        ("let f = (T: (*), n: long = 2) { let m = n + 1; T | where Id > m }; f(Calls) | count", [(1,)]),
        ("let f = (T: (*), n: long) { T | where Id > n }; f(Calls, 1) | count", [(3,)]),
        ("let k = 1; let f = (Calls: (*)) { Calls | where Id > k | join kind=inner (Calls) on Id }; f(Calls) | count", [(3,)]),
        ("let f = (T: (*)) { T | where Id > 3 }; Calls | invoke f() | count", [(1,)]),
        ("let f = (n: long) { Calls | where Id > n }; Calls | where Id in ((f(2) | project Id)) | count", [(2,)]),
        ("let g = (n: long) { Calls | where Id > n }; let f = (n: long) { g(n) | where Id < 4 }; f(1) | count", [(2,)]),
        ("let f = (n: long) { Calls | where Id > n }; let X = f(2); X | count", [(2,)]),
        ("let f = (n: long) { Calls | where Id > n }; print toscalar(f(2) | count)", [(2,)]),
        ("let f = (x: string) { strcat(x, '!') }; print f('a')", [("a!",)]),
    ],
)  # fmt: skip
def test_a_function_of_a_query_may_give_or_take_a_table(run, query, rows):
    assert run(query).rows == rows


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("let f = (n: long) { Calls | where Id > n }; f()", "expects 1 argument"),
        ("let f = (T: (*)) { T | count }; f()", "requires a table"),
        ("let f = (n: long) { Calls | where Nope > n }; f(3)", "unknown column 'Nope'"),
        ("let f = (n: long) { Nope | where Id > n }; f(3)", "unknown table 'Nope'"),
        ("let f = () { f() | take 1 }; f()", "f"),
    ],
)
def test_what_is_wrong_with_such_a_function_is_told(run, query, said):
    with pytest.raises(QueryError, match=said):
        run(query)


def test_a_function_of_one_query_is_unknown_to_the_next(run):
    run("let f = (n: long) { Calls | where Id > n }; f(3)")
    with pytest.raises(QueryError, match="f"):
        run("f(3)")
