"""Writing the chain: append-only segments, one writer, a checkpoint after each group of records."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from tidewaiter.core.errors import DeliveryError, StateError
from tidewaiter.govern.audit import checkpoint as seals
from tidewaiter.govern.audit.records import GENESIS, Body, line_of, make, read

SEGMENT_BYTES = 8_000_000
"""A segment is closed when it has this many bytes."""
_TORN = "torn"

Entry = tuple[str, str, Body]
"""(kind, actor, body)."""


class AuditLog:
    """The chain of one writer; a context manager. Not for several threads."""

    def __init__(self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Open the chain in `folder`, or begin one; a line that a crash cut off is set aside and noted.

        Raises:
            StateError: another process writes it, it is damaged, or the folder cannot be used.
        """
        self.folder = folder
        self._segment_bytes = segment_bytes
        self._seq, self._prev = 0, GENESIS
        self._file, self._length = segment_name(1), 0
        self._fingerprints: dict[str, str] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _hold(folder)
        except OSError as error:
            hint = "give --state a folder that you can write to"
            raise StateError(f"cannot use {folder}: {error.strerror}", hint=hint) from None
        try:
            self._key = seals.key_of(folder, make=True)
            self._resume()
        except OSError as error:
            os.close(self._lock)
            raise StateError(f"cannot use {folder}: {error.strerror}") from None
        except BaseException:
            os.close(self._lock)
            raise

    def __enter__(self) -> AuditLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the chain."""
        os.close(self._lock)

    def append(self, kind: str, actor: str, body: Body, *, at: datetime) -> None:
        """Append one record; raises as `append_all` does."""
        self.append_all([(kind, actor, body)], at=at)

    def append_all(self, entries: Sequence[Entry], *, at: datetime) -> None:
        """Append records, durably and together: one fsync for all of them.

        Raises:
            ValueError: a body that an audit record cannot hold. DeliveryError: no room.
        """
        seq, prev, lines = self._seq, self._prev, []
        for kind, actor, body in entries:
            seq += 1
            record = make(seq, at, kind, actor, body, prev)
            prev = record.hash
            lines.append(line_of(record))
        try:
            self._write(b"".join(lines), seq, prev)
        except OSError as error:
            hint = "free disk space, then run again: nothing goes on without its record"
            raise DeliveryError(
                f"cannot write the audit trail: {error.strerror or error}", hint=hint
            ) from None

    def _write(self, text: bytes, seq: int, prev: str) -> None:
        if self._length and self._length + len(text) > self._segment_bytes:
            self._fingerprints[self._file] = _fingerprint(self.folder / self._file)
            self._file, self._length = segment_name(len(self._fingerprints) + 1), 0
        with (self.folder / self._file).open("ab") as file:
            file.truncate(self._length)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        self._length += len(text)
        self._seq, self._prev = seq, prev
        mark = seals.Checkpoint(seq, prev, self._file, self._length, dict(self._fingerprints))
        seals.write(self.folder, seals.sealed(mark, self._key))

    def _resume(self) -> None:
        try:
            mark = seals.load(self.folder)
        except ValueError as error:
            raise self._damaged(f"its checkpoint cannot be read: {error}") from None
        if mark is not None:
            self._seq, self._prev, self._file, self._length = mark.seq, mark.hash, mark.file, mark.length
            self._fingerprints = dict(mark.fingerprints)
        path = self.folder / self._file
        if not path.exists() and mark is None:
            return
        body = path.read_bytes() if path.exists() else b""
        if len(body) < self._length:
            raise self._damaged(f"{self._file} is shorter than its checkpoint says")
        self._adopt(body[self._length :])

    def _adopt(self, rest: bytes) -> None:
        """Take what was written after the last checkpoint: whole records stay, a torn one is set aside."""
        whole = 0
        for line in rest.split(b"\n")[:-1]:
            try:
                record = read(line)
            except ValueError:
                break
            if record.seq != self._seq + 1 or record.prev != self._prev:
                break
            self._seq, self._prev = record.seq, record.hash
            whole += len(line) + 1
        self._length += whole
        if whole < len(rest):
            torn = self.folder / f"{self._file}.{_TORN}-{self._seq}"
            torn.write_bytes(rest[whole:])

    def _damaged(self, reason: str) -> StateError:
        hint = "`tidewaiter audit verify` says what; keep the folder as evidence and begin another one"
        return StateError(f"the audit trail in {self.folder} is damaged: {reason}", hint=hint)


def open_audit(folder: Path, *, segment_bytes: int = SEGMENT_BYTES) -> AuditLog:
    """Open the chain below `folder` for writing; see AuditLog."""
    return AuditLog(folder, segment_bytes=segment_bytes)


def segment_name(number: int) -> str:
    """Return the name of a segment, from 1."""
    return f"{number:06d}.jsonl"


def _fingerprint(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _hold(folder: Path) -> int:
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        hint = "wait for it, or give --state another folder"
        raise StateError(f"another tidewaiter writes the audit trail in {folder}", hint=hint) from None
    return lock
