"""The SQLite file: who may use it, what is wrong with it, and what survives."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.state.rows import TODAY, batch, claim, done, signal
from tidewaiter.core.errors import DeliveryError, StateError
from tidewaiter.core.faults import Quarantined
from tidewaiter.state import open_state
from tidewaiter.state.schema import MIGRATIONS
from tidewaiter.state.sqlite import SqliteDriver


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "state"


def commit(state, *items, batches=()):
    state.commit(items, batches, {}, today=TODAY)


def test_a_second_run_on_the_same_state_is_refused_while_the_first_goes_on(root):
    with open_state(root):
        code = (
            "import sys, pathlib; from tidewaiter.state import open_state; "
            "open_state(pathlib.Path(sys.argv[1]))"
        )
        other = subprocess.run([sys.executable, "-c", code, root], capture_output=True, text=True)
        with pytest.raises(StateError, match="another tidewaiter is using") as caught:
            open_state(root)

    assert "another tidewaiter is using" in other.stderr
    assert "wait for it, or give --state another folder" in caught.value.hint
    open_state(root).close()


def test_a_state_of_a_newer_version_is_refused(root):
    open_state(root).close()
    with sqlite3.connect(root / "state.db") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()

    for read_only in (False, True):
        with pytest.raises(StateError, match=r"newer version \(schema 99") as caught:
            open_state(root, read_only=read_only)
        assert "upgrade tidewaiter" in caught.value.hint


def test_a_state_whose_pages_are_damaged_is_told_by_its_check(root):
    with open_state(root) as state:
        commit(state, *(done(claim(f"{n:05d}.json")) for n in range(300)))
        state.check()
    path = root / "state.db"
    whole = path.read_bytes()
    start = len(whole) // 2 // 4096 * 4096
    path.write_bytes(whole[:start] + b"\xff" * 8192 + whole[start + 8192 :])

    with (
        open_state(root, read_only=True) as state,
        pytest.raises(StateError, match=r"cannot read .*state\.db: ") as caught,
    ):
        state.check()

    assert caught.value.hint.startswith("restore it from a copy")


@pytest.mark.parametrize("content", [b"not a database, but long enough to be looked at" * 40, b"{}"])
def test_a_damaged_state_is_refused_and_not_overwritten(root, content):
    root.mkdir()
    (root / "state.db").write_bytes(content)

    with pytest.raises(StateError, match=r"cannot open .*state\.db") as caught:
        open_state(root)

    assert "give --state another folder" in caught.value.hint
    assert (root / "state.db").read_bytes() == content


def test_a_refused_state_is_not_held(root):
    root.mkdir()
    (root / "state.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StateError):
        open_state(root)
    (root / "state.db").unlink()

    open_state(root).close()


def test_damage_within_a_state_is_told_as_such(root):
    with open_state(root) as state:
        commit(state, *(done(claim(f"object-{n}" * 20)) for n in range(400)))
    path = root / "state.db"
    body = path.read_bytes()
    path.write_bytes(body[:4096] + b"\xee" * (len(body) - 4096))

    with pytest.raises(StateError, match=r"state\.db") as caught, open_state(root) as state:
        state.versions()

    assert "restore it from a copy" in caught.value.hint


def test_the_database_of_another_program_is_left_alone(root):
    root.mkdir()
    with sqlite3.connect(root / "state.db") as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()

    with pytest.raises(StateError, match="no state of Tidewaiter"):
        open_state(root)

    with sqlite3.connect(root / "state.db") as db:
        assert [name for (name,) in db.execute("SELECT name FROM sqlite_master")] == ["theirs"]
    db.close()


def test_reading_needs_a_state_and_says_how_to_make_one(root):
    with pytest.raises(StateError, match="no state at") as caught:
        open_state(root, read_only=True)

    assert "tidewaiter run" in caught.value.hint
    assert not root.exists()


def test_a_reader_sees_the_state_while_a_run_holds_it_and_cannot_write(root):
    with open_state(root) as state:
        commit(state, done())
        with open_state(root, read_only=True) as reader:
            assert set(reader.versions()) == {"a.json"}
            with pytest.raises(StateError, match="cannot write"):
                commit(reader, done(claim("b")))


@pytest.mark.parametrize("name", ["state", "state dir?mode=ro#x", "état%20"])
def test_a_state_may_lie_under_any_name(tmp_path, name):
    with open_state(tmp_path / name) as state:
        commit(state, done())

    assert (tmp_path / name / "state.db").is_file()
    with open_state(tmp_path / name, read_only=True) as state:
        assert state.rows() == {"ASimAuditEventLogs": 2}


def test_a_state_where_a_file_stands_is_refused(root):
    root.write_text("a file")

    with pytest.raises(StateError, match="cannot use") as caught:
        open_state(root)

    assert "folder that you can write to" in caught.value.hint


def test_a_folder_that_cannot_be_written_is_refused(root, monkeypatch):
    def denied(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", denied)

    with pytest.raises(StateError, match=r"cannot use .*: Permission denied"):
        open_state(root)


def test_a_full_disk_is_a_delivery_that_failed_and_leaves_what_was(root):
    with open_state(root) as state:
        commit(state, done(claim("a")))
        pages = state._db.read("PRAGMA page_count")[0][0]
        state._db.read(f"PRAGMA max_page_count = {pages}")
        big = done(claim("b"))
        big.quarantined = [Quarantined("b", 0, "malformed", "no JSON", b"x" * 1_000_000)]
        with pytest.raises(DeliveryError, match="full") as caught:
            commit(state, big)

        assert "free disk space" in caught.value.hint
        assert set(state.versions()) == {"a"}


def older(root: Path) -> None:
    """Leave a state of version 1 with an object, a signal and an intent that was not fulfilled."""
    root.mkdir()
    item = done(keys=(5,))
    with sqlite3.connect(root / "state.db") as db:
        db.executescript(MIGRATIONS[0].format_map(SqliteDriver.types))
        counts = msgspec.json.encode(item.counts)
        db.execute(
            "INSERT INTO objects VALUES ('a.json', 'd1', 'aws_cloudtrail', 'events', 10, 20, ?)", (counts,)
        )
        db.execute("INSERT INTO rows VALUES ('ASimAuditEventLogs', 2)")
        db.execute("INSERT INTO seen VALUES (5, ?)", (TODAY.toordinal(),))
        db.execute("INSERT INTO signals VALUES ('d', 'e1', ?)", (msgspec.json.encode(signal()),))
        db.execute("INSERT INTO intent VALUES (x'00')")
        db.execute("PRAGMA user_version = 1")
    db.close()


def test_a_state_of_an_older_version_is_brought_up_to_date_with_all_it_holds(root):
    older(root)

    with open_state(root) as state:
        assert state.versions() == {"a.json": [claim()]}
        assert state.rows() == {"ASimAuditEventLogs": 2}
        assert state.seen([5]) == {5}
        assert state.signals() == [signal()]
        assert state.unaudited() == []
        commit(state, done(claim("b")), batches=[batch()])
        assert state.outbox().pending.rows == 2


def test_an_older_state_cannot_be_read_before_a_run_brought_it_up_to_date(root):
    older(root)

    with pytest.raises(StateError, match="older version") as caught:
        open_state(root, read_only=True)

    assert "brings the state up to date" in caught.value.hint


def test_a_migration_that_is_interrupted_leaves_the_older_state_whole(root, monkeypatch):
    older(root)
    with monkeypatch.context() as patch:
        patch.setattr("tidewaiter.state.schema.MIGRATIONS", (MIGRATIONS[0], MIGRATIONS[1] + "; NOT SQL"))
        with pytest.raises(StateError):
            open_state(root)

    with open_state(root) as state:
        assert state.versions() == {"a.json": [claim()]}


@pytest.mark.parametrize("kept", [0, 1, 100, 4096 + 24 + 7])
def test_a_torn_last_write_leaves_the_last_commit_that_was_whole(root, kept):
    """A crash of the machine while the write-ahead log was written: its tail is short or garbage."""
    state = open_state(root)
    commit(state, done(claim("first")))
    log = root / "state.db-wal"
    whole = log.read_bytes()
    commit(state, done(claim("second")))
    torn = log.read_bytes()[: len(whole) + kept]
    database = (root / "state.db").read_bytes()
    state.close()
    (root / "state.db").write_bytes(database)
    log.write_bytes(torn + os.urandom(50))

    with open_state(root) as state:
        assert set(state.versions()) == {"first"}
        commit(state, done(claim("second")))
        assert set(state.versions()) == {"first", "second"}


def test_an_unknown_kind_of_state_is_refused(root):
    with pytest.raises(StateError, match="is not supported") as caught:
        open_state(root, "mysql://user:secret@host/db")

    assert "postgresql://" in caught.value.hint
    assert "secret" not in str(caught.value)


def test_a_server_that_does_not_answer_is_told_without_its_password(root):
    with pytest.raises(
        DeliveryError, match=r"cannot open the state at postgresql://me:…@127\.0\.0\.1:1/x"
    ) as caught:
        open_state(root, "postgresql://me:secret@127.0.0.1:1/x")

    assert "secret" not in str(caught.value)
