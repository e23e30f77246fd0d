"""What a query may use, and what it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

Schemas = Mapping[str, Mapping[str, str]]
"""Table name -> column name -> KQL type, in column order."""

RECEIVED = "_TimeReceived"
"""The column with the time at which a row was received, in the tables of whoever owns the file ("Standard
columns in Azure Monitor Logs", 2025). No schema lists it: a query sees it only where it names it."""

Timespan = tuple[datetime, datetime]
"""From (included) and to (excluded), aware."""

Value = str | int | float | bool | datetime | timedelta | None
"""A cell: string and guid as str, dynamic as JSON text, datetime aware in UTC, timespan as timedelta.

Strings are never None: KQL has no null string.
"""


@dataclass(frozen=True, slots=True)
class StoredFunction:
    """A tabular function: its KQL, and parameters as KQL writes them (`since:datetime=ago(1d), n:long`)."""

    name: str
    body: str
    parameters: str = ""


Functions = Mapping[str, StoredFunction]
"""Name -> function; names are case-sensitive."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one query; rows and bytes as the Log Analytics query API has them (facts/azure.md).

    `rows` and `bytes` (UTF-8 text is counted by characters) cut the result, which then says so;
    `seconds` stops the statement. Exceeding `seconds` is an error, because nothing useful came out.
    """

    rows: int = 500_000
    bytes: int = 100 * 1024 * 1024
    seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Column:
    """One result column with its KQL type (string, long, int, real, bool, datetime, timespan, …)."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class QueryResult:
    """Rows of a query; `cut` says in words that and why rows are missing, and is empty otherwise."""

    columns: tuple[Column, ...]
    rows: list[tuple[Value, ...]]
    cut: str = ""
