"""What the first bytes of a file show: JSON objects with their members, or lines of text."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tidewaiter.pipeline.sources.codecs import json_values as json
from tidewaiter.pipeline.sources.codecs.envelopes import Envelopes, Path
from tidewaiter.pipeline.sources.codecs.inflate import GZIP_MAGIC, Head

_LINES = 16
_LINE_BYTES = 1 << 16
_SHOWN_MEMBERS = 4
_SHOWN_CHARACTERS = 40
_NEXT_OBJECT = re.compile(rb"\n(?=\{)|\}\s*,\s*(?=\{)")
_MAGICS = (
    (GZIP_MAGIC, "a gzip file within a gzip file"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd file"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"PAR1", "a Parquet file"),
    (b"Obj\x01", "an Avro file"),
    (b"%PDF", "a PDF document"),
    (b"SQLite format 3", "an SQLite database"),
)
NO_ENVELOPES = Envelopes(())


class Value(NamedTuple):
    """An object seen in the file: its members as written, the last one cut where the bytes end.

    `envelope` is the member of the document in whose list it stands, with the names that lead there as a
    recognition writes them, empty if in none.
    """

    members: dict[bytes, bytes]
    envelope: bytes
    whole: bool


@dataclass(frozen=True, slots=True)
class Content:
    """The first bytes of a file as UTF-8 from its first byte that means something."""

    data: bytes
    complete: bool
    utf16: bool = False

    @property
    def is_json(self) -> bool:
        """Say whether it begins like JSON records do."""
        return self.data[:1] in (b"{", b"[")


def content_of(head: Head) -> Content:
    """Return the first bytes without byte order mark and leading space, as UTF-8."""
    data = head.data
    codec = _utf16_codec(data)
    if codec:
        data = data[: len(data) // 2 * 2].decode(codec, "replace").encode("utf-8", "replace")
    start = json.skip_space(data, len(json.BOM) if data.startswith(json.BOM) else 0)
    return Content(data[start:], head.complete, utf16=bool(codec))


def values(data: bytes, envelopes: Envelopes) -> Iterator[Value]:
    """Yield the objects that could be records, in order: elements of lists, or values by themselves.

    `envelopes` are the places of lists that hold records; a document with such a list is not yielded,
    its elements are.
    """
    at = 0
    while at < len(data) and data[at] in b"{[":
        if data[at] == 0x5B:
            at = yield from _elements(data, at + 1, b"")
        else:
            at = yield from _document(data, at, envelopes)
        at = json.skip_filler(data, at)


def lines(data: bytes) -> list[bytes]:
    """Return the first lines that are not blank, the last perhaps cut, without their ends."""
    found = (line.rstrip(b"\r") for line in data[:_LINE_BYTES].split(b"\n", 4 * _LINES))
    return [line for line in found if line.strip()][:_LINES]


def string(raw: bytes) -> bytes | None:
    """Return what a JSON string holds, as UTF-8; its end may be missing. None if it is no string."""
    if raw[:1] != b'"':
        return None
    for cut in range(12):
        for closed in (raw, raw[: len(raw) - cut] + b'"'):
            try:
                return json.TEXT.decode(closed).encode()
            except ValueError:
                continue
    return None


def describe(content: Content, seen: Sequence[Value]) -> str:
    """Say what the file seems to be, for a person."""
    data = content.data
    utf16 = " in UTF-16" if content.utf16 else ""
    if not data:
        return "an empty file"
    for magic, form in _MAGICS:
        if data.startswith(magic):
            return form
    if content.is_json:
        return f"{_json_form(data, seen)}{utf16} of something else{_members_shown(seen)}"
    if not _is_text(data):
        return "binary data"
    line = next(iter(lines(data)), b"").decode("utf-8", "replace")
    return f"text{utf16} of something else (it begins: {_shown(line)})"


def _document(
    data: bytes, start: int, envelopes: Envelopes, envelope: bytes = b"", path: Path = ()
) -> Generator[Value, None, int]:
    """Yield the object at `start`, or the elements of the lists in it; return where it ends."""
    found: dict[bytes, bytes] = {}
    at = start + 1
    lists = 0
    while member := json.next_key(data, at):
        key, value = member
        here = (*path, key)
        if here in envelopes and data[value] == 0x5B:
            lists += 1
            at = yield from _elements(data, value + 1, b".".join(here))
            continue
        leads_on = data[value] == 0x7B and envelopes.leads_on(here)
        if leads_on and envelopes.found_in(data, value, frozenset(), here):
            lists += 1
            at = yield from _document(data, value, envelopes, path=here)
            continue
        end = json.value_end(data, value)
        at = end if end >= 0 else len(data)
        found[key] = data[value:at]
    at = json.skip_filler(data, at)
    whole = data[at : at + 1] == b"}"
    if not lists:
        yield Value(found, envelope, whole)
    if whole or at >= len(data):
        return at + 1
    following = _NEXT_OBJECT.search(data, at)
    return following.end() if following else len(data)


def _elements(data: bytes, start: int, envelope: bytes) -> Generator[Value, None, int]:
    """Yield the objects of the list whose first element is at `start`; return where the list ends."""
    at = json.skip_filler(data, start)
    while at < len(data) and data[at] != 0x5D:
        if data[at] == 0x7B:
            at = yield from _document(data, at, NO_ENVELOPES, envelope)
        else:
            end = json.value_end(data, at)
            at = end if end > at else len(data)
        at = json.skip_filler(data, at)
    return at + 1


def _json_form(data: bytes, seen: Sequence[Value]) -> str:
    if data[:1] == b"[":
        return "a JSON array"
    envelope = next((value.envelope for value in seen if value.envelope), b"")
    if envelope:
        return f"a JSON document with a list of {_shown(envelope.decode('utf-8', 'replace'))}"
    return "JSON lines" if len(seen) > 1 else "a JSON document"


def _members_shown(seen: Sequence[Value]) -> str:
    keys = [_shown(key.decode("utf-8", "replace")) for key in (seen[0].members if seen else ())]
    if not keys:
        return ""
    more = "…" if len(keys) > _SHOWN_MEMBERS else ""
    return f" (members: {', '.join(keys[:_SHOWN_MEMBERS])}{more})"


def _shown(text: str) -> str:
    """Return a bit of foreign text without control characters."""
    short = text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
    return "".join(character if character.isprintable() else "�" for character in short)


def _is_text(data: bytes) -> bool:
    """Say whether the first kilobyte is text: no NUL, few bytes that are not UTF-8."""
    first = data[:1024]
    return b"\0" not in first and first.decode("utf-8", "replace").count("�") <= len(first) // 20


def _utf16_codec(data: bytes) -> str:
    """Return the name of the UTF-16 codec of the bytes, empty if they are none; ASCII text shows it."""
    if data.startswith(json.UTF16_BOMS):
        return "utf-16"
    even, odd = data[0:64:2], data[1:64:2]
    if len(odd) < 2 or any(even) == any(odd):
        return ""
    return "utf-16-le" if any(even) else "utf-16-be"
