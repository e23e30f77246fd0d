from __future__ import annotations

import pytest

from tidewaiter.core.errors import NotExecutable, QueryError
from tidewaiter.kql import Executor

OPERATORS = [
    ("Calls | mv-apply x = Data on (take 1)", "mv-apply"),
    ("Calls | make-series c = count() on At step 1d", "make-series"),
    ("Calls | sample 1", "sample"),
    ("Calls | sample-distinct 1 of Name", "sample-distinct"),
    ("Calls | serialize", "serialize"),
    ("Calls | serialize | extend n = row_number()", "serialize"),
    ("Calls | partition by Name (top 1 by Id)", "partition"),
    ("Calls | top-nested 1 of Name by sum(Id)", "top-nested"),
    ("Calls | top-hitters 1 of Name", "top-hitters"),
    ("Calls | reduce by Name", "reduce"),
    ("Calls | facet by Name", "facet"),
    ("Calls | fork (count) (take 1)", "fork"),
    ("Calls | consume", "consume"),
    ("Calls | scan with (step s1: Id > 1;)", "scan"),
    ("Calls | as X", "as"),
    ("Calls | parse-kv Name as (x: string)", "parse-kv"),
    ("Calls | project-keep Name", "project-keep"),
    ("Calls | project-reorder Name", "project-reorder"),
    ("Calls | project-away N*", "project-away with a wildcard"),
    ("Calls | distinct *", "distinct *"),
    ("Calls | assert-schema (Id: long)", "assert-schema"),
    ("Calls | make-graph Id --> Port", "make-graph"),
    ("Calls | search 'x'", "search"),
    ("search 'x'", "search"),
    ("find where Name has 'x'", "find"),
    ("macro-expand G as s (s.Calls)", "macro-expand"),
    ("let n = 2; Calls | take n", "take with a count that is not a literal"),
    ("let n = 2; Calls | top n by Id", "top with a count that is not a literal"),
    ("Calls | parse Name with one ' ' rest", "parse with a column before any text"),
    ("Calls | join kind=cross People on Name", "join kind cross"),
    ("Calls | extend (x, y) = pack_array(1, 2)", "assignment to several names"),
    ("Calls | summarize (m, n) = arg_max(At, Name)", "assignment to several names"),
    ("let f = (x: long) { Calls | where Id > x }; f(2)", "let f as a function with a tabular body"),
    ("materialize(Calls)", "materialize outside a let"),
    ("Calls | take 1; Calls | count", "several query statements"),
    ("Calls | where * has 'x'", "* as a column"),
    ("Calls | summarize take_any(*)", "* as an argument"),
    ("Calls | mv-expand todynamic(Name)", "mv-expand of an unnamed computed expression"),
    ("Calls | summarize count() by bin(At, 7d)", "bin by 7d"),
    ("print datetime(2024)", "datetime(2024)"),
    ("print decimal(1.5)", "decimal"),
    ("set notruncation; Calls | count", "set notruncation"),
    ("Calls | extend id = 1", "columns 'Id' and 'id' that differ only in case"),
    ("union withsource=S Calls, Tags", "union withsource= of columns with different types (Id)"),
]

FUNCTIONS = [
    "ipv4_is_in_range('1.1.1.1', '1.0.0.0/8')",
    "ipv4_is_private('1.1.1.1')",
    "ipv4_compare('1.1.1.1', '1.1.1.2')",
    "geo_info_from_ip_address('1.1.1.1')",
    "geo_distance_2points(1.0, 2.0, 3.0, 4.0)",
    "row_number()",
    "prev(1)",
    "next(1)",
    "column_ifexists('x', 1)",
    "ingestion_time()",
    "parse_user_agent('x', 'browser')",
    "bag_keys(dynamic({}))",
    "bin_at(1, 2, 3)",
    "hash('x')",
    "rand()",
    "new_guid()",
    "series_stats(dynamic([1]))",
    "set_union(dynamic([1]), dynamic([2]))",
    "url_decode('x')",
    "format_timespan(1h, 'hh')",
    "unixtime_seconds_todatetime(1)",
    "has_any_index('a', dynamic(['a']))",
    "parse_path('x')",
    "current_principal()",
]

AGGREGATES = ["hll(Id)", "percentiles(Id, 5, 95)", "make_bag(Data)", "make_set_if(Name, Ok)", "minif(Id, Ok)"]

OUTSIDE = [
    ("externaldata(a: string)['https://x/y.csv']", "externaldata"),
    ("let E = externaldata (a: string) [@'/etc/passwd']; E", "externaldata"),
    ("external_table('x')", "external_table"),
    ("Calls | evaluate bag_unpack(Data)", "evaluate bag_unpack"),
    ("Calls | evaluate hint.distribution=single pivot(Name)", "evaluate hint.distribution"),
    ("let e = evaluate bag_unpack(Calls); e", "evaluate bag_unpack"),
    ("workspace('x').Calls", "workspace"),
    ("union Calls, workspace('x').Calls", "workspace"),
    ("app('x').Calls", "app"),
    ("adx('x/y').Calls", "adx"),
    ("cluster('x').database('y').Calls", "cluster"),
    ("database('small').Calls", "database"),
    ("database('tidewaiter')._batches", "database"),
    ("Calls | where Name in ((database('small').Hidden))", "database"),
    ("table('Calls')", "table"),
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
        run("Calls\n| where Id > 1\n| sample 1")
    assert str(caught.value) == "query:3:3: not locally executable: sample"


def test_a_refusal_after_a_rewritten_string_still_points_at_the_original_text(run):
    query = r'Calls | where Name == "\u0041\u0042\u0043" | where * has "x"'
    with pytest.raises(NotExecutable) as caught:
        run(query)
    assert caught.value.at is not None
    assert query[caught.value.at.column - 1] == "*"


def test_check_refuses_what_run_refuses_and_accepts_what_runs(executor: Executor):
    executor.check("Calls | where Id > 1 | count")
    with pytest.raises(NotExecutable, match="mv-apply"):
        executor.check("Calls | mv-apply x = Data on (take 1)")
    with pytest.raises(QueryError, match="types do not fit"):
        executor.check("Calls | extend x = Name - 1")
