"""`make bench`: prints each measurement, its reference in the same run, and the bound of DESIGN section 13.

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


def gather(folder: Path) -> list[Path]:
    """Write the day's events anew, 2,000 to a file as a busy account's trail does, in the order of delivery."""
    records: list[msgspec.Raw] = []
    for path in sorted(folder.glob("AWSLogs/**/CloudTrail/**/*.json.gz"), key=lambda p: p.name.split("_")[3]):
        records += msgspec.json.decode(gzip.decompress(path.read_bytes()), type=dict[str, list[msgspec.Raw]])[
            "Records"
        ]
    made = []
    for place in range(0, len(records), PER_FILE):
        made.append(folder / f"{place:06d}.json.gz")
        body = b'{"Records":[' + b",".join(map(bytes, records[place : place + PER_FILE])) + b"]}"
        made[-1].write_bytes(gzip.compress(body, 6))
    return made


def show(name: str, result: Duel, *, per: int, bound: float, unit: str) -> bool:
    """Print one line; return whether the bound is met."""
    spread = f"{min(result.rounds):.2f}-{max(result.rounds):.2f}"
    met = result.ratio >= bound
    print(
        f"{name:<44} {result.ours / per * 1e6:>7.2f} µs/{unit}  reference {result.reference / per * 1e6:>7.2f}"
        f"  ratio {result.ratio:>5.2f} ({spread})  bound >= {bound:.2f}  {'met' if met else 'MISSED'}"
    )
    return met


def main() -> int:
    """Run all benchmarks."""
    with tempfile.TemporaryDirectory(prefix="tidewaiter-bench-") as folder:
        print(f"generating {EVENTS:,} events …", file=sys.stderr)
        generate(Path(folder), events=EVENTS)
        paths = gather(Path(folder))
        mapped, path = cloudtrail.run(paths)
    lines = 400_000
    flows = vpcflow.run(lines)
    met = [
        show("CloudTrail: map and filter, the same 20 fields", mapped, per=EVENTS, bound=1.8, unit="event"),
        show("CloudTrail: all of ASIM, detect, key", path, per=EVENTS, bound=1 / 3, unit="event"),
        show("VPC text: map to NetworkSession", flows, per=lines, bound=0.5, unit="record"),
    ]
    return 0 if all(met) else 3


if __name__ == "__main__":
    sys.exit(main())
