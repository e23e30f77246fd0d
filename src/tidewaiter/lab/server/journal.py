"""A file of lines that are appended durably, and of which a failed write leaves nothing."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


class Journal:
    """Appends to one file; `size` is what was acknowledged of it.

    Nothing is buffered: what a full disk refused is not written later, when there is room again. What a
    failed write left behind is cut off at once, or before the next write when the disk refuses that too.
    """

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self.size = size

    def append(self, content: bytes) -> None:
        """Append whole lines; they are on the disk when this returns.

        Raises:
            OSError: nothing was appended.
        """
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            self._cut(handle)
            try:
                _write(handle, content)
            except OSError:
                with suppress(OSError):
                    self._cut(handle)
                raise
        finally:
            os.close(handle)
        self.size += len(content)

    def _cut(self, handle: int) -> None:
        """Remove what follows the acknowledged lines."""
        found = os.fstat(handle).st_size
        if found > self.size:
            os.ftruncate(handle, self.size)
            os.fsync(handle)
        self.size = min(self.size, found)  # somebody removed the file


def _write(handle: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(handle, rest) :]
    os.fsync(handle)
