from __future__ import annotations

import json
import string

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.core.errors import DeliveryError
from tidewaiter.pipeline.deliver import (
    RowColumns,
    SegmentWriter,
    event_key,
    join_rows,
    read_rows,
    segments,
)

AUDIT, SIGN_IN, NETWORK = "ASimAuditEventLogs", "ASimAuthenticationEventLogs", "ASimNetworkSessionLogs"
KEYS = st.integers(-(2**63), 2**63 - 1)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
OBJECTS = st.dictionaries(st.text(), JSON, max_size=4).map(lambda value: json.dumps(value).encode())
ROWS = st.lists(st.tuples(st.sampled_from([AUDIT, SIGN_IN]), OBJECTS, OBJECTS, KEYS), max_size=15)


def rows_of(heads: list[bytes], extras: list[bytes], keys: list[int] | list[None]) -> RowColumns:
    """Rows whose ids, positions and sizes follow from their place."""
    row, extra_at = join_rows(heads, extras)
    places = list(range(len(row)))
    return RowColumns(
        row, extra_at, [f"id-{n}" for n in places], keys, places, ["2026-03-17T00:00:00Z"] * len(row), places
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("staging")


@settings(max_examples=50)
@given(st.lists(ROWS, max_size=4))
def test_rows_come_back_byte_for_byte_in_order_with_the_objects_they_are_of(folder, group):
    writer = SegmentWriter(folder, "law")
    for place, rows in enumerate(group):
        for table, head, extra, key in rows:
            writer.add_rows(place, table, rows_of([head], [extra], [key]))

    found: list[tuple[int, str, bytes, bytes, int | None]] = []
    for segment in writer.close():
        held = read_rows(segment.path)
        assert segment.keyed
        assert segment.size == segment.path.stat().st_size
        assert segment.rows == len(held.row) == sum(rows for _, rows in segment.spans)
        places = [place for place, rows in segment.spans for _ in range(rows)]
        found += [
            (place, segment.table, row[: at - 20] + b"}", row[at:-1], key)
            for place, row, at, key in zip(places, held.row, held.extra_at, held.key, strict=True)
        ]
    for table in (AUDIT, SIGN_IN):
        wanted = [(place, *row) for place, rows in enumerate(group) for row in rows if row[0] == table]
        assert [row for row in found if row[1] == table] == wanted


def test_segments_are_one_file_per_table_named_after_the_group(tmp_path):
    writer = SegmentWriter(tmp_path, "000007")
    writer.add_rows(0, AUDIT, rows_of([b"{}"], [b"{}"], [1]))
    writer.add_rows(1, SIGN_IN, rows_of([b"{}"], [b"{}"], [2]))
    writer.add_rows(1, AUDIT, rows_of([b"{}"] * 2, [b"{}"] * 2, [3, 4]))

    found = {segment.table: segment for segment in writer.close()}

    assert sorted(path.name for path in tmp_path.iterdir()) == ["000007-0000.rows", "000007-0001.rows"]
    assert found[AUDIT].spans == ((0, 1), (1, 2))
    assert found[SIGN_IN].spans == ((1, 1),)
    assert {segment.layout for segment in found.values()} == {"rows"}


def test_a_segment_is_written_when_it_is_full_and_nothing_is_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(segments, "PART_BYTES", 100)
    writer = SegmentWriter(tmp_path, "s")
    for number in range(10):
        writer.add_rows(number, AUDIT, rows_of([b'{"a":"%d"}' % number], [b"x" * 10], [number]))

    parts = writer.close()

    assert len(parts) == 4
    assert [span for part in parts for span in part.spans] == [(number, 1) for number in range(10)]
    assert [key for part in parts for key in read_rows(part.path).key] == list(range(10))


def test_rows_with_and_without_keys_lie_in_files_of_their_own(tmp_path):
    writer = SegmentWriter(tmp_path, "s")
    writer.add_rows(0, AUDIT, rows_of([b"{}"], [b"{}"], [1]))
    writer.add_rows(1, AUDIT, rows_of([b"{}"] * 2, [b"{}"] * 2, [None, None]))

    assert [(part.keyed, part.spans) for part in writer.close()] == [(True, ((0, 1),)), (False, ((1, 2),))]


def test_frames_with_other_columns_share_a_file_and_a_full_one_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(segments, "PART_ROWS", 3)
    writer = SegmentWriter(tmp_path, "s")
    writer.add_frame(0, NETWORK, pl.DataFrame({"SrcIpAddr": ["a", "b"]}))
    writer.add_frame(1, NETWORK, pl.DataFrame({"SrcIpAddr": ["c"], "DstPortNumber": [443]}))
    writer.add_frame(2, NETWORK, pl.DataFrame({"DstPortNumber": [22]}))

    first, second = writer.close()

    assert (first.layout, first.spans, second.spans) == ("columns", ((0, 2), (1, 1)), ((2, 1),))
    assert pl.read_parquet(first.path).rows() == [("a", None), ("b", None), ("c", 443)]
    assert pl.read_parquet(second.path).rows() == [(22,)]


def test_the_key_of_an_event_is_of_its_id_and_its_bytes():
    assert event_key("id", 1) == event_key("id", 1)
    assert event_key("id", 1) != event_key("id", 2)
    assert event_key("id", 1) != event_key("other", 1)
    assert event_key("23", 1) != event_key("3", 12)


@given(st.lists(st.tuples(st.text(string.hexdigits), st.integers(0, 2**32 - 1)), unique=True, max_size=50))
def test_keys_are_signed_64_bit_numbers_that_differ(events):
    keys = [event_key(*event) for event in events]

    assert all(-(2**63) <= key < 2**63 for key in keys)
    assert len(set(keys)) == len(events)


def test_the_key_of_an_event_stays_the_same_from_version_to_version():
    assert event_key("0d0e4fc0-1111-4222-8333-444455556666", 305419896) == -8480585245114569556


def add_rows(writer):
    writer.add_rows(0, AUDIT, rows_of([b"{}"], [b"{}"], [1]))


def add_frame(writer):
    writer.add_frame(0, NETWORK, pl.DataFrame({"SrcIpAddr": ["a"]}))


@pytest.mark.parametrize("add", [add_rows, add_frame])
def test_rows_that_cannot_be_written_say_why_and_what_to_do(tmp_path, add):
    writer = SegmentWriter(tmp_path / "no such folder", "s")
    add(writer)

    with pytest.raises(DeliveryError, match=r"cannot stage rows: .*(No such file|not a directory)") as caught:
        writer.close()

    assert "free disk space" in caught.value.hint
    assert "IO error" not in caught.value.message
