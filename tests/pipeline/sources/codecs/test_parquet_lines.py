"""Parquet flow logs: the lines that they would be as text, whatever the file holds."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pipeline.normalize.hostile_records import flow_logs
from tidewaiter.content import sources
from tidewaiter.core.objects import TextChunk
from tidewaiter.pipeline.normalize import FrameRows, Normalizer

VPC = sources()["aws_vpcflow"]
KINDS = VPC.file.record
FIELDS = ["version", "srcaddr", "dstaddr", "srcport", "bytes", "start"]


def written(frame: pl.DataFrame, **how: Any) -> bytes:
    out = io.BytesIO()
    frame.write_parquet(out, **how)
    return out.getvalue()


def as_parquet(header: Sequence[str], lines: Sequence[str]) -> bytes:
    """Return the lines as AWS writes them in Parquet: numbers as numbers, `-` as null."""
    columns = {}
    for place, name in enumerate(header):
        texts = [None if (text := line.split(" ")[place]) == "-" else text for line in lines]
        values = [text and int(text) for text in texts] if KINDS.get(name) == "int" else texts
        kind = pl.Int64 if KINDS.get(name) == "int" else pl.String
        columns[name.replace("-", "_")] = pl.Series(values, dtype=kind)
    return written(pl.DataFrame(columns), compression="gzip")


@given(flow_logs())
def test_rows_of_parquet_are_the_lines_of_the_text(read_bytes, log):
    header, lines = log
    reading = read_bytes(as_parquet(header, lines), "aws_vpcflow")
    plain = [" ".join(str(int(t)) if KINDS.get(n) == "int" and t != "-" else t
                      for n, t in zip(header, line.split(" "), strict=True)) for line in lines]  # fmt: skip
    assert [line.decode() for line in reading.records] == plain
    assert set(reading.fields) == {header}
    assert reading.positions == list(range(len(lines)))
    assert (reading.faults, reading.quarantined) == ([], [])


def test_the_rows_map_as_the_same_lines_do(read_bytes):
    header = tuple(VPC.recognition.text.default if VPC.recognition.text else ())
    line = "2 900100200301 eni-0a 10.4.2.17 2001:db8::1 49152 443 6 14 5310 1772615520 1772615579 ACCEPT OK"
    frames = []
    for body in (
        f"{line}\n".encode(),
        b"\n".join(read_bytes(as_parquet(header, [line]), "aws_vpcflow").records) + b"\n",
    ):
        (rows,) = Normalizer(VPC).normalize(TextChunk(body, header, 0), object_id="o", prefix="p").rows
        assert isinstance(rows, FrameRows)
        frames.append(rows.frame.to_dicts())
    assert frames[0] == frames[1]


def test_types_that_aws_does_not_write_are_written_plainly(read_bytes):
    frame = pl.DataFrame(
        {
            "version": [2, None],
            "srcaddr": pl.Series(["10.0.0.1", ""], dtype=pl.Categorical),
            "dstaddr": [b"10.0.0.2", None],
            "bytes": [1.5, None],
            "start": [datetime(2026, 3, 4, 9, 12, tzinfo=UTC), None],
            "tags": [["a", "b"], None],
            "flag": [True, None],
        }
    )
    reading = read_bytes(written(frame), "aws_vpcflow")
    first, second = reading.records
    assert first == b'2 10.0.0.1 10.0.0.2 1.5 1772615520 {"tags":["a","b"]} true'
    assert second.split()[:5] == [b"-"] * 5
    assert reading.fields[0] == ("version", "srcaddr", "dstaddr", "bytes", "start", "tags", "flag")


@pytest.mark.parametrize("bad", ["a b", "a\nb", "a\rb", "\0"])
def test_a_row_that_no_line_can_hold_is_set_aside_alone(read_bytes, bad):
    frame = pl.DataFrame(
        {"srcaddr": ["1", bad, "3", bad, bad, "6"], "dstaddr": list("abcdef"), "start": [1] * 6}
    )
    reading = read_bytes(written(frame), "aws_vpcflow")
    assert reading.records == [b"1 a 1", b"3 c 1", b"6 f 1"]
    assert reading.positions == [0, 2, 5]
    assert [(each.position, each.kind) for each in reading.quarantined] == [
        (1, "malformed"), (3, "malformed"), (4, "malformed"),
    ]  # fmt: skip
    assert reading.quarantined[0].raw.startswith(b'{"srcaddr":')


def test_a_row_longer_than_a_record_may_be_is_set_aside_with_a_sample(read_bytes):
    frame = pl.DataFrame({"srcaddr": ["1", "x" * 90_000], "dstaddr": ["a", "b"], "start": [1, 2]})
    reading = read_bytes(written(frame), "aws_vpcflow", record_bytes=20_000)
    assert reading.records == [b"1 a 1"]
    (bad,) = reading.quarantined
    assert (bad.kind, bad.position, len(bad.raw) < 90_000) == ("over_limit", 1, True)


def test_many_rows_come_in_pieces_of_a_window_in_order(read_bytes):
    count = 70_000
    frame = pl.DataFrame({"srcaddr": ["10.0.0.1"] * count, "dstaddr": ["b"] * count, "start": range(count)})
    reading = read_bytes(written(frame, row_group_size=9_000), "aws_vpcflow", window_bytes=10_000)
    assert reading.positions == list(range(count))
    assert reading.records[-1] == b"10.0.0.1 b 69999"
    assert reading.raw_bytes == sum(len(line) + 1 for line in reading.records)


def test_an_object_larger_than_the_limit_says_so(read_bytes):
    frame = pl.DataFrame({"srcaddr": ["10.0.0.1"] * 5_000, "dstaddr": ["b"] * 5_000, "start": range(5_000)})
    for limit, rows in ((100, 0), (40_000, 5_000)):
        reading = read_bytes(written(frame), "aws_vpcflow", object_bytes=limit)
        assert reading.kinds == ["over_limit"]
        assert len(reading.records) == rows


def test_a_file_without_rows_has_no_records_and_no_faults(read_bytes):
    reading = read_bytes(as_parquet(FIELDS, []), "aws_vpcflow")
    assert (reading.records, reading.faults) == ([], [])


def test_parquet_inside_gzip_is_named_as_unreadable(read_bytes):
    reading = read_bytes(as_parquet(FIELDS, []), "aws_vpcflow", packed=True)
    assert (reading.records, reading.kinds) == ([], ["corrupt"])


@given(data=st.data())
def test_a_damaged_file_raises_nothing(read_bytes, data):
    lines = [f"2 10.0.0.{n} 10.0.1.{n} {n} {n * 7} 177261552{n % 10}" for n in range(50)]
    whole = bytearray(as_parquet(FIELDS, lines))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(4, len(whole) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.sampled_from([len(whole), len(whole), len(whole) // 2, len(whole) - 3, 4]))
    reading = read_bytes(bytes(whole[:end]), "aws_vpcflow")
    assert len(reading.records) + len(reading.quarantined) <= 10_000
    assert all(kind in ("corrupt", "over_limit") for kind in reading.kinds)
    if end < len(whole):
        assert reading.kinds == ["corrupt"]
