"""One row that is too large for the service: cut so that it fits, stays what it is, and says so.

A row that the service would refuse (over the limit of a request) would be lost, and a field that it cuts by
itself (over 64 KB) would be lost in silence. Ours are cut on purpose, and lead to the whole record.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress

import msgspec

FIELD_LIMIT = 64_000
"""Bytes of one field. "Fields longer than 64 KB are truncated" (Azure Monitor service limits, Microsoft,
2025-08); whether that is 64,000 or 65,536 is not said, so the smaller one."""
LEAST_LIMIT = 1_000
"""No row is cut to fewer bytes than this."""
NOTE = "TidewaiterTruncated"
"""The member of AdditionalFields that a cut row has: `{"archive": …, "bytes": n}`."""

_EXTRA = "AdditionalFields"
_TIME = "TimeGenerated"
_SHORTEST = 64
"""A column is cut to this many bytes or left out: times, GUIDs and addresses are shorter, and never cut."""
_SHORTEST_INSIDE = 8
_DEEPEST = 64
_ELLIPSIS = "…".encode()
_NOTE_AROUND = len(f',"{_EXTRA}":{{}},')

_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_text = msgspec.json.Decoder(str).decode
_encode = msgspec.json.Encoder().encode
_whole_signs = re.compile(rb"(?:[^\\]+|\\u[0-9a-fA-F]{4}|\\[^u])*").match
_half_pair = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\Z")


def fits(row: bytes, limit: int, field_limit: int = FIELD_LIMIT) -> bool:
    """Whether a row may stay as it is: at most `limit` bytes, and no field over `field_limit`.

    Raises:
        msgspec.DecodeError: not a JSON object.
    """
    if len(row) > limit:
        return False
    if len(row) <= field_limit:
        return True
    return all(_field_size(bytes(raw)) <= field_limit for raw in _members(row).values())


def fitted(row: bytes, limit: int, where: str, field_limit: int = FIELD_LIMIT) -> bytes:
    """Return a row cut to at most `limit` bytes (at least LEAST_LIMIT), no field over `field_limit`.

    It stays a JSON object whose columns keep their types: long strings end in `…`, arrays lose their last
    items, objects keep their small members whole and share the rest of the room. What is longest gives
    most; TimeGenerated stays. A row that has AdditionalFields says there how long it was, in bytes, and
    `where` the whole record is (left out when there is no room for that either).

    Raises:
        msgspec.DecodeError: not a JSON object.
    """
    columns = {name: bytes(raw) for name, raw in _members(row).items()}
    room, note = max(limit, LEAST_LIMIT), b""
    if _EXTRA in columns:
        note, extra = _noted(columns[_EXTRA], len(row), where, min(room, field_limit) // 2)
        columns[_EXTRA] = _within(extra, field_limit - len(note) - 1)
        room -= len(note) + _NOTE_AROUND
    for name, raw in columns.items():
        if _field_size(raw) > field_limit:
            columns[name] = _within(raw, field_limit)
    columns = _shared(columns, room, _SHORTEST, first=_TIME)
    if note:
        rest = columns.get(_EXTRA, b"{}")
        columns[_EXTRA] = b"{" + note + (b"}" if rest == b"{}" else b"," + rest[1:])
    return _object(columns.items())


class _Note(msgspec.Struct):
    bytes: int = 0


def _noted(extra: bytes, size: int, where: str, room: int) -> tuple[bytes, bytes]:
    """Return the note as a member of at most `room` bytes, and AdditionalFields without an earlier one."""
    inner = _members(extra) if extra[:1] == b"{" else {}
    if earlier := inner.pop(NOTE, None):
        with suppress(msgspec.DecodeError):
            size = msgspec.json.decode(earlier, type=_Note).bytes or size
        extra = _encode(inner)
    note = _encode({NOTE: {"archive": where, "bytes": size}})[1:-1]
    if len(note) > room:
        note = _encode({NOTE: {"bytes": size}})[1:-1]
    return note, extra if inner else b"{}"


def _field_size(raw: bytes) -> int:
    """Bytes of a value's string form, exact where that decides."""
    if raw[:1] != b'"':
        return len(raw)
    if b"\\" in raw:
        with suppress(msgspec.DecodeError):
            return len(_text(raw).encode())
    return len(raw) - 2


def _within(raw: bytes, room: int, depth: int = 0) -> bytes:
    """Return a JSON value of the same kind in at most `room` bytes (at least 4), or null."""
    if len(raw) <= room:
        return raw
    first = raw[:1]
    if first == b'"':
        return _cut_text(raw, room)
    if depth < _DEEPEST:
        if first == b"{":
            members = {name: bytes(part) for name, part in _members(raw).items()}
            return _object(_shared(members, room, _SHORTEST_INSIDE, depth=depth + 1).items())
        if first == b"[":
            return _cut_array(raw, room, depth + 1)
    return {b"{": b"{}", b"[": b"[]"}.get(first, b"null")


def _cut_text(raw: bytes, room: int) -> bytes:
    found = _whole_signs(raw[1 : max(1, room - 1 - len(_ELLIPSIS))])
    kept = found.group() if found else b""
    kept = _half_pair.sub(b"", kept).decode("utf-8", "ignore").encode()
    return b'"' + kept + (_ELLIPSIS if room >= 2 + len(_ELLIPSIS) else b"") + b'"'


def _cut_array(raw: bytes, room: int, depth: int) -> bytes:
    kept: list[bytes] = []
    left = room - 2
    for item in map(bytes, _items(raw)):
        if len(item) > left - 1:
            if left - 1 >= _SHORTEST_INSIDE:
                kept.append(_within(item, left - 1, depth))
            break
        kept.append(item)
        left -= len(item) + 1
    return b"[" + b",".join(kept) + b"]"


def _shared(
    members: Mapping[str, bytes], room: int, shortest: int, *, first: str = "", depth: int = 0
) -> dict[str, bytes]:
    """Return the members, in their order, that fit into an object of `room` bytes.

    Each may use its share of what is left, smaller ones first, so that the long ones share what these leave.
    A member with less than `shortest` bytes of room that does not fit is left out.
    """
    heads = {name: len(_encode(name)) + 2 for name in members}
    left, count = room - 2, len(members)
    kept: dict[str, bytes] = {}
    for name in sorted(members, key=lambda each: (each != first, len(members[each]))):
        raw = members[name]
        mine = (left if name == first else left // count) - heads[name]
        count -= 1
        if len(raw) > mine:
            if mine < shortest:
                continue
            raw = _within(raw, mine, depth)
        kept[name] = raw
        left -= heads[name] + len(raw)
    return {name: kept[name] for name in members if name in kept}


def _object(members: Iterable[tuple[str, bytes]]) -> bytes:
    return b"{" + b",".join(_encode(name) + b":" + raw for name, raw in members) + b"}"
