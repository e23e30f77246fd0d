"""Claims and what comes with them, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.state.rows import NOON, TABLE, TODAY, batch, claim, done, signal
from tidewaiter.core.errors import ConfigError
from tidewaiter.core.faults import Fault, Quarantined
from tidewaiter.state import Conflict, EntityChange

HOUR = timedelta(hours=1)


def commit(state, *items, batches=(), today=TODAY, **more):
    state.commit(items, batches, {"decode": 0.25}, today=today, **more)


def test_what_is_committed_is_there_for_the_next_process(opened):
    item = done(keys=(1, -1, 2**62))
    item.faults = [Fault("a.json", "truncated", "ends early", "fetch it again")]
    item.quarantined = [Quarantined("a.json", 3, "malformed", "no JSON", b"\xff\x00{")]
    item.signals = [signal()]
    first = opened()
    commit(first, item, batches=[batch()])
    first.close()

    state = opened()

    assert state.versions() == {"a.json": [claim()]}
    assert state.known_digests("aws_cloudtrail", ["d1", "d2"]) == {"d1"}
    assert state.known_digests("aws_vpcflow", ["d1"]) == set()
    assert state.seen([1, -1, 2, 2**62]) == {1, -1, 2**62}
    assert state.rows() == {TABLE: 2}
    assert state.totals() == {"aws_cloudtrail": item.counts}
    assert state.kinds() == {"aws_cloudtrail": {"events": 1}}
    assert list(state.faults()) == [("aws_cloudtrail", item.faults[0])]
    assert list(state.quarantined()) == [("aws_cloudtrail", item.quarantined[0])]
    assert state.signals() == [signal()]
    assert state.seconds() == {"decode": 0.25}
    assert state.outbox().pending.rows == 2


def test_totals_rows_and_seconds_are_sums(opened):
    state = opened()
    commit(state, done(claim("a")), done(claim("b", source="aws_vpcflow"), delivered=5))
    commit(state, done(claim("a", "d2"), delivered=1, duplicate=2))

    totals = state.totals()
    assert (totals["aws_cloudtrail"].objects, totals["aws_cloudtrail"].delivered) == (2, 3)
    assert totals["aws_cloudtrail"].duplicate == 2
    assert totals["aws_vpcflow"].delivered == 5
    assert state.rows() == {TABLE: 8}
    assert state.seconds() == {"decode": 0.5}
    assert [item.digest for item in state.versions()["a"]] == ["d1", "d2"]


def test_counts_that_do_not_add_up_are_a_bug_and_nothing_of_them_is_kept(opened):
    wrong = done()
    wrong.counts.delivered += 1
    state = opened()

    with pytest.raises(AssertionError):
        commit(state, done(claim("b")), wrong)

    assert state.versions() == {}


def test_an_object_that_another_process_claimed_is_a_conflict_and_nothing_is_written(opened):
    state = opened()
    commit(state, done(claim("a"), keys=(1,)))

    with pytest.raises(Conflict) as caught:
        commit(state, done(claim("a"), keys=(2,)), done(claim("b"), keys=(3,)), batches=[batch()])

    assert [each.object_id for each in caught.value.objects] == ["a"]
    assert set(state.versions()) == {"a"}
    assert state.seen([1, 2, 3]) == {1}
    assert state.outbox().pending.batches == 0
    assert state.claimed([claim("a"), claim("b")]) == {("a", "d1")}


def test_an_event_that_another_process_noted_is_a_conflict_and_nothing_is_written(opened):
    state = opened()
    commit(state, done(claim("a"), keys=(1,)))

    with pytest.raises(Conflict) as caught:
        commit(state, done(claim("b"), keys=(1, 2)))

    assert caught.value.keys == 1
    assert set(state.versions()) == {"a"}
    assert state.seen([1, 2]) == {1}


def test_many_keys_are_noted_and_found(opened):
    keys = tuple(range(-2000, 2000))
    state = opened()
    commit(state, done(keys=keys))

    assert state.seen([*keys, 5000]) == set(keys)


def test_events_are_forgotten_after_their_time_and_not_before(opened):
    state = opened()
    commit(state, done(claim("a"), keys=(1,)), today=date(2026, 3, 1))
    commit(state, done(claim("b"), keys=(2,)), today=date(2026, 3, 2))
    state.forget(days=2)
    assert state.seen([1, 2]) == {1, 2}
    state.forget(days=1)

    assert state.seen([1, 2]) == {2}


def test_a_clock_that_runs_ahead_makes_no_event_forgotten(opened):
    state = opened()
    for number, today in enumerate((date(2026, 3, 1), date(2033, 1, 1), date(2026, 3, 2))):
        commit(state, done(claim(str(number)), keys=(number,)), today=today)
        state.forget(days=3)

    assert state.seen([0, 1, 2]) == {0, 1, 2}


def test_the_same_signal_is_kept_once_and_another_on_the_same_event_too(opened):
    items = [done(claim(name)) for name in "abc"]
    items[0].signals = [signal()]
    items[1].signals = [signal()]
    items[2].signals = [signal("stopped another trail")]
    state = opened()
    commit(state, *items)

    assert [each.statement for each in state.signals()] == ["stopped a trail", "stopped another trail"]


def test_an_object_is_worked_on_by_one_process_until_its_lease_runs_out(opened, url):
    first = opened(owner="one")
    assert first.reserve([claim("a"), claim("b")], now=NOON, lease=HOUR) == {("a", "d1"), ("b", "d1")}
    if not url:
        first.close()
    second = opened(owner="two")

    assert second.reserve([claim("a"), claim("c")], now=NOON, lease=HOUR) == {("c", "d1")}
    assert second.reserve([claim("a")], now=NOON + 2 * HOUR, lease=HOUR) == {("a", "d1")}


def test_a_lease_of_a_clock_that_was_ahead_does_not_hold_for_ever(opened, url):
    first = opened(owner="one")
    first.reserve([claim("a")], now=NOON + 1000 * HOUR, lease=HOUR)
    if not url:
        first.close()

    assert opened(owner="two").reserve([claim("a")], now=NOON, lease=HOUR) == {("a", "d1")}


def test_what_is_claimed_cannot_be_reserved_and_what_is_released_can(opened):
    state = opened(owner="one")
    commit(state, done(claim("a")))
    assert state.reserve([claim("a"), claim("b")], now=NOON, lease=HOUR) == {("b", "d1")}
    state.release([claim("b")])

    assert state.reserve([claim("b")], now=NOON, lease=HOUR) == {("b", "d1")}


def test_objects_with_decisions_wait_for_the_audit_trail(opened):
    item = done(claim("a"))
    item.root, item.decided, item.part = "abc", 3, "000001"
    state = opened()
    commit(state, item, done(claim("b")))

    (waiting,) = state.unaudited()
    assert (waiting.claim, waiting.root, waiting.decided, waiting.part) == (claim("a"), "abc", 3, "000001")
    state.mark_audited([waiting])
    assert state.unaudited() == []


def test_files_of_a_part_that_was_begun_and_never_committed_are_known_to_the_next_process(opened):
    first = opened(owner="first")
    first.begin_part("p1", ["archive/a", "decisions/b"], now=NOON, lease=HOUR)
    first.begin_part("p2", ["archive/c"], now=NOON, lease=HOUR)
    first.commit([done(claim("a"))], [], {}, today=TODAY, part="p2")
    assert first.abandoned(now=NOON + 2 * HOUR) == {}, "a part of its own is its own affair"
    first.close()

    second = opened(owner="second")
    assert second.abandoned(now=NOON + 2 * HOUR) == {"p1": ["archive/a", "decisions/b"]}
    second.forget_part("p1")
    assert second.abandoned(now=NOON + 2 * HOUR) == {}


def test_a_part_that_was_swept_meanwhile_is_not_committed(opened):
    first = opened(owner="first")
    first.begin_part("p1", ["archive/a"], now=NOON, lease=HOUR)
    first.forget_part("p1")  # as another process does that took this one for dead

    with pytest.raises(Conflict):
        first.commit([done(claim("a"))], [], {}, today=TODAY, part="p1")
    assert first.versions() == {}


def test_a_part_of_a_living_process_is_not_taken_for_abandoned(opened, url):
    if not url:
        pytest.skip("SQLite has one process at a time")
    opened(owner="first").begin_part("p1", ["archive/a"], now=NOON, lease=HOUR)

    assert opened(owner="second").abandoned(now=NOON) == {}


def test_a_reset_state_is_as_new(opened):
    state = opened()
    commit(state, done(keys=(5,)), batches=[batch()])
    state.add_alerts(["x"], [])
    state.reset()

    assert (state.versions(), state.rows(), state.totals(), state.seen([5])) == ({}, {}, {}, set())
    assert state.outbox().pending.batches == 0
    assert state.alerts_noted() == set()


def count(state, batch):
    """Add up numbers, per key; hands out how many keys were new."""
    changed = {key: str(int(state.get(key, b"0")) + n).encode() for key, n in batch.items()}
    return changed, sum(key not in state for key in batch)


def test_entity_state_is_changed_by_a_step_and_written_with_the_commit(opened):
    state = opened()
    changes, new = state.step("counts", count, {f"key-{n}": n for n in range(100)})
    assert sum(new) == 100
    assert state.entities("counts", ["key-7"]) == {}, "nothing is written before the commit"
    commit(state, done(), entities=changes)
    changes, new = state.step("counts", count, {"key-7": 10, "other": 1})
    commit(state, done(claim("b")), entities=[*changes, EntityChange("counts", "key-8", None)])

    assert sum(new) == 1
    assert state.entities("counts", ["key-7", "key-8", "key-9", "other"]) == {
        "key-7": b"17",
        "key-9": b"9",
        "other": b"1",
    }
    assert state.entities("another kind", ["key-7"]) == {}


def test_splitting_a_batch_in_two_gives_the_same_entity_state(opened):
    state = opened()
    whole = {f"k{n}": n for n in range(40)}
    for place, part in enumerate([dict(list(whole.items())[:13]), dict(list(whole.items())[13:])]):
        changes, _ = state.step("parts", count, part)
        commit(state, done(claim(f"p{place}")), entities=changes)
    changes, _ = state.step("whole", count, whole)
    commit(state, done(claim("w")), entities=changes)

    assert state.entities("parts", list(whole)) == state.entities("whole", list(whole))


def test_an_entity_that_remembers_too_much_is_refused_by_name(opened):
    def grow(_state, batch):
        return dict.fromkeys(batch, b"x" * 5000), None

    with pytest.raises(ConfigError, match=r"the state of big 'ada' has 5,000 bytes, at most 4,096"):
        opened().step("big", grow, {"ada": 1})
