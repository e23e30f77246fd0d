"""Parquet objects of sources that are JSON elsewhere: each row as the record it would be there.

Security Lake writes OCSF events as Parquet alone ("Open Cybersecurity Schema Framework", Amazon Security Lake
User Guide, read 2026-11). A column is a member; what is null, or an object of nothing but nulls, is absent. A
map of Parquet's, a list of keys and values, is an object. Times are UTC in ISO 8601.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from tidewaiter.core.faults import Fault, Quarantined
from tidewaiter.core.objects import JsonChunk, SourceObject
from tidewaiter.pipeline.sources.codecs.inflate import Limits
from tidewaiter.pipeline.sources.codecs.ledger import FETCH_AGAIN
from tidewaiter.pipeline.sources.codecs.salvage import SAMPLE_BYTES

if TYPE_CHECKING:
    import polars as pl

_FIRST_ROWS = 64
_MOST_ROWS = 1 << 12
_KEY_VALUE = {"key", "value"}
_ENCODE = msgspec.json.Encoder().encode


def read_parquet_json(obj: SourceObject, limits: Limits) -> Iterator[JsonChunk]:
    """Yield the rows of a Parquet object as JSON records, in order; positions count the rows from 0."""
    import polars as pl

    row = total = 0
    try:
        scan = pl.scan_parquet(obj.path, hive_partitioning=False, glob=False)
        rows = scan.select(pl.len()).collect().item()
        step = _FIRST_ROWS
        while row < rows:
            batch = scan.slice(row, step).collect()
            chunk = _chunk(obj.id, batch, row, limits)
            total += chunk.raw_bytes
            yield chunk
            if total > limits.object_bytes:
                text = f"holds more than {limits.object_bytes:,} bytes as JSON; the rest is not read"
                hint = "split the file, or raise the limit if it is genuine"
                yield JsonChunk((), (), 0, [Fault(obj.id, "over_limit", text, hint, row + batch.height)])
                return
            row += batch.height
            step = min(_MOST_ROWS, max(1, limits.window_bytes * row // max(1, total)))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = str(error).split("\n", 1)[0]
        text = f"its rows cannot be read from row {row:,} on: {reason}"
        yield JsonChunk((), (), 0, [Fault(obj.id, "corrupt", text, FETCH_AGAIN, row)])


def _chunk(object_id: str, batch: pl.DataFrame, first: int, limits: Limits) -> JsonChunk:
    records: list[bytes | msgspec.Raw] = []
    positions: list[int] = []
    bad: list[Quarantined] = []
    size = 0
    for position, values in enumerate(batch.iter_rows(named=True), first):
        raw = _ENCODE(_plain(values) or {})
        size += len(raw)
        if len(raw) > limits.record_bytes:
            reason = "longer than a record may be; the first kept"
            bad.append(Quarantined(object_id, position, "over_limit", reason, raw[:SAMPLE_BYTES]))
            continue
        records.append(raw)
        positions.append(position)
    return JsonChunk(records, positions, size, [], bad)


def _plain(value: Any) -> Any:
    """Return a value as JSON has it, without what is null."""
    match value:
        case dict():
            held = {name: plain for name, each in value.items() if (plain := _plain(each)) is not None}
            return held or None
        case list():
            if value and all(isinstance(each, dict) and each.keys() == _KEY_VALUE for each in value):
                return _plain({str(each["key"]): each["value"] for each in value})
            return [_plain(each) for each in value]
        case datetime():
            return f"{value.replace(tzinfo=None).isoformat()}Z"
        case date():
            return value.isoformat()
        case float():
            return value if value - value == 0 else None  # JSON has no infinity
        case Decimal():
            return str(value)
        case bytes():
            return value.decode("utf-8", "replace")
        case str() | int() | bool() | None:
            return value
    return str(value)


def parquet_columns(path: Any) -> Sequence[str] | None:
    """Return the names of a Parquet file's columns; None when the file cannot be read."""
    import polars as pl

    try:
        return list(pl.read_parquet_schema(path))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        return None
