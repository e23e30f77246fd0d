"""Tables of the workspace: their columns, plan and retention; and the definitions of our own.

Sources: Log Analytics REST API, Tables (2025-07-01); Add or delete tables and columns, and Select a table
plan (Microsoft, read 2026-11-23). Names of columns: a letter, then letters, digits and `_`, at most 45.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from tidewaiter import govern
from tidewaiter.core.errors import ConfigError
from tidewaiter.core.permit import Capability, Permit
from tidewaiter.sentinel.arm import Arm, WorkspacePath, segment
from tidewaiter.sentinel.wire import INSIGHTS, Wire

MOST_COLUMNS = 500
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,44}")
_RESERVED = frozenset({"id", "TenantId", "Type", "UniqueId", "Title"})
_TYPES = {
    "string": "string",
    "int": "int",
    "long": "long",
    "real": "real",
    "bool": "boolean",
    "boolean": "boolean",
    "datetime": "dateTime",
    "dynamic": "dynamic",
    "guid": "guid",
}


class TableColumn(Wire, frozen=True):
    """A column; `type` is string, int, long, real, boolean, dateTime, guid or dynamic."""

    name: str
    type: str
    description: str | None = None


class TableSchema(Wire, frozen=True):
    """A table's columns: `columns` are the custom ones, `standard_columns` those that the service brings."""

    name: str | None = None
    columns: tuple[TableColumn, ...] | None = None
    standard_columns: tuple[TableColumn, ...] | None = None
    table_type: str | None = None


class TableProperties(Wire, frozen=True):
    """Plan (Analytics, Basic, Auxiliary), retention in days, and columns."""

    plan: str | None = None
    retention_in_days: int | None = None
    total_retention_in_days: int | None = None
    schema: TableSchema | None = None
    provisioning_state: str | None = None


class StoredTable(Wire, frozen=True):
    """A table as read."""

    name: str
    properties: TableProperties
    id: str = ""


class _Body(Wire, frozen=True):
    properties: TableProperties


def render_table(
    name: str,
    columns: Mapping[str, str],
    *,
    plan: str = "Analytics",
    retention: int | None = None,
    total_retention: int | None = None,
) -> TableProperties:
    """Return the definition of a custom table from column -> KQL type; TimeGenerated is added if missing.

    Raises:
        ConfigError: a name or type that Log Analytics does not take, or more than 500 columns.
    """
    if not (name.endswith("_CL") and _NAME.fullmatch(name)):
        hint = "a letter, then letters, digits and _, at most 45 in all, _CL at the end"
        raise ConfigError(f"'{name}' cannot be a custom table", hint=hint)
    wrong = [
        column
        for column, kind in columns.items()
        if not _NAME.fullmatch(column) or column in _RESERVED or kind not in _TYPES
    ]
    if wrong:
        raise ConfigError(
            f"{name} cannot have the columns {', '.join(wrong)}",
            hint="a letter, then letters, digits, _, at most 45, a KQL type, no reserved name",
        )
    given = {"TimeGenerated": "datetime", **columns}
    if len(given) > MOST_COLUMNS:
        hint = f"at most {MOST_COLUMNS} are possible"
        raise ConfigError(f"{name} would have {len(given)} columns", hint=hint)
    typed = tuple(TableColumn(column, _TYPES[kind]) for column, kind in given.items())
    return TableProperties(plan, retention, total_retention, TableSchema(name, typed))


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one workspace."""

    arm: Arm
    workspace: WorkspacePath

    async def get(self, name: str) -> StoredTable:
        """Return a table; Refused with status 404 when there is none."""
        return await self.arm.get(self._path(name), StoredTable, version=INSIGHTS)

    def list(self) -> AsyncIterator[StoredTable]:
        """Yield all tables."""
        return self.arm.list(f"{self.workspace.insights}/tables", StoredTable, version=INSIGHTS)

    async def put(
        self, name: str, table: TableProperties, *, permit: Permit, source: str = "*"
    ) -> StoredTable:
        """Create a table, or change the one that is there, and wait until it can be used."""
        self._enforce(permit, source)
        return await self.arm.put(self._path(name), _Body(table), StoredTable, version=INSIGHTS)

    async def patch(
        self, name: str, change: TableProperties, *, permit: Permit, source: str = "*"
    ) -> StoredTable:
        """Change plan, retention or columns of a table; what `change` leaves out stays."""
        self._enforce(permit, source)
        return await self.arm.patch(self._path(name), _Body(change), StoredTable, version=INSIGHTS)

    async def delete(self, name: str, *, permit: Permit, source: str = "*") -> None:
        """Delete a custom table with its rows; none of that name is no error."""
        self._enforce(permit, source)
        await self.arm.delete(self._path(name), version=INSIGHTS)

    def _enforce(self, permit: Permit, source: str) -> None:
        govern.enforce(permit, Capability.PROVISION, source=source, now=self.arm.session.now())

    def _path(self, name: str) -> str:
        return f"{self.workspace.insights}/tables/{segment(name)}"
