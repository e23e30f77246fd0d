"""Whatever stops a run and wherever: nothing is lost, nothing is doubled, and the next run completes it."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.app import logs
from tests.app.conftest import Silent, deliver_to
from tidewaiter.app.engine import commit, pool, run
from tidewaiter.app.engine.audited import verify_state
from tidewaiter.app.engine.settle import settle
from tidewaiter.app.engine.worker import Worker
from tidewaiter.core.errors import DeliveryError, StateError, UsageError
from tidewaiter.pipeline.deliver.archive import Archive
from tidewaiter.sentinel import LogsIngestion, Refused
from tidewaiter.state import State, open_state


class Crash(BaseException):
    """The process is gone: nothing may catch it."""


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "in"
    for part in range(4):
        logs.trail(folder, [logs.event(number) for number in range(part * 5, part * 5 + 5)], f"part-{part}")
    logs.flows(folder, range(20))
    return folder


ALL = Counter(logs.event_id(number) for number in range(20))


def events(delivery):
    return Counter({event_id: n for event_id, n in delivery.ids().items() if event_id in ALL})


def crash(monkeypatch, where, name, *, at=1):
    """Let the `at`th call of a method end the run; those before go through."""
    original = getattr(where, name)
    calls = []

    def crashing(*args, **kwargs):
        calls.append(name)
        if len(calls) == at:
            raise Crash(name)
        return original(*args, **kwargs)

    monkeypatch.setattr(where, name, crashing)
    return calls


def archived(state):
    """How many records the archive holds, and how many different ones."""
    archive = Archive.open((state / "archive").as_uri())
    return archive.query("SELECT count(*), count(DISTINCT (object_id, digest, position)) FROM archive")


POINTS = [
    (Worker, "work", 2),
    (Archive, "write", 1),
    (Archive, "write", 2),
    (State, "commit", 1),
    (State, "take_batches", 1),
    (State, "take_batches", 2),
    (LogsIngestion, "upload", 1),
    (LogsIngestion, "upload", 2),
    (State, "mark_sent", 1),
    (State, "commit", 2),
    (State, "mark_sent", 2),
    (run, "write_report", 1),
]
OFTEN = ("work-2", "write-2", "commit-1", "take_batches-2", "upload-1", "mark_sent-1")
"""Those that every test run takes; `make acceptance` takes all."""
ENDS = [
    pytest.param(*point, id=name, marks=() if name in OFTEN else pytest.mark.long)
    for point in POINTS
    if (name := f"{point[1]}-{point[2]}")
]


@pytest.mark.parametrize(("where", "name", "at"), ENDS)
def test_a_run_that_ends_anywhere_is_completed_by_the_next(monkeypatch, folder, deliver, where, name, at):
    monkeypatch.setattr(pool, "GROUP_OBJECTS", 2)
    monkeypatch.setattr(commit, "_ROWS", 8)
    with monkeypatch.context() as patch:
        crash(patch, where, name, at=at)
        with pytest.raises(Crash):
            deliver(folder)

    delivery = deliver(folder)

    doubled = {event_id for event_id, n in events(delivery).items() if n > 1}
    assert events(delivery).keys() == ALL.keys()
    assert doubled <= delivery.possibly_sent(), "only what may have been sent twice is there twice"
    assert delivery.counts()["delivered"] == 20
    assert delivery.counts()["duplicate"] == 0
    assert delivery.counts("aws_vpcflow")["delivered"] == 20
    assert deliver(folder).result.summary.delivered == 0
    (pointers,) = archived(delivery.state)
    assert pointers == (40, 40), "nothing of what the crash left is in the archive twice"


STOPPED = {
    "eventSource": "cloudtrail.amazonaws.com",
    "eventName": "StopLogging",
    "requestParameters": {"name": f"arn:aws:cloudtrail:eu-west-1:{logs.ACCOUNT}:trail/main"},
}


@pytest.mark.parametrize("name", ["begin_part", "mark_audited", "add_alerts"])
def test_decisions_and_alerts_outlive_a_run_that_ends_while_it_tells_of_them(
    monkeypatch, folder, deliver, name
):
    logs.trail(folder, [logs.event(0), logs.event(500, **STOPPED)], "copy-and-attack")
    with monkeypatch.context() as patch:
        crash(patch, State, name)
        with pytest.raises(Crash):
            deliver(folder)

    delivery = deliver(folder)

    verified = verify_state(delivery.state / "audit", delivery.state / "decisions")
    assert (verified.findings, verified.objects) == ([], 1)
    assert delivery.counts()["duplicate"] == 1
    (incident,) = delivery.lines("incidents.jsonl")
    (alert,) = delivery.rows()["TidewaiterAlerts_CL"]
    assert alert["IncidentId"] == incident["incident_id"]


@pytest.mark.parametrize("name", ["commit", "take_batches"])
def test_files_that_come_or_change_between_a_crash_and_the_next_run_make_no_double(
    monkeypatch, folder, deliver, name
):
    with monkeypatch.context() as patch:
        crash(patch, State, name)
        with pytest.raises(Crash):
            deliver(folder)
    # An organisation trail brings the same events, and sorts before them; a file gets more events.
    logs.write(folder / "AWSLogs/0-first.json", logs.document([logs.event(n) for n in range(3, 12)]))
    logs.trail(folder, [logs.event(n) for n in range(6)], "part-0")

    delivery = deliver(folder)

    assert events(delivery) == ALL
    assert delivery.counts("aws_vpcflow")["delivered"] == 20


def test_a_lab_whose_state_was_removed_is_not_filled_a_second_time(folder, deliver, tmp_path):
    deliver(folder)
    for path in (tmp_path / "state").glob("state.db*"):
        path.unlink()

    with pytest.raises(
        StateError, match="the lab holds rows, but the state that delivered them is gone"
    ) as caught:
        deliver(folder)
    assert f"remove {tmp_path / 'state' / 'lab'}" in caught.value.hint

    shutil.rmtree(tmp_path / "state")
    assert events(deliver(folder)) == ALL


def test_a_lab_that_was_removed_is_made_anew_from_the_sources(folder, deliver, tmp_path):
    deliver(folder)
    shutil.rmtree(tmp_path / "state" / "lab")

    delivery = deliver(folder)

    assert delivery.result.summary.delivered == 40
    assert events(delivery) == ALL


def test_rows_that_the_lab_does_not_take_wait_in_the_outbox(monkeypatch, folder, deliver, tmp_path):
    async def refuse(*_: object, **__: object) -> None:
        raise Refused(404, "NotFound", "no such rule", where="the upload", hint="check ingestion.dcr")

    with monkeypatch.context() as patch:
        patch.setattr(LogsIngestion, "upload", refuse)
        with pytest.raises(DeliveryError, match="no such rule"):
            deliver(folder)

    with open_state(tmp_path / "state", read_only=True) as state:
        assert state.outbox().pending.rows == 40
    delivery = deliver(folder)
    assert events(delivery) == ALL
    assert delivery.result.summary.sent.rows == 40
    assert delivery.result.summary.delivered == 0, "they were claimed by the run before"


def test_a_full_disk_while_rows_are_staged_is_told_and_the_next_run_completes(
    monkeypatch, folder, deliver, tmp_path
):
    opened = Path.open

    def full(path, mode="r", *args, **options):
        if path.parent.name == "staging" and "w" in mode:
            raise OSError(28, "No space left on device")
        return opened(path, mode, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(DeliveryError, match=r"cannot stage rows: No space left on device") as caught:
            deliver(folder)

    assert "free disk space" in caught.value.hint
    assert not (tmp_path / "state" / "staging").exists()
    assert events(deliver(folder)) == ALL


def test_a_report_that_cannot_be_written_leaves_the_older_one_and_loses_no_row(
    monkeypatch, folder, deliver, tmp_path
):
    deliver(folder)
    before = (tmp_path / "state" / "report.json").read_bytes()
    logs.trail(folder, [logs.event(100)], "new")
    replace = Path.replace

    def full(path, target):
        if path.name.startswith("report.json"):
            raise OSError(28, "No space left on device")
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(DeliveryError, match="cannot write the report: No space left"):
            deliver(folder)
    assert (tmp_path / "state" / "report.json").read_bytes() == before
    assert list((tmp_path / "state").glob("*.part")) == []

    assert deliver(folder).counts()["delivered"] == 21


class Killer(Silent):
    """Kills the worker processes when the first group is done."""

    def done(self, results: object) -> None:
        del results
        for process in multiprocessing.active_children():
            os.kill(process.pid or 0, signal.SIGKILL)


def test_killed_workers_are_replaced_and_nothing_is_missing(monkeypatch, tmp_path, folder):
    monkeypatch.setattr(pool, "SMALL_BYTES", 0)
    monkeypatch.setattr(pool, "GROUP_OBJECTS", 1)
    for part in range(8):
        logs.trail(folder, [logs.event(1000 + part)], f"more-{part}")

    delivery = deliver_to(tmp_path / "state", folder, workers=2, progress=Killer())

    delivery.check_laws()
    assert delivery.exit_code == 0
    assert events(delivery) == ALL
    assert delivery.counts()["delivered"] == 28


@pytest.mark.long
def test_an_object_that_kills_its_worker_is_named_and_the_others_are_delivered(monkeypatch, tmp_path, folder):
    logs.trail(folder, [logs.event(1000)], "poison")
    for part in range(3):
        logs.trail(folder, [logs.event(2000 + part)], f"zz-{part}")
    monkeypatch.setattr(pool, "SMALL_BYTES", 0)
    monkeypatch.setattr(pool, "GROUP_OBJECTS", 3)
    monkeypatch.setattr(pool, "_work", poisoned_work)

    delivery = deliver_to(tmp_path / "state", folder, workers=2)

    delivery.check_laws()
    assert delivery.counts()["delivered"] == 23
    assert delivery.exit_code == 5
    ((path, reason),) = delivery.report["last_run"]["unreadable"]
    assert "poison" in path
    assert "a worker process died" in reason
    with open_state(tmp_path / "state", read_only=True) as state:
        assert not any("poison" in object_id for object_id in state.versions()), "it is not claimed"


def poisoned_work(pairs, stem):
    """Work like a worker that the object called poison kills."""
    if any("poison" in item.id for item, _ in pairs):
        os.kill(os.getpid(), signal.SIGKILL)
    assert pool._worker is not None
    return pool._worker.work(pairs, stem)


ORPHANS = """
import os, signal, sys
from pathlib import Path
from tests.app.conftest import Silent, deliver_to
from tidewaiter.app.engine import pool
import multiprocessing

class Told(Silent):
    def done(self, results):
        print(*(process.pid for process in multiprocessing.active_children()), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    pool.SMALL_BYTES, pool.GROUP_OBJECTS = 0, 1
    deliver_to(Path(sys.argv[2]), Path(sys.argv[1]), workers=2, progress=Told())
"""


def test_workers_end_when_the_run_is_killed(folder, tmp_path, repo):
    script = tmp_path / "killed.py"
    script.write_text(ORPHANS)
    command = [sys.executable, str(script), str(folder), str(tmp_path / "state")]

    ended = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(repo)}, capture_output=True, text=True, check=False
    )

    assert ended.returncode == -signal.SIGKILL, ended.stderr
    pids = [int(pid) for pid in ended.stdout.split()]
    assert pids
    end = time.monotonic() + 30
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < end, "a worker outlived the run"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_lack_of_memory_is_told_and_the_next_run_completes(monkeypatch, folder, deliver):
    def short(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(Worker, "work", short)
        with pytest.raises(DeliveryError, match="memory ran short while working on AWSLogs/"):
            deliver(folder)

    assert events(deliver(folder)) == ALL


def test_what_was_done_before_an_interruption_is_delivered_and_reported(monkeypatch, folder, deliver):
    monkeypatch.setattr(pool, "GROUP_OBJECTS", 2)

    class Impatient(Silent):
        def done(self, results: object) -> None:
            del results
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deliver(folder, progress=Impatient())

    delivery = deliver(folder)
    assert delivery.result.summary.objects_claimed_before == 2
    assert events(delivery) == ALL


def test_a_bug_in_the_counts_is_no_delivery(monkeypatch, folder, deliver, tmp_path):
    def wrong(*args, **options):
        settled = settle(*args, **options)
        settled.done[0].counts.valid += 1
        return settled

    with monkeypatch.context() as patch:
        patch.setattr("tidewaiter.app.engine.commit.settle", wrong)
        with pytest.raises(AssertionError, match="do not add up"):
            deliver(folder)

    with open_state(tmp_path / "state", read_only=True) as state:
        assert state.versions() == {}
    assert events(deliver(folder)) == ALL


def test_a_state_within_the_folder_that_is_read_is_refused(folder):
    with pytest.raises(UsageError, match="lies inside") as caught:
        deliver_to(folder / "deep" / "state", folder)

    assert "outside of --from" in caught.value.hint
    assert not (folder / "deep").exists()


def test_a_missing_folder_makes_no_state(tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        deliver_to(tmp_path / "state", tmp_path / "missing")

    assert not (tmp_path / "state").exists()


def test_a_file_in_the_place_of_the_staging_folder_is_refused(folder, deliver, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "staging").write_text("mine")

    with pytest.raises(StateError, match=r"cannot use .*staging") as caught:
        deliver(folder)

    assert "remove what is there" in caught.value.hint


def test_rows_left_in_the_staging_folder_by_a_killed_run_are_cleared(folder, deliver, tmp_path):
    stale = tmp_path / "state" / "staging" / "000000-0000.parquet"
    logs.write(stale, b"half a file")

    delivery = deliver(folder)

    assert not stale.exists()
    assert events(delivery) == ALL


def test_a_state_is_of_no_use_to_a_run_while_it_is_written_by_another(folder, deliver, tmp_path):
    with open_state(tmp_path / "state"), pytest.raises(StateError, match="another tidewaiter"):
        deliver(folder)

    with sqlite3.connect(tmp_path / "state" / "state.db") as db:
        assert db.execute("SELECT count(*) FROM objects").fetchone() == (0,)
    db.close()
