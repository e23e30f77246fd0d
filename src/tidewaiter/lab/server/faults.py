"""Planned answers: what a test wants the service to do wrong."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class Fault:
    """One planned answer to the next request whose path contains `path`.

    After `delay` seconds the request is worked on if `store` says so; then the connection is dropped
    (`drop`), or `status` is answered with `headers` and `body`. With neither, the true answer is given:
    a delay alone is a slow service.
    """

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    store: bool = False
    drop: bool = False
    delay: float = 0.0
    path: str = "/streams/"


class ConnectionDropped(ConnectionResetError):
    """What a caller in the same process sees where one over a socket sees its connection reset."""


class Faults:
    """The answers that are planned, first come first served."""

    def __init__(self) -> None:
        self._planned: deque[Fault] = deque()

    def plan(self, *faults: Fault) -> None:
        """Plan the next answers, after those that are planned already."""
        self._planned.extend(faults)

    def clear(self) -> None:
        """Plan nothing any more."""
        self._planned.clear()

    def __len__(self) -> int:
        return len(self._planned)

    def take(self, path: str) -> Fault | None:
        """Return the answer that is planned for a request now, if any."""
        if self._planned and self._planned[0].path in path:
            return self._planned.popleft()
        return None


async def answer(fault: Fault, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Do to a request what was planned.

    Raises:
        ConnectionDropped: the connection is to be dropped, and there is none.
    """
    await asyncio.sleep(fault.delay)
    if not (fault.drop or fault.status):
        await app(scope, receive, send)
        return
    if fault.store:
        await app(scope, receive, _nowhere)
    if fault.drop:
        transport = getattr(getattr(send, "__self__", None), "transport", None)
        if transport is None:
            raise ConnectionDropped("the lab dropped the connection, as planned")
        transport.abort()  # uvicorn's: no answer, not even a polite end of TLS
        return
    await Response(fault.body, fault.status, dict(fault.headers))(scope, receive, send)


async def _nowhere(message: Message) -> None:
    pass
