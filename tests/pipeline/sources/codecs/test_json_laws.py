"""Laws of the JSON codec: whatever holds the records, exactly they come out."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.pipeline.sources import Limits

Record = dict[str, Any]
Container = Callable[[list[bytes]], tuple[bytes, list[int]]]

_RESERVED = {"Records", "Events", "CloudTrailEvent", "detail", "_raw"}
_SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
_ANY_RECORD = st.dictionaries(
    st.text(max_size=6).filter(lambda key: key not in _RESERVED), _VALUES, max_size=5
)
_EVENT = st.builds(
    lambda extra, name: {
        "eventVersion": "1.08",
        "eventName": name,
        **extra,
        "eventSource": "s3",
        "eventTime": "t",
    },
    _ANY_RECORD,
    st.text(max_size=8),
)


def _joined(before: bytes, between: bytes, after: bytes) -> Container:
    def container(records: list[bytes]) -> tuple[bytes, list[int]]:
        data, ends = before, []
        for index, record in enumerate(records):
            data += (between if index else b"") + record
            ends.append(len(data))
        return data + after, ends

    return container


def _pretty(container: Container, indent: int) -> Container:
    def pretty(records: list[bytes]) -> tuple[bytes, list[int]]:
        return container([msgspec.json.format(record, indent=indent) for record in records])

    return pretty


CONTAINERS: dict[str, Container] = {
    "document": _joined(b'{"Records":[', b",", b"]}"),
    "document with more": _joined(b'{"a": {"b": []}, "Records": [', b" , ", b'], "NextToken": "x]}"}\n'),
    "array": _joined(b"[", b",", b"]\n"),
    "pretty document": _pretty(_joined(b'{\n  "Records": [\n', b",\n", b"\n  ]\n}\n"), 2),
    "pretty array": _pretty(_joined(b"[\r\n", b",\r\n", b"\r\n]"), 4),
    "lines": _joined(b"", b"\n", b"\n"),
    "lines with byte order mark": _joined(b"\xef\xbb\xbf", b"\r\n", b""),
    "pretty values": _pretty(_joined(b"", b"\n", b"\n"), 2),
    "run together": _joined(b"", b"", b""),
    "comma after each": _joined(b"", b",\n", b",\n"),
    "documents in a row": _joined(b'{"Records":[', b']}\n{"Records":[', b"]}"),
    "an array per line": _joined(b"[", b"]\n[", b"]"),
}
_SIZES = st.integers(1, 64) | st.just(1 << 20)
_FEW = settings(max_examples=settings().max_examples // 4)
_EACH = pytest.mark.parametrize("name", CONTAINERS)


def _dumped(records: list[Record], *, ascii_only: bool) -> list[bytes]:
    return [json.dumps(record, ensure_ascii=ascii_only).encode() for record in records]


def _compact(record: bytes) -> bytes:
    return msgspec.json.format(record, indent=-1)


@_EACH
@_FEW
@given(
    records=st.lists(_ANY_RECORD, max_size=6), ascii_only=st.booleans(), packed=st.booleans(), window=_SIZES
)
def test_exactly_the_records_come_out_of_any_container(read_bytes, name, records, ascii_only, packed, window):
    written = _dumped(records, ascii_only=ascii_only)
    data, _ = CONTAINERS[name](written)
    reading = read_bytes(data, packed=packed, window_bytes=window)
    assert [_compact(record) for record in reading.records] == [_compact(record) for record in written]
    assert not any(b"\n" in record for record in reading.records)
    assert reading.positions == list(range(len(records)))
    assert reading.raw_bytes == len(data)
    assert (reading.faults, reading.quarantined) == ([], [])


@given(records=st.lists(_EVENT, min_size=1, max_size=5), indent=st.sampled_from([None, 2]), window=_SIZES)
@pytest.mark.parametrize("wrapper", ["CloudTrailEvent", "_raw", "detail"])
def test_wrapped_records_come_out_unwrapped(read_bytes, wrapper, records, indent, window):
    written = [json.dumps(record, indent=indent) for record in records]
    inner = written if wrapper != "detail" else records
    data = json.dumps({"Events": [{"Id": "x", wrapper: value, "other": {}} for value in inner]}).encode()
    reading = read_bytes(data, window_bytes=window)
    assert [json.loads(record) for record in reading.records] == records
    if wrapper != "detail":
        assert [_compact(record) for record in reading.records] == [_compact(raw.encode()) for raw in written]
    assert not any(b"\n" in record for record in reading.records)
    assert (reading.faults, reading.quarantined) == ([], [])


@_EACH
@_FEW
@given(records=st.lists(_EVENT, min_size=1, max_size=4), data=st.data(), window=_SIZES)
def test_a_cut_loses_at_most_the_record_it_cuts(read_bytes, name, records, data, window):
    written = [_compact(record) for record in _dumped(records, ascii_only=False)]
    whole, ends = CONTAINERS[name](written)
    cut = data.draw(st.integers(0, len(whole)))
    reading = read_bytes(whole[:cut], window_bytes=window)
    complete = sum(end <= cut for end in ends)
    assert [_compact(record) for record in reading.records] == written[:complete]
    assert len(reading.quarantined) <= 1
    assert set(reading.set_aside) <= {"truncated", "encoding"}
    assert reading.all_positions == list(range(complete + len(reading.quarantined)))
    assert "truncated" in reading.kinds or not reading.quarantined


@_EACH
@_FEW
@given(records=st.lists(_EVENT, min_size=1, max_size=4), data=st.data(), window=_SIZES)
def test_a_cut_gzip_stream_yields_the_records_it_still_holds(
    scratch: Path, read_object, name, records, data, window
):
    written = [_compact(record) for record in _dumped(records, ascii_only=False)]
    stream = gzip.compress(CONTAINERS[name](written)[0], 0)
    cut = data.draw(st.integers(2, len(stream) - 1))
    path = scratch / "cut"
    path.write_bytes(stream[:cut])
    reading = read_object(path, limits=Limits(window_bytes=window))
    got = [_compact(record) for record in reading.records]
    assert got == written[: len(got)]
    assert len(reading.quarantined) <= 1
    assert reading.kinds == ["truncated"]


@_EACH
@_FEW
@given(records=st.lists(_EVENT, min_size=1, max_size=4), data=st.data(), window=_SIZES)
def test_a_record_that_lost_a_byte_takes_no_other_with_it(read_bytes, name, records, data, window):
    written = [_compact(record) for record in _dumped(records, ascii_only=False)]
    bad = data.draw(st.integers(0, len(written) - 1))
    at = data.draw(st.integers(0, len(written[bad]) - 1))
    damaged = [*written]
    damaged[bad] = written[bad][:at] + written[bad][at + 1 :]
    reading = read_bytes(_joined_as(name, damaged), window_bytes=window)
    got = [_compact(record) for record in reading.records]
    others = written[:bad] + written[bad + 1 :]
    assert got == others or (len(got) == len(written) and got[:bad] + got[bad + 1 :] == others)
    assert reading.all_positions == list(range(len(written)))


@_EACH
@_FEW
@given(records=st.lists(_EVENT, min_size=1, max_size=4), data=st.data(), window=_SIZES)
def test_a_record_with_a_wrong_byte_takes_no_other_with_it(read_bytes, name, records, data, window):
    written = [_compact(record) for record in _dumped(records, ascii_only=False)]
    bad = data.draw(st.integers(0, len(written) - 1))
    at = data.draw(st.integers(0, len(written[bad]) - 1))
    wrong = data.draw(st.sampled_from([bytes([byte]) for byte in b'{}[]",:\\ \nx0\x00\xff']))
    instead = data.draw(st.booleans())
    damaged = [*written]
    damaged[bad] = written[bad][:at] + wrong + written[bad][at + instead :]
    reading = read_bytes(_joined_as(name, damaged), window_bytes=window)
    got = [_compact(record) for record in reading.records]
    assert written[:bad] == got[:bad]
    assert written[bad + 1 :] == got[len(got) - len(written) + bad + 1 :]
    assert reading.all_positions == list(range(len(got) + len(reading.quarantined)))


def _joined_as(name: str, records: list[bytes]) -> bytes:
    """Like the container, but without formatting records: a damaged one cannot be formatted."""
    plain = {
        "pretty document": _joined(b'{\n  "Records": [\n', b",\n", b"\n  ]\n}\n"),
        "pretty array": _joined(b"[\r\n", b",\r\n", b"\r\n]"),
        "pretty values": _joined(b"", b"\n", b"\n"),
    }
    return plain.get(name, CONTAINERS[name])(records)[0]
