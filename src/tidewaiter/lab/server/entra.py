"""Entra ID: discovery, keys, and tokens for app registrations (OAuth 2.0 client credentials)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tidewaiter.lab.server.authorization import Audience
from tidewaiter.lab.server.lab import Lab
from tidewaiter.lab.server.tokens import LIFETIME

_RESOURCES = {
    **{audience.value: audience.value for audience in Audience},
    "https://management.core.windows.net": "https://management.core.windows.net",
    "https://api.loganalytics.azure.com": "https://api.loganalytics.azure.com",
}
_FORM_LIMIT = 64_000


def routes(lab: Lab) -> list[BaseRoute]:
    """Return the routes of the tenant's endpoints."""

    async def configuration(request: Request) -> Response:
        if unknown := _unknown_tenant(lab, request):
            return unknown
        return JSONResponse(_configuration(lab, request))

    async def keys(_: Request) -> Response:
        return JSONResponse({"keys": [{**lab.key.jwk(), "x5t": lab.key.id}]})

    async def token(request: Request) -> Response:
        return _unknown_tenant(lab, request) or await _token(lab, request)

    async def instances(request: Request) -> Response:
        host = request.url.netloc
        metadata = [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}]
        endpoint = f"https://{host}/{lab.tenant.id}/v2.0/.well-known/openid-configuration"
        return JSONResponse(
            {"tenant_discovery_endpoint": endpoint, "api-version": "1.1", "metadata": metadata}
        )

    return [
        Route("/common/discovery/instance", instances),
        Route("/{tenant}/v2.0/.well-known/openid-configuration", configuration),
        Route("/{tenant}/discovery/v2.0/keys", keys),
        Route("/{tenant}/oauth2/v2.0/token", token, methods=["POST"]),
    ]


def _configuration(lab: Lab, request: Request) -> dict[str, object]:
    base = f"https://{request.url.netloc}/{lab.tenant.id}"
    return {
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "jwks_uri": f"{base}/discovery/v2.0/keys",
        "response_modes_supported": ["query"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["token"],
        "scopes_supported": ["openid"],
        "issuer": f"{base}/v2.0",
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "tenant_region_scope": "EU",
        "cloud_instance_name": request.url.netloc,
    }


async def _token(lab: Lab, request: Request) -> Response:
    if int(request.headers.get("content-length") or 0) > _FORM_LIMIT:
        return _refused("invalid_request", 9000411, "The request is not properly formatted.")
    form = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))
    return _granted(lab, form)


def _granted(lab: Lab, form: Mapping[str, str]) -> Response:
    """Answer a form, in the order and words of Entra's error codes (AADSTS…)."""
    grant, client_id = form.get("grant_type", ""), form.get("client_id", "")
    if grant != "client_credentials":
        message = f"The app requested an unsupported grant type '{grant}'."
        return _refused("unsupported_grant_type", 70003, message)
    client = lab.clients.get(client_id)
    if client is None:
        message = (
            f"Application with identifier '{client_id}' was not found in the directory '{lab.tenant.id}'. "
            "This can happen if the application has not been installed by the administrator of the tenant."
        )
        return _refused("unauthorized_client", 700016, message)
    if form.get("client_secret", "") != client.secret:
        message = (
            "Invalid client secret provided. Ensure the secret being sent in the request is the client "
            f"secret value, not the client secret ID, for a secret added to app '{client_id}'."
        )
        return _refused("invalid_client", 7000215, message, status=401)
    scope = form.get("scope", "")
    resource, _, rest = scope.rpartition("/")
    resource = resource.rstrip("/")
    if rest != ".default":
        message = f"The provided value for scope {scope} is not valid. It must end with '/.default'."
        return _refused("invalid_scope", 1002012, message)
    if resource not in _RESOURCES:
        message = f"The resource principal named {resource} was not found in the tenant named lab."
        return _refused("invalid_resource", 500011, message)
    seconds = int(LIFETIME.total_seconds())
    token = lab.token(_RESOURCES[resource], client=client_id)
    return JSONResponse(
        {"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token},
        headers={"Cache-Control": "no-store"},
    )


def _unknown_tenant(lab: Lab, request: Request) -> Response | None:
    tenant = request.path_params["tenant"]
    if tenant.lower() == lab.tenant.id:
        return None
    message = f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID."
    return _refused("invalid_tenant", 90002, message)


def _refused(error: str, number: int, message: str, *, status: int = 400) -> Response:
    trace, correlation = str(uuid4()), str(uuid4())
    text = f"AADSTS{number}: {message} Trace ID: {trace} Correlation ID: {correlation}"
    body = {
        "error": error,
        "error_description": text,
        "error_codes": [number],
        "trace_id": trace,
        "correlation_id": correlation,
    }
    return JSONResponse(body, status)
