"""Segments: what a worker writes of a group of source objects, one Parquet file per table and part.

Layout "json": columns `head` and `extra` (JSON objects as they were mapped) and `key` (64-bit, identifies
the event). Layout "columns": the ASIM columns themselves. Parts keep memory flat whatever the objects' size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Literal

import polars as pl

from tidewaiter.core.errors import DeliveryError

Layout = Literal["json", "columns"]
PART_BYTES = 16_000_000
"""A part is written when it holds this many bytes of JSON."""
PART_ROWS = 200_000
"""A part is written when it holds this many rows of columns."""
_ROW_GROUP_BYTES = 4_000_000
"""Readers take a row group at a time: with rows of 1 MB it must hold few."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One part on disk; `spans` tells in order how many of its rows each object (by place) brought."""

    table: str
    path: Path
    layout: Layout
    spans: tuple[tuple[int, int], ...]

    @property
    def rows(self) -> int:
        """Rows in the file."""
        return sum(n for _, n in self.spans)


def event_key(event_id: str, crc: int) -> int:
    """Return the signed 64-bit key of an event: its id and a checksum of its record.

    An id alone would call two records one event wherever ids are made up (test data, broken shippers),
    and lose one of them; the same event through two trails has the same bytes.
    """
    digest = blake2b(b"%d|" % crc + event_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


@dataclass(slots=True)
class _Held:
    spans: list[tuple[int, int]] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    extras: list[bytes] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    frames: list[pl.DataFrame] = field(default_factory=list)
    size: int = 0

    def span(self, place: int, rows: int) -> None:
        if self.spans and self.spans[-1][0] == place:
            rows += self.spans.pop()[1]
        self.spans.append((place, rows))


class SegmentWriter:
    """Writes the segments of a group of objects into `folder`, with names that begin with `stem`."""

    def __init__(self, folder: Path, stem: str) -> None:
        self.folder = folder
        self.stem = stem
        self.segments: list[Segment] = []
        self._held: dict[tuple[str, Layout], _Held] = {}

    def add_json(
        self, place: int, table: str, heads: Sequence[bytes], extras: Sequence[bytes], keys: Sequence[int]
    ) -> None:
        """Add rows of the object at `place` in the group, as JSON."""
        held = self._held.setdefault((table, "json"), _Held())
        held.span(place, len(heads))
        held.heads += heads
        held.extras += extras
        held.keys += keys
        held.size += sum(map(len, heads)) + sum(map(len, extras))
        if held.size >= PART_BYTES:
            self._write(table, "json")

    def add_frame(self, place: int, table: str, frame: pl.DataFrame) -> None:
        """Add rows of the object at `place` in the group, as columns."""
        held = self._held.setdefault((table, "columns"), _Held())
        held.span(place, frame.height)
        held.frames.append(frame)
        held.size += frame.height
        if held.size >= PART_ROWS:
            self._write(table, "columns")

    def close(self) -> list[Segment]:
        """Write what is held; return all segments."""
        for table, layout in list(self._held):
            self._write(table, layout)
        return self.segments

    def _write(self, table: str, layout: Layout) -> None:
        held = self._held.pop((table, layout))
        if layout == "columns":
            frame = pl.concat(held.frames, how="diagonal")
        else:
            frame = pl.DataFrame(
                {"head": held.heads, "extra": held.extras, "key": held.keys},
                schema={"head": pl.Binary, "extra": pl.Binary, "key": pl.Int64},
            ).with_columns(pl.col("head", "extra").cast(pl.String))
        path = self.folder / f"{self.stem}-{len(self.segments):04d}.parquet"
        write_segment(frame, path)
        self.segments.append(Segment(table, path, layout, tuple(held.spans)))


def write_segment(frame: pl.DataFrame, path: Path) -> None:
    """Write a segment's file, in row groups of a few megabytes.

    Raises:
        DeliveryError: it cannot be written, for lack of room as a rule.
    """
    rows = max(1, frame.height * _ROW_GROUP_BYTES // max(1, int(frame.estimated_size())))
    try:
        frame.write_parquet(path, compression="lz4", statistics=False, row_group_size=min(rows, 50_000))
    except (OSError, pl.exceptions.PolarsError) as error:
        hint = f"free disk space at {path.parent}, then run again: nothing of it was claimed"
        raise DeliveryError(f"cannot stage rows: {cause(error)}", hint=hint) from None


def cause(error: Exception) -> str:
    """Return what the system said, without what Python and Polars wrap around it."""
    return getattr(error, "strerror", None) or str(error).rpartition("IO error: ")[2]
