"""Rows of the table Watchlist: what happened to watchlists and their items, each time anew."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tidewaiter.lab.server.tenant import Client, Tenant
from tidewaiter.lab.workspace import Item, Watchlist

Row = dict[str, object]


def watchlist_row(watchlist: Watchlist, status: str, now: datetime, tenant: Tenant, by: Client) -> Row:
    """Return the row for a watchlist; `status` is Create, Update or Delete."""
    shown = _common(watchlist, status, now, tenant, by)
    return {
        **shown,
        "_DTItemType": "watchlist",
        "_DTItemId": watchlist.id,
        "SearchKey": watchlist.search_key,
        "CreatedTimeUTC": watchlist.created.isoformat(),
        "LastUpdatedTimeUTC": watchlist.updated.isoformat(),
    }


def item_rows(
    watchlist: Watchlist, items: Sequence[Item], status: str, now: datetime, tenant: Tenant, by: Client
) -> list[Row]:
    """Return the rows for items of a watchlist."""
    shown = _common(watchlist, status, now, tenant, by)
    return [
        {
            **shown,
            "_DTItemType": "watchlist-item",
            "_DTItemId": item.id,
            "WatchlistItemId": item.id,
            "SearchKey": str(item.values.get(watchlist.search_key, "")),
            "WatchlistItem": dict(item.values),
            "CreatedTimeUTC": item.created.isoformat(),
            "LastUpdatedTimeUTC": item.updated.isoformat(),
        }
        for item in items
    ]


def _common(watchlist: Watchlist, status: str, now: datetime, tenant: Tenant, by: Client) -> Row:
    person = {"ObjectId": by.object_id, "Email": "", "Name": by.name}
    return {
        "TimeGenerated": now.isoformat(),
        "_DTItemStatus": status,
        "_DTTimestamp": now.isoformat(),
        "AzureTenantId": tenant.id,
        "WatchlistId": watchlist.id,
        "WatchlistName": watchlist.display_name,
        "WatchlistAlias": watchlist.alias,
        "WatchlistCategory": watchlist.watchlist_type,
        "Provider": watchlist.provider,
        "Source": watchlist.source,
        "SourceSystem": "Azure Sentinel",
        **({"CreatedBy": person} if status == "Create" else {}),
        "UpdatedBy": person,
    }
