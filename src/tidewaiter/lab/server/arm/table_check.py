"""What Azure would refuse in a table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tidewaiter.asim.schema import Table
from tidewaiter.asim.schema import tables as azure_tables
from tidewaiter.lab.server.errors import ServiceError
from tidewaiter.lab.workspace import STANDARD_COLUMNS

MOST_COLUMNS = 500
MOST_TABLES = 500
RESERVED = frozenset({"_resourceid", "id", "_subscriptionid", "tenantid", "type", "uniqueid", "title"})
""""Logs Ingestion API in Azure Monitor", note under Supported tables, 2026-08-13; and "Azure Monitor service
limits", General workspace limits, 2025-01-07."""

TYPES = frozenset({"string", "int", "long", "real", "boolean", "datetime", "guid", "dynamic"})
PLANS = frozenset({"Analytics", "Basic", "Auxiliary"})
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,44}")
_TABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}_CL")


def check_name(name: str, known: Mapping[str, Table]) -> None:
    """Check the name of a table to be made or changed.

    Raises:
        ServiceError: 400, neither one of Azure's nor a custom name, or one that differs from another's by
            the case of letters alone.
    """
    if name in azure_tables():
        return
    if not _TABLE.fullmatch(name):
        message = (
            f"Table name '{name}' is invalid: a custom table's name begins with a letter, has letters, "
            "digits and '_', and ends in '_CL'."
        )
        raise ServiceError(400, "InvalidParameter", message)
    twin = next((other for other in known if other.lower() == name.lower() and other != name), None)
    if twin:
        raise ServiceError(400, "InvalidParameter", f"The table exists as '{twin}'.")
    if name not in known and sum(other.endswith("_CL") for other in known) >= MOST_TABLES:
        message = f"The workspace has the limit of {MOST_TABLES} custom tables."
        raise ServiceError(400, "InvalidOperationArgument", message)


def check_columns(name: str, columns: Sequence[tuple[str, str]]) -> None:
    """Check columns (name, type in lower case) of a table; for Azure's tables they are the custom ones.

    Raises:
        ServiceError: 400, a name, a type, or too many.
    """
    azure = azure_tables().get(name)
    if len(columns) + len(azure.columns if azure else ()) > MOST_COLUMNS:
        message = f"Table '{name}' would have more than {MOST_COLUMNS} columns."
        raise ServiceError(400, "InvalidParameter", message)
    seen: set[str] = set()
    for column, kind in columns:
        flaw = _flaw(column, kind, azure)
        if column.lower() in seen:
            flaw = "is there twice"
        seen.add(column.lower())
        if flaw:
            raise ServiceError(400, "InvalidParameter", f"Column '{column}' of table '{name}' {flaw}.")
    if azure is None and "timegenerated" not in seen:
        message = f"Table '{name}' needs a column TimeGenerated of type dateTime."
        raise ServiceError(400, "InvalidParameter", message)


def _flaw(name: str, kind: str, azure: Table | None) -> str:
    if name in STANDARD_COLUMNS and azure is None:
        fits = name == "TimeGenerated" and kind == "datetime"
        return "" if fits else "is reserved" if name != "TimeGenerated" else "must be a dateTime"
    if name.lower() in RESERVED:
        return "has a reserved name"
    if not _NAME.fullmatch(name):
        return "must begin with a letter and have at most 45 letters, digits and '_'"
    if kind not in TYPES:
        return f"has the unknown type '{kind}'"
    if azure is not None and not name.endswith("_CF"):
        return "must end in '_CF', as custom columns of Azure's tables do"
    return ""
