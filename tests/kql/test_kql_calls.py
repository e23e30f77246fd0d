# ruff: noqa: E501  (a query is read on one line)
from __future__ import annotations

import ipaddress
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.core.errors import QueryError
from tidewaiter.kql import Executor

ADDRESSES = [
    ("ipv4_is_in_range('127.0.0.1', '127.0.0.1')", True),
    ("ipv4_is_in_range('192.168.1.6', '192.168.1.1/24')", True),
    ("ipv4_is_in_range('192.168.1.1', '192.168.2.1/24')", False),
    ("ipv4_is_in_range('8.8.8.8', '0.0.0.0/0')", True),
    ("ipv4_is_in_range('x', '10.0.0.0/8')", None),
    ("ipv4_is_in_range('', '10.0.0.0/8')", None),
    ("ipv4_is_in_range('10.0.0.256', '10.0.0.0/8')", None),
    ("ipv4_is_in_range('10.0.0.1', '10.0.0.0/33')", None),
    ("ipv4_is_in_any_range('192.168.1.6', '10.0.0.0/8', '192.168.1.1/24')", True),
    ("ipv4_is_in_any_range('1.1.1.1', dynamic(['10.0.0.0/8', '1.1.1.0/24']))", True),
    ("ipv4_is_in_any_range('9.9.9.9', dynamic(['10.0.0.0/8', '1.1.1.0/24']))", False),
    ("ipv4_is_in_any_range('9.9.9.9', dynamic([]))", False),
    ("ipv4_is_in_any_range('x', '1.1.1.1')", None),
    ("ipv4_is_private('10.1.2.3')", True),
    ("ipv4_is_private('172.31.255.255')", True),
    ("ipv4_is_private('172.32.0.1')", False),
    ("ipv4_is_private('192.168.1.1/24')", True),
    ("ipv4_is_private('127.0.0.1')", False),
    ("ipv4_is_private('')", None),
    ("ipv4_is_private('2001:db8::1')", None),
    ("ipv4_compare('127.0.0.1', '127.0.0.1')", 0),
    ("ipv4_compare('192.168.1.1', '192.168.1.255')", -1),
    ("ipv4_compare('192.168.1.255', '192.168.1.1')", 1),
    ("ipv4_compare('192.168.1.1/24', '192.168.1.255')", 0),
    ("ipv4_compare('192.168.1.1', '192.168.1.255', 24)", 0),
    ("ipv4_compare('192.168.1.1', '192.168.1.255', 33)", None),
    ("ipv4_compare('a', '1.1.1.1')", None),
    ("ipv4_is_match('192.168.1.1/24', '192.168.1.255')", True),
    ("ipv4_is_match('192.168.1.1', '192.168.1.255', 24)", True),
    ("ipv4_is_match('192.168.1.1', '192.168.1.2')", False),
    ("ipv4_netmask_suffix('10.1.2.3')", 32),
    ("ipv4_netmask_suffix('192.168.1.1/24')", 24),
    ("ipv4_netmask_suffix('x')", None),
    ("has_ipv4('05:04:54 127.0.0.1 GET /x 404', '127.0.0.1')", True),
    ("has_ipv4('05:04:54 127.0.0.256 GET /x', '127.0.0.256')", False),
    ("has_ipv4('05:04:54127.0.0.1 GET /x', '127.0.0.1')", False),
    ("has_ipv4('', '127.0.0.1')", False),
    ("has_any_ipv4('a 1.1.1.1 b', '2.2.2.2', '1.1.1.1')", True),
    ("has_any_ipv4('a 1.1.1.1 b', dynamic(['2.2.2.2']))", False),
    ("has_ipv4_prefix('05:04:54 127.0.0.1 GET /x', '127.0.')", True),
    ("has_ipv4_prefix('05:04:54 127.0.0.1 GET /x', '127.0')", False),
    ("has_ipv4_prefix('05:04:54 127.0.0.256 GET /x', '127.0.')", False),
    ("has_any_ipv4_prefix('10.1.1.1', dynamic(['127.', '10.1.']))", True),
    ("has_any_ipv4_prefix('10.1.1.1', '127.', '192.168.')", False),
]

DYNAMICS = [
    ("bag_keys(dynamic({'b': 1, 'a': {}}))", '["b","a"]'),
    ("bag_keys(dynamic({}))", "[]"),
    ("bag_keys(dynamic([1]))", None),
    ("bag_keys(dynamic(null))", None),
    ("bag_has_key(dynamic({'k': null}), 'k')", True),
    ("bag_has_key(dynamic({'k': 1}), 'K')", False),
    ("bag_has_key(dynamic({'k': {'m': 1}}), '$.k.m')", True),
    ("bag_has_key(dynamic({'k/~\"': 1}), 'k/~\"')", True),
    ("bag_has_key(dynamic(['k']), 'k')", False),
    ("bag_merge(dynamic({'a': 1, 'b': 2}), dynamic({'b': 3, 'c': null}))", '{"a":1,"b":2,"c":null}'),
    ("bag_merge(dynamic({'a': 1}), dynamic(null))", '{"a":1}'),
    ("bag_merge(dynamic(null), dynamic([1]))", None),
    ("bag_set_key(dynamic({'a': 1}), 'b', 'x')", '{"a":1,"b":"x"}'),
    ("bag_set_key(dynamic({'a': 1}), 'a', dynamic([1]))", '{"a":[1]}'),
    ("bag_set_key(dynamic([1]), 'a', 1)", None),
    ("bag_remove_keys(dynamic({'a': 1, 'b': 2}), dynamic(['a', 'z']))", '{"b":2}'),
    ("set_union(dynamic([1, 2]), dynamic([2, 3]))", "[1,2,3]"),
    ("set_union(dynamic([1]), dynamic(null))", None),
    ("set_union(dynamic(['a']), dynamic(['A']), dynamic(['a']))", '["a","A"]'),
    ("set_difference(dynamic([1, 2, 2, 3, 3]), dynamic([2]))", "[1,3]"),
    ("set_difference(dynamic([1]), dynamic([1]), dynamic([5]))", "[]"),
    ("set_intersect(dynamic([1, 2, 3, 3]), dynamic([3, 1]))", "[1,3]"),
    ("set_intersect(dynamic(['1']), dynamic([1]))", "[]"),
    ("range(1, 5, 2)", "[1,3,5]"),
    ("range(3, 1)", "[]"),
    ("range(datetime(2024-01-01), datetime(2024-01-02), 1d)",
     '["2024-01-01T00:00:00.0000000Z","2024-01-02T00:00:00.0000000Z"]'),
    ("pack_dictionary('a', 1)", '{"a":1}'),
]  # fmt: skip

TEXTS = [
    ("string_size('é')", 2),
    ("string_size('')", 0),
    ("has_any_index('this is an example', dynamic(['nope', 'example']))", 1),
    ("has_any_index('this is an example', dynamic(['xampl']))", -1),
    ("has_any_index('x', dynamic([]))", -1),
    ("strcmp('a', 'b')", -1),
    ("strcmp('b', 'a')", 1),
    ("strcmp('a', 'a')", 0),
    ("url_decode('https%3a%2f%2fwww.bing.com%2f')", "https://www.bing.com/"),
    ("url_encode_component('a b/é')", "a%20b%2F%C3%A9"),
    ("unixtime_seconds_todatetime(1546300800)", datetime(2019, 1, 1, tzinfo=UTC)),
    ("unixtime_milliseconds_todatetime(1546300800123)", datetime(2019, 1, 1, 0, 0, 0, 123000, tzinfo=UTC)),
    ("unixtime_microseconds_todatetime(1546300800000001)", datetime(2019, 1, 1, 0, 0, 0, 1, tzinfo=UTC)),
    ("unixtime_seconds_todatetime(-1)", datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ("unixtime_seconds_todatetime(long(null))", None),
]


@pytest.mark.parametrize(("call", "value"), [*ADDRESSES, *DYNAMICS, *TEXTS])
def test_a_function_answers_as_its_page_says(run, call, value):
    assert run(f"print x = {call}").rows == [(value,)]


def test_a_function_is_asked_for_each_row(run):
    query = "datatable(a: string)['10.0.0.1', '8.8.8.8', '', 'x'] | extend p = ipv4_is_private(a) | project p"
    assert run(query).rows == [(True,), (False,), (None,), (None,)]


@pytest.mark.parametrize("call", ["url_decode('a+b')", "bag_set_key(dynamic({}), '$.a.b', 1)"])
def test_what_is_not_known_for_sure_is_an_error_and_no_guess(run, call):
    with pytest.raises(QueryError, match="not run locally"):
        run(f"print x = {call}")


@pytest.mark.parametrize(
    "call", ["ipv4_is_private()", "ipv4_is_in_range('1.1.1.1')", "bag_keys(dynamic({}), 1)"]
)
def test_a_wrong_number_of_arguments_is_told(run, call):
    with pytest.raises(QueryError):
        run(f"print x = {call}")


@pytest.mark.parametrize("name", ["countof", "zip", "datetime_diff", "range", "split"])
def test_too_few_arguments_are_a_query_error(executor: Executor, name):
    with pytest.raises(QueryError, match=name):
        executor.check(f"range x from 1 to 2 step 1 | extend y = {name}(x)")


AGGREGATES = [
    ("make_set_if(Name, Ok)", '["10.0.0.1","alpha beta"]'),
    ("make_set_if(Name, Ok, 1)", '["10.0.0.1"]'),
    ("make_list_if(Id, Id > 1)", "[2,3,4]"),
    ("make_list_if(Id, Id > 1, 2)", "[2,3]"),
    ("make_list_with_nulls(Port)", "[5,6,null,70000]"),
    ("makeset(Ok)", "[false,true]"),
    ("makelist(Id, 1)", "[1]"),
    ("make_bag(Data)", '{"k":{"v":[1,"x"]},"e":""}'),
    ("make_bag_if(Data, Id == 2)", '{"k":2}'),
    ("make_bag_if(Data, Id > 99)", "{}"),
    ("count_distinct(Ok)", 2),
    ("count_distinctif(Name, Id > 2)", 2),
    ("minif(Id, Id > 1)", 2),
    ("minif(Id, Id > 99)", None),
    ("maxif(Id, Ok)", 4),
    ("stdevp(Id)", 1.118033988749895),
    ("variancep(Id)", 1.25),
    ("take_anyif(Name, Id == 4)", "10.0.0.1"),
    ("percentile(Id, 50)", 2),
]


@pytest.mark.parametrize(("call", "value"), AGGREGATES)
def test_an_aggregate_answers_as_its_page_says(run, call, value):
    assert run(f"Calls | summarize x = {call}").rows == [(value,)]


@pytest.mark.parametrize(
    ("aggregates", "columns"),
    [
        ("take_any(*) by Key", ["Key", "Name", "Title"]),
        ("take_any(Name, Title) by Key", ["Key", "Name", "Title"]),
        ("any(Name)", ["any_Name"]),
        ("percentiles(Key, 5, 95)", ["percentile_Key_5", "percentile_Key_95"]),
        ("make_set_if(Name, true), make_list_if(Name, true)", ["set_Name", "list_Name"]),
        ("count_distinct(Name), minif(Key, true), maxif(Key, true)", ["count_distinct_Name", "minif_Key", "maxif_Key"]),
        ("take_anyif(Name, true), stdevp(Key)", ["Name", "stdevp_Key"]),
    ],
)  # fmt: skip
def test_columns_of_aggregates_have_kustos_names(run, aggregates, columns):
    assert [column.name for column in run(f"People | summarize {aggregates}").columns] == columns


@pytest.mark.parametrize(
    "query",
    [
        "Calls | where Id > 99 | summarize m = max(Name) | where m == ''",
        "Calls | summarize m = maxif(Name, Id > 99) by Ok | where m == '' | take 1",
        "Calls | where Id > 99 | summarize m = take_any(Name) | where isempty(m) and m == ''",
    ],
)
def test_a_string_of_no_rows_is_empty(run, query):
    assert len(run(query).rows) == 1


OCTETS = st.tuples(*[st.integers(0, 255)] * 4)


@settings(max_examples=60, deadline=None)
@given(left=OCTETS, right=OCTETS, bits=st.integers(0, 32), near=st.booleans())
def test_ranges_of_addresses_are_pythons(executor: Executor, left, right, bits, near):
    a = ".".join(map(str, left))
    b = a if near else ".".join(map(str, right))
    row = executor.run(
        f"print ipv4_is_in_range('{a}', '{b}/{bits}'), ipv4_compare('{a}', '{b}', {bits})"
    ).rows[0]
    network = ipaddress.ip_network(f"{b}/{bits}", strict=False)
    mask = int(network.netmask)
    one, two = int(ipaddress.ip_address(a)) & mask, int(ipaddress.ip_address(b)) & mask
    assert row == (ipaddress.ip_address(a) in network, (one > two) - (one < two))


BAGS = st.dictionaries(
    st.text(max_size=3), st.one_of(st.integers(-5, 5), st.none(), st.text(max_size=2)), max_size=3
)


@settings(max_examples=40, deadline=None)
@given(left=BAGS, right=BAGS)
def test_bags_merge_as_dictionaries_do(executor: Executor, left, right):
    from tidewaiter.kql import literal

    a, b = (f"parse_json({literal(json.dumps(bag))})" for bag in (left, right))
    (merged, keys), = executor.run(f"print bag_merge({a}, {b}), bag_keys({a})").rows  # fmt: skip
    assert json.loads(str(merged)) == {**right, **left}
    assert json.loads(str(keys)) == list(left)


ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(-2, 2), st.booleans()), max_size=8)


@settings(max_examples=40, deadline=None)
@given(rows=ROWS)
def test_conditional_aggregates_are_those_of_the_filtered_rows(executor: Executor, rows):
    values = ", ".join(f"'{k}', {n}, {str(ok).lower()}" for k, n, ok in rows) or "'', 0, false"
    table = f"datatable(k: string, n: long, ok: bool)[{values}]" + ("" if rows else " | take 0")
    query = (
        f"{table} | summarize a = make_list_if(n, ok), b = make_set_if(n, ok), c = minif(n, ok), d = maxif(n, ok), "
        "e = count_distinctif(n, ok), f = sumif(n, ok) by k | sort by k asc"
    )
    expected = []
    for key in sorted({k for k, _, _ in rows}):
        kept = [n for k, n, ok in rows if k == key and ok]
        expected.append(
            (
                key,
                kept,
                set(kept),
                min(kept, default=None),
                max(kept, default=None),
                len(set(kept)),
                sum(kept),
            )
        )
    found = [
        (k, json.loads(str(a)), set(json.loads(str(b))), *rest) for k, a, b, *rest in executor.run(query).rows
    ]
    assert found == expected
