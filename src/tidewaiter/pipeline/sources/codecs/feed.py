"""A buffer that moves over the decompressed bytes of one object."""

from __future__ import annotations

import codecs
from pathlib import Path

from tidewaiter.core.faults import Fault
from tidewaiter.pipeline.sources.codecs.inflate import inflate

_UTF8_STEP = 1 << 18


class Feed:
    """The bytes from `pos` on, as far as they have been read.

    `buffer[pos:]` is what is not yet dealt with; `offset` is where `buffer[0]` lies in the object.
    `cut`: the bytes end because of a fault, not where the object ends.
    """

    def __init__(self, path: Path, object_id: str, *, window: int, limit: int) -> None:
        self.buffer = b""
        self.pos = 0
        self.offset = 0
        self.cut = False
        self._faults: list[Fault] = []
        self._unreported = 0
        self._pieces = inflate(path, object_id, window, limit)
        self._ahead = self._next_piece()

    @property
    def eof(self) -> bool:
        """Say whether no more will come; one piece is read ahead to know."""
        return not self._ahead

    @property
    def left(self) -> int:
        """The number of bytes at hand."""
        return len(self.buffer) - self.pos

    @property
    def at(self) -> int:
        """Where `pos` lies in the object."""
        return self.offset + self.pos

    def more(self) -> bool:
        """Drop what lies behind `pos` and read on, at least as much again as is kept.

        Doubling keeps the cost of one long record linear in its length. Returns False at the end.
        """
        kept = memoryview(self.buffer)[self.pos :]
        parts: list[bytes] = []
        got = 0
        while self._ahead and (not got or got < len(kept)):
            parts.append(self._ahead)
            got += len(self._ahead)
            self._ahead = self._next_piece()
        self.offset += self.pos
        self.buffer = b"".join((kept, *parts)) if kept or len(parts) != 1 else parts[0]
        self.pos = 0
        self._unreported += got
        return got > 0

    def _next_piece(self) -> bytes:
        for piece in self._pieces:
            if isinstance(piece, bytes):
                return piece
            self._faults.append(piece)
            self.cut = True
        return b""

    def take_faults(self) -> list[Fault]:
        """Return the faults met since the last call."""
        faults, self._faults = self._faults, []
        return faults

    def take_count(self) -> int:
        """Return the number of bytes read since the last call."""
        count, self._unreported = self._unreported, 0
        return count


def is_utf8(data: bytes) -> bool:
    """Say whether the bytes are UTF-8, without ever holding them all as text."""
    if data.isascii():
        return True
    view = memoryview(data)
    start = 0
    try:
        while start < len(view):
            end = start + _UTF8_STEP
            _, used = codecs.utf_8_decode(view[start:end], "strict", end >= len(view))
            start += used
    except UnicodeDecodeError:
        return False
    return True


def utf16_fault(object_id: str) -> Fault:
    """Return the fault of an object in UTF-16."""
    hint = "iconv -f UTF-16 -t UTF-8 OLD > NEW"
    return Fault(object_id, "encoding", "is UTF-16, not UTF-8; nothing of it is read", hint)
