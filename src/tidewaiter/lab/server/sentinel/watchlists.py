"""Watchlists and their items.

Source: Microsoft Sentinel REST API, Watchlists and Watchlist Items (2024-09-01, 2025-10-01-preview). Uploads
are done when they are answered; from the preview versions on, a deletion is answered 202 with a Location.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from uuid import UUID, uuid4

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tidewaiter.lab.server.arm.resources import read_json
from tidewaiter.lab.server.authorization import Audience, caller, guarded
from tidewaiter.lab.server.errors import ServiceError
from tidewaiter.lab.server.lab import Lab
from tidewaiter.lab.server.sentinel.answers import (
    PROVIDER,
    check,
    check_etag,
    is_preview,
    missing,
    new_etag,
    page,
    resource,
    stamp,
)
from tidewaiter.lab.server.sentinel.watchlist_content import columns_with, read_content, wrong
from tidewaiter.lab.server.sentinel.watchlist_rows import Row, item_rows, watchlist_row
from tidewaiter.lab.workspace import Item, Watchlist

_PATH = PROVIDER + "/watchlists"
_ONE = _PATH + "/{alias}"
_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{1,62}[A-Za-z0-9]")
_KEPT = 100


class _Properties(msgspec.Struct, frozen=True, rename="camel"):
    display_name: str
    provider: str
    items_search_key: str
    source: str | None = None
    source_type: str | None = None
    description: str | None = None
    labels: tuple[str, ...] | None = None
    default_duration: str | None = None
    content_type: str | None = None
    number_of_lines_to_skip: int | None = None
    raw_content: str | None = None


class _Draft(msgspec.Struct, frozen=True):
    properties: _Properties
    etag: str | None = None


class _ItemProperties(msgspec.Struct, frozen=True, rename="camel"):
    items_key_value: dict[str, str | int | float | bool | None]


class _ItemDraft(msgspec.Struct, frozen=True):
    properties: _ItemProperties
    etag: str | None = None


def routes(lab: Lab) -> list[BaseRoute]:
    """Return the routes of watchlists and their items."""
    deleted: dict[str, dict[str, object]] = {}

    async def listed(request: Request) -> Response:
        check(lab, request)
        found = await lab.run(lambda: list(lab.workspace.watchlists.values()))
        return JSONResponse(page(request, found, partial(_shown, lab)))

    async def one(request: Request) -> Response:
        check(lab, request)
        alias = request.path_params["alias"]
        if request.method == "PUT":
            draft = await read_json(request, _Draft)
            watchlist, created = await lab.run(partial(_put, lab, request, alias, draft))
            return JSONResponse(_shown(lab, watchlist), 201 if created else 200)
        if request.method == "DELETE":
            gone = await lab.run(partial(_drop, lab, request, alias))
            return _deletion(lab, request, gone, deleted)
        return JSONResponse(_shown(lab, await lab.run(partial(_named, lab, alias))))

    async def operation(request: Request) -> Response:
        check(lab, request)
        found = deleted.get(request.path_params["operation"])
        if found is None:
            raise missing("Operation", request.path_params["operation"])
        return JSONResponse(found)

    manage = partial(guarded, lab, Audience.MANAGEMENT)
    return [
        Route(_PATH, manage(listed), methods=["GET"]),
        Route(_ONE, manage(one), methods=["GET", "PUT", "DELETE"]),
        Route(_ONE + "/operationResults/{operation}", manage(operation), methods=["GET"]),
        *_item_routes(lab),
    ]


def _item_routes(lab: Lab) -> list[BaseRoute]:
    async def items(request: Request) -> Response:
        check(lab, request)
        watchlist = await lab.run(partial(_named, lab, request.path_params["alias"]))
        found = await lab.run(lambda: lab.workspace.watchlist_items(watchlist.alias))
        return JSONResponse(page(request, found, partial(_shown_item, lab, watchlist)))

    async def item(request: Request) -> Response:
        check(lab, request)
        alias, id = request.path_params["alias"], request.path_params["item"].lower()
        if request.method == "PUT":
            draft = await read_json(request, _ItemDraft)
            watchlist, put, created = await lab.run(partial(_put_item, lab, request, alias, id, draft))
            return JSONResponse(_shown_item(lab, watchlist, put), 201 if created else 200)
        if request.method == "DELETE":
            found = await lab.run(partial(_drop_item, lab, request, alias, id))
            return Response(status_code=200 if found else 204)
        watchlist, got = await lab.run(partial(_item, lab, alias, id))
        if got is None:
            raise missing("Watchlist item", id)
        return JSONResponse(_shown_item(lab, watchlist, got))

    manage = partial(guarded, lab, Audience.MANAGEMENT)
    return [
        Route(_ONE + "/watchlistItems", manage(items), methods=["GET"]),
        Route(_ONE + "/watchlistItems/{item}", manage(item), methods=["GET", "PUT", "DELETE"]),
    ]


def _find(lab: Lab, alias: str) -> Watchlist | None:
    found = (each for each in lab.workspace.watchlists.values() if each.alias.lower() == alias.lower())
    return next(found, None)


def _named(lab: Lab, alias: str) -> Watchlist:
    found = _find(lab, alias)
    if found is None:
        raise missing("Watchlist", alias)
    return found


def _put(lab: Lab, request: Request, alias: str, draft: _Draft) -> tuple[Watchlist, bool]:
    before, given = _find(lab, alias), draft.properties
    check_etag(request, draft.etag, before.etag if before else None, f"watchlist '{alias}'")
    if _ALIAS.fullmatch(alias) is None:
        raise wrong(
            f"The alias '{alias}' is not 3 to 64 letters, digits, '-' and '_', those not at its ends."
        )
    if given.source_type not in (None, "", "Local", "Local file"):
        message = f"not locally executable: a watchlist from {given.source_type}"
        raise ServiceError(400, "NotLocallyExecutable", message)
    held = [each.values for each in lab.workspace.watchlist_items(before.alias)] if before else []
    now = lab.now()
    new = [Item(str(uuid4()), values, now, now, new_etag()) for values in _uploaded(given, held)]
    columns = columns_with(before.columns if before else (), (item.values for item in new))
    if columns and given.items_search_key not in columns:
        raise wrong(f"The itemsSearchKey '{given.items_search_key}' is no column of the watchlist.")
    watchlist = Watchlist(
        alias=before.alias if before else alias,
        id=before.id if before else str(uuid4()),
        display_name=given.display_name,
        provider=given.provider,
        search_key=given.items_search_key,
        created=before.created if before else now,
        updated=now,
        etag=new_etag(),
        description=given.description or "",
        source=given.source or "",
        labels=given.labels or (),
        default_duration=given.default_duration,
        columns=columns,
    )
    lab.workspace.watchlists.put(watchlist, new)
    by, status = caller(request), "Update" if before else "Create"
    row = watchlist_row(watchlist, status, now, lab.tenant, by)
    _tell(lab, [row, *item_rows(watchlist, new, "Create", now, lab.tenant, by)])
    return watchlist, before is None


def _uploaded(given: _Properties, held: Sequence[Mapping[str, object]]) -> list[dict[str, str]]:
    """Return the items of an upload, without those that are there and those that come twice."""
    if given.raw_content is None or given.raw_content == "":
        return []
    skipped = max(0, given.number_of_lines_to_skip or 0)
    read = read_content(given.raw_content, given.content_type or "text/csv", skipped, given.items_search_key)
    seen = {msgspec.json.encode(values, order="sorted") for values in held}
    new: list[dict[str, str]] = []
    for values in read:
        key = msgspec.json.encode(values, order="sorted")
        if key not in seen:
            seen.add(key)
            new.append(values)
    return new


def _drop(lab: Lab, request: Request, alias: str) -> Watchlist | None:
    watchlist = _find(lab, alias)
    if watchlist is None:
        return None
    check_etag(request, None, watchlist.etag, f"watchlist '{alias}'")
    items, now, by = lab.workspace.watchlist_items(watchlist.alias), lab.now(), caller(request)
    lab.workspace.watchlists.drop(watchlist.alias)
    row = watchlist_row(watchlist, "Delete", now, lab.tenant, by)
    _tell(lab, [row, *item_rows(watchlist, items, "Delete", now, lab.tenant, by)])
    return watchlist


def _deletion(
    lab: Lab, request: Request, gone: Watchlist | None, deleted: dict[str, dict[str, object]]
) -> Response:
    if gone is None:
        return Response(status_code=204)
    if not is_preview(request):
        return Response(status_code=200)
    operation = str(uuid4())
    deleted[operation] = _shown(lab, gone)
    if len(deleted) > _KEPT:
        del deleted[next(iter(deleted))]
    here = request.url
    path = f"{here.path}/operationResults/{operation}"
    headers = {"Location": f"{here.scheme}://{here.netloc}{path}?{here.query}", "Retry-After": "1"}
    return Response(status_code=202, headers=headers)


def _item(lab: Lab, alias: str, id: str) -> tuple[Watchlist, Item | None]:
    watchlist = _named(lab, alias)
    found = lab.workspace.watchlist_items(watchlist.alias, id=id)
    return watchlist, found[0] if found else None


def _put_item(
    lab: Lab, request: Request, alias: str, id: str, draft: _ItemDraft
) -> tuple[Watchlist, Item, bool]:
    watchlist, before = _item(lab, alias, id)
    check_etag(request, draft.etag, before.etag if before else None, f"watchlist item '{id}'")
    try:
        UUID(id)
    except ValueError:
        raise wrong(f"The id '{id}' of a watchlist item is no GUID.") from None
    values, now, by = draft.properties.items_key_value, lab.now(), caller(request)
    if watchlist.search_key not in values:
        raise wrong(f"The item has no value for the search key '{watchlist.search_key}'.")
    item = Item(id, values, before.created if before else now, now, new_etag())
    columns = columns_with(watchlist.columns, [values])
    watchlist = msgspec.structs.replace(watchlist, columns=columns, updated=now)
    lab.workspace.watchlists.put(watchlist, [item])
    _tell(lab, item_rows(watchlist, [item], "Update" if before else "Create", now, lab.tenant, by))
    return watchlist, item, before is None


def _drop_item(lab: Lab, request: Request, alias: str, id: str) -> bool:
    watchlist, item = _item(lab, alias, id)
    if item is None:
        return False
    check_etag(request, None, item.etag, f"watchlist item '{id}'")
    lab.workspace.watchlists.drop_item(watchlist.alias, id)
    _tell(lab, item_rows(watchlist, [item], "Delete", lab.now(), lab.tenant, caller(request)))
    return True


def _tell(lab: Lab, rows: list[Row]) -> None:
    """Write what was done into the table Watchlist."""
    with lab.sentinel.documents.transaction():
        lab.sentinel.own_rows.add("Watchlist", rows)
    lab.sentinel.own_rows.flush_when_possible()


def _shown(lab: Lab, watchlist: Watchlist) -> dict[str, object]:
    properties = {
        "watchlistId": watchlist.id,
        "displayName": watchlist.display_name,
        "provider": watchlist.provider,
        "source": watchlist.source,
        "sourceType": watchlist.source_type,
        "itemsSearchKey": watchlist.search_key,
        "created": stamp(watchlist.created),
        "updated": stamp(watchlist.updated),
        "description": watchlist.description,
        "watchlistType": watchlist.watchlist_type,
        "watchlistAlias": watchlist.alias,
        "isDeleted": False,
        "labels": list(watchlist.labels),
        "defaultDuration": watchlist.default_duration,
        "tenantId": lab.tenant.id,
        "numberOfLinesToSkip": 0,
        "uploadStatus": "Complete",
        "provisioningState": "Succeeded",
    }
    shown = {name: value for name, value in properties.items() if value is not None}
    return resource(lab, "watchlists", watchlist.alias, watchlist.etag, shown)


def _shown_item(lab: Lab, watchlist: Watchlist, item: Item) -> dict[str, object]:
    properties = {
        "watchlistItemType": "watchlist-item",
        "watchlistItemId": item.id,
        "tenantId": lab.tenant.id,
        "isDeleted": False,
        "created": stamp(item.created),
        "updated": stamp(item.updated),
        "itemsKeyValue": dict(item.values),
        "entityMapping": {},
    }
    return resource(lab, f"watchlists/{watchlist.alias}/watchlistItems", item.id, item.etag, properties)
