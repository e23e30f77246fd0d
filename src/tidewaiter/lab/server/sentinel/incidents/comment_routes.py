"""Microsoft.SecurityInsights/incidents/comments."""

from __future__ import annotations

from functools import partial

import msgspec
from starlette.requests import Request
from starlette.routing import BaseRoute

from tidewaiter.lab.server.authorization import caller
from tidewaiter.lab.server.errors import ServiceError
from tidewaiter.lab.server.lab import Lab
from tidewaiter.lab.server.sentinel.answers import (
    check_etag,
    missing,
    new_etag,
    page,
    resource,
    stamp,
)
from tidewaiter.lab.server.sentinel.incidents.change import incident_of
from tidewaiter.lab.server.sentinel.incidents.incident import Author, Comment, Incident
from tidewaiter.lab.server.sentinel.incidents.parts import Parts

MOST_CHARACTERS = 30_000
MOST_COMMENTS = 100
"""Of a comment, and on an incident (Service limits for Microsoft Sentinel, 2025-03-19)."""


class _Properties(msgspec.Struct, frozen=True):
    message: str = ""


class _Draft(msgspec.Struct, frozen=True):
    properties: _Properties = _Properties()
    etag: str | None = None


def _list(lab: Lab, request: Request) -> dict[str, object]:
    incident = incident_of(lab, request.path_params["incident"])
    comments = lab.sentinel.incidents.comments_on(incident.name)
    return page(request, comments[::-1], partial(_shown, lab))


def _get(lab: Lab, request: Request) -> Comment:
    incident_of(lab, request.path_params["incident"])
    found = lab.sentinel.incidents.comments.get(_key(request))
    if found is None:
        raise missing("The comment", request.path_params["comment"])
    return found


def _put(lab: Lab, request: Request, draft: _Draft) -> tuple[int, Comment]:
    store = lab.sentinel.incidents
    incident = incident_of(lab, request.path_params["incident"])
    name, message = request.path_params["comment"], draft.properties.message
    before = store.comments.get(_key(request))
    check_etag(request, draft.etag, before.etag if before else None, f"comment '{name}'")
    if not 1 <= len(message) <= MOST_CHARACTERS:
        words = f"A comment has between 1 and {MOST_CHARACTERS:,} characters; this one has {len(message):,}."
        raise ServiceError(400, "BadRequest", words)
    if before is None and len(store.comments_on(incident.name)) >= MOST_COMMENTS:
        raise ServiceError(400, "BadRequest", f"The incident has {MOST_COMMENTS} comments, the most.")
    client, now = caller(request), lab.now()
    author = Author(object_id=client.object_id, name=client.name)
    created = before.created if before else now
    comment = Comment(incident.name, name, new_etag(), message, author, created, now)
    with store.documents.transaction():
        store.comments.put(_key(request), comment)
        store.save(_touched(lab, incident, "Comment updated" if before else "Comment added"))
    lab.sentinel.own_rows.flush_when_possible()
    return 200 if before else 201, comment


def _delete(lab: Lab, request: Request) -> int:
    store = lab.sentinel.incidents
    incident = store.incidents.get(request.path_params["incident"])
    comment = store.comments.get(_key(request))
    if incident is None or comment is None:
        return 204
    check_etag(request, None, comment.etag, f"comment '{comment.name}'")
    with store.documents.transaction():
        store.comments.drop(_key(request))
        store.save(_touched(lab, incident, "Comment deleted"))
    lab.sentinel.own_rows.flush_when_possible()
    return 200


def _touched(lab: Lab, incident: Incident, by: str) -> Incident:
    return msgspec.structs.replace(incident, etag=new_etag(), modified=lab.now(), by=by)


def _key(request: Request) -> str:
    return f"{request.path_params['incident']}/{request.path_params['comment']}"


def _shown(lab: Lab, comment: Comment) -> dict[str, object]:
    properties = {
        "message": comment.message,
        "createdTimeUtc": stamp(comment.created),
        "lastModifiedTimeUtc": stamp(comment.modified),
        "author": msgspec.to_builtins(comment.author),
    }
    path = f"Incidents/{comment.incident}/Comments"
    return resource(lab, path, comment.name, comment.etag, properties)


def routes(lab: Lab) -> list[BaseRoute]:
    """Return the routes of comments on incidents."""
    return Parts("comment", _Draft, _list, _get, _put, _delete, _shown).routes(lab)
