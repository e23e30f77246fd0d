"""How a JSON object is laid out: what stands between its records, where its lists end."""

from __future__ import annotations

import re

from tidewaiter.pipeline.sources.codecs.json_values import SPACE, Verdict, probe

WITHIN_RECORD = re.compile(rb"\n(?:(?<!\}\n)|(?!\{|\Z))")
"""A line feed that may stand within a record; in valid JSON, `}` and `{` with only space between them
are never within one. Written to begin with a literal, for which `re` has a fast search."""

_FIRST_LINES = 16
_CLOSING_BYTES = 1 << 12
_FIRST_KEY = re.compile(rb'\{\s*"[^"\\]*"\s*:')
_OBJECT_END = rb'(?:\s*,\s*"[^"]*"\s*:\s*(?:"[^"]*"|\w+))*\s*\}'
_STRAY_BRACES = re.compile(rb"(\s*+\}[}\s]*+),\s*+\{")
_CUT_OBJECT = re.compile(rb'\{\s*(?:"(?P<key>[^"\\]*+)(?P<closed>"\s*+:?+\s*+)?)?$')
_CUT_MEMBER = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"\s*+:?+\s*+)?$', re.DOTALL)


def separator(data: bytes, start: int) -> bytes:
    """Return the bytes between two records that begin like the one at `start`, empty if unseen."""
    first = _FIRST_KEY.match(data, start)
    if first is None:
        return b""
    found = re.compile(rb"\}\s*,\s*" + re.escape(first[0])).search(data, start)
    return found[0] if found else b""


def is_lines(data: bytes, start: int) -> bool:
    """Say whether values stand on lines of their own: one of the first lines is a whole object."""
    view = memoryview(data)
    for _ in range(_FIRST_LINES):
        end = data.find(b"\n", start)
        if end < 0:
            return False
        if data[start : start + 1] == b"{":
            verdict, length, _ = probe(view[start:end])
            if verdict is Verdict.WHOLE and start + length == end:
                return True
        start = end + 1
    return False


def is_cut_line(data: bytes, start: int) -> bool:
    """Say whether the line begins a list and more, but not all of it: `[1,2`."""
    end = data.find(b"\n", start)
    line = data[start:end].strip() if end >= 0 else b"["
    return len(line) > 1 and probe(line).verdict is not Verdict.WHOLE


def list_end(data: bytes, *, depth: int) -> int:
    """Return the index of the `]` that ends the list, and `depth` objects around it, at the end, or -1."""
    end = _without_space(data, len(data))
    for _ in range(depth):
        if data[end - 1 : end] != b"}":
            return -1
        end = _without_space(data, end - 1)
    return end - 1 if data[end - 1 : end] == b"]" else -1


def closing(bad: bytes, *, depth: int) -> int:
    """Return the index at which a bad last record ends and the end of its list begins, or -1."""
    start = max(0, len(bad) - _CLOSING_BYTES)
    found = re.compile(rb"\s*\]" + depth * _OBJECT_END + rb"\s*$").search(bad, start)
    return found.start() if found else -1


def stray_braces_end(data: bytes, start: int) -> int:
    """Return the index behind closing braces that are too many, if the list goes on there, or -1."""
    found = _STRAY_BRACES.match(data, start)
    return found.end(1) if found else -1


def begins_document(data: bytes, start: int, envelopes: set[bytes]) -> bool:
    """Say whether the data ends within the first words of a document: `{"Rec`."""
    found = _CUT_OBJECT.match(data, start)
    if found is None:
        return False
    key = found["key"] or b""
    return any(name == key if found["closed"] else name.startswith(key) for name in envelopes)


def ends_in_member(data: bytes, start: int) -> bool:
    """Say whether the data ends within a member's key, or before its value."""
    return _CUT_MEMBER.match(data, start) is not None


def _without_space(data: bytes, end: int) -> int:
    while end and data[end - 1] in SPACE:
        end -= 1
    return end
