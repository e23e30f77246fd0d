"""A run that a service manager stops, in its own process."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

from tests.app import logs
from tests.app.conftest import Delivery

_MAIN = "from tidewaiter.app.cli import main; main()"


def test_sigterm_stops_a_run_as_ctrl_c_does(tmp_path):
    logs.trail(tmp_path / "in", [logs.event(0)], "one")
    state = tmp_path / "state"
    words = [sys.executable, "-c", _MAIN, "run", "--from", tmp_path / "in", "--state", state]
    with subprocess.Popen(list(map(str, words)), stderr=subprocess.PIPE, text=True) as running:
        for _ in range(1200):
            if (state / "report.json").exists() or running.poll() is not None:
                break
            time.sleep(0.05)
        running.send_signal(signal.SIGTERM)
        _, said = running.communicate(timeout=60)

    assert running.returncode == 130, said
    assert "stopped; what was not claimed is taken by the next run" in said
    assert Delivery(state).counts()["delivered"] == 1
    assert list((state / "staging").glob("*")) == []
