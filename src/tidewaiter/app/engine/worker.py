"""What one process does with one object: read, normalize, detect, stage."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

from tidewaiter.content import detections, sources
from tidewaiter.core.event_id import object_prefix
from tidewaiter.core.faults import Fault, Quarantined
from tidewaiter.core.findings import Signal
from tidewaiter.core.objects import SourceObject
from tidewaiter.pipeline.deliver import Segment, SegmentWriter, event_key
from tidewaiter.pipeline.detect import Detector
from tidewaiter.pipeline.normalize import JsonRows, Normalizer
from tidewaiter.pipeline.sources.codecs import DEFAULT_LIMITS, Limits, read


@dataclass(slots=True)
class ObjectResult:
    """What came of one object; rows are in `segments`, on disk."""

    object_id: str
    records: int = 0
    valid: int = 0
    raw_bytes: int = 0
    segments: list[Segment] = field(default_factory=list)
    signals: list[Signal] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


class Worker:
    """Compiled mappings and detections of one process; `work` handles one object after the other."""

    def __init__(self, staging: Path, *, detect: bool = True, limits: Limits = DEFAULT_LIMITS) -> None:
        self.staging = staging
        self.limits = limits
        self.specs = sources()
        self.normalizers = {name: Normalizer(spec) for name, spec in self.specs.items()}
        self.detector = Detector(detections().values()) if detect else None

    def work(self, item: SourceObject, digest: str, stem: str) -> ObjectResult:
        """Read an object to its end; what is wrong with it becomes faults and quarantined records."""
        result = ObjectResult(item.id)
        clock = _Clock(result.seconds)
        writer = SegmentWriter(self.staging, stem)
        prefix = object_prefix(item.source, digest)
        chunks = read(item, self.specs[item.source].recognition, self.limits)
        while True:
            with clock.stage("decode"):
                chunk = next(chunks, None)
            if chunk is None:
                break
            result.raw_bytes += chunk.raw_bytes
            result.faults += chunk.faults
            result.quarantined += chunk.quarantined
            with clock.stage("normalize"):
                mapped = self.normalizers[item.source].normalize(chunk, object_id=item.id, prefix=prefix)
            result.valid += mapped.valid
            result.quarantined += mapped.quarantined
            for rows in mapped.rows:
                if isinstance(rows, JsonRows):
                    with clock.stage("detect"):
                        result.signals += self.detector.detect(rows) if self.detector else []
                    with clock.stage("stage"):
                        keys = [event_key(i, crc32(raw)) for i, raw in zip(rows.ids, rows.raws, strict=True)]
                        writer.add_json(rows.table, rows.heads, rows.extras, keys)
                else:
                    with clock.stage("stage"):
                        writer.add_frame(rows.table, rows.frame)
        with clock.stage("stage"):
            result.segments = writer.close()
        result.records = result.valid + len(result.quarantined)
        return result


class _Clock:
    def __init__(self, seconds: dict[str, float]) -> None:
        self.seconds = seconds

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
