from __future__ import annotations

import pytest

from tidewaiter.core.errors import NotExecutable, QueryError
from tidewaiter.kql import Executor

OPERATORS = [
    ("Calls | make-series c = count() on At in range(ago(1d), now(), 1h)", "make-series in range"),
    ("Calls | make-series kind=nonempty c = count() on At step 1d", "make-series kind=nonempty"),
    ("Calls | make-series c = count() on Name step 1d", "make-series on a string"),
    ("Calls | top-nested 1 of Name by sum(Id)", "top-nested"),
    ("Calls | top-hitters 1 of Name", "top-hitters"),
    ("Calls | reduce by Name", "reduce"),
    ("Calls | facet by Name", "facet"),
    ("Calls | fork (count) (take 1)", "fork"),
    ("Calls | consume", "consume"),
    ("Calls | scan with (step s1: Id > 1;)", "scan"),
    ("Calls | take tolong(Name)", "take with a count that is not a literal"),
    ("Calls | extend n = row_number()", "row_number of rows without an order"),
    ("Calls | sort by Id | summarize count() by Ok | where prev(Ok)", "prev of rows without an order"),
    ("Calls | sort by Id | summarize take_any(prev(Id))", "prev outside extend, project and where"),
    ("Calls | mv-apply x = Data on (union People)", "union in a subquery of mv-apply or partition"),
    (
        "Calls | mv-apply x = Data on (sort by Id | extend n = row_number())",
        "row_number of rows without an order",
    ),
    ("Calls | partition by Name (summarize count())", "summarize without by in partition"),
    ("Calls | extend x = column_ifexists(Name, 1)", "column_ifexists of a name that is no literal"),
    ("Calls | parse kind=regex Name with a ' ' b", "parse kind=regex with a column before any text"),
    ("Calls | parse-kv Name as (x: string)", "parse-kv"),
    ("Calls | assert-schema (Id: long)", "assert-schema"),
    ("Calls | make-graph Id --> Port", "make-graph"),
    ("Calls | search 'x'", "search"),
    ("search 'x'", "search"),
    ("find where Name has 'x'", "find"),
    ("macro-expand G as s (s.Calls)", "macro-expand"),
    ("Calls | join kind=cross People on Name", "join kind cross"),
    ("Calls | extend (x, y) = pack_array(1, 2)", "assignment to several names"),
    ("Calls | summarize (m, n) = arg_max(At, Name)", "assignment to several names"),
    ("materialize(Calls)", "materialize outside a let"),
    ("Calls | take 1; Calls | count", "several query statements"),
    ("Calls | where * has 'x'", "* as a column"),
    ("print datetime(2024)", "datetime(2024)"),
    ("print decimal(1.5)", "decimal"),
    ("set notruncation; Calls | count", "set notruncation"),
    ("Calls | project Data[Name]", "dynamic index"),
]

FUNCTIONS = [
    "geo_info_from_ip_address('1.1.1.1')",
    "geo_distance_2points(1.0, 2.0, 3.0, 4.0)",
    "parse_user_agent('x', 'browser')",
    "bin_at(1, 2, 3)",
    "hash('x')",
    "rand()",
    "new_guid()",
    "series_stats(dynamic([1]))",
    "format_timespan(1h, 'hh')",
    "parse_path('x')",
    "current_principal()",
]

AGGREGATES = ["hll(Id)", "percentilew(Id, Port, 5)", "buildschema(Data)", "tdigest(Id)", "binary_all_or(Id)"]

OUTSIDE = [
    ("externaldata(a: string)['https://x/y.csv']", "externaldata"),
    ("let E = externaldata (a: string) [@'/etc/passwd']; E", "externaldata"),
    ("external_table('x')", "external_table"),
    ("Calls | evaluate python(typeof(*), 'x')", "evaluate python"),
    ("Calls | evaluate hint.distribution=single autocluster()", "evaluate autocluster"),
    ("Calls | evaluate bag_unpack(Data) : (*, a: string)", "evaluate with * in its output schema"),
    ("let e = evaluate bag_unpack(Calls); e", "evaluate bag_unpack"),
    ("workspace('x').Calls", "workspace"),
    ("union Calls, workspace('x').Calls", "workspace"),
    ("app('x').Calls", "app"),
    ("adx('x/y').Calls", "adx"),
    ("cluster('x').database('y').Calls", "cluster"),
    ("database('small').Calls", "database"),
    ("database('tidewaiter')._batches", "database"),
    ("Calls | where Name in ((database('small').Hidden))", "database"),
    ("table(strcat('Ca', 'lls'))", "table of a name that is no literal"),
    ("let Calls = print x = 1; table('Calls')", "table of Calls"),
    (".show tables", ".show"),
    ("  // a comment\n.drop table Calls", ".drop"),
    (".set X <| Calls", ".set"),
    (".show tables | take 1", ".show"),
]


@pytest.mark.parametrize(("query", "construct"), OPERATORS)
def test_a_construct_out_of_reach_is_refused_by_its_name(run, query, construct):
    with pytest.raises(NotExecutable) as caught:
        run(query)
    assert caught.value.construct == construct


@pytest.mark.parametrize("call", FUNCTIONS)
def test_a_function_out_of_reach_is_refused_by_its_name(run, call):
    with pytest.raises(NotExecutable) as caught:
        run(f"Calls | where Id == 99 | extend x = {call}")
    assert caught.value.construct == call.partition("(")[0]
    assert caught.value.at is not None
    assert caught.value.at.column == 37


@pytest.mark.parametrize("call", AGGREGATES)
def test_an_aggregate_out_of_reach_is_refused_by_its_name(run, call):
    with pytest.raises(NotExecutable) as caught:
        run(f"Calls | summarize {call}")
    assert caught.value.construct == call.partition("(")[0]


@pytest.mark.parametrize(("query", "construct"), OUTSIDE)
def test_a_query_that_leaves_the_lab_is_refused_by_the_name_of_the_way_out(run, query, construct):
    with pytest.raises(NotExecutable) as caught:
        run(query)
    assert caught.value.construct == construct


@pytest.mark.parametrize(
    "query",
    [
        "Calls | where Name == 'externaldata(a: string)' // .show tables | evaluate x | sample 1",
        "Calls | where Name has '| evaluate bag_unpack(d)' and Name != \"| mv-apply\"",
        "Calls | where Name has \"workspace('x')\" or Name has 'cluster(1)' or Name == '.drop table Calls'",
        "Calls | project cluster = Name, database = Id, evaluate = 1, app = 2 | where database > 99",
        "let app = 5; print x = app | where x == 6",
        "// .show tables\nCalls | where Id == 99",
    ],
)
def test_words_in_strings_comments_and_names_refuse_nothing(run, query):
    assert run(query).rows == []


def test_a_refusal_says_where_the_construct_stands(run):
    with pytest.raises(NotExecutable) as caught:
        run("Calls\n| where Id > 1\n| consume")
    assert str(caught.value) == "query:3:3: not locally executable: consume"


def test_a_refusal_after_a_rewritten_string_still_points_at_the_original_text(run):
    query = r'Calls | where Name == "\u0041\u0042\u0043" | where * has "x"'
    with pytest.raises(NotExecutable) as caught:
        run(query)
    assert caught.value.at is not None
    assert query[caught.value.at.column - 1] == "*"


def test_check_refuses_what_run_refuses_and_accepts_what_runs(executor: Executor):
    executor.check("Calls | where Id > 1 | count")
    with pytest.raises(NotExecutable, match="top-nested"):
        executor.check("Calls | top-nested 1 of Name by sum(Id)")
    with pytest.raises(QueryError, match="types do not fit"):
        executor.check("Calls | extend x = Name - 1")
