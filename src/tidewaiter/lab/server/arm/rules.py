"""Microsoft.Insights/dataCollectionRules."""

from __future__ import annotations

import uuid
from functools import partial

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tidewaiter.lab.server.arm.resources import GROUP, check_scope, read_json
from tidewaiter.lab.server.arm.rule_check import check_rule
from tidewaiter.lab.server.authorization import Audience, guarded
from tidewaiter.lab.server.errors import ServiceError
from tidewaiter.lab.server.lab import Lab
from tidewaiter.lab.server.rules import Rule, RuleProperties

_PATH = GROUP + "/providers/Microsoft.Insights/dataCollectionRules"


class _Draft(msgspec.Struct, frozen=True):
    location: str
    properties: RuleProperties
    kind: str = ""
    tags: dict[str, str] = {}


def routes(lab: Lab) -> list[BaseRoute]:
    """Return the routes of data collection rules."""

    async def listed(request: Request) -> Response:
        check_scope(lab, request)
        rules = await lab.run(lambda: list(lab.rules.values()))
        return JSONResponse({"value": [_shown(lab, rule) for rule in rules]})

    async def one(request: Request) -> Response:
        check_scope(lab, request)
        name = request.path_params["name"]
        if request.method == "PUT":
            draft = await read_json(request, _Draft)
            rule, created = await lab.run(partial(_put, lab, name, draft))
            return JSONResponse(_shown(lab, rule), 201 if created else 200)
        if request.method == "DELETE":
            found = await lab.run(partial(_drop, lab, name))
            return Response(status_code=200 if found else 204)
        return JSONResponse(_shown(lab, await lab.run(partial(_get, lab, name))))

    return [
        Route(_PATH, guarded(lab, Audience.MANAGEMENT, listed), methods=["GET"]),
        Route(
            _PATH + "/{name}",
            guarded(lab, Audience.MANAGEMENT, one),
            methods=["GET", "PUT", "DELETE"],
        ),
    ]


def _named(lab: Lab, name: str) -> Rule | None:
    return next((rule for rule in lab.rules.values() if rule.name.lower() == name.lower()), None)


def _get(lab: Lab, name: str) -> Rule:
    rule = _named(lab, name)
    if rule is None:
        what = f"Microsoft.Insights/dataCollectionRules/{name}"
        message = f"The Resource '{what}' under resource group '{lab.tenant.resource_group}' was not found."
        raise ServiceError(404, "ResourceNotFound", message)
    return rule


def _put(lab: Lab, name: str, draft: _Draft) -> tuple[Rule, bool]:
    check_rule(draft.properties, lab.tenant, lab.workspace)
    before = _named(lab, name)
    if before and before.kind != draft.kind:
        message = f"The kind of a data collection rule cannot be changed from '{before.kind}'."
        raise ServiceError(400, "InvalidPayload", message)
    rule = Rule(
        name=before.name if before else name,
        immutable_id=before.immutable_id if before else f"dcr-{uuid.uuid4().hex}",
        created=before.created if before else lab.clock.present(),
        location=draft.location,
        kind=draft.kind,
        properties=draft.properties,
        tags=draft.tags,
    )
    lab.rules.put(rule)
    return rule, before is None


def _drop(lab: Lab, name: str) -> bool:
    rule = _named(lab, name)
    if rule is not None:
        lab.rules.drop(rule.name)
    return rule is not None


def _shown(lab: Lab, rule: Rule) -> dict[str, object]:
    properties = msgspec.to_builtins(rule.properties)
    for flow in properties["dataFlows"]:
        for name in ("transformKql", "outputStream"):
            if flow[name] is None:
                del flow[name]
    for destination in properties["destinations"]["logAnalytics"]:
        destination["workspaceId"] = lab.tenant.workspace_id
    if properties["description"] is None:
        del properties["description"]
    if rule.kind == "Direct":
        properties["endpoints"] = {"logsIngestion": lab.endpoint, "metricsIngestion": lab.endpoint}
    return {
        "id": f"{lab.tenant.group_path}/providers/Microsoft.Insights/dataCollectionRules/{rule.name}",
        "name": rule.name,
        "type": "Microsoft.Insights/dataCollectionRules",
        "location": rule.location,
        "kind": rule.kind,
        "tags": rule.tags,
        "etag": rule.etag,
        "properties": {
            **properties,
            "immutableId": rule.immutable_id,
            "provisioningState": "Succeeded",
        },
    }
