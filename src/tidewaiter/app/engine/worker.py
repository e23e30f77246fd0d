"""What one process does with a group of objects: read, normalize, detect, stage."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import msgspec
from isal.isal_zlib import crc32

from tidewaiter.asim.mapping.runtime import decode_any
from tidewaiter.content import detections, sources
from tidewaiter.core.event_id import object_prefix
from tidewaiter.core.faults import Fault, Quarantined
from tidewaiter.core.findings import Signal
from tidewaiter.core.objects import Chunk, SourceObject
from tidewaiter.core.settings import Destination
from tidewaiter.pipeline.deliver import RowColumns, Segment, SegmentWriter, event_key, join_rows
from tidewaiter.pipeline.deliver.frame_rows import frame_rows, native_frame_rows, native_rows
from tidewaiter.pipeline.detect import Detector
from tidewaiter.pipeline.normalize import FrameRows, JsonRows, Normalizer
from tidewaiter.pipeline.normalize.drift import Lookout, Seen
from tidewaiter.pipeline.sources.codecs import DEFAULT_LIMITS, Limits, read
from tidewaiter.pipeline.sources.strangers import Strangers

_TIME = b'"TimeGenerated":"'
NOWHERE_ELSE: Mapping[str, Destination] = {}
MOST_QUARANTINED = 10_000
"""An object with more bad records than this is given up, with a fault that says so."""
QUARANTINE_BYTES = 32_000_000
"""The same for a group whose bad records have more bytes than this: they wait in memory for their commit."""
_OWN_BYTES = 250_000
"""What the bad records of an object may have in any case, however much those before it in its group had."""


@dataclass(slots=True)
class ObjectResult:
    """What came of one object, but for its rows."""

    object_id: str
    records: int = 0
    valid: int = 0
    raw_bytes: int = 0
    signals: list[Signal] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)

    @property
    def set_aside(self) -> int:
        """Bytes of the records that were set aside."""
        return sum(len(each.raw) for each in self.quarantined)

    def finish(self) -> None:
        """Count the records."""
        self.records = self.valid + len(self.quarantined)


@dataclass(slots=True)
class Guest:
    """Records of `source` that stand in the object at place `of` of its group, which is of another source.

    The result is of `guest_id`: what is set aside, archived and decided has that name.
    """

    of: int
    source: str
    result: ObjectResult


@dataclass(slots=True)
class GroupResult:
    """What came of a group of objects: `objects` in their order, rows in `segments` on disk.

    The places that segments name count the objects, then the `guests`. `seen` is what some of the records
    looked like.
    """

    objects: list[ObjectResult]
    segments: list[Segment]
    seconds: dict[str, float]
    seen: Seen = field(default_factory=Seen)
    guests: list[Guest] = field(default_factory=list)

    @property
    def results(self) -> list[ObjectResult]:
        """All results, by their places."""
        return [*self.objects, *(guest.result for guest in self.guests)]


def guest_id(object_id: str, source: str) -> str:
    """Name the records of a source in an object of another; no file's id has an empty name in it."""
    return f"{object_id}//{source}"


class Worker:
    """What one process works with; mappings and detections are compiled once in it, for all passes.

    `deliver` says that the rows go to a workspace: detections see them, and all are staged as JSON rows.
    Else they become files, and text sources stay in columns. `destinations` names the sources whose events
    go into Sentinel's own tables, alone or as well; detections see the ASIM rows of these, too.
    """

    def __init__(
        self,
        staging: Path,
        *,
        deliver: bool = True,
        limits: Limits = DEFAULT_LIMITS,
        destinations: Mapping[str, Destination] = NOWHERE_ELSE,
    ) -> None:
        self.staging = staging
        self.limits = limits
        self.specs = sources()
        self.destinations = destinations
        self.strangers = _strangers()
        self.detector = _detector() if deliver else None
        drifts = {name: spec.file.drift for name, spec in self.specs.items()}
        self.lookout = Lookout(drifts) if deliver else None

    def work(self, group: Sequence[tuple[SourceObject, str]], stem: str) -> GroupResult:
        """Read every (object, digest) to its end; what is wrong becomes faults and quarantined records."""
        work = _Work(SegmentWriter(self.staging, stem), _Clock(), len(group))
        objects: list[ObjectResult] = []
        room = QUARANTINE_BYTES
        for place, (item, digest) in enumerate(group):
            limit = max(room, _OWN_BYTES)
            objects.append(self._object(place, item, digest, work, limit))
            room -= work.aside(place, objects[-1])[1]
        with work.clock.stage("stage"):
            segments = work.writer.close()
        seen = self.lookout.seen() if self.lookout else Seen()
        for guest in work.guests:
            guest.result.finish()
        return GroupResult(objects, segments, work.clock.seconds, seen, work.guests)

    def normalizer(self, source: str) -> Normalizer:
        """Return a source's normalizer; it makes rows of Sentinel's own table where they are asked for."""
        return _normalizer(source, self._copied(source) or self._known_again(source))

    def _object(
        self, place: int, item: SourceObject, digest: str, work: _Work, most_aside: int
    ) -> ObjectResult:
        result = ObjectResult(item.id)
        chunks = read(item, self.specs[item.source].recognition, self.limits)
        while (chunk := work.clock.next(chunks)) is not None:
            aside = self._chunk(place, item.source, item.id, digest, chunk, result, work)
            if aside:
                stay, others = self.strangers.sort(item.source, aside)
                result.quarantined += stay
                for source, records in others.items():
                    self._guest(place, source, digest, records, item.id, work)
            if _given_up(result, *work.aside(place, result), most_aside):
                break
        result.finish()
        return result

    def _guest(
        self,
        of: int,
        source: str,
        digest: str,
        records: Sequence[Quarantined],
        object_id: str,
        work: _Work,
    ) -> None:
        """Take records of another source than that of their object."""
        place, result = work.guest(of, source, object_id)
        for chunk in self.strangers.read(source, records):
            aside = self._chunk(place, source, object_id, digest, chunk, result, work)
            result.quarantined += [replace(each, object_id=result.object_id) for each in aside]

    def _chunk(
        self,
        place: int,
        source: str,
        object_id: str,
        digest: str,
        chunk: Chunk,
        result: ObjectResult,
        work: _Work,
    ) -> list[Quarantined]:
        """Normalize a chunk and stage its rows; return what had to be set aside."""
        prefix = object_prefix(source, digest)
        result.raw_bytes += chunk.raw_bytes
        result.faults += chunk.faults
        with work.clock.stage("normalize"):
            mapped = self.normalizer(source).normalize(chunk, object_id=object_id, prefix=prefix)
        result.valid += mapped.valid
        if self.lookout:
            with work.clock.stage("drift"):
                self.lookout.look(source, object_id, chunk, mapped.rows)
        alone = self.destinations.get(source) == "native"
        for rows in mapped.rows:
            self._rows(place, rows, result, work.writer, work.clock, source, alone=alone)
        return [*chunk.quarantined, *mapped.quarantined]

    def _copied(self, source: str) -> bool:
        """Whether rows of Sentinel's own table are delivered, alone or as well."""
        return self.destinations.get(source, "asim") != "asim"

    def _known_again(self, source: str) -> bool:
        """Whether its events are known again by their rows of Sentinel's own table."""
        return self.detector is not None and _pulled(source)

    def _rows(
        self,
        place: int,
        rows: JsonRows | FrameRows,
        result: ObjectResult,
        writer: SegmentWriter,
        clock: _Clock,
        source: str,
        *,
        alone: bool,
    ) -> None:
        """Stage rows; `alone`: those of Sentinel's own table go instead of the ASIM rows, else with them."""
        if isinstance(rows, JsonRows) and self.detector:
            with clock.stage("detect"):
                result.signals += self.detector.detect(rows)
        with clock.stage("stage"):
            if isinstance(rows, FrameRows) and not self.detector:
                writer.add_frame(place, rows.table, rows.frame)
                return
            if isinstance(rows, FrameRows):
                columns = frame_columns(rows, alone)
            else:
                pulled = self._known_again(source)
                columns = row_columns(rows, alone, copied=self._copied(source), pulled=pulled)
            if alone and rows.native:
                writer.add_rows(place, rows.native, columns)
            else:
                writer.add_rows(place, rows.table, columns, copies=rows.native if columns.copy else "")


def frame_columns(rows: FrameRows, alone: bool) -> RowColumns:
    """Return the rows of text records, or `alone` those of their native table."""
    if rows.natives is None:
        return frame_rows(rows.frame)
    if alone:
        return native_frame_rows(rows.frame, rows.natives)
    found = frame_rows(rows.frame)
    found.copy, found.copy_billed = native_rows(rows.natives)
    return found


def row_columns(rows: JsonRows, alone: bool, *, copied: bool = True, pulled: bool = False) -> RowColumns:
    """Return the rows of JSON records, or `alone` those of their native table, as well where `copied`.

    Of a source that can be `pulled`, two records are one event when their rows of the native table are: a
    finding that was read from there has no more of the record than that.
    """
    alone = alone and bool(rows.native)
    sums = [_sum(row) for row in rows.natives] if pulled else [crc32(raw) for raw in rows.raws]
    whole, extra_at = (rows.natives, []) if alone else join_rows(rows.heads, rows.extras)
    return RowColumns(
        row=whole,
        extra_at=extra_at or [len(row) - 1 for row in whole],
        id=rows.ids,
        key=[event_key(i, its_sum) for i, its_sum in zip(rows.ids, sums, strict=True)],
        position=rows.positions,
        at=[_time_generated(row) for row in whole],
        billed=rows.natives_billed if alone else rows.billed,
        copy=() if alone or not copied else rows.natives,
        copy_billed=() if alone or not copied else rows.natives_billed,
    )


def _sum(native: bytes) -> int:
    """Return a checksum of a row's values: their spelling may change on the way through a workspace."""
    try:
        return int(crc32(msgspec.json.encode(decode_any(native), order="deterministic")))
    except (ValueError, RecursionError):
        return int(crc32(native))


def _time_generated(row: bytes) -> str:
    """Return a row's TimeGenerated; no JSON string can hold the name with bare quotes."""
    start = row.index(_TIME) + len(_TIME)
    return row[start : row.index(b'"', start)].decode()


@cache
def _normalizer(source: str, native: bool) -> Normalizer:
    return Normalizer(sources()[source], native=native)


@cache
def _strangers() -> Strangers:
    return Strangers({name: spec.recognition for name, spec in sources().items()})


@cache
def _pulled(source: str) -> bool:
    return sources()[source].pulled is not None


@cache
def _detector() -> Detector:
    return Detector(detections().values())


def _given_up(result: ObjectResult, aside: int, size: int, most_aside: int) -> bool:
    """Whether an object has so many bad records that it is no log: what it holds must not fill the memory.

    `aside` of its records, with `size` bytes, were set aside.
    """
    if aside >= MOST_QUARANTINED:
        what = f"more than {MOST_QUARANTINED:,} records"
    elif size > most_aside:
        what = f"records of more than {most_aside:,} bytes"
    else:
        return False
    message = f"{what} had to be set aside; the rest is not read"
    hint = "look at what it holds: is it a log of this source at all?"
    result.faults.append(Fault(result.object_id, "over_limit", message, hint))
    return True


@dataclass(slots=True)
class _Work:
    """What the objects of a group share: where their rows go, and the guests among them."""

    writer: SegmentWriter
    clock: _Clock
    objects: int
    guests: list[Guest] = field(default_factory=list)

    def guest(self, of: int, source: str, object_id: str) -> tuple[int, ObjectResult]:
        """Return the place and the result for records of a source in the object at `of`."""
        for n, guest in enumerate(self.guests):
            if (guest.of, guest.source) == (of, source):
                return self.objects + n, guest.result
        self.guests.append(Guest(of, source, ObjectResult(guest_id(object_id, source))))
        return self.objects + len(self.guests) - 1, self.guests[-1].result

    def aside(self, place: int, result: ObjectResult) -> tuple[int, int]:
        """Return how many records of the object at a place were set aside, guests too, and their bytes."""
        found = [result, *(guest.result for guest in self.guests if guest.of == place)]
        return sum(len(each.quarantined) for each in found), sum(each.set_aside for each in found)


class _Clock:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start

    def next(self, chunks: Iterator[Chunk]) -> Chunk | None:
        with self.stage("decode"):
            return next(chunks, None)
