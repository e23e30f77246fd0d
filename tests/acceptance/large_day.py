"""A large day, twice: the same bytes by the same seed, and nothing that the codecs set aside.

python -m tests.acceptance.large_day --events 300000 --out build/large
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import time
from hashlib import sha256
from pathlib import Path

from tests.acceptance.killed import COMMAND


def digest_of(folder: Path) -> str:
    """Return one hash over all files below a folder, names and bytes."""
    whole = sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            whole.update(f"{path.relative_to(folder)}\0".encode())
            whole.update(sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def generated(out: Path, events: int, seed: int) -> float:
    """Generate a day in a process of its own; return the seconds that it took."""
    began = time.monotonic()
    command = [*COMMAND, "lab", "generate", "--events", str(events), "--seed", str(seed), "--out", str(out)]
    subprocess.run(command, check=True, capture_output=True)
    return time.monotonic() - began


def main() -> None:
    """Print the figures; an AssertionError ends it when something is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    shutil.rmtree(asked.out, ignore_errors=True)
    first, second = asked.out / "first", asked.out / "second"
    seconds = generated(first, asked.events, asked.seed)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    generated(second, asked.events, asked.seed)
    assert digest_of(first) == digest_of(second), "the same seed gave other bytes"
    print(f"{asked.events:,} events in {seconds:.0f} s, {peak:.0f} MiB; the same bytes a second time")
    shutil.rmtree(second)
    done = subprocess.run(
        [*COMMAND, "normalize", str(first), "--out", str(asked.out / "asim")],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    counted = [line.split() for line in done.stderr.splitlines() if line.startswith("aws_")]
    assert {row[0] for row in counted} >= {"aws_cloudtrail", "aws_vpcflow"}, done.stderr
    for source, _, records, _, quarantined, faults in counted:
        print(f"{source}: {records} records, {quarantined} quarantined, {faults} faults")
        assert (quarantined, faults) == ("0", "0")


if __name__ == "__main__":
    main()
