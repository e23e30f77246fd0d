"""What a sender waits for, by a clock that does not jump, and what it does not let others wait for."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise
from typing import cast

import pytest

from tests.pipeline.deliver.deliver_service import (
    TABLE,
    Clock,
    Service,
    fill,
    permits,
    refused,
    sender,
    uncertain,
)
from tidewaiter.clouds import Throttled, Unreachable
from tidewaiter.core.billing import billed_size
from tidewaiter.core.errors import DeliveryError, PermitError
from tidewaiter.pipeline.deliver.batcher import pack
from tidewaiter.state import Claim, State

IDS = [f"e{n:03}" for n in range(100)]
OTHER = "ASimDnsActivityLogs"
HOUR = timedelta(hours=1)


@pytest.fixture
def clock():
    return Clock()


def run(sending, **arguments):
    return asyncio.run(sending.drain(**arguments))


def add_other(state, ids, *, source="aws_dns", table=OTHER):
    """Put rows of another table and source into the outbox; each is a batch of its own."""
    rows = [b'{"EventOriginalUid":"%s"}' % each.encode() for each in ids]
    origin = Claim("dns", "digest", source, "events", 1, 1)
    for row, each in zip(rows, ids, strict=True):
        packed = pack(table, [row], billed=[billed_size(row)], ids=[each], origins=[origin])
        state.add_alerts([each], packed.batches)


def test_a_new_role_is_waited_for_longer_than_a_service_that_is_away(tmp_path, clock):
    state, _ = fill(tmp_path, [IDS])
    service = Service(clock, lambda request, _: refused(403) if request.at < 1_700 else None)
    sending = sender(state, service)
    said: list[str] = []
    sending.notice = said.append

    report = run(sending)

    assert report.rows == 100
    assert 1_700 <= clock.seconds < 1_800
    assert state.outbox().possibly_sent.batches == 0
    assert len(said) == 1
    assert "for 30 minutes" in said[0]


def test_a_role_that_never_comes_ends_the_drain_after_30_minutes_and_says_why(tmp_path, clock):
    state, batches = fill(tmp_path, [IDS])

    with pytest.raises(DeliveryError, match=r"no access to dcr-1 for 1800 s: the upload .*403"):
        run(sender(state, Service(clock, lambda *_: refused(403))))

    assert 1_800 <= clock.seconds < 1_900
    assert state.outbox().pending.batches == len(batches)


def test_rows_for_other_rules_leave_while_one_waits_for_its_role(tmp_path, clock):
    state, _ = fill(tmp_path, [IDS])
    others = [f"d{n}" for n in range(20)]
    add_other(state, others)
    service = Service(
        clock, lambda request, _: refused(403) if request.dcr == "dcr-1" and request.at < 1_000 else None
    )

    run(sender(state, service))

    assert sorted(service.stored) == sorted(IDS + others)
    assert max(request.at for request in service.requests if request.dcr == "dcr-2") < 200


def test_a_service_that_is_away_is_given_up_though_another_rule_waits_for_its_role(tmp_path, clock):
    state, _ = fill(tmp_path, [IDS])
    add_other(state, ["d1"])
    service = Service(
        clock, lambda request, _: refused(403) if request.dcr == "dcr-1" else Unreachable("no route to dcr-2")
    )

    with pytest.raises(DeliveryError, match="nothing was accepted for 300 s: no route to dcr-2"):
        run(sender(state, service))

    assert 300 <= clock.seconds < 500


def test_an_outage_after_a_long_wait_for_a_role_has_its_own_300_seconds(tmp_path, clock):
    state, _ = fill(tmp_path, [IDS])

    def answer(request, _):
        if request.at < 900:
            return refused(403)
        return Unreachable("away") if request.at < 1_100 else None

    assert run(sender(state, Service(clock, answer))).rows == 100


def test_the_last_error_is_told_by_every_drain_that_gives_up(tmp_path, clock):
    state, _ = fill(tmp_path, [IDS])
    sending = sender(state, Service(clock, lambda *_: Throttled("429 again", retry_after=900.0)))

    for _ in range(2):
        with pytest.raises(DeliveryError, match="nothing was accepted for 300 s: 429 again"):
            run(sending)

    assert clock.seconds == pytest.approx(600, abs=1)


FAULTS = {
    "none": lambda: None,
    "throttled": lambda: Throttled("429", retry_after=5.0),
    "busy": lambda: Throttled("503"),
    "no answer": lambda: uncertain(stored=False),
    "no access": lambda: refused(403),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("before", [True, False], ids=["before the answer", "after it"])
@pytest.mark.parametrize("jump", [-HOUR, -HOUR / 2, HOUR], ids=str)
def test_a_clock_that_is_set_in_the_middle_of_a_drain_changes_no_wait(tmp_path, jump, before, fault):
    """The same requests at the same moments as with a clock that nobody touches."""

    def drained(folder, at_jump):
        own = Clock()
        state, _ = fill(folder, [IDS])

        def answer(_request, number):
            if number == (2 if before else 3):
                own.at += at_jump
            return FAULTS[fault]() if number == 2 else None

        service = Service(own, answer)
        report = run(sender(state, service, in_flight=1))
        state.close()
        return [(request.at, request.ids) for request in service.requests], own.slept, report

    calm = drained(tmp_path / "calm", timedelta(0))
    jumped = drained(tmp_path / "jumped", jump)

    assert jumped == calm
    assert jumped[2].rows == 100
    assert sum(jumped[1]) < 10


@pytest.mark.parametrize("jump", [-HOUR, HOUR], ids=str)
def test_a_clock_that_is_set_does_not_hurry_or_delay_giving_up(tmp_path, clock, jump):
    state, _ = fill(tmp_path, [IDS])

    def answer(_request, number):
        if number == 6:
            clock.at += jump
        return Unreachable("away")

    with pytest.raises(DeliveryError, match="nothing was accepted for 300 s: away"):
        run(sender(state, Service(clock, answer)))

    assert 300 <= clock.seconds < 400


@pytest.mark.parametrize("jump", [-HOUR, HOUR], ids=str)
def test_a_clock_that_is_set_keeps_batches_with_a_spacing_apart(tmp_path, clock, jump):
    state, batches = fill(tmp_path, [IDS])

    def answer(_request, number):
        if number == 1:
            clock.at += jump

    service = Service(clock, answer)
    run(sender(state, service, spacing={TABLE: 61.0}))

    gaps = [later.at - earlier.at for earlier, later in pairwise(service.requests)]
    assert len(gaps) == len(batches) - 1
    assert all(61 <= gap < 63 for gap in gaps)


def test_an_idle_sender_goes_by_the_clock_as_it_is_now(tmp_path, clock):
    """The next batch's lease and mark are of the new time: others that share the state go by theirs."""
    state, _ = fill(tmp_path, [["e"]])
    marked = []
    stop = asyncio.Event()

    class Watched:
        def __getattr__(self, name):
            return getattr(state, name)

        def mark_sent(self, batch_ids, *, now):
            marked.append(now)
            state.mark_sent(batch_ids, now=now)

    async def drive():
        sending = sender(cast(State, Watched()), service := Service(clock))
        task = asyncio.create_task(sending.drain(until="stopped", stop=stop))
        while clock.seconds < 5:
            await asyncio.sleep(0)
        clock.at += HOUR
        while clock.seconds < 10:
            await asyncio.sleep(0)
        add_other(state, ["d1"])
        while len(service.stored) < 2:
            await asyncio.sleep(0)
        stop.set()
        await task

    asyncio.run(drive())

    assert len(marked) == 2
    assert HOUR <= marked[1] - marked[0] < HOUR + timedelta(seconds=30)


def only(*allowed):
    """Return permits for some sources alone."""

    def ask(stream, source):
        if source not in allowed:
            raise PermitError(f"deliver is not allowed for {source} in phase shadow", hint="approve it")
        return permits(stream, source)

    return ask


def test_rows_of_a_source_without_a_permit_wait_and_the_others_leave(tmp_path, clock):
    state, batches = fill(tmp_path, [IDS])
    others = [f"d{n}" for n in range(20)]
    add_other(state, others)
    service = Service(clock)
    sending = sender(state, service, permits=only("aws_dns"))
    said: list[str] = []
    sending.notice = said.append

    report = run(sending)

    assert service.stored == others
    assert (report.rows, report.retries, report.possibly_sent) == (20, 0, 0)
    totals = state.outbox()
    assert (totals.pending.batches, totals.sending.batches) == (len(batches), 0)
    assert totals.possibly_sent.batches == 0
    assert clock.slept == []
    (told,) = said
    assert told.startswith(
        "rows wait in the outbox: deliver is not allowed for aws_cloudtrail in phase shadow"
    )

    sending.permits = only("aws_dns", "aws_cloudtrail")
    assert run(sending).rows == 120
    assert clock.slept == []


def test_a_drain_that_goes_on_asks_again_for_a_permit(tmp_path, clock):
    state, _ = fill(tmp_path, [IDS])
    stop = asyncio.Event()
    sending = sender(state, service := Service(clock), permits=only())

    async def drive():
        task = asyncio.create_task(sending.drain(until="stopped", stop=stop))
        while clock.seconds < 100:
            await asyncio.sleep(0)
        sending.permits = only("aws_cloudtrail")
        while len(service.stored) < 100:
            await asyncio.sleep(0)
        stop.set()
        await task

    asyncio.run(drive())

    assert clock.seconds < sending.settings.lease
    assert state.outbox().possibly_sent.batches == 0
