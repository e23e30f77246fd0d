"""Running a query on the lab's workspace, and printing its rows."""

from __future__ import annotations

import re
import socket
from collections.abc import Set
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from tidewaiter.app.cli.terminal import emit, output, plain, say, table
from tidewaiter.app.engine.paths import Paths
from tidewaiter.asim import tables
from tidewaiter.core.errors import ConfigError, StateError, UsageError
from tidewaiter.core.settings import FILE, load
from tidewaiter.kql import Limits, QueryResult
from tidewaiter.lab.workspace import Workspace

_READABLE = 24
_FILLED_BY_THE_LAB = frozenset(
    {
        "Operation",
        "SecurityAlert",
        "SecurityIncident",
        "SentinelAudit",
        "SentinelHealth",
        "Usage",
        "Watchlist",
    }
)
"""Tables that no delivery fills: whether they have rows is not for us to tell, nor `mapping list`."""
_LATEST = datetime.max.replace(tzinfo=UTC) - timedelta(seconds=1)


def run_query(query: str, state: Path, *, now: str, timeout: float) -> QueryResult:
    """Run a query on the workspace under a state directory.

    Raises:
        StateError: there is no workspace. QueryError, NotExecutable: see kql.Executor.
    """
    path = Paths(state).workspace
    if not path.is_file():
        raise _no_workspace(state)
    with _opened(path) as workspace:
        instant = moment(now, workspace)
        result = workspace.executor().run(query, now=instant, limits=Limits(seconds=timeout))
        filled = workspace.counts()
    for name in _empty_tables(query, filled.keys()):
        say(f"{name} is empty: nothing that was delivered so far goes there (see `tidewaiter mapping list`)")
    return result


def _opened(path: Path) -> Workspace:
    try:
        return Workspace.open(path, read_only=True)
    except StateError as error:
        if "in use" in error.message and (url := _answering(path.parent)):
            error.hint = f"a lab is up there: query it at {url} (docs/lab.md), or stop it first"
        raise


def _answering(lab: Path) -> str:
    """Return where a lab answers that is up in this folder, "" when none does; its settings name the port."""
    try:
        url = load(lab / FILE, {}).settings.azure.query
        place = urlsplit(url)
        with socket.create_connection((place.hostname or "", place.port or 443), timeout=1):
            return url
    except (ConfigError, OSError, ValueError):
        return ""


def _no_workspace(state: Path) -> StateError:
    if (state / "report.json").is_file():
        hint = "ask there, on its Logs page or by its query API; `kql run` asks embedded labs"
        return StateError(f"no workspace at {state}: its rows went to a workspace elsewhere", hint=hint)
    hint = f"run `tidewaiter run --from DIR --state {state}` first"
    return StateError(f"no workspace at {state}", hint=hint)


def _empty_tables(query: str, filled: Set[str]) -> list[str]:
    """Return the tables that a query names and that have no rows; some (Operation) are columns' names too."""
    known = tables()
    columns = {column for table in known.values() for column in table.columns}
    named = set(re.findall(r"\w+", query)) - columns | set(re.findall(r"^\s*(\w+)", query))
    return sorted(named & known.keys() - filled - _FILLED_BY_THE_LAB)


def moment(text: str, workspace: Workspace) -> datetime | None:
    """Return the instant that `--now` names; None means the wall clock."""
    if text == "stream":
        newest = workspace.stream_time()
        return None if newest is None else min(newest, _LATEST) + timedelta(seconds=1)
    if text == "wall":
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        hint = "write stream, wall, or a time such as 2026-03-17T12:00:00Z"
        raise UsageError(f"--now {text!r} is not a time", hint=hint) from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def print_result(result: QueryResult, *, json: bool) -> None:
    """Print rows: one JSON object per line, or a table with a count; a table too wide, row by row."""
    names = [column.name for column in result.columns]
    dynamic = {place for place, column in enumerate(result.columns) if column.type == "dynamic"}
    if json:
        cells = ([_value(cell, raw=at in dynamic) for at, cell in enumerate(row)] for row in result.rows)
        emit(msgspec.json.encode(dict(zip(names, row, strict=True))) + b"\n" for row in cells)
    else:
        rows = [[_shown(cell) for cell in row] for row in result.rows]
        if _fits(names, rows, output().width):
            right = [column.name for column in result.columns if column.type in ("long", "int", "real")]
            output().print(table(names, rows, right=right))
        else:
            _print_records(names, rows)
        say(f"{len(result.rows):,} row{'s' if len(result.rows) != 1 else ''}")
    if result.cut:
        say(result.cut)


def _fits(names: list[str], rows: list[list[str]], width: int) -> bool:
    """Whether every column gets its width, or a readable part of it."""
    widest = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    return sum(min(each, _READABLE) + 2 for each in widest) <= width + 2


def _print_records(names: list[str], rows: list[list[str]]) -> None:
    console = output()
    left = max(map(len, names))
    for number, row in enumerate(rows, start=1):
        console.print(f"row {number:,}")
        for name, cell in zip(names, row, strict=True):
            if cell:
                console.print(f"  {plain(name):<{left}}  {plain(cell)}", soft_wrap=True)
    say("too wide for a table: one line for each column that is not empty")


def _value(cell: object, *, raw: bool) -> object:
    if raw and isinstance(cell, str):
        return msgspec.Raw(cell.encode()) if cell else None
    if isinstance(cell, datetime):
        return _iso(cell)
    return _span(cell) if isinstance(cell, timedelta) else cell


def _shown(cell: object) -> str:
    if isinstance(cell, datetime):
        return _iso(cell)
    if isinstance(cell, timedelta):
        return _span(cell)
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return "" if cell is None else str(cell)


def _span(value: timedelta) -> str:
    """Write a timespan as KQL does: days.hours:minutes:seconds.fraction."""
    sign, value = ("-", -value) if value < timedelta() else ("", value)
    hours, seconds = divmod(value.seconds, 3600)
    days = f"{value.days}." if value.days else ""
    fraction = f".{value.microseconds:06d}0" if value.microseconds else ""
    return f"{sign}{days}{hours:02d}:{seconds // 60:02d}:{seconds % 60:02d}{fraction}"


def _iso(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
