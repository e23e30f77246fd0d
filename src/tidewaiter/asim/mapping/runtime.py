"""What generated code calls: memos, decoders of polymorphic members, comparisons."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import msgspec

from tidewaiter.asim.mapping.record import attribute

MEMO_ENTRIES = 16_384
MEMO_BYTES = 16 << 20
"""Distinct values kept per group of members, and what they may hold; a full memo is emptied."""
_MEMO_LARGEST = 16_384


class InvalidRecord(ValueError):
    """A record that lacks what its source must have; the message names it."""


class Memo:
    """Finished pieces by the members that they come from, within bounds whatever the records hold."""

    __slots__ = ("held", "pieces")

    def __init__(self) -> None:
        self.pieces: dict[object, object] = {}
        self.held = 0

    def keep(self, key: object, pieces: object, size: int) -> None:
        """Remember `pieces`, which take about `size` bytes; too large ones are not worth it."""
        if size > _MEMO_LARGEST:
            return
        self.held += size
        if len(self.pieces) >= MEMO_ENTRIES or self.held > MEMO_BYTES:
            self.pieces.clear()
            self.held = size
        self.pieces[key] = pieces


def weight(key: tuple[object, ...]) -> int:
    """Bytes, about, that a key's texts take."""
    return sum(len(part) for part in key if isinstance(part, (str, bytes)))


def decode_any(raw: bytes) -> object:
    """Decode any JSON value; a number that no float can hold becomes infinite, not an error."""
    try:
        return msgspec.json.decode(raw)
    except msgspec.ValidationError:
        return json.loads(raw)


def decoder_of_names(title: str, names: Sequence[str]) -> Callable[[bytes], object]:
    """Return a decoder of a polymorphic member: a struct of the named members, None for what has none."""
    struct = msgspec.defstruct(
        title,
        [(attribute(name), object, None) for name in names],
        rename={attribute(name): name for name in names},
        gc=False,
    )
    decode = msgspec.json.Decoder(struct).decode

    def lenient(raw: bytes) -> object:
        if not raw.startswith(b"{"):
            return None
        try:
            return decode(raw)
        except msgspec.ValidationError:  # a number out of range in one of them
            value = decode_any(raw)
            return struct(*(value.get(name) for name in names)) if isinstance(value, dict) else None

    return lenient


def equal(left: str | None, right: str | None) -> bool:
    """Equality of texts; null equals nothing."""
    return left is not None and left == right


def same_int(value: object, literal: int) -> bool:
    """Whether a value is that whole number (and not a boolean)."""
    return type(value) is int and value == literal


def int_only(value: object) -> int | None:
    """The value when it is a whole number."""
    return value if type(value) is int else None
