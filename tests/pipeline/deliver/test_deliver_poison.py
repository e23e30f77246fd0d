from __future__ import annotations

import asyncio
import math

import pytest

from tests.pipeline.deliver.deliver_service import TABLE, Clock, Service, fill, refused, sender, uncertain
from tidewaiter.core.errors import DeliveryError

IDS = [f"e{n:03}" for n in range(100)]


def bad(*ids: str):
    """Refuse a request that has one of these rows."""
    return lambda request, _: refused(400, "row does not fit") if set(ids) & set(request.ids) else None


def setup(tmp_path, answer, objects=(IDS,), limit=100_000, **settings):
    state, batches = fill(tmp_path, objects, limit=limit)
    service = Service(Clock(), answer)
    return state, batches, service, sender(state, service, **settings)


@pytest.mark.parametrize("in_flight", [1, 4])
@pytest.mark.parametrize("place", [0, 1, 33, 50, 99])
def test_one_bad_row_is_found_and_set_aside_and_the_others_arrive(tmp_path, place, in_flight):
    state, _, service, sending = setup(tmp_path, bad(IDS[place]), in_flight=in_flight)

    report = asyncio.run(sending.drain())

    assert sorted(service.stored) == [each for each in IDS if each != IDS[place]]
    ((source, record),) = state.quarantined()
    assert (source, record.object_id) == ("aws_cloudtrail", "o0")
    assert IDS[place].encode() in record.raw
    assert record.reason == "the destination refused it: 400: Code: row does not fit"
    assert (report.rejected, report.dead) == (1, 0)
    counts = state.totals()["aws_cloudtrail"]
    assert (counts.records, counts.valid, counts.delivered, counts.quarantined) == (100, 99, 99, 1)
    assert state.rows() == {TABLE: 99}
    assert report.requests <= 1 + 7 + 2 * math.ceil(math.log2(100))


def test_bad_rows_of_several_objects_go_back_to_theirs(tmp_path):
    wrong = {IDS[5], IDS[6], IDS[60], IDS[99]}
    state, _, service, sending = setup(tmp_path, bad(*wrong), [IDS[:50], IDS[50:]])

    asyncio.run(sending.drain())

    assert set(service.stored) == set(IDS) - wrong
    assert sorted(record.object_id for _, record in state.quarantined()) == ["o0", "o0", "o1", "o1"]


def test_a_batch_that_is_refused_whole_is_kept_and_not_taken_apart(tmp_path):
    state, _, _, sending = setup(tmp_path, lambda *_: refused(400, "no such column"))

    report = asyncio.run(sending.drain())

    assert list(state.quarantined()) == []
    totals = state.outbox()
    assert (totals.dead.rows, totals.pending.rows) == (100, 0)
    assert report.requests <= 10
    assert "no such column" in next(iter(state.dead())).error


def test_a_table_whose_rows_are_all_refused_stops_the_drain(tmp_path):
    state, _, service, sending = setup(tmp_path, lambda *_: refused(400), limit=1_000)

    with pytest.raises(DeliveryError, match=f"every row for {TABLE} is refused"):
        asyncio.run(sending.drain())

    totals = state.outbox()
    assert list(state.quarantined()) == []
    assert totals.dead.rows + totals.pending.rows == 100
    assert totals.pending.rows > 50
    assert totals.sending.batches == 0
    assert len(service.requests) < 80


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_a_few_rows_that_are_all_refused_are_dead_letters(tmp_path, rows):
    state, _, _, sending = setup(tmp_path, lambda *_: refused(400), [IDS[:rows]])

    asyncio.run(sending.drain())

    assert list(state.quarantined()) == []
    assert state.outbox().dead.rows == rows


def test_a_lone_bad_row_is_set_aside_where_others_were_accepted(tmp_path):
    state, _, service, sending = setup(tmp_path, bad("e099"), limit=1_000, in_flight=1)

    asyncio.run(sending.drain())

    assert len(list(state.quarantined())) == 1
    assert len(service.stored) == 99


def test_too_many_bad_rows_are_not_looked_for_one_by_one(tmp_path):
    state, _, service, sending = setup(tmp_path, bad(*IDS[:50]), most_rejected=5)

    report = asyncio.run(sending.drain())

    assert 5 <= report.rejected < 12
    assert set(service.stored).isdisjoint(IDS[:50])
    totals = state.outbox()
    assert totals.dead.rows + report.rejected + len(service.stored) == 100


def test_what_was_possibly_sent_stays_marked_when_it_is_divided(tmp_path):
    def answer(request, number):
        return uncertain(stored=False) if number == 0 else bad("e050")(request, number)

    state, _, service, sending = setup(tmp_path, answer)

    asyncio.run(sending.drain())

    assert len(service.stored) == 99
    assert state.outbox().possibly_sent.rows == 99


def test_a_fault_during_the_search_only_delays_it(tmp_path):
    def answer(request, number):
        return uncertain(stored=True) if number in (3, 6, 7) else bad("e050")(request, number)

    state, _, service, sending = setup(tmp_path, answer)

    asyncio.run(sending.drain())

    assert set(IDS) - set(service.stored) <= {"e050"}
    assert len(list(state.quarantined())) == 1


def test_a_search_that_is_stopped_leaves_nothing_behind(tmp_path):
    state, _, _, _ = setup(tmp_path, None)
    stop = asyncio.Event()

    def answer(_request, number):
        if number == 5:
            stop.set()
        return refused(400)

    asyncio.run(sender(state, Service(Clock(), answer)).drain(stop=stop))

    totals = state.outbox()
    assert (totals.sending.batches, totals.pending.rows + totals.dead.rows) == (0, 100)
