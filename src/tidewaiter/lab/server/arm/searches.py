"""Microsoft.OperationalInsights/workspaces/savedSearches: saved queries, and functions.

Source: Log Analytics REST API, Saved Searches (2025-07-01): to change one, its ETag or `*` must be sent.
"""

from __future__ import annotations

import re
from functools import partial
from uuid import uuid4

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tidewaiter.lab.server.arm.resources import WORKSPACE, check_scope, read_json
from tidewaiter.lab.server.authorization import Audience, guarded
from tidewaiter.lab.server.errors import ServiceError
from tidewaiter.lab.server.lab import Lab
from tidewaiter.lab.workspace import SavedSearch

_PATH = WORKSPACE + "/savedSearches"
_ALIAS = re.compile(r"[A-Za-z_]\w{0,254}", re.ASCII)


class _Tag(msgspec.Struct, frozen=True):
    name: str
    value: str = ""


class _Properties(msgspec.Struct, frozen=True, rename="camel"):
    category: str
    display_name: str
    query: str
    function_alias: str | None = None
    function_parameters: str | None = None
    version: int | None = None
    tags: tuple[_Tag, ...] | None = None


class _Draft(msgspec.Struct, frozen=True):
    properties: _Properties
    etag: str | None = None


def routes(lab: Lab) -> list[BaseRoute]:
    """Return the routes of saved searches."""

    async def listed(request: Request) -> Response:
        check_scope(lab, request)
        searches = await lab.run(lambda: list(lab.workspace.searches.values()))
        return JSONResponse({"value": [_shown(lab, search) for search in searches]})

    async def one(request: Request) -> Response:
        check_scope(lab, request)
        id = request.path_params["id"]
        if request.method == "PUT":
            draft = await read_json(request, _Draft)
            etag = request.headers.get("if-match") or draft.etag
            return JSONResponse(_shown(lab, await lab.run(partial(_put, lab, id, draft.properties, etag))))
        if request.method == "DELETE":
            await lab.run(partial(_drop, lab, id))
            return Response(status_code=200)
        return JSONResponse(_shown(lab, await lab.run(partial(_get, lab, id))))

    return [
        Route(_PATH, guarded(lab, Audience.MANAGEMENT, listed), methods=["GET"]),
        Route(_PATH + "/{id}", guarded(lab, Audience.MANAGEMENT, one), methods=["GET", "PUT", "DELETE"]),
    ]


def _named(lab: Lab, id: str) -> SavedSearch | None:
    return next((each for each in lab.workspace.searches.values() if each.id.lower() == id.lower()), None)


def _get(lab: Lab, id: str) -> SavedSearch:
    found = _named(lab, id)
    if found is None:
        what = f"Microsoft.OperationalInsights/workspaces/{lab.tenant.workspace}/savedSearches/{id}"
        message = f"The Resource '{what}' under resource group '{lab.tenant.resource_group}' was not found."
        raise ServiceError(404, "ResourceNotFound", message)
    return found


def _put(lab: Lab, id: str, given: _Properties, etag: str | None) -> SavedSearch:
    before = _named(lab, id)
    _check_etag(before, etag)
    _check(lab, id, given)
    search = SavedSearch(
        id=before.id if before else id,
        category=given.category,
        display_name=given.display_name,
        query=given.query,
        alias=given.function_alias or "",
        parameters=given.function_parameters or "",
        version=given.version or 2,
        tags=tuple((tag.name, tag.value) for tag in given.tags or ()),
        etag=f'W/"{uuid4()}"',
    )
    lab.workspace.searches.put(search)
    return search


def _check_etag(before: SavedSearch | None, etag: str | None) -> None:
    if before is None:
        if etag and etag != "*":
            message = "The saved search that is to be changed does not exist."
            raise ServiceError(412, "PreconditionFailed", message)
        return
    if not etag:
        message = f"Saved search '{before.id}' exists. Send its etag, or '*', to override it."
        raise ServiceError(409, "Conflict", message)
    if etag not in ("*", before.etag):
        message = f"The etag of saved search '{before.id}' is {before.etag}, not {etag}."
        raise ServiceError(412, "PreconditionFailed", message)


def _check(lab: Lab, id: str, given: _Properties) -> None:
    for name, value in (("category", given.category), ("displayName", given.display_name)):
        if not value.strip():
            raise ServiceError(400, "InvalidParameter", f"The property '{name}' must not be empty.")
    if not given.query.strip():
        raise ServiceError(400, "InvalidParameter", "The property 'query' must not be empty.")
    alias = given.function_alias
    if not alias:
        return
    if _ALIAS.fullmatch(alias) is None:
        message = f"'{alias}' is no name of a function: letters, digits and '_', a digit not first."
        raise ServiceError(400, "InvalidParameter", message)
    others = (each for each in lab.workspace.searches.values() if each.id.lower() != id.lower())
    if any(other.alias == alias for other in others):
        raise ServiceError(400, "InvalidParameter", f"Another saved search has the alias '{alias}'.")


def _drop(lab: Lab, id: str) -> None:
    lab.workspace.searches.drop(_get(lab, id).id)


def _shown(lab: Lab, search: SavedSearch) -> dict[str, object]:
    properties: dict[str, object] = {
        "category": search.category,
        "displayName": search.display_name,
        "query": search.query,
        "version": search.version,
    }
    if search.alias:
        properties["functionAlias"] = search.alias
    if search.parameters:
        properties["functionParameters"] = search.parameters
    if search.tags:
        properties["tags"] = [{"name": name, "value": value} for name, value in search.tags]
    return {
        "id": f"{lab.tenant.workspace_path}/savedSearches/{search.id}",
        "name": search.id,
        "type": "Microsoft.OperationalInsights/workspaces/savedSearches",
        "etag": search.etag,
        "properties": properties,
    }
