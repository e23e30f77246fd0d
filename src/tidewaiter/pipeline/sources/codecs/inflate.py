"""Decompressed bytes of one file, in windows, whatever the file does."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from isal import igzip_lib

from tidewaiter.core.faults import Fault
from tidewaiter.pipeline.sources.codecs.armored import Armored, is_armored

GZIP_MAGIC = b"\x1f\x8b"
_PIECE = 1 << 18
_REPLAY_PIECE = 1 << 12
_GZIP_ERROR = cast("type[Exception]", igzip_lib.IsalError)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of one object is read and held, in decompressed bytes.

    `object_bytes`: what lies beyond is not read. `record_bytes`: a longer record is set aside, with a
    sample of it. CloudTrail's own records are at most 256 KB, or 1 MB where the account asks for it
    (AWS CloudTrail User Guide, "CloudTrail record contents", eventSize). `window_bytes`: what is worked
    on at a time; memory stays within a few windows and two records.
    """

    object_bytes: int = 1 << 30
    record_bytes: int = 16 << 20
    window_bytes: int = 8 << 20


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Head:
    """The first decompressed bytes of a file; `complete` when there are no more of them."""

    data: bytes
    complete: bool
    fault: Fault | None = None


def inflate(path: Path, object_id: str, window: int, limit: int) -> Iterator[bytes | Fault]:
    """Yield the bytes of the file, gunzipped where its first bytes say gzip, then what is wrong with it.

    Gzip may be written in base64 (see armored.py). Each piece is of 1 to `window` bytes, `limit` bytes in
    all. The faults are `unreadable`, `truncated`, `corrupt` and `over_limit`; whatever could be read has been
    yielded before them.
    """
    total = 0
    for item in _contents(path, object_id, window):
        if isinstance(item, Fault):
            yield item
            continue
        room = limit - total
        if len(item) > room:
            if room:
                yield item[:room]
            yield Fault(
                object_id,
                "over_limit",
                f"holds more than {limit:,} bytes when decompressed; the rest is not read",
                "split the file, or raise the limit if it is genuine",
            )
            return
        total += len(item)
        yield item


def read_head(path: Path, object_id: str, size: int) -> Head:
    """Return the first `size` decompressed bytes of the file."""
    parts: list[bytes] = []
    missing = size
    for item in inflate(path, object_id, size, 2 * size):
        if isinstance(item, Fault):
            return Head(b"".join(parts), complete=True, fault=item)
        parts.append(item[:missing])
        missing -= len(parts[-1])
        if not missing:
            return Head(b"".join(parts), complete=False)
    return Head(b"".join(parts), complete=True)


def _contents(path: Path, object_id: str, window: int) -> Iterator[bytes | Fault]:
    try:
        with path.open("rb", buffering=0) as file:
            first = file.read(min(_PIECE, window))
            if len(first) == 1:
                first += file.read(1)
            if first.startswith(GZIP_MAGIC):
                yield from _gunzip(file, first, object_id, window)
                return
            if is_armored(first):
                members = cast("BinaryIO", Armored(file))
                yield from _gunzip(members, members.read(_PIECE), object_id, window)
                return
            while first:
                yield first
                first = file.read(window)
    except OSError as error:
        yield Fault(
            object_id,
            "unreadable",
            f"cannot be read: {error.strerror or error}",
            "check that the file is still there and that this user may read it",
        )


def _gunzip(file: BinaryIO, data: bytes, object_id: str, window: int) -> Iterator[bytes | Fault]:
    """Yield the contents of all gzip members of `file`, whose first bytes are `data`."""
    member = _member()
    total = 0
    while True:
        try:
            out = member.decompress(data, window)
        except _GZIP_ERROR as error:
            yield from _replay(file, total)
            yield _damage(object_id, "corrupt", f"the gzip stream is damaged ({error})")
            return
        data = b""
        if out:
            total += len(out)
            yield out
        if member.eof:
            data = _after_member(member.unused_data, file)
            if not data:
                return
            if not data.startswith(GZIP_MAGIC):
                yield _damage(object_id, "corrupt", "bytes after the end of the gzip stream are not gzip")
                return
            member = _member()
        elif member.needs_input:
            data = file.read(_PIECE)
            if not data:
                yield _damage(object_id, "truncated", "the gzip stream ends too early")
                return


def _member() -> igzip_lib.IgzipDecompressor:
    return igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)


def _after_member(rest: bytes, file: BinaryIO) -> bytes:
    """Return what follows a gzip member, without zero padding: the next member, garbage or nothing."""
    while True:
        rest = rest.lstrip(b"\0")
        if len(rest) >= len(GZIP_MAGIC):
            return rest
        more = file.read(_PIECE)
        if not more:
            return rest
        rest += more


def _replay(file: BinaryIO, skip: int) -> Iterator[bytes]:
    """Inflate a damaged file again, slowly, and yield what lies between `skip` bytes and the damage.

    isal gives nothing of the call that meets the damage; zlib can be copied before each step, and be
    led up to the damage byte by byte.
    """
    file.seek(0)
    member = zlib.decompressobj(31)
    while data := file.read(_REPLAY_PIECE):
        while data:
            if member.eof:
                data = data.lstrip(b"\0")
                member = zlib.decompressobj(31)
            before = member.copy()
            parts: list[bytes] = []
            damaged = False
            try:
                parts.append(member.decompress(data))
            except zlib.error:
                damaged = True
                parts.extend(_up_to_damage(before, data))
            out = b"".join(parts)
            if len(out) > skip:
                yield out[skip:]
            skip = max(0, skip - len(out))
            if damaged:
                return
            data = member.unused_data


def _up_to_damage(member: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    try:
        for at in range(len(data)):
            yield member.decompress(data[at : at + 1])
    except zlib.error:
        return


def _damage(object_id: str, kind: str, message: str) -> Fault:
    hint = "fetch the object again; what could be read of it is kept"
    return Fault(object_id, "truncated" if kind == "truncated" else "corrupt", message, hint)
