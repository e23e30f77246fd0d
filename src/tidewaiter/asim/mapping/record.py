"""The typed shape of a source's records: what `record:` in source.yaml says, as msgspec structs.

    eventID: text                 # text | int | bool | any | json
    userIdentity: {type: text}    # an object with typed members
    detail: whole/findings        # no member: the record itself, as the one element of this object's list

`text`, `int` and `bool` are strict: a record with another type there is quarantined. `any` takes any JSON
value (read as text when it is a scalar). `json` is polymorphic and kept as its raw bytes.
"""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

from tidewaiter.core.errors import ContentError

Shape = Mapping[str, "str | Shape"]
_SCALARS: dict[str, Any] = {"text": str | None, "int": int | None, "bool": bool | None, "any": Any}
NULL = msgspec.Raw(b"null")


_WHOLE = "whole/"


@dataclass(frozen=True, slots=True)
class Whole:
    """A name under which a mapping reads the record itself: an object whose list `list` holds it alone.

    A table that keeps what an event was about keeps it so, in the envelope that its connector reads.
    """

    name: str
    list: str

    def raw(self, record: bytes | msgspec.Raw) -> bytes:
        """Return the object as JSON."""
        return b"".join((b"{", msgspec.json.encode(self.list), b":[", bytes(record), b"]}"))

    def value(self, record: Any) -> Any:
        """Return the object for a record that is decoded."""
        return {self.list: [record]}


@dataclass(frozen=True, slots=True)
class RecordType:
    """Members of a record: `kinds[name]` is text, int, bool, any, json or object.

    `shapes[name]` is the shape of an object member, and `structs[name]` the struct that decodes its raw
    bytes; `struct` decodes a record, with object and json members left raw, and refuses members that it
    does not know; `open_struct` passes over those.
    """

    kinds: Mapping[str, str]
    shapes: Mapping[str, Shape]
    structs: Mapping[str, type[msgspec.Struct]]
    struct: type[msgspec.Struct]
    open_struct: type[msgspec.Struct]
    whole: Whole | None = None


@cache
def attribute(name: str) -> str:
    """Return a Python attribute name for a member's name."""
    plain = "".join(c if c.isalnum() and c.isascii() else "_" for c in name)
    return f"m_{plain}" if keyword.iskeyword(plain) or not plain or not plain[0].isalpha() else plain


def record_type(shape: Shape) -> RecordType:
    """Build the record type.

    Raises:
        ContentError: a type that is not one of the five.
    """
    kinds = {name: value if isinstance(value, str) else "object" for name, value in shape.items()}
    wholes = [Whole(n, kind.removeprefix(_WHOLE)) for n, kind in kinds.items() if kind.startswith(_WHOLE)]
    kinds |= {whole.name: "json" for whole in wholes}
    fields: list[tuple[str, Any, Any]] = []
    for name, kind in kinds.items():
        if kind in ("object", "json"):
            fields.append((attribute(name), msgspec.Raw, NULL))
        else:
            fields.append((attribute(name), _scalar(name, kind), None))
    shapes = {name: value for name, value in shape.items() if not isinstance(value, str)}
    structs = {name: object_struct(name, value) for name, value in shapes.items()}
    renames = _renames(kinds)
    struct = msgspec.defstruct("Record", fields, rename=renames, gc=False, forbid_unknown_fields=True)
    open_struct = msgspec.defstruct("OpenRecord", fields, rename=renames, gc=False)
    return RecordType(kinds, shapes, structs, struct, open_struct, next(iter(wholes), None))


def object_struct(name: str, shape: Shape) -> type[msgspec.Struct]:
    """Build the struct of an object member; nested objects become nested structs, null allowed."""
    fields: list[tuple[str, Any, Any]] = []
    for member, value in shape.items():
        if isinstance(value, str):
            fields.append((attribute(member), _scalar(member, value), None))
        else:
            fields.append((attribute(member), object_struct(member, value) | None, None))
    return msgspec.defstruct(f"{attribute(name)}_object", fields, rename=_renames(shape), gc=False)


def _scalar(name: str, kind: str) -> Any:
    if kind not in _SCALARS:
        raise ContentError(f"unknown type {kind!r} of member {name!r}", hint="text, int, bool, any or json")
    return _SCALARS[kind]


def _renames(names: Mapping[str, object]) -> dict[str, str]:
    return {attribute(name): name for name in names if attribute(name) != name}
