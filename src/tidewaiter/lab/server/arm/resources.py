"""What all resources share: where they lie, the api-version, the body."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from starlette.requests import Request

from tidewaiter.lab.server.arm.versions import check_version
from tidewaiter.lab.server.errors import TOO_DEEP, ServiceError
from tidewaiter.lab.server.lab import Lab

T = TypeVar("T")

GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
WORKSPACE = GROUP + "/providers/Microsoft.OperationalInsights/workspaces/{workspace}"
_BODY_LIMIT = 4_000_000


def check_scope(lab: Lab, request: Request) -> None:
    """Check subscription, resource group and workspace of a path, and the api-version of its provider.

    Raises:
        ServiceError: 404 for what the tenant does not have, 400 for no or a wrong api-version.
    """
    version = request.query_params.get("api-version", "")
    check_version(request.scope["path"], version, lab.tenant.location)
    given, tenant = request.path_params, lab.tenant
    if given["subscription"].lower() != tenant.subscription_id:
        message = f"The subscription '{given['subscription']}' could not be found."
        raise ServiceError(404, "SubscriptionNotFound", message)
    if given.get("group", tenant.resource_group).lower() != tenant.resource_group.lower():
        message = f"Resource group '{given['group']}' could not be found."
        raise ServiceError(404, "ResourceGroupNotFound", message)
    if given.get("workspace", tenant.workspace).lower() != tenant.workspace.lower():
        name = f"Microsoft.OperationalInsights/workspaces/{given['workspace']}"
        message = f"The Resource '{name}' under resource group '{tenant.resource_group}' was not found."
        raise ServiceError(404, "ResourceNotFound", message)


async def read_json(request: Request, kind: type[T]) -> T:
    """Return the request's body.

    Raises:
        ServiceError: 400, not JSON, too deeply nested, or not of that shape; 413, over 4 MB.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_LIMIT:
            raise ServiceError(413, "RequestContentTooLarge", f"The limit is {_BODY_LIMIT} bytes.")
    try:
        return msgspec.json.decode(bytes(body), type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        why = TOO_DEEP if isinstance(error, RecursionError) else str(error)
        message = f"The request content was invalid and could not be deserialized: '{why}'."
        raise ServiceError(400, "InvalidRequestContent", message) from None
