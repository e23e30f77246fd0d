"""What Log Analytics bills for a row: the string form of its columns (cost-logs, Microsoft, Dec 2024)."""

from __future__ import annotations

import msgspec

_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_text = msgspec.json.Decoder(str).decode


def billed_size(row: bytes) -> int:
    """Return the bytes that a row is billed with.

    `row` is a JSON object of columns. A string counts its UTF-8 bytes, a number or bool its text, a dynamic value
    its JSON text, null nothing. Columns that the service adds (`_ResourceId`, `Type` and such) are not in it.

    Raises:
        msgspec.DecodeError: not a JSON object.
    """
    size = 0
    for raw in _members(row).values():
        value = bytes(raw)
        if value[:1] != b'"':
            size += 0 if value == b"null" else len(value)
        elif b"\\" in value:
            size += len(_text(value).encode("utf-8", "surrogatepass"))
        else:
            size += len(value) - 2
    return size
