"""The tables of one workspace: Azure's, with custom columns if there are any, and custom tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import duckdb
import msgspec

from tidewaiter.asim.schema import Table, tables
from tidewaiter.core.errors import ContentError
from tidewaiter.lab.workspace.database import REQUESTS, SQL_TYPES, show_all_columns

STANDARD_COLUMNS: Mapping[str, str] = {
    "TimeGenerated": "datetime",
    "TenantId": "string",
    "Type": "string",
    "_ResourceId": "string",
    "_SubscriptionId": "string",
    "_BilledSize": "real",
    "_IsBillable": "string",
}
"""What every custom table has besides its own ("Standard columns in Azure Monitor Logs", 2024-05-26)."""


class Definition(msgspec.Struct, frozen=True):
    """A table as it was defined: its own columns (KQL types), and properties that are not ours (JSON)."""

    name: str
    columns: dict[str, str]
    properties: str = "{}"


class Catalog(Mapping[str, Table]):
    """Table name -> table, for Azure's tables and the defined ones; changes through a writing connection."""

    def __init__(self) -> None:
        self._tables: dict[str, Table] = dict(tables())
        self.definitions: dict[str, Definition] = {}
        self.schemas: dict[str, Mapping[str, str]] = {
            REQUESTS.name: REQUESTS.columns,
            **{name: table.columns for name, table in self._tables.items()},
        }
        """What KQL may see; the ledger of requests too."""

    def __getitem__(self, name: str) -> Table:
        return self._tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def read(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Take the definitions that the file holds."""
        for name, columns, properties in connection.execute(
            "SELECT name, columns, properties FROM tidewaiter._tables ORDER BY name"
        ).fetchall():
            self._take(Definition(name, msgspec.json.decode(columns, type=dict[str, str]), properties))

    def define(self, connection: duckdb.DuckDBPyConnection, definition: Definition) -> None:
        """Define a table, or change what was defined; rows that it has stay.

        Raises:
            ContentError: a type that KQL does not have, or another one than the column has.
        """
        known = self.get(definition.name)
        for name, kind in definition.columns.items():
            if kind not in SQL_TYPES:
                raise ContentError(f"{kind!r} of {definition.name}.{name} is no column type")
            if known and known.columns.get(name, kind) != kind:
                raise ContentError(f"{definition.name}.{name} is {known.columns[name]}, not {kind}")
        table = self._take(definition)
        encoded = msgspec.json.encode(definition.columns).decode()
        connection.execute(
            "INSERT OR REPLACE INTO tidewaiter._tables VALUES (?, ?, ?)",
            [definition.name, encoded, definition.properties],
        )
        show_all_columns(connection, table)

    def drop(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        """Forget a custom table with its rows, or the custom columns of one of Azure's.

        Raises:
            KeyError: nothing of that name was defined.
        """
        del self.definitions[name]
        connection.execute("DELETE FROM tidewaiter._tables WHERE name = ?", [name])
        if name in tables():
            self._tables[name] = tables()[name]
            self.schemas[name] = tables()[name].columns
            show_all_columns(connection, self._tables[name])
            return
        del self._tables[name], self.schemas[name]
        connection.execute(f'DROP VIEW IF EXISTS main."{name}"')
        connection.execute(f'DROP TABLE IF EXISTS tidewaiter."{name}"')

    def _take(self, definition: Definition) -> Table:
        base = tables().get(definition.name)
        standard = base.columns if base else STANDARD_COLUMNS
        columns = {**standard, **definition.columns}
        table = Table(definition.name, base.schema if base else None, dict(sorted(columns.items())))
        self.definitions[definition.name] = definition
        self._tables[definition.name] = table
        self.schemas[definition.name] = table.columns
        return table
