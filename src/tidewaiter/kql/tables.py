"""A DuckDB file with given rows, for an executor to run on: what `mapping test` runs functions on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from tidewaiter.kql.results import Schemas

_SQL = {
    "string": "VARCHAR",
    "guid": "VARCHAR",
    "int": "INTEGER",
    "long": "BIGINT",
    "real": "DOUBLE",
    "bool": "BOOLEAN",
    "datetime": "TIMESTAMP",
    "dynamic": "JSON",
}
_LISTS = {"int": "BIGINT", "long": "BIGINT", "real": "DOUBLE", "bool": "BOOLEAN"}
"""What a column's values come as, all in one statement; of text DuckDB makes times and JSON."""


def write_tables(path: Path, schemas: Schemas, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Write tables with their rows; a string that a row lacks is empty, as in Kusto, another value null.

    A datetime may be ISO 8601 text in UTC; a dynamic is the value itself.
    """
    with duckdb.connect(str(path), config={"threads": 1}) as connection:
        for name, columns in schemas.items():
            listed = ", ".join(f'"{column}" {_SQL[kind]}' for column, kind in columns.items())
            connection.execute(f'CREATE TABLE "{name}" ({listed})')
            held = rows.get(name, ())
            if not held:
                continue
            values = [[_value(kind, row.get(column)) for row in held] for column, kind in columns.items()]
            lists = ", ".join(f"unnest(?::{_LISTS.get(kind, 'VARCHAR')}[])" for kind in columns.values())
            connection.execute(f'INSERT INTO "{name}" SELECT {lists}', values)


def _value(kind: str, value: Any) -> Any:
    if kind in ("string", "guid"):
        return value or ""
    if kind == "dynamic" and value is not None:
        return json.dumps(value, ensure_ascii=False)
    return value
