"""Loads staged Parquet files into a workspace's tables without altering a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import duckdb

from tidewaiter.asim.schema import Table, tables
from tidewaiter.core.errors import DeliveryError
from tidewaiter.kql import RECEIVED
from tidewaiter.lab.workspace.arrivals import Arrival
from tidewaiter.lab.workspace.database import FREE_TABLES, SQL_TYPES, store_columns

LAB_TENANT_ID = "7ab00000-0000-4000-8000-000000000001"
"""TenantId of every row in the lab."""

Layout = Literal["json", "columns"]

_DYNAMIC_TEXT = "CASE WHEN json_valid({0}) THEN CAST({0} AS JSON) ELSE to_json({0}) END"
"""JSON text byte for byte; text that is not JSON (a lone surrogate, say) as a JSON string of it."""

_FILE = "tidewaiter_file"
"""What the path of a row's file is called while it is loaded."""

_JSON_KINDS = {
    "string": ("VARCHAR",),
    "guid": ("VARCHAR",),
    "datetime": ("VARCHAR",),
    "int": ("BIGINT", "UBIGINT"),
    "long": ("BIGINT", "UBIGINT"),
    "real": ("BIGINT", "UBIGINT", "DOUBLE"),
    "bool": ("BOOLEAN",),
}
"""KQL type of a column -> what DuckDB calls the JSON values it takes unaltered."""


@dataclass(frozen=True, slots=True)
class StagedRows:
    """A Parquet file of rows of one table.

    layout "json": two columns of UTF-8 text or bytes, `head` (a JSON object of all columns but
    AdditionalFields; times as ISO 8601 in UTC ending in Z) and `extra` (the JSON text of
    AdditionalFields, or null); other columns are for whoever staged them. layout "columns": one column
    per table column (times naive UTC, dynamic as JSON text).
    """

    table: str
    path: Path
    layout: Layout


@dataclass(frozen=True, slots=True)
class Load:
    """Files of one table and layout, with the columns that they fill."""

    table: Table
    layout: Layout
    paths: tuple[str, ...]
    columns: tuple[str, ...]
    source: str
    """FROM clause: the files, or for layout json a sub-select of text columns head and extra."""


def load(connection: duckdb.DuckDBPyConnection, staged: Sequence[StagedRows]) -> dict[str, int]:
    """Load files inside the open transaction; return the number of rows per table.

    Raises:
        DeliveryError: an unknown table, a column that the table has not or that the service sets, a value
            of another type than its column, a row without TimeGenerated.
        duckdb.Error: the files cannot be read or the rows not be written.
    """
    loads = [_plan(connection, *group) for group in _groups(staged)]
    for each in loads:
        if "TimeGenerated" not in each.columns:
            raise DeliveryError(f"rows of {each.table.name} have no TimeGenerated")
        store_columns(connection, each.table, {*each.columns, *_constants(each.table)})
    counts: dict[str, int] = {}
    for each in loads:
        inserted = connection.execute(_insert(each), [list(each.paths)]).fetchone()
        counts[each.table.name] = counts.get(each.table.name, 0) + (inserted[0] if inserted else 0)
    return counts


def load_arrivals(
    connection: duckdb.DuckDBPyConnection, arrivals: Sequence[Arrival], known: Mapping[str, Table]
) -> None:
    """Load files of acknowledged rows inside the open transaction, and their receipts into the ledger.

    The files hold columns of their table in the table's types (dynamic: JSON text), so nothing is checked
    again. Rows of a table that has been dropped since are dropped too, as Azure does.

    Raises:
        duckdb.Error: the files cannot be read or the rows not be written.
    """
    of_table: dict[str, list[Arrival]] = {}
    for arrival in arrivals:
        of_table.setdefault(arrival.receipt.table, []).append(arrival)
    for name, found in of_table.items():
        if (table := known.get(name)) is not None:
            _insert_arrived(connection, table, found)
    ledger = [_receipt_row(arrival) for arrival in arrivals]
    marks = ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"] * len(ledger))
    connection.execute(
        f"INSERT INTO tidewaiter._requests VALUES {marks}", [cell for row in ledger for cell in row]
    )


def _receipt_row(arrival: Arrival) -> tuple[object, ...]:
    its, received = arrival.receipt, _received(arrival)
    sizes = (its.rows, its.body_bytes, its.json_bytes, its.billed)
    return (arrival.number, received, its.request_id, its.rule, its.stream, its.table, *sizes)


def _received(arrival: Arrival) -> datetime:
    return arrival.receipt.received.astimezone(UTC).replace(tzinfo=None)


def _insert_arrived(connection: duckdb.DuckDBPyConnection, table: Table, arrivals: Sequence[Arrival]) -> None:
    paths = [str(arrival.path) for arrival in arrivals]
    files = f"read_parquet(?, union_by_name = true, filename = '{_FILE}')"
    described = connection.execute(f"DESCRIBE SELECT * FROM {files}", [paths]).fetchall()
    columns = [name for name, *_ in described if name in table.columns]
    constants = {**_constants(table), **_billable(table)}
    store_columns(connection, table, {*columns, *constants, RECEIVED})
    received = [_received(arrival) for arrival in arrivals]
    values = [f'{_arrived(table, name)} AS "{name}"' for name in columns]
    values += [f"'{value}' AS \"{name}\"" for name, value in constants.items()]
    values.append(f'CAST(map(?, ?)["{_FILE}"] AS TIMESTAMP) AS "{RECEIVED}"')
    connection.execute(
        f'INSERT INTO tidewaiter."{table.name}" BY NAME SELECT {", ".join(values)} FROM {files}',
        [paths, received, paths],
    )


def _arrived(table: Table, column: str) -> str:
    kind = SQL_TYPES[table.columns[column]]
    if kind == "VARCHAR":
        return f"coalesce(\"{column}\", '')"
    if kind == "JSON":
        return _DYNAMIC_TEXT.format(f'"{column}"')
    return f'CAST("{column}" AS {kind})'


def _billable(table: Table) -> Mapping[str, str]:
    if "_IsBillable" not in table.columns:
        return {}
    return {"_IsBillable": "false" if table.name in FREE_TABLES else "true"}


def _groups(staged: Sequence[StagedRows]) -> Iterable[tuple[Table, Layout, tuple[str, ...]]]:
    paths: dict[tuple[str, Layout], list[str]] = {}
    for each in staged:
        paths.setdefault((each.table, each.layout), []).append(str(each.path))
    for (name, layout), found in paths.items():
        table = tables().get(name)
        if table is None:
            raise DeliveryError(f"the lab has no table {name}")
        yield table, layout, tuple(found)


def _constants(table: Table) -> Mapping[str, str]:
    """Columns that the service sets itself, with their values."""
    values = {"Type": table.name, "TenantId": LAB_TENANT_ID}
    return {name: value for name, value in values.items() if name in table.columns}


def _plan(
    connection: duckdb.DuckDBPyConnection, table: Table, layout: Layout, paths: tuple[str, ...]
) -> Load:
    files = "read_parquet(?, union_by_name = true)"
    described = connection.execute(f"DESCRIBE SELECT * FROM {files}", [list(paths)]).fetchall()
    found = {name: kind for name, kind, *_ in described}
    if layout == "columns":
        _check_columns(table, found)
        return Load(table, layout, paths, tuple(found), files)
    if not {"head", "extra"} <= set(found):
        raise DeliveryError(f"staged rows of {table.name} have columns {sorted(found)}, not head and extra")
    head, extra = (f"decode({name})" if found[name] == "BLOB" else name for name in ("head", "extra"))
    source = f"(SELECT {head} AS head, {extra} AS extra FROM {files})"
    columns = _head_columns(connection, table, source, paths)
    return Load(table, layout, paths, (*columns, "AdditionalFields"), source)


def _check_columns(table: Table, names: Iterable[str]) -> None:
    for name in names:
        if name not in table.columns:
            raise DeliveryError(f"{table.name} has no column {name}", hint="it belongs in AdditionalFields")
        if name not in table.sendable:
            raise DeliveryError(f"{name} of {table.name} is set by the service and cannot be sent")


def _head_columns(
    connection: duckdb.DuckDBPyConnection, table: Table, source: str, paths: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the columns that the heads fill, after looking at the JSON type of every value."""
    keys = connection.execute(f"SELECT DISTINCT json_keys(head) FROM {source}", [list(paths)]).fetchall()
    columns = sorted({name for (names,) in keys for name in names or ()})
    _check_columns(table, columns)
    if "AdditionalFields" in columns:
        raise DeliveryError(f"AdditionalFields of {table.name} travels in `extra`, not in `head`")
    if not columns:
        return ()
    listed = ", ".join(f"'$.{name}'" for name in columns)
    types = f"SELECT DISTINCT json_type(head, [{listed}]) FROM {source}"
    for (found,) in connection.execute(types, [list(paths)]).fetchall():
        for name, kind in zip(columns, found, strict=True):
            if kind not in (None, "NULL", *_JSON_KINDS.get(table.columns[name], ())):
                message = f"{name} of {table.name} is {table.columns[name]}, but a row has JSON {kind}"
                raise DeliveryError(message)
    return tuple(columns)


def _insert(each: Load) -> str:
    values = [f'{_value(each, name)} AS "{name}"' for name in each.columns]
    values += [f"'{value}' AS \"{name}\"" for name, value in _constants(each.table).items()]
    source = each.source
    if each.layout == "json":
        members = ", ".join(f'"{name}":"{_read_as(each, name)}"' for name in each.columns[:-1])
        source = f"(SELECT from_json(head, '{{{members}}}') AS head, extra FROM {each.source})"
    return f'INSERT INTO tidewaiter."{each.table.name}" BY NAME SELECT {", ".join(values)} FROM {source}'


def _read_as(each: Load, column: str) -> str:
    """Name the type that from_json reads a member as, wide enough that it never has to give up.

    from_json turns what does not fit into NULL and drops the offset of a time, both without a word. So
    numbers are read wider and times as text; the INSERT converts them, and fails where it cannot.
    """
    wider = {"INTEGER": "BIGINT", "BIGINT": "HUGEINT", "TIMESTAMP": "VARCHAR"}
    kind = SQL_TYPES[each.table.columns[column]]
    return wider.get(kind, kind)


def _value(each: Load, column: str) -> str:
    kind = each.table.columns[column]
    if column == "AdditionalFields" and each.layout == "json":
        return _DYNAMIC_TEXT.format("extra")
    value = f'head."{column}"' if each.layout == "json" else f'"{column}"'
    if kind == "datetime" and each.layout == "json":
        utc = f"{value} IS NULL OR ends_with({value}, 'Z')"
        wrong = f"error('{column} does not end in Z: ' || {value})"
        value = f"CASE WHEN {utc} THEN CAST({value} AS TIMESTAMP) ELSE {wrong} END"
    if column == "TimeGenerated":
        value = f"coalesce({value}, error('a row has no TimeGenerated'))"
    if kind == "dynamic":
        return _DYNAMIC_TEXT.format(value)
    if SQL_TYPES[kind] == "VARCHAR":
        return f"coalesce({value}, '')"
    return value
