"""Parquet objects of JSON sources: each row is the record that it would be as JSON."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.content import sources
from tidewaiter.pipeline.sources.folder import discover

CALL = {
    "eventVersion": "1.11", "eventID": "1", "eventTime": "2026-03-03T09:14:07Z",
    "eventSource": "ec2.amazonaws.com", "eventName": "DescribeInstances",
}  # fmt: skip


def written(rows: list[dict[str, Any]], **schema: Any) -> bytes:
    out = io.BytesIO()
    pl.DataFrame(rows, schema_overrides=schema, infer_schema_length=None).write_parquet(out)
    return out.getvalue()


def records(reading) -> list[Any]:
    return [json.loads(raw) for raw in reading.records]


def test_rows_are_records_without_what_is_null(read_bytes):
    rows: list[dict[str, Any]] = [
        {**CALL, "userIdentity": {"type": "IAMUser", "userName": None}, "readOnly": True, "n": 5},
        {**CALL, "userIdentity": {"type": None, "userName": None}, "readOnly": None, "n": None},
    ]

    reading = read_bytes(written(rows), "aws_cloudtrail")

    assert records(reading) == [{**CALL, "userIdentity": {"type": "IAMUser"}, "readOnly": True, "n": 5}, CALL]
    assert (reading.positions, reading.faults) == ([0, 1], [])


def test_maps_are_objects_and_times_are_texts(read_bytes):
    row = {
        **CALL,
        "unmapped": [{"key": "a", "value": "1"}, {"key": "b", "value": None}],
        "at": datetime(2026, 3, 3, 9, 14, 7, 120_000, tzinfo=UTC),
        "list": [{"x": 1}, {"x": None}],
        "share": float("nan"),
    }
    (found,) = records(read_bytes(written([row]), "aws_cloudtrail"))
    assert found["unmapped"] == {"a": "1"}
    assert found["at"] == "2026-03-03T09:14:07.120000Z"
    assert found["list"] == [{"x": 1}, None]
    assert "share" not in found


def test_a_parquet_file_is_recognised_by_its_columns(tmp_path):
    (tmp_path / "part-0.gz.parquet").write_bytes(written([CALL]))
    (found,) = discover(tmp_path, {name: spec.recognition for name, spec in sources().items()})
    assert getattr(found, "source", found) == "aws_cloudtrail"


def test_a_record_that_is_too_long_is_set_aside_and_the_others_stay(read_bytes):
    rows = [CALL, {**CALL, "requestParameters": "x" * 5_000}, CALL]
    reading = read_bytes(written(rows), "aws_cloudtrail", record_bytes=4_000)
    assert (records(reading), reading.positions, reading.set_aside) == ([CALL, CALL], [0, 2], ["over_limit"])


def test_an_object_that_is_too_large_is_read_as_far_as_it_may(read_bytes):
    reading = read_bytes(written([CALL] * 500), "aws_cloudtrail", object_bytes=20_000, window_bytes=4_000)
    assert reading.kinds == ["over_limit"]
    assert 20_000 < sum(map(len, reading.records)) < 40_000


@pytest.mark.parametrize("damage", ["cut", "zeros", "magic alone"])
def test_a_damaged_file_is_a_fault(read_bytes, damage):
    data = written([CALL] * 50)
    data = {
        "cut": data[: len(data) // 2],
        "zeros": data[:200] + bytes(len(data) - 200),
        "magic alone": b"PAR1",
    }[damage]
    reading = read_bytes(data, "aws_cloudtrail")
    assert (reading.kinds, reading.records) == (["corrupt"], [])


@given(
    st.lists(st.fixed_dictionaries({}, optional={"eventName": st.text(max_size=9), "n": st.integers(-9, 9)}))
)
def test_any_rows_come_back(read_bytes, rows):
    reading = read_bytes(written([{**CALL, **row} for row in rows] or [CALL]), "aws_cloudtrail")
    assert records(reading) == ([{**CALL, **row} for row in rows] or [CALL])
