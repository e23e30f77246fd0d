"""The DuckDB file behind a workspace: how it is opened, and where its columns lie.

A workspace's table has about 140 columns, of which a source fills 30. Storing the empty ones cost three
quarters of the loading time (measured with DuckDB 2.0), so the schema `tidewaiter` holds, for each table
that has rows, the columns that ever had a value; a view of the table's name in `main` gives all columns,
'' for the absent strings and NULL for the rest. KQL sees the views alone. Beside its columns a view has the
time at which each row was received, which `ingestion_time()` reads: that of the request that brought it, or
on a stream's clock, where a row comes when it happens, its TimeGenerated.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import duckdb

from tidewaiter.asim.schema import Table, tables
from tidewaiter.core.errors import StateError
from tidewaiter.kql import RECEIVED, opening_error
from tidewaiter.lab.workspace import searches, watchlists

VERSION = 4
"""Version of the layout of the file; a file of a higher one is refused, one of a lower one is brought up."""

SQL_TYPES = {
    "string": "VARCHAR",
    "int": "INTEGER",
    "long": "BIGINT",
    "real": "DOUBLE",
    "datetime": "TIMESTAMP",
    "bool": "BOOLEAN",
    "guid": "VARCHAR",
    "dynamic": "JSON",
}
"""KQL type of a column -> its DuckDB type."""

REQUESTS = Table(
    "LabIngestionRequests",
    None,
    {
        "TimeGenerated": "datetime",
        "RequestId": "string",
        "RuleId": "string",
        "Stream": "string",
        "DestinationTable": "string",
        "RowCount": "long",
        "BodyBytes": "long",
        "JsonBytes": "long",
        "BilledBytes": "long",
    },
)
"""The ledger of requests as KQL sees it; no table of Azure's has this name."""

FREE_TABLES = ("AzureActivity", "Heartbeat", "Operation", "Usage")
"""Tables whose ingestion is free ("Azure Monitor Logs cost calculations and options", 2024-12-09)."""

_LEDGER = (
    "CREATE TABLE tidewaiter._requests (number BIGINT PRIMARY KEY, received TIMESTAMP NOT NULL, "
    "request_id VARCHAR NOT NULL, rule VARCHAR NOT NULL, stream VARCHAR NOT NULL, name VARCHAR NOT NULL, "
    "rows BIGINT NOT NULL, body_bytes BIGINT NOT NULL, json_bytes BIGINT NOT NULL, billed BIGINT NOT NULL)"
)
_DEFINITIONS = (
    "CREATE TABLE tidewaiter._tables (name VARCHAR PRIMARY KEY, columns VARCHAR NOT NULL, "
    "properties VARCHAR NOT NULL)"
)
_LEDGER_VIEW = (
    'CREATE OR REPLACE VIEW main."LabIngestionRequests" AS SELECT received AS "TimeGenerated", '
    'request_id AS "RequestId", rule AS "RuleId", stream AS "Stream", name AS "DestinationTable", '
    'rows AS "RowCount", body_bytes AS "BodyBytes", json_bytes AS "JsonBytes", billed AS "BilledBytes" '
    "FROM tidewaiter._requests"
)


def open_for_writing(path: Path, memory: str) -> duckdb.DuckDBPyConnection:
    """Open or create a workspace file, with all its tables.

    Raises:
        StateError: the file or its folder cannot be used, another process has it, or a newer version
            of tidewaiter wrote it.
    """
    make_folder(path.parent)
    try:
        connection = duckdb.connect(str(path), config=_settings(path, memory))
    except duckdb.Error as error:
        raise opening_error(path, error) from None
    try:
        _prepare(connection, path)
    except duckdb.Error as error:
        connection.close()
        raise opening_error(path, error) from None
    except StateError:
        connection.close()
        raise
    return connection


def make_folder(folder: Path) -> None:
    """Make the lab folder.

    Raises:
        StateError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(f"the lab folder {folder} cannot be made: {error.strerror}") from None


def _settings(path: Path, memory: str) -> dict[str, str | bool | int | float | list[str]]:
    return {
        "memory_limit": memory,
        # Several loads are packed into the file together; closing packs the rest.
        "checkpoint_threshold": "64MB",
        "temp_directory": str(path.with_name(path.name + ".tmp")),
        # The workers use the other cores; a second thread here costs more than it brings.
        "threads": 1,
        "autoload_known_extensions": False,
        "autoinstall_known_extensions": False,
        "allow_community_extensions": False,
        "python_enable_replacements": False,
    }


def check_version(connection: duckdb.DuckDBPyConnection, path: Path) -> tuple[int, str]:
    """Return version and fingerprint of the tables in the file, after refusing what is no workspace of ours.

    Raises:
        StateError: the file is no workspace, or a newer version wrote it.
    """
    try:
        found = connection.execute("SELECT version, tables FROM tidewaiter._meta").fetchone()
    except duckdb.CatalogException:
        raise StateError(f"{path} is a DuckDB file, but no lab workspace") from None
    version, fingerprint = found or (0, "")
    if version > VERSION:
        message = f"the lab database {path} is of version {version}, this tidewaiter reads up to {VERSION}"
        raise StateError(message, hint="update tidewaiter")
    return version, str(fingerprint)


def _prepare(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    connection.execute("SET TimeZone = 'UTC'")
    if _is_empty(connection):
        connection.execute("BEGIN")
        connection.execute("CREATE SCHEMA tidewaiter")
        connection.execute(
            "CREATE TABLE tidewaiter._meta (version INTEGER NOT NULL, tables VARCHAR NOT NULL)"
        )
        connection.execute("INSERT INTO tidewaiter._meta VALUES (1, '')")
        connection.execute(
            "CREATE TABLE tidewaiter._batches (batch_id VARCHAR PRIMARY KEY, rows VARCHAR NOT NULL)"
        )
        connection.execute("COMMIT")
    version, fingerprint = check_version(connection, path)
    current = _fingerprint()
    if (version, fingerprint) == (VERSION, current):
        return
    connection.execute("BEGIN")
    if version < 2:
        connection.execute(_LEDGER)
        connection.execute(_DEFINITIONS)
        connection.execute(_LEDGER_VIEW)
    if version < 3:
        for statement in (searches.TABLE, *watchlists.TABLES):
            connection.execute(statement)
    for table in tables().values():
        show_all_columns(connection, table)
    watchlists.show_common(connection)
    connection.execute("UPDATE tidewaiter._meta SET version = ?, tables = ?", [VERSION, current])
    connection.execute("COMMIT")


@lru_cache(maxsize=1)
def _fingerprint() -> str:
    """Return a digest of all tables with their columns and types."""
    described = [(name, *table.columns.items()) for name, table in tables().items()]
    return sha256(repr((described, _USAGE, watchlists.COLUMNS)).encode()).hexdigest()


def _is_empty(connection: duckdb.DuckDBPyConnection) -> bool:
    found = connection.execute("SELECT count(*) FROM duckdb_tables() WHERE NOT internal").fetchone()
    return found == (0,)


def stored_columns(connection: duckdb.DuckDBPyConnection, table: Table) -> list[str]:
    """Return the columns of `table` that are stored; none before its first rows."""
    query = "SELECT 1 FROM duckdb_tables() WHERE schema_name = 'tidewaiter' AND table_name = ?"
    if connection.execute(query, [table.name]).fetchone() is None:
        return []
    return [name for name, *_ in connection.execute(f'DESCRIBE tidewaiter."{table.name}"').fetchall()]


def store_columns(connection: duckdb.DuckDBPyConnection, table: Table, columns: Iterable[str]) -> None:
    """Make room for `columns` of `table`, RECEIVED too; the view keeps showing all columns of the table."""
    stored = stored_columns(connection, table)
    new = [name for name in (*table.columns, RECEIVED) if name in set(columns) - set(stored)]
    if not new:
        return
    if stored:
        for name in new:
            connection.execute(f'ALTER TABLE tidewaiter."{table.name}" ADD COLUMN {_definition(table, name)}')
    else:
        definitions = ", ".join(_definition(table, name) for name in new)
        connection.execute(f'CREATE TABLE tidewaiter."{table.name}" ({definitions})')
    show_all_columns(connection, table)


def _definition(table: Table, column: str) -> str:
    kind = SQL_TYPES["datetime" if column == RECEIVED else table.columns[column]]
    return f'"{column}" {kind}' + (" DEFAULT ''" if kind == "VARCHAR" else "")


def show_all_columns(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Make or renew the view of all columns of `table`; `Usage` is computed from the ledger."""
    if table.name == "Usage":
        _show_usage(connection, table)
        return
    query = select_all(table, stored_columns(connection, table))
    connection.execute(f'CREATE OR REPLACE VIEW main."{table.name}" AS {query}')


def select_all(table: Table, stored: Iterable[str]) -> str:
    """Return the SELECT of all columns of `table`, of which `stored` are stored, and of RECEIVED."""
    held = set(stored)
    shown = ", ".join(
        f'"{name}"' if name in held else f'{_empty(kind)} AS "{name}"' for name, kind in table.columns.items()
    )
    source = f'FROM tidewaiter."{table.name}"' if held else "WHERE false"
    time = '"TimeGenerated"' if "TimeGenerated" in held else "CAST(NULL AS TIMESTAMP)"
    received = f'coalesce("{RECEIVED}", {time})' if RECEIVED in held else time
    return f'SELECT {shown}, {received} AS "{RECEIVED}" {source}'


_USAGE = {
    "DataType": "name",
    "StartTime": "hour",
    "EndTime": "hour + INTERVAL 1 HOUR",
    "TimeGenerated": "hour + INTERVAL 1 HOUR",
    "Quantity": "billed / 1e6",
    "QuantityUnit": "'MBytes'",
    "IsBillable": f"name NOT IN {FREE_TABLES}",
    "Solution": "'LogManagement'",
    "SourceSystem": "'OMS'",
    "Type": "'Usage'",
    "_IsBillable": "'false'",
    "TotalBatches": "requests",
}
"""Column of Azure's Usage table -> its value: data volume by table and hour, in MB of 10^6 bytes ("Analyze
usage in a Log Analytics workspace" and the table's reference, Azure Monitor docs, 2025)."""


def _show_usage(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    shown = ", ".join(
        f'CAST({_USAGE[name]} AS {SQL_TYPES[kind]}) AS "{name}"'
        if name in _USAGE
        else f'{_empty(kind)} AS "{name}"'
        for name, kind in table.columns.items()
    )
    hours = (
        "SELECT name, date_trunc('hour', received) AS hour, sum(billed) AS billed, count(*) AS requests "
        "FROM tidewaiter._requests GROUP BY ALL"
    )
    received = f'hour + INTERVAL 1 HOUR AS "{RECEIVED}"'
    connection.execute(f'CREATE OR REPLACE VIEW main."Usage" AS SELECT {shown}, {received} FROM ({hours})')


def _empty(kql_type: str) -> str:
    kind = SQL_TYPES[kql_type]
    return "CAST('' AS VARCHAR)" if kind == "VARCHAR" else f"CAST(NULL AS {kind})"
