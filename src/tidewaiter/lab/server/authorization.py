"""Bearer tokens: who calls, and for which service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum

from starlette.requests import Request
from starlette.responses import Response

from tidewaiter.lab.server.errors import ServiceError
from tidewaiter.lab.server.lab import Lab
from tidewaiter.lab.server.tenant import Client
from tidewaiter.lab.server.tokens import InvalidToken, issuer_of

Endpoint = Callable[[Request], Awaitable[Response]]


class Audience(Enum):
    """The services that tokens are for."""

    MONITOR = "https://monitor.azure.com"
    MANAGEMENT = "https://management.azure.com"
    QUERY = "https://api.loganalytics.io"


def guarded(lab: Lab, audience: Audience, endpoint: Endpoint) -> Endpoint:
    """Return `endpoint` behind a check of the caller's token; `caller(request)` then tells who it is.

    Raises (when called):
        ServiceError: 401 with WWW-Authenticate for a missing, foreign, altered or expired token or another
            service's; 403 for a client that may not use the service.
    """

    async def checked(request: Request) -> Response:
        request.state.client = _check(lab, audience, request)
        return await endpoint(request)

    return checked


def caller(request: Request) -> Client:
    """Return the client whose token the request carries; of guarded endpoints only."""
    client = request.state.client
    assert isinstance(client, Client)
    return client


def _check(lab: Lab, audience: Audience, request: Request) -> Client:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _refused(lab, audience, "AuthenticationFailed", "The request has no bearer token.")
    try:
        claims = lab.key.verify(
            token.strip(),
            audiences=_accepted(audience),
            issuer=issuer_of(lab.tenant.id),
            now=lab.clock.present(),
        )
    except InvalidToken as error:
        code = "ExpiredAuthenticationToken" if "expired" in str(error) else "InvalidAuthenticationToken"
        raise _refused(lab, audience, code, f"The access token is invalid: {error}.") from None
    client = lab.clients.get(claims.appid)
    if client is None:
        raise _refused(lab, audience, "InvalidAuthenticationToken", "The client is unknown.")
    if audience is not Audience.MONITOR and not client.manages:
        message = (
            f"The client '{client.id}' with object id '{client.object_id}' does not have authorization to "
            f"perform this action over scope '{lab.tenant.workspace_path}' or the scope is invalid."
        )
        raise ServiceError(403, "AuthorizationFailed", message)
    return client


def _accepted(audience: Audience) -> tuple[str, ...]:
    """Azure Resource Manager and Log Analytics go by a second name each."""
    others = {
        Audience.MANAGEMENT: "https://management.core.windows.net",
        Audience.QUERY: "https://api.loganalytics.azure.com",
    }
    return (audience.value, others[audience]) if audience in others else (audience.value,)


def _refused(lab: Lab, audience: Audience, code: str, message: str) -> ServiceError:
    authority = f"https://login.microsoftonline.com/{lab.tenant.id}"
    challenge = (
        f'Bearer authorization_uri="{authority}", error="invalid_token", resource="{audience.value}", '
        f'error_description="{message}"'
    )
    return ServiceError(401, code, message, headers={"WWW-Authenticate": challenge})
