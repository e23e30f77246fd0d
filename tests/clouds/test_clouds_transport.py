from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.clouds.tls_server import (
    Authority,
    Behave,
    answer,
    drip,
    half,
    listening,
    reset,
    serve,
    silence,
)
from tidewaiter.clouds import AllowedHosts, NotAllowed, Reply, Timeouts, Transport, Uncertain, Unreachable
from tidewaiter.clouds.errors import Untrusted
from tidewaiter.core.errors import ConfigError

QUICK = Timeouts(connect=5.0, read=0.3, write=5.0, pool=5.0, total=5.0)


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority.new(tmp_path_factory.mktemp("ca"))


def exchange(
    context: ssl.SSLContext | None,
    behave: Behave,
    *,
    ca: Path | None,
    timeouts: Timeouts = QUICK,
    most: int = 1_000_000,
) -> tuple[Reply, list[bytes]]:
    async def main() -> tuple[Reply, list[bytes]]:
        async with serve(context, behave) as server:
            hosts = AllowedHosts.of([server.url])
            async with Transport(hosts, ca_bundle=ca, timeouts=timeouts, most_reply=most) as transport:
                reply = await transport.request("POST", f"{server.url}/path?code=hidden", content=b"body")
                return reply, server.requests

    return asyncio.run(main())


def failing(context: ssl.SSLContext | None, behave: Behave, **given: object) -> BaseException:
    with pytest.raises((Uncertain, Unreachable, Untrusted)) as caught:
        exchange(context, behave, **given)  # type: ignore[arg-type]
    return caught.value


def test_a_request_goes_over_verified_TLS_and_its_answer_comes_back(authority):
    reply, requests = exchange(authority.serving(), answer("204 No Content", x_seen="1"), ca=authority.bundle)

    assert (reply.status, reply.headers["x-seen"], reply.body) == (204, "1", b"")
    assert requests[0].startswith(b"POST /path?code=hidden HTTP/1.1\r\n")
    assert requests[0].endswith(b"body")
    assert b"user-agent: tidewaiter/" in requests[0].lower()


def test_a_redirect_is_an_answer_and_is_not_followed(authority):
    async def main() -> tuple[int, int]:
        async with (
            serve(authority.serving(), answer("200 OK")) as other,
            serve(authority.serving(), answer("307 Temporary Redirect", location=other.url)) as server,
            Transport(AllowedHosts.of([server.url, other.url]), ca_bundle=authority.bundle) as transport,
        ):
            reply = await transport.request("GET", server.url)
            return reply.status, len(other.requests)

    assert asyncio.run(main()) == (307, 0)


@pytest.mark.parametrize("behave", [reset, half, silence, drip], ids=lambda behave: behave.__name__)
def test_what_breaks_after_sending_is_uncertain(authority, behave):
    short = Timeouts(connect=5.0, read=0.3, write=5.0, pool=5.0, total=0.6)
    error = failing(authority.serving(), behave, ca=authority.bundle, timeouts=short)

    assert isinstance(error, Uncertain)
    assert "after sending" in str(error)
    assert "hidden" not in str(error), "a query string may hold a secret"


def test_a_closed_port_is_unreachable():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    async def main() -> None:
        url = f"https://127.0.0.1:{port}"
        async with Transport(AllowedHosts.of([url]), timeouts=QUICK) as transport:
            await transport.request("GET", url)

    with pytest.raises(Unreachable, match="nothing was sent"):
        asyncio.run(main())


def test_a_host_that_never_shakes_hands_is_unreachable():
    async def main() -> None:
        async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        limits = Timeouts(connect=0.3, total=5.0)
        async with listening(mute) as url, Transport(AllowedHosts.of([url]), timeouts=limits) as transport:
            await transport.request("GET", url)

    with pytest.raises(Unreachable, match="no answer in time"):
        asyncio.run(main())


def test_a_name_without_an_address_is_unreachable():
    async def resolve(*_: object) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async def main() -> None:
        async with Transport(AllowedHosts.of(), resolve=resolve) as transport:
            await transport.request("GET", "https://management.azure.com/")

    with pytest.raises(Unreachable, match="Name or service not known"):
        asyncio.run(main())


def test_an_unknown_authority_is_untrusted_and_the_hint_names_the_setting(authority):
    error = failing(authority.serving(), answer("200 OK"), ca=None)

    assert isinstance(error, Untrusted)
    assert error.exit_code == 4
    assert "azure.ca_bundle" in str(error)


def test_an_expired_certificate_is_untrusted_and_the_hint_says_so(authority):
    error = failing(authority.serving(days=-1), answer("200 OK"), ca=authority.bundle)

    assert isinstance(error, Untrusted)
    assert "expired" in str(error)
    assert "renew" in str(error)


@pytest.mark.parametrize("named", ["127.0.0.2", "elsewhere.example"])
def test_a_certificate_for_another_name_is_untrusted(authority, named):
    error = failing(authority.serving(named), answer("200 OK"), ca=authority.bundle)

    assert isinstance(error, Untrusted)
    assert "another name" in str(error)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_TLS_1_1_is_not_spoken(authority):
    old = authority.serving()
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.TLSv1_1
    old.maximum_version = ssl.TLSVersion.TLSv1_1

    error = failing(old, answer("200 OK"), ca=authority.bundle)

    assert isinstance(error, (Untrusted, Unreachable)), "asyncio's server hangs up without an alert"


def test_a_server_that_says_it_knows_no_TLS_of_ours_is_untrusted():
    async def main() -> None:
        async def old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.write(bytes.fromhex("15030200020246"))  # TLS 1.1, alert, fatal, protocol_version
            await writer.drain()
            await reader.read()
            writer.close()

        async with listening(old) as url, Transport(AllowedHosts.of([url])) as transport:
            await transport.request("GET", url)

    with pytest.raises(Untrusted, match=r"TLS 1\.2 or later"):
        asyncio.run(main())


def test_TLS_1_2_is_spoken(authority):
    context = authority.serving()
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    assert exchange(context, answer("200 OK"), ca=authority.bundle)[0].status == 200


def test_plain_HTTP_on_the_port_is_not_trusted():
    async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async def main() -> None:
        async with listening(plain) as url, Transport(AllowedHosts.of([url])) as transport:
            await transport.request("GET", url)

    with pytest.raises(Untrusted, match="is it the right port"):
        asyncio.run(main())


@pytest.mark.parametrize(("size", "passes"), [(1_000, True), (1_001, False)])
def test_an_answer_may_be_as_large_as_allowed_and_no_larger(authority, size, passes):
    behave = answer("200 OK", b"x" * size)
    if passes:
        assert len(exchange(authority.serving(), behave, ca=authority.bundle, most=1_000)[0].body) == size
    else:
        error = failing(authority.serving(), behave, ca=authority.bundle, most=1_000)
        assert "more than 1000 bytes" in str(error)


def test_a_compressed_answer_is_decompressed_within_the_limit(authority):
    behave = answer("200 OK", gzip.compress(b"y" * 1_000), content_encoding="gzip")

    assert exchange(authority.serving(), behave, ca=authority.bundle, most=1_000)[0].body == b"y" * 1_000


def test_a_compressed_answer_that_grows_over_the_limit_is_given_up(authority):
    behave = answer("200 OK", gzip.compress(bytes(50_000_000)), content_encoding="gzip")

    assert "more than 1000000 bytes" in str(failing(authority.serving(), behave, ca=authority.bundle))


@pytest.mark.parametrize(
    ("body", "coding", "said"),
    [
        (b"no gzip", "gzip", "not the gzip"),
        (gzip.compress(b"z" * 500, mtime=0)[:-6], "gzip", "cut off"),
        (b"?", "br", "'br'"),
    ],
)
def test_an_answer_that_cannot_be_decompressed_is_uncertain(authority, body, coding, said):
    error = failing(authority.serving(), answer("200 OK", body, content_encoding=coding), ca=authority.bundle)

    assert isinstance(error, Uncertain)
    assert said in str(error)


@pytest.mark.parametrize(
    "url",
    [
        "http://management.azure.com/",
        "https://example.org/",
        "https://management.azure.com:8443/",
        "https://user@management.azure.com/",
        "ftp://management.azure.com/",
    ],
)
def test_a_url_that_is_not_allowed_is_refused_before_anything_is_looked_up(url):
    async def resolve(*_: object) -> list[str]:
        raise AssertionError("looked up")

    async def main() -> None:
        async with Transport(AllowedHosts.of(), resolve=resolve) as transport:
            await transport.request("GET", url)

    with pytest.raises(NotAllowed):
        asyncio.run(main())


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "fd00:ec2::254",
        "168.63.129.16",
        "fe80::1%2",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::",
        "0.0.0.0",
        "127.0.0.1",
        "::1",
    ],
)
def test_a_name_that_leads_to_a_blocked_address_is_refused_even_beside_a_good_one(address):
    async def resolve(*_: object) -> list[str]:
        return ["192.0.2.1", address]

    async def main() -> None:
        async with Transport(AllowedHosts.of(), resolve=resolve) as transport:
            await transport.request("GET", "https://management.azure.com/")

    with pytest.raises(NotAllowed, match=r"management\.azure\.com leads to"):
        asyncio.run(main())


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(authority):
    async def main() -> tuple[int, list[tuple[str, int]]]:
        asked: list[tuple[str, int]] = []

        async def resolve(host: str, port: int) -> list[str]:
            asked.append((host, port))
            return ["127.0.0.9", "127.0.0.1"]  # nobody listens on the first

        async with serve(authority.serving("localhost"), answer("200 OK")) as server:
            url = f"https://localhost:{server.port}"
            async with Transport(
                AllowedHosts.of([url]), ca_bundle=authority.bundle, resolve=resolve
            ) as transport:
                return (await transport.request("GET", url)).status, [(h, p - server.port) for h, p in asked]

    assert asyncio.run(main()) == (200, [("localhost", 0)])


def test_proxies_of_the_environment_are_not_used_unless_asked_for(monkeypatch, authority):
    monkeypatch.setenv("HTTPS_PROXY", "http://192.0.2.7:3128")
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")

    assert exchange(authority.serving(), answer("200 OK"), ca=authority.bundle)[0].status == 200


def test_a_proxy_of_the_environment_is_used_when_asked_for(monkeypatch):
    async def main() -> list[bytes]:
        asked: list[bytes] = []

        async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(await reader.readline())
            writer.close()

        async with listening(proxy) as url:
            monkeypatch.setenv("HTTPS_PROXY", url.replace("https", "http"))
            async with Transport(AllowedHosts.of(), proxies_from_env=True) as transport:
                with pytest.raises((Unreachable, Uncertain)):
                    await transport.request("GET", "https://management.azure.com/")
        return asked

    assert asyncio.run(main()) == [b"CONNECT management.azure.com:443 HTTP/1.1\r\n"]


@pytest.mark.parametrize("text", [None, "", "no certificate"])
def test_a_ca_bundle_that_cannot_be_used_is_a_configuration_error(tmp_path, text):
    bundle = tmp_path / "ca.pem"
    if text is not None:
        bundle.write_text(text)

    with pytest.raises(ConfigError, match=r"ca\.pem cannot be used"):
        Transport(AllowedHosts.of(), ca_bundle=bundle)


def test_an_application_in_this_process_answers_without_a_socket():
    async def hello(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"{request.method} {request.url.path} {(await request.body()).decode()}")

    async def main() -> Reply:
        app = Starlette(routes=[Route("/a/b", hello, methods=["PUT"])])
        async with Transport(AllowedHosts.of(), app=app) as transport:
            return await transport.request("PUT", "https://lab.invalid/a/b", content=b"body")

    assert asyncio.run(main()).body == b"PUT /a/b body"


def test_a_connection_that_an_application_in_this_process_drops_is_uncertain():
    async def dropped(*_: object) -> None:
        raise ConnectionResetError("dropped")

    async def main() -> None:
        async with Transport(AllowedHosts.of(), app=dropped) as transport:
            await transport.request("GET", "https://lab.invalid/")

    with pytest.raises(Uncertain, match="dropped after sending"):
        asyncio.run(main())


def test_a_connection_that_was_closed_while_idle_is_replaced_without_a_failure(authority):
    async def main() -> list[int]:
        closed = asyncio.Event()

        async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            await writer.drain()
            await answered.wait()
            writer.close()
            closed.set()

        statuses = []
        async with (
            listening(once, authority.serving()) as url,
            Transport(AllowedHosts.of([url]), ca_bundle=authority.bundle) as transport,
        ):
            for _ in range(3):
                answered = asyncio.Event()
                statuses.append((await transport.request("GET", url)).status)
                answered.set()
                await closed.wait()
                closed.clear()
                await asyncio.sleep(0.05)  # until the other end's goodbye has come over the loopback
        return statuses

    assert asyncio.run(main()) == [204, 204, 204]


def test_a_request_can_be_cancelled(authority):
    async def main() -> None:
        async with (
            serve(authority.serving(), silence) as server,
            Transport(AllowedHosts.of([server.url]), ca_bundle=authority.bundle) as transport,
        ):
            task = asyncio.create_task(transport.request("GET", server.url))
            while not server.requests:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())


def test_a_url_that_is_none_is_refused():
    async def main() -> None:
        async with Transport(AllowedHosts.of()) as transport:
            await transport.request("GET", "https://[broken/")

    with pytest.raises((NotAllowed, httpx.InvalidURL)):
        asyncio.run(main())
