"""Segments as ASIM files: one NDJSON or Parquet file per table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import polars as pl

from tidewaiter.core.errors import DeliveryError
from tidewaiter.pipeline.deliver.segments import Segment, cause, read_rows

_OBJECT = msgspec.json.Decoder(dict[str, Any])
_POLARS: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "string": pl.String,
    "guid": pl.String,
    "int": pl.Int32,
    "long": pl.Int64,
    "real": pl.Float64,
    "bool": pl.Boolean,
    "datetime": pl.Datetime("us"),
    "dynamic": pl.String,
}


def ndjson_lines(segment: Segment, *, with_type: bool = False) -> Iterator[bytes]:
    """Yield one line per row; empty and null columns are left out. `with_type` adds the table as `Type`."""
    head = b'{"Type":"' + segment.table.encode() + b'",' if with_type else b"{"
    if segment.layout == "rows":
        for whole in read_rows(segment.path).row:
            yield head + whole[1:] + b"\n"
        return
    for row in pl.read_parquet(segment.path).iter_rows(named=True):
        kept = {name: _json(name, value) for name, value in row.items() if value is not None and value != ""}
        yield head + msgspec.json.encode(kept)[1:] + b"\n"


def _json(name: str, value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat() + "Z"
    return msgspec.Raw(value.encode()) if name == "AdditionalFields" and isinstance(value, str) else value


def as_frame(segment: Segment, types: Mapping[str, str]) -> pl.DataFrame:
    """Return a segment as a frame of the table's columns that it fills, typed by `types`."""
    if segment.layout == "columns":
        return pl.read_parquet(segment.path)
    held = read_rows(segment.path)
    rows: list[dict[str, Any]] = [_OBJECT.decode(row) for row in held.row]
    extras = [row[at:-1].decode() for row, at in zip(held.row, held.extra_at, strict=True)]
    used = [name for name in types if name != "AdditionalFields" and any(name in row for row in rows)]
    schema = {name: _POLARS[types[name]] for name in used}
    read_as = {name: pl.String if kind == pl.Datetime("us") else kind for name, kind in schema.items()}
    frame = pl.DataFrame([[row.get(name) for row in rows] for name in used], schema=read_as, orient="col")
    times = [name for name, kind in schema.items() if kind == pl.Datetime("us")]
    return frame.with_columns(
        *(pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us") for name in times),
        pl.Series("AdditionalFields", extras, dtype=pl.String),
    )


class AsimFiles:
    """Appends segments to one file per table under `folder`, which appear, whole, when all is written.

    Leaving the context without `close` leaves nothing. Raises DeliveryError where the folder takes no more.
    """

    def __init__(self, folder: Path, form: str, types: Mapping[str, Mapping[str, str]]) -> None:
        self.folder = folder
        self.form = form
        self.types = types
        self._open: dict[str, BinaryIO] = {}
        self._parts: dict[str, list[Path]] = {}
        self._hidden: list[Path] = []

    def __enter__(self) -> AsimFiles:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._open.values():
            with suppress(OSError):
                file.close()
        for path in self._hidden:
            with suppress(OSError):
                path.unlink()

    def add(self, segment: Segment) -> None:
        """Write one segment."""
        if self.form == "ndjson":
            with self._writing():
                file = self._open.get(segment.table)
                if file is None:
                    file = self._open[segment.table] = self._hide(f"{segment.table}.ndjson").open("wb")
                file.writelines(ndjson_lines(segment))
            return
        frame = as_frame(segment, self.types[segment.table])
        parts = self._parts.setdefault(segment.table, [])
        parts.append(self._hide(f"{segment.table}.{len(parts):06d}.parquet"))
        with self._writing():
            frame.write_parquet(parts[-1])

    def close(self) -> list[Path]:
        """Finish; return the files written."""
        with self._writing():
            for file in self._open.values():
                file.close()
            whole = {f"{table}.ndjson": Path(file.name) for table, file in self._open.items()}
            for table, parts in self._parts.items():
                name = f"{table}.parquet"
                whole[name] = self._hide(name)
                scans = [pl.scan_parquet(part) for part in parts]
                pl.concat(scans, how="diagonal").sink_parquet(whole[name])
            return sorted(path.rename(self.folder / name) for name, path in whole.items())

    def _hide(self, name: str) -> Path:
        path = self.folder / f".{name}.part"
        self._hidden.append(path)
        return path

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, pl.exceptions.PolarsError) as error:
            hint = "free disk space or choose another --out, then run again"
            raise DeliveryError(f"cannot write under {self.folder}: {cause(error)}", hint=hint) from None
