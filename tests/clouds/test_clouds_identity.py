from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable

import httpx
import pytest
from azure.core.pipeline.transport import HttpRequest

from tests.clouds.tls_server import Authority, Behave, answer, serve
from tidewaiter.clouds import AllowedHosts, NotAllowed, Refused, Transport, credential_for
from tidewaiter.clouds.identity import IMDS, PLATFORM_ENDPOINTS, GuardedTransport, is_platform_endpoint

SCOPE = "https://monitor.azure.com/.default"
TENANT = "7ab00000-0000-4000-8000-00000000000a"


@pytest.fixture(autouse=True)
def _only_the_environment(monkeypatch):
    """Let DefaultAzureCredential look at the variables of a test and nowhere else."""
    for name in PLATFORM_ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    monkeypatch.setenv("AZURE_TENANT_ID", TENANT)
    monkeypatch.setenv("AZURE_CLIENT_ID", "7ab00000-0000-4000-8000-00000000000c")
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "hunter2-very-hidden")


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority.new(tmp_path_factory.mktemp("ca"))


def entra(url: Callable[[], str], tokens: list[str]) -> Behave:
    async def behave(request: bytes, writer: asyncio.StreamWriter) -> None:
        body: dict[str, object] = {
            "token_endpoint": f"{url()}/{TENANT}/oauth2/v2.0/token",
            "authorization_endpoint": f"{url()}/{TENANT}/oauth2/v2.0/authorize",
            "issuer": f"{url()}/{TENANT}/v2.0",
        }
        if request.startswith(b"POST"):
            tokens.append(f"token-{len(tokens) + 1}")
            body = {"access_token": tokens[-1], "expires_in": 3_600, "token_type": "Bearer"}
        await answer("200 OK", json.dumps(body).encode(), content_type="application/json")(request, writer)

    return behave


def test_azure_identity_gets_a_token_through_our_transport_and_a_rejected_one_is_replaced(authority):
    async def main() -> tuple[str, str, str]:
        here: list[str] = []
        async with serve(authority.serving(), entra(lambda: here[0], [])) as server:
            here.append(server.url)
            async with Transport(AllowedHosts.of([server.url]), ca_bundle=authority.bundle) as transport:
                credential = credential_for(
                    transport, authority=server.url, tenant_id=TENANT, ca_bundle=authority.bundle
                )
                first = await credential.token(SCOPE)
                same = await credential.token(SCOPE)
                other = await credential.token(SCOPE, rejected=first)
                await credential.aclose()
                return first, same, other

    assert asyncio.run(main()) == ("token-1", "token-1", "token-2")


def test_azure_identity_reaches_no_host_that_is_not_on_the_list():
    async def main() -> None:
        async with Transport(AllowedHosts.of()) as transport:
            credential = credential_for(transport, authority="https://login.example.org", tenant_id=TENANT)
            try:
                await credential.token(SCOPE)
            finally:
                await credential.aclose()

    with pytest.raises((Refused, NotAllowed), match=r"login\.example\.org"):
        asyncio.run(main())


def test_without_any_identity_the_error_says_how_to_get_one(monkeypatch):
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.delenv(name)

    async def main() -> None:
        async with Transport(AllowedHosts.of()) as transport:
            credential = credential_for(
                transport, authority="https://login.microsoftonline.com", tenant_id=""
            )
            try:
                await credential.token(SCOPE)
            finally:
                await credential.aclose()

    with pytest.raises(Refused, match="az login"):
        asyncio.run(main())


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/metadata/identity/oauth2/token",
        "http://169.254.169.254:8080/metadata/identity/oauth2/token",
        "http://management.azure.com/",
        "https://example.org/",
    ],
)
def test_the_transport_sends_nothing_to_other_places(url):
    with (
        GuardedTransport(AllowedHosts.of(), ca_bundle=None, proxies_from_env=False) as transport,
        pytest.raises(NotAllowed),
    ):
        transport.send(HttpRequest("GET", url))


def test_the_one_metadata_path_of_managed_identity_is_let_through():
    assert is_platform_endpoint(httpx.URL(IMDS + "?api-version=2018-02-01&resource=x"))


def test_the_endpoint_that_the_platform_named_is_let_through(monkeypatch):
    monkeypatch.setenv("IDENTITY_ENDPOINT", "http://127.0.0.1:41741/msi/token")

    assert is_platform_endpoint(httpx.URL("http://127.0.0.1:41741/msi/token?resource=x"))
    assert not is_platform_endpoint(httpx.URL("http://127.0.0.1:41742/msi/token?resource=x"))


def test_azure_identity_is_not_imported_before_a_token_is_asked_for():
    probe = (
        "import sys, tidewaiter.clouds, tidewaiter.sentinel\n"
        "print(sorted(name for name in sys.modules if name.split('.')[0] in ('azure', 'msal', 'requests')))"
    )

    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
