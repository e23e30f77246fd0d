"""Watchlists and their items.

Source: Microsoft Sentinel REST API, Watchlists and Watchlist Items (2024-09-01).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from tidewaiter import govern
from tidewaiter.core.permit import Capability, Permit
from tidewaiter.sentinel.arm import Arm, WorkspacePath, segment
from tidewaiter.sentinel.wire import SENTINEL, Wire, narrowed

PROVIDER = "Tidewaiter"


class WatchlistDraft(Wire, frozen=True, omit_defaults=False):
    """What a client may set of a watchlist.

    `items_search_key` is the column that `_GetWatchlist()` gives as `SearchKey`. `raw_content` is a CSV with
    a header line: the items to create the watchlist with; the service does not give it back.
    """

    display_name: str
    items_search_key: str
    provider: str = PROVIDER
    source: str | None = "tidewaiter.csv"
    source_type: str | None = "Local"
    description: str | None = ""
    content_type: str | None = "text/csv"
    number_of_lines_to_skip: int | None = 0
    raw_content: str | msgspec.UnsetType | None = msgspec.UNSET


class WatchlistProperties(WatchlistDraft, frozen=True):
    """A watchlist's properties, those that the service sets included."""

    watchlist_id: str | None = None
    watchlist_alias: str | None = None
    created: datetime | None = None
    updated: datetime | None = None
    is_deleted: bool | None = None
    upload_status: str | None = None
    provisioning_state: str | None = None


class Watchlist(Wire, frozen=True):
    """A watchlist as read; `name` is its alias."""

    name: str
    properties: WatchlistProperties
    id: str = ""
    etag: str | None = None


class _ItemProperties(Wire, frozen=True):
    items_key_value: dict[str, msgspec.Raw]
    watchlist_item_id: str | None = None
    updated: datetime | None = None
    is_deleted: bool | None = None


class _Item(Wire, frozen=True):
    name: str
    properties: _ItemProperties
    etag: str | None = None


class WatchlistItem(msgspec.Struct, frozen=True):
    """A row of a watchlist: column -> text (a value that is no string is given as its JSON)."""

    name: str
    values: Mapping[str, str]
    etag: str | None = None


class _ItemBody(Wire, frozen=True):
    properties: _NewItem


class _NewItem(Wire, frozen=True):
    items_key_value: dict[str, str]


class _Body(Wire, frozen=True):
    properties: WatchlistDraft


@dataclass(frozen=True, slots=True)
class Watchlists:
    """The watchlists of one workspace."""

    arm: Arm
    workspace: WorkspacePath

    async def get(self, alias: str) -> Watchlist:
        """Return a watchlist; Refused with status 404 when there is none."""
        return await self.arm.get(self._path(alias), Watchlist, version=SENTINEL)

    def list(self) -> AsyncIterator[Watchlist]:
        """Yield all watchlists."""
        return self.arm.list(f"{self.workspace.sentinel}/watchlists", Watchlist, version=SENTINEL)

    async def put(self, alias: str, draft: WatchlistDraft, *, permit: Permit, source: str = "*") -> Watchlist:
        """Create a watchlist, or change the one that is there, and wait until its items are uploaded."""
        self._enforce(permit, source)
        body = _Body(narrowed(draft, WatchlistDraft))
        return await self.arm.put(self._path(alias), body, Watchlist, version=SENTINEL)

    async def delete(self, alias: str, *, permit: Permit, source: str = "*") -> None:
        """Delete a watchlist with its items; none of that alias is no error."""
        self._enforce(permit, source)
        await self.arm.delete(self._path(alias), version=SENTINEL)

    async def items(self, alias: str) -> AsyncIterator[WatchlistItem]:
        """Yield the items of a watchlist."""
        async for item in self.arm.list(f"{self._path(alias)}/watchlistItems", _Item, version=SENTINEL):
            yield _read(item)

    async def put_item(
        self, alias: str, name: str, values: Mapping[str, str], *, permit: Permit, source: str = "*"
    ) -> WatchlistItem:
        """Write the item `name` (a GUID)."""
        self._enforce(permit, source)
        body = _ItemBody(_NewItem(dict(values)))
        path = f"{self._path(alias)}/watchlistItems/{segment(name)}"
        return _read(await self.arm.put(path, body, _Item, version=SENTINEL))

    async def delete_item(self, alias: str, name: str, *, permit: Permit, source: str = "*") -> None:
        """Delete an item; none of that name is no error."""
        self._enforce(permit, source)
        await self.arm.delete(f"{self._path(alias)}/watchlistItems/{segment(name)}", version=SENTINEL)

    def _enforce(self, permit: Permit, source: str) -> None:
        govern.enforce(permit, Capability.WRITE_WATCHLISTS, source=source, now=self.arm.session.now())

    def _path(self, alias: str) -> str:
        return f"{self.workspace.sentinel}/watchlists/{segment(alias)}"


def _read(item: _Item) -> WatchlistItem:
    values = {name: _text(bytes(raw)) for name, raw in item.properties.items_key_value.items()}
    return WatchlistItem(item.name, values, item.etag)


def _text(raw: bytes) -> str:
    return msgspec.json.decode(raw, type=str) if raw[:1] == b'"' else raw.decode()
