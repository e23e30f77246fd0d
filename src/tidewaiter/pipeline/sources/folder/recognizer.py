"""Which source a file is of: its path suggests, its content decides."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from tidewaiter.content.recognition import LOG_EVENTS, JsonShape, Recognition, TextShape
from tidewaiter.core.faults import Fault
from tidewaiter.core.objects import ObjectKind, SourceObject
from tidewaiter.pipeline.sources.codecs import json_values as json
from tidewaiter.pipeline.sources.codecs.delimited_text import LINE_MEMBERS
from tidewaiter.pipeline.sources.codecs.envelopes import Envelopes
from tidewaiter.pipeline.sources.codecs.feed import utf16_fault
from tidewaiter.pipeline.sources.codecs.inflate import Head, read_head
from tidewaiter.pipeline.sources.codecs.lines import are_fields, header_fields
from tidewaiter.pipeline.sources.codecs.named_lines import fields_of
from tidewaiter.pipeline.sources.codecs.parquet_json import parquet_columns
from tidewaiter.pipeline.sources.codecs.parquet_lines import PARQUET_MAGIC, parquet_fields
from tidewaiter.pipeline.sources.folder import sample
from tidewaiter.pipeline.sources.folder.sample import Content, Value
from tidewaiter.pipeline.sources.folder.walk import File, Unreadable, Unrecognized

_HEAD_BYTES = (1 << 16, 1 << 19, 1 << 22)
"""How much is looked at; more only while the first record is longer than that."""

_VALUES = 8
_NESTING = 3


@dataclass(frozen=True, slots=True)
class _Fit:
    source: str
    kind: ObjectKind


class Recognizer:
    """Recognises files by the rules of all sources."""

    def __init__(self, recognitions: Mapping[str, Recognition]) -> None:
        self._recognitions = recognitions
        self._paths = [
            (re.compile(rule.match), _Fit(source, rule.kind))
            for source, recognition in recognitions.items()
            for rule in recognition.paths
        ]
        shapes = [shape for recognition in recognitions.values() for shape in recognition.json]
        self._envelopes = Envelopes((*LOG_EVENTS, *(name for shape in shapes for name in shape.envelopes)))
        self._line = {
            source: re.compile(recognition.text.line.encode())
            for source, recognition in recognitions.items()
            if recognition.text
        }

    def recognize(self, file: File) -> SourceObject | Unrecognized | Unreadable:
        """Say of which source and kind the file is, or why of none."""
        suggested = next((fit for pattern, fit in self._paths if pattern.search(file.id)), None)
        for size in _HEAD_BYTES:
            head = read_head(file.path, file.id, size)
            if head.fault and head.fault.kind == "unreadable":
                return Unreadable(file.id, file.path, suggested.source if suggested else None, head.fault)
            content = sample.content_of(head)
            seen: list[Value] = []
            fit = self._fit(file, content, suggested, seen)
            if fit or head.complete or not content.is_json or any(value.whole for value in seen):
                break
        undecided = _undecided(head, content, seen)
        if content.utf16 and (fit or (suggested and undecided)):
            source = (fit or suggested).source  # type: ignore[union-attr]
            return Unreadable(file.id, file.path, source, utf16_fault(file.id))
        if fit or (suggested and undecided):
            return self._object(file, fit or suggested)  # type: ignore[arg-type]
        return _not_recognized(file, head, sample.describe(content, seen), suggested)

    def source_of(self, record: bytes, *, other_than: str) -> str | None:
        """Return the other source that a record, or a document with records, is of; None if it is of none."""
        sources = [source for source in self._recognitions if source != other_than]
        data = record[json.skip_space(record, 0) :]
        if data[:1] != b"{":
            lines = sample.lines(data)
            whole = len(lines) == 1
            return next((each for each in sources if whole and self._is_line(lines[0], each)), None)
        for value in islice(sample.values(data, self._envelopes), 1):
            for source in sources:
                if self._value_kind(value, source) == "events":
                    return source
        return None

    def _object(self, file: File, fit: _Fit) -> SourceObject:
        codec = self._recognitions[fit.source].codec
        return SourceObject(file.id, file.path, fit.source, fit.kind, codec, file.size)

    def _fit(self, file: File, content: Content, suggested: _Fit | None, seen: list[Value]) -> _Fit | None:
        """Return what the content fits, the suggested source first; put the values met into `seen`."""
        sources = sorted(self._recognitions, key=lambda source: not suggested or source != suggested.source)
        if content.is_json:
            for value in islice(sample.values(content.data, self._envelopes), _VALUES):
                seen.append(value)
                for source in sources:
                    kind = self._value_kind(value, source)
                    if kind:
                        return _Fit(source, kind)
            return None
        if content.data.startswith(PARQUET_MAGIC):
            return self._parquet_fit(file, sources, suggested)
        lines = sample.lines(content.data)
        return next((_Fit(source, "events") for source in sources if self._lines_fit(lines, source)), None)

    def _parquet_fit(self, file: File, sources: list[str], suggested: _Fit | None) -> _Fit | None:
        """Fit a Parquet file by its columns; one that cannot be read is what its path suggests."""
        columns = frozenset(parquet_columns(file.path) or ())
        for source in sources:
            for shape in self._recognitions[source].json:
                if any(columns.issuperset(form) for form in shape.forms):
                    return _Fit(source, shape.kind)
            text: TextShape | None = self._recognitions[source].text
            if text is None:
                continue
            fields = parquet_fields(file.path, text)
            if fields is None:
                reads_text = suggested and self._recognitions[suggested.source].text
                return suggested if reads_text else None
            if are_fields(fields, text):
                return _Fit(source, "events")
        return None

    def _value_kind(self, value: Value, source: str) -> ObjectKind | None:
        recognition = self._recognitions[source]
        for shape in recognition.json:
            if value.envelope and value.envelope.decode() not in shape.envelopes:
                continue
            if any(_has_members(found, shape) for found in _unwrapped(value.members, shape, _NESTING)):
                return shape.kind
        names = [name.decode("utf-8", "replace") for name in value.members]
        if recognition.text and fields_of(names, recognition.text):
            return "events"
        for name in LINE_MEMBERS if recognition.text else ():
            raw = sample.string(value.members.get(name.encode(), b""))
            if raw and self._lines_fit(raw.splitlines(), source):
                return "events"
        return None

    def _is_line(self, line: bytes, source: str) -> bool:
        return source in self._line and bool(self._line[source].search(line))

    def _lines_fit(self, lines: list[bytes], source: str) -> bool:
        """Say whether the first line is a header of the source, or some line one without a header."""
        text: TextShape | None = self._recognitions[source].text
        if text is None or not lines:
            return False
        if header_fields(lines[0], text):
            return True
        return any(self._line[source].search(line) for line in lines)


def _has_members(found: Mapping[bytes, bytes], shape: JsonShape) -> bool:
    if any(all(name.encode() in found for name in form.members) for form in shape.other_forms):
        return True
    if not any(all(name.encode() in found for name in form) for form in shape.forms):
        return False
    return all(_says(found.get(name.encode(), b""), allowed) for name, allowed in shape.values.items())


def _says(raw: bytes, allowed: Collection[str]) -> bool:
    """Say whether a member is one of the texts, or is not there: absent, null or cut where reading ended."""
    said = sample.string(raw)
    if said is None:
        return raw[:1] in (b"", b"n", b'"')
    return said.decode("utf-8", "replace") in allowed


def _unwrapped(found: dict[bytes, bytes], shape: JsonShape, nesting: int) -> Iterator[dict[bytes, bytes]]:
    """Yield the members of a value and of the values that it wraps."""
    yield found
    for name in shape.wrappers if nesting else ():
        raw = found.get(name.encode(), b"")
        inner = sample.string(raw) if raw[:1] == b'"' else raw
        if inner:
            inner = inner[json.skip_space(inner, 0) :]
        if inner and inner[:1] == b"{":
            for value in islice(sample.values(inner, Envelopes(shape.envelopes)), 1):
                yield from _unwrapped(value.members, shape, nesting - 1)


def _undecided(head: Head, content: Content, seen: list[Value]) -> bool:
    """Say whether the file shows nothing that speaks against the source its path suggests."""
    if not content.data:
        return True
    if content.is_json:
        return not any(value.whole for value in seen)
    return head.fault is not None and b"\n" not in content.data


def _not_recognized(file: File, head: Head, form: str, suggested: _Fit | None) -> Unrecognized | Unreadable:
    if head.fault:
        form = f"a damaged gzip file, {form}"
    if suggested is None:
        return Unrecognized(file.id, file.path, form)
    text = f"lies where objects of {suggested.source} lie, but is {form}"
    hint = "move it elsewhere, or unpack it if it is an archive"
    fault = Fault(file.id, "unknown_format", text, hint)
    return Unreadable(file.id, file.path, suggested.source, fault)
