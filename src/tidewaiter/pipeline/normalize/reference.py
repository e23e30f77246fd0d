"""The row that a record must become by the interpreter: slow, plain, and the judge of the compilers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from tidewaiter.asim.mapping.evaluate import column, truth
from tidewaiter.asim.mapping.operators import Value
from tidewaiter.asim.mapping.record import attribute
from tidewaiter.asim.mapping.runtime import decode_any
from tidewaiter.asim.mapping.source_mapping import SourceMapping
from tidewaiter.asim.mapping.spec import EVENT_ID

NO_VALUE = "-"
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class ReferenceRow:
    """One row: its columns without AdditionalFields, the raw JSON of each member of that, and its route."""

    table: str
    columns: Mapping[str, Value]
    additional: Mapping[str, bytes]
    place: int


def reference_of_json(mapping: SourceMapping, raw: bytes, event_id: str) -> ReferenceRow | None:
    """Return the row of a JSON record; None when no route takes it. The record must be an object.

    Additional members are the source's bytes; those of a scalar type the same value in plain JSON.
    """
    decoded = decode_any(raw)
    if not isinstance(decoded, dict):
        return None
    record = record_of(mapping, decoded) | {EVENT_ID: event_id}
    members = _MEMBERS.decode(raw)
    kept = {name for name, kind in mapping.record.kinds.items() if kind in ("json", "object")}

    def additional(names: Sequence[str]) -> dict[str, bytes]:
        unknown = [name for name in members if name not in mapping.record.kinds]
        held = {name: bytes(members[name]) for name in (*names, *unknown) if name in members}
        texts = {
            name: msgspec.json.encode(decoded[name]) for name in held if name not in (kept | set(unknown))
        }
        return {name: value for name, value in (held | texts).items() if value != b"null"}

    raws = {attribute(name): bytes(members[name]) for name in kept if name in members}
    if whole := mapping.record.whole:
        raws[attribute(whole.name)] = whole.raw(raw)
    return _reference(mapping, record, additional, raws)


def record_of(mapping: SourceMapping, decoded: Mapping[str, Value]) -> dict[str, Value]:
    """Return the members that a mapping reads, by their attributes."""
    record = {attribute(name): decoded.get(name) for name in mapping.record.kinds}
    if whole := mapping.record.whole:
        record[attribute(whole.name)] = whole.value(decoded)
    return record


def reference_of_line(
    mapping: SourceMapping, fields: Sequence[str], line: bytes, event_id: str, separator: str = " "
) -> ReferenceRow | None:
    """Return the row of a line of delimited text whose fields are of the right types."""
    texts = dict(zip(fields, line.decode().split(separator), strict=True))
    kinds = mapping.record.kinds
    values = {name: _typed(text, kinds.get(name, "text")) for name, text in texts.items()}
    record = {attribute(name): value for name, value in values.items() if name in kinds}

    def additional(names: Sequence[str]) -> dict[str, bytes]:
        kept = {name: v for name, v in values.items() if name not in kinds or name in names}
        return {name: msgspec.json.encode(v) for name, v in kept.items() if v is not None}

    row = _reference(mapping, record | {EVENT_ID: event_id}, additional)
    return row and replace(row, columns=_as_in_frames(row.columns, mapping.types[row.table]))


def _as_in_frames(columns: Mapping[str, Value], types: Mapping[str, str]) -> dict[str, Value]:
    """Write times as frames have them: whole microseconds, six digits of them or none."""
    return {
        name: f"{datetime.fromisoformat(value).replace(tzinfo=None).isoformat()}Z"
        if types[name] == "datetime" and isinstance(value, str)
        else value
        for name, value in columns.items()
    }


def _typed(text: str, kind: str) -> Value:
    if text in ("", NO_VALUE):
        return None
    return int(text) if kind == "int" else text


def _reference(
    mapping: SourceMapping,
    record: Mapping[str, Value],
    additional: Callable[[Sequence[str]], dict[str, bytes]],
    raws: Mapping[str, bytes] | None = None,
) -> ReferenceRow | None:
    for place, route in enumerate(mapping.routes):
        if truth(route.when, record, mapping.lookups):
            table = route.mapping.table
            types = mapping.types[table]
            columns = {
                name: column(expr, types[name], record, mapping.lookups, raws)
                for name, expr in route.mapping.columns.items()
            }
            held = {name: value for name, value in columns.items() if value is not None}
            return ReferenceRow(table, held, additional(route.mapping.additional), place)
    return None
