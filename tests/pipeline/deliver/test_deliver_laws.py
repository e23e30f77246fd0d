"""Whatever the service does, every row arrives, or is kept where a person finds it."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pipeline.deliver.deliver_service import Clock, Service, fill, refused, sender, uncertain
from tidewaiter.clouds import Throttled, Unreachable
from tidewaiter.core.errors import DeliveryError
from tidewaiter.pipeline.deliver.batcher import event_id, rows_of

FAULTS = {
    "ok": lambda: None,
    "throttled": lambda: Throttled("429", retry_after=3.0),
    "busy": lambda: Throttled("503"),
    "unreachable": lambda: Unreachable("away"),
    "lost": lambda: uncertain(stored=False),
    "stored": lambda: uncertain(stored=True),
    "too large": lambda: refused(413),
    "no access": lambda: refused(403),
}
plans = st.lists(st.sampled_from(["ok", "ok", "ok", *FAULTS]), max_size=40)
objects = st.lists(st.integers(1, 12), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(objects, plans, st.sets(st.integers(0, 40), max_size=3), st.integers(1, 5), st.integers(1_000, 4_000))
def test_every_row_arrives_or_is_kept_and_only_marked_batches_arrive_twice(
    sizes, plan, poison, in_flight, limit
):
    names = iter(f"e{n:03}" for n in range(100))
    held = [[next(names) for _ in range(size)] for size in sizes]
    ids = [each for names_ in held for each in names_]
    wrong = {ids[place] for place in poison if place < len(ids)}

    def answer(request, number):
        fault = plan[number] if number < len(plan) else "ok"
        if fault == "ok" and wrong & set(request.ids):
            return refused(400)
        return FAULTS[fault]()

    with TemporaryDirectory() as folder:
        state, _ = fill(Path(folder), held, limit=limit)
        service = Service(Clock(), answer)
        asyncio.run(sender(state, service, in_flight=in_flight, give_up_after=100_000).drain())

        kept = [event_id(record.raw) for _, record in state.quarantined()]
        kept += [event_id(row) for dead in state.dead() for row in rows_of(dead.batch)]
        stored = Counter(service.stored)
        twice = {each for each, times in stored.items() if times > 1}
        marked = {event_id(row) for each in state.possibly_sent() for row in rows_of(each.batch)}

        assert set(ids) == set(stored) | set(kept)
        assert len(kept) == len(set(kept))
        assert twice <= marked | wrong
        assert wrong.isdisjoint(stored) or "stored" in plan
        totals = state.outbox()
        assert (totals.pending.batches, totals.sending.batches) == (0, 0)
        state.close()


@settings(max_examples=25, deadline=None)
@given(objects, st.integers(1, 5), st.integers(1_000, 3_000))
def test_without_faults_rows_arrive_once_in_their_order(sizes, in_flight, limit):
    names = iter(f"e{n:03}" for n in range(100))
    held = [[next(names) for _ in range(size)] for size in sizes]

    with TemporaryDirectory() as folder:
        state, _ = fill(Path(folder), held, limit=limit)
        service = Service(Clock())
        asyncio.run(sender(state, service, in_flight=in_flight).drain())
        state.close()

    assert service.stored == [each for names_ in held for each in names_]


@settings(max_examples=25, deadline=None)
@given(objects, plans, st.integers(0, 30), st.integers(1, 4))
def test_a_drain_that_is_cancelled_at_any_moment_is_completed_by_the_next(sizes, plan, when, in_flight):
    names = iter(f"e{n:03}" for n in range(100))
    held = [[next(names) for _ in range(size)] for size in sizes]
    ids = [each for names_ in held for each in names_]

    async def interrupted(sending):
        task = asyncio.create_task(sending.drain())
        for _ in range(when):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with TemporaryDirectory() as folder:
        state, _ = fill(Path(folder), held)
        service = Service(Clock(), lambda _, n: FAULTS[plan[n]]() if n < len(plan) else None)
        asyncio.run(interrupted(sender(state, service, in_flight=in_flight)))
        assert state.outbox().sending.batches == 0
        try:
            asyncio.run(sender(state, service, in_flight=in_flight, give_up_after=100_000).drain())
        except DeliveryError as error:
            raise AssertionError(str(error)) from error

        stored = Counter(service.stored)
        marked = {event_id(row) for each in state.possibly_sent() for row in rows_of(each.batch)}
        dead = {event_id(row) for each in state.dead() for row in rows_of(each.batch)}
        assert set(stored) | dead == set(ids)
        assert {each for each, times in stored.items() if times > 1} <= marked
        state.close()
