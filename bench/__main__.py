"""`make bench`: each measurement, its reference in the same run, and the bound of DESIGN section 13.

CPU time of one core, so that what others do on the machine tells little; rounds in turn with the reference,
and the median of their ratios. Exit code 3 when a bound is missed.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

os.environ["POLARS_MAX_THREADS"] = "1"  # one core against one core; read when polars is imported

from bench import cloudtrail, conformance, drift, full_path, logs, memory, vpcflow, workers
from bench.timing import Duel
from tidewaiter.core.settings import Destination

EVENTS = 30_000
FLOWS = 400_000
CONFORMING = 300_000
MOST_SECONDS = 60
MOST_MIB = 300
MOST_DRIFT = 1.05
_HEAD = ("what", "ours", "reference", "measured", "bound", "verdict")


@dataclass(frozen=True, slots=True)
class Line:
    """One measurement; `met` is None where there is no bound."""

    what: str
    ours: str
    reference: str
    measured: str
    bound: str = ""
    met: bool | None = None

    def cells(self) -> tuple[str, ...]:
        """Return what the table shows."""
        verdict = {None: "", True: "met", False: "MISSED"}[self.met]
        return self.what, self.ours, self.reference, self.measured, self.bound, verdict


def speed(what: str, result: Duel, per: int, bound: float | None = None) -> Line:
    """Return a line of how fast ours is; the bound is the least."""
    met = None if bound is None else result.speed >= bound
    return Line(what, *_each(result, per), f"{result.speed:.2f} x fast", _bound(">=", bound, " x"), met)


def cost(what: str, result: Duel, per: int, bound: float | None = None) -> Line:
    """Return a line of how much CPU ours takes; the bound is the most."""
    met = None if bound is None else result.cost <= bound
    return Line(what, *_each(result, per), f"{result.cost:.2f} x CPU", _bound("<=", bound, " x"), met)


def _each(result: Duel, per: int) -> tuple[str, str]:
    return _micros(min(result.ours), per), _micros(min(result.reference), per)


def _micros(seconds: float, per: int) -> str:
    return f"{seconds / per * 1e6:.2f} µs"


def _bound(sign: str, bound: float | None, unit: str) -> str:
    return "" if bound is None else f"{sign} {bound:g}{unit}"


def hot_path(made: logs.Logs) -> list[Line]:
    """Measure parts and the whole of the path over large and over small files."""
    lines = []
    for folder, rounds, bounds in ((made.gathered, 5, (1.8, None, 3.0)), (made.small, 3, (None, None, None))):
        paths = sorted(folder.rglob("*.json.gz"))
        files = f"{made.events / len(paths):,.0f} events a file"
        _say(f"CloudTrail, {files}")
        flat, whole = cloudtrail.run(paths, rounds=rounds)
        lines += [
            speed(f"map and filter 20 fields, {files}", flat, made.events, bounds[0]),
            cost(f"all of ASIM, detections, keys, {files}", whole, made.events, bounds[1]),
            cost(
                f"full path to the outbox, {files}",
                full_path.run(folder, rounds=rounds),
                made.events,
                bounds[2],
            ),
        ]
    _say("CloudTrail into Sentinel's own table")
    for destination in get_args(Destination)[1:]:
        beside = full_path.beside_asim(made.gathered, destination)
        lines.append(cost(f"full path, destination {destination}, beside asim", beside, made.events))
    _say("CloudTrail, drift")
    lines.append(cost("full path, with a look for drift", drift.run(made.gathered), made.events, MOST_DRIFT))
    _say("CloudTrail, with sending")
    lines.append(cost("full path and sending", full_path.into_sink(made.gathered), made.events))
    return lines


def flow_logs(folder: Path) -> list[Line]:
    """Measure flow logs as text."""
    _say("flow logs")
    mapped, read = vpcflow.run(folder, FLOWS)
    return [
        speed("VPC text to NetworkSession", mapped, FLOWS, 0.5),
        speed("VPC text to NetworkSession, read from a file", read, FLOWS),
    ]


def conforming(made: logs.Logs, folder: Path) -> Line:
    """Measure a conformance run; what the reference does is to read the rows."""
    _say(f"a conformance run over {CONFORMING:,} rows")
    result, rows = conformance.run(sorted(made.gathered.rglob("*.json.gz")), folder, CONFORMING)
    seconds = result.ours[0]
    bound = f"< {MOST_SECONDS} s"
    what = f"conformance run over {rows:,} rows"
    return Line(what, *_each(result, rows), f"{seconds:.1f} s CPU", bound, seconds < MOST_SECONDS)


def two_workers(made: logs.Logs) -> list[Line]:
    """Measure what a second worker costs."""
    _say("two workers")
    found, start = workers.run(made.gathered)
    return [
        cost("two workers beside one", found, made.events, 1.15),
        Line("  the beginning of a worker", f"{start:.2f} s", "", f"{start:.2f} s CPU"),
    ]


def peaks(made: logs.Logs) -> list[Line]:
    """Measure the memory of workers and of the process that commits."""
    _say("memory")
    lines = []
    for what, folder in (
        ("objects of 20 MB (gzip)", made.large_object),
        ("records of 1 MB", made.large_records),
        ("many small objects", made.small),
    ):
        loop = f"{memory.peak('loop', folder):.0f} MiB"
        for case, name in (("worker", "a worker"), ("parent", "the parent")):
            most = memory.peak(case, folder)
            bounded = case == "worker"
            lines.append(
                Line(
                    f"memory of {name}, {what}",
                    f"{most:.0f} MiB",
                    loop,
                    f"{most:.0f} MiB",
                    _bound("<", MOST_MIB, " MiB") if bounded else "",
                    most < MOST_MIB if bounded else None,
                )
            )
    start, whole = memory.peak("start", made.small), memory.peak("run", made.gathered)
    lines.append(Line("memory of the parent with the lab in it", f"{whole:.0f} MiB", "", f"{whole:.0f} MiB"))
    lines.append(Line("memory of a worker that has only started", f"{start:.0f} MiB", "", f"{start:.0f} MiB"))
    return lines


def table(lines: list[Line]) -> str:
    """Return the lines as a table for a terminal; figures are right-aligned."""
    rows = [_HEAD, *(line.cells() for line in lines)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(_HEAD))]
    rows.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place in (0, 5) else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _say(what: str) -> None:
    print(f"bench: {what} …", file=sys.stderr, flush=True)


def main() -> int:
    """Run all benchmarks."""
    with tempfile.TemporaryDirectory(prefix="tidewaiter-bench-") as name:
        folder = Path(name)
        _say(f"generating {EVENTS:,} events")
        made = logs.make(folder, EVENTS)
        lines = [
            *hot_path(made),
            *flow_logs(folder),
            conforming(made, folder),
            *two_workers(made),
            *peaks(made),
        ]
    print(f"{made.events:,} CloudTrail events and {FLOWS:,} flow records; CPU time, one core")
    print(
        "the reference of CloudTrail is gzip + orjson + a dict of 20 fields; of flow logs, Polars' CSV\n"
        "scan; of a conformance run, reading the same rows\n"
    )
    print(table(lines))
    return 0 if all(line.met is not False for line in lines) else 3


if __name__ == "__main__":
    sys.exit(main())
