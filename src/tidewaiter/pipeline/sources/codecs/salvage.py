"""Finds the way on after a record that cannot be read, without reading anything twice too often."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import NamedTuple

import msgspec

from tidewaiter.content.recognition import JsonShape
from tidewaiter.pipeline.sources.codecs.feed import Feed
from tidewaiter.pipeline.sources.codecs.json_values import ValueSkipper, Verdict, probe
from tidewaiter.pipeline.sources.codecs.record_shape import fits, members_of

SAMPLE_BYTES = 1 << 16
_OVERLAP = 1 << 12
_PROBE_COST = 1 << 8
_DEEP_COST = 1 << 18
_FREE_WASTE = 16 << 20
_WASTE_PER_BYTE = 8


class Bad(NamedTuple):
    """Bytes that are no record: all of them, or a sample if they are longer than a record may be."""

    raw: bytes
    start: int
    end: int

    @property
    def complete(self) -> bool:
        """Say whether all of them are here."""
        return len(self.raw) == self.end - self.start

    @property
    def where(self) -> str:
        """Say where in the decompressed object they lie, and whether they are all here."""
        sampled = "" if self.complete else f", the first {len(self.raw):,} kept"
        return f"bytes {self.start:,} to {self.end:,}{sampled}"


class Salvage:
    """Leads a feed past bad bytes to the next record.

    The next record begins where an object starts with a member name that a good record has shown, and
    either decodes and has the members of its source, or starts exactly as the good record does and so
    is bad itself. Places that fail this test cost time, so what is spent on them is bounded by a
    multiple of the bytes dealt with.
    """

    def __init__(self, shape: JsonShape, record_bytes: int) -> None:
        self._shape = shape
        self._record_bytes = record_bytes
        self._wasted = 0
        self._model = b""
        self._starts: re.Pattern[bytes] | None = None
        self._same_start: re.Pattern[bytes] | None = None

    def learn(self, record: bytes | msgspec.Raw) -> None:
        """Keep the first good record, to learn from it how records begin if that is ever needed."""
        self._model = self._model or bytes(record)

    def to_next_record(self, feed: Feed) -> Bad:
        """Lead `feed` from a bad record to the next good one, or to the end."""
        seen = _Seen(feed, self._record_bytes)
        tried = feed.pos + 1
        while True:
            outcome, at = self._search(feed, tried)
            if outcome is _Outcome.FOUND:
                return seen.bad(at)
            if feed.eof:
                return seen.bad(len(feed.buffer))
            tried = seen.grow(at)

    def to_index(self, feed: Feed, end: int) -> Bad:
        """Lead `feed` to a place in its buffer."""
        return _Seen(feed, self._record_bytes).bad(end)

    def to_next_line(self, feed: Feed) -> Bad:
        """Lead `feed` to the end of the line."""
        seen = _Seen(feed, self._record_bytes)
        tried = feed.pos
        while True:
            end = feed.buffer.find(b"\n", tried)
            if end >= 0:
                return seen.bad(end)
            if feed.eof:
                return seen.bad(len(feed.buffer))
            tried = seen.grow(len(feed.buffer))

    def past_value(self, feed: Feed) -> tuple[Bad, bool]:
        """Lead `feed` past a value too long or too deep to decode; say whether its end was found."""
        seen = _Seen(feed, self._record_bytes)
        skipper = ValueSkipper()
        at = feed.pos
        while True:
            before = at
            at, ended = skipper.find_end(feed.buffer, at)
            self._wasted += at - before
            if ended:
                return seen.bad(at), True
            if skipper.damaged or feed.eof:
                if seen.whole:
                    return self.to_next_record(feed), feed.left > 0
                return seen.bad(at if skipper.damaged else len(feed.buffer)), skipper.damaged
            at = seen.grow(at)

    def _search(self, feed: Feed, start: int) -> tuple[_Outcome, int]:
        """Look for a record from index `start`; without one, say where to go on with more bytes."""
        if self._starts is None:
            names = tuple(members_of(self._model) or ())
            self._starts = _starts(names)
            self._same_start = _starts(names[:1])
            if len(self._same_start.findall(self._model)) != 1:
                self._same_start = None
        view = memoryview(feed.buffer)
        step = skip = 1
        for found in self._starts.finditer(feed.buffer, start):
            at = found.start()
            skip -= 1
            if skip > 0 or _is_member(feed.buffer, at):
                continue
            if self._wasted > _FREE_WASTE + _WASTE_PER_BYTE * feed.at:
                break
            verdict, length, _ = probe(view[at:])
            if verdict is Verdict.WHOLE and fits(self._shape, view[at : at + length]):
                return _Outcome.FOUND, at
            self._wasted += _PROBE_COST + (_DEEP_COST if verdict is Verdict.DEEP else length)
            if verdict is not Verdict.WHOLE and self._same_start and self._same_start.match(feed.buffer, at):
                return _Outcome.FOUND, at
            if verdict is Verdict.CUT and not feed.eof:
                return _Outcome.NEEDS_MORE, at
            step = 2 * step if verdict is Verdict.DEEP else 1
            skip = step
        return _Outcome.NOTHING, max(start, len(feed.buffer) - _OVERLAP)


class _Outcome(Enum):
    FOUND = auto()
    NEEDS_MORE = auto()
    NOTHING = auto()


def _is_member(data: bytes, at: int) -> bool:
    """Say whether the object at `at` is the value of a member, and so part of the bad record."""
    return data[max(0, at - 256) : at].rstrip().endswith(b":")


class _Seen:
    """Keeps the bytes of a bad record while the feed moves over it: all, or a sample of a long one."""

    def __init__(self, feed: Feed, record_bytes: int) -> None:
        self._feed = feed
        self._record_bytes = record_bytes
        self._start = feed.at
        self._sample = b""

    @property
    def whole(self) -> bool:
        return not self._sample

    def grow(self, at: int) -> int:
        """Read on; return where the byte at index `at` is now."""
        feed = self._feed
        if not self.whole or feed.left > self._record_bytes:
            self._sample = self._sample or feed.buffer[feed.pos : feed.pos + SAMPLE_BYTES]
            feed.pos = at
        at -= feed.pos
        feed.more()
        return at

    def bad(self, end: int) -> Bad:
        feed = self._feed
        raw = self._sample or feed.buffer[feed.pos : end]
        feed.pos = end
        return Bad(raw, self._start, feed.at)


def _starts(names: tuple[str, ...]) -> re.Pattern[bytes]:
    """Return a pattern for the start of an object whose first member has one of the names, or any."""
    any_of = b"|".join(re.escape(name.encode()) for name in names)
    return re.compile(rb'\{\s*"(?:%b)"\s*:' % (any_of or rb'[^"\\]{1,200}'))
