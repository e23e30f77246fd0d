from __future__ import annotations

import gzip
import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from tidewaiter.core.billing import billed_size
from tidewaiter.lab.server.ingestion.body import LIMIT, _inflate
from tidewaiter.lab.server.ingestion.quota import Quota
from tidewaiter.lab.server.ingestion.values import FIELD_LIMIT

from .conftest import MANAGEMENT, STRANGER, LabServer, Way


def error_of(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def row(number: int, **members: object) -> dict[str, object]:
    return {"TimeGenerated": datetime.now(UTC).isoformat().replace("+00:00", "Z"), "N": number, **members}


def body_of(size: int) -> bytes:
    """A JSON array of one row, exactly that many bytes long, of fields under 64 KB."""
    texts = [f'"F{n}":"{"x" * 60_000}"' for n in range(size // 60_010)]
    body = ('[{"N":1,' + ",".join([*texts, '"L":""']) + "}]").encode()
    return body.replace(b'"L":""', b'"L":"' + b"y" * (size - len(body)) + b'"')


def test_rows_are_acknowledged_with_204_and_no_body(way: Way):
    answer = way.send([row(1)])
    assert (answer.status_code, answer.content) == (204, b"")


def test_gzip_is_taken(way: Way):
    body = gzip.compress(json.dumps([row(2, Text="packed")]).encode())
    assert way.send(None, content=body, headers={"Content-Encoding": "gzip"}).status_code == 204


@pytest.mark.parametrize(
    "content",
    [b"this is no gzip", gzip.compress(b"[]", mtime=0)[:-3], gzip.compress(b"[]" * 9, mtime=0)[:12]],
    ids=["text", "torn trailer", "torn body"],
)
def test_what_is_called_gzip_and_is_not_is_refused(way: Way, content):
    answer = way.send(None, content=content, headers={"Content-Encoding": "gzip"})
    assert error_of(answer) == (400, "InvalidContentEncoding")


def test_gzip_of_several_members_is_one_body(way: Way):
    packed = b"".join(map(gzip.compress, (b'[{"N"', b"", b":1}", b"]")))
    assert way.send(None, content=packed, headers={"Content-Encoding": "gzip"}).status_code == 204


def test_a_megabyte_of_empty_gzip_members_is_inflated_in_time_that_grows_with_its_size():
    def seconds(members: int) -> float:
        packed = gzip.compress(b"", mtime=0) * members
        begun = time.process_time()
        assert _inflate(packed) == b""
        return time.process_time() - begun

    seconds(1_000)
    few, many = min(seconds(3_000) for _ in range(3)), min(seconds(48_000) for _ in range(2))
    assert many < 16 * few * 3


@pytest.mark.parametrize(
    "content",
    [b"[" * 5_000 + b"]" * 5_000, b'[{"N":' + b"[" * 5_000 + b"]" * 5_000 + b"}]"],
    ids=["records", "a value"],
)
def test_what_is_nested_too_deeply_is_refused_as_malformed(way: Way, content: bytes):
    answer = way.send(None, content=content)
    assert error_of(answer) == (400, "InvalidPayload")
    assert "nested too deeply" in answer.json()["error"]["message"]


def test_no_depth_of_nesting_is_a_failure_of_the_lab(fresh_way: Way):
    taken = 0
    for member in ("Extra", "Text", "Unknown"):
        for depth in (*range(100, 900, 200), *range(900, 1_010, 10)):
            content = b'[{"N":1,"%s":' % member.encode() + b"[" * depth + b"]" * depth + b"}]"
            answer = fresh_way.send(None, content=content)
            assert answer.status_code in (204, 400)
            taken += answer.status_code == 204
    assert len(fresh_way.rows("N, Extra, Text")) == taken > 0


def test_another_encoding_is_refused(way: Way):
    answer = way.send(None, content=b"[]", headers={"Content-Encoding": "br"})
    assert error_of(answer) == (400, "UnsupportedContentEncoding")


def test_a_body_of_exactly_one_megabyte_is_taken_and_one_byte_more_is_too_large(way: Way):
    body = body_of(LIMIT)
    assert len(body) == LIMIT == 1_048_576
    assert way.send(None, content=body).status_code == 204
    answer = way.send(None, content=body.replace(b"[{", b"[ {"))
    assert error_of(answer) == (413, "ContentLengthLimitExceeded")
    assert "1048576" in answer.json()["error"]["message"]


def test_the_limit_counts_what_is_inflated_too(way: Way):
    body = gzip.compress(body_of(LIMIT + 1))
    assert len(body) < 10_000
    answer = way.send(None, content=body, headers={"Content-Encoding": "gzip"})
    assert error_of(answer) == (413, "ContentLengthLimitExceeded")


def test_a_gzip_bomb_is_refused_before_it_is_inflated(way: Way):
    bomb = gzip.compress(b" " * 500_000_000, 1)[: LIMIT - 1]
    started = time.process_time()
    answer = way.send(None, content=bomb, headers={"Content-Encoding": "gzip"})
    assert error_of(answer) == (413, "ContentLengthLimitExceeded")
    assert time.process_time() - started < 5


def test_a_body_without_a_length_is_cut_off_at_the_limit(way: Way):
    def endless():
        for _ in range(40):
            yield b" " * 50_000

    answer = way.send(None, content=endless())
    assert error_of(answer) == (413, "ContentLengthLimitExceeded")


def test_a_field_over_64_kb_is_truncated_and_billed_as_stored(fresh_way: Way):
    long = "é" * 40_000
    assert fresh_way.send([row(1, Text=long, Extra={"a": "z" * 70_000})]).status_code == 204
    ((text, kind, size),) = fresh_way.rows("Text, gettype(Extra), _BilledSize")
    assert text == "é" * (FIELD_LIMIT // 2)
    assert kind == "string"
    assert 2 * FIELD_LIMIT < size < 2 * FIELD_LIMIT + 100


def test_a_column_that_the_table_has_not_is_billed_and_not_stored(fresh_way: Way):
    plain, more = row(1, Text="x"), row(2, Text="x", Unknown="y" * 1000)
    assert fresh_way.send([plain, more]).status_code == 204
    sizes = [size for (size,) in fresh_way.rows("_BilledSize")]
    assert sizes == [billed_size(json.dumps(each).encode()) for each in (plain, more)]
    assert sizes[1] - sizes[0] == 1000


@pytest.mark.parametrize(
    ("age", "kept"),
    [
        (timedelta(days=2, minutes=-1), True),
        (timedelta(days=2, minutes=1), False),
        (timedelta(hours=-23, minutes=-59), True),
        (timedelta(days=-1, minutes=-1), False),
    ],
)
def test_a_time_older_than_two_days_or_over_a_day_ahead_becomes_the_time_of_receipt(
    fresh_way: Way, age: timedelta, kept: bool
):
    now = datetime.now(UTC)
    at = (now - age).replace(microsecond=0)
    assert fresh_way.send([row(1) | {"TimeGenerated": at.isoformat()}]).status_code == 204
    ((stored,),) = fresh_way.rows("TimeGenerated")
    assert (stored == at) == kept
    assert kept or now <= stored <= datetime.now(UTC)


@pytest.mark.parametrize("value", [None, "yesterday", 17, "absent"])
def test_a_row_without_a_time_gets_the_time_of_receipt(fresh_way: Way, value):
    sent = {"N": 1} if value == "absent" else {"N": 1, "TimeGenerated": value}
    before = datetime.now(UTC)
    assert fresh_way.send([sent]).status_code == 204
    ((stored,),) = fresh_way.rows("TimeGenerated")
    assert before <= stored <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("sent", "column", "stored"),
    [
        (17, "Text", "17"),
        (1.10, "Text", "1.1"),
        (True, "Text", "true"),
        ({"a": [1]}, "Text", '{"a":[1]}'),
        ("12", "Small", 12),
        (2**40, "Small", None),
        (1.9, "Small", 1),
        ("many", "Small", None),
        ("1.5", "Ratio", 1.5),
        ("much", "Ratio", None),
        ("true", "Flag", True),
        (0, "Flag", False),
        ("perhaps", "Flag", None),
        ("2026-03-17 12:00:00", "At", datetime(2026, 3, 17, 12, tzinfo=UTC)),
        ("2026-03-17T12:00:00.1234567+02:00", "At", datetime(2026, 3, 17, 10, 0, 0, 123457, tzinfo=UTC)),
        ("soon", "At", None),
        ("text", "Extra", '"text"'),
        (5, "Extra", "5"),
    ],
)
def test_a_value_of_another_type_is_converted_or_becomes_null(fresh_way: Way, sent, column, stored):
    body = json.dumps([row(1, **{column: sent})], separators=(",", ":")).encode()
    assert fresh_way.send(None, content=body).status_code == 204
    assert fresh_way.rows(column) == [(stored,)]


def test_dynamic_values_are_kept_byte_for_byte(fresh_way: Way):
    texts = ['{"n":1.10,"big":123456789012345678901234567890}', '{"a":1,"a":2}', "[1 ,2]", '"é\\u0000"']
    body = "[" + ",".join(f'{{"N":{n},"Extra":{text}}}' for n, text in enumerate(texts)) + "]"
    assert fresh_way.send(None, content=body.encode()).status_code == 204
    assert [text for (text,) in fresh_way.rows("Extra")] == texts


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"N":1}',
        b"[1]",
        b'[{"N":1},2]',
        b'[{"N":1}',
        b'[{"N":1}] x',
        b'[{"Text":"\xff"}]',
        b'[{"Text":"\\ud800"}]',
        b"null",
    ],
)
def test_what_is_no_json_array_of_objects_is_refused_and_nothing_is_stored(way: Way, content):
    before = way.server.query(f"{way.table} | count")
    assert error_of(way.send(None, content=content)) == (400, "InvalidPayload")
    assert way.server.query(f"{way.table} | count") == before


def test_an_empty_array_is_taken(way: Way):
    assert way.send([]).status_code == 204


@pytest.mark.parametrize("media", ["text/plain", "application/x-ndjson", ""])
def test_another_content_type_is_refused(way: Way, media):
    answer = way.send(None, content=b"[]", headers={"Content-Type": media})
    assert error_of(answer) == (400, "UnsupportedContentType")


@pytest.mark.parametrize(
    ("params", "code"),
    [({}, "MissingApiVersionParameter"), ({"api-version": "2020-01-01"}, "InvalidApiVersionParameter")],
)
def test_the_api_version_is_required_and_checked(way: Way, params, code):
    assert error_of(way.send([row(1)], params=params)) == (400, code)


def test_an_unknown_rule_is_not_found(lab_server: LabServer):
    answer = lab_server.send("dcr-unknown", [row(1)])
    assert error_of(answer) == (404, "NotFound")
    assert answer.headers["x-ms-error-code"] == "NotFound"
    assert "'dcr-unknown' not found" in answer.json()["error"]["message"]


def test_a_stream_that_the_rule_has_not_is_refused(way: Way):
    answer = way.send([row(1)], stream="Custom-Other")
    assert error_of(answer) == (400, "InvalidStream")
    assert "Custom-Other was not configured" in answer.json()["error"]["message"]


def test_a_client_without_the_role_is_refused(way: Way):
    client = STRANGER.__class__("c" * 36, "d" * 36, "secret", sends=False)
    way.server.lab.clients[client.id] = client
    answer = way.send([row(1)], headers=way.server.bearer(client=client.id))
    del way.server.lab.clients[client.id]
    assert error_of(answer) == (403, "OperationFailed")
    assert "does not have access to ingest data" in answer.json()["error"]["message"]


def test_a_fresh_role_is_refused_until_it_has_spread(fresh_way: Way, monkeypatch):
    monkeypatch.setattr(fresh_way.server.lab, "role_delay", timedelta(minutes=30))
    assert error_of(fresh_way.send([row(1)])) == (403, "OperationFailed")
    monkeypatch.setattr(fresh_way.server.lab, "role_delay", timedelta())
    assert fresh_way.send([row(1)]).status_code == 204


def test_requests_per_minute_are_limited_with_a_time_to_wait(way: Way, monkeypatch):
    at = datetime(2026, 3, 17, tzinfo=UTC)
    quota = Quota(lambda: at, requests=2)
    monkeypatch.setattr(way.server.lab, "quota", quota)
    assert [way.send([row(n)]).status_code for n in range(3)] == [204, 204, 429]
    at += timedelta(seconds=42.5)
    answer = way.send([row(4)])
    assert (error_of(answer), answer.headers["Retry-After"]) == ((429, "TooManyRequests"), "18")
    at += timedelta(seconds=18)
    assert way.send([row(5)]).status_code == 204


def test_data_per_minute_is_limited_uncompressed(way: Way, monkeypatch):
    monkeypatch.setattr(way.server.lab, "quota", Quota(lambda: datetime(2026, 3, 17, tzinfo=UTC), size=1000))
    packed = gzip.compress(json.dumps([row(1, Text="x" * 2000)]).encode())
    answer = way.send(None, content=packed, headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, "Retry-After" in answer.headers) == (429, True)


def test_the_limits_per_minute_are_the_documented_ones():
    quota = Quota(lambda: datetime.now(UTC))
    assert (quota.requests, quota.size) == (12_000, 2_000_000_000)


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": ""},
        {"Authorization": "Basic eA=="},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Bearer a.b.c"},
    ],
)
def test_a_request_without_a_token_is_told_where_to_get_one(way: Way, headers):
    answer = way.send([row(1)], headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer authorization_uri=")


def test_a_token_for_another_service_is_refused(way: Way):
    answer = way.send([row(1)], headers=way.server.bearer(MANAGEMENT))
    assert error_of(answer) == (401, "InvalidAuthenticationToken")


def test_an_expired_token_is_refused(way: Way):
    token = way.server.lab.token("https://monitor.azure.com", lifetime=timedelta(seconds=-1))
    answer = way.send([row(1)], headers={"Authorization": f"Bearer {token}"})
    assert error_of(answer) == (401, "ExpiredAuthenticationToken")


def test_an_altered_token_is_refused(way: Way):
    header, claims, signature = way.server.lab.token("https://monitor.azure.com").split(".")
    for token in (f"{header}.{claims[:-4]}AAAA.{signature}", f"{header}.{claims}.{signature[:-6]}AAAAAA"):
        answer = way.send([row(1)], headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401
