"""Parts: Parquet files `source=<source>/date=<day>/<part>.parquet`, each of one commit."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

SCHEMA: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "event_id": pl.String,
    "event_time": pl.Datetime("us"),
    "object_id": pl.String,
    "digest": pl.String,
    "position": pl.Int64,
    "table": pl.String,
    "action": pl.String,
    "raw": pl.Binary,
}
"""`event_time`: the event's time (naive UTC; of a record without one, when it was read). `object_id`,
`digest`: the version of the source object; `position`: of the record in it, from 0. `table`: where its row
went, or would have gone. `action`: one of `ACTIONS`. `raw`: the record's bytes; null for a pointer."""

ACTIONS = ("delivered", "duplicate", "quarantine", "tier", "drop", "merge", "oversize")
"""What became of a record. Delivered ones and duplicates are pointers: their bytes are in the object. Of an
`oversize` one, of which a part was sent, `raw` is the whole row as JSON."""

_PART = re.compile(r"source=(?P<source>[^/]+)/date=(?P<day>\d{4}-\d{2}-\d{2})/(?P<name>[^/]+)\.parquet")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the archive: records of one source and day, from one commit."""

    source: str
    day: date
    name: str

    @property
    def path(self) -> str:
        """Where it lies below the archive's root."""
        return f"source={self.source}/date={self.day.isoformat()}/{self.name}.parquet"

    @classmethod
    def at(cls, path: str) -> Part | None:
        """Return the part that lies at a path; None when that is no part."""
        found = _PART.fullmatch(path)
        return Part(found["source"], date.fromisoformat(found["day"]), found["name"]) if found else None


def files_of(name: str, source: str, frame: pl.DataFrame) -> list[str]:
    """Return the paths that `by_day` will give."""
    return [Part(source, day, name).path for day in frame["event_time"].dt.date().unique().sort()]


def by_day(name: str, source: str, frame: pl.DataFrame) -> Iterator[tuple[Part, bytes]]:
    """Cut a frame of `SCHEMA` into parts, one for each day of its events, and yield their files.

    Raises:
        ValueError: the name or the source cannot be part of a path, or the frame has other columns.
    """
    for text in (name, source):
        if not _NAME.fullmatch(text):
            raise ValueError(f"not a name for a part of the archive: {text!r}")
    if dict(frame.schema) != dict(SCHEMA):
        raise ValueError(f"the archive takes columns {list(SCHEMA)}, not {frame.schema}")
    days = frame["event_time"].dt.date()
    for day in days.unique().sort():
        rows = frame if days.n_unique() == 1 else frame.filter(days == day)
        file = io.BytesIO()
        rows.write_parquet(file, compression="zstd", compression_level=3, statistics=True)
        yield Part(source, day, name), file.getvalue()
