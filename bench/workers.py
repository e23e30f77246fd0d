"""CPU per event of two workers beside one: the workers of a pool and the process that commits, all counted.

Both run in turn in one process, with workers that have begun: what beginning costs is told apart from it.
`python -m bench.workers FOLDER` is that process; a module of its own, because workers import it again.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench.timing import Duel

_ROUNDS = 5


def run(folder: Path) -> tuple[Duel, float]:
    """Return two workers beside one, in CPU seconds over the files of a folder, and those of a beginning."""
    command = [sys.executable, "-m", "bench.workers", str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    two, one, start = json.loads(done.stdout)
    return Duel(tuple(two), tuple(one)), start


def _measure(folder: Path) -> tuple[list[float], list[float], float]:
    from bench.full_path import deliver
    from tidewaiter.app.engine import pool

    pool.GROUP_BYTES = 500_000  # enough groups for the two to share
    with tempfile.TemporaryDirectory(prefix="tidewaiter-bench-") as made:
        staging = Path(made)

        def local() -> None:
            deliver(folder)

        local()
        with pool._Pool(staging, 2, True) as workers:

            def shared() -> None:
                deliver(folder, work=lambda items: workers.work(pool.groups(items)))

            first = _spent(shared)
            shared()  # both have mapped something: a mapping is compiled when it is first needed
            two, one = [], []
            for _ in range(_ROUNDS):
                two.append(_spent(shared))
                one.append(_spent(local))
    return two, one, max(0.0, first - median(two)) / 2


def _spent(run: Callable[[], None]) -> float:
    before = _cpu()
    run()
    return _cpu() - before


def _cpu() -> float:
    """Return the CPU seconds of this process and of its workers."""
    tick = os.sysconf("SC_CLK_TCK")
    used = time.process_time()
    for worker in multiprocessing.active_children():
        fields = Path(f"/proc/{worker.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        used += (int(fields[11]) + int(fields[12])) / tick
    return used


if __name__ == "__main__":
    print(json.dumps(_measure(Path(sys.argv[1]))))
