from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

from tests.pipeline.deliver.deliver_service import (
    START,
    TABLE,
    Clock,
    Service,
    fill,
    refused,
    sender,
    uncertain,
)
from tidewaiter.clouds import Throttled, Unreachable, Untrusted
from tidewaiter.core.errors import ConfigError, DeliveryError
from tidewaiter.pipeline.deliver.batcher import rows_of
from tidewaiter.pipeline.normalize.drift import Alarm
from tidewaiter.pipeline.normalize.drift.table import drift_batches

IDS = [f"e{n:03}" for n in range(100)]


@pytest.fixture
def clock():
    return Clock()


def run(sending, **arguments):
    return asyncio.run(sending.drain(**arguments))


def once(error):
    """Fail the first request only."""
    return lambda _request, number: error if number == 0 else None


def test_everything_is_sent_in_order_and_the_outbox_is_empty(tmp_path, clock):
    state, batches = fill(tmp_path, [IDS[:50], IDS[50:]])
    service = Service(clock)

    report = run(sender(state, service))

    assert service.stored == IDS
    assert [request.batch_id for request in service.requests] == [batch.batch_id for batch in batches]
    assert {(request.dcr, request.stream, request.source) for request in service.requests} == {
        ("dcr-1", f"Custom-{TABLE}", "aws_cloudtrail")
    }
    assert (report.batches, report.rows, report.retries) == (len(batches), 100, 0)
    assert report.bytes == sum(batch.size for batch in batches)
    assert report.billed == sum(batch.billed for batch in batches)
    assert report.by_status == {"204": len(batches)}
    totals = state.outbox()
    assert (totals.pending.batches, totals.sending.batches) == (0, 0)
    assert (totals.sent.rows, totals.possibly_sent.rows) == (100, 0)
    assert clock.slept == []


def test_an_empty_outbox_sends_nothing(tmp_path, clock):
    state, _ = fill(tmp_path, [])

    assert run(sender(state, service := Service(clock))).requests == len(service.requests) == 0


def test_no_more_requests_are_in_flight_than_set(tmp_path, clock):
    state, _ = fill(tmp_path, [IDS])
    flying = 0
    most = 0

    class Slow(Service):
        async def upload(self, body, **arguments):
            nonlocal flying, most
            flying += 1
            most = max(most, flying)
            await asyncio.sleep(0.001)
            await super().upload(body, **arguments)
            flying -= 1

    run(sender(state, Slow(clock), in_flight=3))

    assert most == 3


def test_a_batch_that_is_too_large_is_halved(tmp_path, clock):
    state, _ = fill(tmp_path, [IDS], limit=10_000)
    service = Service(clock, lambda request, _: refused(413) if request.size > 600 else None)

    report = run(sender(state, service))

    assert sorted(service.stored) == IDS
    assert report.by_status["413"] == report.splits
    assert report.rows == 100
    assert state.outbox().possibly_sent.batches == 0


def test_a_row_that_is_too_large_alone_is_cut_until_it_passes(tmp_path, clock):
    state, _ = fill(tmp_path, [["big"]], limit=100_000, pad=60_000)
    service = Service(clock, lambda request, _: refused(413) if request.size > 9_000 else None)

    run(sender(state, service))

    assert service.stored == ["big"]
    note = service.requests[-1].rows[0]["AdditionalFields"]["TidewaiterTruncated"]
    assert note["bytes"] > 60_000
    assert "event_id=big object=o0" in note["archive"]


def test_a_row_that_is_too_large_however_short_is_a_dead_letter(tmp_path, clock):
    state, _ = fill(tmp_path, [["big"]], limit=100_000, pad=60_000)

    report = run(sender(state, Service(clock, lambda *_: refused(413))))

    assert (report.dead, report.rows) == (1, 0)
    assert report.requests < 10
    (dead,) = state.dead()
    assert b'"big"' in rows_of(dead.batch)[0]


def test_retry_after_is_honoured_and_nothing_is_sent_meanwhile(tmp_path, clock):
    state, batches = fill(tmp_path, [IDS])
    service = Service(clock, once(Throttled("429", retry_after=17.0)))

    report = run(sender(state, service, in_flight=1))

    assert [request.at == 0 for request in service.requests[:2]] == [True, False]
    assert service.requests[1].at >= 17
    assert sorted(service.stored) == IDS
    assert (report.retries, report.possibly_sent) == (1, 0)
    assert report.by_status == {"204": len(batches), "throttled": 1}
    assert state.outbox().possibly_sent.batches == 0


def test_pauses_grow_when_the_service_does_not_say_how_long(tmp_path, clock):
    state, _ = fill(tmp_path, [["e"]])
    service = Service(clock, lambda _, number: Throttled("429") if number < 6 else None)

    run(sender(state, service))

    assert service.stored == ["e"]
    gaps = [later.at - earlier.at for earlier, later in pairwise(service.requests)]
    assert gaps == [0.75, 1.5, 3.0, 6.0, 12.0, 24.0]


@pytest.mark.parametrize("stored", [True, False])
def test_an_answer_that_did_not_come_is_sent_again_and_marked(tmp_path, clock, stored):
    state, batches = fill(tmp_path, [IDS])
    service = Service(clock, once(uncertain(stored=stored)))

    report = run(sender(state, service))

    first = [row["EventOriginalUid"] for row in service.requests[0].rows]
    assert sorted(service.stored) == sorted(IDS + (first if stored else []))
    assert report.possibly_sent == 1
    (marked,) = state.possibly_sent()
    assert marked.batch.batch_id == batches[0].batch_id


def test_what_never_left_is_sent_again_without_a_mark(tmp_path, clock):
    state, _ = fill(tmp_path, [IDS])

    report = run(sender(state, Service(clock, once(Unreachable("no route")))))

    assert (report.retries, report.possibly_sent) == (1, 0)
    assert state.outbox().possibly_sent.batches == 0


def test_a_batch_that_the_service_fails_on_while_it_takes_others_is_a_dead_letter(tmp_path, clock):
    state, batches = fill(tmp_path, [IDS])
    bad = batches[2].batch_id
    service = Service(clock, lambda request, _: uncertain(stored=False) if request.batch_id == bad else None)

    report = run(sender(state, service, max_attempts=3))

    assert (report.dead, report.batches) == (1, len(batches) - 1)
    (dead,) = state.dead()
    assert dead.batch == batches[2]
    assert dead.possibly_sent
    assert [request.batch_id for request in service.requests].count(bad) == 3


def test_two_batches_that_the_service_fails_on_are_dead_letters_where_it_takes_others(tmp_path, clock):
    state, batches = fill(tmp_path, [IDS])
    bad = {batches[1].batch_id, batches[4].batch_id}
    service = Service(clock, lambda request, _: uncertain(stored=False) if request.batch_id in bad else None)

    report = run(sender(state, service, max_attempts=3))

    assert (report.dead, report.batches) == (2, len(batches) - 2)
    assert {dead.batch.batch_id for dead in state.dead()} == bad


def test_a_service_that_is_away_makes_no_dead_letters_and_ends_the_drain(tmp_path, clock):
    state, batches = fill(tmp_path, [IDS])
    sending = sender(state, service := Service(clock, lambda *_: uncertain(stored=False)), max_attempts=3)

    with pytest.raises(DeliveryError, match="nothing was accepted for 300 s"):
        run(sending)

    totals = state.outbox()
    assert (totals.pending.batches, totals.dead.batches, totals.sending.batches) == (len(batches), 0, 0)
    assert 300 <= clock.seconds < 400
    assert len(service.requests) < 40
    assert sending.report.possibly_sent <= 8


def test_a_drain_until_stopped_outlasts_an_outage(tmp_path, clock):
    state, _ = fill(tmp_path, [IDS])
    service = Service(clock, lambda request, _: Unreachable("away") if request.at < 3_000 else None)
    stop = asyncio.Event()

    async def drive():
        task = asyncio.create_task(sender(state, service).drain(until="stopped", stop=stop))
        while len(service.stored) < 100:
            await asyncio.sleep(0)
        stop.set()
        return await task

    report = asyncio.run(drive())

    assert report.rows == 100
    assert len([request for request in service.requests if request.at < 3_000]) < 100


def test_after_an_outage_one_batch_tries_before_the_others_follow(tmp_path, clock):
    state, _ = fill(tmp_path, [IDS])
    service = Service(clock, lambda request, _: Unreachable("away") if request.at < 20 else None)

    run(sender(state, service))

    away = [request.at for request in service.requests if request.at < 20]
    assert away.count(0) == 4
    assert len(away) == len(set(away)) + 3


@pytest.mark.parametrize("status", [401, 403])
def test_an_identity_without_access_ends_the_drain_and_keeps_everything(tmp_path, clock, status):
    state, batches = fill(tmp_path, [IDS])

    with pytest.raises(DeliveryError, match=r"no access to dcr-1 for 60 s.*'Monitoring Metrics Publisher'"):
        run(sender(state, Service(clock, lambda *_: refused(status)), access_wait=60))

    totals = state.outbox()
    assert (totals.pending.batches, totals.sending.batches) == (len(batches), 0)
    assert 60 <= clock.seconds < 130


def test_a_wrong_dcr_stops_at_once_and_keeps_everything(tmp_path, clock):
    state, batches = fill(tmp_path, [IDS])
    service = Service(clock, lambda *_: refused(404, "no such stream"))

    with pytest.raises(DeliveryError, match="no such stream"):
        run(sender(state, service))

    assert len(service.requests) <= 4
    totals = state.outbox()
    assert (totals.pending.batches, totals.sending.batches, totals.dead.batches) == (len(batches), 0, 0)


def test_what_nobody_takes_of_an_optional_table_is_given_up_and_stops_no_other(tmp_path, clock):
    state, _ = fill(tmp_path, [IDS])
    alarm = Alarm("aws_cloudtrail", "new_field", "x", "1", "eu-west-1")
    state.add_alerts(["a"], drift_batches([alarm], now=START))
    service = Service(clock)

    with pytest.raises(ConfigError, match="TidewaiterDrift_CL, which has no route"):
        run(sender(state, service))
    run(sender(state, service, optional=("TidewaiterDrift_CL",)))

    assert service.stored == IDS
    assert (state.outbox().pending.batches, state.outbox().dead.batches) == (0, 1)


def test_an_unacceptable_certificate_stops_at_once(tmp_path, clock):
    state, batches = fill(tmp_path, [IDS])

    with pytest.raises(ConfigError, match="not trusted"):
        run(sender(state, Service(clock, lambda *_: Untrusted("not trusted"))))

    assert state.outbox().pending.batches == len(batches)


def test_a_defect_stops_the_drain_and_marks_what_was_in_flight(tmp_path, clock):
    state, batches = fill(tmp_path, [IDS])

    with pytest.raises(ZeroDivisionError):
        run(sender(state, Service(clock, once(ZeroDivisionError()))))

    totals = state.outbox()
    assert totals.sending.batches == 0
    assert totals.possibly_sent.batches == 1
    assert totals.pending.batches + totals.sent.batches == len(batches)


def test_a_table_without_route_is_named(tmp_path, clock):
    state, _ = fill(tmp_path, [["e"]], table="AWSCloudTrail")

    with pytest.raises(ConfigError, match="rows for AWSCloudTrail, which has no route"):
        run(sender(state, Service(clock)))

    assert state.outbox().pending.batches == 1


def test_stopping_lets_what_is_in_flight_finish(tmp_path, clock):
    state, batches = fill(tmp_path, [IDS])
    stop = asyncio.Event()

    def answer(_request, _number):
        stop.set()

    async def drive():
        return await sender(state, Service(clock, answer), in_flight=2).drain(stop=stop)

    report = asyncio.run(drive())

    totals = state.outbox()
    assert 0 < report.batches <= 4
    assert (totals.sent.batches, totals.sending.batches) == (report.batches, 0)
    assert totals.pending.batches == len(batches) - report.batches
    assert totals.possibly_sent.batches == 0


def test_a_cancelled_drain_marks_only_what_was_in_flight(tmp_path, clock):
    state, batches = fill(tmp_path, [IDS])

    class Hanging(Service):
        async def upload(self, body, **arguments):  # noqa: ARG002
            await asyncio.Event().wait()

    async def drive():
        task = asyncio.create_task(sender(state, Hanging(clock), in_flight=2).drain())
        await asyncio.sleep(0.01)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(drive())

    totals = state.outbox()
    assert totals.sending.batches == 0
    assert totals.pending.batches == len(batches)
    assert totals.possibly_sent.batches == 2


def test_a_deadline_ends_the_drain(tmp_path, clock):
    state, batches = fill(tmp_path, [IDS])
    service = Service(clock, lambda *_: Unreachable("away"))

    report = run(sender(state, service), deadline=START + timedelta(seconds=20))

    assert report.batches == 0
    assert 20 <= clock.seconds < 30
    assert state.outbox().pending.batches == len(batches)


def test_batches_of_a_table_with_a_spacing_leave_that_far_apart(tmp_path, clock):
    state, batches = fill(tmp_path, [IDS[:60]])
    service = Service(clock)

    report = run(sender(state, service, spacing={TABLE: 61.0}))

    assert service.stored == IDS[:60]
    gaps = [later.at - earlier.at for earlier, later in pairwise(service.requests)]
    assert len(gaps) == len(batches) - 1
    assert min(gaps) >= 61
    assert (report.retries, report.dead) == (0, 0)
