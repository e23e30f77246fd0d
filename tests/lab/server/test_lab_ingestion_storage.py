from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from pathlib import Path

import httpx
import polars as pl
import pytest

from tidewaiter.lab.server.faults import Fault
from tidewaiter.lab.workspace import Receipt, Workspace

from .conftest import Way


def test_the_ledger_knows_every_request_that_was_acknowledged(fresh_way: Way):
    answer = fresh_way.send([{"N": 1}, {"N": 2}], headers={"x-ms-client-request-id": "request-1"})
    assert answer.status_code == 204
    lab = fresh_way.server.lab
    found = [each for each in lab.work(lab.workspace.receipts) if each.table == fresh_way.table]
    assert [(each.request_id, each.rows, each.stream) for each in found] == [
        ("request-1", 2, "Custom-Stream")
    ]
    ledger = fresh_way.server.query(
        f"LabIngestionRequests | where DestinationTable == '{fresh_way.table}' "
        "| project RequestId, RowCount, BilledBytes"
    )
    assert ledger == [("request-1", 2, lab.billed()[fresh_way.table])]


def test_refused_requests_are_in_the_log_of_requests(fresh_way: Way):
    log = fresh_way.server.lab.requests
    log.clear()
    fresh_way.send([{"N": 1}])
    fresh_way.send(None, content=b"{")
    assert [(each.status, each.code, each.rows) for each in log.all()] == [
        (204, "", 1),
        (400, "InvalidPayload", 0),
    ]


def test_the_bill_adds_up(fresh_way: Way):
    for number in range(3):
        assert fresh_way.send([{"N": number, "Text": "x" * 100}] * 5).status_code == 204
    ((count, size),) = fresh_way.server.query(f"{fresh_way.table} | summarize count(), sum(_BilledSize)")
    assert count == 15
    assert fresh_way.server.lab.billed()[fresh_way.table] == size
    usage = fresh_way.server.query(
        f"Usage | where DataType == '{fresh_way.table}' and IsBillable | summarize sum(Quantity)"
    )
    assert usage == [(pytest.approx(size / 1e6),)]


def test_a_planned_answer_is_given_once_and_nothing_is_stored(fresh_way: Way):
    faults = fresh_way.server.lab.faults
    faults.plan(Fault(status=503, headers={"Retry-After": "3"}), Fault(status=502, store=True))
    first, second, third = (fresh_way.send([{"N": n}]) for n in range(3))
    assert (first.status_code, first.headers["Retry-After"]) == (503, "3")
    assert (second.status_code, third.status_code) == (502, 204)
    assert fresh_way.rows("N") == [(1,), (2,)]


def test_a_connection_may_be_dropped_after_the_rows_were_stored(fresh_way: Way):
    fresh_way.server.lab.faults.plan(Fault(store=True, drop=True), Fault(drop=True))
    for number in range(2):
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            fresh_way.send([{"N": number}])
    assert fresh_way.rows("N") == [(0,)]


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path):
    code = """
        import os, sys, signal
        from datetime import UTC, datetime
        from pathlib import Path
        import polars as pl
        from tidewaiter.lab.workspace import Receipt, Workspace
        workspace = Workspace.open(Path(sys.argv[1]))
        workspace.define_table("Kept_CL", {"N": "long"})
        at = datetime(2026, 3, 17)
        for n in range(20):
            frame = pl.DataFrame({"TimeGenerated": [at] * 3, "N": [n] * 3})
            receipt = Receipt(table="Kept_CL", rows=3, received=at.replace(tzinfo=UTC), billed=30)
            workspace.store(frame, receipt)
            if n == 9:
                workspace.load_waiting()
        os.kill(os.getpid(), signal.SIGKILL)
    """
    path = tmp_path / "lab" / "workspace.duckdb"
    env = {"PYTHONPATH": ":".join(sys.path), "PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code), str(path)], env=env, check=False)
    assert done.returncode == -signal.SIGKILL
    (path.parent / "arrivals" / "000000000099.part").write_bytes(b"PAR1 the request was never answered")
    with Workspace.open(path, read_only=True) as workspace:
        assert workspace.query("Kept_CL | summarize count(), dcount(N)").rows == [(60, 20)]
    with Workspace.open(path) as workspace:
        assert workspace.counts() == {"Kept_CL": 60}
        assert workspace.billed() == {"Kept_CL": 600}
    assert list((path.parent / "arrivals").iterdir()) == []


def test_a_file_that_was_acknowledged_and_cannot_be_read_is_set_aside_and_told(tmp_path: Path, caplog):
    path = tmp_path / "workspace.duckdb"
    with Workspace.open(path) as workspace:
        workspace.define_table("Kept_CL", {"N": "long"})
    (tmp_path / "arrivals").mkdir(exist_ok=True)
    (tmp_path / "arrivals" / "000000000007.parquet").write_bytes(b"PAR1 what the disk made of it")

    for _ in range(2):
        with Workspace.open(path, read_only=True) as workspace:
            assert workspace.query("Kept_CL | count").rows == [(0,)]

    (aside,) = (tmp_path / "arrivals").iterdir()
    assert aside.name == "000000000007.parquet.damaged"
    assert aside.read_bytes() == b"PAR1 what the disk made of it"
    (told,) = [each.getMessage() for each in caplog.records if each.name == "tidewaiter.lab"]
    assert "acknowledged rows cannot be read" in told
    assert str(aside) in told


def test_a_file_that_was_loaded_and_not_removed_is_not_loaded_again(tmp_path: Path):
    path = tmp_path / "workspace.duckdb"
    at = datetime(2026, 3, 17, tzinfo=UTC)
    with Workspace.open(path) as workspace:
        workspace.define_table("Once_CL", {"N": "long"})
        frame = pl.DataFrame({"TimeGenerated": [at.replace(tzinfo=None)], "N": [1]})
        workspace.store(frame, Receipt(table="Once_CL", rows=1, received=at))
        (waiting,) = (tmp_path / "arrivals").iterdir()
        content = waiting.read_bytes()
        workspace.load_waiting()
    waiting.write_bytes(content)
    with Workspace.open(path) as workspace:
        assert workspace.counts() == {"Once_CL": 1}
    assert not waiting.exists()
