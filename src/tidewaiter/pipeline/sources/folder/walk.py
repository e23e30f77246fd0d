"""Every file of a tree once, in a fixed order, whatever links, loops and devices the tree holds."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tidewaiter.core.errors import UsageError
from tidewaiter.core.faults import Fault

_HINT = "check that it is still there and that this user may read it"


@dataclass(frozen=True, slots=True)
class Unrecognized:
    """A file that is of no known source, and what it seems to be; `hidden` ones need no mention."""

    id: str
    path: Path
    reason: str
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file or folder that cannot be read, or not as what its path says; `source` is that, if known."""

    id: str
    path: Path
    source: str | None
    fault: Fault


@dataclass(frozen=True, slots=True)
class File:
    """A regular file; `id` is its path below the root, with forward slashes."""

    id: str
    path: Path
    size: int


def walk(root: Path) -> Iterator[File | Unrecognized | Unreadable]:
    """Yield every file under `root`, or `root` itself if it is a file, sorted by name in each folder.

    Linked folders are followed, unless they lead to where this walk goes anyway. Hidden files and
    folders, devices, sockets and pipes are reported and not opened.

    Raises:
        UsageError: `root` is missing, cannot be looked at, or is neither a file nor a folder.
    """
    try:
        status = root.stat()
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise UsageError(f"{root} does not exist", hint="check the path") from None
        raise UsageError(f"{root} cannot be read: {error.strerror}", hint=_HINT) from None
    if stat.S_ISREG(status.st_mode):
        return iter([File(_as_id(root.name), root, status.st_size)])
    if not stat.S_ISDIR(status.st_mode):
        raise UsageError(f"{root} is {_kind(status.st_mode)}", hint="give a file or a folder")
    return _Walk(root).folder(root, "", (status.st_dev, status.st_ino))


class _Walk:
    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._seen: set[tuple[int, int]] = set()

    def folder(
        self, path: Path, prefix: str, identity: tuple[int, int]
    ) -> Iterator[File | Unrecognized | Unreadable]:
        """Yield what lies in one folder; `prefix` is its id with a slash, or empty."""
        if identity in self._seen:
            yield Unrecognized(prefix, path, "a link back to a folder that is read already; not followed")
            return
        self._seen.add(identity)
        try:
            with os.scandir(path) as entries:
                names = sorted(entry.name for entry in entries)
        except OSError as error:
            yield _unreadable(prefix, path, error)
            return
        for name in names:
            yield from self._entry(path / name, prefix + _as_id(name))

    def _entry(self, path: Path, item: str) -> Iterator[File | Unrecognized | Unreadable]:
        if path.name.startswith("."):
            yield Unrecognized(item, path, "hidden", hidden=True)
            return
        try:
            linked = path.is_symlink()
            status = path.stat()
        except OSError as error:
            yield _unreadable(item, path, error)
            return
        is_folder = stat.S_ISDIR(status.st_mode)
        if linked and (there := self._walked_anyway(path, is_folder=is_folder)):
            yield Unrecognized(item, path, there)
        elif is_folder:
            yield from self.folder(path, item + "/", (status.st_dev, status.st_ino))
        elif stat.S_ISREG(status.st_mode):
            yield File(item, path, status.st_size)
        else:
            yield Unrecognized(item, path, f"{_kind(status.st_mode)}, not a file")

    def _walked_anyway(self, link: Path, *, is_folder: bool) -> str:
        """Say why a link needs no following: its target lies within the root, or around it."""
        target = link.resolve()
        if is_folder and self._root.is_relative_to(target):
            return "a link back to a folder that this one lies in; not followed"
        if not target.is_relative_to(self._root):
            return ""
        below = target.relative_to(self._root)
        hidden = any(part.startswith(".") for part in below.parts)
        return "" if hidden else f"a link to {_as_id(below.as_posix())}, which is read itself"


def _as_id(name: str) -> str:
    """Return a name as text that can be stored: bytes that are not UTF-8 become `\\xNN`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _unreadable(item: str, path: Path, error: OSError) -> Unreadable:
    text = f"cannot be read: {error.strerror or error}"
    return Unreadable(item, path, None, Fault(item, "unreadable", text, _HINT))


def _kind(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "a pipe"
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a device"
