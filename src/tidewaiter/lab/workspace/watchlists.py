"""Watchlists of a workspace, and the views by which KQL reads them (`_GetWatchlist('alias')`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
import msgspec

from tidewaiter.kql.watchlists import ALIASES, table_of
from tidewaiter.lab.workspace.searches import Change

TABLES = (
    "CREATE TABLE tidewaiter._watchlists (alias VARCHAR PRIMARY KEY, body VARCHAR NOT NULL)",
    "CREATE TABLE tidewaiter._watchlist_items (alias VARCHAR NOT NULL, id VARCHAR NOT NULL, "
    "created TIMESTAMP NOT NULL, updated TIMESTAMP NOT NULL, etag VARCHAR NOT NULL, item JSON NOT NULL, "
    "PRIMARY KEY (alias, id))",
)

COLUMNS: Mapping[str, str] = {
    "_DTItemId": "string",
    "LastUpdatedTimeUTC": "datetime",
    "SearchKey": "string",
    "WatchlistItem": "dynamic",
}
"""What `_GetWatchlist` gives of every watchlist, before the columns of its items ("Build queries or detection
rules with watchlists in Microsoft Sentinel", 2025, shows SearchKey; the others as seen in its results)."""


class Watchlist(msgspec.Struct, frozen=True, kw_only=True):
    """A watchlist without its items; `columns` are those that its items ever had, in order."""

    alias: str
    id: str
    display_name: str
    provider: str
    search_key: str
    created: datetime
    updated: datetime
    etag: str
    description: str = ""
    source: str = ""
    source_type: str = "Local"
    watchlist_type: str = "watchlist"
    labels: tuple[str, ...] = ()
    default_duration: str | None = None
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """A row of a watchlist: column -> value, any JSON value."""

    id: str
    values: Mapping[str, object]
    created: datetime
    updated: datetime
    etag: str


class Watchlists(Mapping[str, Watchlist]):
    """All watchlists by alias, in the order of aliases; durable when a call returns."""

    def __init__(self, change: Change, schemas: dict[str, Mapping[str, str]]) -> None:
        self._change = change
        self._schemas = schemas
        self._held: dict[str, Watchlist] = {}

    def __getitem__(self, alias: str) -> Watchlist:
        return self._held[alias]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._held))

    def __len__(self) -> int:
        return len(self._held)

    def read(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Take what the file holds, and show it to KQL."""
        found = connection.execute("SELECT body FROM tidewaiter._watchlists").fetchall()
        watchlists = [msgspec.json.decode(body, type=Watchlist) for (body,) in found]
        self._held = {each.alias: each for each in watchlists}
        self._schemas[table_of("")] = COLUMNS
        self._schemas[table_of(ALIASES)] = {"WatchlistAlias": "string"}
        for each in watchlists:
            self._schemas[table_of(each.alias)] = _schema(each)

    def put(self, watchlist: Watchlist, items: Sequence[Item] = ()) -> None:
        """Keep a watchlist, instead of one of its alias if there is one, and put items into it.

        Raises:
            DeliveryError: it cannot be written. StateError: the workspace is read-only.
        """
        with self._change(f"of the watchlist {watchlist.alias}") as connection:
            body = msgspec.json.encode(watchlist).decode()
            connection.execute(
                "INSERT OR REPLACE INTO tidewaiter._watchlists VALUES (?, ?)", [watchlist.alias, body]
            )
            _store(connection, watchlist.alias, items)
            connection.execute(_view(watchlist))
        self._held[watchlist.alias] = watchlist
        self._schemas[table_of(watchlist.alias)] = _schema(watchlist)

    def drop(self, alias: str) -> None:
        """Forget a watchlist with its items.

        Raises:
            KeyError: there is none. DeliveryError, StateError: as `put`.
        """
        found = self._held[alias]
        with self._change(f"of the watchlist {alias}") as connection:
            connection.execute("DELETE FROM tidewaiter._watchlist_items WHERE alias = ?", [found.alias])
            connection.execute("DELETE FROM tidewaiter._watchlists WHERE alias = ?", [found.alias])
            connection.execute(f'DROP VIEW IF EXISTS main."{table_of(alias)}"')
        del self._held[alias], self._schemas[table_of(alias)]

    def drop_item(self, alias: str, item: str) -> None:
        """Forget an item; none of that id is no error."""
        with self._change(f"of the watchlist {alias}") as connection:
            connection.execute(
                "DELETE FROM tidewaiter._watchlist_items WHERE alias = ? AND id = ?", [alias, item]
            )


def items_of(
    connection: duckdb.DuckDBPyConnection, alias: str, *, id: str = "", after: str = "", most: int = 0
) -> list[Item]:
    """Return items in the order of their ids: that of an id, or those after one, at most so many."""
    query = "SELECT id, item, created, updated, etag FROM tidewaiter._watchlist_items WHERE alias = ?"
    query += " AND id = ?" if id else " AND id > ? ORDER BY id"
    query += f" LIMIT {most}" if most else ""
    found = connection.execute(query, [alias, id or after]).fetchall()
    return [
        Item(name, msgspec.json.decode(item), created.replace(tzinfo=UTC), updated.replace(tzinfo=UTC), tag)
        for name, item, created, updated, tag in found
    ]


def _store(connection: duckdb.DuckDBPyConnection, alias: str, items: Sequence[Item]) -> None:
    if not items:
        return
    rows = {
        "alias": alias,
        "ids": [item.id for item in items],
        "created": [item.created.astimezone(UTC).replace(tzinfo=None) for item in items],
        "updated": [item.updated.astimezone(UTC).replace(tzinfo=None) for item in items],
        "etags": [item.etag for item in items],
        "items": [msgspec.json.encode(item.values).decode() for item in items],
    }
    connection.execute(
        "INSERT OR REPLACE INTO tidewaiter._watchlist_items SELECT $alias, unnest($ids::VARCHAR[]), "
        "unnest($created::TIMESTAMP[]), unnest($updated::TIMESTAMP[]), unnest($etags::VARCHAR[]), "
        "unnest($items::VARCHAR[])",
        rows,
    )


def show_common(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the views that every workspace has: of no watchlist, and of all aliases."""
    nothing = ", ".join(f'{_EMPTY[kind]} AS "{name}"' for name, kind in COLUMNS.items())
    connection.execute(f'CREATE OR REPLACE VIEW main."{table_of("")}" AS SELECT {nothing} WHERE false')
    connection.execute(
        f'CREATE OR REPLACE VIEW main."{table_of(ALIASES)}" AS '
        'SELECT alias AS "WatchlistAlias" FROM tidewaiter._watchlists'
    )


_EMPTY = {
    "string": "CAST('' AS VARCHAR)",
    "datetime": "CAST(NULL AS TIMESTAMP)",
    "dynamic": "CAST(NULL AS JSON)",
}


def _schema(watchlist: Watchlist) -> dict[str, str]:
    return {**COLUMNS, **dict.fromkeys(watchlist.columns, "string")}


def _view(watchlist: Watchlist) -> str:
    own = "".join(f", {_text_of(name)} AS {_quoted(name)}" for name in watchlist.columns)
    alias = watchlist.alias.replace("'", "''")
    return (
        f'CREATE OR REPLACE VIEW main."{table_of(watchlist.alias)}" AS SELECT id AS "_DTItemId", '
        f'updated AS "LastUpdatedTimeUTC", {_text_of(watchlist.search_key)} AS "SearchKey", '
        f"item AS \"WatchlistItem\"{own} FROM tidewaiter._watchlist_items WHERE alias = '{alias}'"
    )


def _text_of(column: str) -> str:
    """Return the SQL of an item's value as text; the pointer is of RFC 6901."""
    pointer = "/" + column.replace("~", "~0").replace("/", "~1").replace("'", "''")
    return f"coalesce(json_extract_string(item, '{pointer}'), '')"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
