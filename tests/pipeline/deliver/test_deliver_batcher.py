from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.core.billing import billed_size
from tidewaiter.core.outbox import OutboxBatch, Span
from tidewaiter.pipeline.deliver import batcher
from tidewaiter.pipeline.deliver.batcher import LIMIT, Packer, divide, halve, pack, rows_of, shortened
from tidewaiter.pipeline.deliver.fitting import NOTE, fits


@dataclass(frozen=True)
class Object:
    source: str = "aws_cloudtrail"
    object_id: str = "a.json.gz"
    digest: str = "d1"


def row(place: int, size: int = 0, **more: object) -> bytes:
    columns = {"TimeGenerated": "2026-11-23T00:00:00Z", "EventOriginalUid": f"e{place}", **more}
    columns["AdditionalFields"] = {"pad": "x" * size}
    return msgspec.json.encode(columns)


def packed(rows, origins=None, **settings):
    return pack(
        "ASimAuditEventLogs",
        rows,
        billed=[billed_size(each) for each in rows],
        ids=[f"e{place}" for place in range(len(rows))],
        origins=origins or [Object()] * len(rows),
        **settings,
    )


def rows_in(batches):
    return [each for batch in batches for each in rows_of(batch)]


def check(batch: OutboxBatch, limit: int) -> None:
    array = b"[" + b",".join(rows_of(batch)) + b"]"
    assert len(array) == batch.size <= limit
    assert len(rows_of(batch)) == batch.rows == sum(span.rows for span in batch.spans)
    assert batch.billed == sum(map(billed_size, rows_of(batch)))
    assert len({span.source for span in batch.spans}) == 1


objects = st.lists(
    st.tuples(st.sampled_from(["s1", "s2"]), st.sampled_from(["a", "b", "c"]), st.integers(1, 5)), max_size=6
)


@given(objects, st.data(), st.integers(1_000, 3_000))
def test_batches_hold_all_rows_in_order_within_the_limit_and_no_fewer_batches_would_do(spans, data, limit):
    origins = [Object(source, name) for source, name, rows in spans for _ in range(rows)]
    sizes = data.draw(
        st.lists(st.integers(0, limit - 130), min_size=len(origins), max_size=len(origins)), label="sizes"
    )
    rows = [row(place, size) for place, size in enumerate(sizes)]

    made = packed(rows, origins, limit=limit)

    assert made.cuts == ()
    assert rows_in(made.batches) == rows
    told = [(s.source, s.object_id) for batch in made.batches for s in batch.spans for _ in range(s.rows)]
    assert told == [(origin.source, origin.object_id) for origin in origins]
    for batch in made.batches:
        check(batch, limit)
    for one, other in pairwise(made.batches):
        if one.spans[0].source == other.spans[0].source:
            assert one.size + len(rows_of(other)[0]) + 1 > limit


@given(objects, st.integers(1_000, 3_000), st.data())
def test_a_packer_that_gets_rows_piece_by_piece_makes_the_same_batches(spans, limit, data):
    origins = [Object(source, name) for source, name, rows in spans for _ in range(rows)]
    rows = [row(place, data.draw(st.integers(0, 2_000))) for place in range(len(origins))]
    packer = Packer("ASimAuditEventLogs", limit=limit)
    made = []
    for place, (each, origin) in enumerate(zip(rows, origins, strict=True)):
        made += packer.add([each], origin, billed=[billed_size(each)], ids=[f"e{place}"])
        assert packer.held < 2 * limit
    made += packer.close()

    whole = packed(rows, origins, limit=limit)

    assert tuple(made) == whole.batches
    assert tuple(packer.cuts) == whole.cuts


@given(st.lists(st.integers(0, 5_000), min_size=1, max_size=12), st.integers(1_000, 3_000))
def test_rows_over_the_limit_are_cut_and_named_and_none_is_lost(sizes, limit):
    rows = [row(place, size) for place, size in enumerate(sizes)]

    made = packed(rows, limit=limit)

    sent = [msgspec.json.decode(each) for each in rows_in(made.batches)]
    assert [each["EventOriginalUid"] for each in sent] == [f"e{place}" for place in range(len(rows))]
    cut = {place for place, each in enumerate(rows) if len(each) > limit - 2}
    assert {each.place for each in made.cuts} == cut
    assert {place for place, each in enumerate(sent) if NOTE in each["AdditionalFields"]} == cut
    for batch in made.batches:
        check(batch, limit)


@given(st.lists(st.integers(0, 900), min_size=1, max_size=20))
def test_the_same_rows_make_the_same_batches(sizes):
    rows = [row(place, size) for place, size in enumerate(sizes)]

    assert packed(rows, limit=2_000) == packed(rows, limit=2_000)


@given(st.lists(st.integers(0, 200), min_size=2, max_size=30))
def test_halves_hold_the_rows_of_their_batch(sizes):
    rows = [row(place, size) for place, size in enumerate(sizes)]
    origins = [Object(object_id=str(place // 3)) for place in range(len(rows))]
    (batch,) = packed(rows, origins).batches

    halves = halve(batch)

    assert [half.rows for half in halves] == [len(rows) // 2, len(rows) - len(rows) // 2]
    assert rows_in(halves) == rows
    assert sum(half.billed for half in halves) == batch.billed
    for half in halves:
        check(half, LIMIT)
        told = [span.object_id for span in half.spans for _ in range(span.rows)]
        first = 0 if half is halves[0] else halves[0].rows
        assert told == [origin.object_id for origin in origins[first : first + half.rows]]


def test_a_batch_of_one_row_has_no_halves():
    (batch,) = packed([row(0)]).batches

    with pytest.raises(ValueError, match="one row"):
        halve(batch)


def test_parts_with_equal_rows_have_ids_of_their_own():
    (batch,) = packed([row(0), row(0), row(0), row(0)]).batches

    ids = [part.batch_id for part in divide(batch, [1, 2, 3])]

    assert len({batch.batch_id, *ids}) == 5
    assert ids == [part.batch_id for part in divide(batch, [1, 2, 3])]


def test_a_batch_id_depends_on_the_table_the_rows_and_whose_they_are():
    def batch_id(table="T", rows=(b'{"A":1}',), digest="d"):
        origins = [Object(digest=digest)] * len(rows)
        made = pack(table, rows, billed=[1] * len(rows), ids=["e"] * len(rows), origins=origins)
        return made.batches[0].batch_id

    ids = {batch_id(), batch_id(table="U"), batch_id(rows=(b'{"A":2}',)), batch_id(digest="e")}

    assert len(ids) == 4
    assert batch_id() == batch_id()


def test_a_full_batch_has_the_limit_to_the_byte():
    empty = len(row(0))
    rows = [row(0, 500_000 - 1 - empty), row(1, 500_000 - 2 - empty), row(2)]

    first, second = packed(rows, field_limit=LIMIT).batches

    assert (first.size, first.rows, second.rows) == (1_000_000, 2, 1)


def test_a_row_that_is_one_byte_too_many_begins_a_batch():
    first = row(0)
    fitting = row(1, 1_000 - 3 - len(first) - len(row(1)))
    over = row(1, 1_000 - 2 - len(first) - len(row(1)))

    assert [batch.size for batch in packed([first, fitting], limit=1_000).batches] == [1_000]
    assert [batch.rows for batch in packed([first, over], limit=1_000).batches] == [1, 1]


def test_no_rows_make_no_batch():
    assert packed([]).batches == ()


def test_a_field_over_64_kb_is_cut_with_a_pointer_to_the_archive():
    rows = [row(0), row(1, Long="é" * 40_000, Short="s")]

    (batch,) = (made := packed(rows, pointer=lambda event, origin: f"{origin.object_id}#{event}")).batches

    assert [(cut.place, cut.event_id, cut.bytes) for cut in made.cuts] == [(1, "e1", len(rows[1]))]
    whole, cut = map(msgspec.json.decode, rows_of(batch))
    assert NOTE not in whole["AdditionalFields"]
    assert cut["AdditionalFields"][NOTE] == {"archive": "a.json.gz#e1", "bytes": len(rows[1])}
    assert cut["Long"].rstrip("…") == "é" * (len(cut["Long"]) - 1)
    assert 63_900 < len(cut["Long"].encode()) <= 64_000
    assert cut["Short"] == "s"
    check(batch, LIMIT)


def test_the_rows_of_two_sources_are_in_batches_of_their_own():
    origins = [Object("s1"), Object("s1"), Object("s2"), Object("s1")]

    batches = packed([row(place) for place in range(4)], origins).batches

    assert [batch.spans for batch in batches] == [
        (Span("s1", "a.json.gz", "d1", 2),),
        (Span("s2", "a.json.gz", "d1", 1),),
        (Span("s1", "a.json.gz", "d1", 1),),
    ]


def test_a_row_that_is_too_large_even_alone_is_cut_further():
    (batch,) = packed([row(0, 50_000)]).batches

    less = shortened(batch, 10_000)
    least = shortened(less, 2_000)

    assert (less.size <= 10_000, least.size <= 2_000) == (True, True)
    assert less.spans == least.spans == batch.spans
    note = msgspec.json.decode(rows_of(least)[0])["AdditionalFields"][NOTE]
    assert note["bytes"] == batch.size - 2
    assert "event_id=e0 object=a.json.gz" in note["archive"]
    assert least.billed == billed_size(rows_of(least)[0])


def test_a_limit_below_one_row_is_refused():
    with pytest.raises(ValueError, match="at least 1000 bytes"):
        packed([row(0)], limit=999)


def test_only_long_rows_are_read(monkeypatch):
    monkeypatch.setattr(batcher, "fits", lambda *_: pytest.fail("a short row was read"))

    made = packed([row(place, 60_000) for place in range(30)])

    assert all(fits(each, LIMIT) for each in rows_in(made.batches))
