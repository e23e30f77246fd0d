"""`kql run` on a lab that keeps functions and watchlists."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from tidewaiter.lab.workspace import Item, SavedSearch, Watchlist, Workspace


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    folder = tmp_path_factory.mktemp("state")
    now = datetime(2026, 3, 17, tzinfo=UTC)
    search = SavedSearch(
        id="one", category="c", display_name="d", query="print X = n", alias="Given", parameters="n:long=1"
    )
    watchlist = Watchlist(
        alias="hosts",
        id="w",
        display_name="Hosts",
        provider="p",
        search_key="Host",
        created=now,
        updated=now,
        etag="e",
        columns=("Host",),
    )
    with Workspace.open(folder / "lab" / "workspace.duckdb") as workspace:
        workspace.searches.put(search)
        workspace.watchlists.put(watchlist, [Item("1", {"Host": "h1"}, now, now, "e")])
    return folder


@pytest.mark.parametrize(
    ("query", "row"),
    [
        ("Given", {"X": 1}),
        ("Given(n=7)", {"X": 7}),
        ("_GetWatchlist('hosts') | project Host", {"Host": "h1"}),
    ],
)
def test_functions_and_watchlists_of_the_lab_are_there_for_kql_run(cli, state, query, row):
    said = cli("kql", "run", "--state", state, "--json", query)
    assert (said.code, json.loads(said.out)) == (0, row)


def test_a_function_that_is_not_there_is_refused_with_the_one_that_is(cli, state):
    said = cli("kql", "run", "--state", state, "Givn(1)")
    assert said.code == 2
    assert "not locally executable: Givn" in said.err
    assert "did you mean 'Given'?" in said.err
