"""The most memory that a process ever had (VmHWM of Linux), each case in a process of its own.

`python -m bench.memory CASE FOLDER` is one of them: `worker` works on the objects as one of several workers
does, `parent` settles and commits what two workers bring, `run` does that into the embedded lab, `loop` is
the plain reference loop, and `start` has only loaded what a worker needs.
"""

from __future__ import annotations

import gzip
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID

import msgspec

from bench import cloudtrail
from bench.full_path import deliver
from tidewaiter.app.engine import pool
from tidewaiter.app.engine.plan import Plan, make_plan
from tidewaiter.app.engine.worker import ObjectResult, Worker
from tidewaiter.content import sources

LARGE_BYTES = 20_000_000
_MB = 1_000_000


def peak(case: str, folder: Path) -> float:
    """Return the peak of a case in MiB."""
    command = [sys.executable, "-m", "bench.memory", case, str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return int(done.stdout.split()[-1]) / 1024


def own_peak() -> int:
    """Return this process's peak in KiB. `ru_maxrss` would count the process that started it."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise RuntimeError("no VmHWM in /proc/self/status")


def large_object(folder: Path, records: Sequence[msgspec.Raw]) -> Path:
    """Write one object of 20 MB, compressed, of the records over and over with ids of their own."""
    draw = random.Random(20)
    path = folder / "000000_large.json.gz"
    with gzip.open(path, "wb", 6) as file:
        file.write(b'{"Records":[')
        first = True
        while path.stat().st_size < LARGE_BYTES:
            for record in records:
                file.write((b"" if first else b",") + _renamed(bytes(record), draw))
                first = False
        file.write(b"]}")
    return path


def large_records(folder: Path, record: msgspec.Raw, *, count: int = 64) -> Path:
    """Write one object whose records have 1 MB each."""
    draw = random.Random(1)
    path = folder / "000000_records.json.gz"
    with gzip.open(path, "wb", 1) as file:
        file.write(b'{"Records":[')
        for place in range(count):
            members = msgspec.json.decode(_renamed(bytes(record), draw), type=dict[str, msgspec.Raw])
            pad = {"pad": draw.randbytes(_MB // 2 - 1_000).hex()}
            members["requestParameters"] = msgspec.Raw(msgspec.json.encode(pad))
            file.write((b"," if place else b"") + msgspec.json.encode(members))
        file.write(b"]}")
    return path


def _renamed(record: bytes, draw: random.Random) -> bytes:
    start = record.index(b'"eventID"')
    start = record.index(b'"', start + 9) + 1
    return record[:start] + str(UUID(int=draw.getrandbits(128))).encode() + record[start + 36 :]


def _worker(folder: Path) -> None:
    plan = make_plan(folder, sources(), {})
    with tempfile.TemporaryDirectory(prefix="tidewaiter-bench-") as staging:
        worker = Worker(Path(staging))
        for place, group in enumerate(pool.groups(plan.objects)):
            done = worker.work([(item.object, item.claim.digest) for item in group], f"{place:06d}")
            for segment in done.segments:
                segment.path.unlink()


def _parent(folder: Path) -> None:
    pool.SMALL_BYTES = 0
    deliver(folder, workers=2)


class _Silent:
    def planned(self, plan: Plan) -> None:
        """Say nothing."""

    def done(self, results: Sequence[ObjectResult]) -> None:
        """Say nothing."""


def _run(folder: Path) -> None:
    from tidewaiter.app.engine.run import run_once

    pool.SMALL_BYTES = 0
    with tempfile.TemporaryDirectory(prefix="tidewaiter-bench-") as state:
        run_once(folder, Path(state), workers=2, progress=_Silent())


def _loop(folder: Path) -> None:
    cloudtrail.reference(sorted(folder.rglob("*.json.gz")))


def _start(_: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="tidewaiter-bench-") as staging:
        worker = Worker(Path(staging))
        worker.normalizer("aws_cloudtrail")._json  # noqa: B018 (compiles the mapping)


CASES: dict[str, Callable[[Path], None]] = {
    "worker": _worker, "parent": _parent, "run": _run, "loop": _loop, "start": _start,
}  # fmt: skip

if __name__ == "__main__":
    CASES[sys.argv[1]](Path(sys.argv[2]))
    print(own_peak())
