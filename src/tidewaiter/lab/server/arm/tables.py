"""Microsoft.OperationalInsights/workspaces, and their tables."""

from __future__ import annotations

from functools import partial

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tidewaiter.asim.schema import SYSTEM_COLUMNS
from tidewaiter.asim.schema import tables as azure_tables
from tidewaiter.core.errors import ContentError
from tidewaiter.lab.server.arm.resources import GROUP, WORKSPACE, check_scope, read_json
from tidewaiter.lab.server.arm.table_check import PLANS, check_columns, check_name
from tidewaiter.lab.server.authorization import Audience, guarded
from tidewaiter.lab.server.errors import ServiceError
from tidewaiter.lab.server.lab import Lab
from tidewaiter.lab.server.rules import kql_type
from tidewaiter.lab.workspace import STANDARD_COLUMNS

_SPELLED = {"bool": "boolean", "datetime": "dateTime"}


class _Column(msgspec.Struct, frozen=True):
    name: str
    type: str


class _Schema(msgspec.Struct, frozen=True):
    name: str = ""
    columns: tuple[_Column, ...] = ()


class _Settings(msgspec.Struct, frozen=True, rename="camel"):
    """Plan and retention; `-1` days stand for the workspace's default, as in the API."""

    plan: str = "Analytics"
    retention_in_days: int | None = None
    total_retention_in_days: int | None = None


class _Properties(_Settings, frozen=True, rename="camel"):
    plan: str = ""
    schema: _Schema | None = None


class _Draft(msgspec.Struct, frozen=True):
    properties: _Properties = _Properties()


def routes(lab: Lab) -> list[BaseRoute]:
    """Return the routes of the workspace and its tables."""

    async def workspace(request: Request) -> Response:
        check_scope(lab, request)
        return JSONResponse(_workspace(lab))

    async def workspaces(request: Request) -> Response:
        check_scope(lab, request)
        return JSONResponse({"value": [_workspace(lab)]})

    async def listed(request: Request) -> Response:
        check_scope(lab, request)
        shown = await lab.run(lambda: [_shown(lab, name) for name in lab.workspace.tables()])
        return JSONResponse({"value": shown})

    async def one(request: Request) -> Response:
        check_scope(lab, request)
        name = request.path_params["name"]
        if request.method in ("PUT", "PATCH"):
            draft = await read_json(request, _Draft)
            change = partial(_define, lab, name, draft.properties, whole=request.method == "PUT")
            return JSONResponse(await lab.run(change))
        if request.method == "DELETE":
            return Response(status_code=await lab.run(partial(_delete, lab, name)))
        return JSONResponse(await lab.run(partial(_get, lab, name)))

    manage = partial(guarded, lab, Audience.MANAGEMENT)
    collection = GROUP + "/providers/Microsoft.OperationalInsights/workspaces"
    return [
        Route(collection, manage(workspaces), methods=["GET"]),
        Route(WORKSPACE, manage(workspace), methods=["GET"]),
        Route(WORKSPACE + "/tables", manage(listed), methods=["GET"]),
        Route(WORKSPACE + "/tables/{name}", manage(one), methods=["GET", "PUT", "PATCH", "DELETE"]),
    ]


def _define(lab: Lab, name: str, given: _Properties, *, whole: bool) -> dict[str, object]:
    tables = lab.workspace.tables()
    if not whole and name not in tables:
        raise _missing(lab, name)
    check_name(name, tables)
    before = lab.workspace.definitions().get(name)
    columns = dict(before.columns) if before else {}
    if given.schema is not None:
        if given.schema.name and given.schema.name != name:
            message = f"The schema's name '{given.schema.name}' is not the table's name '{name}'."
            raise ServiceError(400, "InvalidParameter", message)
        named = {column.name: kql_type(column.type) for column in given.schema.columns}
        check_columns(name, [(column.name, column.type.lower()) for column in given.schema.columns])
        columns = named if whole else {**columns, **named}
    elif whole and name not in azure_tables():
        raise ServiceError(400, "InvalidParameter", f"Table '{name}' needs a schema with columns.")
    settings = _settings(given, before.properties if before else "{}")
    try:
        lab.workspace.define_table(name, columns, properties=settings)
    except ContentError as error:
        raise ServiceError(400, "InvalidParameter", f"{error.message}.") from None
    lab.rules.changed()
    return _shown(lab, name)


def _settings(given: _Properties, before: str) -> str:
    kept = msgspec.json.decode(before, type=_Settings)
    plan = given.plan or kept.plan
    if plan not in PLANS:
        raise ServiceError(400, "InvalidParameter", f"Plan '{plan}' is none of {sorted(PLANS)}.")
    retention = given.retention_in_days or kept.retention_in_days
    total = given.total_retention_in_days or kept.total_retention_in_days
    if retention not in (None, -1) and not 4 <= (retention or 0) <= 730:
        raise ServiceError(400, "InvalidParameter", "retentionInDays must be between 4 and 730.")
    if total not in (None, -1) and not 4 <= (total or 0) <= 4383:
        raise ServiceError(400, "InvalidParameter", "totalRetentionInDays must be between 4 and 4383.")
    return msgspec.json.encode(_Settings(plan, retention, total)).decode()


def _delete(lab: Lab, name: str) -> int:
    if name in azure_tables():
        raise ServiceError(400, "InvalidParameter", f"Table '{name}' is Azure's and cannot be deleted.")
    if name not in lab.workspace.definitions():
        return 204
    lab.workspace.drop_table(name)
    lab.rules.changed()
    return 200


def _get(lab: Lab, name: str) -> dict[str, object]:
    if name not in lab.workspace.tables():
        raise _missing(lab, name)
    return _shown(lab, name)


def _missing(lab: Lab, name: str) -> ServiceError:
    what = f"Microsoft.OperationalInsights/workspaces/{lab.tenant.workspace}/tables/{name}"
    message = f"The Resource '{what}' under resource group '{lab.tenant.resource_group}' was not found."
    return ServiceError(404, "ResourceNotFound", message)


def _shown(lab: Lab, name: str) -> dict[str, object]:
    definition = lab.workspace.definitions().get(name)
    settings = msgspec.json.decode(definition.properties if definition else "{}", type=_Settings)
    azure = azure_tables().get(name)
    standard = azure.columns if azure else STANDARD_COLUMNS
    retention = settings.retention_in_days or 90
    total = settings.total_retention_in_days or retention
    return {
        "id": f"{lab.tenant.workspace_path}/tables/{name}",
        "name": name,
        "type": "Microsoft.OperationalInsights/workspaces/tables",
        "properties": {
            "plan": settings.plan,
            "retentionInDays": retention,
            "retentionInDaysAsDefault": settings.retention_in_days is None,
            "totalRetentionInDays": total,
            "totalRetentionInDaysAsDefault": settings.total_retention_in_days is None,
            "archiveRetentionInDays": max(0, total - retention),
            "provisioningState": "Succeeded",
            "schema": {
                "name": name,
                "tableType": "Microsoft" if azure else "CustomLog",
                "tableSubType": "Any" if azure else "DataCollectionRuleBased",
                "columns": _columns(definition.columns if definition else {}),
                "standardColumns": _columns(
                    {
                        column: kind
                        for column, kind in standard.items()
                        if azure or column not in SYSTEM_COLUMNS or column == "TenantId"
                    }
                ),
                "solutions": ["LogManagement"],
            },
        },
    }


def _columns(columns: dict[str, str] | object) -> list[dict[str, object]]:
    assert hasattr(columns, "items")
    return [
        {"name": name, "type": _SPELLED.get(kind, kind), "isDefaultDisplay": True, "isHidden": False}
        for name, kind in columns.items()
    ]


def _workspace(lab: Lab) -> dict[str, object]:
    return {
        "id": lab.tenant.workspace_path,
        "name": lab.tenant.workspace,
        "type": "Microsoft.OperationalInsights/workspaces",
        "location": lab.tenant.location,
        "properties": {
            "customerId": lab.tenant.workspace_id,
            "provisioningState": "Succeeded",
            "sku": {"name": "PerGB2018"},
            "retentionInDays": 90,
        },
    }
