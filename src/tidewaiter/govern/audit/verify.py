"""Reading the chain back, and finding what is not as it was written.

What can be found, and by what: a changed byte by the record's hash or its spelling; a removed, added, moved
or swapped record by `seq` and `prev`; a chain that was remade from some record on, a cut tail, a missing
segment, and records that were added to the end by the checkpoint's digests, which cannot be sealed without
the key. What a writer found in the chain and had not announced stays found by the record that it wrote of it.
Whoever can write the folder *and* read the key can remake all of it; whoever puts back an older copy of the
whole folder, key and checkpoint included, leaves no trace in it. Both need an anchor elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec

from tidewaiter.govern.audit import checkpoint as seals
from tidewaiter.govern.audit.records import FOREIGN, GENESIS, Record, hash_of, read

_NEXT = "the next run sets this aside, and says so in the trail"
_TRIES, _PAUSE = 5, 0.05
"""How often, and after how many seconds, to look again at a chain that somebody writes."""


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
    return sorted(path for path in folder.glob("*.jsonl") if path.is_file())


def verify(folder: Path) -> list[Finding]:
    """Check the whole chain; an empty list says that it is as it was written.

    A chain that is being written meanwhile is looked at again, a few times.
    """
    for _ in range(_TRIES):
        before = _raw(folder)
        found = sorted({*_chain(folder), *_files(folder), *_no_files(folder)}, key=_place)
        if not found or (_raw(folder) == before and not _is_pending(folder)):
            break
        time.sleep(_PAUSE)
    return found


def _place(each: Finding) -> tuple[str, int, int, str]:
    return each.file, each.line, each.offset, each.what


def _raw(folder: Path) -> bytes | None:
    path = folder / seals.CHECKPOINT
    return path.read_bytes() if path.is_file() else None


def _is_pending(folder: Path) -> bool:
    try:
        mark = seals.load(folder)
    except (ValueError, OSError):
        return False
    return mark is not None and bool(mark.pending)


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
        if record.kind == FOREIGN:
            yield _at(each, _foreign(folder, record))
        seq, prev = record.seq, record.hash


def _foreign(folder: Path, record: Record) -> str:
    """Tell of bytes that no writer announced, and whether they are still kept as they were."""
    body = record.body
    kept = folder / str(body.get("kept_in"))
    digest = sha256(kept.read_bytes()).hexdigest() if kept.is_file() else ""
    still = {body.get("sha256"): "they are kept in", "": "they were kept in"}.get(
        digest, "other bytes are in"
    )
    gone = "" if digest else ", which is gone"
    return (
        f"after record {body.get('after')} {body.get('file')} held {body.get('bytes')} bytes that no writer "
        f"had announced; {still} {kept.name}{gone}"
    )


def _no_files(folder: Path) -> Iterator[Finding]:
    """Yield what has the name of a file of the trail and is none."""
    for path in (*folder.glob("*.jsonl"), folder / seals.CHECKPOINT, folder / seals.KEY):
        if (path.exists() or path.is_symlink()) and not path.is_file():
            yield Finding(path.name, 0, 0, "this is no file")


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
        if not seals.is_sealed(mark, seals.key_of(folder)):
            yield Finding(seals.CHECKPOINT, 0, 0, "the checkpoint's seal is not of this key")
    except OSError as error:
        yield Finding(seals.KEY, 0, 0, f"the key cannot be read: {error.strerror}")
    for name, fingerprint in mark.fingerprints.items():
        yield from _closed(folder / name, fingerprint)
    yield from _last(folder, mark)
    for path in segments(folder):
        if path.name not in mark.fingerprints and path.name != mark.file:
            yield Finding(path.name, 0, 0, f"the checkpoint knows of no such segment; {_NEXT}")


def _closed(path: Path, fingerprint: str) -> Iterator[Finding]:
    if not path.is_file():
        yield Finding(path.name, 0, 0, "the segment is missing")
    elif sha256(path.read_bytes()).hexdigest() != fingerprint:
        yield Finding(path.name, 0, 0, "the segment is not the one that was closed")


def _last(folder: Path, mark: seals.Checkpoint) -> Iterator[Finding]:
    path = folder / mark.file
    body = path.read_bytes() if path.is_file() else b""
    if len(body) < mark.length:
        what = f"the segment has {len(body):,} bytes, and had {mark.length:,} when it was sealed"
        yield Finding(mark.file, 0, 0, what)
        return
    whole, rest = body[: mark.length], body[mark.length :]
    if sha256(whole).hexdigest() != mark.digest:
        yield Finding(mark.file, 0, 0, "the segment is not the one that was sealed")
    if rest == mark.pending.encode():
        return
    if mark.announced(rest):
        what = "a writer was stopped while it wrote here; the next run completes it"
    else:
        what = f"{len(rest):,} bytes follow that no writer announced; {_NEXT}"
    yield Finding(mark.file, whole.count(b"\n") + 1, mark.length, what)
