"""A record's own id: what `event_id:` in source.yaml says, as a function of the typed record."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter

import msgspec

from tidewaiter.asim.mapping.evaluate import evaluate
from tidewaiter.asim.mapping.expression import Expr, Field, members, walk
from tidewaiter.asim.mapping.operators import Value, text
from tidewaiter.asim.mapping.record import RecordType, attribute
from tidewaiter.asim.mapping.runtime import decode_any, decoder_of_names
from tidewaiter.core.errors import ContentError

Identify = Callable[[msgspec.Struct], str | None]


def identifier(expr: Expr | None, record: RecordType) -> Identify:
    """Return the function that reads a record's id; None for a record that has none, or no `expr`.

    Raises:
        ContentError: the expression reads what the record does not have.
    """
    if expr is None:
        return lambda _: None
    kinds = {attribute(name): kind for name, kind in record.kinds.items()}
    for member in members(expr) - set(kinds):
        raise ContentError(f"unknown member {member!r} in event_id")
    if isinstance(expr, Field) and kinds.get(expr.member) == "text" and len(expr.path) == 1:
        get: Identify = attrgetter(expr.member)
        return get
    read = {member: _reader(member, kinds[member], expr) for member in sorted(members(expr))}

    def identify(of: msgspec.Struct) -> str | None:
        return text(evaluate(expr, {member: get(of) for member, get in read.items()}, {}))

    return identify


def _reader(member: str, kind: str, expr: Expr) -> Callable[[msgspec.Struct], Value]:
    """Return the function that gives a member's value, decoded no further than the expression needs."""
    get = attrgetter(member)
    if kind not in ("object", "json"):
        return get
    paths = [node.path for node in walk(expr) if isinstance(node, Field) and node.member == member]
    if any(len(path) != 2 or not isinstance(path[1], str) for path in paths):
        return lambda of: decode_any(bytes(get(of)))
    names = sorted({str(path[1]) for path in paths})
    decode = decoder_of_names(f"{member}_for_id", names)

    def some(of: msgspec.Struct) -> Value:
        found = decode(bytes(get(of)))
        return found and {name: getattr(found, attribute(name)) for name in names}

    return some
