"""Drift: what records look like is learned, and told when it changes; what comes now and then is variety."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from tidewaiter.content.drift import DriftFile
from tidewaiter.core.objects import JsonChunk, TextChunk
from tidewaiter.pipeline.normalize.drift import Alarm, Observer, Watch, watch
from tidewaiter.pipeline.normalize.drift.known import Known
from tidewaiter.pipeline.normalize.drift.likeness import likely_name
from tidewaiter.pipeline.normalize.drift.observe import EVERY, TYPES, _letter
from tidewaiter.pipeline.normalize.rows import JsonRows

HERE = "AWSLogs/900100200301/CloudTrail/eu-central-1/2026/03/03/part-{}.json.gz"
THERE = "AWSLogs/900100200302/CloudTrail/us-east-1/2026/03/03/part-{}.json.gz"
DRIFT = DriftFile(kind=("eventName",), varied=("requestParameters",), version=("eventVersion",))
Record = dict[str, Any]


def record(draw: random.Random) -> Record:
    """A record with fields that are always there, mostly there, now and then there, and of two types."""
    call = draw.choice(["GetObject", "DescribeInstances", "CreateUser"])
    made: Record = {
        "eventVersion": "1.11",
        "eventName": call,
        "userAgent": "aws-cli/2.15",
        "sourceIPAddress": "203.0.113.9",
        "readOnly": draw.random() < 0.5,
        "userIdentity": {"type": "IAMUser", "userName": "marit", "arn": "arn:aws:iam::1:user/marit"},
        "requestParameters": {f"{call}Name": "x", "n": draw.choice([1, "1"])},
    }
    if draw.random() < 0.05:
        made["errorCode"] = "AccessDenied"
    if draw.random() < 0.9:
        made["requestID"] = "r"
    if draw.random() < 0.2:
        made["requestParameters"][f"option{draw.randrange(9)}"] = True
    return made


Change = Callable[[Record], object]


class Stream:
    """Records of two accounts through an observer into a watch, chunk by chunk."""

    def __init__(self, drift: DriftFile = DRIFT, seed: int = 7) -> None:
        self.draw = random.Random(seed)
        self.observer = Observer("aws_cloudtrail", drift)
        self.watch = Watch("aws_cloudtrail", drift)

    def send(self, count: int, change: Change = lambda _: None, path: str = HERE) -> list[tuple[int, Alarm]]:
        """Send records; return each alarm with the number of records that had been sent."""
        found = []
        for sent in range(0, count, 50):
            made = [record(self.draw) for _ in range(50)]
            for each in made:
                change(each)
            chunk = JsonChunk([msgspec.json.encode(each) for each in made], range(50))
            self.observer.chunk(path.format(sent), chunk)
            for seen in self.observer.sightings() if sent % 200 == 150 else ():
                found += [(sent + 50, alarm) for alarm in self.watch.take(seen)]
        return found


@pytest.fixture(scope="module")
def taught() -> Stream:
    stream = Stream()
    assert stream.send(6_000) == []
    assert stream.send(6_000, path=THERE) == []
    return stream


@pytest.fixture
def learned(taught: Stream) -> Stream:
    """A watch that has learned, of one's own."""
    return copy.deepcopy(taught)


CHANGES: dict[str, tuple[Change, str, str, str]] = {
    "rename": (
        lambda r: r.update(clientAgent=r.pop("userAgent")), "renamed_field", "userAgent", "clientAgent",
    ),
    "rename below": (
        lambda r: r["userIdentity"].update(principalName=r["userIdentity"].pop("userName")),
        "renamed_field", "userIdentity.userName", "userIdentity.principalName",
    ),
    "new": (lambda r: r.update(tlsDetails={"v": 1}), "new_field", "tlsDetails", "object"),
    "new below": (lambda r: r["userIdentity"].update(risk="low"), "new_field", "userIdentity.risk", "text"),
    "new in what varies": (
        lambda r: r["requestParameters"].update(trace="x"), "new_field", "requestParameters.trace", "text",
    ),
    "type": (lambda r: r.update(readOnly=str(r["readOnly"])), "type_change", "readOnly", "text"),
    "type to object": (lambda r: r.update(userAgent={"name": "x"}), "type_change", "userAgent", "object"),
    "vanished": (lambda r: r.pop("sourceIPAddress"), "vanished_field", "sourceIPAddress", ""),
    "vanished below": (lambda r: r["userIdentity"].pop("arn"), "vanished_field", "userIdentity.arn", ""),
    "emptied": (lambda r: r.update(userAgent=""), "emptied_field", "userAgent", ""),
    "null": (lambda r: r.update(userAgent=None), "emptied_field", "userAgent", ""),
    "version": (lambda r: r.update(eventVersion="1.12"), "version", "eventVersion", "1.12"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_in_one_account_is_told_once_within_a_thousand_records(learned, name):
    change, kind, field, now = CHANGES[name]

    found = learned.send(2_000, change)

    assert [(alarm.kind, alarm.field, alarm.now) for _, alarm in found] == [(kind, field, now)]
    (sent, alarm) = found[0]
    assert sent <= 1_000
    assert (alarm.account, alarm.region) == ("900100200301", "eu-central-1")
    assert learned.send(2_000, path=THERE) == []


def test_texts_that_are_no_longer_addresses_are_told(learned):
    ((_, alarm),) = learned.send(2_000, lambda r: r.update(sourceIPAddress="somewhere else"))

    assert (alarm.kind, alarm.field, alarm.was, alarm.now) == (
        "type_change", "sourceIPAddress", "address", "text",
    )  # fmt: skip


def test_of_two_that_went_the_new_one_has_the_name_of_the_one_of_its_form(learned):
    def both(each: Record) -> None:
        each["whence"] = each.pop("sourceIPAddress")
        del each["userAgent"]

    found = {(alarm.kind, alarm.field, alarm.now) for _, alarm in learned.send(2_000, both)}

    assert found == {("renamed_field", "sourceIPAddress", "whence"), ("vanished_field", "userAgent", "")}


def test_a_version_is_news_where_it_is_higher_than_any_before(learned):
    low = {"eventVersion": "1.05"}
    assert learned.send(2_000, lambda r: r.update(low) if learned.draw.random() < 0.2 else None) == []
    assert learned.send(400, path="AWSLogs/900100200304/CloudTrail/eu-west-1/{}") == []
    ((_, alarm),) = learned.send(600, lambda r: r.update(eventVersion="1.12"))
    assert (alarm.was, alarm.now) == ("1.11", "1.12")


def test_members_of_lists_are_looked_at_by_their_first_element():
    stream = Stream()
    parts: Change = lambda r: r.update(parts=[{"name": "x"}, 1])  # noqa: E731
    more: Change = lambda r: r.update(parts=[{"name": "x", "size": 1}])  # noqa: E731
    assert stream.send(6_000, parts) == []
    assert [alarm.field for _, alarm in stream.send(1_000, more)] == ["parts[].size"]


@pytest.mark.parametrize("form", ["time", "address", "ARN", "UUID", "digits", "text"])
def test_texts_have_forms(form):
    texts = {
        "time": ["2026-03-17T10:00:00Z", "2026-03-17 10:00:00.123+01:00"],
        "address": ["203.0.113.9", "2001:db8::1", "::ffff:192.0.2.1", "fe80::"],
        "ARN": ["arn:aws:iam::111122223333:user/ada"],
        "UUID": ["00000000-0000-4000-8000-000000000001", "ffffffff-0000-4000-8000-000000000001"],
        "digits": ["111122223333", "0"],
        "text": ["s3.amazonaws.com", "a", "1.2.3", "ada", "10:00", "12:34:56 is late", "é"],
    }[form]
    assert {TYPES[_letter(text)] for text in texts} == {form}


@pytest.mark.parametrize("seed", range(5))
def test_what_comes_now_and_then_is_no_drift(seed):
    stream = Stream(seed=seed)
    for path in (HERE, THERE, HERE, THERE):
        assert stream.send(4_000, path=path) == []


def test_a_form_that_an_account_has_from_the_start_is_no_drift(learned):
    def other(each: Record) -> None:
        each["userIdentity"] = {"type": "AWSService", "invokedBy": "s3.amazonaws.com"}
        del each["requestParameters"]

    assert learned.send(3_000, other, path="AWSLogs/900100200303/CloudTrail/eu-west-1/{}") == []


@pytest.mark.parametrize("name", ["rename", "new", "new below", "type"])
def test_what_a_place_of_few_records_has_is_told_of_a_place_of_many(learned, name):
    change, kind, field, _ = CHANGES[name]
    few = "AWSLogs/900100200301/CloudTrail/ap-southeast-1/{}"
    assert learned.send(400, path=few) == []
    assert learned.send(300, change, path=few) == []

    found = learned.send(1_000, change)

    assert [(alarm.kind, alarm.field) for _, alarm in found] == [(kind, field)]


def test_what_only_one_place_has_from_its_start_is_missed_there(learned):
    there = "AWSLogs/900100200303/CloudTrail/eu-west-1/{}"
    assert learned.send(3_000, lambda r: r.update(extra="x"), path=there) == []
    assert [alarm.field for _, alarm in learned.send(1_000, path=there)] == ["extra"]


def test_a_rename_that_reaches_the_next_region_is_told_as_a_rename(learned):
    change = CHANGES["rename"][0]
    learned.send(1_500, change)

    found = [alarm for _, alarm in learned.send(2_000, change, path=THERE)]

    assert [(each.kind, each.field, each.now, each.region) for each in found] == [
        ("renamed_field", "userAgent", "clientAgent", "us-east-1")
    ]


def test_a_field_that_is_back_and_goes_again_is_told_again(learned):
    gone = CHANGES["vanished"][0]
    assert len(learned.send(1_000, gone)) == 1
    assert learned.send(1_000) == []
    assert len(learned.send(1_500, gone)) == 1


def test_a_break_that_was_seen_before_and_was_short_is_variety(learned):
    for _ in range(6):
        learned.send(200, CHANGES["vanished"][0])
        learned.send(1_000)
    assert learned.send(400, CHANGES["vanished"][0]) == []


def test_what_was_learned_can_be_kept(learned):
    kept = msgspec.json.decode(msgspec.json.encode(learned.watch.known), type=Known)
    learned.watch = Watch("aws_cloudtrail", DRIFT, kept)

    assert learned.send(2_000) == []
    assert [alarm.kind for _, alarm in learned.send(1_000, CHANGES["vanished"][0])] == ["vanished_field"]


def test_columns_that_rows_no_longer_fill_are_told():
    observer, watch = Observer("aws_cloudtrail", DRIFT), Watch("aws_cloudtrail", DRIFT)

    def send(count: int, *columns: str) -> Iterator[Alarm]:
        head = msgspec.json.encode(dict.fromkeys(columns, "x"))
        for sent in range(0, count, 50):
            chunk = JsonChunk([b'{"a":1}'] * 50, range(50))
            observer.chunk(HERE.format(sent), chunk)
            observer.rows(HERE.format(sent), JsonRows("ASimAuditEventLogs", heads=[head] * 50))
        for seen in observer.sightings():
            yield from watch.take(seen)

    assert list(send(6_000, "EventType", "SrcIpAddr")) == []
    (alarm,) = send(1_000, "EventType")
    assert (alarm.kind, alarm.table, alarm.field) == ("empty_column", "ASimAuditEventLogs", "SrcIpAddr")


def test_lines_of_text_are_looked_at_by_their_fields():
    observer, watch = Observer("aws_vpcflow", DriftFile()), Watch("aws_vpcflow", DriftFile())

    def send(line: bytes, *fields: str) -> list[Alarm]:
        found = []
        for place in range(60):
            observer.chunk(HERE.format(place), TextChunk(line * 100, fields, 0))
            for seen in observer.sightings():
                found += watch.take(seen)
        return found

    assert send(b"10.0.0.1 443 ACCEPT\n", "srcaddr", "srcport", "action") == []
    assert [each.field for each in send(b"10.0.0.1 - ACCEPT\n", "srcaddr", "srcport", "action")] == [
        "srcport"
    ]
    again = send(b"10.0.0.1 443 ACCEPT eni-1\n", "srcaddr", "srcport", "action", "interface-id")
    assert [(each.kind, each.field) for each in again] == [("new_field", "interface-id")]


def test_a_map_with_ever_new_names_says_nothing(learned):
    def tag(each: Record) -> None:
        each["userIdentity"] |= {f"tag-{learned.draw.random()}": "x" for _ in range(3)}

    assert [alarm for _, alarm in learned.send(4_000, tag)] == []


@pytest.mark.parametrize(
    "raw", [b"[1]", b"1", b"{", b"\xff", b'{"a":' * 2_000, b'{"userIdentity":[]}', b"{}"]
)
def test_a_record_of_any_form_is_passed_over(raw):
    observer, watch = Observer("aws_cloudtrail", DRIFT), Watch("aws_cloudtrail", DRIFT)
    observer.chunk("o", JsonChunk([raw] * EVERY * 3, range(EVERY * 3)))
    assert [alarm for seen in observer.sightings() for alarm in watch.take(seen)] == []


@pytest.mark.parametrize(
    ("new", "missing", "likely"),
    [
        ("clientAgent", ["userAgent", "sourceIPAddress"], "userAgent"),
        ("source_ip_address", ["userAgent", "sourceIPAddress"], "sourceIPAddress"),
        ("zzz", ["userAgent", "sourceIPAddress"], ""),
        ("zzz", ["userAgent"], "userAgent"),
        ("zzz", [], ""),
    ],
)
def test_a_new_name_is_held_against_those_that_went_missing(new, missing, likely):
    assert likely_name(new, missing) == likely


def test_accounts_that_somebody_made_up_are_judged_up_to_a_number(learned, monkeypatch):
    monkeypatch.setattr(watch, "_MOST_PLACES", 3)
    for number in range(20):
        learned.send(200, path=f"AWSLogs/9001002{number:05}/CloudTrail/eu-central-1/{{}}.json.gz")
    contexts = learned.watch.known.contexts
    # What the first records are learned from is bounded by their number; after that nobody is added.
    assert max(len(each.places) for each in contexts.values()) < 15


def test_names_of_megabytes_are_not_learned(learned):
    learned.send(400, lambda record: record.update({"x" * 20_000: 1}))
    assert len(msgspec.json.encode(learned.watch.known)) < 200_000
