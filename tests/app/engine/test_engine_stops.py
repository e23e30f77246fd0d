"""After Ctrl-C, or when sending failed, a run commits and reports what it did, and does not send again."""

from __future__ import annotations

import json

import pytest

from tests.app import logs
from tests.app.conftest import Silent, deliver_to
from tidewaiter.app.engine import commit, pool
from tidewaiter.app.engine.destination import Destination
from tidewaiter.app.engine.worker import Worker
from tidewaiter.core.errors import DeliveryError
from tidewaiter.core.settings import Settings, Source
from tidewaiter.pipeline.deliver.sender import Sender
from tidewaiter.state import open_state

ALL = {logs.event_id(number) for number in range(20)}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "GROUP_OBJECTS", 1)
    folder = tmp_path / "in"
    for part in range(4):
        logs.trail(folder, [logs.event(number) for number in range(part * 5, part * 5 + 5)], f"part-{part}")
    return folder


@pytest.fixture
def drains(monkeypatch):
    """Count the drains, and let the one with the number `fails` fail as if the service were away."""
    whole = Destination.drain
    seen = {"begun": 0, "fails": 0}

    def drain(self: Destination, sender: Sender):
        seen["begun"] += 1
        if seen["begun"] == seen["fails"]:
            raise DeliveryError("nothing was accepted for 300 s: away")
        return whole(self, sender)

    monkeypatch.setattr(Destination, "drain", drain)
    return seen


def outbox(tmp_path):
    with open_state(tmp_path / "state", read_only=True) as state:
        return state.outbox()


def test_an_interrupted_run_keeps_what_was_done_and_sends_nothing_more(tmp_path, folder, deliver, drains):
    class Impatient(Silent):
        def done(self, results: object) -> None:
            del results
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deliver(folder, progress=Impatient())

    assert drains["begun"] == 1, "what an earlier run left, and nothing after the interruption"
    report = json.loads((tmp_path / "state" / "report.json").read_bytes())
    assert report["sources"]["aws_cloudtrail"]["delivered"] == 5
    assert outbox(tmp_path).pending.rows == 5
    assert set(deliver(folder).ids()) == ALL


@pytest.mark.parametrize("fails", [1, 2, 3])
def test_a_drain_that_failed_is_not_followed_by_another(
    tmp_path, folder, deliver, drains, monkeypatch, fails
):
    monkeypatch.setattr(commit, "_ROWS", 4)
    drains["fails"] = fails

    with pytest.raises(DeliveryError, match="nothing was accepted for 300 s: away"):
        deliver(folder)

    assert drains["begun"] == fails
    report = json.loads((tmp_path / "state" / "report.json").read_bytes())
    assert sum(source["delivered"] for source in report["sources"].values()) == 5 * (fails - 1)
    assert outbox(tmp_path).pending.rows == (0 if fails == 1 else 5)
    delivery = deliver(folder)
    assert set(delivery.ids()) == ALL
    assert not delivery.possibly_sent()


def test_what_was_claimed_before_work_failed_is_still_sent(tmp_path, folder, deliver, drains, monkeypatch):
    work, calls = Worker.work, []

    def short(self, *arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise DeliveryError("no room")
        return work(self, *arguments)

    monkeypatch.setattr(Worker, "work", short)
    with pytest.raises(DeliveryError, match="no room"):
        deliver(folder)

    totals = outbox(tmp_path)
    assert (totals.pending.rows, totals.sent.rows) == (0, 10)
    assert drains["begun"] > 1


def test_rows_that_wait_for_a_source_that_went_back_to_shadow_stay_and_the_run_says_so(
    tmp_path, folder, deliver, drains
):
    drains["fails"] = 2
    with pytest.raises(DeliveryError):
        deliver(folder)
    logs.flows(folder, range(20))
    shadow = Settings(sources={"aws_cloudtrail": Source(phase="shadow")})
    said: list[str] = []

    delivery = deliver_to(tmp_path / "state", folder, settings=shadow, notice=said.append)

    assert delivery.exit_code == 5
    assert delivery.result
    assert delivery.result.waiting == 1
    assert len(delivery.rows()["ASimNetworkSessionLogs"]) == 20
    assert not ALL & set(delivery.ids())
    (told,) = said
    assert told.startswith("rows wait in the outbox: ")
    assert "aws_cloudtrail in phase shadow" in told
    assert set(deliver(folder).ids()) >= ALL
