"""JSON objects: one list of records, or one record after another, in whatever wrapping."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum, auto

import msgspec

from tidewaiter.content.recognition import JsonShape, Recognition
from tidewaiter.core.faults import FaultKind
from tidewaiter.core.objects import JsonChunk, SourceObject
from tidewaiter.pipeline.sources.codecs import json_layout as layout
from tidewaiter.pipeline.sources.codecs.envelopes import Envelopes, Path
from tidewaiter.pipeline.sources.codecs.feed import Feed, is_utf8, utf16_fault
from tidewaiter.pipeline.sources.codecs.inflate import Limits
from tidewaiter.pipeline.sources.codecs.json_values import (
    BOM,
    RAW,
    RAW_LIST,
    SPACE,
    UTF16_BOMS,
    ValueSkipper,
    Verdict,
    failed_at,
    is_one_line,
    next_key,
    one_line,
    probe,
    scalar_end,
    skip_filler,
    skip_space,
)
from tidewaiter.pipeline.sources.codecs.ledger import Ledger
from tidewaiter.pipeline.sources.codecs.parquet_json import read_parquet_json
from tidewaiter.pipeline.sources.codecs.parquet_lines import PARQUET_MAGIC
from tidewaiter.pipeline.sources.codecs.record_shape import fits
from tidewaiter.pipeline.sources.codecs.salvage import SAMPLE_BYTES, Bad, Salvage

JSON_WINDOW_BYTES = 1 << 20
"""Upper bound of a JSON window: msgspec makes an object per element, and `0,0,0,…` has many."""

_CAREFUL_BYTES = 1 << 16
"""How far to go record by record after a damaged one before trying whole windows again."""

_KEY_BYTES = 1 << 16


def read_json(obj: SourceObject, recognition: Recognition, limits: Limits) -> Iterator[JsonChunk]:
    """Yield the records of a JSON object, in order, with what is wrong with it.

    The object may be a document with the records in a member that the recognition names (`envelopes`),
    an array, or values one after another: NDJSON, pretty-printed or run together; documents and arrays
    may follow each other too. It may also be Parquet, each row a record. Positions count the records from
    0; every one is yielded or quarantined.
    """
    shape = next(shape for shape in recognition.json if shape.kind == obj.kind)
    window = min(limits.window_bytes, JSON_WINDOW_BYTES)
    feed = Feed(obj.path, obj.id, window=window, limit=limits.object_bytes)
    while feed.left < len(PARQUET_MAGIC) and feed.more():
        pass
    if feed.buffer.startswith(PARQUET_MAGIC):
        return read_parquet_json(obj, limits)
    return JsonReader(obj.id, shape, feed, limits.record_bytes).chunks()


class _Place(Enum):
    OUTSIDE = auto()  # between values that follow each other
    DOCUMENT = auto()  # between members of a document that holds lists of records
    LIST = auto()  # between elements of a list of records


class JsonReader:
    """Reads records window by window where they are sound, one by one around what is not."""

    def __init__(self, object_id: str, shape: JsonShape, feed: Feed, record_bytes: int) -> None:
        self._id = object_id
        self._feed = feed
        self._shape = shape
        self._record_bytes = record_bytes
        self._ledger = Ledger(object_id, shape, feed, record_bytes)
        self._salvage = Salvage(shape, record_bytes)
        self._envelopes = Envelopes(shape.envelopes)
        forms = (*shape.forms, *(form.members for form in shape.other_forms))
        names = (*(name for form in forms for name in form), *shape.wrappers)
        self._own_names = frozenset(name.encode() for name in names)
        self._place = _Place.OUTSIDE
        self._path: Path = ()  # of the object in the document that is looked through
        self._depth = 0  # how many objects lie around the list
        self._lines = False
        self._separator = b""
        self._careful_until = 0

    def chunks(self) -> Iterator[JsonChunk]:
        """Yield the records of the whole feed."""
        feed, ledger = self._feed, self._ledger
        while feed.left < len(BOM) and feed.more():
            pass
        if feed.buffer.startswith(UTF16_BOMS):
            yield JsonChunk((), (), feed.take_count(), [utf16_fault(self._id)])
            return
        if feed.left and BOM.startswith(feed.buffer) and feed.buffer != BOM:
            feed.pos = len(feed.buffer)
            ledger.truncated("ends within its byte order mark")
        while self._find_value():
            if self._step_in_or_out():
                continue
            bulk = self._bulk()
            if bulk is None:
                self._one()
            if ledger.full or (bulk and ledger.pending):
                yield ledger.chunk()
            if bulk:
                self._salvage.learn(bulk[0][0])
                yield ledger.bulk(bulk[0], utf8=bulk[1])
        if self._place is not _Place.OUTSIDE:
            ledger.truncated("ends before its closing bracket")
        last = ledger.close()
        if last.records or last.faults or last.quarantined or last.raw_bytes:
            yield last

    # Containers

    def _find_value(self) -> bool:
        """Go to the next byte that means something; False at the end."""
        feed = self._feed
        while True:
            feed.pos = skip_filler(feed.buffer, feed.pos)
            if self._place is _Place.OUTSIDE and feed.buffer.startswith(BOM, feed.pos):
                feed.pos += len(BOM)
            elif feed.left:
                return True
            elif not feed.more():
                return False

    def _step_in_or_out(self) -> bool:
        """Enter or leave a document or list if one begins or ends here."""
        feed = self._feed
        byte = feed.buffer[feed.pos]
        if self._place is _Place.DOCUMENT:
            self._pass_member(byte)
            return True
        if self._place is _Place.LIST:
            if byte != 0x5D:
                return False
            self._place = _Place.DOCUMENT if self._depth else _Place.OUTSIDE
        elif byte == 0x5B and not (self._lines and layout.is_cut_line(feed.buffer, feed.pos)):
            self._place, self._depth = _Place.LIST, 0
        elif byte == 0x7B and self._is_document():
            self._place, self._path = _Place.DOCUMENT, ()
        else:
            return False
        feed.pos += 1
        return True

    def _is_document(self) -> bool:
        """Say whether the object here has a list of records as a member, and so is no record itself."""
        feed = self._feed
        while (found := self._envelopes.found_in(feed.buffer, feed.pos, self._own_names)) is None:
            if feed.left > JSON_WINDOW_BYTES or not feed.more():
                return False
        return found

    def _pass_member(self, byte: int) -> None:
        """Within a document: enter the list that is the next member's value, or skip the member."""
        feed = self._feed
        if byte == 0x7D:
            feed.pos += 1
            self._place = _Place.DOCUMENT if self._path else _Place.OUTSIDE
            self._path = self._path[:-1]
            return
        found = next_key(feed.buffer, feed.pos)
        if found is None:
            if feed.left < _KEY_BYTES and feed.more():
                return
            if feed.eof and layout.ends_in_member(feed.buffer, feed.pos):
                feed.pos = len(feed.buffer)
            else:
                self._place = _Place.OUTSIDE
                self._skip_bad("malformed", "not a member of the document")
            return
        key, feed.pos = found
        path = (*self._path, key)
        if feed.buffer[feed.pos] == 0x5B and path in self._envelopes:
            feed.pos += 1
            self._place, self._depth = _Place.LIST, len(path)
        elif feed.buffer[feed.pos] == 0x7B and self._envelopes.leads_on(path):
            feed.pos += 1
            self._path = path
        else:
            self._pass_value()

    def _pass_value(self) -> None:
        feed = self._feed
        skipper = ValueSkipper() if feed.buffer[feed.pos] in b'{["' else None
        while True:
            if skipper is None:
                feed.pos = scalar_end(feed.buffer, feed.pos)
                ended = feed.left > 0
            else:
                feed.pos, ended = skipper.find_end(feed.buffer, feed.pos)
                ended = ended or skipper.damaged
            if ended or not feed.more():
                return

    # Whole windows

    def _bulk(self) -> tuple[Sequence[msgspec.Raw], bool] | None:
        """Decode all complete records at hand at once if they are sound; say whether they are UTF-8."""
        feed = self._feed
        if feed.at < self._careful_until or feed.left > self._record_bytes:
            return None
        wrong = feed.left
        for cut, resume, place in self._list_ends() if self._place is _Place.LIST else self._row_ends():
            if cut <= feed.pos + 1:
                continue
            try:
                raws, utf8 = self._decode(cut)
            except (msgspec.DecodeError, RecursionError) as error:
                wrong = min(max(failed_at(error), _CAREFUL_BYTES), cut - feed.pos)
                continue
            feed.pos, self._place = resume, place
            return raws, utf8
        self._careful_until = feed.at + wrong
        return None

    def _list_ends(self) -> Iterator[tuple[int, int, _Place]]:
        """Yield where the elements at hand may end, where to go on then, and in which place."""
        feed = self._feed
        if feed.eof:
            end = layout.list_end(feed.buffer, depth=self._depth)
            yield end, len(feed.buffer), _Place.OUTSIDE
        if not self._separator:
            self._separator = layout.separator(feed.buffer, feed.pos)
        end = feed.buffer.rfind(self._separator or b'},{"', feed.pos) + 1
        end = end or feed.buffer.rfind(b",", feed.pos)
        yield end, end, _Place.LIST

    def _row_ends(self) -> Iterator[tuple[int, int, _Place]]:
        feed = self._feed
        if not self._lines:
            self._lines = layout.is_lines(feed.buffer, feed.pos)
        if feed.eof:
            yield len(feed.buffer), len(feed.buffer), _Place.OUTSIDE
        end = max(0, feed.buffer.rfind(b"\n{", feed.pos)) or feed.buffer.rfind(b'}{"', feed.pos) + 1
        end = end or feed.buffer.rfind(b"\n", feed.pos)
        yield end, end, _Place.OUTSIDE

    def _decode(self, cut: int) -> tuple[Sequence[msgspec.Raw], bool]:
        feed = self._feed
        if self._place is _Place.LIST:
            data = b"".join((b"[", memoryview(feed.buffer)[feed.pos : cut], b"]"))
            if not is_one_line(data):
                data = msgspec.json.format(data, indent=-1)
            return RAW_LIST.decode(data), is_utf8(data)
        data = feed.buffer[feed.pos : cut]
        raws: list[msgspec.Raw] = RAW.decode_lines(data)
        if b"\r" in data or layout.WITHIN_RECORD.search(data):
            raws = [raw if is_one_line(bytes(raw)) else msgspec.Raw(one_line(raw)) for raw in raws]
        return raws, is_utf8(data)

    # Record by record

    def _one(self) -> None:
        """Deal with the one value here: take it, read on to see all of it, or set it aside."""
        feed = self._feed
        verdict, length, reason = probe(memoryview(feed.buffer)[feed.pos :])
        if verdict is Verdict.CUT:
            self._one_cut(reason)
            return
        if verdict is Verdict.WHOLE:
            following = skip_space(feed.buffer, feed.pos + length)
            if following == len(feed.buffer) and not feed.eof:
                if feed.left > self._record_bytes:  # white space without end: the record is all there is
                    self._take(feed.buffer[feed.pos : feed.pos + length].rstrip(SPACE))
                else:
                    feed.more()
                return
            raw = feed.buffer[feed.pos : feed.pos + length].rstrip(SPACE)
            if self._stands_alone(raw, following):
                self._take(raw)
                return
            verdict, reason = Verdict.BAD, "the value ends too early"
            end = layout.stray_braces_end(feed.buffer, feed.pos + len(raw))
            if end >= 0 and self._place is _Place.LIST:
                self._ledger.set_aside("malformed", reason, self._salvage.to_index(feed, end))
                return
        self._skip_bad("too_deep" if verdict is Verdict.DEEP else "malformed", reason)

    def _one_cut(self, reason: str) -> None:
        feed = self._feed
        if self._in_lines and feed.buffer.find(b"\n", feed.pos) >= 0:
            self._skip_bad("malformed", reason)
        elif feed.left > self._record_bytes:
            self._skip_bad("over_limit", "longer than a record may be")
        elif not feed.more():
            rest = Bad(feed.buffer[feed.pos :], feed.at, feed.at + feed.left)
            whole = self._ledger.count or self._place is not _Place.OUTSIDE
            if not whole and layout.begins_document(feed.buffer, feed.pos, self._envelopes.first_names):
                self._ledger.truncated("ends before its first record")
            else:
                self._ledger.set_aside("truncated", "the object ends within it", rest)
                self._ends_within_record()
            feed.pos = len(feed.buffer)

    @property
    def _in_lines(self) -> bool:
        return self._lines and self._place is _Place.OUTSIDE

    def _stands_alone(self, raw: bytes, following: int) -> bool:
        """Say whether what follows the value here may follow it, or else is damage of its own."""
        data = self._feed.buffer
        if following == len(data):
            return True
        if self._place is _Place.LIST:
            return data[following] in b",]{"
        if data[following] in b"{[,\xef" or b"\n" in data[self._feed.pos + len(raw) : following]:
            return True
        return not self._lines and fits(self._shape, raw)

    def _take(self, raw: bytes) -> None:
        """Take the sound value here."""
        feed = self._feed
        start = feed.at
        feed.pos += len(raw)
        if len(raw) > self._record_bytes:
            bad = Bad(raw[:SAMPLE_BYTES], start, feed.at)
            self._ledger.set_aside("over_limit", "longer than a record may be", bad)
            return
        if not is_one_line(raw):
            try:
                raw = one_line(raw)
            except RecursionError:
                reason = "nested deeper than the decoder allows"
                self._ledger.set_aside("too_deep", reason, Bad(raw, start, feed.at))
                return
        self._salvage.learn(raw)
        self._ledger.add(raw)

    def _skip_bad(self, kind: FaultKind, reason: str) -> None:
        """Set aside what is here and go on where the next record begins."""
        feed, salvage = self._feed, self._salvage
        ended = True
        if self._in_lines:
            bad = salvage.to_next_line(feed)
        elif kind == "malformed":
            bad = self._without_closing(salvage.to_next_record(feed))
        else:
            bad, ended = salvage.past_value(feed)
        self._ledger.set_aside(kind, reason, bad)
        if not ended:
            self._ends_within_record()

    def _without_closing(self, bad: Bad) -> Bad:
        """Leave the end of the list and of its document out of a bad last record."""
        if self._place is not _Place.LIST or self._feed.left or not bad.complete:
            return bad
        end = layout.closing(bad.raw, depth=self._depth)
        if end < 0:
            return bad
        self._place = _Place.OUTSIDE
        return Bad(bad.raw[:end], bad.start, bad.start + end)

    def _ends_within_record(self) -> None:
        self._ledger.truncated("ends in the middle of a record")
        self._place = _Place.OUTSIDE
