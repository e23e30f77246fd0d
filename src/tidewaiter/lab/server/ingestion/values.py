"""What becomes of a JSON value in a column of some type.

Nothing is refused for its type. The service converts what can be converted, and what cannot becomes null
("Data formats supported by Azure Data Explorer for ingestion" and "Null values", Kusto docs, 2025: a value
that does not fit the column's type is ingested as null; Azure Monitor Logs stores in the same engine). A
string takes any value, in its text form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import msgspec

FIELD_LIMIT = 65_536
"""Bytes of a field: "Fields longer than 64 KB are truncated" ("Azure Monitor service limits", 2025-08-28)."""

_decode = msgspec.json.decode


def to_text(raw: bytes) -> str | None:
    """Return a string's content, or the JSON text of anything else; null is None."""
    if raw[:1] == b'"':
        text: str = _decode(raw, type=str)
        return text
    return None if raw == b"null" else raw.decode()


def to_json(raw: bytes) -> str | None:
    """Return the JSON text, byte for byte; null is None."""
    return None if raw == b"null" else raw.decode()


def to_long(raw: bytes, *, bits: int = 64) -> int | None:
    """Return a whole number of that size; numbers with a fraction lose it, text is read."""
    text = to_text(raw)
    try:
        value = int(text) if text is not None else None
    except ValueError:
        real = to_real(raw)
        value = int(real) if real is not None and abs(real) < 2.0**63 else None
    limit = 1 << (bits - 1)
    return value if value is not None and -limit <= value < limit else None


def to_int(raw: bytes) -> int | None:
    """Return a whole number of 32 bits."""
    return to_long(raw, bits=32)


def to_real(raw: bytes) -> float | None:
    """Return a number; text is read, NaN and infinities too."""
    text = to_text(raw)
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None


def to_bool(raw: bytes) -> bool | None:
    """Return true or false; text and numbers are read."""
    text = (to_text(raw) or "").strip().lower()
    if text in ("true", "false"):
        return text == "true"
    number = to_long(raw)
    return None if number is None else number != 0


def to_datetime(raw: bytes) -> datetime | None:
    """Return a time, naive in UTC; a time without an offset is in UTC, a number is no time."""
    if raw[:1] != b'"':
        return None
    text = (to_text(raw) or "").strip()
    try:
        found = _decode(raw, type=datetime)
    except msgspec.ValidationError:
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            return None
    try:
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    except OverflowError:
        return None


CONVERSIONS: Mapping[str, Callable[[bytes], object]] = {
    "string": to_text,
    "guid": to_text,
    "dynamic": to_json,
    "int": to_int,
    "long": to_long,
    "real": to_real,
    "bool": to_bool,
    "datetime": to_datetime,
}
"""KQL type -> conversion of the JSON text of a value; None is null."""


def truncated(raw: bytes) -> bytes:
    """Return a member's JSON, shortened when its value is over 64 KB.

    A string is cut between characters; what is cut inside is no JSON any more, so it becomes a string.
    """
    if len(raw) <= FIELD_LIMIT:
        return raw
    text = to_text(raw) or ""
    encoded = text.encode()
    if len(encoded) <= FIELD_LIMIT:
        return raw
    return msgspec.json.encode(encoded[:FIELD_LIMIT].decode("utf-8", "ignore"))
