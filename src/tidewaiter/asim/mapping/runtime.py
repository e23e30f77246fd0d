"""What generated code calls: memos, decoders of polymorphic members, comparisons."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import msgspec

from tidewaiter.asim.mapping.record import attribute
from tidewaiter.core.billing import billed_size

MEMO_ENTRIES = 16_384
MEMO_BYTES = 64 << 20
"""Distinct values kept per group of members, and what all memos of a source may hold together."""
_MEMO_LARGEST = 16_384
_SPACE = " \t\r\n"
"""What JSON allows before a value (RFC 8259, section 2)."""


class InvalidRecord(ValueError):
    """A record that lacks what its source must have; the message names it."""


class Memos:
    """All memos of one source: a bound on their sum holds whatever the records hold."""

    def __init__(self) -> None:
        self.all: list[Memo] = []
        self.held = 0

    def new(self) -> Memo:
        """Return one more memo."""
        self.all.append(Memo(self))
        return self.all[-1]

    def empty(self) -> None:
        """Forget everything."""
        for memo in self.all:
            memo.pieces.clear()
            memo.held = 0
        self.held = 0


class Memo:
    """Finished pieces by the members that they come from."""

    __slots__ = ("held", "memos", "pieces")

    def __init__(self, memos: Memos) -> None:
        self.memos = memos
        self.pieces: dict[object, object] = {}
        self.held = 0

    def keep(self, key: object, pieces: object, size: int) -> None:
        """Remember `pieces` of about `size` bytes, as many as the key's; too large ones are not worth it."""
        if size > _MEMO_LARGEST:
            return
        if self.memos.held + 2 * size > MEMO_BYTES:
            self.memos.empty()
        elif len(self.pieces) >= MEMO_ENTRIES:
            self.pieces.clear()
            self.memos.held -= self.held
            self.held = 0
        self.held += 2 * size
        self.memos.held += 2 * size
        self.pieces[key] = pieces


def weight(key: tuple[object, ...]) -> int:
    """Bytes, about, that a key's texts take."""
    return sum(len(part) for part in key if isinstance(part, (str, bytes)))


def octets(text: str) -> int:
    """Bytes of a text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


@lru_cache(maxsize=4096)
def piece_size(piece: bytes) -> int:
    """What a finished piece of a row, `"Column":value,` (or nothing), is billed with.

    The mappings hold a few hundred such pieces, and every row uses several of them.
    """
    return billed_size(b"{" + piece[:-1] + b"}") if piece else 0


def decode_any(raw: bytes) -> object:
    """Decode any JSON value; a number that no float can hold becomes infinite, not an error."""
    try:
        return msgspec.json.decode(raw)
    except msgspec.ValidationError:
        return json.loads(raw)


def held(value: object) -> object:
    """The object or list that a text holds as JSON, None when it holds neither; any other value as it is.

    Log Analytics and shippers write objects as texts now and then: a path goes through such a member.
    """
    if type(value) is not str:
        return value
    if not value.lstrip(_SPACE).startswith(("{", "[")):
        return None
    try:
        return decode_any(value.encode())
    except (ValueError, RecursionError):  # not JSON, not UTF-8, too deep
        return None


def json_value(value: object) -> object:
    """What a dynamic column holds of a value: a text that holds an object or a list gives that."""
    inside = held(value)
    return value if inside is None else inside


def json_text(value: object) -> str | None:
    """What a string column holds of a JSON value: a text as it stands, of anything else its JSON text."""
    if value is None or type(value) is str:
        return value or None
    return msgspec.json.encode(value).decode()


def text_of_raw(raw: bytes) -> str | None:
    """The same of a JSON value's bytes, whose numbers and escapes stay as they were written."""
    if raw == b"null":
        return None
    return _text(raw) or None if raw.startswith(b'"') else _compact(raw, indent=-1).decode()


def dynamic(value: object) -> bytes | None:
    """JSON of what a dynamic column holds of a value; None for null and the empty text."""
    return None if value is None or value == "" else msgspec.json.encode(json_value(value))


def dynamic_of_raw(raw: bytes) -> bytes | None:
    """The same of a JSON value's bytes, which stay as they are but for a text that holds an object."""
    if raw.startswith(b'"'):
        text = _text(raw)
        return None if text == "" else raw if held(text) is None else (text or "").strip(_SPACE).encode()
    return None if raw == b"null" else raw


def dynamic_size(piece: bytes) -> int:
    """What a dynamic column's JSON is billed with: its bytes, a text without quotes and escapes."""
    return octets(_text(piece) or "") if piece.startswith(b'"') else len(piece)


_compact = msgspec.json.format


def _text(raw: bytes) -> str | None:
    """The text that `raw` spells; None for one that is no Unicode."""
    try:
        return msgspec.json.decode(raw, type=str)
    except (msgspec.DecodeError, UnicodeError):
        return None


def _text_holds(raw: bytes) -> object:
    try:
        return held(msgspec.json.decode(raw))
    except (msgspec.DecodeError, UnicodeError):  # a text that is no Unicode
        return None


def real(value: object) -> float | None:
    """The number as a float; None for what is none, or beyond what a column holds."""
    if type(value) is int:
        return float(value) if -(2**63) <= value < 2**63 else None
    return value if type(value) is float and math.isfinite(value) else None


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
            value = _text_holds(raw) if raw.startswith(b'"') else None
            return struct(*(value.get(name) for name in names)) if isinstance(value, dict) else None
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
