"""The logs that are measured: the CloudTrail files of one generated day, as they lie and gathered.

An organisation of six accounts writes many small files; a busy trail writes thousands of events to a file.
"""

from __future__ import annotations

import gzip
import shutil
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench import memory
from tidewaiter.lab.generator import generate

PER_FILE = 2_000
_decode = msgspec.json.Decoder(dict[str, list[msgspec.Raw]]).decode


@dataclass(frozen=True, slots=True)
class Logs:
    """Folders with CloudTrail files of the same `events`, and with what is large beyond measure."""

    events: int
    small: Path
    gathered: Path
    large_object: Path
    large_records: Path


def make(folder: Path, events: int) -> Logs:
    """Generate a day of about so many events in all its logs, and keep CloudTrail's."""
    generate(folder / "day", events=events)
    small, gathered, one, wide = (folder / name for name in ("small", "gathered", "object", "records"))
    records: list[msgspec.Raw] = []
    found = (folder / "day").glob("AWSLogs/**/CloudTrail/**/*.json.gz")
    for path in sorted(found, key=lambda path: path.name.split("_")[3]):
        kept = small / path.relative_to(folder / "day")
        kept.parent.mkdir(parents=True, exist_ok=True)
        path.rename(kept)
        records += _decode(gzip.decompress(kept.read_bytes()))["Records"]
    shutil.rmtree(folder / "day")
    for made in (gathered, one, wide):
        made.mkdir()
    for place in range(0, len(records), PER_FILE):
        path = gathered / f"{place:06d}.json.gz"
        body = b'{"Records":[' + b",".join(map(bytes, records[place : place + PER_FILE])) + b"]}"
        path.write_bytes(gzip.compress(body, 6))
    memory.large_object(one, records)
    memory.large_records(wide, records[0])
    for made in (one, wide):  # a second group of objects: one alone is worked on by the parent itself
        shutil.copy(next(iter(sorted(gathered.iterdir()))), made)
    return Logs(len(records), small, gathered, one, wide)
