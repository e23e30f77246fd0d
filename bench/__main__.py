"""`make bench`: each measurement, its reference in the same run, and the bound of DESIGN section 13.

CPU time of one core; a ratio of 2 means twice as fast as the reference, by the best of seven rounds; the
spread is that of the rounds.

Exit code 3 when a bound is missed.
"""

from __future__ import annotations

import gzip
import os
import sys
import tempfile
from pathlib import Path

import msgspec

os.environ["POLARS_MAX_THREADS"] = "1"  # one core against one core; read when polars is imported

from bench import cloudtrail, vpcflow
from bench.timing import Duel
from tidewaiter.lab.generator import generate

EVENTS = 40_000
PER_FILE = 2_000
FLOWS = 400_000


def day(folder: Path) -> list[Path]:
    """Return the CloudTrail files of a generated day."""
    return sorted(folder.glob("AWSLogs/**/CloudTrail/**/*.json.gz"))


def gather(folder: Path) -> list[Path]:
    """Write the day's events anew, 2,000 to a file as a busy trail does, in the order of delivery."""
    records: list[msgspec.Raw] = []
    for path in sorted(day(folder), key=lambda path: path.name.split("_")[3]):
        records += msgspec.json.decode(gzip.decompress(path.read_bytes()), type=dict[str, list[msgspec.Raw]])[
            "Records"
        ]
    made = []
    for place in range(0, len(records), PER_FILE):
        made.append(folder / f"{place:06d}.json.gz")
        body = b'{"Records":[' + b",".join(map(bytes, records[place : place + PER_FILE])) + b"]}"
        made[-1].write_bytes(gzip.compress(body, 6))
    return made


def show(name: str, result: Duel, *, per: int, unit: str, bound: float | None = None) -> bool:
    """Print one line; return whether the bound, where there is one, is met."""
    met = bound is None or result.ratio >= bound
    verdict = "" if bound is None else f"  bound {bound:.2f}  {'met' if met else 'MISSED'}"
    ours, reference = (f"{seconds / per * 1e6:>6.2f} µs" for seconds in (result.ours, result.reference))
    spread = f"({min(result.rounds):.2f} to {max(result.rounds):.2f})"
    print(
        f"{name:<48} {ours} a {unit:<6}  reference {reference}  ratio {result.ratio:>5.2f} {spread}{verdict}"
    )
    return met


def main() -> int:
    """Run all benchmarks."""
    with tempfile.TemporaryDirectory(prefix="tidewaiter-bench-") as folder:
        print(f"generating {EVENTS:,} events …", file=sys.stderr)
        generate(Path(folder), events=EVENTS)
        small = day(Path(folder))
        flat, whole = cloudtrail.run(gather(Path(folder)))
        flat_small, whole_small = cloudtrail.run(small)
        mapped, read = vpcflow.run(Path(folder), FLOWS)
    tiny = f"files of about {EVENTS // len(small)} events"
    met = [
        show("CloudTrail: the same 20 fields, map and filter", flat, per=EVENTS, unit="event", bound=1.8),
        show("CloudTrail: all of ASIM, detections, event keys", whole, per=EVENTS, unit="event", bound=1 / 3),
        show(f"  the same 20 fields, {tiny}", flat_small, per=EVENTS, unit="event"),
        show(f"  all of ASIM, {tiny}", whole_small, per=EVENTS, unit="event"),
        show("VPC text: map to NetworkSession", mapped, per=FLOWS, unit="record", bound=0.5),
        show("  reading it from a file as well", read, per=FLOWS, unit="record"),
    ]
    return 0 if all(met) else 3


if __name__ == "__main__":
    sys.exit(main())
