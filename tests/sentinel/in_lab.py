"""The clients with an embedded lab behind them, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from tidewaiter.clouds import AllowedHosts, CachedCredential, ClientSecret, Secret, Transport
from tidewaiter.core.permit import Capability, Permit, Phase
from tidewaiter.lab.server import Lab, create_app
from tidewaiter.lab.server.lab import CLIENT_ID
from tidewaiter.sentinel import Endpoints, Sentinel, WorkspacePath, connect

T = TypeVar("T")

ENDPOINTS = Endpoints(ingestion="https://lab.ingest.monitor.azure.com")


def permit(capability: Capability) -> Permit:
    return Permit(capability, "*", Phase.ACTIVE, "test", datetime.now(UTC) + timedelta(minutes=5))


def path_of(lab: Lab) -> WorkspacePath:
    return WorkspacePath(lab.tenant.subscription_id, lab.tenant.resource_group, lab.tenant.workspace)


def asked(lab: Lab, act: Callable[[Sentinel], Awaitable[T]], *, secret: str = "") -> T:
    async def main() -> T:
        transport = Transport(AllowedHosts.of(), app=create_app(lab))
        source = ClientSecret(
            transport,
            authority=ENDPOINTS.authority,
            tenant_id=lab.tenant.id,
            client_id=CLIENT_ID,
            secret=Secret(secret or lab.clients[CLIENT_ID].secret, "env://LAB"),
        )
        workspace_id = lab.tenant.workspace_id
        sentinel = connect(transport, CachedCredential(source), ENDPOINTS, path_of(lab), workspace_id)
        try:
            return await act(sentinel)
        finally:
            await sentinel.aclose()

    return asyncio.run(main())
