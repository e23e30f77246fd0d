# ruff: noqa: E501  (a query is read on one line)
from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tidewaiter.core.errors import QueryError


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("print b=1, a2=1, a3=1, a1=1 | project-reorder a*", ["a2", "a3", "a1", "b"]),
        ("print b=1, a2=1, a3=1, a1=1 | project-reorder a* asc", ["a1", "a2", "a3", "b"]),
        ("print b=1, a2=1, a3=1, a1=1 | project-reorder a* desc", ["a3", "a2", "a1", "b"]),
        ("print a=1, b=1, c=1 | project-reorder b", ["b", "a", "c"]),
        ("print a=1, b=1, c=1 | project-reorder c, *, a", ["c", "a", "b"]),
        ("print a100=1, a20=1 | project-reorder a* granny-asc", ["a20", "a100"]),
        ("print a100=1, a20=1 | project-reorder a* granny-desc", ["a100", "a20"]),
        ("print ['a b']=1, c=1 | project-reorder c, ['a b']", ["c", "a b"]),
        ("print a=1, b=1, ab=1 | project-keep b, a*", ["a", "b", "ab"]),
        ("print a=1, b=1, ab=1 | project-keep x*, b", ["b"]),
        ("print a=1, b=1, ab=1 | project-away a*", ["b"]),
        ("print a=1, b=1, ab=1 | project-away *b, nothing*", ["a"]),
        ("print a=1, A1=1 | project-away A*", ["a"]),
    ],
)
def test_columns_are_picked_by_pattern(run, query, columns):
    assert [column.name for column in run(query).columns] == columns


@pytest.mark.parametrize(
    "query", ["project-keep Nope", "project-away Nope, K*", "project-reorder Nope", "project-away key"]
)
def test_a_column_that_is_not_there_is_wrong_where_a_pattern_without_a_match_is_not(run, query):
    with pytest.raises(QueryError, match="unknown column"):
        run(f"People | {query}")


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("datatable(a: long, b: string)[1, 'x', 1, 'x', 1, 'y'] | distinct * | sort by b asc", [(1, "x"), (1, "y")]),
        ("let n = 1; People | take n | count", [(1,)]),
        ("let n = toint(2); People | top n by Key | count", [(2,)]),
        ("let n = 0; People | take n | count", [(0,)]),
        ("(union People, Tags) | count", [(4,)]),
        ("(People | where Key == 1) | where Title == 'one' | count", [(1,)]),
        ("let X = (People | where Key == 1); (X | project Title) | count", [(2,)]),
        ("People | extend a = column_ifexists('Nope', 'x'), b = columnifexists('Title', 'y') | project a, b | take 1",
         [("x", "one")]),
        ("let c = 'Title'; People | where column_ifexists(c, '') == 'uno' | count", [(1,)]),
        ("People | where isempty(column_ifexists('key', '')) | count", [(3,)]),
        ("Calls | project x = Data.[0], y = Data.k.v.[1] | where isnotempty(y)", [(None, '"x"')]),
        ("People | where Key == 9 | project pack_all()", [('{"Key":9,"Name":"q","Title":"nine"}',)]),
    ],
)  # fmt: skip
def test_operators_that_the_library_lacks_answer_as_kusto_does(run, query, rows):
    assert run(query).rows == rows


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("datatable(s: string)['0', '50126', 'x'] | where s == 0 | project s", [("0",)]),
        ("datatable(s: string)['0', '50126', ''] | where s != 0 | project s", [("50126",), ("",)]),
        ("datatable(s: string)['0', '00', '5'] | where s in (0, 5) | count", [(2,)]),
        ("datatable(s: string)['0', '5'] | where s !in (0) | count", [(1,)]),
        ("let zero = 0; datatable(s: string)['0', '5'] | where zero == s | count", [(1,)]),
        ("datatable(n: long)[0, 5] | where n == 0 | count", [(1,)]),
        ("datatable(n: real)[0.0, 5.5] | where n == 0 | count", [(1,)]),
        ("datatable(s: string)['7'] | summarize n = countif(s == 7)", [(1,)]),
        ("datatable(s: string)['x7'] | extend t = iff(tostring(s) == 7, 'y', 'n') | project t", [("n",)]),
    ],
)
def test_a_string_is_compared_with_a_number_by_its_text(run, query, rows):
    assert run(query).rows == rows


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("range x from 1 to 4 step 1 | extend n = row_number(), m = row_number(7) | where x == 3 | project n, m", [(3, 9)]),
        ("range x from 1 to 3 step 1 | extend p = prev(x), q = next(x), r = prev(x, 2, -1)",
         [(1, None, 2, -1), (2, 1, 3, -1), (3, 2, None, 1)]),
        ("range x from 1 to 4 step 1 | sort by x desc | extend c = row_cumsum(x) | project c", [(4,), (7,), (9,), (10,)]),
        ("range x from 1 to 5 step 1 | where prev(x) == 2 | project x", [(3,)]),
        ("range x from 1 to 5 step 1 | where x > 2 | extend n = row_number() | project n", [(1,), (2,), (3,)]),
        ("datatable(s: string)['a', 'b'] | serialize | where prev(s) == '' | project s", [("a",)]),
        ("datatable(s: string)['a', 'b'] | serialize p = next(s) | where p == '' | project s", [("b",)]),
        ("Calls | sort by Id asc | extend gap = At - prev(At) | where gap > 1d | project Id", [(2,)]),
    ],
)  # fmt: skip
def test_functions_of_a_rows_neighbours_follow_the_order(run, query, rows):
    assert run(query).rows == rows


@pytest.mark.parametrize(
    ("query", "columns", "rows"),
    [
        ("Calls | mv-expand Data.k.v | where Id == 1 | project Data_k_v", ["Data_k_v"], [("1",), ('"x"',)]),
        ("Tags | mv-expand todynamic('[1, 2]') | project-away Tag", ["Id", "Column1"], [("a", "1"), ("a", "2")]),
        ("print s = '[1, 2]' | mv-expand todynamic(s)", ["s"], [("1",), ("2",)]),
        ("print s = '[1, 2]' | mv-expand parse_json(s) to typeof(long)", ["s"], [(1,), (2,)]),
        ("print d = dynamic({'a': [1], 'b': [5, 6]}) | mv-expand d.a, d.b | project-away d", ["d_a", "d_b"],
         [("1", "5"), (None, "6")]),
        ("print d = dynamic([7, 8]) | mv-expand with_itemindex=i x = d to typeof(long) | project-away d", ["x", "i"],
         [(7, 0), (8, 1)]),
        ("print d = dynamic([1, 2, 3]) | mv-expand d limit 2", ["d"], [("1",), ("2",)]),
        ("print d = dynamic([]) | mv-expand d.x", ["d", "d_x"], [("[]", None)]),
    ],
)  # fmt: skip
def test_mv_expand_names_what_has_no_name(run, query, columns, rows):
    result = run(query)
    assert ([column.name for column in result.columns], result.rows) == (columns, rows)


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("print s = 'C:/x' | parse s with Drive '/' Rest | project Drive, Rest", [("C:", "x")]),
        ("print s = 'none' | parse s with Drive '/' * | project Drive", [("",)]),
        ("print s = '12 x' | parse s with N: long ' ' * | project N", [(12,)]),
        ("print s = 'a/b/c' | parse s with First '/' * | project First", [("a",)]),
        ("print s = 'k=v' | parse s with * '=' ['The Value'] | project ['The Value']", [("v",)]),
        ("print s = 'k=v', ['The Value'] = 'old' | parse s with * '=' ['The Value']", [("k=v", "v")]),
        ("print s = 'x' | parse-where s with Drive '/' * | count", [(0,)]),
    ],
)
def test_parse_takes_a_column_before_any_text_and_any_name(run, query, rows):
    assert run(query).rows == rows


def test_bins_of_weeks_begin_on_mondays(run):
    rows = run("print bin(datetime(2024-01-03), 7d), bin(datetime(1969-12-31), 7d), bin(8d, 7d)").rows
    monday, before = datetime(2024, 1, 1, tzinfo=UTC), datetime(1969, 12, 29, tzinfo=UTC)
    assert rows[0][:2] == (monday, before)
    assert monday.weekday() == before.weekday() == 0


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("table('People') | count", [(3,)]),
        ("let n = 'People'; table(n) | where Key == 1 | count", [(2,)]),
        ("let f = (t: string, k: long) { table(t) | where Key == k }; union isfuzzy=true f('People', 1), f('People', 9) | count", [(3,)]),
        ("union isfuzzy=true table('People'), table('Nope') | count", [(3,)]),
        ("Calls | join kind=inner (table('People', 'hotcache')) on $left.Id == $right.Key | count", [(2,)]),
        ("print d = datetime(2024-01-01) - datetime(2024-01-03), i = int(-3), r = -1.5 | project abs(d) == 2d, abs(i), abs(r), abs(-4)", [(True, 3, 1.5, 4)]),
        ("let L = dynamic(['b', 'a']); print x = 1 | mv-apply e = L to typeof(string) on (order by e asc | summarize s = make_list(e)) | project s", [('["a","b"]',)]),
        ("let L = dynamic(['b', 'a']); print x = 1 | mv-expand L | project L", [('"b"',), ('"a"',)]),
        ("print d = dynamic({'a': {'b': [7, 8]}, 'c/d': 2}), k = 'a', l = 'c/d' | project v = d[k].b[1], w = d[l], x = d[k]['b'][0], y = d[strcat('n', k)]", [("8", "2", "7", None)]),
        ("print d = dynamic({'a': {'b': 1}}), k = 'a', m = 'b' | project v = tolong(d[k][m])", [(1,)]),
        ("print d = dynamic([5, 6]), i = 1 | project v = d[i], w = d[i - 1]", [("6", "5")]),
        ("Calls | where Id == 1 | extend all = pack_all() | mv-apply e = dynamic(['Id', 'Name']) to typeof(string) on (summarize v = make_list(all[e])) | project strcat_array(v, '|')", [("1|alpha beta",)]),
        ("let x = dynamic(['b']); print x = dynamic([1]) | mv-expand x", [("1",)]),
    ],
)  # fmt: skip
def test_names_of_tables_and_lists_may_come_from_a_let(run, query, rows):
    assert run(query).rows == rows


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("union withsource=S Calls, Tags | where Id_string == 'a' or Id_long == 1 | project S, Id_long, Id_string, Tag", [("Calls", 1, "", ""), ("Tags", None, "a", "red")]),
        ("let C = Calls; let D = Calls | where Id > 0; union withsource=S C, D, Tags | summarize count() by S | sort by S asc", [("Calls", 4), ("Tags", 1), ("union_arg1", 4)]),
        ("union withsource=S * | summarize count() by S | sort by S asc", [("Calls", 4), ("People", 3), ("Tags", 1)]),
        ("Calls | where Id == 1 | union withsource=S Tags | distinct S", [("union_arg0",), ("Tags",)]),
        ("union withsource=S kind=inner Calls, Tags | count", [(5,)]),
    ],
)  # fmt: skip
def test_a_union_of_columns_of_several_types_says_where_rows_come_from(run, query, rows):
    assert run(query).rows == rows


def test_a_table_that_kql_may_not_see_is_unknown_by_its_name_too(run):
    with pytest.raises(QueryError, match="unknown table 'Hidden'"):
        run("table('Hidden')")
