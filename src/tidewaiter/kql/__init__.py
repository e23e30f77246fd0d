"""KQL run locally, and KQL written safely.

    executor = Executor(path, schemas)                      # or Executor(None, {}) for print and datatable
    result = executor.run('ASimDnsActivityLogs | take 5', now=stream_time)
    where = f"ActorUsername == {literal(name)}"             # the only way to put a value into KQL

Queries run through duckdb-kql on a DuckDB that is read-only, without external access and with its
configuration locked. What cannot run is refused by name (`NotExecutable`); what is wrong is a
`QueryError` with its place. Importing this package loads neither duckdb nor the KQL parser: `Executor`
and `open_locked` are loaded when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tidewaiter.kql.literals import literal
from tidewaiter.kql.results import (
    RECEIVED,
    Column,
    Functions,
    Limits,
    QueryResult,
    Schemas,
    StoredFunction,
    Timespan,
)

if TYPE_CHECKING:
    from tidewaiter.kql.connection import open_locked, opening_error
    from tidewaiter.kql.executor import Executor
    from tidewaiter.kql.text import Exceeded, Failed, Misread

__all__ = [
    "RECEIVED",
    "Column",
    "Exceeded",
    "Executor",
    "Failed",
    "Functions",
    "Limits",
    "Misread",
    "QueryResult",
    "Schemas",
    "StoredFunction",
    "Timespan",
    "literal",
    "open_locked",
    "opening_error",
]

_LAZY = {
    "Exceeded": "text",
    "Executor": "executor",
    "Failed": "text",
    "Misread": "text",
    "open_locked": "connection",
    "opening_error": "connection",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
