"""Audit records: canonical JSON lines, each with the hash of the one before it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import msgspec

Body = Mapping[str, Any]
"""What happened: texts, whole numbers, booleans, nulls, lists and objects of them. No floats: a number with a
fraction has more than one spelling, so it goes in as text."""

GENESIS = "0" * 64
"""What stands for the record before the first."""

FOREIGN = "foreign"
"""The kind of a record which says that something stood in the chain that no writer had announced."""

_encode = msgspec.json.Encoder(order="sorted").encode


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line. `hash` is of all other members in canonical form, `prev` that of the line before."""

    seq: int
    at: str
    kind: str
    actor: str
    body: dict[str, Any]
    prev: str
    hash: str = ""


_read = msgspec.json.Decoder(Record).decode


def make(seq: int, at: datetime, kind: str, actor: str, body: Body, prev: str) -> Record:
    """Return the record that follows the one whose hash is `prev`.

    Raises:
        ValueError: the body holds a float, or something that is not JSON.
    """
    check(body)
    stamp = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    bare = Record(seq, stamp, kind, actor, dict(body), prev)
    return msgspec.structs.replace(bare, hash=hash_of(bare))


def hash_of(record: Record) -> str:
    """Return the hash that a record ought to have."""
    body = msgspec.to_builtins(record)
    del body["hash"]
    return sha256(_encode(body)).hexdigest()


def line_of(record: Record) -> bytes:
    """Return a record's one spelling, with its line end."""
    return _encode(msgspec.to_builtins(record)) + b"\n"


def read(line: bytes) -> Record:
    """Read a line without its end.

    Raises:
        ValueError: not JSON, not a record, or spelled in another way than `line_of` does.
    """
    record = _read(line)
    if line_of(record)[:-1] != line:
        raise ValueError("the record is not in its canonical form")
    return record


def check(value: object) -> None:
    """Raise ValueError for what an audit record cannot hold."""
    if isinstance(value, float):
        shown = "a number that is none" if math.isnan(value) else repr(value)
        raise ValueError(f"an audit record holds no fractions: {shown}")
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise ValueError("the names in an audit record are texts")
        for item in value.values():
            check(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            check(item)
    elif not isinstance(value, (str, int, bool, type(None))):
        raise ValueError(f"an audit record cannot hold a {type(value).__name__}")
