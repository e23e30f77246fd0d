from __future__ import annotations

import asyncio
import gzip
import pickle

import httpx
import pytest

from tests.sentinel.azure_double import Azure, permit, refusal, reply
from tidewaiter.clouds import NotSignedIn
from tidewaiter.core.permit import Capability
from tidewaiter.sentinel import Refused, Throttled, TooLarge, Uncertain, Unreachable, capability_of

BODY = gzip.compress(b'[{"TimeGenerated":"2026-11-23T12:00:00Z"}]')
STREAM = "Custom-ASimAuditEventLogs"


def upload(azure: Azure, *, stream: str = STREAM, dcr: str = "dcr-1") -> None:
    async def main() -> None:
        sentinel = azure.sentinel()
        try:
            await sentinel.ingestion.upload(
                BODY,
                dcr=dcr,
                stream=stream,
                batch_id="batch-1",
                permit=permit(Capability.DELIVER_ROWS, source="aws_cloudtrail"),
                source="aws_cloudtrail",
            )
        finally:
            await sentinel.aclose()

    asyncio.run(main())


def test_a_batch_goes_to_its_stream_as_it_is_with_its_id():
    azure = Azure([reply(204)])

    upload(azure)

    (seen,) = azure.seen
    assert (seen.method, seen.host) == ("POST", "dcr-1.westeurope-1.ingest.monitor.azure.com")
    assert seen.path == f"/dataCollectionRules/dcr-1/streams/{STREAM}"
    assert seen.query == {"api-version": "2023-01-01"}
    assert seen.body == BODY
    assert seen.headers["content-encoding"] == "gzip"
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["x-ms-client-request-id"] == "batch-1"
    assert seen.headers["authorization"] == "Bearer https://monitor.azure.com/.default 1"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("Mon, 23 Nov 2026 12:00:30 GMT", 30.0), ("", None), ("tomorrow", None)],
)
def test_throttling_tells_how_long_to_wait_in_seconds_or_as_a_date(header, seconds):
    azure = Azure([refusal(429, "TooManyRequests", "slow down", retry_after=header)])

    with pytest.raises(Throttled) as caught:
        upload(azure)

    assert caught.value.retry_after == seconds
    assert len(azure.seen) == 1, "the sender decides when again"


def test_503_with_a_wait_is_throttling_and_without_is_uncertain():
    with pytest.raises(Throttled):
        upload(Azure([reply(503, retry_after="1")]))
    with pytest.raises(Uncertain):
        upload(Azure([reply(503)]))


def test_a_rule_with_an_endpoint_of_its_own_is_reached_there():
    azure = Azure([reply(204)])

    async def main() -> None:
        sentinel = azure.sentinel()
        try:
            await sentinel.ingestion.upload(
                BODY,
                dcr="dcr-2",
                stream=STREAM,
                batch_id="b",
                permit=permit(Capability.DELIVER_ROWS),
                source="*",
                endpoint="https://dcr-2.westeurope-1.ingest.monitor.azure.com/",
            )
        finally:
            await sentinel.aclose()

    asyncio.run(main())

    assert azure.seen[0].host == "dcr-2.westeurope-1.ingest.monitor.azure.com"
    assert azure.seen[0].path.startswith("/dataCollectionRules/dcr-2/")


@pytest.mark.parametrize("kind", [Refused, TooLarge])
def test_an_error_survives_the_way_between_processes(kind):
    error = kind(400, "Code", "words", where="here", hint="do this")

    again = pickle.loads(pickle.dumps(error))

    assert type(again) is kind
    assert (str(again), again.status, again.code, again.hint) == (str(error), 400, "Code", "do this")


def test_413_is_too_large():
    with pytest.raises(TooLarge) as caught:
        upload(Azure([refusal(413, "ContentLengthLimitExceeded", "over 1 MB")]))

    assert not caught.value.retry


@pytest.mark.parametrize(
    ("status", "step"),
    [(400, "quarantines"), (403, "Monitoring Metrics Publisher"), (404, "ingestion.dcr")],
)
def test_a_refusal_has_status_code_words_and_a_next_step(status, step):
    with pytest.raises(Refused) as caught:
        upload(Azure([refusal(status, "ItsCode", "its words")]))

    error = caught.value
    assert (error.status, error.code, error.detail) == (status, "ItsCode", "its words")
    assert step in error.hint
    assert not isinstance(error, TooLarge)


@pytest.mark.parametrize("status", [408, 500, 502, 504])
def test_what_may_have_been_stored_is_uncertain(status):
    azure = Azure([reply(status)])

    with pytest.raises(Uncertain):
        upload(azure)

    assert len(azure.seen) == 1, "a write is sent again by its caller only"


@pytest.mark.parametrize("status", [200, 201, 202, 206])
def test_a_success_that_is_not_the_services_is_no_proof_that_rows_were_stored(status):
    with pytest.raises(Uncertain, match=f"answered with {status}") as caught:
        upload(Azure([reply(status)]))

    assert "is the endpoint really the service's?" in caught.value.hint


def test_a_wrong_secret_keeps_the_next_step_of_the_sign_in(monkeypatch):
    azure = Azure([reply(204)])

    async def refused(*_: object, **__: object) -> None:
        raise NotSignedIn(401, "invalid_client", "AADSTS7000215", where="the token", hint="check the secret")

    monkeypatch.setattr(azure, "fetch", refused)

    with pytest.raises(NotSignedIn) as caught:
        upload(azure)
    assert caught.value.hint == "check the secret"


@pytest.mark.parametrize("status", [301, 307])
def test_a_redirect_is_refused(status):
    with pytest.raises(Refused, match="redirects are never followed"):
        upload(Azure([reply(status, location="https://example.org/")]))


def test_a_rejected_token_is_replaced_once():
    azure = Azure([reply(401), reply(204)])

    upload(azure)

    assert [seen.headers["authorization"][-6:] for seen in azure.seen] == ["ault 1", "2 anew"]


def test_a_token_that_is_rejected_twice_is_a_refusal():
    azure = Azure([refusal(401, "AuthenticationFailed", "expired")])

    with pytest.raises(Refused) as caught:
        upload(azure)

    assert caught.value.status == 401
    assert len(azure.seen) == 2


def test_no_token_means_nothing_was_sent(monkeypatch):
    azure = Azure([reply(204)])

    async def down(*_: object, **__: object) -> None:
        raise Unreachable("no token")

    monkeypatch.setattr(azure, "fetch", down)

    with pytest.raises(Unreachable):
        upload(azure)
    assert azure.seen == []


def test_an_error_that_is_no_json_still_says_its_status():
    with pytest.raises(Refused, match="refused with 403"):
        upload(Azure([lambda _: reply(403, {"odd": [1]})]))


def test_control_signs_in_the_services_words_are_taken_out():
    with pytest.raises(Refused) as caught:
        upload(Azure([refusal(400, "Bad", "a\x1b[31mred\r\nline" + "x" * 5_000)]))

    assert "\x1b" not in str(caught.value)
    assert len(caught.value.detail) <= 600


@pytest.mark.parametrize("name", ["../../subscriptions", "a/b", "a?b=c", "a#b", "a%2Fb"])
def test_a_name_cannot_lead_to_another_path(name):
    azure = Azure([reply(204)])

    upload(azure, dcr=name)

    assert azure.seen[0].path.count("/") == 4
    assert httpx.URL(azure.seen[0].path).path.endswith(f"/streams/{STREAM}")
    assert azure.seen[0].query == {"api-version": "2023-01-01"}


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_of_dots_is_refused_before_anything_is_sent(name):
    azure = Azure([reply(204)])

    with pytest.raises(Refused, match="names no resource"):
        upload(azure, dcr=name)
    assert azure.seen == []


@pytest.mark.parametrize(
    ("stream", "capability"),
    [
        ("Custom-ASimAuditEventLogs", Capability.DELIVER_ROWS),
        ("Custom-AWSCloudTrail", Capability.DELIVER_ROWS),
        ("Custom-Mine_CL", Capability.DELIVER_ROWS),
        ("Custom-TidewaiterAlerts_CL", Capability.RAISE_ALERTS),
        ("Custom-TidewaiterReplay_CL", Capability.DELIVER_SUMMARIES),
        ("TidewaiterAlerts_CL", Capability.RAISE_ALERTS),
    ],
)
def test_the_table_says_which_permit_its_rows_need(stream, capability):
    assert capability_of(stream) is capability
