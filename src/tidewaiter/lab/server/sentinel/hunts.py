"""Microsoft.SecurityInsights/hunts, with comments and relations (2025-10-01-preview).

All three are documents with an ETag; they differ in what a body must have.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tidewaiter.lab.server.arm.resources import read_json
from tidewaiter.lab.server.authorization import Audience, guarded
from tidewaiter.lab.server.errors import ServiceError
from tidewaiter.lab.server.lab import Lab
from tidewaiter.lab.server.sentinel.answers import (
    PROVIDER,
    check,
    check_etag,
    missing,
    new_etag,
    page,
    resource,
)
from tidewaiter.lab.server.sentinel.hunt_documents import Hunt, Part
from tidewaiter.lab.server.sentinel.rules.check import TACTICS

MOST_HUNTS = 100
"""Of a workspace (Service limits for Microsoft Sentinel, 2025-03-19)."""
STATUSES = ("New", "Active", "Closed", "Backlog", "Approved")
HYPOTHESES = ("Unknown", "Invalidated", "Validated")
MOST_CHARACTERS = 30_000


class _HuntDraft(msgspec.Struct, frozen=True):
    properties: Hunt = Hunt()
    etag: str | None = None


class _PartDraft(msgspec.Struct, frozen=True):
    properties: Part = Part()
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class _Parts:
    """Comments or relations: the segment of their path, and what one must have."""

    segment: str
    required: str

    def key(self, request: Request) -> str:
        return f"{request.path_params['hunt']}/{self.segment}/{request.path_params['part']}"


_COMMENTS = _Parts("comments", "message")
_RELATIONS = _Parts("relations", "related_resource_id")


def routes(lab: Lab) -> list[BaseRoute]:
    """Return the routes of hunts."""
    manage = partial(guarded, lab, Audience.MANAGEMENT)
    path = PROVIDER + "/hunts"
    of_parts = [
        route
        for parts in (_COMMENTS, _RELATIONS)
        for route in (
            Route(f"{path}/{{hunt}}/{parts.segment}", manage(_listing(lab, parts)), methods=["GET"]),
            Route(
                f"{path}/{{hunt}}/{parts.segment}/{{part}}",
                manage(_part(lab, parts)),
                methods=["GET", "PUT", "DELETE"],
            ),
        )
    ]

    async def listed(request: Request) -> Response:
        check(lab, request, preview=True)
        hunts = await lab.run(lambda: list(lab.sentinel.hunts.hunts.items()))
        return JSONResponse(page(request, hunts, lambda each: _shown(lab, *each)))

    async def one(request: Request) -> Response:
        check(lab, request, preview=True)
        name = request.path_params["hunt"]
        if request.method == "PUT":
            draft = await read_json(request, _HuntDraft)
            status, hunt = await lab.run(partial(_put, lab, request, name, draft))
            return JSONResponse(_shown(lab, name, hunt), status)
        if request.method == "DELETE":
            return Response(status_code=await lab.run(partial(_delete, lab, request, name)))
        return JSONResponse(_shown(lab, name, await lab.run(partial(_get, lab, name))))

    return [
        Route(path, manage(listed), methods=["GET"]),
        Route(path + "/{hunt}", manage(one), methods=["GET", "PUT", "DELETE"]),
        *of_parts,
    ]


def _get(lab: Lab, name: str) -> Hunt:
    found = lab.sentinel.hunts.hunts.get(name)
    if found is None:
        raise missing("The hunt", name)
    return found


def _put(lab: Lab, request: Request, name: str, draft: _HuntDraft) -> tuple[int, Hunt]:
    store = lab.sentinel.hunts
    before = store.hunts.get(name)
    check_etag(request, draft.etag, before.etag if before else None, f"hunt '{name}'")
    wrong = " ".join(_wrong(draft.properties))
    if before is None and len(store.hunts) >= MOST_HUNTS:
        wrong = f"The workspace has {MOST_HUNTS} hunts, the most."
    if wrong:
        raise ServiceError(400, "BadRequest", wrong)
    given = draft.properties
    hunt = msgspec.structs.replace(
        given,
        etag=new_etag(),
        status=given.status or "New",
        hypothesis_status=given.hypothesis_status or "Unknown",
    )
    with store.documents.transaction():
        store.hunts.put(name, hunt)
    return 200 if before else 201, hunt


def _delete(lab: Lab, request: Request, name: str) -> int:
    store = lab.sentinel.hunts
    hunt = store.hunts.get(name)
    if hunt is None:
        return 204
    check_etag(request, None, hunt.etag, f"hunt '{name}'")
    with store.documents.transaction():
        store.drop(name)
    return 200


def _wrong(given: Hunt) -> Iterator[str]:
    if not given.display_name or not given.description:
        yield "displayName and description are required."
    if given.status not in (None, *STATUSES):
        yield f"The status '{given.status}' is none of {', '.join(STATUSES)}."
    if given.hypothesis_status not in (None, *HYPOTHESES):
        yield f"The hypothesisStatus '{given.hypothesis_status}' is none of {', '.join(HYPOTHESES)}."
    for tactic in given.attack_tactics or ():
        if tactic not in TACTICS:
            yield f"The tactic '{tactic}' is unknown."


def _shown(lab: Lab, name: str, hunt: Hunt) -> dict[str, object]:
    properties = {key: value for key, value in msgspec.to_builtins(hunt).items() if key != "etag"}
    return resource(lab, "hunts", name, hunt.etag, properties)


def _listing(lab: Lab, parts: _Parts) -> Callable[[Request], Awaitable[Response]]:
    def found(request: Request) -> dict[str, object]:
        hunt = request.path_params["hunt"]
        _get(lab, hunt)
        held = lab.sentinel.hunts.parts_of(hunt, parts.segment)
        return page(request, list(held.items()), lambda each: _shown_part(lab, *each))

    async def listed(request: Request) -> Response:
        check(lab, request, preview=True)
        return JSONResponse(await lab.run(partial(found, request)))

    return listed


def _part(lab: Lab, parts: _Parts) -> Callable[[Request], Awaitable[Response]]:
    async def one(request: Request) -> Response:
        check(lab, request, preview=True)
        if request.method == "PUT":
            draft = await read_json(request, _PartDraft)
            status, part = await lab.run(partial(_put_part, lab, parts, request, draft))
            return JSONResponse(_shown_part(lab, parts.key(request), part), status)
        if request.method == "DELETE":
            return Response(status_code=await lab.run(partial(_delete_part, lab, parts, request)))
        part = await lab.run(partial(_get_part, lab, parts, request))
        return JSONResponse(_shown_part(lab, parts.key(request), part))

    return one


def _get_part(lab: Lab, parts: _Parts, request: Request) -> Part:
    _get(lab, request.path_params["hunt"])
    found = lab.sentinel.hunts.parts.get(parts.key(request))
    if found is None:
        raise missing(f"What is named among the hunt's {parts.segment}", request.path_params["part"])
    return found


def _put_part(lab: Lab, parts: _Parts, request: Request, draft: _PartDraft) -> tuple[int, Part]:
    store, key = lab.sentinel.hunts, parts.key(request)
    _get(lab, request.path_params["hunt"])
    before = store.parts.get(key)
    check_etag(request, draft.etag, before.etag if before else None, f"'{key}'")
    required = getattr(draft.properties, parts.required)
    if not required:
        raise ServiceError(400, "BadRequest", f"A body of {parts.segment} lacks what it is to hold.")
    if len(required) > MOST_CHARACTERS:
        raise ServiceError(400, "BadRequest", f"It has over {MOST_CHARACTERS:,} characters.")
    part = msgspec.structs.replace(draft.properties, etag=new_etag())
    with store.documents.transaction():
        store.parts.put(key, part)
    return 200 if before else 201, part


def _delete_part(lab: Lab, parts: _Parts, request: Request) -> int:
    store, key = lab.sentinel.hunts, parts.key(request)
    part = store.parts.get(key)
    if part is None:
        return 204
    check_etag(request, None, part.etag, f"'{key}'")
    with store.documents.transaction():
        store.parts.drop(key)
    return 200


def _shown_part(lab: Lab, key: str, part: Part) -> dict[str, object]:
    hunt, segment, name = key.split("/", 2)
    properties: dict[str, object] = {"message": part.message}
    if segment == _RELATIONS.segment:
        target = part.related_resource_id
        properties = {
            "relatedResourceId": target,
            "relatedResourceName": target.rpartition("/")[2],
            "relatedResourceKind": target.split("/")[-2] if target.count("/") > 1 else "",
            "relationType": "Microsoft.SecurityInsights/hunts/relations",
            "labels": list(part.labels or ()),
        }
    return resource(lab, f"hunts/{hunt}/{segment}", name, part.etag, properties)
