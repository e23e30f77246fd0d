"""Native rows held against their table: every column there, and of its type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidewaiter.asim import table
from tidewaiter.asim.mapping import operators


def problems(name: str, row: Mapping[str, Any]) -> list[str]:
    """Say what is wrong with a row of the table `name`."""
    columns = table(name).sendable
    found = [f"{name} has no column {column!r}" for column in row if column not in columns]
    found += [
        f"{column} is {columns[column]}, not {value!r}"
        for column, value in row.items()
        if column in columns and not _fits(columns[column], value)
    ]
    return found + ([] if "TimeGenerated" in row else [f"a row of {name} without TimeGenerated"])


def _fits(kind: str, value: Any) -> bool:
    match kind:
        case "string":
            return isinstance(value, str) and value != ""
        case "datetime":
            return isinstance(value, str) and operators.time(value) == value
        case "int" | "long":
            limit = 2**31 if kind == "int" else 2**63
            return type(value) is int and -limit <= value < limit
        case "bool":
            return type(value) is bool
    return kind == "dynamic" and value not in (None, "")
