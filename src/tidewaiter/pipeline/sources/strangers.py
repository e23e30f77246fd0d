"""Records in an object of another source: sorted out by their content, and read as what they are.

A delivery stream writes what several rules send it into one object; load balancers of three kinds log into
one folder, and whoever joins files joins forms. The object's source is that of its first records; the others
are set aside as what they are not. What fits another source is read as a record of that one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import msgspec

from tidewaiter.content.recognition import JsonShape, Recognition
from tidewaiter.core.faults import FaultKind, Quarantined
from tidewaiter.core.objects import Chunk, JsonChunk
from tidewaiter.pipeline.sources.codecs.json_values import RAW_LIST, one_line
from tidewaiter.pipeline.sources.codecs.lines import line_reader
from tidewaiter.pipeline.sources.codecs.record_shape import unwrap
from tidewaiter.pipeline.sources.folder.recognizer import Recognizer

_ODD: frozenset[FaultKind] = frozenset({"malformed", "wrong_type", "invalid"})
"""What a record of another source is set aside as; of other kinds the bytes are damaged or not all kept."""


class Strangers:
    """Finds the source of records that were set aside."""

    def __init__(self, recognitions: Mapping[str, Recognition]) -> None:
        self._recognitions = recognitions
        self._recognizer = Recognizer(recognitions)

    def sort(
        self, source: str, quarantined: Sequence[Quarantined]
    ) -> tuple[list[Quarantined], dict[str, list[Quarantined]]]:
        """Return what stays set aside, and what is of other sources than `source`, by these, in its order."""
        stay: list[Quarantined] = []
        found: dict[str, list[Quarantined]] = {}
        for each in quarantined:
            parts = _elements(each) if each.kind in _ODD else []
            theirs = [self._recognizer.source_of(part.raw, other_than=source) for part in parts]
            if not any(theirs):
                stay.append(each)
                continue
            for part, name in zip(parts, theirs, strict=True):
                (found.setdefault(name, []) if name else stay).append(part)
        return stay, found

    def read(self, source: str, records: Sequence[Quarantined]) -> Iterator[Chunk]:
        """Yield records as those of `source`; each has the position at which it stands in its object."""
        recognition = self._recognitions[source]
        if recognition.text is None:
            shape = next(shape for shape in recognition.json if shape.kind == "events")
            yield _json_chunk(shape, records)
            return
        for each in records:
            lines = line_reader(each.object_id, recognition.text)
            lines.number = each.position
            yield from lines.read(each.raw.rstrip(b"\r\n") + b"\n")
            yield from lines.close()


def _elements(each: Quarantined) -> list[Quarantined]:
    """Return a record, or the elements of a list that stands in its place."""
    if each.raw.lstrip()[:1] != b"[":
        return [each]
    try:
        return [replace(each, raw=one_line(raw)) for raw in RAW_LIST.decode(each.raw)]
    except (msgspec.MsgspecError, RecursionError):
        return [each]


def _json_chunk(shape: JsonShape, records: Sequence[Quarantined]) -> JsonChunk:
    raws: list[bytes | msgspec.Raw] = []
    positions: list[int] = []
    aside: list[Quarantined] = []
    for each in records:
        found = _unwrapped(shape, each.raw)
        if found is None:
            aside.append(each)
            continue
        raws += found
        positions += [each.position] * len(found)
    return JsonChunk(raws, positions, quarantined=aside)


def _unwrapped(shape: JsonShape, raw: bytes) -> list[bytes | msgspec.Raw] | None:
    """Return the records that a value is, wraps or lists; None where one cannot be taken out."""
    inner = unwrap(shape, raw)
    if inner.problem:
        return None
    if inner.control:
        return []
    if inner.records is None:
        return [inner.record]
    parts = [_unwrapped(shape, one_line(each)) for each in inner.records]
    return None if None in parts else [record for part in parts for record in part or ()]
