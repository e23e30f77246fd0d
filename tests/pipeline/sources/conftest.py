"""What the tests of sources share: the real recognition rules, and ways to write and read objects."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest

from tidewaiter.content.recognition import Recognition
from tidewaiter.core.faults import Fault, Quarantined
from tidewaiter.core.objects import JsonChunk, ObjectKind, SourceObject
from tidewaiter.pipeline.sources import Limits, read


@dataclass
class Reading:
    """All that was read of one object."""

    records: list[bytes] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    fields: list[tuple[str, ...]] = field(default_factory=list)
    cells: list[list[str]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    raw_bytes: int = 0

    @property
    def kinds(self) -> list[str]:
        return [fault.kind for fault in self.faults]

    @property
    def set_aside(self) -> list[str]:
        return [record.kind for record in self.quarantined]

    @property
    def all_positions(self) -> list[int]:
        return sorted([*self.positions, *(record.position for record in self.quarantined)])


ReadBytes = Callable[..., Reading]


@pytest.fixture(scope="session")
def recognitions() -> dict[str, Recognition]:
    folders = files("tidewaiter.content").joinpath("sources").iterdir()
    rules = {folder.name: folder.joinpath("recognize.yaml") for folder in folders}
    return {
        name: msgspec.yaml.decode(rule.read_bytes(), type=Recognition)
        for name, rule in sorted(rules.items())
        if rule.is_file()
    }


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A folder for files that live as long as one reading."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def read_object(recognitions: dict[str, Recognition]) -> Callable[..., Reading]:
    """Read one file as an object of a source."""

    def reading(
        path: Path, source: str = "aws_cloudtrail", kind: ObjectKind = "events", limits: Limits | None = None
    ) -> Reading:
        recognition = recognitions[source]
        obj = SourceObject("object", path, source, kind, recognition.codec, 0)
        result = Reading()
        for chunk in read(obj, recognition, limits or Limits()):
            result.faults += chunk.faults
            result.quarantined += chunk.quarantined
            result.raw_bytes += chunk.raw_bytes
            if isinstance(chunk, JsonChunk):
                assert len(chunk.records) == len(chunk.positions)
                result.records += [bytes(record) for record in chunk.records]
                result.positions += chunk.positions
            else:
                assert chunk.body == b"" or chunk.body.endswith(b"\n")
                lines = chunk.body.split(b"\n")[:-1]
                result.records += lines
                result.positions += range(chunk.first_line, chunk.first_line + len(lines))
                result.fields += [chunk.fields] * len(lines)
                result.cells += [
                    line.split(chunk.separator)
                    for line in chunk.cells.decode("utf-8", "replace").split("\n")[:-1]
                ]
        return result

    return reading


@pytest.fixture(scope="session")
def read_bytes(scratch: Path, read_object: Callable[..., Reading]) -> ReadBytes:
    """Write bytes to a file, gzipped or not, and read it as an object of a source."""

    def reading(
        data: bytes,
        source: str = "aws_cloudtrail",
        kind: ObjectKind = "events",
        *,
        packed: bool = False,
        **limits: int,
    ) -> Reading:
        path = scratch / "object"
        path.write_bytes(gzip.compress(data, 1) if packed else data)
        return read_object(path, source, kind, Limits(**limits))

    return reading
