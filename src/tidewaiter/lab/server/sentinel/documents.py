"""Sentinel's resources, durable in one file of the lab folder: a journal of transactions, one line each.

A line that a crash tore was never acknowledged: it is cut off when the file is opened. The lock of the
workspace keeps other processes away.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from tidewaiter.core.errors import Location, StateError
from tidewaiter.lab.server.errors import not_stored
from tidewaiter.lab.server.files import write_whole
from tidewaiter.lab.server.journal import Journal

T = TypeVar("T")

VERSION = 1
_SLACK = 2_000
"""Lines beyond one for each document, before the journal is written anew."""
_SLACK_BYTES = 64_000_000
"""Bytes of documents that were written since, before it is."""
_TRY_AGAIN = 100
"""Transactions until it is tried again, when there was no room for it."""
_log = logging.getLogger("tidewaiter.lab")

_NOTHING = msgspec.Raw(b"null")


class _Change(msgspec.Struct, frozen=True, array_like=True):
    """A document that is put, or dropped when its content is null."""

    kind: str
    name: str
    content: msgspec.Raw = _NOTHING


class _Line(msgspec.Struct, frozen=True):
    changes: tuple[_Change, ...] = ()
    version: int | None = None


_HEAD = msgspec.json.encode(_Line(version=VERSION)) + b"\n"


class Documents:
    """All documents, by kind and name; `collection` gives those of one kind their type."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kinds: dict[str, dict[str, bytes]] = {}
        self._collections: dict[str, Collection[object]] = {}
        self._open: list[_Change] | None = None
        self._lines = 0
        self._written = 0
        self._put_off = 0
        self._journal = Journal(path, self._read())

    def collection(self, kind: str, content: type[T]) -> Collection[T]:
        """Return the documents of a kind.

        Raises:
            StateError: one of them does not have that content.
        """
        try:
            made = Collection(self, kind, content, self._kinds.get(kind, {}))
        except msgspec.DecodeError as error:
            raise self._unreadable(f"has an unreadable {kind}: {error}") from None
        self._collections[kind] = made  # type: ignore[assignment]
        return made

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what is put and dropped within durable together, or undo it when that fails.

        Within another transaction, it is a part of that one.

        Raises:
            DeliveryError: it cannot be written.
        """
        if self._open is not None:
            yield
            return
        self._open = []
        try:
            yield
            if self._open:
                self._append(tuple(self._open))
        except BaseException:
            self._undo(self._open)
            raise
        finally:
            self._open = None

    def note(self, kind: str, name: str, content: bytes | None) -> None:
        """Take a change into the open transaction; collections call it."""
        assert self._open is not None, "documents change in a transaction"
        self._open.append(_Change(kind, name, _NOTHING if content is None else msgspec.Raw(content)))

    def _append(self, changes: tuple[_Change, ...]) -> None:
        line = msgspec.json.encode(_Line(changes)) + b"\n"
        try:
            self._journal.append(line if self._begun() else _HEAD + line)
        except OSError as error:
            raise not_stored(self._path, error) from None
        for change in changes:
            _apply(self._kinds, change)
        self._lines += 1
        self._written += sum(len(bytes(change.content)) for change in changes)
        self._compact_when_long()

    def _begun(self) -> bool:
        return bool(self._journal.size) and self._path.exists()

    def _undo(self, changes: list[_Change]) -> None:
        for change in changes:
            collection = self._collections.get(change.kind)
            if collection is not None:
                collection.restore(change.name, self._kinds.get(change.kind, {}).get(change.name))

    def _read(self) -> int:
        """Read the file; return how many bytes of it are whole lines."""
        content = self._path.read_bytes() if self._path.exists() else b""
        end = content.rfind(b"\n") + 1
        if end < len(content):
            os.truncate(self._path, end)
        for line in content[:end].splitlines():
            try:
                read = msgspec.json.decode(line, type=_Line)
            except msgspec.DecodeError as error:
                raise self._unreadable(f"has a damaged line: {error}") from None
            if read.version is not None and read.version > VERSION:
                message = f"is of version {read.version}, this tidewaiter reads up to {VERSION}"
                raise StateError(message, at=Location(str(self._path)), hint="update tidewaiter")
            for change in read.changes:
                _apply(self._kinds, change)
            self._lines += 1
        return end

    def _compact_when_long(self) -> None:
        """Write the journal anew when much of it is out of date; without room for that, later.

        What was appended is durable already: that the journal stays long is no failure of the change.
        """
        many = self._lines > _SLACK + sum(map(len, self._kinds.values()))
        if self._put_off > 0 or not (many or self._written > _SLACK_BYTES):
            self._put_off = max(0, self._put_off - 1)
            return
        try:
            self._compact()
        except OSError as error:
            self._put_off = _TRY_AGAIN
            _log.warning("%s stays long for now, it cannot be written anew: %s", self._path, error.strerror)

    def _compact(self) -> None:
        lines = [
            msgspec.json.encode(_Line((_Change(kind, name, msgspec.Raw(content)),)))
            for kind, documents in self._kinds.items()
            for name, content in documents.items()
        ]
        content = _HEAD + b"".join(line + b"\n" for line in lines)
        write_whole(self._path, content)
        self._journal = Journal(self._path, len(content))
        self._lines, self._written = len(lines), 0

    def _unreadable(self, what: str) -> StateError:
        hint = "remove it: rules, incidents and hunts of the lab are gone then, its tables stay"
        return StateError(what, at=Location(str(self._path)), hint=hint)


class Collection(Mapping[str, T], Generic[T]):
    """The documents of one kind by name, in the order in which they were first put."""

    def __init__(self, documents: Documents, kind: str, content: type[T], held: Mapping[str, bytes]) -> None:
        self._documents = documents
        self._kind = kind
        self._decoder = msgspec.json.Decoder(content)
        self._held = {name: self._decoder.decode(each) for name, each in held.items()}

    def __getitem__(self, name: str) -> T:
        return self._held[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def put(self, name: str, value: T) -> None:
        """Keep a document, instead of one of its name if there is one; in a transaction."""
        self._documents.note(self._kind, name, msgspec.json.encode(value))
        self._held[name] = value

    def drop(self, name: str) -> None:
        """Forget a document; in a transaction.

        Raises:
            KeyError: there is none.
        """
        del self._held[name]
        self._documents.note(self._kind, name, None)

    def restore(self, name: str, content: bytes | None) -> None:
        """Take back what was not made durable."""
        if content is None:
            self._held.pop(name, None)
        else:
            self._held[name] = self._decoder.decode(content)


def _apply(kinds: dict[str, dict[str, bytes]], change: _Change) -> None:
    documents = kinds.setdefault(change.kind, {})
    if bytes(change.content) == b"null":
        documents.pop(change.name, None)
    else:
        documents[change.name] = bytes(change.content)
