"""HTTPS requests to allowed hosts: the one way in which Tidewaiter's own clients leave the process.

TLS 1.2 or later, always verified; no redirects (a 3xx is an answer like any other); every name is resolved
here, its addresses checked, and only a checked address is connected to; answers are bounded in time and size.
Proxies from the environment are off unless asked for: a proxy resolves names itself, so that the check of
addresses is then the proxy's. One transport serves one event loop.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import httpx

import tidewaiter
from tidewaiter.clouds.errors import CloudError, Uncertain, Unreachable, Untrusted
from tidewaiter.clouds.hosts import AllowedHosts, NotAllowed, place
from tidewaiter.clouds.inflate import TooMuch, inflated
from tidewaiter.clouds.network import Application, Resolve, checked_transport, resolve_name
from tidewaiter.core.errors import ConfigError

MOST_REPLY = 8 * 1024 * 1024
_SENDING = ".send_request_headers.started"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to connect (TLS included), to write or read one piece, for a place in the pool, and for all."""

    connect: float = 10.0
    read: float = 60.0
    write: float = 60.0
    pool: float = 30.0
    total: float = 180.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, whole and decompressed."""

    status: int
    headers: httpx.Headers
    body: bytes


class Transport:
    """Sends requests to allowed hosts.

    `ca_bundle` is a PEM file to trust instead of the public authorities. `app` answers every request in
    this process instead of the network (the embedded lab): no socket, no TLS, and no list of hosts, since
    nothing leaves. Use it as `async with`, or call `aclose`.

    Raises:
        ConfigError: the CA bundle cannot be read or holds no certificate.
    """

    def __init__(
        self,
        hosts: AllowedHosts,
        *,
        ca_bundle: Path | None = None,
        timeouts: Timeouts | None = None,
        most_reply: int = MOST_REPLY,
        proxies_from_env: bool = False,
        app: Application | None = None,
        resolve: Resolve = resolve_name,
    ) -> None:
        self.hosts = hosts
        self.timeouts = timeouts or Timeouts()
        self.most_reply = most_reply
        self.in_process = app is not None
        given: httpx.AsyncBaseTransport | None
        context: ssl.SSLContext | bool = True
        if app is not None:
            given = httpx.ASGITransport(app)
        else:
            context = tls_context(ca_bundle)
            given = None if proxies_from_env else checked_transport(context, resolve)
        self._client = httpx.AsyncClient(
            transport=given,
            verify=context,
            trust_env=proxies_from_env,
            follow_redirects=False,
            timeout=_httpx_timeouts(self.timeouts),
            headers={"User-Agent": f"tidewaiter/{tidewaiter.__version__}", "Accept-Encoding": "gzip"},
        )

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
        content: bytes | None = None,
        timeouts: Timeouts | None = None,
        most_reply: int | None = None,
    ) -> Reply:
        """Send one request, once, and return its answer whatever its status.

        Raises:
            NotAllowed: the host is not on the list, or leads to a blocked address; nothing was sent.
            Unreachable: nothing was sent.
            Uncertain: it was sent, at least in part, and the answer did not come whole, in time, or was
                larger than `most_reply` bytes (compressed or not).
            Untrusted: the other end's TLS is not acceptable; nothing was sent.
        """
        limits = timeouts or self.timeouts
        sending = _Sending(self.in_process)
        request = self._client.build_request(
            method,
            url,
            headers=headers,
            params=params,
            content=content,
            timeout=_httpx_timeouts(limits),
            extensions={"trace": sending.trace},
        )
        if not self.in_process:
            self.hosts.check(request.url)
        try:
            async with asyncio.timeout(limits.total):
                return await self._exchange(request, most_reply or self.most_reply)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ConnectionError, TooMuch) as error:
            raise _explained(error, request.url, sent=sending.begun) from None

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def __aenter__(self) -> Transport:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _exchange(self, request: httpx.Request, most: int) -> Reply:
        response = await self._client.send(request, stream=True)
        try:
            body = await inflated(response, most)
        finally:
            await response.aclose()
        return Reply(response.status_code, response.headers, body)


class _Sending:
    """Knows from httpcore's trace whether any byte of the request has been handed to a connection."""

    def __init__(self, begun: bool) -> None:
        self.begun = begun

    async def trace(self, event: str, info: dict[str, object]) -> None:  # noqa: ARG002 - httpcore's signature
        self.begun = self.begun or event.endswith(_SENDING)


def tls_context(ca_bundle: Path | None) -> ssl.SSLContext:
    """Return a client context for TLS 1.2 and later that verifies certificate and name.

    Raises:
        ConfigError: the bundle cannot be read or holds no certificate.
    """
    try:
        context = ssl.create_default_context(cafile=str(ca_bundle)) if ca_bundle else _public()
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "strerror", None) or "no certificate in it"
        hint = "azure.ca_bundle names a PEM file with the authority's certificate"
        raise ConfigError(f"the CA bundle {ca_bundle} cannot be used: {reason}", hint=hint) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _public() -> ssl.SSLContext:
    # certifi's list rather than the system's, which slim containers lack; the environment has no say in it.
    return httpx.create_ssl_context(verify=True, trust_env=False)


def _httpx_timeouts(limits: Timeouts) -> httpx.Timeout:
    return httpx.Timeout(connect=limits.connect, read=limits.read, write=limits.write, pool=limits.pool)


def _explained(error: Exception, url: httpx.URL, *, sent: bool) -> CloudError | ConfigError:
    """Turn what httpx raised into our error; only what happened before the first byte is `Unreachable`."""
    where = place(url)
    failure = _tls_failure(error)
    if failure and not sent:
        return Untrusted(f"{where} is not trusted: {_reason(failure)}", hint=_next_step(failure))
    if isinstance(error, (httpx.UnsupportedProtocol, httpx.InvalidURL)):
        return NotAllowed(f"{where} cannot be requested", hint="every endpoint must begin with https://")
    what = _words(error)
    if sent:
        hint = "it may or may not have been done; trying again is safe where the request can be repeated"
        return Uncertain(f"{where}: {what} after sending", hint=hint)
    hint = "check the name, the network and any firewall between; nothing was sent"
    return Unreachable(f"{where} cannot be reached: {what}", hint=hint)


def _words(error: Exception) -> str:
    if isinstance(error, TooMuch):
        return str(error)
    if isinstance(error, (TimeoutError, httpx.TimeoutException)):
        return "no answer in time"
    if isinstance(error, httpx.ConnectError) and not str(error):
        return "it closed the connection while TLS was set up"
    return str(error) or type(error).__name__


# Not its other kinds: "want read" and "end of file" are an interrupted handshake, of whatever cause.
_TLS = (ssl.SSLError, ssl.SSLCertVerificationError)


def _tls_failure(error: BaseException | None) -> ssl.SSLError | None:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if type(error) in _TLS:
            assert isinstance(error, ssl.SSLError)
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def _reason(failure: ssl.SSLError) -> str:
    if isinstance(failure, ssl.SSLCertVerificationError):
        return failure.verify_message
    return (failure.reason or "TLS failed").replace("_", " ").lower()


_EXPIRED, _NOT_YET, _NAME = 10, 9, {62, 64}  # X509_V_ERR_* of OpenSSL's x509_vfy.h


def _next_step(failure: ssl.SSLError) -> str:
    if not isinstance(failure, ssl.SSLCertVerificationError):
        return "the other end must speak TLS 1.2 or later; is it the right port?"
    if failure.verify_code in (_EXPIRED, _NOT_YET):
        return "renew the certificate, or set this machine's clock right"
    if failure.verify_code in _NAME:
        return "the certificate is for another name; check the endpoint"
    return "for a private authority (a lab, a proxy that opens TLS) name its PEM file in azure.ca_bundle"
