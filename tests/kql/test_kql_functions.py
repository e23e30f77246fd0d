from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from tidewaiter.core.errors import NotExecutable, QueryError
from tidewaiter.kql import Executor, QueryResult, StoredFunction

from .conftest import NOW, SCHEMAS

FUNCTIONS = [
    StoredFunction(
        "Above", "Calls\n| where Id > n and (name == '' or Name == name)", "n:long, name:string=''"
    ),
    StoredFunction("Both", "Above(2) | union (Above(0, name='alpha beta'))"),
    StoredFunction("Since", "Calls | where At > since", "since:datetime=datetime(null)"),
    StoredFunction("Escaped", "print Letters = 'a\\u0062c'"),
    StoredFunction("Listed", "Calls | where Name in (_GetWatchlist('high-value') | project SearchKey)"),
    StoredFunction("Here", "There()"),
    StoredFunction("There", "Here()"),
    StoredFunction("Wrong", "Calls\n| where Nope == 1"),
    StoredFunction("Broken", "Calls | where"),
    StoredFunction("Outside", "externaldata(a:string)['https://example.com/x']"),
    StoredFunction("Smuggled", "Calls", "n:long=1) { Calls | take 1 } ; let Other = ("),
    StoredFunction("Torn", "Calls } ; let Other = () { Calls"),
    StoredFunction("Commented", "Calls // the whole table"),
    StoredFunction("Series", "Calls | top-nested 1 of Name by sum(Id)"),
    StoredFunction("Deep", "Series() | count"),
    StoredFunction("Tabular", "T | count", "T:(*)"),
    StoredFunction("Scalar", "1 + n", "n:long"),
    StoredFunction("strcat", "Calls"),
]
WATCHLISTS = {
    "_GetWatchlist.": {"SearchKey": "string"},
    "_GetWatchlist.high-value": {"SearchKey": "string", "Owner": "string"},
    "_GetWatchlist._GetWatchlistAlias": {"WatchlistAlias": "string"},
}


@pytest.fixture(scope="module")
def executor(database: Path, tmp_path_factory) -> Iterator[Executor]:
    copy = tmp_path_factory.mktemp("functions") / "with-watchlists.duckdb"
    copy.write_bytes(database.read_bytes())
    with duckdb.connect(str(copy)) as connection:
        connection.execute("""
            CREATE VIEW "_GetWatchlist." AS SELECT '' AS "SearchKey" WHERE false;
            CREATE VIEW "_GetWatchlist.high-value" AS SELECT '10.0.0.1' AS "SearchKey", 'Ann' AS "Owner";
            CREATE VIEW "_GetWatchlist._GetWatchlistAlias" AS SELECT 'high-value' AS "WatchlistAlias";
        """)
    named = {function.name: function for function in FUNCTIONS}
    with Executor(copy, {**SCHEMAS, **WATCHLISTS}, functions=named) as executor:
        yield executor


@pytest.fixture(scope="module")
def run(executor: Executor):
    def run(query: str) -> QueryResult:
        return executor.run(query, now=NOW)

    return run


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("Above(2)", [3, 4]),
        ("Above(0, 'alpha beta')", [1]),
        ("Above(name='alpha beta', n=0)", [1]),
        ("Above(0, name='alpha beta')", [1]),
        ("Both", [1, 3, 4]),
        ("Both()", [1, 3, 4]),
        ("Since(datetime(2024-01-02))", [2, 4]),
        ("Since", []),
        ("Commented", [1, 2, 3, 4]),
        ("Calls | join kind=leftsemi Above(3) on Id", [4]),
        ("Calls | where Id in (Above(3) | project Id)", [4]),
        ("let N = 3; Above(N)", [4]),
        ("let Late = Above(3); union Late, (Above(0, 'alpha beta'))", [1, 4]),
        ("union isfuzzy=true Above(3), Nowhere", [4]),
    ],
)
def test_a_stored_function_is_called_like_a_table(run, query, ids):
    assert [row[0] for row in run(f"{query} | order by Id asc | project Id").rows] == ids


def test_a_let_of_the_caller_takes_the_place_of_a_table_as_in_kusto(run):
    assert run("let Calls = datatable(Id:long, Name:string)[7, 'x']; Above(1)").rows == [(7, "x")]


def test_strings_in_a_function_are_read_as_in_a_query(run):
    assert run("Escaped").rows == [("abc",)]


def test_a_timespan_bounds_the_tables_that_a_function_reads(tmp_path):
    path = tmp_path / "times.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("""
            CREATE TABLE T("N" BIGINT, "TimeGenerated" TIMESTAMP);
            INSERT INTO T VALUES (1, '2024-01-01'), (2, '2024-01-02'), (3, '2024-01-03');
        """)
    schemas = {"T": {"N": "long", "TimeGenerated": "datetime"}}
    span = (datetime(2024, 1, 2, tzinfo=UTC), datetime(2024, 1, 3, tzinfo=UTC))
    with Executor(path, schemas, functions={"F": StoredFunction("F", "T | project N")}) as executor:
        assert executor.run("F", timespan=span).rows == [(2,)]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("Above", "function expects 1 argument"),
        ("Above(1, 'a', 3)", r"expects 1\.\.2 argument"),
        ("Above(1, n=1)", "refuses the argument n"),
        ("Above(nam='x')", "refuses the argument nam"),
        ("Above(name='x')", "requires the argument n"),
        ("Calls | extend y = Above(1)", "it is tabular"),
        ("Calls | where Id = 1", "'=' names a value"),
        ("Here()", "recursive call to 'Here' is not allowed .Here → There → Here"),
        ("Wrong", "^function Wrong:2:9: unknown column 'Nope'"),
        ("Broken", "function Broken.*syntax error"),
        ("Smuggled", "function Smuggled.*cannot be read"),
        ("Torn", "function Torn.*cannot be read"),
        ("strcat()", "name of a built-in"),
    ],
)
def test_a_wrong_call_or_a_wrong_function_is_told_with_its_place(run, query, message):
    with pytest.raises(QueryError, match=message) as caught:
        run(query)
    assert not isinstance(caught.value, NotExecutable)


@pytest.mark.parametrize(
    ("query", "construct", "where"),
    [
        ("Outside", "externaldata", "function Outside:1:1"),
        ("Series", "top-nested", "function Series:1:9"),
        ("Deep", "top-nested", "function Series:1:9"),
        ("Tabular(Calls)", "Tabular with a tabular parameter", "function Tabular"),
        ("Scalar(1)", "Scalar as a function with a scalar body", "function Scalar"),
        ("Abov(1)", "Abov", "query:1:1"),
        ("let a = 'x'; _GetWatchlist(a)", "_GetWatchlist with an alias that is no literal", "query:1:14"),
    ],
)
def test_what_cannot_run_is_refused_by_name_wherever_it_stands(run, query, construct, where):
    with pytest.raises(NotExecutable) as caught:
        run(query)
    assert caught.value.construct == construct
    assert str(caught.value.at) == where


def test_a_function_that_is_wrong_keeps_no_other_query_from_running(run):
    assert run("Calls | extend Wrong = 1, Outside = 2 | count").rows == [(4,)]


def test_a_watchlist_gives_its_own_columns(run):
    assert run("_GetWatchlist('high-value')").rows == [("10.0.0.1", "Ann")]
    assert run("Listed | project Id").rows == [(4,)]


def test_an_alias_that_no_watchlist_has_gives_no_rows(run):
    found = run("_GetWatchlist('none')")
    assert ([column.name for column in found.columns], found.rows) == (["SearchKey"], [])


@pytest.mark.parametrize(
    "call", ["_GetWatchlistAlias", "_GetWatchlistAlias()", "_GetWatchlistAlias | take 5"]
)
def test_the_aliases_can_be_listed(run, call):
    assert run(call).rows == [("high-value",)]


def test_watchlists_are_no_tables_for_a_wildcard(run):
    with pytest.raises(QueryError, match="matched no table"):
        run("union _Get*")


def test_where_there_are_no_watchlists_their_function_is_refused(database: Path):
    with Executor(database, SCHEMAS) as executor, pytest.raises(NotExecutable, match="_GetWatchlist"):
        executor.run("_GetWatchlist('x')")
