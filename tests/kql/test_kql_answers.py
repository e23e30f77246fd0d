from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tidewaiter.kql import Column, Executor
from tidewaiter.kql.tokens import RUNS


def at(day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2024, 1, day, hour, minute, tzinfo=UTC)


ANSWERS = [
    # tabular operators
    ("Calls | where Id == 2 | project Name", [("Gamma_delta",)]),
    ("Calls | filter Id == 2 | count", [(1,)]),
    ("Calls | project Port, Id | take 0", []),
    ("People | project-away Key, Title | limit 1", [("alpha beta",)]),
    ("Tags | project-rename Label = Tag", [("a", "red")]),
    ("Tags | extend Id = strcat(Id, '!'), New = 1", [("a!", "red", 1)]),
    (
        "Calls | summarize count(), n = dcount(Ok), sum(Id) by Ok | sort by Ok asc | where Ok",
        [(True, 2, 1, 5)],
    ),
    ("People | distinct Key | order by Key asc", [(1,), (9,)]),
    ("Calls | top 2 by Id desc | project Id", [(4,), (3,)]),
    ("Calls | sort by At | project Id", [(4,), (2,), (1,), (3,)]),
    ("Calls | order by Name asc nulls last | project Id", [(3,), (4,), (2,), (1,)]),
    ("Calls | join kind=inner People on Name | project Id, Title", [(1, "one")]),
    ("Calls | join kind=leftanti People on Name | count", [(3,)]),
    ("Calls | join kind=leftsemi People on Name | count", [(1,)]),
    ("Calls | join kind=rightsemi People on Name | project Title", [("one",)]),
    (
        "Calls | join People on $left.Id == $right.Key | project Id, Title | order by Title asc",
        [(1, "one"), (1, "uno")],
    ),
    ("Calls | lookup kind=inner People on Name | project Id, Title", [(1, "one")]),
    ("union Calls, People | count", [(7,)]),
    ("union kind=inner Calls, People | getschema | project ColumnName", [("Name",)]),
    (
        "union withsource=Src Calls, People | summarize count() by Src | order by Src asc",
        [("Calls", 4), ("People", 3)],
    ),
    ("union isfuzzy=true Nope, Calls | count", [(4,)]),
    ("union isfuzzy=true Calls, (Nope | where x == 1) | count", [(4,)]),
    ("union Peop* | count", [(3,)]),
    ("Calls | mv-expand v = Data.k.v to typeof(string) | where Id == 1 | project v", [("1",), ("x",)]),
    ("Calls | mvexpand Data | where Id == 4 | project Data", [("1",), ("2",), ("2",)]),
    ("Calls | parse Name with * ' ' rest | where Id == 1 | project rest", [("beta",)]),
    ("Calls | parse-where Name with 'alpha ' rest | project rest", [("beta",)]),
    ("Tags | getschema | project ColumnName, ColumnType", [("Id", "string"), ("Tag", "string")]),
    ("Tags | render timechart with (title='x')", [("a", "red")]),
    ("let f = (T: (Id: long)) { T | where Id > 3 }; Calls | invoke f() | count", [(1,)]),
    ("range x from 1 to 5 step 2", [(1,), (3,), (5,)]),
    ("datatable(a: long, b: string)[1, 'x', 2, 'y']", [(1, "x"), (2, "y")]),
    ("People | project-reorder T*, Name | getschema | project ColumnName", [("Title",), ("Name",), ("Key",)]),
    ("People | project-keep T*, Key | take 1", [(1, "one")]),
    ("People | sample-distinct 1 of Key | count", [(1,)]),
    ("People | serialize n = row_number() | project n", [(1,), (2,), (3,)]),
    ("People | partition by Key (top 1 by Title asc) | project Title", [("one",), ("nine",)]),
    ("Calls | mv-apply v = Data to typeof(long) on (where v > 1) | project Id, v", [(4, 2), (4, 2)]),
    ("Calls | where Id > 1 | as Some | join kind=inner (Some) on Id | count", [(3,)]),
    # lets and nested queries
    ("let x = 2; Calls | where Id > x | count", [(2,)]),
    ("let X = Calls | where Id > 2; X | count", [(2,)]),
    ("let M = materialize(Calls | where Id > 2); M | count", [(2,)]),
    ("let f = (a: string, b: string = '!') { strcat(a, b) }; print f('x'), f('x', 'y')", [("x!", "xy")]),
    ("let m = toscalar(Calls | summarize max(Id)); Calls | where Id == m | project Name", [("10.0.0.1",)]),
    ("Calls | where Name in ((People | project Name)) | count", [(1,)]),
    ("Calls | where Name has_any ((People | project Name)) | count", [(1,)]),
    ("declare query_parameters(p: long = 3); Calls | where Id == p | count", [(1,)]),
    # string operators
    ("Calls | where Name has 'BETA' | count", [(1,)]),
    ("Calls | where Name has 'bet' | count", [(0,)]),
    ("Calls | where Name has 'delta' | count", [(1,)]),
    ("Calls | where Name !has 'beta' | count", [(3,)]),
    ("Calls | where Name has_cs 'BETA' | count", [(0,)]),
    ("Calls | where Name has_any ('beta', 'delta') | count", [(2,)]),
    ("Calls | where Name has_all ('alpha', 'beta') | count", [(1,)]),
    ("Calls | where Name contains 'PH' | count", [(1,)]),
    ("Calls | where Name startswith 'AL' and Name endswith 'TA' | count", [(1,)]),
    ("Calls | where Name in~ ('ALPHA BETA') | count", [(1,)]),
    ("Calls | where Name !in ('alpha beta') | count", [(3,)]),
    ("Calls | where Name =~ 'ALPHA BETA' or Name matches regex '^Gam' | count", [(2,)]),
    ("let L = dynamic(['q', 'alpha beta']); Calls | where Name in (L) | count", [(1,)]),
    (
        "print extract('([a-z]+)', 1, '12ab'), split('a.b', '.')[1], strcat('a', 1, true)",
        [("ab", '"b"', "a1True")],
    ),
    (
        "print isempty(''), isnotempty('x'), isnull(int(null)), iff(1 > 2, 'a', 'b')",
        [(True, True, True, "b")],
    ),
    ("print case(1 > 2, 'a', 2 > 1, 'b', 'c'), coalesce('', 'x'), strlen('é')", [("b", "x", 1)]),
    # numbers, times, dynamic
    ("print 7 / 2, 7.0 / 2, -7 % 3, 1 / 0", [(3, 3.5, 2, None)]),
    (
        "print toint('12'), tolong('x'), todouble('1e3'), tobool('true'), tostring(true)",
        [(12, None, 1000.0, True, "True")],
    ),
    ("Calls | where At between (datetime(2024-01-01) .. 1d) | count", [(1,)]),
    (
        "Calls | summarize count() by bin(At, 1d) | where isnotnull(At) | order by At asc",
        [(at(1), 1), (at(2), 1), (at(3), 1)],
    ),
    (
        "print bin(datetime(1969-12-31 23:59:59), 1h), bin(7, 5)",
        [(datetime(1969, 12, 31, 23, tzinfo=UTC), 5)],
    ),
    ("print format_datetime(datetime(2024-01-02 03:04:05), 'yyyy-MM-dd HH:mm')", [("2024-01-02 03:04",)]),
    (
        "print todatetime('2024-01-02T03:00:00+02:00'), startofday(datetime(2024-01-02 05:00))",
        [(at(2, 1), at(2))],
    ),
    (
        "print 1d, datetime_diff('hour', datetime(2024-01-02), datetime(2024-01-01))",
        [(timedelta(days=1), 24)],
    ),
    (
        "Calls | where Id == 1 | project Data.k.v[1], Data['k'].v[0], tostring(Data.k.v[1]), Data.none",
        [('"x"', "1", "x", None)],
    ),
    ("Calls | where Data.k.v[1] == 'x' | count", [(1,)]),
    ("Calls | summarize arg_max(At, Name, Id)", [(at(3), "10.0.0.1", 4)]),
    ("Calls | sample 3 | count", [(3,)]),
    ("Calls | where Id == 2 | evaluate bag_unpack(Data) | project k", [(2,)]),
    ("Calls | make-series n = count() on Id from 1 to 6 step 2 | project n", [("[2,2,0]",)]),
    (
        "Calls | summarize countif(Id > 1), dcountif(Name, Id > 1), percentile(Id, 50), avg(Id)",
        [(3, 3, 2, 2.5)],
    ),
]


@pytest.mark.parametrize(("query", "rows"), ANSWERS)
def test_a_query_answers_as_kusto_does(run, query, rows):
    assert run(query).rows == rows


def test_every_operator_that_is_said_to_run_is_asked_above():
    asked = {part.split()[0] for query, _ in ANSWERS for part in query.split("|")[1:] if part.split()}
    assert asked >= RUNS - {"union"}


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("Calls | summarize make_set(Ok, 1)", [("[false]",)]),
        ("Calls | summarize make_list(Id, 2)", [("[1,2]",)]),
        ("Calls | order by Id desc | summarize make_list(Id)", [("[4,3,2,1]",)]),
        ("Calls | summarize tostring(make_list(Port))", [("[5,6,70000]",)]),
        ("Calls | summarize l = make_list(At) | project l[0]", [('"2024-01-01T00:00:00.0000000Z"',)]),
        ("Calls | summarize l = make_list(At) | project todatetime(l[0])", [(at(1),)]),
        ("People | summarize make_set(Name)", [('["alpha beta","q","x"]',)]),
        ("datatable(d: dynamic)[dynamic([1, 2]), dynamic([2, 3])] | summarize make_set(d)", [("[1,2,3]",)]),
        ("datatable(s: string)['[1,2]', '[3]'] | summarize make_list(s)", [('["[1,2]","[3]"]',)]),
        ("datatable(s: string)['[1,2]'] | summarize make_set(s)", [('["[1,2]"]',)]),
        ("Calls | where Id > 99 | summarize make_list(Id), make_set(Name)", [("[]", "[]")]),
    ],
)
def test_lists_and_sets_are_dynamic_and_keep_their_maximum(run, query, rows):
    assert run(query).rows == rows


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("Calls | join kind=leftouter People on Name | where Title == '' | count", [(3,)]),
        (
            "Calls | join kind=leftouter People on Name "
            "| summarize countif(isnull(Title)), countif(isnull(Key))",
            [(0, 3)],
        ),
        (
            "Calls | join kind=rightouter People on Name | where Name == '' "
            "| project Title | order by Title asc",
            [("nine",), ("uno",)],
        ),
        (
            "Calls | join kind=fullouter People on Name | summarize count() by Title | where Title == ''",
            [("", 3)],
        ),
        ("Calls | lookup People on Name | where Title == '' | count", [(3,)]),
        ("union Calls, People | where Title == '' | count", [(4,)]),
        ("let J = Calls | join kind=leftouter People on Name; J | where Title == '' | count", [(3,)]),
        (
            "Calls | where Id in ((Calls | lookup People on Name | where Title == '' | project Id)) | count",
            [(3,)],
        ),
        ("Calls | where Id > 99 | summarize max(Name)", [("",)]),
    ],
)
def test_a_string_that_is_absent_is_empty_and_not_null(run, query, rows):
    assert run(query).rows == rows


def test_a_union_sets_columns_of_different_types_apart(run):
    result = run("union Tags, Calls | summarize max(Id_long), max(Id_string)")
    assert result.rows == [(4, "a")]
    assert [column.type for column in result.columns] == ["long", "string"]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        (
            "print parse_json('text'), tostring(parse_json('text')), parse_json('')",
            [('"text"', "text", None)],
        ),
        ("print parse_json('{\"a\": 1}').a, todynamic('[1]')[0]", [("1", "1")]),
        (
            "print tostring(split('a b', ' ')), split('a.b.c', '.', 1), split('a', '.', 5)",
            [('["a","b"]', '["b"]', "[]")],
        ),
        (
            "Calls | extend d = datetime(2024-01-05) - At | where Id == 2 | project bin(d, 1h)",
            [(timedelta(days=2, hours=11),)],
        ),
        ("print bin(-90s, 1m)", [(timedelta(minutes=-2),)]),
    ],
)
def test_what_the_library_gets_wrong_is_put_right(run, query, rows):
    assert run(query).rows == rows


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("print now()", [(at(4),)]),
        ("print now(-1h)", [(at(3, 23),)]),
        ("print ago(1d)", [(at(3),)]),
        ("Calls | where At > ago(36h) | project Id", [(2,), (4,)]),
        ("let since = ago(36h); Calls | where At > since | count", [(2,)]),
        (
            "Calls | join kind=leftouter (Calls | where At > ago(36h)) on Id | where isnotnull(Id1) | count",
            [(2,)],
        ),
        ("union (Calls | where At > ago(36h)), (Calls | where At > ago(36h)) | count", [(4,)]),
        ("print toscalar(Calls | where At > ago(36h) | count)", [(2,)]),
        ("print x = 'now() ago(1d) $kqlnow', y = now()", [("now() ago(1d) $kqlnow", at(4))]),
        ("set query_now = datetime(2024-01-02); print now()", [(at(2),)]),
    ],
)
def test_the_clock_is_the_one_that_was_given(run, query, rows):
    assert run(query).rows == rows


def test_without_a_clock_now_is_the_wall_clock(executor: Executor):
    before = datetime.now(UTC)
    (seen,) = executor.run("print now()").rows[0]
    assert isinstance(seen, datetime)
    assert before <= seen <= datetime.now(UTC)


def test_a_clock_in_another_zone_is_the_same_instant(executor: Executor):
    berlin = datetime(2024, 1, 4, 1, tzinfo=timezone(timedelta(hours=1)))
    assert executor.run("print now()", now=berlin).rows == [(at(4),)]


def test_columns_have_kql_types(run):
    result = run("Calls | extend Span = 1h, Sum = Id + 1 | take 0")
    assert result.columns == (
        Column("Id", "long"),
        Column("Name", "string"),
        Column("At", "datetime"),
        Column("Data", "dynamic"),
        Column("Port", "int"),
        Column("Score", "real"),
        Column("Ok", "bool"),
        Column("Span", "timespan"),
        Column("Sum", "long"),
    )
