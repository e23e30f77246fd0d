"""Segments: what a worker writes of one source object, one Parquet file per table and part.

Layout "json": columns `head` and `extra` (JSON objects as they were mapped) and `key` (64-bit, identifies
the event). Layout "columns": the ASIM columns themselves. Parts keep memory flat whatever the object's size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Literal

import polars as pl

Layout = Literal["json", "columns"]
PART_BYTES = 16_000_000
"""A part is written when it holds this many bytes of JSON."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One part on disk."""

    table: str
    path: Path
    layout: Layout
    rows: int


def event_key(event_id: str, crc: int) -> int:
    """Return the signed 64-bit key of an event: its id and a checksum of its record.

    An id alone would call two records one event wherever ids are made up (test data, broken shippers),
    and lose one of them; the same event through two trails has the same bytes.
    """
    digest = blake2b(b"%d|" % crc + event_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


class SegmentWriter:
    """Writes the segments of one object into `folder`, with names that begin with `stem`."""

    def __init__(self, folder: Path, stem: str) -> None:
        self.folder = folder
        self.stem = stem
        self.segments: list[Segment] = []
        self._json: dict[str, tuple[list[bytes], list[bytes], list[int]]] = {}
        self._bytes: dict[str, int] = {}

    def add_json(
        self, table: str, heads: Sequence[bytes], extras: Sequence[bytes], keys: Sequence[int]
    ) -> None:
        """Add rows in JSON form."""
        held = self._json.setdefault(table, ([], [], []))
        held[0].extend(heads)
        held[1].extend(extras)
        held[2].extend(keys)
        self._bytes[table] = self._bytes.get(table, 0) + sum(map(len, heads)) + sum(map(len, extras))
        if self._bytes[table] >= PART_BYTES:
            self._write_json(table)

    def add_frame(self, table: str, frame: pl.DataFrame) -> None:
        """Write a frame as a part of its own."""
        self._write(table, frame, "columns")

    def close(self) -> list[Segment]:
        """Write what is held; return all segments."""
        for table in list(self._json):
            self._write_json(table)
        return self.segments

    def _write_json(self, table: str) -> None:
        heads, extras, keys = self._json.pop(table)
        self._bytes.pop(table)
        frame = pl.DataFrame(
            {"head": heads, "extra": extras, "key": keys},
            schema={"head": pl.Binary, "extra": pl.Binary, "key": pl.Int64},
        ).with_columns(pl.col("head", "extra").cast(pl.String))
        self._write(table, frame, "json")

    def _write(self, table: str, frame: pl.DataFrame, layout: Layout) -> None:
        path = self.folder / f"{self.stem}-{len(self.segments):04d}.parquet"
        frame.write_parquet(path, compression="lz4", statistics=False)
        self.segments.append(Segment(table, path, layout, frame.height))
