"""Delimited text objects: lines of fields, named by a header line, by the source's default, or by Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import msgspec

from tidewaiter.content.recognition import MESSAGE, JsonShape, Recognition, TextShape
from tidewaiter.core.faults import Fault, Quarantined
from tidewaiter.core.objects import JsonChunk, SourceObject, TextChunk
from tidewaiter.pipeline.sources.codecs.feed import Feed, utf16_fault
from tidewaiter.pipeline.sources.codecs.inflate import Limits
from tidewaiter.pipeline.sources.codecs.json_records import JSON_WINDOW_BYTES, JsonReader
from tidewaiter.pipeline.sources.codecs.json_values import BOM, TEXT, UTF16_BOMS, skip_space
from tidewaiter.pipeline.sources.codecs.lines import LineReader, line_reader
from tidewaiter.pipeline.sources.codecs.named_lines import fields_of, values_of
from tidewaiter.pipeline.sources.codecs.parquet_lines import NO_VALUE, PARQUET_MAGIC, read_parquet
from tidewaiter.pipeline.sources.codecs.quoted_lines import CELL
from tidewaiter.pipeline.sources.codecs.record_shape import CONTROL_MESSAGE
from tidewaiter.pipeline.sources.codecs.salvage import SAMPLE_BYTES

RAW_MEMBER = "_raw"
"""The member that holds the line as it was, in Splunk's and Cribl's JSON exports."""

LINE_MEMBERS = (RAW_MEMBER, MESSAGE)
"""The members that may hold a line, the last one in CloudWatch Logs' documents."""

_OWN_MEMBERS = 50
"""How many members that are no fields of the source the records of a chunk have at most, or one alone."""

_NAMES = " or ".join(LINE_MEMBERS)
_WRAPPED_LINE = JsonShape(kind="events", members=(RAW_MEMBER,), or_members=((MESSAGE,),))
_WRAPPER = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_text(obj: SourceObject, recognition: Recognition, limits: Limits) -> Iterator[TextChunk]:
    """Yield the lines of a delimited text object, in order, with what is wrong with it.

    A header line names the fields of the lines after it, wherever it stands; lines before any header
    have the source's default fields. Positions are line numbers from 0; headers and blank lines have
    a number too but are no records. JSON whose records hold a line each (`_raw`, `message`) is read as those
    lines, and Parquet as the lines that its rows would be. A JSON record with a member for each field stays
    what it is, with its values in `cells`.
    Every chunk's `body` consists of whole lines, each ending in a line feed, without carriage returns.
    """
    if recognition.text is None:
        raise TypeError(f"{obj.source} is read as delimited text but has no text shape")
    lines = line_reader(obj.id, recognition.text)
    feed = Feed(obj.path, obj.id, window=limits.window_bytes, limit=limits.object_bytes)
    while feed.left < len(BOM) and feed.more():
        pass
    if feed.buffer.startswith(PARQUET_MAGIC[: len(BOM)]) and _begins_parquet(feed):
        yield from read_parquet(obj, recognition.text, limits)
        return
    if feed.buffer.startswith(UTF16_BOMS):
        lines.fault(utf16_fault(obj.id))
        yield from lines.close(feed.take_count())
        return
    if feed.buffer.startswith(BOM):
        feed.pos = len(BOM)
    first = skip_space(feed.buffer, feed.pos)
    if feed.buffer[first : first + 1] in (b"[", b"{"):
        window = min(limits.window_bytes, JSON_WINDOW_BYTES)
        feed = Feed(obj.path, obj.id, window=window, limit=limits.object_bytes)
        records = JsonReader(obj.id, _WRAPPED_LINE, feed, limits.record_bytes)
        for chunk in records.chunks():
            yield from _wrapped_lines(lines, chunk, recognition.text)
    else:
        yield from _plain_lines(lines, feed, obj.id, limits.record_bytes)
    yield from lines.close()


def _begins_parquet(feed: Feed) -> bool:
    while feed.left < len(PARQUET_MAGIC) and feed.more():
        pass
    return feed.buffer.startswith(PARQUET_MAGIC)


def _plain_lines(lines: LineReader, feed: Feed, object_id: str, record_bytes: int) -> Iterator[TextChunk]:
    while True:
        end = feed.buffer.rfind(b"\n", feed.pos) + 1
        if end:
            body = feed.buffer[feed.pos : end]
            feed.pos = end
            yield from lines.read(body, feed.take_count())
        if feed.left > record_bytes:
            _pass_long_line(lines, feed, object_id)
        elif not feed.more():
            break
    if feed.left:
        yield from lines.read_last(feed.buffer[feed.pos :], cut=feed.cut)
    for fault in feed.take_faults():
        lines.fault(fault)
    yield from lines.close(feed.take_count())


def _pass_long_line(lines: LineReader, feed: Feed, object_id: str) -> None:
    sample, start = feed.buffer[feed.pos : feed.pos + SAMPLE_BYTES], feed.at
    end = -1
    while end < 0:
        feed.pos = len(feed.buffer)
        if not feed.more():
            break
        end = feed.buffer.find(b"\n")
        feed.pos = end + 1
    where = f"bytes {start:,} to {feed.at:,}"
    text = f"a line is longer than a record may be; {where}"
    hint = "raise the limit for records if it is genuine"
    lines.fault(Fault(object_id, "over_limit", text, hint, lines.number))
    lines.set_aside("over_limit", f"longer than a record may be; {where}, the first kept", sample)


@dataclass(frozen=True, slots=True)
class _Named:
    """A record with a member for each field: its bytes, which fields of the source it has, and all values."""

    record: bytes
    known: frozenset[str]
    values: dict[str, str]


def _wrapped_lines(lines: LineReader, chunk: JsonChunk, shape: TextShape) -> Iterator[TextChunk]:
    """Read the lines that a chunk of a shipper's records holds, and the records that are lines elsewhere."""
    for fault in chunk.faults:
        lines.fault(fault)
    yield from lines.read(b"", chunk.raw_bytes)
    bad = {record.position: record for record in chunk.quarantined}
    good = dict(zip(chunk.positions, chunk.records, strict=True))
    found = (bad.get(place) or _line_of(bytes(good[place]), shape) for place in sorted({*good, *bad}))
    for _, run in groupby((each for each in found if each is not None), _together):
        yield from _read_run(lines, list(run))


def _together(found: _Found) -> frozenset[str] | type:
    """What follows each other with the same of this is read at once."""
    return found.known if isinstance(found, _Named) else type(found)


def _read_run(lines: LineReader, run: list[_Found]) -> Iterator[TextChunk]:
    named = [each for each in run if isinstance(each, _Named)]
    if named:
        yield from _read_named(lines, named)
    yield from lines.read(b"".join(each for each in run if isinstance(each, bytes)))
    for each in run:
        if isinstance(each, Quarantined):
            lines.set_aside(each.kind, each.reason, each.raw)


def _read_named(lines: LineReader, run: list[_Named]) -> Iterator[TextChunk]:
    """Read records with the same fields of the source, whatever members of their own each has.

    One chunk has the members of all: a plan for each record's own took 20 times as long.
    """
    start = 0
    fields: dict[str, None] = {}
    for end, each in enumerate(run):
        wider = fields | dict.fromkeys(each.values)
        if end > start and len(wider) > len(each.known) + _OWN_MEMBERS:
            yield _named_chunk(lines, run[start:end], tuple(fields))
            start, wider = end, dict.fromkeys(each.values)
        fields = wider
    yield _named_chunk(lines, run[start:], tuple(fields))


def _named_chunk(lines: LineReader, run: list[_Named], fields: tuple[str, ...]) -> TextChunk:
    cells = [CELL.join(each.values.get(field, NO_VALUE) for field in fields) for each in run]
    return lines.records([each.record for each in run], cells, fields, CELL)


def _line_of(record: bytes, shape: TextShape) -> _Found | None:
    """Return the line of a shipper's record, or its values; None for CloudWatch Logs' own message."""
    try:
        members = _WRAPPER.decode(record)
        name = next((name for name in LINE_MEMBERS if name in members), None)
        if name is None:
            return _named(record, members, shape)
        line = TEXT.decode(members[name])
    except msgspec.DecodeError as error:
        return Quarantined("", 0, "wrong_type", f"a record without a line in {_NAMES}: {error}", record)
    if line.startswith(CONTROL_MESSAGE):
        return None
    return line.rstrip("\r\n").encode() + b"\n"


def _named(record: bytes, members: dict[str, msgspec.Raw], shape: TextShape) -> _Named | Quarantined:
    """Return the values of a record with a member for each field."""
    fields = fields_of(members, shape)
    if fields is None:
        reason = f"a record without a line in {_NAMES}, whose members are not the fields of a line"
        return Quarantined("", 0, "wrong_type", reason, record)
    try:
        known = frozenset(shape.fields).intersection(fields.values())
        return _Named(record, known, values_of(members, fields, shape))
    except TypeError as error:
        return Quarantined("", 0, "wrong_type", str(error), record)
    except (ValueError, RecursionError) as error:
        return Quarantined("", 0, "malformed", str(error), record)


_Found = bytes | _Named | Quarantined
