"""Gzip streams as they come: several in one file, cut, damaged, too large, with something behind them."""

from __future__ import annotations

import gzip
import os
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.core.faults import Fault
from tidewaiter.pipeline.sources.codecs.inflate import inflate, read_head

TEXT = b"\n".join(b"%d %d" % (number, number * number) for number in range(40_000))
NOISE = random.Random(1).randbytes(300_000)


def inflated(path: Path, window: int = 1 << 16, limit: int = 1 << 30) -> tuple[bytes, list[Fault]]:
    items = list(inflate(path, "object", window, limit))
    pieces = [item for item in items if isinstance(item, bytes)]
    assert all(0 < len(piece) <= max(window, 2) for piece in pieces)
    return b"".join(pieces), [item for item in items if isinstance(item, Fault)]


@pytest.fixture
def write(tmp_path):
    def written(data):
        path = tmp_path / "object"
        path.write_bytes(data)
        return path

    return written


@given(data=st.binary(max_size=2_000), window=st.integers(1, 300), packed=st.booleans())
def test_any_bytes_come_out_as_they_went_in(scratch, data, window, packed):
    path = scratch / "bytes"
    path.write_bytes(gzip.compress(data) if packed else data)
    if packed or not data.startswith(b"\x1f\x8b"):
        assert inflated(path, window) == (data, [])


def test_gzip_is_known_by_its_first_bytes_and_not_by_name(tmp_path):
    for name, data in (("plain.json.gz", b"{}"), ("packed.json", gzip.compress(b"{}"))):
        path = tmp_path / name
        path.write_bytes(data)
        assert inflated(path) == (b"{}", [])


def test_streams_in_one_file_follow_each_other(write):
    path = write(gzip.compress(TEXT) + b"\0" * 700 + gzip.compress(NOISE) + gzip.compress(b""))
    assert inflated(path) == (TEXT + NOISE, [])


@pytest.mark.parametrize("garbage", [b"garbage", b"\0\0x", b"x" * 600_000])
def test_bytes_behind_the_stream_are_a_fault_and_cost_nothing(write, garbage):
    data, faults = inflated(write(gzip.compress(TEXT) + garbage))
    assert data == TEXT
    assert [fault.kind for fault in faults] == ["corrupt"]


@pytest.mark.parametrize("cut", [2, 5, 12, 5_000, -9, -8, -1])
def test_a_cut_stream_yields_what_it_holds(write, cut):
    data, faults = inflated(write(gzip.compress(TEXT)[:cut]))
    assert TEXT.startswith(data)
    assert len(data) == len(TEXT) or cut not in (-8, -1)
    assert [fault.kind for fault in faults] == ["truncated"]


@pytest.mark.parametrize("window", [1 << 10, 1 << 20])
def test_a_wrong_checksum_costs_no_byte(write, window):
    packed = bytearray(gzip.compress(TEXT))
    packed[-6] ^= 1
    data, faults = inflated(write(bytes(packed)), window)
    assert data == TEXT
    assert [fault.kind for fault in faults] == ["corrupt"]


def test_a_damaged_stream_yields_all_before_the_damage(write):
    packed = bytearray(gzip.compress(NOISE, 0) + gzip.compress(TEXT))
    at = len(gzip.compress(NOISE, 0)) + 10
    packed[at : at + 40] = b"\xff" * 40
    data, faults = inflated(write(bytes(packed)), 1 << 20)
    assert data.startswith(NOISE)
    assert [fault.kind for fault in faults] == ["corrupt"]


def test_a_bomb_is_read_up_to_the_limit(write):
    bomb = gzip.compress(b"\0" * (1 << 20)) * 64
    data, faults = inflated(write(bomb), 1 << 16, 1_000_001)
    assert data == b"\0" * 1_000_001
    assert [fault.kind for fault in faults] == ["over_limit"]
    assert "1,000,001" in faults[0].message


def test_exactly_the_limit_is_no_fault(write):
    assert inflated(write(gzip.compress(TEXT)), limit=len(TEXT)) == (TEXT, [])


def test_a_file_that_cannot_be_read_is_a_fault_with_a_hint(tmp_path):
    (item,) = inflate(tmp_path / "gone", "object", 1, 1)
    assert isinstance(item, Fault)
    assert (item.kind, bool(item.hint)) == ("unreadable", True)


@pytest.mark.skipif(
    not os.access("/proc/self/mem", os.R_OK), reason="needs a file that fails when it is read"
)
def test_a_file_that_fails_while_it_is_read_is_a_fault():
    (item,) = inflate(Path("/proc/self/mem"), "object", 1, 1)
    assert isinstance(item, Fault)
    assert item.kind == "unreadable"


def test_a_head_says_whether_there_is_more(write):
    path = write(gzip.compress(TEXT))
    assert read_head(path, "object", 100).data == TEXT[:100]
    assert not read_head(path, "object", 100).complete
    assert read_head(path, "object", len(TEXT) + 1) == read_head(path, "object", 10 * len(TEXT))
    assert read_head(path, "object", len(TEXT) + 1).complete
