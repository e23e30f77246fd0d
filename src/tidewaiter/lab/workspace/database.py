"""The DuckDB file behind a workspace: how it is opened, and where its columns lie.

A workspace's table has about 140 columns, of which a source fills 30. Storing the empty ones cost three
quarters of the loading time (measured with DuckDB 2.0), so the schema `tidewaiter` holds, for each table
that has rows, the columns that ever had a value; a view of the table's name in `main` gives all columns,
'' for the absent strings and NULL for the rest. KQL sees the views alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import duckdb

from tidewaiter.asim.schema import Table, tables
from tidewaiter.core.errors import StateError
from tidewaiter.kql import opening_error

VERSION = 1
"""Version of the layout of the file; a file of a higher one is refused."""

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


def open_for_writing(path: Path, memory: str) -> duckdb.DuckDBPyConnection:
    """Open or create a workspace file, with all its tables.

    Raises:
        StateError: the file or its folder cannot be used, another process has it, or a newer version
            of tidewaiter wrote it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(f"the lab folder {path.parent} cannot be made: {error.strerror}") from None
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


def _settings(path: Path, memory: str) -> dict[str, str | bool | int | float | list[str]]:
    return {
        "memory_limit": memory,
        "temp_directory": str(path.with_name(path.name + ".tmp")),
        # The workers use the other cores; a second thread here costs more than it brings.
        "threads": 1,
        "autoload_known_extensions": False,
        "autoinstall_known_extensions": False,
        "allow_community_extensions": False,
        "python_enable_replacements": False,
    }


def check_version(connection: duckdb.DuckDBPyConnection, path: Path) -> str:
    """Return the fingerprint of the tables in the file, after refusing what is no workspace of ours.

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
    return str(fingerprint)


def _prepare(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    connection.execute("SET TimeZone = 'UTC'")
    if _is_empty(connection):
        connection.execute("BEGIN")
        connection.execute("CREATE SCHEMA tidewaiter")
        connection.execute(
            "CREATE TABLE tidewaiter._meta (version INTEGER NOT NULL, tables VARCHAR NOT NULL)"
        )
        connection.execute("INSERT INTO tidewaiter._meta VALUES (?, '')", [VERSION])
        connection.execute(
            "CREATE TABLE tidewaiter._batches (batch_id VARCHAR PRIMARY KEY, rows VARCHAR NOT NULL)"
        )
        connection.execute("COMMIT")
    current = _fingerprint()
    if check_version(connection, path) != current:
        connection.execute("BEGIN")
        for table in tables().values():
            _show_all_columns(connection, table)
        connection.execute("UPDATE tidewaiter._meta SET tables = ?", [current])
        connection.execute("COMMIT")


@lru_cache(maxsize=1)
def _fingerprint() -> str:
    """Return a digest of all tables with their columns and types."""
    described = [(name, *table.columns.items()) for name, table in tables().items()]
    return sha256(repr(described).encode()).hexdigest()


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
    """Make room for `columns` of `table`; the view keeps showing all columns of the table."""
    stored = stored_columns(connection, table)
    new = [name for name in table.columns if name in set(columns) - set(stored)]
    if not new:
        return
    if stored:
        for name in new:
            connection.execute(f'ALTER TABLE tidewaiter."{table.name}" ADD COLUMN {_definition(table, name)}')
    else:
        definitions = ", ".join(_definition(table, name) for name in new)
        connection.execute(f'CREATE TABLE tidewaiter."{table.name}" ({definitions})')
    _show_all_columns(connection, table)


def _definition(table: Table, column: str) -> str:
    kind = SQL_TYPES[table.columns[column]]
    return f'"{column}" {kind}' + (" DEFAULT ''" if kind == "VARCHAR" else "")


def _show_all_columns(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    stored = set(stored_columns(connection, table))
    shown = ", ".join(
        f'"{name}"' if name in stored else f'{_empty(kind)} AS "{name}"'
        for name, kind in table.columns.items()
    )
    source = f'FROM tidewaiter."{table.name}"' if stored else "WHERE false"
    connection.execute(f'CREATE OR REPLACE VIEW main."{table.name}" AS SELECT {shown} {source}')


def _empty(kql_type: str) -> str:
    kind = SQL_TYPES[kql_type]
    return "CAST('' AS VARCHAR)" if kind == "VARCHAR" else f"CAST(NULL AS {kind})"
