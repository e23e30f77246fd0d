"""JSON objects as they come: sound, damaged, too long, too deep, hostile."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tidewaiter.pipeline.sources.codecs.json_values import Verdict, probe


def event(number: int, **more: object) -> bytes:
    record = {
        "eventVersion": "1.08",
        "eventTime": "t",
        "eventSource": "s3",
        "eventName": f"N{number}",
        **more,
    }
    return json.dumps(record, separators=(",", ":")).encode()


def document(*records: bytes) -> bytes:
    return b'{"Records":[' + b",".join(records) + b"]}"


GOOD = [event(number) for number in range(5)]


@pytest.mark.parametrize(
    "data", [b"", b" \n", b"\xef\xbb\xbf", b"[]", b'{"Records":[]}', b'{"Records": [ ]}\n']
)
def test_an_object_without_records_is_no_fault(read_bytes, data):
    reading = read_bytes(data)
    assert (reading.records, reading.faults, reading.quarantined) == ([], [], [])
    assert reading.raw_bytes == len(data)


def test_one_pretty_printed_record_is_a_record(read_bytes):
    assert read_bytes(msgspec.json.format(GOOD[0], indent=3)).records == GOOD[:1]


def test_numbers_and_strings_stay_byte_for_byte(read_bytes):
    odd = b'{"n":[1.10,1e5,12345678901234567890123,-0.0],"s":"\\u00e9\\/ \xc3\xa9","v":"2012-10-17"}'
    for data in (document(odd), msgspec.json.format(document(odd)), odd + b"\n" + odd[:-1] + b"\n}"):
        assert set(read_bytes(data).records) == {odd}


def test_a_truncated_object_yields_what_it_holds_and_keeps_the_rest(read_bytes):
    reading = read_bytes(document(*GOOD)[:-30])
    assert reading.records == GOOD[:4]
    assert reading.set_aside == ["truncated"]
    assert reading.quarantined[0].raw == GOOD[4][:-28]
    assert reading.kinds == ["truncated"]


def test_a_list_without_its_end_is_truncated_though_all_records_are_there(read_bytes):
    reading = read_bytes(document(*GOOD)[:-2])
    assert (reading.records, reading.quarantined, reading.kinds) == (GOOD, [], ["truncated"])


def test_an_object_cut_before_its_first_record_is_truncated(read_bytes):
    for end in range(1, len(b'{"Records":[')):
        reading = read_bytes(document(*GOOD)[:end])
        assert (reading.records, reading.quarantined, reading.kinds) == ([], [], ["truncated"]), end


@pytest.mark.parametrize(
    "damage", [(b'"eventName"', b"eventName"), (b"}", b""), (b":", b" "), (b'"t"', b"tru")]
)
@pytest.mark.parametrize("at", [0, 2, 4])
def test_a_malformed_record_is_skipped_and_kept_as_it_is(read_bytes, damage, at):
    records = [*GOOD]
    records[at] = records[at].replace(*damage, 1)
    reading = read_bytes(document(*records))
    assert reading.records == GOOD[:at] + GOOD[at + 1 :]
    assert reading.set_aside == ["malformed"]
    assert reading.quarantined[0].position == at
    assert reading.quarantined[0].raw.rstrip(b",") == records[at]
    assert reading.faults == []


def test_neighbours_that_are_both_malformed_are_two_records(read_bytes):
    records = [GOOD[0], GOOD[1][:-1], GOOD[2].replace(b'"t"', b"tru"), GOOD[3]]
    reading = read_bytes(document(*records))
    assert reading.records == [GOOD[0], GOOD[3]]
    assert [record.position for record in reading.quarantined] == [1, 2]


def test_a_record_with_braces_too_many_costs_no_other(read_bytes):
    reading = read_bytes(document(GOOD[0], GOOD[1] + b"}}", b'{"other":1}', GOOD[2]))
    assert reading.records == [GOOD[0], b'{"other":1}', GOOD[2]]
    assert reading.set_aside == ["malformed"]


@pytest.mark.parametrize(
    "bad", [b"{", b"}", b'{"a":1', b"not json", b'{"a":1}}', b'"', b'{"a":[', b"[1,2", b"\xff\xfe\x00"]
)
def test_a_bad_line_loses_only_that_line(read_bytes, bad):
    reading = read_bytes(b"\n".join([*GOOD[:2], bad, bad, *GOOD[2:]]))
    assert reading.records == GOOD
    assert [record.raw for record in reading.quarantined] == [bad, bad]
    assert reading.all_positions == list(range(7))


def test_blank_lines_are_no_records(read_bytes):
    assert read_bytes(b"\n\n".join(GOOD) + b"\r\n \n").positions == list(range(5))


def test_bytes_that_are_not_utf8_cost_their_record_only(read_bytes):
    bad = GOOD[2].replace(b"N2", b"N\xff2")
    reading = read_bytes(document(*GOOD[:2], bad, *GOOD[3:]))
    assert reading.records == GOOD[:2] + GOOD[3:]
    assert reading.set_aside == ["encoding"]
    assert reading.quarantined[0].raw == bad


def test_utf16_is_refused_with_a_way_out(read_bytes):
    reading = read_bytes(document(*GOOD).decode().encode("utf-16"))
    assert (reading.records, reading.kinds) == ([], ["encoding"])
    assert reading.faults[0].hint.startswith("iconv -f UTF-16 -t UTF-8")


@pytest.mark.parametrize("between", [b",", b"\n", b""])
def test_deep_nesting_costs_its_record_only(read_bytes, between):
    deep = event(9)[:-1] + b',"x":' + b'{"a":[' * 10_000 + b"]}" * 10_000 + b"}"
    data = between.join([GOOD[0], deep, GOOD[1]])
    reading = read_bytes(b"[" + data + b"]" if between == b"," else data)
    assert reading.records == GOOD[:2]
    assert reading.set_aside == ["too_deep"]
    assert reading.quarantined[0].raw == deep


def test_two_thousand_levels_cost_no_other_record(read_bytes):
    """Python 3.13 lets the decoder go that deep; older versions do not."""
    deep = event(9)[:-1] + b',"x":' + b"[" * 2_000 + b"]" * 2_000 + b"}"
    reading = read_bytes(document(GOOD[0], deep, GOOD[1]))
    assert [record for record in reading.records if record != deep] == GOOD[:2]
    assert [record.raw for record in reading.quarantined] == [deep] * (deep not in reading.records)
    assert set(reading.set_aside) <= {"too_deep"}


def test_deep_nesting_that_never_ends_costs_no_later_record(read_bytes):
    deep = event(9)[:-1] + b',"x":' + b'{"a":' * 30_000
    reading = read_bytes(document(GOOD[0], deep, *GOOD[1:]))
    assert reading.records == GOOD
    assert reading.set_aside == ["too_deep"]


def test_a_record_of_a_megabyte_is_a_record(read_bytes):
    large = event(9, requestParameters="x" * (1 << 20))
    assert read_bytes(document(GOOD[0], large, GOOD[1]), packed=True).records == [GOOD[0], large, GOOD[1]]


@pytest.mark.parametrize("between", [b",", b"\n"])
def test_a_record_beyond_the_limit_is_sampled_and_costs_no_other(read_bytes, between):
    large = event(9, requestParameters="x" * 300_000)
    data = between.join([*GOOD[:2], large, *GOOD[2:]])
    reading = read_bytes(
        b"[" + data + b"]" if between == b"," else data, record_bytes=100_000, window_bytes=10_000
    )
    assert reading.records == GOOD
    assert reading.set_aside == reading.kinds == ["over_limit"]
    assert reading.quarantined[0].raw == large[: 1 << 16]
    start = data.index(large) + (between == b",")
    assert f"bytes {start:,} to {start + len(large):,}" in reading.quarantined[0].reason
    assert reading.faults[0].position == reading.quarantined[0].position == 2


def test_an_object_beyond_the_limit_is_read_up_to_it(read_bytes):
    reading = read_bytes(document(*GOOD), object_bytes=200)
    assert reading.records == GOOD[:2]
    assert reading.kinds == ["over_limit"]
    assert reading.raw_bytes == 200


def test_several_documents_in_one_file_are_read_one_after_the_other(read_bytes):
    data = document(*GOOD[:2]) + b"\n" + document() + document(GOOD[2]) + b"[" + GOOD[3] + b"]" + GOOD[4]
    assert read_bytes(data).records == GOOD


def test_what_else_a_document_holds_is_passed_over(read_bytes):
    more = b'{"a":{"Records":[1]},"b":"]}","Events":[' + GOOD[0] + b'],"c":12,"Records":[' + GOOD[1] + b"]}"
    assert read_bytes(more).records == GOOD[:2]


def test_a_record_of_a_shipper_without_ours_stays_as_it_is(read_bytes):
    other = b'{"detail-type":"x","detail":{"a":1}}'
    wrapped = b'{"detail":' + GOOD[0] + b"}"
    reading = read_bytes(document(wrapped, b'{"n":1}', wrapped))
    assert reading.records == [GOOD[0], b'{"n":1}', GOOD[0]]
    assert read_bytes(document(wrapped, other)).records == [GOOD[0], b'{"a":1}']


def test_a_wrapper_whose_text_is_no_json_is_set_aside_whole(read_bytes):
    good = json.dumps({"CloudTrailEvent": GOOD[0].decode()}).encode()
    bad = json.dumps({"CloudTrailEvent": GOOD[1].decode()[:-3]}).encode()
    reading = read_bytes(b'{"Events":[' + b",".join([good, bad, good]) + b"]}")
    assert reading.records == [GOOD[0], GOOD[0]]
    assert [(record.kind, record.raw) for record in reading.quarantined] == [("malformed", bad)]


def test_a_record_within_two_wrappers_is_found(read_bytes):
    inner = json.dumps({"_raw": json.dumps({"detail": json.loads(GOOD[0])})}).encode()
    assert [json.loads(record) for record in read_bytes(inner).records] == [json.loads(GOOD[0])]


def test_events_as_opensearch_keeps_them_are_found(read_bytes):
    kept = [json.dumps({"aws": {"cloudtrail": json.loads(event)}}).encode() for event in GOOD[:2]]
    reading = read_bytes(b"[" + b",".join(kept) + b"]")
    assert [json.loads(record) for record in reading.records] == [json.loads(event) for event in GOOD[:2]]
    assert reading.quarantined == []


def test_a_document_of_elastic_whose_fields_have_other_names_goes_to_the_mapping_as_it_stands(read_bytes):
    kept = json.dumps({"aws": {"cloudtrail": json.loads(GOOD[0])}}).encode()
    other = {"aws": {"cloudtrail": {"event_version": "1.08"}}}
    reading = read_bytes(b"[" + kept + b"," + json.dumps(other).encode() + b"]")
    assert [json.loads(record) for record in reading.records] == [
        json.loads(GOOD[0]), other["aws"]["cloudtrail"]
    ]  # fmt: skip


HOSTILE = {
    "opening braces": b"{",
    "opening brackets": b"[",
    "quotes": b'"',
    "objects never closed": b'[{"eventName":',
    "lists in objects": b'{"a":[',
    "line feeds": b"\n",
    "line feeds after quotes": b'"\n',
    "backslashes": b"\\",
    "commas": b",",
    "documents never closed": b'{"Records":[',
    "wrong words": b'{"eventName":x,',
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(
    "before", [b"", document(GOOD[0])[:-2] + b",", b'["'], ids=["alone", "in list", "in string"]
)
def test_twenty_hostile_megabytes_take_time_in_proportion(read_bytes, monkeypatch, name, before):
    """Counts the bytes that are looked at; the clock of a busy machine would prove nothing."""
    seen = 0

    def counting(data: memoryview):
        nonlocal seen
        judged = probe(data)
        seen += len(data) if judged.verdict is Verdict.CUT else judged.at
        return judged

    monkeypatch.setattr("tidewaiter.pipeline.sources.codecs.json_records.probe", counting)
    monkeypatch.setattr("tidewaiter.pipeline.sources.codecs.salvage.probe", counting)
    size = 20 << 20 if name in ("opening braces", "quotes") else 2 << 20
    data = before + HOSTILE[name] * (size // len(HOSTILE[name]))
    reading = read_bytes(data)
    assert seen < 12 * len(data) + (32 << 20)
    assert reading.raw_bytes == len(data)
    assert sum(map(len, reading.records)) + sum(len(record.raw) for record in reading.quarantined) <= len(
        data
    )


def test_memory_stays_flat_whatever_the_input_inflates_to(tmp_path: Path):
    """Reads 240 MB from a small file in a process of its own, which reports its peak."""
    record = event(1, requestParameters={"bucketName": "b" * 900})
    part = document(*[record] * 1_000) + b"\n"
    path = tmp_path / "large.json.gz"
    path.write_bytes(gzip.compress(part, 9) * (240_000_000 // len(part)))
    script = Path(__file__).with_name("peak_memory.py")
    done = subprocess.run(
        [sys.executable, str(script), str(path)], capture_output=True, check=True, text=True
    )
    records, peak_mib = map(int, done.stdout.split())
    assert records == 240_000_000 // len(part) * 1_000
    assert peak_mib < 150
