from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tidewaiter.clouds import (
    AllowedHosts,
    CachedCredential,
    ClientSecret,
    Refused,
    Secret,
    Token,
    Transport,
    Unreachable,
    credential_for,
    read_secret,
)
from tidewaiter.core.errors import ConfigError

AUTHORITY = "https://login.microsoftonline.com"
SCOPE = "https://monitor.azure.com/.default"
HIDDEN = "hunter2-very-hidden"


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Source:
    """Gives token-1, token-2 … that live an hour; fails while `down`."""

    def __init__(self, lifetime: float = 3_600.0) -> None:
        self.fetched: list[tuple[str, bool]] = []
        self.down = False
        self.lifetime = lifetime

    async def fetch(self, scope: str, *, anew: bool) -> Token:
        self.fetched.append((scope, anew))
        await asyncio.sleep(0)
        if self.down:
            raise Unreachable("no token")
        return Token(f"token-{len(self.fetched)}", self.lifetime)

    async def aclose(self) -> None:
        pass


def test_a_token_is_fetched_once_however_many_ask_at_once():
    source = Source()

    async def main() -> list[str]:
        credential = CachedCredential(source)
        return await asyncio.gather(*(credential.token(SCOPE) for _ in range(20)))

    assert set(asyncio.run(main())) == {"token-1"}
    assert source.fetched == [(SCOPE, False)]


def test_each_scope_has_its_own_token():
    async def main() -> tuple[str, str, str]:
        credential = CachedCredential(Source())
        return await credential.token("a"), await credential.token("b"), await credential.token("a")

    assert asyncio.run(main()) == ("token-1", "token-2", "token-1")


@pytest.mark.parametrize(
    ("lifetime", "later", "token"),
    [(3_600, 3_299, "token-1"), (3_600, 3_300, "token-2"), (60, 29, "token-1"), (60, 30, "token-2")],
)
def test_a_token_is_renewed_before_it_ends(lifetime, later, token):
    clock = Clock()

    async def main() -> str:
        credential = CachedCredential(Source(lifetime), clock=clock)
        await credential.token(SCOPE)
        clock.now += later
        return await credential.token(SCOPE)

    assert asyncio.run(main()) == token


def test_a_rejected_token_is_renewed_once_though_many_were_sent_with_it():
    source = Source()

    async def main() -> list[str]:
        credential = CachedCredential(source)
        old = await credential.token(SCOPE)
        return await asyncio.gather(*(credential.token(SCOPE, rejected=old) for _ in range(10)))

    assert set(asyncio.run(main())) == {"token-2"}
    assert source.fetched == [(SCOPE, False), (SCOPE, True)]


def test_a_good_token_outlives_an_authority_that_is_down_for_a_while():
    clock, source = Clock(), Source()

    async def main() -> None:
        credential = CachedCredential(source, clock=clock)
        await credential.token(SCOPE)
        source.down, clock.now = True, clock.now + 3_400
        assert await credential.token(SCOPE) == "token-1"
        assert await credential.token(SCOPE) == "token-1"
        assert len(source.fetched) == 2, "it is not asked at every call"
        clock.now += 201
        with pytest.raises(Unreachable):
            await credential.token(SCOPE)

    asyncio.run(main())


def test_a_rejected_token_is_not_used_again_when_there_is_no_other():
    source = Source()

    async def main() -> None:
        credential = CachedCredential(source)
        old = await credential.token(SCOPE)
        source.down = True
        with pytest.raises(Unreachable):
            await credential.token(SCOPE, rejected=old)

    asyncio.run(main())


def entra(reply: Callable[[dict[str, str]], Response], seen: list[dict[str, str]]) -> Starlette:
    async def token(request: Request) -> Response:
        form = dict(pair.split("=", 1) for pair in (await request.body()).decode().split("&"))
        seen.append({**form, "tenant": request.path_params["tenant"]})
        return reply(form)

    return Starlette(routes=[Route("/{tenant:path}/oauth2/v2.0/token", token, methods=["POST"])])


def ask(reply: Callable[[dict[str, str]], Response]) -> tuple[Token, list[dict[str, str]]]:
    seen: list[dict[str, str]] = []

    async def main() -> Token:
        async with Transport(AllowedHosts.of(), app=entra(reply, seen)) as transport:
            source = ClientSecret(
                transport,
                authority=AUTHORITY,
                tenant_id="a/b",
                client_id="me",
                secret=Secret(HIDDEN, "env://IT"),
            )
            return await source.fetch(SCOPE, anew=False)

    return asyncio.run(main()), seen


def test_a_client_secret_becomes_a_token():
    token, seen = ask(lambda _: JSONResponse({"access_token": "abc", "expires_in": "3599", "extra": 1}))

    assert (token.value, token.lifetime) == ("abc", 3_599.0)
    assert "abc" not in repr(token)
    assert seen == [
        {
            "grant_type": "client_credentials",
            "client_id": "me",
            "client_secret": HIDDEN,
            "scope": "https%3A%2F%2Fmonitor.azure.com%2F.default",
            "tenant": "a/b",
        }
    ]


def test_a_refused_secret_says_so_without_the_secret():
    body = {
        "error": "invalid_client",
        "error_description": f"AADSTS7000215: Invalid client secret {HIDDEN} given. Trace ID: 1\r\nmore",
    }
    with pytest.raises(Refused) as caught:
        ask(lambda _: JSONResponse(body, 401))

    assert "AADSTS7000215" in str(caught.value)
    assert "azure.client_secret" in str(caught.value)
    assert HIDDEN not in str(caught.value)
    assert "more" not in caught.value.detail


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_an_authority_in_trouble_is_unreachable_since_nothing_was_sent(status):
    with pytest.raises(Unreachable, match=f"answered {status}"):
        ask(lambda _: Response(status_code=status, headers={"retry-after": "7"}))


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"access_token":"a"}', b'{"access_token":"a","expires_in":"soon"}']
)
def test_an_answer_that_is_no_token_is_refused(body):
    with pytest.raises(Refused):
        ask(lambda _: Response(body))


@pytest.mark.parametrize("setting", ["tenant_id", "client_id"])
def test_a_secret_needs_tenant_and_client(setting):
    given: dict[str, Any] = {"tenant_id": "t", "client_id": "c", "client_secret": "env://IT", setting: ""}

    async def main() -> None:
        async with Transport(AllowedHosts.of()) as transport:
            credential_for(transport, authority=AUTHORITY, environ={"IT": HIDDEN}, **given)

    with pytest.raises(ConfigError, match=f"azure.{setting} is not"):
        asyncio.run(main())


def test_a_secret_is_read_from_the_environment_or_a_file(tmp_path):
    path = tmp_path / "secret"
    path.write_text(HIDDEN + "\n")

    for reference, environ in (("env://IT", {"IT": HIDDEN}), (f"file://{path}", {})):
        secret = read_secret(reference, setting="azure.client_secret", environ=environ)
        assert secret.reveal() == HIDDEN
        assert HIDDEN not in f"{secret!r} {secret} {[secret]}"
        assert str(secret) == f"Secret({reference})"


@pytest.mark.parametrize("dump", [pickle.dumps, copy.deepcopy])
def test_a_secret_is_not_pickled(dump):
    with pytest.raises(TypeError, match="reference"):
        dump(Secret(HIDDEN, "env://IT"))


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        (HIDDEN, "is not a reference"),
        ("keyvault://vault/name", r"Azure Key Vault\) is not supported yet"),
        ("aws-sm://name", "AWS Secrets Manager"),
        ("https://example.org", "https:// is not supported yet"),
        ("env://MISSING", "MISSING is not set"),
        ("file://missing-file", "cannot be read"),
    ],
)
def test_a_reference_that_leads_nowhere_says_what_to_do_and_never_the_value(reference, said):
    with pytest.raises(ConfigError, match=said) as caught:
        read_secret(reference, setting="azure.client_secret", environ={})

    assert caught.value.hint
    assert HIDDEN not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"x" * 70_000])
def test_a_file_that_holds_no_secret_is_refused(tmp_path, content):
    path = tmp_path / "secret"
    path.write_bytes(content)

    with pytest.raises(ConfigError, match=r"azure\.client_secret"):
        read_secret(f"file://{path}", setting="azure.client_secret")
