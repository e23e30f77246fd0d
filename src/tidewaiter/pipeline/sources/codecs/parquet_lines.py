"""Parquet objects of sources that are lines of text elsewhere: each row as the line it would be there.

AWS writes flow logs as text or as Parquet, with the same fields; a hyphen of a field's name is an underscore
in the column's ("Flow log files", Amazon VPC User Guide, read 2026-11). As lines, both go the same way from
here: one mapping, one form in the archive and among what is set aside.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tidewaiter.content.recognition import TextShape
from tidewaiter.core.faults import Fault, FaultKind, Quarantined
from tidewaiter.core.objects import SourceObject, TextChunk
from tidewaiter.pipeline.sources.codecs.inflate import Limits
from tidewaiter.pipeline.sources.codecs.ledger import FETCH_AGAIN
from tidewaiter.pipeline.sources.codecs.salvage import SAMPLE_BYTES

if TYPE_CHECKING:
    import polars as pl

PARQUET_MAGIC = b"PAR1"
NO_VALUE = "-"
_SLICE_ROWS = 1 << 16
"""Rows that are held at a time. Slices are read as they are asked for, which keeps any number of rows within
100 MiB; Polars' stream of batches runs ahead of a slower reader, and took 500 for a million."""


def parquet_fields(path: Path, shape: TextShape) -> tuple[str, ...] | None:
    """Return the fields that a Parquet file's columns stand for; None when the file cannot be read."""
    import polars as pl

    try:
        columns = list(pl.read_parquet_schema(path))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        return None
    return tuple(_field(column, shape) for column in columns)


def read_parquet(obj: SourceObject, shape: TextShape, limits: Limits) -> Iterator[TextChunk]:
    """Yield the rows of a Parquet object as lines, in order; positions count the rows from 0.

    Null and the empty text are written `-`, times as seconds since 1970. A row with a text that no line can
    hold is set aside, and so is one longer than a record may be.
    """
    import polars as pl

    fields = parquet_fields(obj.path, shape)
    if fields is None:
        hint = FETCH_AGAIN
        yield _end(Fault(obj.id, "corrupt", "begins like a Parquet file but cannot be read as one", hint), 0)
        return
    reader = _Reader(obj.id, fields, shape.separator, limits)
    try:
        scan = pl.scan_parquet(obj.path, hive_partitioning=False, glob=False)
        rows = scan.select(pl.len()).collect().item()
        if 2 * rows * len(fields) > limits.object_bytes:  # a value and a separator each: the least there is
            yield _end(reader.too_large(), 0)
            return
        for start in range(0, rows, _SLICE_ROWS):
            yield from reader.read(scan.slice(start, _SLICE_ROWS).collect())
            if reader.total > limits.object_bytes:
                yield _end(reader.too_large(), reader.row)
                return
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        text = f"its rows cannot be read from row {reader.row:,} on: {_first_line(error)}"
        yield _end(Fault(obj.id, "corrupt", text, FETCH_AGAIN, reader.row), reader.row)


class _Reader:
    """Writes batches of rows as lines and sets aside what cannot be written so."""

    def __init__(self, object_id: str, fields: tuple[str, ...], separator: str, limits: Limits) -> None:
        self.row = 0
        self.total = 0
        self._id = object_id
        self._fields = fields
        self._separator = separator
        self._limits = limits

    def too_large(self) -> Fault:
        text = f"holds more than {self._limits.object_bytes:,} bytes as lines; the rest is not read"
        return Fault(self._id, "over_limit", text, "split the file, or raise the limit if it is genuine")

    def read(self, batch: pl.DataFrame) -> Iterator[TextChunk]:
        """Yield a batch in pieces of about a window."""
        import polars as pl

        texts = _as_text(batch)
        lengths = texts.select(pl.sum_horizontal(pl.all().str.len_bytes().fill_null(1)) + texts.width)
        sizes = lengths.to_series()
        bad = texts.select(self._unfit()).to_series() | (sizes > self._limits.record_bytes)
        start, window = 0, self._limits.window_bytes
        whole = not bad.any() and sizes.sum() <= window
        for end in [texts.height] if whole else _cuts(sizes.to_list(), bad.to_list(), window):
            piece = texts.slice(start, end - start)
            yield self._set_aside(piece) if bad[start] else self._chunk(piece)
            start = end

    def _unfit(self) -> pl.Expr:
        """True for rows with a text that would break its line."""
        import polars as pl

        breaks = f"[{self._separator}\n\r\0]"
        return pl.any_horizontal(pl.all().str.contains(breaks).fill_null(False))

    def _chunk(self, piece: pl.DataFrame) -> TextChunk:
        out = io.BytesIO()
        piece.write_csv(
            out,
            include_header=False,
            separator=self._separator,
            quote_style="never",
            null_value=NO_VALUE,
        )
        body, first = out.getvalue(), self.row
        self.row += piece.height
        self.total += len(body)
        return TextChunk(body, self._fields, first, len(body))

    def _set_aside(self, piece: pl.DataFrame) -> TextChunk:
        raw = piece.write_ndjson().strip().encode()
        self.total += len(raw)
        kind: FaultKind = "malformed"
        reason = "a text of the row holds white space or control characters"
        if len(raw) > self._limits.record_bytes:
            raw, kind, reason = (
                raw[:SAMPLE_BYTES],
                "over_limit",
                "longer than a record may be; the first kept",
            )
        chunk = TextChunk(b"", self._fields, self.row + 1, len(raw))
        chunk.quarantined.append(Quarantined(self._id, self.row, kind, reason, raw))
        self.row += 1
        return chunk


def _cuts(sizes: Sequence[int], bad: Sequence[bool], window: int) -> Iterator[int]:
    """Yield where pieces end: a bad row is one by itself, sound ones go together up to `window` bytes."""
    held = 0
    for place, (size, is_bad) in enumerate(zip(sizes, bad, strict=True)):
        if held and (is_bad or held + size > window):
            yield place
            held = 0
        if is_bad:
            yield place + 1
        else:
            held += size
    if held:
        yield len(sizes)


def _as_text(batch: pl.DataFrame) -> pl.DataFrame:
    """Return the columns as texts without empty ones; lists and objects as JSON."""
    import polars as pl

    written = []
    for name, kind in batch.schema.items():
        value = pl.col(name)
        if isinstance(kind, (pl.Datetime, pl.Date)):
            value = value.cast(pl.Datetime("us")).dt.epoch("s").cast(pl.String)
        elif kind.is_nested():
            value = pl.struct(name).struct.json_encode()
        elif kind != pl.String:
            value = value.cast(pl.String, strict=False)
        written.append(pl.when(value != "").then(value).alias(name))
    return batch.select(written)


def _field(column: str, shape: TextShape) -> str:
    return column if column in shape.fields else column.replace("_", "-")


def _end(fault: Fault, row: int) -> TextChunk:
    return TextChunk(b"", (), row, 0, [fault])


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
