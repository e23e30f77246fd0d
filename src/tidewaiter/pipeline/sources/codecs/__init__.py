"""Codecs: from the bytes of one source object to chunks of records, whatever the bytes are like."""

from __future__ import annotations

from collections.abc import Iterator

from tidewaiter.content.recognition import Recognition
from tidewaiter.core.objects import Chunk, JsonChunk, SourceObject
from tidewaiter.pipeline.sources.codecs.delimited_text import read_text
from tidewaiter.pipeline.sources.codecs.inflate import DEFAULT_LIMITS, Limits
from tidewaiter.pipeline.sources.codecs.json_records import read_json
from tidewaiter.pipeline.sources.codecs.non_events import Digest, NonEvent, read_non_event

__all__ = [
    "DEFAULT_LIMITS",
    "Digest",
    "Limits",
    "NonEvent",
    "read",
    "read_json",
    "read_non_event",
    "read_text",
]


def read(obj: SourceObject, recognition: Recognition, limits: Limits = DEFAULT_LIMITS) -> Iterator[Chunk]:
    """Yield the records of one object, in order, with its faults and what had to be set aside.

    The records yielded and those quarantined are all that the object holds, each once. Nothing is
    raised for bad data. An object without events yields one chunk, with its faults and no records.
    """
    if obj.kind not in ("events", "insight"):
        found = read_non_event(obj, limits)
        return iter([JsonChunk((), (), found.raw_bytes, list(found.faults))])
    if recognition.codec == "json_records":
        return read_json(obj, recognition, limits)
    return read_text(obj, recognition, limits)
