from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.core.errors import NotExecutable, QueryError, StateError
from tidewaiter.kql import Executor


@pytest.mark.parametrize(
    ("query", "message", "hint"),
    [
        ("calls | count", "unknown table 'calls'", "did you mean 'Calls'? names are case-sensitive"),
        ("Call | count", "unknown table 'Call'", "did you mean 'Calls'?"),
        ("Nothing | count", "unknown table 'Nothing'", ""),
        (
            "Calls | where name == ''",
            "unknown column 'name'",
            "did you mean 'Name'? names are case-sensitive",
        ),
        ("Calls | where Nam == ''", "unknown column 'Nam'", "did you mean 'Name'?"),
        ("Calls | project Nope", "unknown column 'Nope'", ""),
        ("Calls | project-away Nope", "unknown column 'Nope'", ""),
        ("Calls | project-rename X = Nope", "unknown column 'Nope'", ""),
        ("Calls | order by Nope", "unknown column 'Nope'", ""),
        ("Calls | summarize sum(Nope)", "unknown column 'Nope'", ""),
        ("Calls | summarize count() by Nope", "unknown column 'Nope'", ""),
        ("Calls | join kind=inner People on Id", "unknown column 'Id'", ""),
        ("Calls | join (People | where nope) on Name", "unknown column 'nope'", ""),
        ("Calls | where Id in ((People | project Nope))", "unknown column 'Nope'", ""),
        ("let L = People | where Nope > 1; L | count", "unknown column 'Nope'", ""),
        ("Calls | mv-expand Nope", "unknown column 'Nope'", ""),
        ("Calls | project Id | where Name == ''", "unknown column 'Name'", ""),
        ("Calls | wher Id == 1", "KQL has no operator 'wher'", "did you mean 'where'?"),
        ("Calls | project-kep Id", "KQL has no operator 'project-kep'", "did you mean 'project-keep'?"),
        ("Calls || count", "KQL has no operator '|'", ""),
        ("Calls |", "no operator after '|'", ""),
        ("Calls | where Id ==", "syntax error: unexpected end of the query", ""),
        ("Calls | where Id = = 1", "'=' names a value", ""),
        ("Calls | where Name == 'x", "a string that does not end", ""),
        ("Calls | where Name == #", "KQL does not know the character '#'", ""),
        ("Calls | where ToLower(Name) == ''", "unknown function 'ToLower'", "did you mean 'tolower'?"),
        ("Calls | extend x = make_list(Id)", "make_list() is an aggregate function", ""),
        ("Calls | where count() > 1", "count() is an aggregate function", ""),
        ("", "the query is empty", ""),
        ("// only a comment", "the query is empty", ""),
        ("declare query_parameters(p: long); Calls | where Id == p", "query parameter p has no value", ""),
        ("Calls | where Name has '" + "\ud800" + "'", "not valid Unicode", ""),
        ("print x = " + "(" * 400 + "1" + ")" * 400, "nested too deeply", ""),
    ],
)
def test_a_wrong_query_is_an_error_that_says_what_is_wrong(run, query, message, hint):
    with pytest.raises(QueryError) as caught:
        run(query)
    assert not isinstance(caught.value, NotExecutable)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_an_error_shows_the_line_with_a_caret(run):
    with pytest.raises(QueryError) as caught:
        run("Calls\n| where Id > 1\n|  where\tNam == 'x'")
    lines = str(caught.value).split("\n")
    assert lines[0] == "query:3:10: unknown column 'Nam'"
    assert lines[1] == "  |  where Nam == 'x'"
    assert lines[2].startswith(" " * 11 + "^")


def test_an_error_names_the_origin_that_was_given(executor: Executor):
    with pytest.raises(QueryError, match=r"^rules/x\.kql:1:9: "):
        executor.run("Calls | wher Id == 1", origin="rules/x.kql")


def test_types_that_do_not_fit_are_named_without_showing_sql(run):
    with pytest.raises(QueryError, match="the types do not fit") as caught:
        run("Calls | where Data.k == 2")
    assert "tolong()" in caught.value.hint
    assert "SELECT" not in str(caught.value)


def test_a_query_that_kusto_refuses_too_is_wrong_and_not_merely_out_of_reach(run):
    with pytest.raises(QueryError, match="iff") as caught:
        run("print iff(true, 1, 2.5)")
    assert not isinstance(caught.value, NotExecutable)


def test_an_absent_database_is_a_state_error(tmp_path):
    with pytest.raises(StateError, match="no lab database"):
        Executor(tmp_path / "none.duckdb", {}).run("print 1")


def test_a_damaged_database_is_a_state_error(tmp_path):
    path = tmp_path / "damaged.duckdb"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(StateError, match="cannot be read"):
        Executor(path, {}).run("print 1")


WORDS = [
    "Calls", "People", "|", "where", "project", "extend", "summarize", "by", "count()", "sum(Id)", "join",
    "kind=leftouter", "on", "union", "(", ")", ",", ";", "=", "==", "'x'", "1", "1d", "ago(1h)",
    "bin(At,1h)", "make_set(Name)", "and", "or", "has", "in", "(", "..", "dynamic([1])", "Data.k[0]",
    "let", "x", "take", "top", "order", "distinct", "mv-expand", "parse", "with", "*", "iff(Ok,1,2)",
    "toscalar(", "arg_max(Id,*)", "getschema", "print", "datatable(a:long)", "[", "]", "-1", "$left.",
    "!", "null", "{0}", "\\", '"', "'", "```", "//", ".show", "evaluate", "externaldata", "cluster('x')",
    "['a\"b']",
]  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(query=st.text() | st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join))
def test_whatever_is_asked_is_answered_or_refused_with_a_query_error(run, query):
    with contextlib.suppress(QueryError):
        run(query)
