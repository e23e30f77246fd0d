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
from msgspec.structs import replace

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


class Packer:
    """Packs rows of one table as they come, and holds less than two batches of them.

    `cuts` names the rows that had to be cut; their `place` counts all rows that were added. With `copies`
    they are second rows of events (`core.outbox.Span`).
    """

    def __init__(
        self,
        table: str,
        *,
        copies: bool = False,
        pointer: Pointer = archive_pointer,
        limit: int = LIMIT,
        field_limit: int = FIELD_LIMIT,
    ) -> None:
        if limit < LEAST_LIMIT:
            raise ValueError(f"a batch holds at least {LEAST_LIMIT} bytes, not {limit}")
        self.table = table
        self.copies = copies
        self.pointer = pointer
        self.limit = limit
        self.field_limit = field_limit
        self.cuts: list[Cut] = []
        self._first = 0
        self._size = 0
        self._rows: list[bytes] = []
        self._billed: list[int] = []
        self._spans: list[Span] = []

    def add(
        self, rows: Sequence[bytes], origin: Origin, *, billed: Sequence[int], ids: Sequence[str]
    ) -> list[OutboxBatch]:
        """Take rows of one object (all sequences aligned); return the batches that are full with them.

        Raises:
            msgspec.DecodeError: a row over `field_limit` is no JSON object.
        """
        if not rows:
            return []
        made = self.close() if self._spans and self._spans[-1].source != origin.source else []
        if max(map(len, rows)) > min(self.limit - 2, self.field_limit):
            rows, billed = self._fitted(rows, origin, billed, ids)
        self._rows += rows
        self._billed += billed
        self._size += sum(map(len, rows)) + len(rows)
        _append(self._spans, Span(origin.source, origin.object_id, origin.digest, len(rows), self.copies))
        return made + self._batches(whole=False) if self._size >= self.limit else made

    @property
    def added(self) -> int:
        """How many rows were added so far: the place of the next one."""
        return self._first + len(self._rows)

    @property
    def held(self) -> int:
        """Bytes of the rows that wait for others."""
        return self._size

    def close(self) -> list[OutboxBatch]:
        """Return what is left, as batches."""
        return self._batches(whole=True)

    def _fitted(
        self, rows: Sequence[bytes], origin: Origin, billed: Sequence[int], ids: Sequence[str]
    ) -> tuple[list[bytes], list[int]]:
        fitting, sizes, first = list(rows), list(billed), self.added
        for place, row in enumerate(fitting):
            if not fits(row, self.limit - 2, self.field_limit):
                self.cuts.append(Cut(first + place, ids[place], origin, len(row)))
                where = self.pointer(ids[place], origin)
                fitting[place] = fitted(row, self.limit - 2, where, self.field_limit)
                sizes[place] = billed_size(fitting[place])
        return fitting, sizes

    def _batches(self, *, whole: bool) -> list[OutboxBatch]:
        """Return what is held, as full as batches can be; but for the last unless `whole`."""
        ends = list(_ends(self._rows, self.limit))
        made = []
        start = 0
        for end in ends if whole else ends[:-1]:
            rows, billed = self._rows[start:end], sum(self._billed[start:end])
            spans = _slice(self._spans, start, end)
            made.append(_batch(self.table, rows, billed, spans, seed=str(self._first + start)))
            start = end
        self._spans = _slice(self._spans, start, len(self._rows))
        del self._rows[:start], self._billed[:start]
        self._size = sum(map(len, self._rows)) + len(self._rows)
        self._first += start
        return made


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
    packer = Packer(table, pointer=pointer, limit=limit, field_limit=field_limit)
    batches: list[OutboxBatch] = []
    start = 0
    for _, group in groupby(origins, key=id):
        same = list(group)
        end = start + len(same)
        batches += packer.add(rows[start:end], same[0], billed=billed[start:end], ids=ids[start:end])
        start = end
    return Packed((*batches, *packer.close()), tuple(packer.cuts))


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


class _Ids(msgspec.Struct):
    EventOriginalUid: str = ""
    AwsEventId: str = ""
    EventDataId: str = ""
    Id: str = ""
    AlertId: str = ""


_ids = msgspec.json.Decoder(_Ids).decode


def event_id(row: bytes) -> str:
    """Return the id by which people find a row: of its event, finding or alert; "" where it has none."""
    found = _ids(row)
    return found.EventOriginalUid or found.AwsEventId or found.EventDataId or found.Id or found.AlertId


def _batch(
    table: str, rows: Sequence[bytes], billed: int, spans: Sequence[Span], *, seed: str
) -> OutboxBatch:
    """Make a batch; `seed` and the spans keep batches apart whose rows are equal."""
    array = b"[" + b",".join(rows) + b"]"
    digest = sha256(msgspec.json.encode((table, seed, spans)))
    digest.update(array)
    body = igzip.compress(array, _LEVEL, mtime=0)
    return OutboxBatch(digest.hexdigest()[:32], table, len(rows), len(array), billed, body, tuple(spans))


def _append(spans: list[Span], span: Span) -> None:
    if spans and _is_same(spans[-1], span):
        span = replace(span, rows=spans.pop().rows + span.rows)
    spans.append(span)


def _is_same(one: Span, other: Span) -> bool:
    return (one.source, one.object_id, one.digest) == (other.source, other.object_id, other.digest)


def _slice(spans: Sequence[Span], start: int, end: int) -> list[Span]:
    """Return the spans of the rows from `start` to `end`."""
    found = []
    at = 0
    for span in spans:
        rows = min(end, at + span.rows) - max(start, at)
        if rows > 0:
            found.append(replace(span, rows=rows))
        at += span.rows
    return found


def _ends(rows: Sequence[bytes], limit: int) -> Iterator[int]:
    """Yield where batches end that are as full as they can be."""
    sums = list(accumulate(len(row) + 1 for row in rows))
    end = 0
    while end < len(rows):
        before = sums[end - 1] if end else 0
        end = bisect_right(sums, before + limit - 1)
        yield end
