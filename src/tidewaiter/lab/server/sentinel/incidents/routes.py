"""Microsoft.SecurityInsights/incidents, and what is listed of one: alerts, entities, bookmarks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tidewaiter.lab.server.arm.resources import read_json
from tidewaiter.lab.server.authorization import Audience, Endpoint, guarded
from tidewaiter.lab.server.errors import ServiceError
from tidewaiter.lab.server.lab import Lab
from tidewaiter.lab.server.sentinel import odata
from tidewaiter.lab.server.sentinel.answers import PROVIDER, check, check_etag, page
from tidewaiter.lab.server.sentinel.incidents.change import Draft, changed, incident_of
from tidewaiter.lab.server.sentinel.incidents.incident import Incident
from tidewaiter.lab.server.sentinel.incidents.shown import (
    shown_alert,
    shown_bookmark,
    shown_entities,
    shown_incident,
)

T = TypeVar("T")

PAGE = 50


def routes(lab: Lab) -> list[BaseRoute]:
    """Return the routes of incidents."""

    async def listed(request: Request) -> Response:
        check(lab, request)
        return JSONResponse(await lab.run(partial(_list, lab, request)))

    async def one(request: Request) -> Response:
        check(lab, request)
        name = request.path_params["incident"]
        if request.method == "PUT":
            draft = await read_json(request, Draft)
            status, body = await lab.run(partial(_put, lab, request, name, draft))
            return JSONResponse(body, status)
        if request.method == "DELETE":
            return Response(status_code=await lab.run(partial(_delete, lab, request, name)))
        return JSONResponse(await lab.run(lambda: shown_incident(lab, incident_of(lab, name))))

    def listing(show: Callable[[Lab, Incident], object]) -> Endpoint:
        async def found(request: Request) -> Response:
            check(lab, request)
            name = request.path_params["incident"]
            return JSONResponse(await lab.run(lambda: show(lab, incident_of(lab, name))))

        return found

    manage = partial(guarded, lab, Audience.MANAGEMENT)
    path = PROVIDER + "/incidents"
    return [
        Route(path, manage(listed), methods=["GET"]),
        Route(path + "/{incident}", manage(one), methods=["GET", "PUT", "DELETE"]),
        Route(path + "/{incident}/alerts", manage(listing(_alerts)), methods=["POST"]),
        Route(path + "/{incident}/entities", manage(listing(_entities)), methods=["POST"]),
        Route(path + "/{incident}/bookmarks", manage(listing(_bookmarks)), methods=["POST"]),
    ]


def _list(lab: Lab, request: Request) -> dict[str, object]:
    store = lab.sentinel.incidents
    comments = Counter(comment.incident for comment in store.comments.values())
    shown = [shown_incident(lab, each, comments[each.name]) for each in store.incidents.values()]
    order = request.query_params.get("$orderby", "") or "properties/createdTimeUtc desc"
    where = request.query_params.get("$filter", "")
    try:
        if where:
            shown = list(filter(odata.predicate(where), shown))
        shown = odata.ordered(shown, order, lambda each: each)
    except odata.BadExpression as error:
        raise ServiceError(400, "BadRequest", f"Invalid OData expression: {error}.") from None
    return page(request, shown, lambda each: each, size=PAGE)


def _put(lab: Lab, request: Request, name: str, draft: Draft) -> tuple[int, dict[str, object]]:
    store = lab.sentinel.incidents
    before = store.incidents.get(name)
    check_etag(request, draft.etag, before.etag if before else None, f"incident '{name}'")
    with store.documents.transaction():
        incident = store.save(changed(lab, name, before, draft.properties))
    lab.sentinel.own_rows.flush_when_possible()
    return 200 if before else 201, shown_incident(lab, incident)


def _delete(lab: Lab, request: Request, name: str) -> int:
    store = lab.sentinel.incidents
    incident = store.incidents.get(name)
    if incident is None:
        return 204
    check_etag(request, None, incident.etag, f"incident '{name}'")
    with store.documents.transaction():
        store.drop(name)
    return 200


def _alerts(lab: Lab, incident: Incident) -> object:
    known = lab.sentinel.alerts
    return {"value": [shown_alert(lab, known[name]) for name in incident.alerts if name in known]}


def _entities(lab: Lab, incident: Incident) -> object:
    return shown_entities(lab, incident)


def _bookmarks(lab: Lab, incident: Incident) -> object:
    return {"value": [shown_bookmark(lab, name) for name in incident.bookmarks]}
