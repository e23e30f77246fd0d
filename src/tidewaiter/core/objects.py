"""Source objects (files) and the chunks of records that codecs read from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from tidewaiter.core.faults import Fault, Quarantined

ObjectKind = Literal["events", "digest", "insight", "manifest"]
Codec = Literal["json_records", "delimited_text"]


@dataclass(frozen=True, slots=True)
class SourceObject:
    """One file of a known source.

    `id` is the path relative to the folder that was given, with forward slashes: the key under which
    the object is claimed. Objects whose `kind` is not "events" are counted and carry no records.
    """

    id: str
    path: Path
    source: str
    kind: ObjectKind
    codec: Codec
    size: int


@dataclass(slots=True)
class JsonChunk:
    """Some records of a JSON object, each as its raw bytes on one line, without outer white space.

    `positions[i]` is the index of `records[i]` in the object. `faults` and `quarantined` are those
    met while reading this chunk; `raw_bytes` counts the decompressed bytes that were read for it.
    """

    records: Sequence[bytes | msgspec.Raw]
    positions: Sequence[int]
    raw_bytes: int = 0
    faults: list[Fault] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)


@dataclass(slots=True)
class TextChunk:
    """Some whole lines of a delimited text object.

    `fields` names the columns in the order they stand in `body`, as the source's header or its default
    gives them. `first_line` is the line number (from 0, header included) of the first line of `body`.
    `cells` are the same lines with their fields separated by `separator` alone, where quotes or brackets hold
    some of them together in `body`. `numbers` are the lines' numbers where they do not follow each other.
    """

    body: bytes
    fields: tuple[str, ...]
    first_line: int
    raw_bytes: int = 0
    faults: list[Fault] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    separator: str = " "
    cells: bytes = b""
    numbers: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Take lines without quotes as they are."""
        self.cells = self.cells or self.body


Chunk = JsonChunk | TextChunk
