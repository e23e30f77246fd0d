"""JSON records through the compiled Python mapping."""

from __future__ import annotations

import msgspec

from tidewaiter.asim.mapping.compile_python import CompiledSource, InvalidRecord
from tidewaiter.asim.mapping.identify import Identify
from tidewaiter.core.event_id import positional_id
from tidewaiter.core.faults import FaultKind, Quarantined
from tidewaiter.core.objects import JsonChunk
from tidewaiter.pipeline.normalize.rows import JsonRows, Normalized

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def normalize_json(
    compiled: CompiledSource,
    identify: Identify,
    chunk: JsonChunk,
    *,
    object_id: str,
    prefix: str,
    native: CompiledSource | None = None,
) -> Normalized:
    """Map the records of a chunk; a record of a wrong type, too deep or incomplete is quarantined.

    `native` makes a second row of each record, in a table of Sentinel's own.
    """
    out = Normalized()
    tables: dict[tuple[int, int], JsonRows] = {}
    decode, to_row = compiled.decode, compiled.map
    to_native = native.map if native else None
    where, copy, copy_billed = 0, b"", 0
    for position, raw in zip(chunk.positions, chunk.records, strict=True):
        try:
            try:
                record, unknown = decode(raw), b""
            except msgspec.ValidationError as error:
                record, unknown = _with_unknown(compiled, raw, error)
            event_id = identify(record) or positional_id(prefix, position)
            place, head, extra, billed = to_row(record, event_id)
            if to_native:
                where, copy, _, copy_billed = to_native(record, event_id)
        except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
            kind, reason = _explain(error, compiled, raw)
            out.quarantined.append(Quarantined(object_id, position, kind, reason, bytes(raw)))
            continue
        rows = tables.get((place, where)) or tables.setdefault(
            (place, where), JsonRows(compiled.tables[place], native=native.tables[where] if native else "")
        )
        rows.ids.append(event_id)
        rows.heads.append(head)
        extra = _extended(extra, unknown) if unknown else extra
        rows.extras.append(extra)
        rows.billed.append(billed + len(extra))
        rows.records.append(record)
        rows.raws.append(raw)
        rows.positions.append(position)
        if to_native:
            rows.natives.append(copy)
            rows.natives_billed.append(copy_billed)
    out.rows = [tables[key] for key in sorted(tables)]
    return out


def _with_unknown(
    compiled: CompiledSource, raw: bytes | msgspec.Raw, error: msgspec.ValidationError
) -> tuple[msgspec.Struct, bytes]:
    """Decode a record that has members which its source does not document; return those as JSON too.

    AWS adds members from time to time: they go into AdditionalFields as they stand, and are not lost.
    """
    if "unknown field" not in str(error):
        raise error
    record = compiled.decode_open(raw)
    parts = [
        msgspec.json.encode(name) + b":" + bytes(value)
        for name, value in _MEMBERS.decode(raw).items()
        if name not in compiled.members and bytes(value) != b"null"
    ]
    return record, b",".join(parts)


def _extended(extra: bytes, unknown: bytes) -> bytes:
    return extra[:-1] + (b"," if len(extra) > 2 else b"") + unknown + b"}"


def _explain(error: Exception, compiled: CompiledSource, raw: bytes | msgspec.Raw) -> tuple[FaultKind, str]:
    if isinstance(error, InvalidRecord):
        return "invalid", f"the record has no usable {error}"
    if isinstance(error, RecursionError):
        return "too_deep", "nested deeper than the decoder allows"
    message = str(error)
    if message.startswith(("Expected", "Invalid value")):
        return "wrong_type", _placed(message, compiled, raw)
    return "encoding" if "utf-8" in message.lower() else "malformed", message


def _placed(message: str, compiled: CompiledSource, raw: bytes | msgspec.Raw) -> str:
    """Name the member that the message is about; one that is decoded by itself says its place within it."""
    try:
        members = _MEMBERS.decode(raw)
    except (ValueError, RecursionError):
        return message  # more is wrong with it, further behind
    for name, value in members.items():
        try:
            compiled.objects.get(name, bytes)(bytes(value))
        except msgspec.ValidationError as error:
            if str(error) == message:
                what, _, place = message.partition(" - at `$")
                return f"{what} - at `$.{name}{place or '`'}"
    return message
