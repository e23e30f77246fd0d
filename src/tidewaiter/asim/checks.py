"""The rules for one table, compiled: a check per column and the rules between columns.

Who wants what is decided here, once per table. What docs and tester both want, and the table can hold,
is the gate (`common`, an error). What one of them wants alone is a warning in its name. What the table
has no column for is only told: the KQL function over the table adds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import msgspec

from tidewaiter.asim import logical
from tidewaiter.asim.report import Authority, Level
from tidewaiter.asim.schema import SYSTEM_COLUMNS, Field, Schema, Table, schema_of_table, table

MAX_BYTES = 65_536
"""The service cuts a field at 64 KB (Logs Ingestion API, August 2026)."""

MEMO_ENTRIES, MEMO_LENGTH = 20_000, 200


class Issue(NamedTuple):
    """A rule that a value breaks."""

    level: Level
    authority: Authority
    rule: str
    message: str


ColumnCheck = Callable[[object], tuple[Issue, ...]]
"""Returns the rules that a value breaks; the value is neither None nor ''."""


_Rule = tuple[logical.Check, Issue]


class Conditional(NamedTuple):
    """A column that must be filled in each row that fills `parent`."""

    column: str
    parent: str
    issue: Issue


ColumnIssue = tuple[str, Issue]


@dataclass(frozen=True, slots=True)
class TableChecks:
    """The compiled rules of one table.

    `columns` has a check for each column that a sender may fill, `system` names the others. `filled`
    lists columns with the issue of a row that leaves them empty, `told` what is to be told of the
    table as a whole, whatever its rows.
    """

    columns: Mapping[str, ColumnCheck]
    system: frozenset[str]
    filled: tuple[ColumnIssue, ...]
    conditional: tuple[Conditional, ...]
    told: tuple[ColumnIssue, ...]


@lru_cache(maxsize=64)
def table_checks(name: str) -> TableChecks:
    """Return the rules of a table; raise ContentError when the table is not known."""
    target = table(name)
    schema = schema_of_table(name)
    fields = schema.fields if schema else {}
    columns = {column: column_check(kind, fields.get(column)) for column, kind in target.sendable.items()}
    system = SYSTEM_COLUMNS.intersection(target.columns)
    if schema is None:
        return TableChecks(columns, system, (("TimeGenerated", _NO_TIME),), (), ())
    return TableChecks(
        columns,
        system,
        filled=tuple(_filled(schema, columns)),
        conditional=tuple(_conditional(schema, columns)),
        told=tuple(_told(schema, target)),
    )


def column_check(kind: str, field: Field | None) -> ColumnCheck:
    """Return the check of a column of the KQL type `kind` that may hold a field of a schema."""
    asim_rules = tuple(_asim_rules(kind, field)) if field else ()
    check = _applied(kind, (_SIZE, *asim_rules))
    if kind != "string":
        return check
    return _remembering(check) if asim_rules else _short_cut(check)


def _applied(kind: str, rules: Iterable[_Rule]) -> ColumnCheck:
    is_kind = logical.type_check(kind)
    wrong_type = (Issue("error", "table", "type", f"not a value of the column's type {kind}"),)
    wanted = tuple(rules)

    def check(value: object) -> tuple[Issue, ...]:
        if not is_kind(value):
            return wrong_type
        return tuple([issue for holds, issue in wanted if not holds(value)])

    return check


def _remembering(check: ColumnCheck) -> ColumnCheck:
    """Return the check with a memory of good texts: such columns repeat few values."""
    good: set[str] = set()

    def remembering(value: object) -> tuple[Issue, ...]:
        if value.__class__ is str and value in good:
            return ()
        issues = check(value)
        if not issues and isinstance(value, str) and len(value) <= MEMO_LENGTH:
            if len(good) >= MEMO_ENTRIES:
                good.clear()
            good.add(value)
        return issues

    return remembering


def _short_cut(check: ColumnCheck) -> ColumnCheck:
    """Return the check with a quick way for short ASCII texts, which free text columns always accept."""

    def quick(value: object) -> tuple[Issue, ...]:
        if isinstance(value, str) and value.isascii() and len(value) <= MAX_BYTES:
            return ()
        return check(value)

    return quick


def _is_short(value: object) -> bool:
    if isinstance(value, str):
        return len(value) * 4 <= MAX_BYTES or len(value.encode()) <= MAX_BYTES
    if isinstance(value, (bytes, msgspec.Raw)):
        return len(bytes(value)) <= MAX_BYTES
    if isinstance(value, (dict, list, tuple)):
        return len(msgspec.json.encode(value)) <= MAX_BYTES
    return True


_NO_TIME = Issue("error", "table", "mandatory", "every row needs a time")
_SIZE: _Rule = (_is_short, Issue("warning", "table", "too_long", "over 64 KB: the service cuts it"))
_COUNT: _Rule = (
    logical.at_least_one,
    Issue("error", "common", "event_count", "a row stands for one event or more"),
)
_BAG: _Rule = (logical.is_bag, Issue("warning", "docs", "bag", "should be an object of key-value pairs"))


def _asim_rules(kind: str, field: Field) -> Iterable[_Rule]:
    if field.name == "EventCount":
        yield _COUNT
    if field.name == "AdditionalFields":
        yield _BAG
    yield from _type_rules(kind, field)
    yield from _logical_rules(field)
    if kind == "string":
        yield from _enum_rules(field)


def _type_rules(kind: str, field: Field) -> Iterable[_Rule]:
    """The type of the table's column stands; an authority that wants another one is told of."""
    claims: list[tuple[Authority, str]] = [("docs", field.type)]
    if field.tester:
        claims.append(("tester", field.tester.type))
    for authority, wanted in claims:
        if wanted and wanted != kind:
            message = f"the field is {wanted} there, the column {kind}"
            yield (lambda _: False), Issue("warning", authority, "type_differs", message)


def _logical_rules(field: Field) -> Iterable[_Rule]:
    testers = field.tester.logical if field.tester else ""
    wanted: dict[Authority, str] = {"docs": field.logical, "tester": testers}
    if field.logical == testers:
        wanted = {"common": testers}
    for authority, name in wanted.items():
        check = logical.logical_check(name)
        if check:
            level: Level = "warning" if authority != "common" or name.startswith("Recommended") else "error"
            yield check, Issue(level, authority, "logical_type", f"not of the logical type {name}")


def _enum_rules(field: Field) -> Iterable[_Rule]:
    """A value has to be in the common ground; an authority that alone refuses it is named as well."""
    common = field.common_allowed
    if common is None:
        return
    rest = f"use one of: {', '.join(sorted(common))}" if common else "leave it empty, they share none"
    message = f"not a value that docs and tester share; {rest}"
    yield (lambda value: value in common), Issue("error", "common", "enum", message)
    docs, testers = frozenset(field.allowed), frozenset(field.tester.allowed if field.tester else ())
    if docs and testers:
        yield _outside(docs - testers), Issue("warning", "tester", "enum", "only the docs list this value")
        yield _outside(testers - docs), Issue("warning", "docs", "enum", "only the tester lists this value")


def _outside(values: frozenset[str]) -> logical.Check:
    return lambda value: value not in values


def _filled(schema: Schema, columns: Iterable[str]) -> Iterable[ColumnIssue]:
    for name in columns:
        field = schema.fields.get(name)
        if field is None:
            continue
        if authority := _who_says("Mandatory", field):
            level: Level = "error" if authority == "common" else "warning"
            yield name, Issue(level, authority, "mandatory", "mandatory field, empty")
        elif authority := _who_says("Recommended", field):
            yield name, Issue("warning", authority, "recommended", "recommended field, empty")


def _who_says(cls: str, field: Field) -> Authority | None:
    """Return who gives a field that class: both, one of them, or none."""
    docs, testers = field.cls == cls, field.tester is not None and field.tester.cls == cls
    if docs and testers:
        return "common"
    if docs:
        return "docs"
    return "tester" if testers else None


def _conditional(schema: Schema, columns: Mapping[str, ColumnCheck]) -> Iterable[Conditional]:
    """Rules for columns that another one makes mandatory, where the table has both."""
    for name in columns:
        field = schema.fields.get(name)
        for authority, parent in _parents(field) if field else ():
            if parent in columns:
                level: Level = "error" if authority == "common" else "warning"
                issue = Issue(level, authority, "conditional", f"empty although {parent} is filled")
                yield Conditional(name, parent, issue)


def _parents(field: Field) -> Iterable[tuple[Authority, str]]:
    """Return what makes a field mandatory; where the docs do not name it, it is what the tester names."""
    docs = field.cls == "Conditional"
    testers = field.tester.alias_of if field.tester and field.tester.cls == "Conditional" else ()
    if docs and testers and field.conditional_on in ("", *testers):
        return [("common", parent) for parent in testers]
    alone: list[tuple[Authority, str]] = [("tester", parent) for parent in testers]
    if docs and field.conditional_on:
        alone.append(("docs", field.conditional_on))
    return alone


def _told(schema: Schema, target: Table) -> Iterable[ColumnIssue]:
    """What the tester will miss in the table itself, for want of a column; aliases are never asked for."""
    for name, field in schema.fields.items():
        if name in target.columns or field.cls == "Alias" or field.tester is None:
            continue
        for rule in ("Mandatory", "Recommended"):
            if authority := _who_says(rule, field):
                message = f"{rule.lower()} field without a column here: the function over the table adds it"
                yield name, Issue("info", authority, "no_column", message)
                break
