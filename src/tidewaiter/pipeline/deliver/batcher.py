"""Rows of a table become request bodies for the Logs Ingestion API, and too large ones become smaller.

Pure: the same rows make the same batches, byte for byte. The official SDK's chunker counts without the
separators and sends a row over the limit as it is (measured: bodies of 1,225,188 bytes; facts/azure.md).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate, groupby, pairwise
from typing import Protocol

import msgspec
from isal import igzip, isal_zlib

from tidewaiter.core.billing import billed_size
from tidewaiter.core.outbox import OutboxBatch, Span
from tidewaiter.pipeline.deliver.fitting import FIELD_LIMIT, LEAST_LIMIT, fits, fitted

LIMIT = 1_000_000
"""Bytes of a request's JSON array. "1 MB" (Azure Monitor service limits, Microsoft, 2025-08), taken as the
smaller of its two meanings. Gzip adds at most about 100 bytes to what it cannot compress."""
_LEVEL = 1

_split_rows = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Origin(Protocol):
    """One version of a source object; a `state.Claim` is one."""

    @property
    def source(self) -> str:
        """Return the id of the source."""

    @property
    def object_id(self) -> str:
        """Return the object's id; "" for rows that no object brought."""

    @property
    def digest(self) -> str:
        """Return the digest of the object's bytes."""


Pointer = Callable[[str, Origin], str]
"""(event id, origin) -> where the archive has the whole record."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A row that is not sent whole: the archive must have its record. `bytes` is what the whole row had."""

    place: int
    event_id: str
    origin: Origin
    bytes: int


@dataclass(frozen=True, slots=True)
class Packed:
    """Batches in the order of their rows, and the rows that had to be cut."""

    batches: tuple[OutboxBatch, ...]
    cuts: tuple[Cut, ...]


def archive_pointer(event_id: str, origin: Origin) -> str:
    """Return the archive's name for a record, as text: source, event id, object and its digest."""
    return f"source={origin.source} event_id={event_id} object={origin.object_id} digest={origin.digest}"


def pack(
    table: str,
    rows: Sequence[bytes],
    *,
    billed: Sequence[int],
    ids: Sequence[str],
    origins: Sequence[Origin],
    pointer: Pointer = archive_pointer,
    limit: int = LIMIT,
    field_limit: int = FIELD_LIMIT,
) -> Packed:
    """Pack rows of one table into as few batches as their order allows.

    All sequences are aligned; `billed` is in bytes. A batch's array `[row,row]` has at most `limit` bytes
    and its rows are of one source: give the rows of a source together. A row over the limit, or with a field
    over `field_limit` bytes, is cut (`fitting`) and named in `cuts`.

    Raises:
        ValueError: the limit is below 1,000 bytes.
        msgspec.DecodeError: a row over `field_limit` is no JSON object.
    """
    if limit < LEAST_LIMIT:
        raise ValueError(f"a batch holds at least {LEAST_LIMIT} bytes, not {limit}")
    cuts: list[Cut] = []
    longest = max(map(len, rows), default=0)
    if longest > min(limit - 2, field_limit):
        rows, billed = list(rows), list(billed)
        for place, row in enumerate(rows):
            if not fits(row, limit - 2, field_limit):
                where = pointer(ids[place], origins[place])
                cuts.append(Cut(place, ids[place], origins[place], len(row)))
                rows[place] = fitted(row, limit - 2, where, field_limit)
                billed[place] = billed_size(rows[place])
    made = [
        _batch(table, rows[start:end], sum(billed[start:end]), spans, seed=str(start))
        for start, end, spans in _pieces(rows, _spans(origins), limit)
    ]
    return Packed(tuple(made), tuple(cuts))


def halve(batch: OutboxBatch) -> list[OutboxBatch]:
    """Return two batches with the first and the second half of the rows.

    Raises:
        ValueError: it has one row only.
    """
    if batch.rows < 2:
        raise ValueError("a batch of one row has no halves")
    return divide(batch, [batch.rows // 2])


def divide(batch: OutboxBatch, places: Sequence[int]) -> list[OutboxBatch]:
    """Return the batch in parts that begin at row 0 and at each of `places` (ascending, within the rows)."""
    rows = rows_of(batch)
    made = []
    for start, end in pairwise([0, *places, len(rows)]):
        part, spans = rows[start:end], _slice(batch.spans, start, end)
        billed = sum(map(billed_size, part))
        made.append(_batch(batch.table, part, billed, spans, seed=f"{batch.batch_id} {start}"))
    return made


def shortened(batch: OutboxBatch, limit: int, pointer: Pointer = archive_pointer) -> OutboxBatch:
    """Return a batch of one row with its row cut to `limit` bytes: the service found it too large still.

    Raises:
        ValueError: it has more rows than one.
    """
    (row,) = rows_of(batch)
    where = pointer(event_id(row), batch.spans[0])
    row = fitted(row, limit - 2, where)
    return _batch(batch.table, [row], billed_size(row), batch.spans, seed=batch.batch_id)


def rows_of(batch: OutboxBatch) -> list[bytes]:
    """Return the rows of a batch, each a JSON object."""
    return [bytes(row) for row in _split_rows(isal_zlib.decompress(batch.body, 31))]


class _Id(msgspec.Struct):
    EventOriginalUid: str = ""


def event_id(row: bytes) -> str:
    """Return the id of the event that a row tells of; "" where it has none."""
    return msgspec.json.decode(row, type=_Id).EventOriginalUid


def _batch(
    table: str, rows: Sequence[bytes], billed: int, spans: Sequence[Span], *, seed: str
) -> OutboxBatch:
    """Make a batch; `seed` and the spans keep batches apart whose rows are equal."""
    array = b"[" + b",".join(rows) + b"]"
    digest = sha256(msgspec.json.encode((table, seed, spans)))
    digest.update(array)
    body = igzip.compress(array, _LEVEL, mtime=0)
    return OutboxBatch(digest.hexdigest()[:32], table, len(rows), len(array), billed, body, tuple(spans))


def _spans(origins: Sequence[Origin]) -> list[Span]:
    spans: list[Span] = []
    for _, group in groupby(origins, key=id):
        same = list(group)
        span = Span(same[0].source, same[0].object_id, same[0].digest, len(same))
        if spans and _is_same(spans[-1], span):
            span = Span(span.source, span.object_id, span.digest, spans.pop().rows + span.rows)
        spans.append(span)
    return spans


def _is_same(one: Span, other: Span) -> bool:
    return (one.source, one.object_id, one.digest) == (other.source, other.object_id, other.digest)


def _slice(spans: Sequence[Span], start: int, end: int) -> list[Span]:
    """Return the spans of the rows from `start` to `end`."""
    found = []
    at = 0
    for span in spans:
        rows = min(end, at + span.rows) - max(start, at)
        if rows > 0:
            found.append(Span(span.source, span.object_id, span.digest, rows))
        at += span.rows
    return found


def _pieces(
    rows: Sequence[bytes], spans: Sequence[Span], limit: int
) -> Iterator[tuple[int, int, list[Span]]]:
    """Yield where batches begin and end, and their spans: as full as they can be, of one source each."""
    ends = list(accumulate(len(row) + 1 for row in rows))
    first = 0
    for _, group in groupby(spans, key=lambda span: span.source):
        own = list(group)
        start, stop = first, first + sum(span.rows for span in own)
        while start < stop:
            before = ends[start - 1] if start else 0
            end = min(stop, bisect_right(ends, before + limit - 1))
            yield start, end, _slice(own, start - first, end - first)
            start = end
        first = stop
