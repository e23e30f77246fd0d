"""Azure, as far as one test needs it: an ASGI app that keeps the requests and answers as it is told."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from tidewaiter.clouds import AllowedHosts, CachedCredential, Token, Transport
from tidewaiter.core.permit import Capability, Permit, Phase
from tidewaiter.sentinel import Endpoints, Retries, Sentinel, Session, WorkspacePath

T = TypeVar("T")

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PATH = WorkspacePath("00000000-0000-4000-8000-00000000000b", "soc rg", "sentinel-1")
ENDPOINTS = Endpoints(ingestion="https://dcr-1.westeurope-1.ingest.monitor.azure.com")
WORKSPACE_ID = "00000000-0000-4000-8000-00000000000d"


@dataclass(frozen=True)
class Seen:
    """A request that arrived."""

    method: str
    host: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Azure:
    """Gives its answers in order, the last one again and again; keeps what it was asked, and all pauses."""

    answers: list[Response | Callable[[Seen], Response]]
    seen: list[Seen] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    tokens: int = 0

    async def __call__(
        self,
        scope: Any,
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        request = Request(scope, receive)
        raw = scope["raw_path"].decode()
        seen = Seen(
            request.method,
            request.headers["host"],
            raw,
            dict(request.query_params),
            dict(request.headers),
            await request.body(),
        )
        self.seen.append(seen)
        given = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        response = given if isinstance(given, Response) else given(seen)
        await response(scope, receive, send)

    async def fetch(self, scope: str, *, anew: bool) -> Token:
        self.tokens += 1
        return Token(f"{scope} {self.tokens}{' anew' if anew else ''}", 3_600)

    async def aclose(self) -> None:
        pass

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def sentinel(self) -> Sentinel:
        """Return the clients of a workspace whose cloud this is."""
        transport = Transport(AllowedHosts.of(), app=self)
        session = Session(
            transport,
            CachedCredential(self),
            now=lambda: NOW,
            retries=Retries(attempts=4, first=1.0),
            sleep=self.pause,
            jitter=lambda seconds: seconds,
        )
        return Sentinel.of(session, ENDPOINTS, PATH, WORKSPACE_ID)


def reply(status: int = 200, body: object = None, **headers: str) -> Response:
    """Return an answer with a JSON body and headers (`_` stands for `-`)."""
    content = b"" if body is None else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(content, status, named, "application/json")


def refusal(status: int, code: str, message: str, **headers: str) -> Response:
    """Return an error in Azure's form."""
    return reply(status, {"error": {"code": code, "message": message}}, **headers)


def permit(capability: Capability, *, source: str = "*", minutes: float = 5) -> Permit:
    """Return a permit as govern mints them, that ends some minutes from the double's now."""
    return Permit(capability, source, Phase.ACTIVE, "test", NOW + timedelta(minutes=minutes))
