"""What a workspace keeps beside its tables: saved searches that are functions, and watchlists."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from tidewaiter.core.errors import QueryError, StateError
from tidewaiter.lab.workspace import Item, SavedSearch, Watchlist, Workspace

NOW = datetime(2026, 3, 17, 12, tzinfo=UTC)


@pytest.fixture
def workspace_file(path: Path, empty: Path) -> Path:
    path.parent.mkdir()
    shutil.copy(empty, path)
    return path


def search(id: str = "one", alias: str = "Next", query: str = "print X = n + 1") -> SavedSearch:
    return SavedSearch(id=id, category="c", display_name="d", query=query, alias=alias, parameters="n:long=1")


def watchlist(alias: str = "hosts", columns: tuple[str, ...] = ("Host", 'It\'s "odd"/~')) -> Watchlist:
    return Watchlist(
        alias=alias,
        id="w",
        display_name="d",
        provider="p",
        search_key="Host",
        created=NOW,
        updated=NOW,
        etag="e",
        columns=columns,
    )


def item(id: str, **values: object) -> Item:
    return Item(id, values, NOW, NOW, "e")


def test_a_saved_search_with_an_alias_is_a_function_and_stays_one(workspace_file: Path):
    with Workspace.open(workspace_file) as workspace:
        workspace.searches.put(search())
        assert workspace.query("Next(2)").rows == [(3,)]
    with Workspace.open(workspace_file, read_only=True) as reader:
        assert reader.query("Next").rows == [(2,)]
        with pytest.raises(StateError, match="read-only"):
            reader.searches.drop("one")
    with Workspace.open(workspace_file) as workspace:
        workspace.searches.put(search(query="print X = n + 10"))
        assert workspace.query("Next").rows == [(11,)]
        workspace.searches.drop("one")
        with pytest.raises(QueryError, match="unknown table 'Next'"):
            workspace.query("Next")


def test_a_watchlist_is_read_by_its_alias_and_stays_readable(workspace_file: Path):
    odd = 'It\'s "odd"/~'
    with Workspace.open(workspace_file) as workspace:
        workspace.watchlists.put(watchlist(), [item("1", Host="a", **{odd: 5}), item("2", Host="b")])
    with Workspace.open(workspace_file, read_only=True) as reader:
        found = reader.query("_GetWatchlist('HOSTS') | order by SearchKey asc")
        assert [column.name for column in found.columns][:3] == [
            "_DTItemId",
            "LastUpdatedTimeUTC",
            "SearchKey",
        ]
        assert [(row[0], row[2], *row[4:]) for row in found.rows] == [
            ("1", "a", "a", "5"),
            ("2", "b", "b", ""),
        ]
        assert reader.query("_GetWatchlistAlias").rows == [("hosts",)]
        assert [each.id for each in reader.watchlist_items("hosts", after="1")] == ["2"]


def test_a_watchlist_that_is_gone_gives_nothing_and_leaves_nothing(workspace_file: Path):
    with Workspace.open(workspace_file) as workspace:
        workspace.watchlists.put(watchlist(), [item("1", Host="a")])
        workspace.watchlists.drop("hosts")
        assert workspace.query("_GetWatchlist('hosts') | count").rows == [(0,)]
        workspace.watchlists.put(watchlist())
        assert workspace.watchlist_items("hosts") == []


def test_a_workspace_of_the_version_before_is_brought_up(workspace_file: Path, tmp_path: Path):
    old = tmp_path / "old" / "workspace.duckdb"
    old.parent.mkdir()
    shutil.copy(workspace_file, old)
    with duckdb.connect(str(old)) as connection:
        connection.execute("""
            DROP VIEW main."_GetWatchlist."; DROP VIEW main."_GetWatchlist._GetWatchlistAlias";
            DROP TABLE tidewaiter._searches; DROP TABLE tidewaiter._watchlists;
            DROP TABLE tidewaiter._watchlist_items; UPDATE tidewaiter._meta SET version = 2;
        """)
    with Workspace.open(old, read_only=True) as reader:
        assert reader.query("_GetWatchlist('none') | count").rows == [(0,)]
        assert len(reader.searches) == 0
