"""What a flow stores: rows of one table, their size in the bill, and their time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import msgspec
import polars as pl

from tidewaiter.asim.schema import Table
from tidewaiter.core.billing import billed_size
from tidewaiter.lab.server.errors import ServiceError
from tidewaiter.lab.server.ingestion.rows import Decoded
from tidewaiter.lab.server.ingestion.transform import InvalidTransform, Transform
from tidewaiter.lab.server.ingestion.values import CONVERSIONS
from tidewaiter.lab.workspace.frames import POLARS_TYPES

_TIME = "TimeGenerated"
_BILLED = "_BilledSize"
_TIME_BYTES = len("2026-03-17T12:00:00.0000000Z")
"""What a time that the service adds counts in the bill, in the form in which it writes times."""


@dataclass(frozen=True, slots=True)
class Output:
    """Rows for `table`; `latest` is the newest TimeGenerated, aware, and None before `with_times`."""

    table: str
    frame: pl.DataFrame
    billed: int
    latest: datetime | None = None

    def with_times(self, received: datetime, oldest: datetime | None, newest: datetime) -> Output:
        """Return it with the time of receipt where a row has no time, or none within the bounds.

        "The TimeGenerated value cannot be older than 2 days before received time or more than a day in the
        future" ("Standard columns in Azure Monitor Logs", 2024-05-26); a missing one is added by the service
        ("Add or delete tables and columns", 2026-05-25).
        """
        at = pl.lit(_naive(received), dtype=pl.Datetime("us"))
        if _TIME not in self.frame.columns:
            added = self.frame.height * _TIME_BYTES
            frame = self.frame.with_columns(at.alias(_TIME))
            if _BILLED in frame.columns:
                frame = frame.with_columns(pl.col(_BILLED) + _TIME_BYTES)
            return replace(self, frame=frame, billed=self.billed + added, latest=received)
        time = pl.col(_TIME)
        within = time.is_not_null() & (time <= _naive(newest))
        if oldest is not None:
            within &= time >= _naive(oldest)
        frame = self.frame.with_columns(pl.when(within).then(time).otherwise(at).alias(_TIME))
        latest = frame[_TIME].max()
        assert isinstance(latest, datetime) or latest is None
        return replace(self, frame=frame, latest=latest.replace(tzinfo=UTC) if latest else None)


def passed(table: Table, decoded: Decoded) -> Output:
    """Return rows unchanged (`source`): the columns that the table has; the others are billed and dropped."""
    sendable = table.sendable
    kept = [name for name in decoded.frame.columns if name in sendable]
    billed = pl.Series(_BILLED, decoded.billed, dtype=pl.Float64)
    frame = decoded.frame.select(kept) if kept else pl.DataFrame(height=decoded.frame.height)
    return Output(table.name, frame.with_columns(billed), sum(decoded.billed))


def transformed(table: Table, decoded: Decoded, transform: Transform, now: datetime) -> Output:
    """Return the rows that a transformation makes; billed is what comes out of it.

    Raises:
        ServiceError: 400, the transformation fails on these rows.
    """
    try:
        rows = transform.apply(decoded.frame, now)
    except InvalidTransform as error:
        raise ServiceError(400, "InvalidTransformQuery", str(error)) from None
    encoded = [msgspec.json.encode({name: _json(value) for name, value in row.items()}) for row in rows]
    sizes = [billed_size(row) for row in encoded]
    found = [pl.Series(_BILLED, sizes, dtype=pl.Float64)]
    for name, kind in table.sendable.items():
        values = [_cell(row.get(name), kind) for row in rows]
        if any(value is not None for value in values):
            found.append(pl.Series(name, values, dtype=POLARS_TYPES[kind], strict=False))
    return Output(table.name, pl.DataFrame(found, height=len(rows)), sum(sizes))


def _json(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value) if not isinstance(value, str | int | float | bool | None) else value


def _cell(value: object, kind: str) -> object:
    if value is None or (value == "" and kind != "string"):
        return None
    if kind == "dynamic":
        return value if isinstance(value, str) else msgspec.json.encode(_json(value)).decode()
    if isinstance(value, datetime):
        return _naive(value) if kind == "datetime" else _json(value)
    if isinstance(value, str) and kind in ("string", "guid"):
        return value
    return CONVERSIONS[kind](msgspec.json.encode(_json(value)))


def _naive(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
