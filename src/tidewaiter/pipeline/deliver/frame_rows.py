"""Frames of ASIM columns as JSON rows, vectorised: text sources never become Python objects on the way."""

from __future__ import annotations

from functools import lru_cache

import polars as pl

from tidewaiter.pipeline.deliver.segments import RowColumns

_EXTRA = "AdditionalFields"
_ID = "EventOriginalUid"
_ABSENT = r',"[A-Za-z0-9_]+":(?:null|"")'
"""A member without a value. Within a JSON string quotes have a backslash before them: it finds none there."""


def frame_rows(frame: pl.DataFrame) -> RowColumns:
    """Return the rows of a frame of ASIM columns, TimeGenerated and EventOriginalUid among them.

    Times are naive UTC, AdditionalFields is JSON text or null; empty and null columns are left out. Ids end
    in `-` and the record's position; the rows have no key (their object is recognised as a whole).
    """
    shown = _shown(frame)
    first = ("TimeGenerated", *(name for name in frame.columns if name not in ("TimeGenerated", _EXTRA)))
    extra = pl.col(_EXTRA) if _EXTRA in frame.columns else pl.lit(None, dtype=pl.String)
    head = _object(first).str.strip_suffix("}")
    made = shown.select(
        head.alias("head"),
        extra.fill_null("{}").alias("extra"),
        pl.col(_ID).alias("id"),
        _position(),
        pl.col("TimeGenerated").alias("at"),
        _billed(shown, first).alias("billed"),
    )
    row = pl.concat_str(pl.col("head"), pl.lit(f',"{_EXTRA}":'), pl.col("extra"), pl.lit("}"))
    rows = made.select(row.cast(pl.Binary)).to_series()
    extra_at = made["head"].str.len_bytes().cast(pl.Int64) + len(_EXTRA) + 4
    return RowColumns(
        row=rows.to_list(),
        extra_at=extra_at.to_list(),
        id=made["id"].to_list(),
        key=[None] * frame.height,
        position=made["position"].to_list(),
        at=made["at"].to_list(),
        billed=made["billed"].to_list(),
    )


def native_frame_rows(frame: pl.DataFrame, natives: pl.DataFrame) -> RowColumns:
    """Return the rows of `natives`, with what `frame`, of the same lines, tells of them (`frame_rows`)."""
    rows, billed = native_rows(natives)
    marks = _shown(frame.select(_ID, "TimeGenerated")).with_columns(_position())
    return RowColumns(
        row=rows,
        extra_at=[len(row) - 1 for row in rows],
        id=marks[_ID].to_list(),
        key=[None] * frame.height,
        position=marks["position"].to_list(),
        at=marks["TimeGenerated"].to_list(),
        billed=billed,
    )


def native_rows(frame: pl.DataFrame) -> tuple[list[bytes], list[int]]:
    """Return the rows of a frame of columns without AdditionalFields, TimeGenerated first, and their bytes.

    The bytes are those that are billed; empty and null columns are left out.
    """
    shown = _shown(frame)
    columns = ("TimeGenerated", *(name for name in frame.columns if name != "TimeGenerated"))
    made = shown.select(_object(columns).cast(pl.Binary).alias("row"), _sizes(columns).alias("billed"))
    return made["row"].to_list(), made["billed"].to_list()


def _position() -> pl.Expr:
    return pl.col(_ID).str.split("-").list.last().cast(pl.Int64).alias("position")


def _shown(frame: pl.DataFrame) -> pl.DataFrame:
    """Write times as texts."""
    times = [name for name, kind in frame.schema.items() if kind == pl.Datetime("us")]
    return frame.with_columns(_written(name) for name in times)


@lru_cache(maxsize=64)
def _written(time: str) -> pl.Expr:
    return pl.col(time).dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")


@lru_cache(maxsize=64)
def _object(columns: tuple[str, ...]) -> pl.Expr:
    """The JSON object of the columns that have a value, of which the first is one."""
    return pl.struct(columns).struct.json_encode().str.replace_all(_ABSENT, "")


@lru_cache(maxsize=64)
def _sizes(columns: tuple[str, ...]) -> pl.Expr:
    sizes = [pl.col(name).cast(pl.String).str.len_bytes().fill_null(0).cast(pl.Int64) for name in columns]
    return pl.sum_horizontal(*sizes)


def _billed(frame: pl.DataFrame, columns: tuple[str, ...]) -> pl.Expr:
    """Sum the bytes of every value's string form (core/billing.py says the rule)."""
    extra = pl.col(_EXTRA).fill_null("{}").str.len_bytes() if _EXTRA in frame.columns else pl.lit(2)
    return _sizes(columns) + extra.cast(pl.Int64)
