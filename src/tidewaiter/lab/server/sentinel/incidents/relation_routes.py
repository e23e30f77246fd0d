"""Microsoft.SecurityInsights/incidents/relations: alerts and bookmarks that belong to an incident."""

from __future__ import annotations

from functools import partial

import msgspec
from starlette.requests import Request
from starlette.routing import BaseRoute

from tidewaiter.lab.server.errors import ServiceError
from tidewaiter.lab.server.lab import Lab
from tidewaiter.lab.server.sentinel.answers import (
    check_etag,
    missing,
    new_etag,
    page,
    resource,
    resource_id,
)
from tidewaiter.lab.server.sentinel.incidents.change import incident_of
from tidewaiter.lab.server.sentinel.incidents.grouping import MOST_ALERTS, with_alert
from tidewaiter.lab.server.sentinel.incidents.incident import Incident, Relation, union
from tidewaiter.lab.server.sentinel.incidents.parts import Parts

MOST_BOOKMARKS = 20
"""On an incident (Service limits for Microsoft Sentinel, 2025-03-19)."""
_KINDS = {"entities": "SecurityAlert", "bookmarks": "Bookmark"}


class _Properties(msgspec.Struct, frozen=True, rename="camel"):
    related_resource_id: str = ""


class _Draft(msgspec.Struct, frozen=True):
    properties: _Properties = _Properties()
    etag: str | None = None


def _all(lab: Lab, incident: Incident) -> list[Relation]:
    """Return the relations that were made, and one for each alert that its rule put into the incident."""
    made = lab.sentinel.incidents.relations_of(incident.name)
    related = {relation.resource_id.lower() for relation in made}
    base = resource_id(lab)
    own = [
        Relation(incident.name, f"{incident.name}_{alert}", incident.etag, f"{base}/Entities/{alert}", kind)
        for alert, kind in ((alert, "SecurityAlert") for alert in incident.alerts)
        if f"{base}/entities/{alert}".lower() not in related
    ]
    return [*own, *made]


def _list(lab: Lab, request: Request) -> dict[str, object]:
    incident = incident_of(lab, request.path_params["incident"])
    return page(request, _all(lab, incident), partial(_shown, lab))


def _find(lab: Lab, request: Request) -> Relation | None:
    incident = lab.sentinel.incidents.incidents.get(request.path_params["incident"])
    name = request.path_params["relation"]
    relations = _all(lab, incident) if incident else []
    return next((relation for relation in relations if relation.name == name), None)


def _get(lab: Lab, request: Request) -> Relation:
    incident_of(lab, request.path_params["incident"])
    found = _find(lab, request)
    if found is None:
        raise missing("The relation", request.path_params["relation"])
    return found


def _put(lab: Lab, request: Request, draft: _Draft) -> tuple[int, Relation]:
    store = lab.sentinel.incidents
    incident = incident_of(lab, request.path_params["incident"])
    name, target = request.path_params["relation"], draft.properties.related_resource_id
    before = store.relations.get(_key(request))
    check_etag(request, draft.etag, before.etag if before else None, f"relation '{name}'")
    kind, related = _target(lab, target)
    relation = Relation(incident.name, name, new_etag(), target, kind)
    with store.documents.transaction():
        store.relations.put(_key(request), relation)
        store.save(_with(lab, incident, kind, related))
    lab.sentinel.own_rows.flush_when_possible()
    return 200 if before else 201, relation


def _delete(lab: Lab, request: Request) -> int:
    relation = _find(lab, request)
    if relation is None:
        return 204
    check_etag(request, None, relation.etag, f"relation '{relation.name}'")
    store, now = lab.sentinel.incidents, lab.now()
    incident = store.incidents[relation.incident]
    gone = relation.resource_id.rpartition("/")[2]
    with store.documents.transaction():
        if _key(request) in store.relations:
            store.relations.drop(_key(request))
        store.save(
            msgspec.structs.replace(
                incident,
                etag=new_etag(),
                alerts=tuple(each for each in incident.alerts if each != gone),
                bookmarks=tuple(each for each in incident.bookmarks if each != gone),
                modified=now,
                by="Incident updated - relation removed",
            )
        )
    lab.sentinel.own_rows.flush_when_possible()
    return 200


def _target(lab: Lab, target: str) -> tuple[str, str]:
    """Return the kind of what is related, and its name; alerts must be known."""
    start = resource_id(lab) + "/"
    collection, _, name = target[len(start) :].partition("/")
    kind = _KINDS.get(collection.lower())
    if not target.lower().startswith(start.lower()) or kind is None or not name:
        message = (
            f"relatedResourceId '{target}' is neither an alert (entities) nor a bookmark of the workspace."
        )
        raise ServiceError(400, "BadRequest", message)
    if kind == "SecurityAlert" and name not in lab.sentinel.alerts:
        raise ServiceError(400, "BadRequest", f"The workspace has no alert '{name}'.")
    return kind, name


def _with(lab: Lab, incident: Incident, kind: str, related: str) -> Incident:
    now = lab.now()
    by = "Incident updated - relation added"
    if kind == "SecurityAlert":
        if related not in incident.alerts and len(incident.alerts) >= MOST_ALERTS:
            raise ServiceError(400, "BadRequest", f"The incident has {MOST_ALERTS} alerts, the most.")
        joined = with_alert(incident, lab.sentinel.alerts[related], now)
        return msgspec.structs.replace(joined, by=by, severity=incident.severity)
    bookmarks = union(incident.bookmarks, [related])
    if len(bookmarks) > MOST_BOOKMARKS:
        raise ServiceError(400, "BadRequest", f"The incident has {MOST_BOOKMARKS} bookmarks, the most.")
    return msgspec.structs.replace(incident, etag=new_etag(), bookmarks=bookmarks, modified=now, by=by)


def _key(request: Request) -> str:
    return f"{request.path_params['incident']}/{request.path_params['relation']}"


def _shown(lab: Lab, relation: Relation) -> dict[str, object]:
    path = relation.resource_id[len(resource_id(lab)) + 1 :]
    properties = {
        "relatedResourceId": relation.resource_id,
        "relatedResourceName": path.rpartition("/")[2],
        "relatedResourceType": f"Microsoft.SecurityInsights/{path.partition('/')[0]}",
        "relatedResourceKind": relation.kind,
    }
    return resource(lab, f"Incidents/{relation.incident}/relations", relation.name, relation.etag, properties)


def routes(lab: Lab) -> list[BaseRoute]:
    """Return the routes of what is related to incidents."""
    return Parts("relation", _Draft, _list, _get, _put, _delete, _shown).routes(lab)
