"""Rows as Python values into a frame of their table's columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec
import polars as pl

from tidewaiter.asim.schema import Table
from tidewaiter.core.errors import ContentError

POLARS_TYPES: Mapping[str, pl.DataType] = {
    "string": pl.String(),
    "guid": pl.String(),
    "dynamic": pl.String(),
    "int": pl.Int32(),
    "long": pl.Int64(),
    "real": pl.Float64(),
    "bool": pl.Boolean(),
    "datetime": pl.Datetime("us"),
}
"""KQL type -> the type of a column of a stored frame; dynamic holds JSON text, datetime is naive in UTC."""

_TAKES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "guid": (str,),
    "int": (int,),
    "long": (int,),
    "real": (int, float),
    "bool": (bool,),
    "datetime": (datetime,),
}


def frame_of(table: Table, rows: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    """Return the rows with the columns that any of them has.

    Raises:
        ContentError: a column that the table has not, a value of another type, a row without TimeGenerated.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    for name in names:
        if name not in table.columns:
            raise ContentError(f"{table.name} has no column {name}")
    if any(row.get("TimeGenerated") is None for row in rows):
        raise ContentError(f"a row of {table.name} has no TimeGenerated")
    return pl.DataFrame(
        [
            pl.Series(
                name,
                [_stored(table, name, row.get(name)) for row in rows],
                dtype=POLARS_TYPES[table.columns[name]],
            )
            for name in names
        ]
    )


def _stored(table: Table, name: str, value: object) -> object:
    kind = table.columns[name]
    if value is None:
        return None
    if kind == "dynamic":
        return msgspec.json.encode(value).decode()
    wanted = _TAKES[kind]
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        raise ContentError(f"{name} of {table.name} is {kind}, not {type(value).__name__}")
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None)
    return value
