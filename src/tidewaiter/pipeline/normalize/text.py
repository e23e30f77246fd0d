"""Delimited text through the Polars plan of its header."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

import polars as pl

from tidewaiter.asim.mapping.compile_polars import NO_VALUE, TextPlan, compile_polars
from tidewaiter.asim.mapping.source_mapping import SourceMapping
from tidewaiter.asim.mapping.spec import EVENT_ID
from tidewaiter.core.faults import FaultKind, Quarantined
from tidewaiter.core.objects import TextChunk
from tidewaiter.pipeline.normalize.rows import FrameRows, Normalized

if TYPE_CHECKING:
    from polars._typing import PolarsDataType

_LINE = "__line"
_BOM = b"\xef\xbb\xbf"


class TextNormalizer:
    """One source's text mappings, and those to Sentinel's own tables if wanted; plans are kept per header."""

    def __init__(self, mapping: SourceMapping, native: SourceMapping | None = None) -> None:
        self.mapping = mapping
        self.native = native
        self.plan = lru_cache(maxsize=64)(self._plan)

    def _plan(self, header: tuple[str, ...]) -> tuple[TextPlan, TextPlan | None]:
        native = compile_polars(self.native, header, prefix="__native") if self.native else None
        return compile_polars(self.mapping, header), native

    def normalize(self, chunk: TextChunk, *, object_id: str, prefix: str) -> Normalized:
        """Map the lines of a chunk; a line with a wrong type or without a time is quarantined.

        The codec vouches for the lines: UTF-8, and as many fields in each as the header names.
        """
        out = Normalized()
        if not chunk.body:
            return out
        plan, native = self.plan(chunk.fields)
        try:
            frame = _read(chunk, plan.fields, plan.types)
        except pl.exceptions.PolarsError:
            frame = _without_wrong_types(chunk, plan, object_id, out)
        line = pl.col(_LINE) + chunk.first_line
        if chunk.numbers:
            line = pl.lit(pl.Series(chunk.numbers, dtype=pl.Int64)).gather(pl.col(_LINE))
        frame = frame.with_columns(pl.concat_str([pl.lit(f"{prefix}-"), line]).alias(EVENT_ID))
        frame = plan.staged(frame)
        frame = native.staged(frame) if native else frame
        if not frame.select(plan.valid.all()).item():
            _quarantine(chunk, frame.filter(~plan.valid), "invalid", "the line has no time", object_id, out)
            frame = frame.filter(plan.valid)
        for table, when, columns in zip(plan.tables, plan.whens, plan.columns, strict=True):
            taken, frame = _taken(frame, when)
            for part in _twins(taken, native):
                part.table, part.frame = table, part.frame.select(columns)
                out.rows.append(part)
        _quarantine(chunk, frame, "invalid", "no mapping takes this line", object_id, out)
        return out


def _taken(frame: pl.DataFrame, when: pl.Expr | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the lines for which a route's condition holds, and the others."""
    return (frame, frame.clear()) if when is None else (frame.filter(when), frame.filter(~when))


def _twins(lines: pl.DataFrame, plan: TextPlan | None) -> Iterator[FrameRows]:
    """Yield the lines, part by part, with their rows in the tables of `plan`."""
    if plan is None:
        yield from [FrameRows("", lines)] if lines.height else []
        return
    for table, when, columns in zip(plan.tables, plan.whens, plan.columns, strict=True):
        part, lines = _taken(lines, when)
        if part.height:
            yield FrameRows("", part, table, part.select(columns))


def _without_wrong_types(chunk: TextChunk, plan: TextPlan, object_id: str, out: Normalized) -> pl.DataFrame:
    """Read as text, quarantine the lines with a number field that is none, and type the rest."""
    frame = _read(chunk, plan.fields, dict.fromkeys(plan.fields, pl.String))
    numbers = [name for name, kind in plan.types.items() if kind == pl.Int64]
    wrong = pl.any_horizontal(
        [pl.col(n).is_not_null() & pl.col(n).cast(pl.Int64, strict=False).is_null() for n in numbers]
    )
    reason = "a number field does not hold a number"
    _quarantine(chunk, frame.filter(wrong), "wrong_type", reason, object_id, out)
    return frame.filter(~wrong).with_columns(pl.col(n).cast(pl.Int64) for n in numbers)


def _read(chunk: TextChunk, fields: tuple[str, ...], types: Mapping[str, PolarsDataType]) -> pl.DataFrame:
    return pl.read_csv(
        _BOM + chunk.cells if chunk.cells.startswith(_BOM) else chunk.cells,  # Polars takes away the first
        separator=chunk.separator,
        has_header=False,
        schema={name: types[name] for name in fields},
        null_values=NO_VALUE,
        quote_char=None,
        row_index_name=_LINE,
    )


def _quarantine(
    chunk: TextChunk, rows: pl.DataFrame, kind: FaultKind, reason: str, object_id: str, out: Normalized
) -> None:
    lines = chunk.body.split(b"\n") if rows.height else []
    for row in rows[_LINE].to_list():
        number = chunk.numbers[row] if chunk.numbers else chunk.first_line + row
        out.quarantined.append(Quarantined(object_id, number, kind, reason, lines[row]))
