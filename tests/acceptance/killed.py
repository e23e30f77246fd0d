"""Kills runs over HTTP into a served lab at random moments, then looks whether anything is lost or doubled.

python -m tests.acceptance.killed --kills 30 --events 60000
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from tests.acceptance.originals import entra_ids, finding_ids, hub_findings
from tidewaiter.core.settings import Destination
from tidewaiter.lab.generator import Truth, generate
from tidewaiter.lab.workspace import Workspace

COMMAND = [sys.executable, "-c", "from tidewaiter.app.cli import main; main()"]
NATIVE = "AWSCloudTrail"
_PATIENCE = 120.0
_IN_HANDS = 8
"""Batches that a sender has marked as being sent at one time, at most: four in flight, four ahead."""


@dataclass
class Tally:
    """What one round of kills came to; `moments` are seconds after the start of the run that was killed."""

    moments: list[float] = field(default_factory=list)
    ended_by_themselves: int = 0
    delivered: int = 0
    doubled: int = 0
    possibly_sent: int = 0


@contextmanager
def served_lab(state: Path) -> Iterator[Path]:
    """Serve a lab in a process of its own; yields the settings of its clients."""
    command = [*COMMAND, "lab", "up", "--state", str(state), "--port", "0", "--clock", "stream", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout is not None
            yield Path(json.loads(process.stdout.readline())["settings"])
        finally:
            process.terminate()
            process.wait(60)


def round_of_kills(
    root: Path, day: Path, truth: Truth, *, kills: int, draw: random.Random, destination: Destination = "asim"
) -> Tally:
    """Run, kill, run again …, then let a run finish, and check what is in the lab.

    `destination` is that of CloudTrail's events.

    Raises:
        AssertionError: an event is missing, or is there twice without being listed as possibly sent.
    """
    tally = Tally()
    with served_lab(root / "lab") as given:
        settings = root / "tidewaiter.toml"
        wanted = f'\n[sources.aws_cloudtrail]\ndestination = "{destination}"\n'
        settings.write_text(given.read_text() + wanted)
        run = [*COMMAND, "run", "--config", str(settings), "--state", str(root / "state"), "--from", str(day),
               "--once", "--json"]  # fmt: skip
        whole = _timed(run, root / "probe")
        while len(tally.moments) < kills and not tally.ended_by_themselves:
            moment = draw.uniform(0.1, whole / 2)  # shorter than a run, so that several die on one day's way
            if _killed(run, moment):
                tally.moments.append(moment)
            else:
                tally.ended_by_themselves += 1
        subprocess.run(run, check=True, capture_output=True, timeout=_PATIENCE)
    _check(root, day, truth, tally, destination)
    return tally


def _timed(run: list[str], state: Path) -> float:
    """Return how long a run takes to its end, on a state of its own without a lab."""
    alone = [*run, "--state", str(state)]
    place = alone.index("--config")
    del alone[place : place + 2]
    began = time.monotonic()
    subprocess.run(alone, check=True, capture_output=True, timeout=_PATIENCE)
    return time.monotonic() - began


def _killed(run: list[str], moment: float) -> bool:
    process = subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def _check(root: Path, day: Path, truth: Truth, tally: Tally, destination: Destination) -> None:
    found: Counter[str] = Counter()
    native: Counter[str] = Counter()
    with Workspace.open(root / "lab" / "lab" / "workspace.duckdb", read_only=True) as workspace:
        for table in workspace.counts():
            if table.startswith("ASim"):
                found.update(str(row["EventOriginalUid"]) for row in workspace.rows(table))
            elif table == NATIVE:
                native.update(str(row["AwsEventId"]) for row in workspace.rows(table))
    lines = (root / "state" / "possibly_sent.jsonl").read_text().splitlines()
    listed = {event_id for line in lines for event_id in json.loads(line)["event_ids"]}
    doubled = {event_id for kind in (found, native) for event_id, n in kind.items() if n > 1}
    trail = {*truth.event_ids, *truth.insight_ids}
    assert native.keys() == (trail if destination != "asim" else set()), (
        "native rows are missing, or too many"
    )
    assert found.keys() >= trail if destination == "both" else not (found.keys() & native.keys())
    found.update(native.keys() - found.keys())
    events = {*truth.event_ids, *truth.insight_ids, *finding_ids(day), *entra_ids(day)}
    events |= hub_findings(day).keys()
    lines_there = found.keys() - events
    assert events <= found.keys(), "events are missing"
    of_lines = truth.events.vpcflow + truth.events.s3_access + truth.events.dns
    assert len(lines_there) == of_lines, "records without ids are missing, or there are others"
    assert doubled <= listed, "events are there twice, and the outbox does not say so"
    most = (len(tally.moments) + 1) * _IN_HANDS
    assert len(lines) <= most, f"{len(lines)} batches are listed, more than {most} cannot have been in hand"
    tally.delivered, tally.doubled, tally.possibly_sent = len(found), len(doubled), len(listed)


def main() -> None:
    """Kill as often as asked for, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--events", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--destination", choices=get_args(Destination), default="asim")
    asked = parser.parse_args()
    day = asked.out / "day"
    truth = generate(day, events=asked.events, seed=asked.seed)
    draw = random.Random(asked.seed)
    done = 0
    while done < asked.kills:
        tally = round_of_kills(
            asked.out / f"round-{done:03d}",
            day,
            truth,
            kills=min(10, asked.kills - done),
            draw=draw,
            destination=asked.destination,
        )
        done += len(tally.moments)
        print(
            f"{len(tally.moments)} kills at {', '.join(f'{moment:.1f}' for moment in tally.moments)} s: "
            f"{tally.delivered:,} events there, 0 missing, {tally.doubled:,} twice, "
            f"{tally.possibly_sent:,} listed as possibly sent",
            flush=True,
        )
    print(f"{done} kills, nothing lost, every double listed")


if __name__ == "__main__":
    main()
