"""Mapping files: `mapping.<schema>.yaml` and `native.yaml` beside a source's `source.yaml`.

schema: AuditEvent
table: ASimAuditEventLogs
include: [mapping.common.yaml]
lets:   {name: expression, …}        # named once, used by several columns
fields: {Column: expression, …}
additional: [member, …]              # source members that go into AdditionalFields as they stand

Without `schema` the table is one of Sentinel's own for the source, such as AWSCloudTrail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from tidewaiter.asim.mapping.expression import Expr, inline, parse
from tidewaiter.core.errors import ContentError, ContentErrors, Location

EVENT_ID = "event_id"
"""The name under which a mapping reads the event's id (the source's own, or the positional one)."""


class MappingFile(msgspec.Struct, forbid_unknown_fields=True):
    """The file as it is written."""

    schema: str = ""
    table: str = ""
    description: str = ""
    include: list[str] = msgspec.field(default_factory=list)
    lets: dict[str, str] = msgspec.field(default_factory=dict)
    fields: dict[str, str] = msgspec.field(default_factory=dict)
    additional: list[str] = msgspec.field(default_factory=list)


@dataclass(frozen=True, slots=True)
class MappingSpec:
    """One mapping, parsed: `columns` and `lets` have all lets inlined; `text` keeps what was written."""

    schema: str
    table: str
    description: str
    columns: Mapping[str, Expr]
    text: Mapping[str, str]
    additional: tuple[str, ...]
    lets: Mapping[str, Expr] = field(default_factory=dict)


def load_mapping(name: str, read: Callable[[str], bytes], where: str) -> MappingSpec:
    """Read mapping file `name` and what it includes; `read` gives a file's bytes, `where` names the folder.

    Raises:
        ContentErrors: every expression that does not parse, with its place.
    """
    lets: dict[str, str] = {}
    fields: dict[str, str] = {}
    additional: list[str] = []
    main = _decode(name, read, where)
    for part in (*(_decode(include, read, where) for include in main.include), main):
        lets |= part.lets
        fields |= part.fields
        additional += [member for member in part.additional if member not in additional]
    errors: list[ContentError] = []
    parsed_lets: dict[str, Expr] = {}
    for let, source in lets.items():
        _collect(errors, parsed_lets, let, source, parsed_lets, f"{where}/{name}")
    columns: dict[str, Expr] = {}
    for column, source in fields.items():
        _collect(errors, columns, column, source, parsed_lets, f"{where}/{name}")
    if errors:
        raise ContentErrors(errors)
    return MappingSpec(
        main.schema, main.table, main.description, columns, fields, tuple(additional), parsed_lets
    )


def _collect(
    errors: list[ContentError],
    into: dict[str, Expr],
    name: str,
    source: str,
    lets: Mapping[str, Expr],
    path: str,
) -> None:
    try:
        into[name] = inline(parse(str(source), at=Location(f"{path} ({name})")), lets)
    except ContentError as error:
        errors.append(error)


def _decode(name: str, read: Callable[[str], bytes], where: str) -> MappingFile:
    try:
        return msgspec.yaml.decode(read(name), type=MappingFile)
    except (msgspec.MsgspecError, OSError) as error:
        raise ContentError(str(error), at=Location(f"{where}/{name}")) from None
