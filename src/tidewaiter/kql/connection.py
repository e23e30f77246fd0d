"""DuckDB connections that a query cannot break out of."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb

from tidewaiter.core.errors import StateError

_LOCKED_DOWN: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False,
    "autoload_known_extensions": False,
    "autoinstall_known_extensions": False,
    "allow_community_extensions": False,
    "allow_unsigned_extensions": False,
    "python_enable_replacements": False,
    "temp_directory": "",
    # One thread: make_list() after `sort` keeps its order only then (measured with DuckDB 2.0).
    "threads": 1,
    # It copies the expressions under a limit into one another: a transformation took 10 s of planning.
    "disabled_optimizers": "late_materialization",
}


def open_locked(path: Path | None, *, memory: str = "512MB") -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file read-only, or an empty database for None, and lock it down.

    No file, network, extension or Python variable can be reached from a statement, no setting can be
    changed, the session runs in UTC, and nothing spills to disk.

    Raises:
        StateError: the file is absent, locked by another process, damaged or of a newer format.
    """
    if path is not None and not path.exists():
        raise StateError(f"no lab database at {path}", hint="`tidewaiter run` makes one")
    try:
        connection = duckdb.connect(
            ":memory:" if path is None else str(path),
            read_only=path is not None,
            config={**_LOCKED_DOWN, "memory_limit": memory},
        )
    except duckdb.Error as error:
        raise opening_error(path or Path(":memory:"), error) from None
    # Another connection of this process to the same file shares its instance, which is locked already.
    if connection.execute("SELECT current_setting('lock_configuration')").fetchone() != (True,):
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        connection.execute("SET lock_configuration = true")
    return connection


def opening_error(path: Path, error: duckdb.Error) -> StateError:
    """Say why a DuckDB file does not open, and what to do."""
    text = str(error)
    if "lock" in text.lower():
        holder = re.search(r"PID (\d+)", text)
        who = f"process {holder.group(1)}" if holder else "another process"
        hint = f"wait until {who} ends, or stop it"
        return StateError(f"the lab database {path} is in use by {who}", hint=hint)
    if "newer version" in text.lower() or "storage version" in text.lower():
        return StateError(f"the lab database {path} is of a newer DuckDB format", hint="update tidewaiter")
    if "different configuration" in text:
        return StateError(f"the lab database {path} is open otherwise in this process, perhaps for writing")
    if "Permission denied" in text:
        return StateError(f"the lab database {path} cannot be opened: permission denied")
    if "No space left" in text:
        message = f"the lab database {path} cannot be opened: No space left on device"
        return StateError(message, hint="free disk space, then try again")
    return StateError(
        f"the lab database {path} cannot be read: {text.splitlines()[0]}",
        hint="remove it and run again: the lab is rebuilt from the sources",
    )
