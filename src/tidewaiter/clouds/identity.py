"""azure-identity behind our list of hosts: the module that imports it; load it only when a token is needed.

DefaultAzureCredential tries, in this order: environment variables, workload identity, managed identity, and
the developer tools (VS Code, Azure CLI, PowerShell, azd), which are programs with networking of their own.
Its HTTP goes through `GuardedTransport`. Metadata addresses are blocked there too, but for the one request
that a managed identity is: the token path of the instance metadata service, and the endpoint that the
platform itself put into the environment (App Service, Container Apps, Arc, Service Fabric).
"""

from __future__ import annotations

import os
import socket
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import CredentialUnavailableError, DefaultAzureCredential

from tidewaiter.clouds.errors import NotSignedIn, Unreachable
from tidewaiter.clouds.hosts import AllowedHosts, check_resolved

IMDS = "http://169.254.169.254/metadata/identity/oauth2/token"
"""Source: How to use managed identities on an Azure VM to acquire an access token, read 2026-11-23."""
PLATFORM_ENDPOINTS = (
    "IDENTITY_ENDPOINT",
    "MSI_ENDPOINT",
    "IMDS_ENDPOINT",
    "AZURE_POD_IDENTITY_AUTHORITY_HOST",
)


class GuardedTransport(RequestsTransport):  # type: ignore[misc] # azure-core loads it by name
    """azure-core's transport that sends to allowed hosts and managed-identity endpoints only."""

    def __init__(self, hosts: AllowedHosts, *, ca_bundle: Path | None, proxies_from_env: bool) -> None:
        super().__init__(
            connection_verify=str(ca_bundle) if ca_bundle else True,
            use_env_settings=proxies_from_env,
            connection_timeout=10,
            read_timeout=30,
        )
        self._hosts = hosts
        self._by_proxy = proxies_from_env

    def send(self, request: Any, **kwargs: Any) -> Any:
        """Send a request unless its URL is not allowed; raises NotAllowed then."""
        url = httpx.URL(request.url)
        if not is_platform_endpoint(url):
            self._hosts.check(url)
            if not self._by_proxy:
                _check_addresses(url)
        return super().send(request, **kwargs)


class Identity:
    """DefaultAzureCredential with our transport; blocking."""

    def __init__(
        self,
        hosts: AllowedHosts,
        *,
        authority: str,
        tenant_id: str,
        client_id: str,
        ca_bundle: Path | None,
        proxies_from_env: bool,
        known_authority: bool,
    ) -> None:
        named: dict[str, str] = {}
        if tenant_id:
            named["workload_identity_tenant_id"] = tenant_id
        if client_id:
            named["managed_identity_client_id"] = client_id
        self._credential = DefaultAzureCredential(
            authority=authority,
            transport=GuardedTransport(hosts, ca_bundle=ca_bundle, proxies_from_env=proxies_from_env),
            # Only the public clouds' authorities are known to Microsoft's discovery; a lab's is not.
            disable_instance_discovery=not known_authority,
            exclude_interactive_browser_credential=True,
            retry_total=3,
            **named,
        )

    def get(self, scope: str) -> tuple[str, float]:
        """Return a token and when it ends, in seconds of the wall clock.

        Raises:
            NotSignedIn: no identity is there, or it is not accepted.
            Unreachable: the authority did not answer.
        """
        try:
            token = self._credential.get_token(scope)
        except (CredentialUnavailableError, ClientAuthenticationError) as error:
            hint = "sign in with `az login`, give the host a managed identity, or set azure.client_secret"
            raise NotSignedIn(
                401, type(error).__name__, _short(error), where="the sign-in", hint=hint
            ) from None
        except AzureError as error:
            raise Unreachable(f"no token: {_short(error)}") from None
        return token.token, float(token.expires_on)

    def close(self) -> None:
        """Close the credential's sessions."""
        self._credential.close()


def is_platform_endpoint(url: httpx.URL) -> bool:
    """Whether a URL is where this platform's managed identity hands out tokens."""
    bare = url.copy_with(query=None, fragment=None)
    if str(bare) == IMDS:
        return True
    return any(
        (url.scheme, url.host, url.port) == (given.scheme, given.host, given.port)
        for given in (httpx.URL(os.environ[name]) for name in PLATFORM_ENDPOINTS if os.environ.get(name))
    )


def _check_addresses(url: httpx.URL) -> None:
    try:
        found = socket.getaddrinfo(url.host, url.port or 443, type=socket.SOCK_STREAM)
    except OSError:
        return  # the connection will say so better
    for entry in found:
        check_resolved(ip_address(str(entry[4][0]).partition("%")[0]), url.host)


def _short(error: Exception) -> str:
    return str(error).strip().replace("\n", " ")[:600]
