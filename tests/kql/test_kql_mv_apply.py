# ruff: noqa: E501  (a query is read on one line)
from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.kql import Executor

TABLE = "let T = datatable(Id: long, Name: string, Data: dynamic)[1, 'a', dynamic([3, 1, 2]), 2, 'b', dynamic([]), 3, 'c', dynamic(null), 4, 'd', dynamic([5])]; "


@pytest.mark.parametrize(
    ("apply", "columns", "rows"),
    [
        ("x = Data to typeof(long) on (where x > 1)", ["Id", "Name", "Data", "x"],
         [(1, "a", "[3,1,2]", 3), (1, "a", "[3,1,2]", 2), (4, "d", "[5]", 5)]),
        ("Data to typeof(long) on (top 1 by Data)", ["Id", "Name", "Data"], [(1, "a", 3), (3, "c", None), (4, "d", 5)]),
        ("x = Data to typeof(long) on (top 2 by x asc | summarize s = sum(x))", ["Id", "Name", "Data", "s"],
         [(1, "a", "[3,1,2]", 3), (3, "c", None, 0), (4, "d", "[5]", 5)]),
        ("Data to typeof(long) on (project q = Data + 1)", ["Id", "Name", "q"],
         [(1, "a", 4), (1, "a", 2), (1, "a", 3), (3, "c", None), (4, "d", 6)]),
        ("with_itemindex=i x = Data to typeof(long) on (where i > 0 | project i, x)", ["Id", "Name", "Data", "i", "x"],
         [(1, "a", "[3,1,2]", 1, 1), (1, "a", "[3,1,2]", 2, 2)]),
        ("x = Data to typeof(long) on (extend Name = strcat(Name, tostring(x)) | where x > 2)", ["Id", "Name", "Data", "x"],
         [(1, "a3", "[3,1,2]", 3), (4, "d5", "[5]", 5)]),
        ("x = Data to typeof(long) on (summarize n = count() by Name)", ["Id", "Name", "Data", "n"],
         [(1, "a", "[3,1,2]", 3), (3, "c", None, 1), (4, "d", "[5]", 1)]),
        ("x = Data on (count)", ["Id", "Name", "Data", "Count"],
         [(1, "a", "[3,1,2]", 3), (3, "c", None, 1), (4, "d", "[5]", 1)]),
        ("x = Data to typeof(long) on (order by x asc | summarize l = make_list(x))", ["Id", "Name", "Data", "l"],
         [(1, "a", "[3,1,2]", "[1,2,3]"), (3, "c", None, "[]"), (4, "d", "[5]", "[5]")]),
        ("x = Data limit 1 on (take 5)", ["Id", "Name", "Data", "x"],
         [(1, "a", "[3,1,2]", "3"), (3, "c", None, None), (4, "d", "[5]", "5")]),
        ("x = Data to typeof(long) on (distinct Y = x > 1)", ["Id", "Name", "Data", "Y"],
         [(1, "a", "[3,1,2]", True), (1, "a", "[3,1,2]", False), (3, "c", None, None), (4, "d", "[5]", True)]),
    ],
)  # fmt: skip
def test_mv_apply_runs_the_subquery_on_each_record(run, apply, columns, rows):
    result = run(f"{TABLE}T | mv-apply {apply}")
    assert [column.name for column in result.columns] == columns
    assert sorted(result.rows, key=str) == sorted(rows, key=str)


def test_a_record_whose_elements_are_all_gone_still_has_its_summary(run):
    query = (
        TABLE
        + "T | mv-apply x = Data to typeof(long) on (where x > 4 | summarize n = count(), m = max(x)) | project Id, n, m"
    )
    assert run(query).rows == [(1, 0, None), (3, 0, None), (4, 1, 5)]


def test_subqueries_nest(run):
    query = (
        "print d = dynamic([{'k': 'a', 'v': [1, 2]}, {'k': 'b', 'v': [3]}]) "
        "| mv-apply p = d on (where p.k == 'a' | mv-apply q = p.v to typeof(long) on (where q > 1)) | project q"
    )
    assert run(query).rows == [(2,)]


def test_a_subquery_reads_lets_and_the_columns_of_its_record(run):
    query = (
        TABLE
        + "let least = 2; T | mv-apply x = Data to typeof(long) on (where x > least and Id == 1) | project x"
    )
    assert run(query).rows == [(3,)]


def test_what_audit_logs_are_asked_for(run):
    query = """
    print TargetResources = dynamic([{"modifiedProperties": [
        {"displayName": "Role", "newValue": "Owner"}, {"displayName": "Other", "newValue": "x"}]}])
    | mv-apply r = TargetResources on (
        mv-apply p = r.modifiedProperties on (where p.displayName == "Role" | extend New = tostring(p.newValue)))
    | project New"""
    assert run(query).rows == [("Owner",)]


def test_the_subquery_may_use_a_table(run):
    query = (
        "print d = dynamic(['one', 'x']) | mv-apply t = d to typeof(string) on "
        "(where t in ((People | project Title)) | lookup kind=inner (People) on $left.t == $right.Title) | project t, Key"
    )
    assert run(query).rows == [("one", 1)]


ARRAYS = st.lists(st.one_of(st.none(), st.lists(st.integers(-3, 3), max_size=4)), min_size=1, max_size=5)


@settings(max_examples=40, deadline=None)
@given(arrays=ARRAYS, least=st.integers(-2, 2))
def test_mv_apply_is_a_loop_over_the_records(executor: Executor, arrays, least):
    values = ", ".join(f"{i}, dynamic({json.dumps(array)})" for i, array in enumerate(arrays))
    query = (
        f"datatable(Id: long, All: dynamic)[{values}] "
        f"| mv-apply a = All to typeof(long) on (where a > {least} | summarize n = count(), s = sum(a)) | project Id, n, s"
    )
    kept = [(i, [x for x in array or [] if x > least]) for i, array in enumerate(arrays) if array != []]
    assert sorted(executor.run(query).rows) == [(i, len(found), sum(found)) for i, found in kept]
