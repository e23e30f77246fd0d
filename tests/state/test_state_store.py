from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.core.errors import DeliveryError, StateError
from tidewaiter.core.faults import Fault, Quarantined
from tidewaiter.core.findings import Entity, Signal
from tidewaiter.state import Claim, Counts, Intent, ObjectDone, State

TODAY = date(2026, 3, 17)
KEYS = st.lists(st.integers(-(2**63), 2**63 - 1), unique=True, max_size=1200)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "state"


def claim(object_id: str = "a.json", digest: str = "d1", source: str = "aws_cloudtrail") -> Claim:
    return Claim(object_id, digest, source, "events", 10, 20)


def done(
    item: Claim | None = None, *, delivered: int = 2, duplicate: int = 0, keys: tuple[int, ...] = ()
) -> ObjectDone:
    valid = delivered + duplicate
    counts = Counts(objects=1, records=valid, valid=valid, delivered=delivered, duplicate=duplicate)
    return ObjectDone(item or claim(), counts, {"ASimAuditEventLogs": delivered}, list(keys))


def record(state: State, *items: ObjectDone, today: date = TODAY) -> None:
    with state.transaction():
        for item in items:
            state.record(item, today=today)


def signal(statement: str = "stopped a trail") -> Signal:
    return Signal(
        "trail_tampering", "e1", "2026-03-17T00:00:00Z", "ada", "Trail stopped", "High", 0.9, "T1562.008",
        "DefenseEvasion", statement, (Entity("Account", "arn", "ada"),),
    )  # fmt: skip


def test_what_is_recorded_is_there_after_the_state_was_closed(root):
    quarantined = Quarantined("a.json", 3, "malformed", "no JSON", b"\xff\x00{")
    fault = Fault("a.json", "truncated", "ends early", "fetch it again")
    item = done(keys=(1, -1))
    item.faults, item.quarantined, item.signals = [fault], [quarantined], [signal()]
    with State.open(root) as state:
        record(state, item)

    with State.open(root) as state:
        assert state.versions() == {"a.json": [claim()]}
        assert state.digests("aws_cloudtrail") == {"d1"}
        assert state.digests("aws_vpcflow") == set()
        assert state.seen([1, -1, 2]) == {1, -1}
        assert state.rows() == {"ASimAuditEventLogs": 2}
        assert state.totals() == {"aws_cloudtrail": item.counts}
        assert state.kinds() == {"aws_cloudtrail": {"events": 1}}
        assert list(state.faults()) == [("aws_cloudtrail", fault)]
        assert list(state.quarantined()) == [("aws_cloudtrail", quarantined)]
        assert state.signals() == [signal()]


def test_totals_and_rows_are_the_sums_over_all_objects(root):
    with State.open(root) as state:
        record(state, done(claim("a")), done(claim("b", source="aws_vpcflow"), delivered=5))
        record(state, done(claim("a", "d2"), delivered=1, duplicate=2))

        totals = state.totals()
        assert (totals["aws_cloudtrail"].objects, totals["aws_cloudtrail"].delivered) == (2, 3)
        assert totals["aws_cloudtrail"].duplicate == 2
        assert totals["aws_vpcflow"].delivered == 5
        assert state.rows() == {"ASimAuditEventLogs": 8}
        assert [item.digest for item in state.versions()["a"]] == ["d1", "d2"]
        for counts in totals.values():
            counts.check()


def test_counts_that_do_not_add_up_are_a_bug_and_nothing_of_them_is_kept(root):
    wrong = done()
    wrong.counts.delivered += 1
    with State.open(root) as state:
        with pytest.raises(AssertionError):
            record(state, done(claim("b")), wrong)

        assert state.versions() == {}


def test_the_same_version_of_an_object_is_claimed_once(root):
    with State.open(root) as state:
        record(state, done())
        with pytest.raises(StateError):
            record(state, done())

        assert state.rows() == {"ASimAuditEventLogs": 2}


def test_a_transaction_that_fails_leaves_what_was(root):
    with State.open(root) as state:
        record(state, done(claim("a"), keys=(1,)))
        with pytest.raises(KeyError), state.transaction():  # noqa: PT012
            state.record(done(claim("b"), keys=(2,)), today=TODAY)
            state.add_seconds({"decode": 1.0})
            raise KeyError("crash")

        assert set(state.versions()) == {"a"}
        assert state.seen([1, 2]) == {1}
        assert state.seconds() == {}


@given(delivered=KEYS, asked=KEYS)
def test_events_are_seen_when_they_were_delivered_and_only_then(tmp_path_factory, delivered, asked):
    with State.open(tmp_path_factory.mktemp("seen")) as state:
        record(state, done(keys=tuple(delivered)))

        assert state.seen([*asked, *delivered]) == set(delivered)
        assert state.seen(asked) == set(asked) & set(delivered)


def test_events_are_forgotten_after_their_time_and_not_before(root):
    with State.open(root) as state:
        record(state, done(claim("a"), keys=(1,)), today=date(2026, 3, 1))
        record(state, done(claim("b"), keys=(2,)), today=date(2026, 3, 2))
        with state.transaction():
            state.forget(date(2026, 3, 2))

        assert state.seen([1, 2]) == {2}


def test_the_same_signal_is_kept_once_and_another_on_the_same_event_id_too(root):
    items = [done(claim(name)) for name in "abc"]
    items[0].signals = [signal()]
    items[1].signals = [signal()]
    items[2].signals = [signal("stopped another trail")]
    with State.open(root) as state:
        record(state, *items)

        assert [each.statement for each in state.signals()] == ["stopped a trail", "stopped another trail"]


def test_seconds_add_up(root):
    with State.open(root) as state:
        for _ in range(2):
            with state.transaction():
                state.add_seconds({"decode": 0.25, "load": 1.0})

        assert state.seconds() == {"decode": 0.5, "load": 2.0}


def test_an_intent_is_there_after_a_crash_and_gone_once_fulfilled(root):
    item = done(keys=(5,))
    item.faults = [Fault("a.json", "encoding", "is UTF-16")]
    item.quarantined = [Quarantined("a.json", 0, "encoding", "not UTF-8", b"\xff")]
    item.signals = [signal()]
    with State.open(root) as state:
        assert state.intent() is None
        state.intend(Intent([item], {"decode": 0.5}))

    with State.open(root) as state:
        intent = state.intent()
        assert intent == Intent([item], {"decode": 0.5})
        assert state.versions() == {}
        state.fulfil(intent, today=TODAY)
        assert state.intent() is None
        assert state.versions() == {"a.json": [claim()]}
        assert state.seen([5]) == {5}
        assert state.seconds() == {"decode": 0.5}


def test_a_reset_state_is_as_new(root):
    with State.open(root) as state:
        record(state, done(keys=(5,)))
        state.reset()

        assert (state.versions(), state.rows(), state.totals(), state.seen([5])) == ({}, {}, {}, set())


def test_a_second_run_on_the_same_state_is_refused_while_the_first_goes_on(root):
    with State.open(root):
        code = (
            "import sys, pathlib; from tidewaiter.state import State; State.open(pathlib.Path(sys.argv[1]))"
        )
        other = subprocess.run([sys.executable, "-c", code, root], capture_output=True, text=True)
        with pytest.raises(StateError, match="another tidewaiter is using") as caught:
            State.open(root)

    assert "another tidewaiter is using" in other.stderr
    assert "wait for it, or give --state another folder" in caught.value.hint
    State.open(root).close()


def test_a_state_of_a_newer_version_is_refused(root):
    State.open(root).close()
    with sqlite3.connect(root / "state.db") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()

    for read_only in (False, True):
        with pytest.raises(StateError, match=r"newer version \(schema 99") as caught:
            State.open(root, read_only=read_only)
        assert "upgrade tidewaiter" in caught.value.hint


@pytest.mark.parametrize("content", [b"not a database, but long enough to be looked at" * 40, b"{}"])
def test_a_damaged_state_is_refused_and_not_overwritten(root, content):
    root.mkdir()
    (root / "state.db").write_bytes(content)

    with pytest.raises(StateError, match=r"cannot open .*state\.db") as caught:
        State.open(root)

    assert "give --state another folder" in caught.value.hint
    assert (root / "state.db").read_bytes() == content


def test_a_refused_state_is_not_held(root):
    root.mkdir()
    (root / "state.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StateError):
        State.open(root)
    (root / "state.db").unlink()

    State.open(root).close()


def test_damage_within_a_state_is_told_as_such(root):
    with State.open(root) as state:
        record(state, *(done(claim(f"object-{n}" * 20)) for n in range(400)))
    path = root / "state.db"
    body = path.read_bytes()
    path.write_bytes(body[:4096] + b"\xee" * (len(body) - 4096))

    with pytest.raises(StateError, match=r"state\.db") as caught, State.open(root) as state:
        state.versions()

    assert "restore it from a copy" in caught.value.hint


def test_the_database_of_another_program_is_left_alone(root):
    root.mkdir()
    with sqlite3.connect(root / "state.db") as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()

    with pytest.raises(StateError, match="no state of Tidewaiter"):
        State.open(root)

    with sqlite3.connect(root / "state.db") as db:
        assert [name for (name,) in db.execute("SELECT name FROM sqlite_master")] == ["theirs"]
    db.close()


def test_reading_needs_a_state_and_says_how_to_make_one(root):
    with pytest.raises(StateError, match="no state at") as caught:
        State.open(root, read_only=True)

    assert "tidewaiter run" in caught.value.hint
    assert not root.exists()


def test_a_reader_sees_the_state_while_a_run_holds_it_and_cannot_write(root):
    with State.open(root) as state:
        record(state, done())
        with State.open(root, read_only=True) as reader:
            assert set(reader.versions()) == {"a.json"}
            with pytest.raises(StateError, match="cannot write"):
                record(reader, done(claim("b")))


@pytest.mark.parametrize("name", ["state", "state dir?mode=ro#x", "état%20"])
def test_a_state_may_lie_under_any_name(tmp_path, name):
    with State.open(tmp_path / name) as state:
        record(state, done())

    assert (tmp_path / name / "state.db").is_file()
    with State.open(tmp_path / name, read_only=True) as state:
        assert state.rows() == {"ASimAuditEventLogs": 2}


def test_a_state_where_a_file_stands_is_refused(root):
    root.write_text("a file")

    with pytest.raises(StateError, match="cannot use") as caught:
        State.open(root)

    assert "folder that you can write to" in caught.value.hint


def test_a_folder_that_cannot_be_written_is_refused(root, monkeypatch):
    def denied(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", denied)

    with pytest.raises(StateError, match=r"cannot use .*: Permission denied"):
        State.open(root)


def test_a_full_disk_is_a_delivery_that_failed_and_leaves_what_was(root):
    with State.open(root) as state:
        record(state, done(claim("a")))
        pages = state._db.execute("PRAGMA page_count").fetchone()[0]
        state._db.execute(f"PRAGMA max_page_count = {pages}")
        big = done(claim("b"))
        big.quarantined = [Quarantined("b", 0, "malformed", "no JSON", b"x" * 1_000_000)]
        with pytest.raises(DeliveryError, match="full") as caught:
            record(state, big)

        assert "free disk space" in caught.value.hint
        assert set(state.versions()) == {"a"}
