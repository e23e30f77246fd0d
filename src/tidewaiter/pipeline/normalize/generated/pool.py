"""The records to begin with: a source's samples, and others that were handed over, by the route they take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.resources import as_file
from typing import Any

from tidewaiter.asim.mapping.evaluate import truth
from tidewaiter.content.sources import SourceSpec
from tidewaiter.core.objects import Chunk, JsonChunk, SourceObject
from tidewaiter.pipeline.normalize.generated.spelling import dumps, loads
from tidewaiter.pipeline.normalize.reference import record_of
from tidewaiter.pipeline.sources.codecs import read


@dataclass(slots=True)
class Pool:
    """Records as JSON text, by route (-1 for those that none takes); or lines with the fields of each."""

    records: dict[int, list[str]] = field(default_factory=dict)
    more: dict[int, list[str]] = field(default_factory=dict)
    headers: list[tuple[str, ...]] = field(default_factory=list)
    lines: list[dict[str, str]] = field(default_factory=list)
    more_lines: list[dict[str, str]] = field(default_factory=list)


def sample_chunks(spec: SourceSpec) -> Iterator[Chunk]:
    """Yield what the samples hold, as the codec reads it."""
    for name in spec.folder.names("samples"):
        with as_file(spec.folder.root.joinpath("samples", name)) as path:
            item = SourceObject(name, path, spec.id, "events", spec.recognition.codec, path.stat().st_size)
            yield from read(item, spec.recognition)


def pool_of(spec: SourceSpec, more: Sequence[Chunk]) -> Pool:
    """Gather records: those of the samples, and those of `more`."""
    pool = Pool()
    for chunk in sample_chunks(spec):
        _add(spec, pool, chunk, pool.records, pool.lines)
    for chunk in more:
        _add(spec, pool, chunk, pool.more, pool.more_lines)
    pool.headers = list(dict.fromkeys(pool.headers))
    return pool


def _add(
    spec: SourceSpec, pool: Pool, chunk: Chunk, records: dict[int, list[str]], lines: list[dict[str, str]]
) -> None:
    if isinstance(chunk, JsonChunk):
        for raw in chunk.records:
            decoded = loads(bytes(raw).decode())
            if isinstance(decoded, dict):
                records.setdefault(route_of(spec, decoded), []).append(dumps(decoded))
        return
    pool.headers.append(chunk.fields)
    for line in chunk.cells.decode().split("\n")[:-1]:
        lines.append(dict(zip(chunk.fields, line.split(chunk.separator), strict=True)))


def route_of(spec: SourceSpec, decoded: dict[str, Any]) -> int:
    """Return the place of the route that takes a record, -1 for none."""
    record = record_of(spec.mapping, decoded)
    for place, route in enumerate(spec.mapping.routes):
        if truth(route.when, record, spec.mapping.lookups):
            return place
    return -1
