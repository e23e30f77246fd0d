"""Access tokens: kept until shortly before they expire, and fetched anew once when a service rejects one.

A token's age is counted on the monotonic clock from when it was asked for, so a wrong or corrected wall clock
neither keeps an expired token nor throws a good one away.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote, urlencode

import msgspec

from tidewaiter.clouds.errors import CloudError, NotSignedIn, Unreachable
from tidewaiter.clouds.retry_after import retry_after
from tidewaiter.clouds.secrets import Secret
from tidewaiter.clouds.transport import Reply, Transport

EARLY = 300.0
"""Seconds before its end at which a token is renewed; at half its life if it lives less than ten minutes."""
PAUSE = 30.0
"""Seconds to go on with a token that is still good after its renewal failed."""


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token and how many seconds it lives from when it was asked for."""

    value: str = field(repr=False)
    lifetime: float


class Credential(Protocol):
    """Who we are towards a service."""

    async def token(self, scope: str, *, rejected: str | None = None) -> str:
        """Return a token for `scope`; never the `rejected` one, which a service answered with 401.

        Raises:
            NotSignedIn: the identity is not accepted, or there is none.
            Unreachable: no token could be had just now.
            ConfigError: a setting of the identity is wrong.
        """
        ...

    async def aclose(self) -> None:
        """Let go of connections and files."""
        ...


class TokenSource(Protocol):
    """Fetches tokens without keeping them."""

    async def fetch(self, scope: str, *, anew: bool) -> Token:
        """Return a token; `anew` when caches below must not answer. Raises as `Credential.token`."""
        ...

    async def aclose(self) -> None:
        """Let go of connections and files."""
        ...


@dataclass(slots=True)
class _Held:
    token: Token
    renew_at: float
    ends_at: float


class CachedCredential:
    """A credential that keeps the tokens of a source: one fetch at a time and scope, however many ask."""

    def __init__(self, source: TokenSource, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def token(self, scope: str, *, rejected: str | None = None) -> str:
        """Return a token for `scope`, see `Credential.token`."""
        async with self._locks.setdefault(scope, asyncio.Lock()):
            held = self._held.get(scope)
            bad = held is not None and held.token.value == rejected
            if held and not bad and self._clock() < held.renew_at:
                return held.token.value
            try:
                return await self._renew(scope, anew=bad)
            except CloudError:
                if held is None or bad or self._clock() >= held.ends_at:
                    raise
                held.renew_at = min(self._clock() + PAUSE, held.ends_at)
                return held.token.value

    async def aclose(self) -> None:
        """Forget all tokens and close the source."""
        self._held.clear()
        await self._source.aclose()

    async def _renew(self, scope: str, *, anew: bool) -> str:
        asked = self._clock()
        token = await self._source.fetch(scope, anew=anew)
        early = min(EARLY, token.lifetime / 2)
        self._held[scope] = _Held(token, asked + token.lifetime - early, asked + token.lifetime)
        return token.value


class _TokenReply(msgspec.Struct, frozen=True):
    access_token: str = ""
    expires_in: float | str = 0
    error: str = ""
    error_description: str = ""


class ClientSecret:
    """A source of tokens by client id and secret, through our own transport (OAuth 2.0 client credentials).

    Source: Microsoft identity platform and the OAuth 2.0 client credentials flow, read 2026-11-23.
    """

    def __init__(
        self, transport: Transport, *, authority: str, tenant_id: str, client_id: str, secret: Secret
    ) -> None:
        self._transport = transport
        self._url = f"{authority.rstrip('/')}/{quote(tenant_id, safe='')}/oauth2/v2.0/token"
        self._client_id = client_id
        self._secret = secret

    async def fetch(self, scope: str, *, anew: bool) -> Token:  # noqa: ARG002 - nothing below keeps tokens
        """Ask Entra for a token."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._secret.reveal(),
            "scope": scope,
        }
        try:
            reply = await self._transport.request(
                "POST",
                self._url,
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                content=urlencode(form).encode(),
            )
        except CloudError as error:
            # Asking twice for a token does no harm, so even an uncertain answer means "nothing was sent".
            raise Unreachable(f"no token: {error.message}", hint=error.hint) from None
        return self._read(reply)

    async def aclose(self) -> None:
        """Do nothing: the transport is its owner's."""

    def _read(self, reply: Reply) -> Token:
        try:
            said = msgspec.json.decode(reply.body, type=_TokenReply)
            lifetime = float(said.expires_in)
        except (msgspec.DecodeError, ValueError):
            said, lifetime = _TokenReply(), 0.0
        if reply.status == 200 and said.access_token and lifetime > 0:
            return Token(said.access_token, lifetime)
        if reply.status in (408, 429) or reply.status >= 500:
            wait = retry_after(reply.headers.get("retry-after", ""))
            later = f", try again in {wait:.0f} s" if wait is not None else ""
            raise Unreachable(f"no token: the authority answered {reply.status}{later}")
        detail = said.error_description.partition("\r\n")[0].partition(" Trace ID")[0]
        raise NotSignedIn(
            401,
            said.error or f"HTTP {reply.status}",
            detail.replace(self._secret.reveal(), "…")[:400],
            where="the sign-in",
            hint="check azure.tenant_id, azure.client_id and what azure.client_secret refers to",
        )
