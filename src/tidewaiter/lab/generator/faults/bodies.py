"""What goes wrong with an object: each function damages records and says what should come of it.

What should come of it follows docs/bad-input.md: whole objects have faults, single records are set aside,
everything else is delivered.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tidewaiter.lab.generator.draw import Draw

HUGE = 900_000
DEEP = 100_000


class Record(NamedTuple):
    """A CloudTrail record and its id."""

    id: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Damaged:
    """An object's bytes and what should come of them.

    `kept` are the ids of the events that should be delivered (`lines` counts those of a log without ids),
    `twice` of those that were delivered before;
    `set_aside` and `faults` are kinds of docs/bad-input.md, one per record and one per object.
    """

    data: bytes
    why: str
    kept: tuple[str, ...] = ()
    lines: int = 0
    twice: tuple[str, ...] = ()
    set_aside: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


Body = Callable[[Sequence[Record], Draw], Damaged]


def document(records: Sequence[bytes]) -> bytes:
    """Return the JSON text of a log file."""
    return b'{"Records":[' + b",".join(records) + b"]}"


def packed(text: bytes) -> bytes:
    """Return a gzip file whose bytes depend on the text alone."""
    return gzip.compress(text, compresslevel=6, mtime=0)


def _ids(records: Sequence[Record]) -> tuple[str, ...]:
    return tuple(record.id for record in records)


def _texts(records: Sequence[Record]) -> list[bytes]:
    return [record.data for record in records]


def _with(records: Sequence[Record], bad: bytes, kind: str, why: str) -> Damaged:
    """The middle record replaced by one that cannot be read; the others are kept."""
    middle = len(records) // 2
    texts = _texts(records)
    texts[middle] = bad
    kept = _ids([*records[:middle], *records[middle + 1 :]])
    return Damaged(packed(document(texts)), why, kept, set_aside=(kind,))


def truncated_gzip(records: Sequence[Record], draw: Draw) -> Damaged:
    """A copy that broke off: the gzip stream ends in the middle of a record."""
    del draw
    half = len(records) // 2
    head = b'{"Records":[' + b",".join(_texts(records[:half])) + b","
    stream = zlib.compressobj(6, zlib.DEFLATED, 31)
    data = stream.compress(head + records[half].data[:200]) + stream.flush(zlib.Z_SYNC_FLUSH)
    data += stream.compress(records[half].data[200:] + b"," + b",".join(_texts(records[half + 1 :])))
    data += stream.flush()
    cut = len(data) - (len(data) - len(zlib.compress(head, 6))) // 2
    whole = _whole(data[:cut], records)
    why = "the copy broke off: the gzip stream ends in the middle of a record"
    return Damaged(data[:cut], why, _ids(records[:whole]), set_aside=("truncated",), faults=("truncated",))


def _whole(data: bytes, records: Sequence[Record]) -> int:
    """How many records are whole in what can be unpacked."""
    text = zlib.decompressobj(31).decompress(data)
    return sum(text.endswith(each.data) or each.data + b"," in text for each in records)


def torn_record(records: Sequence[Record], draw: Draw) -> Damaged:
    """A writer that died: the gzip stream is whole, its JSON text ends in the middle of the last record."""
    del draw
    text = b'{"Records":[' + b",".join(_texts(records))
    cut = len(text) - len(records[-1].data) // 2
    why = "the writer stopped: the text ends in the middle of the last record"
    return Damaged(
        packed(text[:cut]), why, _ids(records[:-1]), set_aside=("truncated",), faults=("truncated",)
    )


def malformed_record(records: Sequence[Record], draw: Draw) -> Damaged:
    """One record is not JSON: a value is missing."""
    del draw
    middle = records[len(records) // 2].data
    bad = middle.replace(b'"eventName":"', b'"eventName":,"was":"', 1)
    return _with(records, bad, "malformed", "one record is not JSON: a member has no value")


def wrong_type(records: Sequence[Record], draw: Draw) -> Damaged:
    """One record has a text where the source documents an object."""
    del draw
    middle = records[len(records) // 2].data
    start, end = middle.index(b'"userIdentity":{'), middle.index(b',"eventTime"')
    bad = middle[:start] + b'"userIdentity":"AssumedRole"' + middle[end:]
    return _with(records, bad, "wrong_type", "in one record userIdentity is a text")


def without_time(records: Sequence[Record], draw: Draw) -> Damaged:
    """One record lacks the time that every record has."""
    del draw
    middle = records[len(records) // 2].data
    start = middle.index(b'"eventTime"')
    end = middle.index(b",", start) + 1
    return _with(records, middle[:start] + middle[end:], "invalid", "one record has no eventTime")


def not_utf8(records: Sequence[Record], draw: Draw) -> Damaged:
    """One record has a byte that no UTF-8 text has."""
    del draw
    middle = records[len(records) // 2].data
    bad = middle.replace(b'"userAgent":"', b'"userAgent":"\xff', 1)
    return _with(records, bad, "encoding", "one record has a byte that is not UTF-8")


def too_deep(records: Sequence[Record], draw: Draw) -> Damaged:
    """One record is nested deeper than any decoder goes."""
    del draw
    middle = records[len(records) // 2].data
    start = middle.index(b'"requestParameters":') + len(b'"requestParameters":')
    end = middle.index(b',"responseElements"')
    bad = middle[:start] + b"[" * DEEP + b"]" * DEEP + middle[end:]
    return _with(records, bad, "too_deep", f"one record is nested {DEEP:,} deep")


def huge_record(records: Sequence[Record], draw: Draw) -> Damaged:
    """One record is nearly a megabyte: it is delivered, as far as a row may be long."""
    first = records[0]
    start = first.data.index(b'"requestParameters":') + len(b'"requestParameters":')
    end = first.data.index(b',"responseElements"')
    text = draw.code(1_000).encode() * (HUGE // 1_000)
    data = first.data[:start] + b'{"templateBody":"' + text + b'"}' + first.data[end:]
    texts = [data, *_texts(records[1:])]
    why = f"one record is {len(data):,} bytes long; Sentinel's columns hold 64 KB of it"
    return Damaged(packed(document(texts)), why, _ids(records))


def empty_object(records: Sequence[Record], draw: Draw) -> Damaged:
    """A log file without records."""
    del records, draw
    return Damaged(packed(document([])), "a log file without records")


def two_members(records: Sequence[Record], draw: Draw) -> Damaged:
    """Two gzip members in one object, split inside a record: valid gzip, all of it counts."""
    del draw
    text = document(_texts(records))
    half = len(text) // 2
    why = "two gzip members in one object, which is valid gzip: the text goes on in the second"
    return Damaged(packed(text[:half]) + packed(text[half:]), why, _ids(records))


def twice_in_one(records: Sequence[Record], draw: Draw) -> Damaged:
    """The same record twice in one object."""
    del draw
    text = document([*_texts(records), records[0].data])
    why = "the first record stands in the object a second time"
    return Damaged(packed(text), why, _ids(records), twice=(records[0].id,))


BODIES: dict[str, Body] = {
    "truncated_gzip": truncated_gzip,
    "torn_record": torn_record,
    "malformed_record": malformed_record,
    "wrong_type": wrong_type,
    "without_time": without_time,
    "not_utf8": not_utf8,
    "too_deep": too_deep,
    "huge_record": huge_record,
    "empty_object": empty_object,
    "two_members": two_members,
    "twice_in_one": twice_in_one,
}
"""By kind; each becomes one object of its own records."""
