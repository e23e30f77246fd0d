"""Microsoft.SecurityInsights/alertRules."""

from __future__ import annotations

from functools import partial

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tidewaiter.core.errors import NotExecutable, QueryError
from tidewaiter.kql.prepared import Prepared
from tidewaiter.lab.server.arm.resources import read_json
from tidewaiter.lab.server.authorization import Audience, guarded
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
from tidewaiter.lab.server.sentinel.rules.check import wrong_columns, wrong_words
from tidewaiter.lab.server.sentinel.rules.definition import Draft, Kind, Properties, Rule
from tidewaiter.lab.server.sentinel.rules.store import reason

MOST_SCHEDULED = 512
MOST_NRT = 50
"""Enabled rules (Service limits for Microsoft Sentinel, 2025-03-19)."""


def routes(lab: Lab) -> list[BaseRoute]:
    """Return the routes of analytics rules."""

    async def listed(request: Request) -> Response:
        check(lab, request)
        rules = await lab.run(lambda: list(lab.sentinel.rules.rules.values()))
        return JSONResponse(page(request, rules, partial(_shown, lab)))

    async def one(request: Request) -> Response:
        check(lab, request)
        name = request.path_params["name"]
        if request.method == "PUT":
            draft = await read_json(request, Draft)
            status, rule = await lab.run(partial(_put, lab, request, name, draft))
            return JSONResponse(_shown(lab, rule), status)
        if request.method == "DELETE":
            return Response(status_code=await lab.run(partial(_delete, lab, request, name)))
        return JSONResponse(_shown(lab, await lab.run(partial(_get, lab, name))))

    manage = partial(guarded, lab, Audience.MANAGEMENT)
    return [
        Route(PROVIDER + "/alertRules", manage(listed), methods=["GET"]),
        Route(PROVIDER + "/alertRules/{name}", manage(one), methods=["GET", "PUT", "DELETE"]),
    ]


def _get(lab: Lab, name: str) -> Rule:
    rule = lab.sentinel.rules.rules.get(name)
    if rule is None:
        raise missing("The alert rule", name)
    return rule


def _put(lab: Lab, request: Request, name: str, draft: Draft) -> tuple[int, Rule]:
    kinds = ("Scheduled", "NRT") if is_preview(request) else ("Scheduled",)
    if draft.kind not in kinds:
        message = (
            f"The lab takes rules of kind {' and '.join(kinds)} with this api-version, not '{draft.kind}'."
        )
        raise ServiceError(400, "BadRequest", message)
    before = lab.sentinel.rules.rules.get(name)
    check_etag(request, draft.etag, before.etag if before else None, f"rule '{name}'")
    given = _cleaned(draft.kind, draft.properties)
    wrong = list(wrong_words(draft.kind, given))
    prepared: Prepared | None = None
    if not wrong:
        prepared = _prepared(lab, given)
        wrong = list(wrong_columns(given, prepared.columns)) if prepared else []
    if wrong:
        raise ServiceError(400, "BadRequest", " ".join(wrong))
    _check_number(lab, name, draft.kind, given)
    kind: Kind = "Scheduled" if draft.kind == "Scheduled" else "NRT"
    rule = Rule(name, kind, given, new_etag(), lab.now())
    lab.sentinel.rules.put(rule, prepared)
    return 200 if before else 201, rule


def _prepared(lab: Lab, given: Properties) -> Prepared | None:
    """Return the query ready to run; None when only Azure can run it, which its runs will say.

    Raises:
        ServiceError: 400 with the reason when the query is wrong.
    """
    try:
        return lab.sentinel.rules.prepare(given.query)
    except NotExecutable:
        return None
    except QueryError as error:
        message = f"Failed to run the analytics rule query. {reason(error)}"
        raise ServiceError(400, "BadRequest", message) from None


def _check_number(lab: Lab, name: str, kind: str, given: Properties) -> None:
    if not given.enabled:
        return
    others = [
        rule
        for rule in lab.sentinel.rules.rules.values()
        if rule.kind == kind and rule.properties.enabled and rule.name != name
    ]
    most = MOST_NRT if kind == "NRT" else MOST_SCHEDULED
    if len(others) >= most:
        raise ServiceError(400, "BadRequest", f"There are {most} enabled rules of kind {kind}, the most.")


def _cleaned(kind: str, given: Properties) -> Properties:
    """Return what is kept: a near-real-time rule has no schedule, whatever was sent."""
    if kind != "NRT":
        return given
    return msgspec.structs.replace(
        given, query_frequency=None, query_period=None, trigger_operator=None, trigger_threshold=None
    )


def _delete(lab: Lab, request: Request, name: str) -> int:
    rule = lab.sentinel.rules.rules.get(name)
    if rule is None:
        return 204
    check_etag(request, None, rule.etag, f"rule '{name}'")
    lab.sentinel.rules.drop(name)
    return 200


def _shown(lab: Lab, rule: Rule) -> dict[str, object]:
    properties = msgspec.to_builtins(rule.properties)
    schedule = ("queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold")
    hidden = set(schedule if rule.kind == "NRT" else ())
    shown = {name: value for name, value in properties.items() if name not in hidden}
    shown["lastModifiedUtc"] = stamp(rule.modified)
    return resource(lab, "alertRules", rule.name, rule.etag, shown, kind=rule.kind)
