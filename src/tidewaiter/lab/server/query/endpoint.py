"""The routes: /v1/workspaces/{id}/query, /v1/{resource}/query and /v1/$batch."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tidewaiter.core.errors import QueryError
from tidewaiter.lab.server import errors
from tidewaiter.lab.server.arm.resources import read_json
from tidewaiter.lab.server.authorization import Audience, caller, guarded
from tidewaiter.lab.server.errors import ServiceError
from tidewaiter.lab.server.lab import Lab
from tidewaiter.lab.server.query.answer import encoded, statistics_of
from tidewaiter.lab.server.query.errors import answer_to, not_executable
from tidewaiter.lab.server.query.request import Body, Preferences, invalid, timespan_of


class _Item(msgspec.Struct, frozen=True):
    """One request of a batch; the method is GET when none is given."""

    id: str
    workspace: str = ""
    path: str = "/query"
    method: str = "GET"
    headers: dict[str, str] = {}
    body: Body = Body()


class _Batch(msgspec.Struct, frozen=True):
    requests: tuple[_Item, ...] = ()


@dataclass(frozen=True, slots=True)
class _Asked:
    body: Body
    prefer: Preferences


def routes(lab: Lab) -> list[BaseRoute]:
    """Return the routes of the query API."""

    async def workspace(request: Request) -> Response:
        _take(lab, request)
        _check_workspace(lab, request.path_params["workspace"])
        return await _answer(lab, await _asked(request))

    async def resource(request: Request) -> Response:
        _take(lab, request)
        _check_resource(lab, request.path_params["resource"])
        return await _answer(lab, await _asked(request))

    async def batch(request: Request) -> Response:
        items = (await read_json(request, _Batch)).requests
        if len(items) > lab.query_limits.batch:
            message = f"A batch has at most {lab.query_limits.batch} queries, this one has {len(items)}."
            raise invalid("BatchSizeError", message)
        answers = [await _item(lab, request, item) for item in items]
        return Response(msgspec.json.encode({"responses": answers}), media_type="application/json")

    asked = partial(guarded, lab, Audience.QUERY)
    return [
        Route("/v1/$batch", asked(batch), methods=["POST"]),
        Route("/v1/workspaces/{workspace}/query", asked(workspace), methods=["GET", "POST"]),
        Route("/v1/{resource:path}/query", asked(resource), methods=["GET", "POST"]),
    ]


async def _asked(request: Request) -> _Asked:
    prefer = Preferences.of(request.headers.get("prefer", ""))
    if request.method == "POST":
        return _Asked(await read_json(request, Body), prefer)
    given = request.query_params
    listed = given.get("workspaces", "")
    workspaces = tuple(name.strip() for name in listed.split(",") if name.strip())
    return _Asked(Body(given.get("query", ""), given.get("timespan"), workspaces), prefer)


async def _answer(lab: Lab, asked: _Asked) -> Response:
    body = await lab.run(partial(_run, lab, asked))
    return Response(body, media_type="application/json")


async def _item(lab: Lab, request: Request, item: _Item) -> dict[str, object]:
    """Answer one request of a batch; its failure is its own."""
    headers = {name.lower(): value for name, value in item.headers.items()}
    asked = _Asked(
        item.body if item.method.upper() == "POST" else Body(), Preferences.of(headers.get("prefer", ""))
    )
    try:
        if item.path != "/query":
            raise ServiceError(404, "PathNotFoundError", "The requested path does not exist")
        _take(lab, request)
        _check_workspace(lab, item.workspace)
        body = msgspec.Raw(await lab.run(partial(_run, lab, asked)))
        return {"id": item.id, "status": 200, "headers": {}, "body": body}
    except ServiceError as error:
        answered = await errors.answer(request, error)
        body = msgspec.Raw(bytes(answered.body))
        return {"id": item.id, "status": error.status, "headers": error.headers, "body": body}


def _run(lab: Lab, asked: _Asked) -> bytes:
    """Run a query; on the lab's thread."""
    query = asked.body.query
    if not query.strip():
        raise invalid("QueryValidationError", "The query is missing or empty.")
    _check_others(lab, asked.body.workspaces or ())
    now = lab.now()
    timespan = timespan_of(asked.body.timespan, now)
    begun = time.perf_counter()
    try:
        result = lab.workspace.query(
            query, now=now, timespan=timespan, limits=lab.query_limits.of(asked.prefer.wait)
        )
    except QueryError as error:
        raise answer_to(error, query) from None
    statistics = statistics_of(result, time.perf_counter() - begun) if asked.prefer.statistics else None
    render = query if asked.prefer.render else None
    return encoded(result, lab.query_limits, statistics=statistics, render=render)


def _take(lab: Lab, request: Request) -> None:
    if lab.clock.name == "wall":
        lab.query_limits.take(caller(request).id, lab.clock.present())


def _check_workspace(lab: Lab, workspace: str) -> None:
    if workspace.lower() != lab.tenant.workspace_id.lower():
        message = f"The workspace '{workspace}' could not be found"
        raise ServiceError(404, "WorkspaceNotFoundError", message)


def _check_resource(lab: Lab, resource: str) -> None:
    if f"/{resource.strip('/')}".lower() == lab.tenant.workspace_path.lower():
        return
    raise not_executable(f"not locally executable: a query in the context of {resource.rpartition('/')[2]}")


def _check_others(lab: Lab, workspaces: Sequence[str]) -> None:
    tenant = lab.tenant
    own = {tenant.workspace_id.lower(), tenant.workspace.lower(), tenant.workspace_path.lower()}
    for name in workspaces:
        if name.lower() not in own:
            raise not_executable(f"not locally executable: workspace('{name}') (the lab holds one workspace)")
