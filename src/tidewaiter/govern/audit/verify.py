"""Reading the chain back, and finding what is not as it was written.

What can be found, and by what: a changed byte by the record's hash or its spelling; a removed, added, moved
or swapped record by `seq` and `prev`; a chain that was remade from some record on by the checkpoint's hash,
which cannot be remade without the key; a cut tail or a missing segment by the checkpoint's length and
fingerprints. Whoever can write the folder *and* read the key can remake all of it; whoever puts back an older
copy of the whole folder, key and checkpoint included, leaves no trace in it. Both need an anchor elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec

from tidewaiter.govern.audit import checkpoint as seals
from tidewaiter.govern.audit.log import segment_name
from tidewaiter.govern.audit.records import GENESIS, Record, hash_of, read


class Finding(msgspec.Struct, frozen=True):
    """Something that is not as it was written; `line` counts from 1, `offset` is in bytes; 0 for the file."""

    file: str
    line: int
    offset: int
    what: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a segment that could be read."""

    file: str
    number: int
    offset: int
    record: Record


def lines(folder: Path) -> Iterator[Line | Finding]:
    """Yield every record of the chain in its order, and a finding for each line that is none."""
    for path in segments(folder):
        offset = 0
        parts = path.read_bytes().split(b"\n")
        for number, line in enumerate(parts if parts[-1] or len(parts) == 1 else parts[:-1], 1):
            try:
                yield Line(path.name, number, offset, read(line))
            except ValueError as error:
                yield Finding(path.name, number, offset, f"no record: {str(error)[:200]}")
            offset += len(line) + 1


def segments(folder: Path) -> list[Path]:
    """Return the segments that there are, in their order."""
    return sorted(folder.glob("*.jsonl"))


def verify(folder: Path) -> list[Finding]:
    """Check the whole chain; an empty list says that it is as it was written."""
    found = [*_chain(folder), *_files(folder), *_strangers(folder)]
    return sorted(set(found), key=lambda each: (each.file, each.line, each.offset, each.what))


def _chain(folder: Path) -> Iterator[Finding]:
    seq, prev = 0, GENESIS
    for each in lines(folder):
        if isinstance(each, Finding):
            yield each
            continue
        record = each.record
        if record.hash != hash_of(record):
            yield _at(each, "the record is not the one that was hashed")
        if record.seq != seq + 1:
            yield _at(each, f"record {record.seq} stands where record {seq + 1} belongs")
        elif record.prev != prev:
            yield _at(each, "the record does not follow the one before it")
        seq, prev = record.seq, record.hash


def _at(line: Line, what: str) -> Finding:
    return Finding(line.file, line.number, line.offset, what)


def _files(folder: Path) -> Iterator[Finding]:
    try:
        mark = seals.load(folder)
    except (ValueError, OSError) as error:
        yield Finding(seals.CHECKPOINT, 0, 0, f"the checkpoint cannot be read: {str(error)[:200]}")
        return
    if mark is None:
        if segments(folder) or (folder / seals.KEY).exists():
            yield Finding(seals.CHECKPOINT, 0, 0, "the checkpoint is missing")
        return
    try:
        if not seals.is_sealed(mark, seals.key_of(folder, make=False)):
            yield Finding(seals.CHECKPOINT, 0, 0, "the checkpoint's seal is not of this key")
    except OSError as error:
        yield Finding(seals.KEY, 0, 0, f"the key cannot be read: {error.strerror}")
    for name, fingerprint in mark.fingerprints.items():
        yield from _closed(folder / name, fingerprint)
    yield from _last(folder, mark)


def _closed(path: Path, fingerprint: str) -> Iterator[Finding]:
    if not path.exists():
        yield Finding(path.name, 0, 0, "the segment is missing")
    elif sha256(path.read_bytes()).hexdigest() != fingerprint:
        yield Finding(path.name, 0, 0, "the segment is not the one that was closed")


def _last(folder: Path, mark: seals.Checkpoint) -> Iterator[Finding]:
    path = folder / mark.file
    body = path.read_bytes() if path.exists() else b""
    if len(body) < mark.length:
        what = f"the segment has {len(body):,} bytes, and had {mark.length:,} when it was sealed"
        yield Finding(mark.file, 0, 0, what)
        return
    sealed = body[: mark.length].split(b"\n")
    try:
        last = read(sealed[-2])
    except (ValueError, IndexError):
        yield Finding(mark.file, max(len(sealed) - 1, 0), 0, "the sealed part does not end in a record")
        return
    if (last.seq, last.hash) != (mark.seq, mark.hash):
        yield Finding(mark.file, len(sealed) - 1, 0, "the last sealed record is not the one that was sealed")
    if not body.endswith(b"\n"):
        yield Finding(mark.file, 0, len(body), "the last line is cut off; the next run sets it aside")


def _strangers(folder: Path) -> Iterator[Finding]:
    """Name segments that are out of their order, or that no writer made."""
    present = [path.name for path in segments(folder)]
    for number, name in enumerate(present, 1):
        if name != segment_name(number):
            yield Finding(name, 0, 0, f"a segment stands where {segment_name(number)} belongs")
