"""ASIM schemas and Log Analytics tables as data: what the docs, the tester and the tables say.

Sources, read 2026-11-22: Microsoft's ASIM schema pages (the authority "docs"), the rows of ASimTester.csv
in Azure/Azure-Sentinel (the authority "tester"), and the table reference of Azure Monitor. `data/` holds
them as `tools/asim_data.py` wrote them; `data/corrections.json` says, with reasons, where the extraction
of a page is not what the page means, and is applied here.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib import resources
from types import MappingProxyType
from typing import Literal, TypeVar

import msgspec

from tidewaiter.core.errors import ContentError, Location

_T = TypeVar("_T")

SYSTEM_COLUMNS = frozenset(
    {"TenantId", "Type", "_ResourceId", "_SubscriptionId", "_BilledSize", "_IsBillable", "SourceSystem"}
)
"""Columns that the service sets itself; a sender never fills them."""

_IANA_NAMES = frozenset({"DnsQueryClassName", "DnsQueryTypeName"})
"""Logical types whose values the tester looks up in IANA's DNS parameters, beside a field's own list."""


class TesterField(msgspec.Struct, frozen=True):
    """A field as ASimTester.csv has it; `cls` is the column Class, `alias_of` the column AliasedField.

    For a Conditional field `alias_of` names the fields whose presence makes it mandatory.
    """

    cls: str = msgspec.field(name="class", default="")
    type: str = ""
    logical: str = ""
    allowed: tuple[str, ...] = ()
    alias_of: tuple[str, ...] = ()


class Field(msgspec.Struct, frozen=True):
    """A field of an ASIM schema: what the docs say, and in `tester` what the tester says.

    `cls` is Mandatory, Recommended, Optional, Conditional, Alias, or empty for a column that only the
    table has. `type` is a KQL type (empty for some aliases). `allowed` holds the docs' list of values:
    the field's own, or else that of its logical type; it is empty when the docs list nothing.
    """

    name: str
    cls: str
    type: str
    logical: str
    allowed: tuple[str, ...]
    alias_of: tuple[str, ...]
    conditional_on: str
    tester: TesterField | None

    @property
    def common_allowed(self) -> frozenset[str] | None:
        """The values that docs and tester both accept; None when neither lists any.

        When only one of them has a list, it is that list. An empty set means that the two lists have
        no value in common: the field is best left empty. Where the tester goes by IANA's names, its list
        only adds to them.
        """
        lists = [frozenset(self.allowed)] if self.allowed else []
        if self.tester and self.tester.allowed and self.tester.logical not in _IANA_NAMES:
            lists.append(frozenset(self.tester.allowed))
        return frozenset.intersection(*lists) if lists else None


class Schema(msgspec.Struct, frozen=True):
    """An ASIM schema, such as AuditEvent, with its fields by name."""

    name: str
    fields: Mapping[str, Field]


class Table(msgspec.Struct, frozen=True):
    """A Log Analytics table: all its columns with their KQL types, and its ASIM schema if it has one.

    `ingestible`: the Logs Ingestion API takes rows for it; the other tables only Azure's services fill.
    """

    name: str
    schema: str | None
    columns: Mapping[str, str]
    ingestible: bool = False

    @property
    def sendable(self) -> Mapping[str, str]:
        """The columns that a sender may fill: all but those that the service sets."""
        return {name: kind for name, kind in self.columns.items() if name not in SYSTEM_COLUMNS}


class Correction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A dated correction of what was extracted from a docs page, with the reason for it."""

    schema: str
    field: str
    member: Literal["allowed", "logical"]
    was: str | tuple[str, ...]
    value: str | tuple[str, ...]
    date: str
    page: str
    reason: str


class _FieldFacts(TesterField, frozen=True):
    conditional_on: str = ""
    tester: TesterField | None = None


class _LogicalType(msgspec.Struct, frozen=True):
    type: str
    allowed: tuple[str, ...] = ()


class _SchemaFile(msgspec.Struct, frozen=True):
    logical_types: dict[str, _LogicalType]
    schemas: dict[str, dict[str, _FieldFacts]]


class _TableFile(msgspec.Struct, frozen=True):
    columns: dict[str, dict[str, str]]
    schemas: dict[str, str]


class _IngestionFile(msgspec.Struct, frozen=True):
    page: str
    date: str
    tables: frozenset[str]


class _ProtocolFile(msgspec.Struct, frozen=True):
    keywords: dict[int, str]


def schemas() -> Mapping[str, Schema]:
    """Return all ASIM schemas by name."""
    return _schemas()


def tables() -> Mapping[str, Table]:
    """Return all known tables by name."""
    return _tables()


def schema(name: str) -> Schema:
    """Return the ASIM schema with that name; raise ContentError when there is none."""
    return _named(_schemas(), name, "ASIM schema")


def table(name: str) -> Table:
    """Return the table with that name; raise ContentError when it is not known."""
    return _named(_tables(), name, "table")


def field(schema_name: str, field_name: str) -> Field:
    """Return a field of a schema; raise ContentError when either does not exist."""
    return _named(schema(schema_name).fields, field_name, f"field of {schema_name}")


def schema_of_table(table_name: str) -> Schema | None:
    """Return the schema whose rows a table holds; None for tables that are not native ASIM tables."""
    name = table(table_name).schema
    return None if name is None else schema(name)


def column_types(table_name: str) -> Mapping[str, str]:
    """Return all columns of a table with their KQL types, those that the service sets included."""
    return table(table_name).columns


def allowed_values(schema_name: str, field_name: str) -> frozenset[str] | None:
    """Return the values that docs and tester both accept, exactly; see `Field.common_allowed`."""
    return field(schema_name, field_name).common_allowed


@lru_cache(maxsize=1)
def corrections() -> tuple[Correction, ...]:
    """Return the corrections that are applied to the docs' side of the schemas."""
    return msgspec.json.decode(_data("corrections.json"), type=tuple[Correction, ...])


@lru_cache(maxsize=1)
def network_protocols() -> Mapping[int, str]:
    """Return IANA's protocol keywords by number (6 -> TCP); numbers without a keyword are absent."""
    found = msgspec.json.decode(_data("network_protocols.json"), type=_ProtocolFile)
    return MappingProxyType(found.keywords)


@lru_cache(maxsize=1)
def _schemas() -> Mapping[str, Schema]:
    facts = msgspec.json.decode(_data("schemas.json"), type=_SchemaFile)
    found: dict[str, dict[str, _FieldFacts]] = facts.schemas
    for correction in corrections():
        found[correction.schema][correction.field] = _corrected(
            found[correction.schema][correction.field], correction
        )
    listed = {name: logical.allowed for name, logical in facts.logical_types.items()}
    built = {}
    for name, fields in found.items():
        members = {field_name: _field(field_name, facts, listed) for field_name, facts in fields.items()}
        built[name] = Schema(name, MappingProxyType(members))
    return MappingProxyType(built)


def _field(name: str, facts: _FieldFacts, listed: Mapping[str, tuple[str, ...]]) -> Field:
    return Field(
        name=name,
        cls=facts.cls,
        type=facts.type,
        logical=facts.logical,
        allowed=facts.allowed or listed.get(facts.logical, ()),
        alias_of=facts.alias_of,
        conditional_on=facts.conditional_on,
        tester=facts.tester,
    )


def _corrected(facts: _FieldFacts, correction: Correction) -> _FieldFacts:
    """Apply a correction; one that no longer meets what was extracted has to be looked at again."""
    if getattr(facts, correction.member) != correction.was:
        raise ContentError(
            f"the correction of {correction.schema}.{correction.field} is outdated: "
            f"{correction.member} is now {getattr(facts, correction.member)!r}",
            at=Location("asim/data/corrections.json"),
            hint=f"read the page {correction.page} again, then change or drop the correction",
        )
    return msgspec.structs.replace(facts, **{correction.member: correction.value})


@lru_cache(maxsize=1)
def _tables() -> Mapping[str, Table]:
    facts = msgspec.json.decode(_data("tables.json"), type=_TableFile)
    takes = msgspec.json.decode(_data("ingestion_api.json"), type=_IngestionFile).tables
    return MappingProxyType(
        {
            name: Table(name, facts.schemas.get(name), MappingProxyType(columns), name in takes)
            for name, columns in facts.columns.items()
        }
    )


def _data(name: str) -> bytes:
    return resources.files("tidewaiter.asim").joinpath("data", name).read_bytes()


def _named(known: Mapping[str, _T], name: str, what: str) -> _T:
    found = known.get(name)
    if found is None:
        raise ContentError(f"unknown {what} {name!r}", hint=_did_you_mean(name, known))
    return found


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    names = {candidate.lower(): candidate for candidate in sorted(known)}
    wanted = name.lower()
    longer = sorted((x for x in names if wanted and x.startswith(wanted)), key=len)
    near = longer or difflib.get_close_matches(wanted, names, n=1)
    if near:
        return f"did you mean {names[near[0]]!r}?"
    return "known are " + ", ".join(names.values()) if len(names) <= 20 else ""
