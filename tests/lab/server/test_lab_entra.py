from __future__ import annotations

import json

import httpx
import jwt
import pytest

from .conftest import LabServer


def ask(server: LabServer, *, tenant: str = "", **changed: str) -> httpx.Response:
    form = {
        "grant_type": "client_credentials",
        "client_id": server.client_id,
        "client_secret": server.client_secret,
        "scope": "https://monitor.azure.com/.default",
    } | changed
    return server.client.post(f"/{tenant or server.tenant}/oauth2/v2.0/token", data=form)


def test_discovery_names_the_endpoints_of_the_host_that_was_asked(lab_server: LabServer):
    found = lab_server.client.get(f"/{lab_server.tenant}/v2.0/.well-known/openid-configuration").json()
    assert found["token_endpoint"] == f"{lab_server.url}/{lab_server.tenant}/oauth2/v2.0/token"
    keys = lab_server.client.get(httpx.URL(found["jwks_uri"]).path).json()["keys"]
    assert [(key["kty"], key["alg"]) for key in keys] == [("RSA", "RS256")]


@pytest.mark.parametrize(
    "resource",
    ["https://monitor.azure.com", "https://management.azure.com", "https://api.loganalytics.io"],
)
def test_a_scope_becomes_the_audience_of_a_token_that_the_published_key_verifies(
    lab_server: LabServer, resource
):
    answer = ask(lab_server, scope=f"{resource}/.default").json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3599)
    (key,) = lab_server.client.get(f"/{lab_server.tenant}/discovery/v2.0/keys").json()["keys"]
    public = jwt.PyJWK(json.loads(json.dumps(key))).key
    claims = jwt.decode(
        answer["access_token"],
        public,
        algorithms=["RS256"],
        audience=resource,
        issuer=f"https://sts.windows.net/{lab_server.tenant}/",
    )
    assert (claims["appid"], claims["tid"]) == (lab_server.client_id, lab_server.tenant)


@pytest.mark.parametrize(
    ("changed", "status", "error", "number"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_secret": ""}, 401, "invalid_client", 7000215),
        ({"client_id": "nobody"}, 400, "unauthorized_client", 700016),
        ({"tenant": "elsewhere"}, 400, "invalid_tenant", 90002),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ({"scope": "https://graph.microsoft.com/.default"}, 400, "invalid_resource", 500011),
        ({"scope": "https://monitor.azure.com/read"}, 400, "invalid_scope", 1002012),
    ],
)
def test_a_refusal_has_the_shape_and_number_of_entras(lab_server: LabServer, changed, status, error, number):
    answer = ask(lab_server, **changed)
    found = answer.json()
    assert (answer.status_code, found["error"], found["error_codes"]) == (status, error, [number])
    assert found["error_description"].startswith(f"AADSTS{number}: ")
    assert {"trace_id", "correlation_id"} <= found.keys()
    assert lab_server.client_secret not in answer.text


def test_a_path_that_the_lab_has_not_is_not_found(lab_server: LabServer):
    answer = lab_server.client.get("/nothing/here")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NotFound")
