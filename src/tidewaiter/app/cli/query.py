"""Running a query on the lab's workspace, and printing its rows."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from tidewaiter.app.cli.terminal import output, say, table
from tidewaiter.app.engine.run import Paths
from tidewaiter.core.errors import StateError, UsageError
from tidewaiter.kql import Limits, QueryResult
from tidewaiter.lab.workspace import Workspace


def run_query(query: str, state: Path, *, now: str, timeout: float) -> QueryResult:
    """Run a query on the workspace under a state directory.

    Raises:
        StateError: there is no workspace. QueryError, NotExecutable: see kql.Executor.
    """
    path = Paths(state).workspace
    if not path.is_file():
        raise StateError(
            f"no workspace at {state}", hint=f"run `tidewaiter run --from DIR --state {state}` first"
        )
    with Workspace.open(path, read_only=True) as workspace:
        instant = moment(now, workspace)
        return workspace.executor().run(query, now=instant, limits=Limits(seconds=timeout))


def moment(text: str, workspace: Workspace) -> datetime | None:
    """Return the instant that `--now` names; None means the wall clock."""
    if text == "stream":
        newest = workspace.stream_time()
        return None if newest is None else newest + timedelta(seconds=1)
    if text == "wall":
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        hint = "write stream, wall, or a time such as 2026-03-17T12:00:00Z"
        raise UsageError(f"--now {text!r} is not a time", hint=hint) from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def print_result(result: QueryResult, *, json: bool) -> None:
    """Print rows: one JSON object per line, or a table with a count."""
    names = [column.name for column in result.columns]
    dynamic = {place for place, column in enumerate(result.columns) if column.type == "dynamic"}
    if json:
        for row in result.rows:
            shown = {
                name: _value(cell, raw=place in dynamic)
                for place, (name, cell) in enumerate(zip(names, row, strict=True))
            }
            sys.stdout.buffer.write(msgspec.json.encode(shown) + b"\n")
    else:
        right = [column.name for column in result.columns if column.type in ("long", "int", "real")]
        output().print(table(names, [[_shown(cell) for cell in row] for row in result.rows], right=right))
        say(f"{len(result.rows):,} row{'s' if len(result.rows) != 1 else ''}")
    if result.cut:
        say(result.cut)


def _value(cell: object, *, raw: bool) -> object:
    if raw and isinstance(cell, str):
        return msgspec.Raw(cell.encode()) if cell else None
    if isinstance(cell, datetime):
        return _iso(cell)
    return str(cell) if isinstance(cell, timedelta) else cell


def _shown(cell: object) -> object:
    if isinstance(cell, datetime):
        return _iso(cell)
    return "" if cell is None else cell


def _iso(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
