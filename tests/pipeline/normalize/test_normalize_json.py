from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tidewaiter.asim.mapping import runtime
from tidewaiter.content import sources
from tidewaiter.core.event_id import positional_id
from tidewaiter.core.objects import JsonChunk
from tidewaiter.pipeline.normalize import JsonRows, Normalized, Normalizer

SPEC = sources()["aws_cloudtrail"]
NORMALIZER = Normalizer(SPEC)
GOOD: dict[str, Any] = {
    "eventVersion": "1.11",
    "userIdentity": {"type": "IAMUser", "userName": "mara.holt", "accountId": "900100200301"},
    "eventTime": "2026-03-04T09:12:44Z",
    "eventSource": "ec2.amazonaws.com",
    "eventName": "DescribeInstances",
    "awsRegion": "eu-central-1",
    "sourceIPAddress": "203.0.113.24",
    "readOnly": True,
    "eventID": "5f0c0001-0000-4000-8000-000000000001",
    "recipientAccountId": "900100200301",
}


def raw(**changes: Any) -> bytes:
    record = GOOD | changes
    return msgspec.json.encode({name: value for name, value in record.items() if value is not ...})


def normalize(*raws: bytes, normalizer: Normalizer = NORMALIZER) -> Normalized:
    positions = [10 + n for n in range(len(raws))]
    return normalizer.normalize(JsonChunk(raws, positions), object_id="some/object.json", prefix="0f")


def only_row(found: Normalized) -> tuple[dict[str, Any], dict[str, msgspec.Raw]]:
    [rows] = found.rows
    assert isinstance(rows, JsonRows)
    [head], [extra] = rows.heads, rows.extras
    return msgspec.json.decode(head), msgspec.json.decode(extra, type=dict[str, msgspec.Raw])


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("userIdentity", "mara.holt"),
        ("userIdentity", ["mara.holt"]),
        ("userIdentity", 7),
        ("userIdentity", {"type": 5}),
        ("userIdentity", {"sessionContext": "none"}),
        ("userIdentity", {"sessionContext": {"sessionIssuer": [1]}}),
        ("userIdentity", {"onBehalfOf": {"userId": 9}}),
        ("eventTime", 1772615564),
        ("eventName", ["DescribeInstances"]),
        ("eventSource", {"name": "ec2"}),
        ("sourceIPAddress", 3405803800),
        ("userAgent", {"product": "curl"}),
        ("errorCode", 403),
        ("readOnly", "true"),
        ("readOnly", 1),
        ("managementEvent", "yes"),
        ("eventID", 12),
    ],
)
def test_a_member_of_a_wrong_type_quarantines_its_record_alone(member: str, value: Any):
    bad = raw(**{member: value})
    found = normalize(raw(), bad, raw())
    [set_aside] = found.quarantined
    assert (set_aside.position, set_aside.kind, set_aside.raw) == (11, "wrong_type", bad)
    assert set_aside.object_id == "some/object.json"
    assert set_aside.reason.startswith("Expected")
    assert f" - at `$.{member}" in set_aside.reason
    assert found.valid == 2


def test_the_place_of_a_wrong_type_is_told_from_the_record_on():
    [bad] = normalize(raw(userIdentity={"onBehalfOf": {"userId": 9}})).quarantined
    assert bad.reason == "Expected `str | null`, got `int` - at `$.userIdentity.onBehalfOf.userId`"
    [torn] = normalize(raw(eventName=5)[:-2]).quarantined
    assert torn.kind in ("wrong_type", "malformed")


@pytest.mark.parametrize("member", ["eventTime", "eventName", "eventSource"])
@pytest.mark.parametrize("value", [..., None, ""])
def test_a_record_without_its_time_or_name_is_invalid(member: str, value: Any):
    found = normalize(raw(**{member: value}))
    [set_aside] = found.quarantined
    assert (set_aside.kind, set_aside.reason) == ("invalid", f"the record has no usable {member}")
    assert found.valid == 0


@pytest.mark.parametrize(
    "value", ["yesterday", "2026-02-30T00:00:00Z", "2026-03-04", "0001-01-01T00:00:00+14:00", "1772615564"]
)
def test_a_time_that_is_none_makes_a_record_invalid(value: str):
    [set_aside] = normalize(raw(eventTime=value)).quarantined
    assert set_aside.kind == "invalid"


@pytest.mark.parametrize(
    "value",
    [
        [],
        [1, "a", None],
        "text",
        "",
        12.5,
        0,
        True,
        {},
        {"instancesSet": "none"},
        {"instancesSet": {"items": {}}},
    ],
)
@pytest.mark.parametrize(
    "member",
    ["requestParameters", "responseElements", "additionalEventData", "resources", "serviceEventDetails"],
)
@pytest.mark.parametrize(
    "call",
    [
        ("ec2.amazonaws.com", "RunInstances"),
        ("sts.amazonaws.com", "AssumeRole"),
        ("iam.amazonaws.com", "CreateUser"),
        ("s3.amazonaws.com", "GetObject"),
        ("signin.amazonaws.com", "ConsoleLogin"),
    ],
)
def test_a_polymorphic_member_may_hold_anything(member: str, value: Any, call: tuple[str, str]):
    columns, additional = only_row(normalize(raw(eventSource=call[0], eventName=call[1], **{member: value})))
    assert columns["EventOriginalType"] == call[1]
    assert bytes(additional[member]) == msgspec.json.encode(value)


@pytest.mark.parametrize(
    "number", [b"1E400", b"-1e999", b"1" * 400, b"0.1000000000000000055511151231257827", b"-0"]
)
def test_a_number_that_no_machine_holds_passes_as_it_is(number: bytes):
    record = raw(requestParameters={"x": 1}).replace(
        b'{"x":1}', b'{"name":' + number + b',"instanceId":"i-1"}'
    )
    columns, additional = only_row(normalize(record))
    assert bytes(additional["requestParameters"]) == b'{"name":' + number + b',"instanceId":"i-1"}'
    assert columns["Object"] == "i-1"


def test_a_record_of_a_megabyte_passes():
    big = {"policyDocument": "x" * 1_000_000, "roleName": "Ledger"}
    columns, additional = only_row(
        normalize(raw(eventName="CreateRole", eventSource="iam.amazonaws.com", requestParameters=big))
    )
    assert columns["TargetUsername"] == "Ledger"
    assert len(bytes(additional["requestParameters"])) > 1_000_000


def test_a_record_nested_too_deep_is_quarantined_and_its_neighbours_are_not():
    deep = raw(requestParameters=0).replace(
        b'"requestParameters":0', b'"requestParameters":' + b"[" * 5000 + b"]" * 5000
    )
    found = normalize(raw(), deep, raw())
    assert [(bad.position, bad.kind) for bad in found.quarantined] == [(11, "too_deep")]
    assert found.valid == 2


@pytest.mark.parametrize(
    "damaged",
    [b"", b"{", b'{"eventName":}', b"not json", b'["a"]', b"null", b"7", b'{"eventName":"\\ud800"}'],
)
def test_what_is_no_json_object_is_quarantined(damaged: bytes):
    found = normalize(damaged, raw())
    [bad] = found.quarantined
    assert bad.kind in ("malformed", "wrong_type")
    assert bad.raw == damaged
    assert found.valid == 1


def test_a_record_without_an_id_gets_one_by_its_position():
    found = normalize(raw(eventID=...), raw(eventID=""), raw(eventID=None), raw())
    [rows] = found.rows
    assert isinstance(rows, JsonRows)
    assert rows.ids == [
        positional_id("0f", 10),
        positional_id("0f", 11),
        positional_id("0f", 12),
        GOOD["eventID"],
    ]
    assert [msgspec.json.decode(head)["EventOriginalUid"] for head in rows.heads] == rows.ids


def test_the_lists_of_rows_are_aligned_and_in_the_order_of_the_chunk():
    calls = ["DescribeVpcs", "ConsoleLogin", "StopInstances", "Nonsense"]
    names = {"ConsoleLogin": "signin.amazonaws.com"}
    raws = [raw(eventName=c, eventID=c, eventSource=names.get(c, "ec2.amazonaws.com")) for c in calls]
    for rows in normalize(*raws).rows:
        assert isinstance(rows, JsonRows)
        assert rows.ids == [call for call in calls if call in rows.ids]
        for place, event_id in enumerate(rows.ids):
            assert bytes(rows.raws[place]) == raws[calls.index(event_id)]
            assert msgspec.json.decode(rows.heads[place])["EventOriginalUid"] == event_id
            assert rows.records[place].eventName == event_id  # type: ignore[attr-defined]


def test_rows_are_the_same_after_the_memos_overflow(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(runtime, "MEMO_ENTRIES", 3)
    small = Normalizer(SPEC)
    raws = [
        raw(userAgent=f"agent/{n % 7}", sourceIPAddress=f"203.0.113.{n % 5}", eventID=str(n))
        for n in range(70)
    ]
    [rows], [again] = normalize(*raws, normalizer=small).rows, normalize(*raws, normalizer=small).rows
    fresh = [normalize(one, normalizer=Normalizer(SPEC)).rows[0] for one in raws[:14]]
    assert isinstance(rows, JsonRows)
    assert isinstance(again, JsonRows)
    assert rows.heads == again.heads
    assert rows.extras == again.extras
    assert rows.heads[:14] == [part.heads[0] for part in fresh if isinstance(part, JsonRows)]


def test_a_memo_stays_within_its_bounds():
    memos = runtime.Memos()
    memo, other = memos.new(), memos.new()
    for n in range(3 * runtime.MEMO_ENTRIES):
        memo.keep(n, b"", 10)
        assert len(memo.pieces) <= runtime.MEMO_ENTRIES
    for n in range(10_000):
        memo.keep(("x", n), b"", 16_000)
        other.keep(n, b"", 16_000)
        assert memos.held == memo.held + other.held <= runtime.MEMO_BYTES
    memo.keep("huge", b"", 1 << 20)
    assert "huge" not in memo.pieces


def test_texts_that_look_like_dates_and_numbers_stay_texts():
    policy = '{"Version":"2012-10-17","n":"1.10","t":"true","d":"2026-03-04"}'
    record = raw(requestParameters=0).replace(
        b'"requestParameters":0', b'"requestParameters":' + policy.encode()
    )
    _, additional = only_row(normalize(record))
    assert bytes(additional["requestParameters"]) == policy.encode()


def test_a_member_that_the_source_does_not_know_is_carried_as_it_stands():
    record = raw(zz=0).replace(b'"zz":0', b'"tomorrow" : {"n":1.10,"s":"caf\\u00e9"},"gone":null')
    _, additional = only_row(normalize(record))
    assert bytes(additional["tomorrow"]) == b'{"n":1.10,"s":"caf\\u00e9"}'
    assert "gone" not in additional
