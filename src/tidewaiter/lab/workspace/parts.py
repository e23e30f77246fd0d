"""Parts of a workspace's tables, by the time of their rows or by arrival, as SELECTs that stand in for them.

Rows are only ever added, so DuckDB's rowid is a row's place by arrival.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from tidewaiter.lab.workspace.database import select_all
from tidewaiter.lab.workspace.store import OWN_TABLES, Workspace

ARRIVAL = "tidewaiter_arrival"
"""The name of rowid in parts by arrival, where asked for; KQL does not see it."""

Span = tuple[int, int]
"""From (included) and to (excluded), by arrival in one table."""


def by_time(tables: Iterable[str], start: datetime, end: datetime) -> dict[str, str]:
    """Return the parts of tables with TimeGenerated from `start` (included) to `end`."""
    bounds = f'"TimeGenerated" >= {_text(start)} AND "TimeGenerated" < {_text(end)}'
    return {name: f'SELECT * FROM main."{name}" WHERE {bounds}' for name in tables}


def by_arrival(workspace: Workspace, spans: Mapping[str, Span], *, numbered: bool = False) -> dict[str, str]:
    """Return the parts of tables whose rows arrived within spans; `numbered` adds the column ARRIVAL."""
    stored = _stored(workspace)
    parts: dict[str, str] = {}
    for name, (start, end) in spans.items():
        query = select_all(workspace.tables()[name], stored.get(name, ()))
        if name not in stored:
            number = f", CAST(NULL AS BIGINT) AS {ARRIVAL}" if numbered else ""
            parts[name] = f"SELECT *{number} FROM ({query})"
            continue
        number = f"rowid AS {ARRIVAL}, " if numbered else ""
        chosen = query.replace("SELECT ", f"SELECT {number}", 1)
        parts[name] = f"{chosen} WHERE rowid >= {start} AND rowid < {end}"
    return parts


def arrived(workspace: Workspace, tables: Iterable[str]) -> dict[str, int]:
    """Return the number of rows that have arrived in each of the tables."""
    stored = _stored(workspace)
    names = [name for name in dict.fromkeys(tables) if name in stored]
    found = dict.fromkeys(tables, 0)
    if names:
        counted = " UNION ALL ".join(
            f"SELECT '{name}', count(*) FROM tidewaiter.\"{name}\"" for name in names
        )
        found.update(workspace.executor().rows_of(counted))
    return found


def requests(workspace: Workspace, table: str, rows: Span) -> list[tuple[Span, int, datetime]]:
    """Return the requests that brought rows of a span: each one's part, its number, and when it came.

    Rows that the ledger does not know are one request, of number 0.
    """
    ledger = workspace.executor().rows_of(
        f"SELECT rows, number, received FROM tidewaiter._requests WHERE name = '{table}' ORDER BY number DESC"
    )
    start, end = rows
    found: list[tuple[Span, int, datetime]] = []
    for count, number, received in ledger:
        if end <= start:
            break
        first = max(start, end - count)
        if first < end:
            found.append(((first, end), number, received.replace(tzinfo=UTC)))
        end = first
    if end > start:
        found.append(((start, end), 0, datetime.min.replace(tzinfo=UTC)))
    return found[::-1]


def earliest(workspace: Workspace) -> datetime | None:
    """Return the earliest TimeGenerated of all rows that senders brought."""
    names = [name for name in _stored(workspace) if name not in OWN_TABLES]
    if not names:
        return None
    each = " UNION ALL ".join(
        f'SELECT min("TimeGenerated") AS first FROM tidewaiter."{name}"' for name in names
    )
    ((found,),) = workspace.executor().rows_of(f"SELECT min(first) FROM ({each})")
    return found.replace(tzinfo=UTC) if isinstance(found, datetime) else None


def _stored(workspace: Workspace) -> dict[str, list[str]]:
    """Return the stored columns of each table that has some; to list all columns, DuckDB binds every view."""
    executor, known = workspace.executor(), workspace.tables()
    named = executor.rows_of("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'tidewaiter'")
    return {
        name: [column for column, *_ in executor.rows_of(f'DESCRIBE tidewaiter."{name}"')]
        for (name,) in named
        if name in known
    }


def _text(at: datetime) -> str:
    return f"TIMESTAMP '{at.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' ')}'"
