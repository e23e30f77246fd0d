"""One generated day, read back as a stranger would read it."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tidewaiter.lab.generator import Truth, generate
from tidewaiter.lab.generator.stories import WHOLE

Record = dict[str, Any]


@dataclass(frozen=True)
class Day:
    """A day on disk: its folder, its truth, its CloudTrail records by file and its flow log lines by file."""

    out: Path
    truth: Truth
    trail: dict[Path, list[Record]]
    flows: dict[Path, list[str]]

    @property
    def records(self) -> list[Record]:
        return [record for records in self.trail.values() for record in records]

    def by_id(self) -> dict[str, Record]:
        return {record["eventID"]: record for record in self.records}


def read_day(out: Path, truth: Truth) -> Day:
    trail = {
        path: msgspec.json.decode(gzip.decompress(path.read_bytes()))["Records"]
        for path in sorted(out.glob("AWSLogs/*/*/CloudTrail/**/*.json.gz"))
    }
    flows = {
        path: gzip.decompress(path.read_bytes()).decode().splitlines()
        for path in sorted(out.glob("AWSLogs/*/vpcflowlogs/**/*.log.gz"))
    }
    return Day(out, truth, trail, flows)


@pytest.fixture(scope="session")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    out = tmp_path_factory.mktemp("day")
    return read_day(out, generate(out, events=9_000, seed=7))


@pytest.fixture(scope="session")
def small_day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    out = tmp_path_factory.mktemp("small")
    return read_day(out, generate(out, events=2_000, seed=23))


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Day:
    """The smallest day that holds every story."""
    out = tmp_path_factory.mktemp("whole")
    return read_day(out, generate(out, events=WHOLE, seed=7))
