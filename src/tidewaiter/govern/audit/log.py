"""Writing the chain: append-only segments, one writer, a sealed checkpoint before and after each group.

What stands in the folder and was never announced under the seal is not taken into the chain: it is set aside,
and a record of the chain says so from then on.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tidewaiter.core.errors import DeliveryError, StateError
from tidewaiter.govern.audit import checkpoint as seals
from tidewaiter.govern.audit.checkpoint import Checkpoint
from tidewaiter.govern.audit.records import FOREIGN, GENESIS, Body, line_of, make, read

if TYPE_CHECKING:
    from hashlib import _Hash

SEGMENT_BYTES = 8_000_000
"""A segment is closed when it has this many bytes."""

Entry = tuple[str, str, Body]
"""(kind, actor, body)."""


class AuditLog:
    """The chain of one writer; a context manager. Not for several threads."""

    def __init__(self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Open the chain in `folder`, or begin one.

        Raises:
            StateError: another process writes it, it is damaged, or the folder cannot be used.
        """
        self.folder = folder
        self._segment_bytes = segment_bytes
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _hold(folder)
        except OSError as error:
            hint = "give --state a folder that you can write to"
            raise StateError(f"cannot use {folder}: {error.strerror}", hint=hint) from None
        try:
            self._mark = self._load()
            self._hash = self._check()
        except OSError as error:
            os.close(self._lock)
            raise StateError(f"cannot use {folder}: {error.strerror}") from None
        except BaseException:
            os.close(self._lock)
            raise
        self._owed = self._mark.pending.encode()
        """What was announced before a crash, and notes of what is foreign: the next records follow it."""
        self._noted: set[tuple[str, str]] = set()
        self._strangers: list[Path] = []

    def __enter__(self) -> AuditLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the chain."""
        os.close(self._lock)

    @property
    def identity(self) -> str:
        """What tells this trail from any other; see identity_of."""
        return identity_of(self.folder)

    def append(self, kind: str, actor: str, body: Body, *, at: datetime) -> None:
        """Append one record; raises as `append_all` does."""
        self.append_all([(kind, actor, body)], at=at)

    def append_all(self, entries: Sequence[Entry], *, at: datetime) -> None:
        """Append records, durably and together: all of them, or after a crash none.

        Raises:
            ValueError: a body that an audit record cannot hold. DeliveryError: no room. StateError: somebody
            cut the chain meanwhile.
        """
        try:
            self._owed += self._lines(self._set_aside(), at)
            self._write(self._owed + self._lines(entries, at))
        except OSError as error:
            hint = "free disk space, then run again: nothing goes on without its record"
            raise DeliveryError(
                f"cannot write the audit trail: {error.strerror or error}", hint=hint
            ) from None

    def _lines(self, entries: Sequence[Entry], at: datetime) -> bytes:
        """Return the records that follow what is owed."""
        seq, prev = _end(self._owed) or (self._mark.seq, self._mark.hash)
        made = []
        for kind, actor, body in entries:
            seq += 1
            record = make(seq, at, kind, actor, body, prev)
            prev = record.hash
            made.append(line_of(record))
        return b"".join(made)

    def _write(self, text: bytes) -> None:
        end = _end(text)
        if end is None:
            return
        self._roll(len(text))
        self._mark = msgspec.structs.replace(self._mark, pending=text.decode())
        seals.write(self.folder, seals.sealed(self._mark, self._key))
        with self._path.open("ab") as file:
            file.truncate(self._mark.length)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        whole = self._hash.copy()
        whole.update(text)
        done = Checkpoint(
            *end, self._mark.file, self._mark.length + len(text), whole.hexdigest(), self._mark.fingerprints
        )
        seals.write(self.folder, seals.sealed(done, self._key))
        self._mark, self._hash, self._owed = done, whole, b""
        self._noted.clear()
        while self._strangers:
            self._strangers.pop().unlink(missing_ok=True)

    def _roll(self, size: int) -> None:
        """Begin another segment when this one is full; not while something is owed to it."""
        mark = self._mark
        if self._owed or not mark.length or mark.length + size <= self._segment_bytes:
            return
        closed = {**mark.fingerprints, mark.file: mark.digest}
        self._hash = sha256()
        self._mark = _empty(mark.seq, mark.hash, segment_name(len(closed) + 1), closed)

    @property
    def _path(self) -> Path:
        return self.folder / self._mark.file

    def _load(self) -> Checkpoint:
        try:
            mark = seals.load(self.folder)
        except ValueError as error:
            raise self._damaged(f"its checkpoint cannot be read: {error}") from None
        has_key, has_records = (self.folder / seals.KEY).exists(), any(self.folder.glob("*.jsonl"))
        if not has_key and not has_records and (mark is None or (mark.seq == 0 and not mark.pending)):
            mark = _empty(0, GENESIS, segment_name(1), {})
            seals.begin(self.folder, mark)
        elif mark is None:
            raise self._damaged("its checkpoint is missing")
        elif not has_key:
            raise self._damaged("its key is missing")
        elif not seals.is_sealed(mark, seals.key_of(self.folder)):
            raise self._damaged("its checkpoint is not sealed with its key")
        self._key = seals.key_of(self.folder)
        return mark

    def _check(self) -> _Hash:
        """Hold the last segment against the checkpoint; the closed ones are left to `verify`."""
        body = self._path.read_bytes() if self._path.exists() else b""
        if len(body) < self._mark.length:
            raise self._damaged(f"{self._mark.file} is shorter than its checkpoint says")
        found = sha256(body[: self._mark.length])
        if found.hexdigest() != self._mark.digest:
            raise self._damaged(f"{self._mark.file} is not the one that was sealed")
        return found

    def _set_aside(self) -> list[Entry]:
        """Copy what was never announced to files of its own; return the notes about it.

        It is removed from the chain only after the notes are durable.
        """
        known = {*self._mark.fingerprints, self._mark.file}
        there = sorted(path for path in self.folder.glob("*.jsonl") if path.is_file())
        self._strangers = [path for path in there if path.name not in known]
        strange = [(path.name, path.read_bytes()) for path in self._strangers]
        rest = self._rest()
        if rest and self._mark.announced(rest):
            self._cut()  # it is owed, and comes again; or its writer was told that it failed
        elif rest:
            strange.append((self._mark.file, rest))
        return [note for name, body in strange for note in self._note(name, body)]

    def _rest(self) -> bytes:
        """Return what stands in the last segment after its sealed bytes."""
        size = self._path.stat().st_size if self._path.exists() else 0
        if size < self._mark.length:
            raise self._damaged(f"{self._mark.file} is shorter than its checkpoint says")
        if size == self._mark.length:
            return b""
        with self._path.open("rb") as file:
            file.seek(self._mark.length)
            return file.read()

    def _cut(self) -> None:
        with self._path.open("ab") as file:
            file.truncate(self._mark.length)
            os.fsync(file.fileno())

    def _note(self, name: str, body: bytes) -> list[Entry]:
        digest = sha256(body).hexdigest()
        if (name, digest) in self._noted:
            return []
        self._noted.add((name, digest))
        kept = f"{name}.{FOREIGN}-{digest[:12]}"
        with (self.folder / kept).open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        where = {"file": name, "after": self._mark.seq, "kept_in": kept}
        return [(FOREIGN, "tidewaiter", {**where, "bytes": len(body), "sha256": digest})]

    def _damaged(self, reason: str) -> StateError:
        hint = (
            "`tidewaiter audit verify` says what; move the folder away, as evidence, and a run begins another"
        )
        return StateError(f"the audit trail in {self.folder} is damaged: {reason}", hint=hint)


def open_audit(folder: Path, *, segment_bytes: int = SEGMENT_BYTES) -> AuditLog:
    """Open the chain below `folder` for writing; see AuditLog."""
    return AuditLog(folder, segment_bytes=segment_bytes)


def identity_of(folder: Path) -> str:
    """Return what tells the trail in a folder from any other: a digest of its key; "" for none."""
    try:
        return sha256(seals.key_of(folder)).hexdigest()[:32]
    except OSError:
        return ""


def segment_name(number: int) -> str:
    """Return the name of a segment, from 1."""
    return f"{number:06d}.jsonl"


def _empty(seq: int, prev: str, file: str, closed: dict[str, str]) -> Checkpoint:
    return Checkpoint(seq, prev, file, 0, sha256().hexdigest(), closed)


def _end(text: bytes) -> tuple[int, str] | None:
    """Return number and hash of the last record of a text."""
    if not text:
        return None
    last = read(text[:-1].rpartition(b"\n")[2])
    return last.seq, last.hash


def _hold(folder: Path) -> int:
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        hint = "wait for it, or give --state another folder"
        raise StateError(f"another tidewaiter writes the audit trail in {folder}", hint=hint) from None
    return lock
