"""Pages as objects: files of the source's own form, that the plan takes like any other.

`pulled/<source>/<from>-<to>.ndjson.gz` holds one record on each line. A file is written beside and moved into
place, so that nobody reads half of one; writing it again is harmless, for its events are known by then.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tidewaiter.asim.mapping.native_reader import NativeReader
from tidewaiter.core.errors import DeliveryError
from tidewaiter.core.objects import SourceObject
from tidewaiter.pipeline.sources.pull.pages import Page

FOLDER = "pulled"
"""Under the state directory, and what the ids of such objects begin with."""
FINDINGS = ".ndjson.gz"


@dataclass(frozen=True, slots=True)
class Pulled:
    """What was made of a page: its file (None for no rows), and in how many rows Azure had cut a column."""

    path: Path | None
    rows: int
    cut: dict[str, int] = field(default_factory=dict)


def write_page(folder: Path, source: str, page: Page, reader: NativeReader) -> Pulled:
    """Write the records of a page under `folder`, in the order of their rows.

    Raises:
        DeliveryError: it cannot be written.
    """
    if not page.rows:
        return Pulled(None, 0)
    read = [reader.read(row) for row in page.rows]
    cut: dict[str, int] = {}
    for name in (name for each in read for name in each.cut):
        cut[name] = cut.get(name, 0) + 1
    lines = b"".join(each.record + b"\n" for each in read)
    part = f"-{page.part}" if page.part else ""
    path = folder / source / f"{_stamp(page.start)}-{_stamp(page.end)}{part}{FINDINGS}"
    beside = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(gzip.compress(lines, 6, mtime=0))
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        hint = "free disk space, then run again: the pull goes on where it stopped"
        raise DeliveryError(f"cannot write {path}: {error.strerror or error}", hint=hint) from None
    return Pulled(path, len(read), cut)


def pulled_objects(folder: Path, sources: Sequence[str]) -> Iterator[SourceObject]:
    """Yield the objects of these sources that lie under `folder`, older ones first."""
    for source in sources:
        for path in sorted((folder / source).glob(f"*{FINDINGS}")):
            yield _object(path, source)


def _object(path: Path, source: str) -> SourceObject:
    return SourceObject(object_id(path), path, source, "events", "json_records", path.stat().st_size)


def object_id(path: Path) -> str:
    """Return the id under which a pulled file is claimed."""
    return f"{FOLDER}/{path.parent.name}/{path.name}"


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}"
