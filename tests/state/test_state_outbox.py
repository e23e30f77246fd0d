"""The outbox: nothing is lost, sent is final, and what may have arrived twice is marked."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from tests.state.rows import NOON, TABLE, TODAY, batch, claim, done
from tidewaiter.core.outbox import Span
from tidewaiter.state import Amount, Conflict, RejectedRow, open_state

MINUTE = timedelta(minutes=1)


def filled(opened, *batches, **options):
    state = opened(**options)
    state.commit([done(delivered=sum(each.rows for each in batches))], batches, {}, today=TODAY)
    return state


def take(state, n=10, now=NOON):
    return state.take_batches(n, now=now, lease=MINUTE)


def test_batches_leave_in_their_order_and_are_taken_once(opened):
    state = filled(opened, *(batch(f"b{n}") for n in range(5)))

    assert [each.batch.batch_id for each in take(state, 3)] == ["b0", "b1", "b2"]
    assert [each.batch.batch_id for each in take(state)] == ["b3", "b4"]
    assert take(state) == []
    assert state.outbox().sending == Amount(5, 10)


def test_a_batch_comes_back_as_it_was(opened):
    state = filled(opened, batch())

    (waiting,) = take(state)

    assert waiting.batch == batch()
    assert (waiting.attempts, waiting.possibly_sent, waiting.error) == (1, False, "")


def test_what_was_sent_is_final_and_its_body_goes(opened):
    state = filled(opened, batch("b1"), batch("b2"))
    take(state)
    state.mark_sent(["b1"], now=NOON)

    assert state.outbox().sent == Amount(1, 2)
    assert state.take_back(now=NOON + 5 * MINUTE) == 1
    assert [each.batch.batch_id for each in take(state)] == ["b2"]
    assert [each.batch.batch_id for each in state.possibly_sent()] == ["b2"]


def test_a_batch_in_a_dead_process_is_pending_again_and_possibly_sent(opened):
    first = filled(opened, batch())
    take(first)
    first.close()

    state = opened()
    assert state.take_back(now=NOON + 2 * MINUTE) == 1

    (waiting,) = take(state, now=NOON + 2 * MINUTE)
    assert (waiting.possibly_sent, waiting.attempts) == (True, 2)
    state.mark_sent([waiting.batch.batch_id], now=NOON)
    (kept,) = state.possibly_sent()
    assert kept.batch.body == batch().body, "the ids in it can be listed"


def test_a_batch_of_a_living_process_is_not_taken_from_it(opened, url):
    first = filled(opened, batch())
    take(first)
    if not url:
        pytest.skip("SQLite has one process at a time")
    second = opened()

    assert second.take_back(now=NOON) == 0
    assert take(second) == []
    assert [each.possibly_sent for each in take(second, now=NOON + 2 * MINUTE)] == [True]


def test_a_batch_that_was_put_back_waits_until_its_time(opened):
    state = filled(opened, batch())
    take(state)
    state.put_back("b1", now=NOON, retry_at=NOON + 5 * MINUTE, error="429", uncertain=False)

    assert take(state) == []
    assert state.next_retry() == NOON + 5 * MINUTE
    (waiting,) = take(state, now=NOON + 5 * MINUTE)
    assert (waiting.attempts, waiting.possibly_sent, waiting.error) == (2, False, "429")


def test_an_uncertain_end_marks_a_batch_for_good(opened):
    state = filled(opened, batch())
    take(state)
    state.put_back("b1", now=NOON, retry_at=NOON, error="reset", uncertain=True)
    take(state)
    state.put_back("b1", now=NOON, retry_at=NOON, error="429", uncertain=False)

    assert [each.possibly_sent for each in take(state)] == [True]


def test_a_clock_that_was_set_back_does_not_freeze_the_outbox(opened):
    state = filled(opened, batch())
    ahead = NOON + timedelta(days=400)
    take(state, now=ahead)
    state.put_back("b1", now=ahead, retry_at=ahead + MINUTE, error="429", uncertain=False)

    assert len(take(state)) == 1


def test_parts_take_the_place_of_their_batch_and_inherit_its_mark(opened):
    state = filled(opened, batch("b1", 4), batch("b2"))
    take(state, 1)
    state.put_back("b1", now=NOON, retry_at=NOON, error="reset", uncertain=True)
    take(state, 1)
    state.split("b1", [batch("b1a"), batch("b1b")])
    state.split("b1a", [batch("b1a1", 1), batch("b1a2", 1)])

    found = take(state)
    assert [each.batch.batch_id for each in found] == ["b1a1", "b1a2", "b1b", "b2"]
    assert [each.possibly_sent for each in found] == [True, True, True, False]


def test_a_dead_letter_is_kept_and_not_sent(opened):
    state = filled(opened, batch())
    take(state)
    state.bury("b1", "refused 12 times")

    assert take(state, now=NOON + 600 * MINUTE) == []
    (dead,) = state.dead()
    assert (dead.batch.body, dead.error) == (batch().body, "refused 12 times")
    assert state.outbox().dead == Amount(1, 2)

    assert state.revive() == 1
    (again,) = take(state)
    assert (again.batch.body, again.attempts) == (batch().body, 1)
    assert state.outbox().dead == Amount()


def test_a_refused_row_goes_to_quarantine_and_the_counts_still_add_up(opened):
    state = opened()
    whole = batch("b1", 3)
    state.commit([done(delivered=3)], [whole], {}, today=TODAY)
    take(state)
    state.reject_rows("b1", batch("rest", 2), [RejectedRow(1, b'{"bad":1}', "400 wrong type")])

    counts = state.totals()["aws_cloudtrail"]
    counts.check()
    assert (counts.records, counts.delivered, counts.quarantined) == (3, 2, 1)
    assert state.rows() == {TABLE: 2}
    ((source, record),) = state.quarantined()
    assert (source, record.raw, record.object_id) == ("aws_cloudtrail", b'{"bad":1}', "a.json")
    assert "400 wrong type" in record.reason
    assert [each.batch.batch_id for each in take(state)] == ["rest"]


def test_a_batch_of_nothing_but_a_refused_row_is_gone(opened):
    state = opened()
    state.commit([done(delivered=1)], [batch("b1", 1)], {}, today=TODAY)
    take(state)
    state.reject_rows("b1", None, [RejectedRow(0, b"{}", "no")])

    assert take(state) == []
    assert state.rows() == {TABLE: 0}


def test_the_same_rows_may_be_sent_again_long_after(opened):
    state = filled(opened, batch("b1"))
    take(state)
    state.mark_sent(["b1"], now=NOON)
    state.commit([done(claim("b"))], [batch("b1")], {}, today=TODAY)

    assert [each.batch.rows for each in take(state)] == [2]


def test_an_alert_is_put_into_the_outbox_once(opened):
    alerts = batch("alerts", 1)
    state = opened()
    state.add_alerts(["alert-1"], [alerts])
    with pytest.raises(Conflict):
        state.add_alerts(["alert-1", "alert-2"], [batch("more", 2)])

    assert state.alerts_noted() == {"alert-1"}
    assert state.rows() == {TABLE: 1}
    assert state.outbox().pending == Amount(1, 1)


def test_what_was_sent_long_ago_is_pruned_but_not_what_may_have_arrived_twice(opened):
    state = filled(opened, batch("b1"), batch("b2"))
    take(state, 1)
    state.put_back("b1", now=NOON, retry_at=NOON, error="reset", uncertain=True)
    take(state)
    state.mark_sent(["b1", "b2"], now=NOON)
    state.prune(TODAY + timedelta(days=30))

    assert state.outbox().sent == Amount(1, 2)
    assert [each.batch.batch_id for each in state.possibly_sent()] == ["b1"]


def test_billed_bytes_are_those_of_what_goes_out_by_source(opened):
    state = opened()
    flows = batch("b2", 1, claim("f", source="aws_vpcflow"))
    state.commit([done()], [batch("b1"), flows], {}, today=TODAY)

    assert state.billed() == {"aws_cloudtrail": 50, "aws_vpcflow": 50}


class OutboxMachine(RuleBasedStateMachine):
    """Any order of sends, failures, splits and crashes."""

    pending = Bundle("pending")
    folder: Path

    def __init__(self) -> None:
        super().__init__()
        self.root = self.folder / "machine"
        shutil.rmtree(self.root, ignore_errors=True)
        self.state = open_state(self.root)
        self.made = 0
        self.rows = 0
        self.hands: dict[str, bool] = {}
        self.uncertain: set[str] = set()
        self.sent: dict[str, int] = {}

    def name(self) -> str:
        self.made += 1
        return f"b{self.made}"

    @rule(n=st.integers(1, 3), rows=st.integers(1, 4))
    def commit(self, n, rows):
        made = [batch(self.name(), rows) for _ in range(n)]
        item = done(claim(f"o{self.made}"), delivered=n * rows)
        self.state.commit([item], made, {}, today=TODAY)
        self.rows += n * rows

    @rule(n=st.integers(1, 3), target=pending)
    def take(self, n):
        found = take(self.state, n)
        for each in found:
            assert each.batch.batch_id not in self.hands
            assert each.possibly_sent == (each.batch.batch_id in self.uncertain)
        self.hands.update((each.batch.batch_id, each.batch.rows) for each in found)
        return multiple(*(each.batch for each in found))

    @rule(each=consumes(pending))
    def succeed(self, each):
        if self.hands.pop(each.batch_id, None):
            self.state.mark_sent([each.batch_id], now=NOON)
            self.sent[each.batch_id] = each.rows

    @rule(each=consumes(pending), uncertain=st.booleans())
    def fail(self, each, uncertain):
        if self.hands.pop(each.batch_id, None):
            self.state.put_back(each.batch_id, now=NOON, retry_at=NOON, error="x", uncertain=uncertain)
            if uncertain:
                self.uncertain.add(each.batch_id)

    @rule(each=consumes(pending))
    def halve(self, each):
        if each.rows > 1 and self.hands.pop(each.batch_id, None):
            first = each.rows // 2
            parts = [batch(self.name(), first), batch(self.name(), each.rows - first)]
            self.state.split(each.batch_id, parts)
            if each.batch_id in self.uncertain:
                self.uncertain |= {part.batch_id for part in parts}

    @rule()
    def crash(self):
        self.state.close()
        self.state = open_state(self.root)
        assert self.state.take_back(now=NOON) == len(self.hands)
        self.uncertain |= set(self.hands)
        self.hands.clear()

    @invariant()
    def every_row_is_somewhere(self):
        totals = self.state.outbox()
        assert totals.pending.rows + totals.sending.rows + totals.sent.rows == self.rows
        assert totals.sent.rows == sum(self.sent.values())
        assert totals.sending.batches == len(self.hands)

    def teardown(self):
        self.state.close()


def test_any_order_of_events_keeps_the_laws_of_the_outbox(tmp_path):
    OutboxMachine.folder = tmp_path
    machine = OutboxMachine.TestCase
    machine.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
    machine("runTest").runTest()


def test_spans_say_whose_rows_they_are():
    assert batch("x", 3).spans == (Span("aws_cloudtrail", "a.json", "d1", 3),)
