"""Records in an object of another source: sorted out by their content, and read as what they are.

A delivery stream writes what several rules send it into one object; load balancers of three kinds log into
one folder, and whoever joins files joins forms. The object's source is that of its first records; the others
are set aside as what they are not. What fits another source is read as a record of that one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import msgspec

from tidewaiter.content.recognition import JsonShape, Recognition, TextShape
from tidewaiter.core.faults import FaultKind, Quarantined
from tidewaiter.core.objects import Chunk, JsonChunk, TextChunk
from tidewaiter.pipeline.sources.codecs.json_values import MEMBERS, RAW_LIST, one_line
from tidewaiter.pipeline.sources.codecs.lines import line_reader
from tidewaiter.pipeline.sources.codecs.record_shape import unwrap
from tidewaiter.pipeline.sources.folder.recognizer import Recognizer

PART = 1 << 40
"""The n-th of several records that one place of an object holds has the place's number and n times this."""

_ODD: frozenset[FaultKind] = frozenset({"malformed", "wrong_type", "invalid"})
"""What a record of another source is set aside as; of other kinds the bytes are damaged or not all kept."""

_NESTING = 3
"""How many lists of records may lie in each other."""


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
            theirs = [self._source_of(part.raw, source) for part in parts]
            for part, name in zip(parts, theirs, strict=True):
                if name:
                    found.setdefault(name, []).append(part)
            left = [part.raw for part, name in zip(parts, theirs, strict=True) if not name]
            if left or not parts:
                whole = len(left) == len(parts)
                stay.append(each if whole else replace(each, raw=b"[" + b",".join(left) + b"]"))
        return stay, found

    def _source_of(self, raw: bytes, source: str) -> str | None:
        found = self._recognizer.source_of(raw, other_than=source)
        if found is None or raw.lstrip()[:1] != b"{":
            return found
        # What is no JSON to its end is nobody's, and a source of lines has its lines as they are.
        return found if self._recognitions[found].text is None and _is_json(raw) else None

    def read(self, source: str, records: Sequence[Quarantined]) -> Iterator[Chunk]:
        """Yield records as those of `source`; each has the position at which it stands in its object."""
        recognition = self._recognitions[source]
        if recognition.text:
            yield from _text_chunks(recognition.text, records)
            return
        shape = next(shape for shape in recognition.json if shape.kind == "events")
        yield _json_chunk(shape, records)


def _is_json(raw: bytes) -> bool:
    try:
        MEMBERS.decode(one_line(raw))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    return True


def _elements(each: Quarantined) -> list[Quarantined]:
    """Return a record, or the elements of a list that stands in its place."""
    if each.raw.lstrip()[:1] != b"[":
        return [each]
    try:
        raws = [one_line(raw) for raw in RAW_LIST.decode(each.raw)]
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return [each]
    return [replace(each, raw=raw) for raw in raws]


def _text_chunks(shape: TextShape, records: Sequence[Quarantined]) -> Iterator[TextChunk]:
    """Yield lines, all of them together: a plan takes as long for one as for a hundred."""
    at = [each.position for each in records]
    lines = line_reader(records[0].object_id, shape)
    body = b"".join(each.raw.strip().replace(b"\n", b" ") + b"\n" for each in records)
    for chunk in (*lines.read(body), *lines.close()):
        count = chunk.body.count(b"\n")
        chunk.numbers = tuple(at[chunk.first_line : chunk.first_line + count])
        chunk.quarantined = [replace(bad, position=at[bad.position]) for bad in chunk.quarantined]
        yield chunk


def _json_chunk(shape: JsonShape, records: Sequence[Quarantined]) -> JsonChunk:
    raws: list[bytes | msgspec.Raw] = []
    positions: list[int] = []
    aside: list[Quarantined] = []
    held: Counter[int] = Counter()
    for each in records:
        found = _unwrapped(shape, each.raw, _NESTING)
        at = [each.position + (held[each.position] + n) * PART for n in range(len(found or (each,)))]
        held[each.position] += len(at)
        if found is None:
            aside.append(replace(each, position=at[0]))
            continue
        raws += found
        positions += at[: len(found)]
    return JsonChunk(raws, positions, quarantined=aside)


def _unwrapped(shape: JsonShape, raw: bytes, nesting: int) -> list[bytes | msgspec.Raw] | None:
    """Return the records that a value is, wraps or lists; None where one cannot be taken out."""
    inner = unwrap(shape, raw)
    if inner.problem:
        return None
    if inner.control:
        return []
    if inner.records is None:
        return [inner.record]
    if not nesting:
        return None
    try:
        parts = [_unwrapped(shape, one_line(each), nesting - 1) for each in inner.records]
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return None if None in parts else [record for part in parts for record in part or ()]
