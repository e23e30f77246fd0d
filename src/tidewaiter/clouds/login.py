"""Which credential the settings ask for."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tidewaiter.clouds.credentials import CachedCredential, ClientSecret, Token
from tidewaiter.clouds.hosts import AllowedHosts, cloud_of
from tidewaiter.clouds.secrets import read_secret
from tidewaiter.clouds.transport import Transport
from tidewaiter.core.errors import ConfigError

if TYPE_CHECKING:
    from tidewaiter.clouds.identity import Identity


def credential_for(
    transport: Transport,
    *,
    authority: str,
    tenant_id: str,
    client_id: str = "",
    client_secret: str = "",
    ca_bundle: Path | None = None,
    proxies_from_env: bool = False,
    environ: Mapping[str, str] = os.environ,
) -> CachedCredential:
    """Return the credential of the settings under `[azure]`.

    With `client_secret` (a reference) it is that client's secret, asked for through `transport`. Without, it
    is azure-identity's DefaultAzureCredential, loaded when the first token is asked for; `client_id` is then
    the managed or workload identity to use.

    Raises:
        ConfigError: the reference leads nowhere, or tenant or client are missing beside a secret.
    """
    if not client_secret:
        return CachedCredential(
            DefaultIdentity(
                transport.hosts,
                authority=authority,
                tenant_id=tenant_id,
                client_id=client_id,
                ca_bundle=ca_bundle,
                proxies_from_env=proxies_from_env,
            )
        )
    for name, value in (("azure.tenant_id", tenant_id), ("azure.client_id", client_id)):
        if not value:
            raise ConfigError(f"azure.client_secret is set, but {name} is not", hint=f"set {name}")
    secret = read_secret(client_secret, setting="azure.client_secret", environ=environ)
    source = ClientSecret(
        transport, authority=authority, tenant_id=tenant_id, client_id=client_id, secret=secret
    )
    return CachedCredential(source)


class DefaultIdentity:
    """A source of tokens by DefaultAzureCredential, which runs in a thread and is loaded on first use."""

    def __init__(
        self,
        hosts: AllowedHosts,
        *,
        authority: str,
        tenant_id: str = "",
        client_id: str = "",
        ca_bundle: Path | None = None,
        proxies_from_env: bool = False,
    ) -> None:
        self._hosts = hosts
        self._authority = authority
        self._tenant_id = tenant_id
        self._client_id = client_id
        self._ca_bundle = ca_bundle
        self._proxies_from_env = proxies_from_env
        self._identity: Identity | None = None
        self._lock = asyncio.Lock()

    async def fetch(self, scope: str, *, anew: bool) -> Token:
        """Ask azure-identity for a token; `anew` drops its own cache with the credential that holds it."""
        async with self._lock:
            if anew:
                await self.aclose()
            if self._identity is None:
                self._identity = await asyncio.to_thread(self._load)
            identity = self._identity
        value, ends = await asyncio.to_thread(identity.get, scope)
        return Token(value, max(ends - time.time(), 0.0))

    async def aclose(self) -> None:
        """Close azure-identity's sessions."""
        identity, self._identity = self._identity, None
        if identity is not None:
            await asyncio.to_thread(identity.close)

    def _load(self) -> Identity:
        from tidewaiter.clouds.identity import Identity  # azure-identity takes a third of a second to import

        return Identity(
            self._hosts,
            authority=self._authority,
            tenant_id=self._tenant_id,
            client_id=self._client_id,
            ca_bundle=self._ca_bundle,
            proxies_from_env=self._proxies_from_env,
            known_authority=self._authority.rstrip("/").lower() == cloud_of(self._authority).authority,
        )
