"""Connections to checked addresses: names are resolved here, and what was checked is what is connected to."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from ipaddress import ip_address
from typing import Any

import httpcore
import httpx

from tidewaiter.clouds.hosts import check_resolved

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
Message = MutableMapping[str, Any]
Application = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]
"""An ASGI application, as starlette makes them."""

CONNECTIONS = 32


async def resolve_name(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a name in the system's order, each once; raise OSError when it has none."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def checked_transport(context: ssl.SSLContext, resolve: Resolve) -> httpx.AsyncHTTPTransport:
    """Return httpx's transport with a pool that connects to checked addresses only."""
    transport = httpx.AsyncHTTPTransport(verify=context, trust_env=False)
    # httpx offers no argument for httpcore's network backend; its pool is the documented place for one.
    transport._pool = httpcore.AsyncConnectionPool(
        ssl_context=context,
        max_connections=CONNECTIONS,
        max_keepalive_connections=CONNECTIONS,
        keepalive_expiry=30.0,
        network_backend=_CheckedNetwork(resolve),
    )
    return transport


class _CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Resolves a host, refuses it when any of its addresses is blocked, and tries the addresses in order."""

    def __init__(self, resolve: Resolve) -> None:
        self._inner = httpcore.AnyIOBackend()
        self._resolve = resolve

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._resolve(host, port)
        except TimeoutError:
            raise httpcore.ConnectTimeout(f"no address of {host} in time") from None
        except OSError as error:
            raise httpcore.ConnectError(error.strerror or f"{host} has no address") from None
        for address in addresses:
            check_resolved(ip_address(address.partition("%")[0]), host)
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        share = timeout / max(len(addresses), 1) if timeout else timeout
        for address in addresses:
            try:
                return await self._inner.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)
