"""One authorised request, and what its answer means: the part that every client of this room shares."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TypeVar

import msgspec

from tidewaiter.clouds import CloudError, Credential, Reply, Timeouts, Transport
from tidewaiter.clouds.retry_after import retry_after
from tidewaiter.sentinel.errors import (
    Conflict412,
    Refused,
    Throttled,
    TooLarge,
    Uncertain,
    Unreachable,
    Unreadable,
)

T = TypeVar("T")

_HINTS = {
    400: "the request is wrong; see the service's words",
    401: "check which identity is used and that azure.tenant_id is the workspace's tenant",
    403: "give the identity its role on this resource; a new grant takes up to 30 minutes to work",
    404: "check the names under [workspace] and [ingestion]",
    409: "somebody else changes it; read it again",
    412: "it was changed since it was read; read it again",
    413: "send less at once",
}


def utc_now() -> datetime:
    """Return the time, aware, in UTC."""
    return datetime.now(UTC)


def _spread(seconds: float) -> float:
    return random.uniform(seconds / 2, seconds)


@dataclass(frozen=True, slots=True)
class Retries:
    """How often, and how long apart, a *read* is tried again. Writes are tried again by their callers only.

    The n-th pause is `first` * 2^n seconds, at most `most`, with jitter; a Retry-After longer than
    `most_asked` seconds is given to the caller instead of waited for. After `enough` seconds no further
    attempt is begun.
    """

    attempts: int = 4
    first: float = 0.5
    most: float = 20.0
    most_asked: float = 60.0
    enough: float = 120.0


@dataclass(frozen=True)
class Session:
    """A transport with an identity, a clock (for permits) and a policy for reads."""

    transport: Transport
    credential: Credential
    now: Callable[[], datetime] = utc_now
    retries: Retries = field(default_factory=Retries)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[float], float] = _spread

    async def send(
        self,
        method: str,
        url: str,
        *,
        scope: str,
        what: str,
        ok: Collection[int] = (200, 201, 202, 204),
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        content: bytes | None = None,
        timeouts: Timeouts | None = None,
        most_reply: int | None = None,
    ) -> Reply:
        """Send a request once (twice when the first token is rejected); `what` names it in errors.

        Raises:
            Throttled, TooLarge, Conflict412, Refused: the service said so; not done.
            Uncertain: it may or may not have been done.
            Unreachable: it was not sent.
            ConfigError: host or certificate are not acceptable, or the identity's settings are wrong.
        """
        rejected: str | None = None
        while True:
            token = await self.credential.token(scope, rejected=rejected)
            reply = await self.transport.request(
                method,
                url,
                headers={**(headers or {}), "Authorization": f"Bearer {token}"},
                params=params,
                content=content,
                timeouts=timeouts,
                most_reply=most_reply,
            )
            if reply.status == HTTPStatus.UNAUTHORIZED and rejected is None:
                rejected = token
                continue
            if reply.status in ok:
                return reply
            raise failure(reply, what, self.now())

    async def read(self, request: Callable[[], Awaitable[T]]) -> T:
        """Make a request that changes nothing, and make it again after a passing failure.

        Raises:
            CloudError: the last failure, when all attempts failed or waiting would take too long.
        """
        clock = asyncio.get_running_loop().time
        begun = clock()
        for attempt in range(self.retries.attempts):
            try:
                return await request()
            except (Throttled, Uncertain, Unreachable) as error:
                asked = error.retry_after if isinstance(error, Throttled) else None
                last = attempt + 1 == self.retries.attempts or clock() - begun >= self.retries.enough
                if last or (asked is not None and asked > self.retries.most_asked):
                    raise
                pause = self.jitter(min(self.retries.first * 2**attempt, self.retries.most))
                await self.sleep(max(pause, asked or 0.0))
        raise AssertionError("at least one attempt is made")


def failure(reply: Reply, what: str, now: datetime) -> CloudError:
    """Return the typed error that an answer other than success stands for."""
    status = reply.status
    code, detail = service_words(reply)
    hint = _HINTS.get(status, "")
    said = ": ".join(part for part in (code, detail) if part)
    wait = retry_after(reply.headers.get("retry-after", ""), now=now)
    if status == HTTPStatus.TOO_MANY_REQUESTS or (
        status == HTTPStatus.SERVICE_UNAVAILABLE and wait is not None
    ):
        later = f"it asks to wait {wait:.0f} s" if wait is not None else "it does not say how long"
        because = f": {said}" if said else ""
        full = "free disk space, then run again" if "No space left" in said else ""  # a lab's disk
        return Throttled(f"{what} is throttled ({status}){because}; {later}", retry_after=wait, hint=full)
    if status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Uncertain(f"{what} was answered with {status}" + (f" {said}" if said else ""))
    if status < HTTPStatus.MULTIPLE_CHOICES:
        other = "is the endpoint really the service's? a proxy or a gateway may stand between"
        return Uncertain(f"{what} was answered with {status}, as the service never does", hint=other)
    kinds = {413: TooLarge, 409: Conflict412, 412: Conflict412}
    if 300 <= status < 400:
        hint = "redirects are never followed; correct the endpoint"
    return kinds.get(status, Refused)(status, code, detail, where=what, hint=hint)


class _Words(msgspec.Struct, frozen=True):
    code: str | None = None
    message: str | None = None
    innererror: msgspec.Raw = msgspec.Raw()


class _ErrorBody(msgspec.Struct, frozen=True):
    error: _Words = _Words()


def service_words(reply: Reply) -> tuple[str, str]:
    """Return code and message of an error in Azure's form (`error.code`, `error.message`), "" where absent.

    The innermost `innererror` of a query says what is wrong with it, so its message is added. Shortened to
    600 characters, without control characters: it is the service's text, not ours.
    """
    try:
        words = msgspec.json.decode(reply.body, type=_ErrorBody).error
    except msgspec.DecodeError:
        return reply.headers.get("x-ms-error-code", ""), ""
    message = words.message or ""
    inner = _innermost(words.innererror)
    if inner and inner not in message:
        message = f"{message} {inner}".strip()
    clean = "".join(sign if sign.isprintable() else " " for sign in message)[:600]
    return (words.code or reply.headers.get("x-ms-error-code", ""))[:80], clean


def _innermost(raw: msgspec.Raw) -> str:
    message = ""
    for _ in range(5):
        if not bytes(raw):
            break
        try:
            words = msgspec.json.decode(raw, type=_Words)
        except msgspec.DecodeError:
            break
        message, raw = words.message or message, words.innererror
    return message


def decode(body: bytes, kind: type[T], what: str) -> T:
    """Decode a successful answer; raise Unreadable where it is not of its contract."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        hint = "is the endpoint really the service's, with nothing in between?"
        raise Unreadable(f"the answer of {what} is not as documented: {error}", hint=hint) from None
