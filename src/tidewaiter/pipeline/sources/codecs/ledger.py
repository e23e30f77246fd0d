"""The account of one JSON object: every record gets the next position, and is yielded or set aside."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tidewaiter.content.recognition import JsonShape
from tidewaiter.core.faults import Fault, FaultKind, Quarantined
from tidewaiter.core.objects import JsonChunk
from tidewaiter.pipeline.sources.codecs.feed import Feed, is_utf8
from tidewaiter.pipeline.sources.codecs.json_values import one_line
from tidewaiter.pipeline.sources.codecs.record_shape import is_wrapped, unwrap
from tidewaiter.pipeline.sources.codecs.salvage import Bad

_FULL_BYTES = 1 << 20
_FULL_COUNT = 1000
FETCH_AGAIN = "fetch the object again; what could be read of it is kept"


class Ledger:
    """Numbers records and gathers what was read one by one, until it is enough for a chunk."""

    def __init__(self, object_id: str, shape: JsonShape, feed: Feed, record_bytes: int) -> None:
        self.count = 0
        self._id = object_id
        self._shape = shape
        self._feed = feed
        self._record_bytes = record_bytes
        self._clear()

    @property
    def pending(self) -> bool:
        """Say whether something waits to be handed on."""
        return bool(self._positions or self._quarantined or self._faults)

    @property
    def full(self) -> bool:
        """Say whether what waits is enough for a chunk."""
        return self._size > _FULL_BYTES or len(self._quarantined) + len(self._positions) > _FULL_COUNT

    def add(self, raw: bytes | msgspec.Raw) -> None:
        """Add one sound value, without its wrapping."""
        data = bytes(raw)
        if not is_utf8(data):
            self.quarantine("encoding", "holds bytes that are not UTF-8", data)
            return
        inner = unwrap(self._shape, raw) if self._shape.wrappers else None
        if inner and inner.control:
            return
        if inner and inner.problem:
            self.quarantine(inner.problem, inner.reason, data)
            return
        if inner and inner.records is not None:
            for record in inner.records:
                self.add(one_line(record))
            return
        self._records.append(inner.record if inner else raw)
        self._positions.append(self.count)
        self._size += len(data)
        self.count += 1

    def quarantine(self, kind: FaultKind, reason: str, raw: bytes) -> None:
        """Set one record aside."""
        self._quarantined.append(Quarantined(self._id, self.count, kind, reason, raw))
        self._size += len(raw)
        self.count += 1

    def set_aside(self, kind: FaultKind, reason: str, bad: Bad) -> None:
        """Set aside bytes that are no record, with a fault where they are too long to be kept."""
        self.quarantine(kind, f"{reason}; {bad.where}", bad.raw)
        if kind == "over_limit":
            text = f"a record is longer than {self._record_bytes:,} bytes; {bad.where}"
            hint = "raise the limit for records if it is genuine"
            self._faults.append(Fault(self._id, "over_limit", text, hint, self.count - 1))

    def truncated(self, message: str) -> None:
        """Note that the object ends too early, unless the feed has said so."""
        if not self._feed.cut:
            self._faults.append(Fault(self._id, "truncated", message, FETCH_AGAIN))

    def close(self) -> JsonChunk:
        """Return the last chunk, with the faults of the feed."""
        self._faults.extend(self._feed.take_faults())
        return self.chunk()

    def chunk(self) -> JsonChunk:
        """Hand on what waits."""
        chunk = JsonChunk(
            self._records, self._positions, self._feed.take_count(), self._faults, self._quarantined
        )
        self._clear()
        return chunk

    def bulk(self, raws: Sequence[msgspec.Raw], *, utf8: bool) -> JsonChunk:
        """Hand on many sound values at once; without work on each unless they need some."""
        if utf8 and not (raws and is_wrapped(self._shape, raws[0])):
            first = self.count
            self.count += len(raws)
            return JsonChunk(raws, range(first, self.count), self._feed.take_count())
        for raw in raws:
            self.add(raw)
        return self.chunk()

    def _clear(self) -> None:
        self._records: list[bytes | msgspec.Raw] = []
        self._positions: list[int] = []
        self._quarantined: list[Quarantined] = []
        self._faults: list[Fault] = []
        self._size = 0
