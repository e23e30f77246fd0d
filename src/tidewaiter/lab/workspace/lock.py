"""Who may open a workspace: one process that writes, or any number that read.

DuckDB's own lock does not say that: a process that writes has the file open for reading only while it
answers a query, and a second reader then would keep it from writing.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from tidewaiter.core.errors import StateError


class WorkspaceLock:
    """A lock on a file beside the database, held until `release` or the end of the process."""

    def __init__(self, database: Path, handle: int | None) -> None:
        self._database = database
        self._handle = handle

    @classmethod
    def take(cls, database: Path, *, shared: bool) -> WorkspaceLock:
        """Take the lock; `shared` by readers.

        Raises:
            StateError: a process that writes has it, or readers have it and this one is to write.
        """
        path = database.with_suffix(".lock")
        try:
            handle = os.open(path, os.O_RDONLY if shared else os.O_RDWR | os.O_CREAT, 0o644)
        except FileNotFoundError:
            return cls(database, None)  # nobody ever wrote
        except OSError as error:
            raise StateError(f"the lab folder {path.parent} cannot be used: {error.strerror}") from None
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError:
            who = _holder(handle)
            os.close(handle)
            message = f"the lab database {database} is in use by {who}"
            raise StateError(message, hint=f"wait until {who} ends, or stop it") from None
        if not shared:
            os.truncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode(), 0)
        return cls(database, handle)

    @property
    def held(self) -> bool:
        """Whether it has not been let go of."""
        return self._handle is not None

    def release(self) -> None:
        """Let go."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _holder(handle: int) -> str:
    """Say who keeps us out: the writer by its number, which is in the file; readers leave no name."""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        number = os.pread(handle, 20, 0).decode("ascii", "replace").strip()
        return f"process {number}" if number.isdigit() else "another process"
    return "another process that reads it"
