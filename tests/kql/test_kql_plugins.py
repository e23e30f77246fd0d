"""bag_unpack and pivot, by the examples of their pages ("bag_unpack plugin", "pivot plugin", Kusto docs)."""

# ruff: noqa: E501  (a query is read on one line)
from __future__ import annotations

import pytest

from tidewaiter.core.errors import NotExecutable, QueryError
from tidewaiter.kql import Executor

PEOPLE = "datatable(d: dynamic)[dynamic({'Name': 'John', 'Age': 20}), dynamic({'Name': 'Dave', 'Age': 40}), dynamic({'Name': 'Jasmine', 'Age': 30})]"
NAMED = "datatable(Name: string, d: dynamic)['Old_name', dynamic({'Name': 'John', 'Age': 20})]"
STORMS = """datatable(EventType: string, State: string, Deaths: long)['Heat', 'ARKANSAS', 3, 'Lightning', 'ARIZONA', 1,
    'Flash Flood', 'ARIZONA', 4, 'Flash Flood', 'ARIZONA', 2, 'Heavy Rain', 'ARKANSAS', 1]"""


@pytest.mark.parametrize(
    ("query", "columns", "rows"),
    [
        (f"{PEOPLE} | evaluate bag_unpack(d)", [("Age", "long"), ("Name", "string")], [(20, "John"), (40, "Dave"), (30, "Jasmine")]),
        (f"{PEOPLE} | evaluate bag_unpack(d, 'Property_') | where Property_Age > 35", [("Property_Age", "long"), ("Property_Name", "string")], [(40, "Dave")]),
        (f"{NAMED} | evaluate bag_unpack(d, columnsConflict='replace_source')", [("Age", "long"), ("Name", "string")], [(20, "John")]),
        (f"{NAMED} | evaluate bag_unpack(d, columnsConflict='keep_source')", [("Age", "long"), ("Name", "string")], [(20, "Old_name")]),
        (f"{PEOPLE} | take 1 | evaluate bag_unpack(d, ignoredProperties=dynamic(['Age']))", [("Name", "string")], [("John",)]),
        (f"{PEOPLE} | take 1 | evaluate bag_unpack(d) : (Name: string, Age: long, Extra: real)", [("Name", "string"), ("Age", "long"), ("Extra", "real")], [("John", 20, None)]),
        ("datatable(d: dynamic)[dynamic({'a': 1}), dynamic({'a': 'x'}), dynamic({'a': null}), dynamic([1])] | evaluate bag_unpack(d)",
         [("a", "dynamic")], [("1",), ('"x"',), (None,), (None,)]),
        ("datatable(d: dynamic)[dynamic({'a/b': [1], 'c~d': {'e': true}, 'f': true, 'g': 1.5})] | evaluate bag_unpack(d)",
         [("a/b", "dynamic"), ("c~d", "dynamic"), ("f", "bool"), ("g", "real")], [("[1]", '{"e":true}', True, 1.5)]),
        ("datatable(d: dynamic)[dynamic({'a': 'x'}), dynamic({'b': 'y'})] | evaluate bag_unpack(d) | where isempty(a) | project b", [("b", "string")], [("y",)]),
        ("datatable(n: long, d: dynamic)[1, dynamic({'N': 2})] | evaluate bag_unpack(d)", [("N", "long"), ("n", "long")], [(2, 1)]),
        ("let f = (T: (*)) { T | evaluate bag_unpack(d) }; datatable(d: dynamic)[dynamic({'a': 1})] | invoke f()", [("a", "long")], [(1,)]),
    ],
)  # fmt: skip
def test_bag_unpack_makes_a_column_for_each_slot(run, query, columns, rows):
    result = run(query)

    assert [(column.name, column.type) for column in result.columns] == columns
    assert result.rows == rows


@pytest.mark.parametrize(
    ("query", "columns", "rows"),
    [
        (f"{STORMS} | project State, EventType | evaluate pivot(State)", ["EventType", "ARIZONA", "ARKANSAS"],
         [("Flash Flood", 2, 0), ("Heat", 0, 1), ("Heavy Rain", 0, 1), ("Lightning", 1, 0)]),
        (f"{STORMS} | evaluate pivot(State, sum(Deaths))", ["EventType", "ARIZONA", "ARKANSAS"],
         [("Flash Flood", 6, 0), ("Heat", 0, 3), ("Heavy Rain", 0, 1), ("Lightning", 1, 0)]),
        (f"{STORMS} | evaluate pivot(State, max(Deaths), EventType)", ["EventType", "ARIZONA", "ARKANSAS"],
         [("Flash Flood", 4, None), ("Heat", None, 3), ("Heavy Rain", None, 1), ("Lightning", 1, None)]),
        (f"{STORMS} | where EventType == 'Flash Flood' | evaluate pivot(State, make_list(Deaths), EventType)", ["EventType", "ARIZONA"], [("Flash Flood", "[4,2]")]),
        (f"{STORMS} | where EventType == 'Heat' | evaluate pivot(State, count(), EventType) : (EventType: string, OHIO: long)", ["EventType", "OHIO"], [("Heat", 0)]),
        (f"{STORMS} | evaluate pivot(Deaths, count(), State) | project State, ['4'], ['3']", ["State", "4", "3"], [("ARIZONA", 1, 0), ("ARKANSAS", 0, 1)]),
        ("datatable(k: string, s: string)['x', '', 'x', 'A', 'y', 'a'] | evaluate pivot(s)", ["k", "Column1", "A", "a"], [("x", 1, 1, 0), ("y", 0, 0, 1)]),
        ("datatable(k: string, s: string)[] | evaluate pivot(s)", ["k"], []),
        (f"{STORMS} | evaluate hint.distribution=single pivot(State, dcount(EventType)) | project ARIZONA | take 1", ["ARIZONA"], [(0,)]),
    ],
)  # fmt: skip
def test_pivot_makes_a_column_for_each_value(run, query, columns, rows):
    result = run(query)

    assert [column.name for column in result.columns] == columns
    assert sorted(result.rows, key=str) == sorted(rows, key=str)


NETWORKS = (
    "let N = datatable(network: string, geo: string)['10.0.0.0/8', 'a', '10.1.0.0/16', 'b', 'none', 'c'];"
)


@pytest.mark.parametrize(
    ("query", "columns", "rows"),
    [
        (f"{NETWORKS} datatable(ip: string)['10.1.2.3', '10.9.9.9', '8.8.8.8', ''] | evaluate ipv4_lookup(N, ip, network)",
         ["ip", "network", "geo"], [("10.1.2.3", "10.0.0.0/8", "a"), ("10.1.2.3", "10.1.0.0/16", "b"), ("10.9.9.9", "10.0.0.0/8", "a")]),
        (f"{NETWORKS} datatable(ip: string)['10.9.9.9', '8.8.8.8'] | evaluate ipv4_lookup(N, ip, network, return_unmatched = true)",
         ["ip", "network", "geo"], [("10.9.9.9", "10.0.0.0/8", "a"), ("8.8.8.8", "", "")]),
        (f"{NETWORKS} datatable(ip: string)['8.8.8.8'] | evaluate ipv4_lookup(N, ip, network, false)", ["ip", "network", "geo"], []),
        ("let N = datatable(n: string, k: string, geo: string)['10.0.0.0/8', 'x', 'a', '10.0.0.0/8', 'y', 'b']; datatable(ip: string, k: string, geo: string)['10.1.2.3', 'y', 'old'] | evaluate ipv4_lookup(N, ip, n, k)",
         ["ip", "k", "geo", "n", "geo1"], [("10.1.2.3", "y", "old", "10.0.0.0/8", "b")]),
        ("datatable(ip: string)['10.0.0.1'] | evaluate ipv4_lookup((Calls | project Name, Id), ip, Name) | project Id", ["Id"], [(4,)]),
    ],
)  # fmt: skip
def test_ipv4_lookup_joins_addresses_with_their_networks(run, query, columns, rows):
    result = run(query)

    assert [column.name for column in result.columns] == columns
    assert sorted(result.rows) == sorted(rows)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("Calls | evaluate ipv4_lookup(Nope, Name, Name)", "unknown table 'Nope'"),
        ("Calls | evaluate ipv4_lookup(People, Name, Nope)", "unknown column 'Nope'"),
        ("Calls | evaluate ipv4_lookup(People, Nope, Name)", "unknown column 'Nope'"),
        ("Calls | evaluate ipv4_lookup(People, Name)", "Kusto requires a table"),
        ("Calls | evaluate ipv4_lookup(People, tolower(Name), Name)", "ipv4_lookup of an expression"),
        (f"{NAMED} | evaluate bag_unpack(d)", "the column 'Name', which is there already"),
        (f"{NAMED} | evaluate bag_unpack(d, columnsConflict='merge')", "columnsConflict is no 'merge'"),
        (f"{PEOPLE} | evaluate bag_unpack(d, prefix='x')", "takes no argument 'prefix'"),
        (f"{PEOPLE} | evaluate bag_unpack(tostring(d))", "takes the name of a column first"),
        (f"{PEOPLE} | evaluate bag_unpack(e)", "unknown column 'e'"),
        (f"{STORMS} | evaluate pivot(toupper(State))", "pivot takes names of columns"),
        (f"{STORMS} | evaluate pivot(State, percentile(Deaths, 5))", "pivot with percentile"),
        ("datatable(k: string, s: string)['x', 'k'] | evaluate pivot(s)", "the column 'k', which is there already"),
        ("range n from 1 to 1001 step 1 | evaluate pivot(n)", "1,001 columns, more than 1,000"),
    ],
)  # fmt: skip
def test_a_plugin_that_is_called_wrongly_says_so(run, query, words):
    with pytest.raises(QueryError, match=words):
        run(query)


def test_a_rule_cannot_have_columns_that_depend_on_its_rows(executor: Executor):
    with pytest.raises(NotExecutable, match="evaluate bag_unpack in a rule"):
        executor.prepare("Calls | evaluate bag_unpack(Data)")

    executor.prepare("Calls | evaluate bag_unpack(Data) : (k: dynamic)")
