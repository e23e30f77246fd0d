"""Segments: what a worker writes of a group of source objects, one file per table and part.

Layout "rows": one JSON object per row with what the delivery needs to know of it (`RowColumns`), as msgpack:
both sides work on Python objects, which Parquet would take apart and put together again (decision 009).
Layout "columns": the ASIM columns themselves, as Parquet. Parts keep memory flat whatever the objects' size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
import polars as pl

from tidewaiter.core.errors import DeliveryError

Layout = Literal["rows", "columns"]
PART_BYTES = 16_000_000
"""A part is written when it holds this many bytes of JSON."""
PART_ROWS = 200_000
"""A part is written when it holds this many rows of columns."""
_ROW_GROUP_BYTES = 4_000_000
"""Readers take a row group at a time: with rows of 1 MB it must hold few."""

_EXTRA = b',"AdditionalFields":'
_encode_rows = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class Segment:
    """One part on disk; `spans` tells in order how many of its rows each object (by place) brought.

    `keyed` says that the rows have keys, which are then all of one kind: of events, not of whole objects.
    `size` is what the file holds, in bytes. `copies` names the table that each row has a copy for, if any.
    """

    table: str
    path: Path
    layout: Layout
    spans: tuple[tuple[int, int], ...]
    keyed: bool = False
    size: int = 0
    copies: str = ""

    @property
    def rows(self) -> int:
        """Rows in the file."""
        return sum(n for _, n in self.spans)


class RowColumns(msgspec.Struct, array_like=True, gc=False):
    """Rows of one table, column by column; all lists are aligned.

    `row`: the JSON object of all columns; `extra_at`: where in it the value of AdditionalFields begins, which
    ends before the last byte; `id`: the event's id; `key`: 64 bits that identify the event, None where an
    object is recognised as a whole; `position`: of the record in its object; `at`: TimeGenerated; `billed`:
    in bytes. `copy` and `copy_billed` are the same of the event's second row in another table, or empty.
    """

    row: Sequence[bytes]
    extra_at: Sequence[int]
    id: Sequence[str]
    key: Sequence[int | None]
    position: Sequence[int]
    at: Sequence[str]
    billed: Sequence[int]
    copy: Sequence[bytes] = ()
    copy_billed: Sequence[int] = ()


_decode_rows = msgspec.msgpack.Decoder(RowColumns).decode


def event_key(event_id: str, crc: int) -> int:
    """Return the signed 64-bit key of an event: its id and a checksum of its record.

    An id alone would call two records one event wherever ids are made up (test data, broken shippers),
    and lose one of them; the same event through two trails has the same bytes.
    """
    digest = blake2b(b"%d|" % crc + event_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def join_rows(heads: Sequence[bytes], extras: Sequence[bytes]) -> tuple[list[bytes], list[int]]:
    """Return whole rows of `heads` (JSON objects of the columns) and `extras` (of AdditionalFields).

    The second list tells where in each row the value of AdditionalFields begins.
    """
    rows = [head[:-1] + _EXTRA + extra + b"}" for head, extra in zip(heads, extras, strict=True)]
    behind = len(_EXTRA) - 1
    return rows, [len(head) + behind for head in heads]


class _Which(NamedTuple):
    """What one segment's rows have in common."""

    table: str
    layout: Layout
    keyed: bool = False
    copies: str = ""


@dataclass(slots=True)
class _Held:
    spans: list[tuple[int, int]] = field(default_factory=list)
    columns: dict[str, list[object]] = field(
        default_factory=lambda: {name: [] for name in RowColumns.__struct_fields__}
    )
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
        self._held: dict[_Which, _Held] = {}

    def add_rows(self, place: int, table: str, rows: RowColumns, *, copies: str = "") -> None:
        """Add rows of the object at `place` in the group; `copies` is the table of their copies."""
        which = _Which(table, "rows", rows.key[0] is not None, copies)
        held = self._held.setdefault(which, _Held())
        held.span(place, len(rows.row))
        for name, values in held.columns.items():
            values += getattr(rows, name)
        held.size += sum(map(len, rows.row)) + sum(map(len, rows.copy))
        if held.size >= PART_BYTES:
            self._write(which)

    def add_frame(self, place: int, table: str, frame: pl.DataFrame) -> None:
        """Add rows of the object at `place` in the group, as columns."""
        which = _Which(table, "columns")
        held = self._held.setdefault(which, _Held())
        held.span(place, frame.height)
        held.frames.append(frame)
        held.size += frame.height
        if held.size >= PART_ROWS:
            self._write(which)

    def close(self) -> list[Segment]:
        """Write what is held; return all segments."""
        for which in list(self._held):
            self._write(which)
        return self.segments

    def _write(self, which: _Which) -> None:
        held, layout = self._held.pop(which), which.layout
        suffix = "parquet" if layout == "columns" else "rows"
        path = self.folder / f"{self.stem}-{len(self.segments):04d}.{suffix}"
        if layout == "columns":
            _write_frame(pl.concat(held.frames, how="diagonal"), path)
        else:
            _write_rows(held.columns, path)
        size = path.stat().st_size
        spans = tuple(held.spans)
        self.segments.append(Segment(which.table, path, layout, spans, which.keyed, size, which.copies))


def read_rows(path: Path) -> RowColumns:
    """Return the rows of a segment of layout "rows"."""
    return _decode_rows(path.read_bytes())


def _write_rows(columns: Mapping[str, list[object]], path: Path) -> None:
    try:
        with path.open("wb") as file:
            file.write(_encode_rows(list(columns.values())))
    except OSError as error:
        raise _no_room(path, error) from None


def _write_frame(frame: pl.DataFrame, path: Path) -> None:
    """Write a segment's file, in row groups of a few megabytes.

    Raises:
        DeliveryError: it cannot be written, for lack of room as a rule.
    """
    rows = max(1, frame.height * _ROW_GROUP_BYTES // max(1, int(frame.estimated_size())))
    try:
        frame.write_parquet(path, compression="lz4", statistics=False, row_group_size=min(rows, 50_000))
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _no_room(path, error) from None


def _no_room(path: Path, error: Exception) -> DeliveryError:
    hint = f"free disk space at {path.parent}, then run again: nothing of it was claimed"
    return DeliveryError(f"cannot stage rows: {cause(error)}", hint=hint)


def cause(error: Exception) -> str:
    """Return what the system said, without what Python and Polars wrap around it."""
    return getattr(error, "strerror", None) or str(error).rpartition("IO error: ")[2]
