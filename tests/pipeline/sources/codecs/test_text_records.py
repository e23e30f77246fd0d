"""Delimited text: lines, headers and whatever else is in the way."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.pipeline.sources.codecs.lines import header_fields

FLOW = b"2 123456789012 eni-0a1b2c3d4e 10.0.0.1 10.0.0.2 443 49152 6 10 840 1600000000 1600000060 ACCEPT OK"
NO_DATA = b"2 123456789012 eni-0a1b2c3d4e5f60718 - - - - - - - 1600000000 1600000060 - NODATA"
DEFAULT = (
    "version account-id interface-id srcaddr dstaddr srcport dstport "
    "protocol packets bytes start end action log-status"
)
CUSTOM = "vpc-id srcaddr dstaddr flow-direction"
ROW = b"vpc-1 10.0.0.1 10.0.0.2 ingress"

_WORD = st.text("0123456789.-abc", min_size=1, max_size=5).filter(lambda word: not word.isalpha())
_ROW = st.lists(_WORD, min_size=4, max_size=4).map(" ".join).map(str.encode)
_BAD = st.sampled_from([b"a b c", b"a b c d e", b"\0 1 2 3", b"\xff 1 2 3", b"x", b"1 2 3 \r4"])


def read_flows(read_bytes, data, **more):
    return read_bytes(data, "aws_vpcflow", **more)


def lines(*rows: bytes | str) -> bytes:
    return b"".join((row.encode() if isinstance(row, str) else row) + b"\n" for row in rows)


def test_lines_without_a_header_have_the_default_fields(read_bytes):
    reading = read_flows(read_bytes, lines(FLOW, NO_DATA))
    assert reading.records == [FLOW, NO_DATA]
    assert reading.positions == [0, 1]
    assert set(reading.fields) == {tuple(DEFAULT.split())}


def test_a_header_names_the_fields_and_counts_as_a_line(read_bytes):
    reading = read_flows(read_bytes, lines(CUSTOM, ROW, ROW), packed=True)
    assert (reading.records, reading.positions) == ([ROW, ROW], [1, 2])
    assert set(reading.fields) == {tuple(CUSTOM.split())}


def test_fields_that_aws_adds_later_are_taken_as_they_are(read_bytes):
    reading = read_flows(read_bytes, lines(CUSTOM + " new-field-9", ROW + b" x"))
    assert reading.fields == [(*CUSTOM.split(), "new-field-9")]


def test_headers_in_the_middle_begin_anew(read_bytes):
    other: list[bytes | str] = ["srcaddr dstaddr action", b"1 2 REJECT"]
    reading = read_flows(read_bytes, lines(CUSTOM, ROW, CUSTOM, ROW, *other, DEFAULT, FLOW))
    assert reading.records == [ROW, ROW, b"1 2 REJECT", FLOW]
    assert reading.positions == [1, 3, 5, 7]
    assert [len(fields) for fields in reading.fields] == [4, 4, 3, 14]


@given(
    rows=st.lists(st.one_of(_ROW, _ROW, _ROW, _BAD, st.just(b""), st.just(CUSTOM.encode())), max_size=30),
    end=st.sampled_from([b"\n", b"\r\n"]),
    window=st.integers(1, 80) | st.just(1 << 20),
    packed=st.booleans(),
)
def test_every_line_is_yielded_or_set_aside_at_its_number(read_bytes, rows, end, window, packed):
    data = end.join([CUSTOM.encode(), *rows]) + end
    reading = read_flows(read_bytes, data, window_bytes=window, packed=packed)
    expected = {number: row for number, row in enumerate(rows, 1) if row and row != CUSTOM.encode()}
    good = {n: row for n, row in expected.items() if row.count(b" ") == 3 and not set(row) & set(b"\0\xff\r")}
    assert dict(zip(reading.positions, reading.records, strict=True)) == good
    assert {record.position: record.raw for record in reading.quarantined} == {
        n: row for n, row in expected.items() if n not in good
    }
    assert reading.raw_bytes == len(data)
    assert set(reading.set_aside) <= {"malformed", "encoding"}


def test_two_bad_lines_whose_counts_even_out_are_both_found(read_bytes):
    reading = read_flows(read_bytes, lines(CUSTOM, ROW, ROW + b" x", ROW[:-8], ROW))
    assert reading.positions == [1, 4]
    reasons = [record.reason for record in reading.quarantined]
    assert reasons == ["has 5 fields instead of 4", "has 3 fields instead of 4"]


def test_the_last_line_may_lack_its_end(read_bytes):
    assert read_flows(read_bytes, lines(FLOW) + FLOW).records == [FLOW, FLOW]
    assert read_flows(read_bytes, CUSTOM.encode()).records == []


def test_a_last_line_with_too_few_fields_is_truncated(read_bytes):
    reading = read_flows(read_bytes, lines(FLOW) + FLOW[:60])
    assert reading.records == [FLOW]
    assert (reading.set_aside, reading.kinds) == (["truncated"], ["truncated"])
    assert reading.quarantined[0].raw == FLOW[:60]


@settings(max_examples=50)
@given(cut=st.integers(2, 10_000))
def test_a_cut_gzip_stream_yields_only_lines_that_are_whole(scratch, read_object, cut):
    rows = [FLOW.replace(b"443", b"%d" % port) for port in range(100)]
    stream = gzip.compress(lines(*rows), 0)
    path = scratch / "cut"
    path.write_bytes(stream[: min(cut, len(stream) - 1)])
    reading = read_object(path, "aws_vpcflow")
    assert reading.records == rows[: len(reading.records)]
    assert len(reading.quarantined) <= 1
    assert reading.kinds == ["truncated"]


def test_a_line_beyond_the_limit_is_sampled_and_costs_no_other(read_bytes):
    data = lines(FLOW, b"x" * 300_000, FLOW)
    reading = read_flows(read_bytes, data, record_bytes=100_000, window_bytes=10_000)
    assert reading.records == [FLOW, FLOW]
    assert reading.all_positions == [0, 1, 2]
    assert (reading.set_aside, reading.kinds) == (["over_limit"], ["over_limit"])


def test_an_object_beyond_the_limit_is_read_up_to_it(read_bytes):
    reading = read_flows(read_bytes, lines(*[FLOW] * 5), object_bytes=250)
    assert reading.records == [FLOW, FLOW]
    assert (reading.set_aside, reading.kinds) == (["truncated"], ["over_limit"])


@pytest.mark.parametrize("data", [b"", b"\n\n", DEFAULT.encode() + b"\n", b"\xef\xbb\xbf" + DEFAULT.encode()])
def test_an_object_without_lines_is_no_fault(read_bytes, data):
    reading = read_flows(read_bytes, data)
    assert (reading.records, reading.faults, reading.quarantined) == ([], [], [])


def test_utf16_is_refused_with_a_way_out(read_bytes):
    reading = read_flows(read_bytes, lines(FLOW).decode().encode("utf-16"))
    assert (reading.records, reading.kinds) == ([], ["encoding"])


@pytest.mark.parametrize("window", [7, 1 << 20])
@pytest.mark.parametrize("joined", [b",", b"\n"])
def test_lines_in_a_shippers_json_are_read_as_lines(read_bytes, joined, window):
    rows = [CUSTOM.encode(), ROW, ROW + b"\r\n", b"1 2 3"]
    items = [json.dumps({"host": "h", "_raw": row.decode()}).encode() for row in rows]
    items.insert(2, b'{"host":"h"}')
    items.append(b'{"_raw":17}')
    data = joined.join(items)
    reading = read_flows(read_bytes, b"[" + data + b"]" if joined == b"," else data, window_bytes=window)
    assert (reading.records, reading.positions) == ([ROW, ROW], [1, 3])
    assert set(reading.fields) == {tuple(CUSTOM.split())}
    assert [(record.position, record.kind) for record in reading.quarantined] == [
        (2, "wrong_type"),
        (4, "malformed"),
        (5, "wrong_type"),
    ]
    assert reading.raw_bytes == len(data) + 2 * (joined == b",")


@pytest.mark.parametrize(
    ("line", "is_header"),
    [
        (DEFAULT, True),
        (CUSTOM, True),
        ("srcaddr dstaddr new-thing action another-new", True),
        ("srcaddr dstaddr", False),
        ("the start and the end of a type of region", False),
        ("srcaddr srcaddr dstaddr action", False),
        ("Version Account-Id srcaddr dstaddr action", False),
        (FLOW.decode(), False),
        ("srcaddr,dstaddr,action", False),
    ],
)
def test_a_header_is_told_from_prose_and_data(recognitions, line, is_header):
    fields = header_fields(line.encode(), recognitions["aws_vpcflow"].text)
    assert fields == (tuple(line.split()) if is_header else None)
