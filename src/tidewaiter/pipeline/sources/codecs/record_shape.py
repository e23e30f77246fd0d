"""What a record of a source looks like, and how it is taken out of a shipper's record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from tidewaiter.content.recognition import JsonShape, OtherForm
from tidewaiter.core.faults import FaultKind
from tidewaiter.pipeline.sources.codecs.json_values import (
    MEMBERS,
    RAW,
    RAW_LIST,
    TEXT,
    is_one_line,
    one_line,
    skip_space,
)

_NESTING = 3
"""How many wrappers may lie around each other: EventBridge's inside Splunk's, and one to spare."""

CONTROL_MESSAGE = "CWL CONTROL MESSAGE"
"""Begins what CloudWatch Logs sends to see whether a subscription can be reached; it is no record."""


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """A record taken out of its wrappers; with a `problem`, none could be; `control`: there is none.

    `records` are those of a document with a list of them, where that is what the wrappers held.
    """

    record: bytes | msgspec.Raw
    problem: FaultKind | None = None
    reason: str = ""
    control: bool = False
    records: tuple[msgspec.Raw, ...] | None = None


def members_of(raw: bytes | memoryview | msgspec.Raw) -> dict[str, msgspec.Raw] | None:
    """Return the members of a JSON object, None if it is not an object or does not decode."""
    try:
        return MEMBERS.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def fits(shape: JsonShape, raw: bytes | memoryview | msgspec.Raw) -> bool:
    """Say whether the value is a record of the shape, wrapped or not."""
    found = members_of(raw)
    return found is not None and (has_members(shape, found) or _is_inside(shape, found))


def has_members(shape: JsonShape, found: Mapping[str, object]) -> bool:
    """Say whether all members that the shape asks for are there."""
    return any(all(name in found for name in form) for form in shape.forms)


def wrapper_of(shape: JsonShape, found: Mapping[str, msgspec.Raw]) -> str | None:
    """Return the name of the member that wraps a record, None if there is none."""
    return next((name for name in shape.wrappers if bytes(found.get(name, b""))[:1] in (b"{", b'"')), None)


def is_wrapped(shape: JsonShape, raw: bytes | msgspec.Raw) -> bool:
    """Say whether the value is not a record itself but has a member that can hold one, or another form."""
    found = members_of(raw) if shape.wrappers else None
    return found is not None and not has_members(shape, found) and _is_inside(shape, found)


def other_form(shape: JsonShape, found: Mapping[str, object]) -> OtherForm | None:
    """Return the form that is to be put into the one that is read, None if the record has no such form."""
    return next((form for form in shape.other_forms if all(name in found for name in form.members)), None)


def _is_inside(shape: JsonShape, found: Mapping[str, msgspec.Raw]) -> bool:
    return wrapper_of(shape, found) is not None or other_form(shape, found) is not None


def _put_into(form: OtherForm, found: Mapping[str, msgspec.Raw], record: bytes | msgspec.Raw) -> bytes:
    """Write the record in the form that is read; what it does not have, the other has not either."""
    values: dict[str, object] = dict(form.says)
    for name, path in form.into.items():
        value = msgspec.Raw(bytes(record)) if path == "." else _at(found, path)
        if value is not None:
            values[name] = value
    return msgspec.json.encode(values)


def _at(found: Mapping[str, msgspec.Raw], path: str) -> msgspec.Raw | None:
    *names, last = path.split(".")
    held: Mapping[str, msgspec.Raw] | None = found
    for name in names:
        held = members_of(held[name]) if held and name in held else None
    return held.get(last) if held else None


def unwrap(shape: JsonShape, raw: bytes | msgspec.Raw) -> Unwrapped:
    """Take the record out of its wrappers; a value that is no wrapper comes back as it is."""
    record: bytes | msgspec.Raw = raw
    for _ in range(_NESTING):
        found = members_of(record)
        form = None if found is None or has_members(shape, found) else other_form(shape, found)
        if form is not None and found is not None:
            record = _put_into(form, found, record)
            break
        name = None if found is None or has_members(shape, found) else wrapper_of(shape, found)
        if found is None or name is None:
            listed = None if found is None or has_members(shape, found) else _listed(shape, found)
            if listed is not None:
                return Unwrapped(raw, records=listed)
            break
        inner: bytes | msgspec.Raw = found[name]
        if bytes(inner).startswith(b'"'):
            try:
                inner = TEXT.decode(inner).encode()
                if inner.startswith(CONTROL_MESSAGE.encode()):
                    return Unwrapped(raw, control=True)
                start = skip_space(inner, 0)
                inner = RAW.decode(inner[start:])
            except RecursionError:
                return Unwrapped(raw, "too_deep", f"the record in {name} is nested too deep")
            except (msgspec.MsgspecError, UnicodeError) as error:
                return Unwrapped(raw, "malformed", f"{name} does not hold a JSON record: {error}")
        record = inner
    data = bytes(record)
    if is_one_line(data):
        return Unwrapped(record)
    try:
        return Unwrapped(one_line(data))
    except RecursionError:
        return Unwrapped(raw, "too_deep", "the record is nested too deep")


def _listed(shape: JsonShape, found: Mapping[str, msgspec.Raw]) -> tuple[msgspec.Raw, ...] | None:
    """Return the records of a document that holds a list of them; None when it is no such document."""
    for envelope in shape.envelopes:
        value = _at(found, envelope)
        if value is not None and bytes(value)[:1] == b"[":
            return tuple(RAW_LIST.decode(value))
    return None
