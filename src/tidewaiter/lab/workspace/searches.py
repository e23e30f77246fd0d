"""Saved searches of a workspace; one with an alias is a function that queries call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager

import duckdb
import msgspec

from tidewaiter.kql import StoredFunction

Change = Callable[[str], AbstractContextManager[duckdb.DuckDBPyConnection]]
"""Opens a transaction, which `what` is changed by."""

TABLE = "CREATE TABLE tidewaiter._searches (id VARCHAR PRIMARY KEY, body VARCHAR NOT NULL)"


class SavedSearch(msgspec.Struct, frozen=True, kw_only=True):
    """A stored query; `alias` makes it a function with `parameters` as KQL writes them."""

    id: str
    category: str
    display_name: str
    query: str
    alias: str = ""
    parameters: str = ""
    version: int = 2
    tags: tuple[tuple[str, str], ...] = ()
    etag: str = ""


class SavedSearches(Mapping[str, SavedSearch]):
    """All saved searches by id, in the order of ids; durable when a call returns."""

    def __init__(self, change: Change) -> None:
        self._change = change
        self._held: dict[str, SavedSearch] = {}
        self.functions: dict[str, StoredFunction] = {}
        """What queries may call; always up to date."""

    def __getitem__(self, id: str) -> SavedSearch:
        return self._held[id]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._held))

    def __len__(self) -> int:
        return len(self._held)

    def read(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Take what the file holds."""
        found = connection.execute("SELECT body FROM tidewaiter._searches").fetchall()
        searches = [msgspec.json.decode(body, type=SavedSearch) for (body,) in found]
        self._held = {search.id: search for search in searches}
        self._renew()

    def put(self, search: SavedSearch) -> None:
        """Keep a saved search, instead of one of its id if there is one.

        Raises:
            DeliveryError: it cannot be written. StateError: the workspace is read-only.
        """
        with self._change("of a saved search") as connection:
            body = msgspec.json.encode(search).decode()
            connection.execute("INSERT OR REPLACE INTO tidewaiter._searches VALUES (?, ?)", [search.id, body])
        self._held[search.id] = search
        self._renew()

    def drop(self, id: str) -> None:
        """Forget a saved search.

        Raises:
            KeyError: there is none. DeliveryError, StateError: as `put`.
        """
        found = self._held[id]
        with self._change("of a saved search") as connection:
            connection.execute("DELETE FROM tidewaiter._searches WHERE id = ?", [found.id])
        del self._held[id]
        self._renew()

    def _renew(self) -> None:
        self.functions.clear()
        for search in self._held.values():
            if search.alias:
                self.functions[search.alias] = StoredFunction(search.alias, search.query, search.parameters)
