from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.lab.generator.draw import Draw
from tidewaiter.lab.generator.others import DnsQuery
from tidewaiter.lab.generator.rhythm import CUSTOMERS, DAY, HOUR, LAST, MINUTE
from tidewaiter.lab.generator.slots import Pages, by_slot, spread, times, width

SLOTS = st.sampled_from([5 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR])


@given(count=st.integers(0, 100_000), slot=SLOTS, even=st.booleans(), offset=st.floats(-12, 12))
def test_a_spread_gives_every_record_a_slot(count: int, slot: int, even: bool, offset: float) -> None:
    parts = spread(count, None if even else CUSTOMERS, offset, slot)
    assert len(parts) == DAY // slot
    assert sum(parts) == count
    assert min(parts) >= 0


@given(count=st.integers(0, 300), number=st.integers(0, 23), seed=st.integers())
def test_times_lie_in_order_within_their_slot(count: int, number: int, seed: int) -> None:
    found = times(Draw(seed), count, number, HOUR)
    assert found == sorted(found)
    assert len(found) == count
    assert all(number * HOUR <= at < (number + 1) * HOUR for at in found)


@given(st.lists(st.integers(-DAY, 2 * DAY), max_size=30), SLOTS)
def test_every_asked_for_value_is_due_once_and_within_the_day(moments: list[int], slot: int) -> None:
    asked = [DnsQuery(at, "kr-web-1", "a.example") for at in moments]
    due = by_slot(asked, slot)
    assert all(0 <= number <= LAST // slot for number in due)
    found = sorted((number, query.at) for entries in due.values() for number, query in entries)
    assert found == list(enumerate(moments))


@given(st.integers(0, 10_000_000), st.integers(1, 1_000))
def test_a_slot_is_one_of_four_widths_and_never_longer_than_needed(per_day: int, wanted: int) -> None:
    minutes = width(per_day, wanted) // MINUTE
    assert minutes in {5, 10, 30, 60}
    assert minutes == 5 or per_day * {10: 5, 30: 10, 60: 30}[minutes] / 1440 < wanted


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9), st.booleans()), max_size=40))
def test_pages_put_records_in_order_and_tell_where_the_asked_for_ones_lie(
    added: list[tuple[str, int, bool]],
) -> None:
    pages, objects = Pages({}), dict[str, list[bytes]]()

    def write(place: str, records: list[bytes]) -> str:
        objects[place] = records
        return place

    for index, (place, at, asked) in enumerate(added):
        pages.add(place, at, f"{at}:{index}".encode(), index if asked else -1, str(index))
    placed = list(pages.turn(write))
    assert pages.entries == {}
    assert {each.number for each in placed} == {index for index, each in enumerate(added) if each[2]}
    for each in placed:
        assert objects[each.object][each.line] == f"{added[each.number][1]}:{each.number}".encode()
    for records in objects.values():
        assert [record.split(b":")[0] for record in records] == sorted(
            record.split(b":")[0] for record in records
        )
