"""Are the targets equal? Records through the reference meaning, and through KQL, column by column.

A case is a valid record with the row that it must become and with its row of a native table. The functions
run on the native rows, the transformations on the records; how, the caller knows. A column counts
as equal unless a value that the target cannot read is there: then it is not compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from tidewaiter.asim.mapping.evaluate import Lookups, evaluate, resolve
from tidewaiter.asim.mapping.evaluate import column as column_of
from tidewaiter.asim.mapping.expression import Const, Expr, Op, lookups, members
from tidewaiter.asim.mapping.kql.binding import Path
from tidewaiter.asim.mapping.kql.functions import KqlFunction
from tidewaiter.asim.mapping.kql.transforms import LISTS, Transform
from tidewaiter.asim.mapping.operators import exists, text
from tidewaiter.asim.mapping.record import attribute
from tidewaiter.asim.mapping.runtime import decode_any
from tidewaiter.asim.mapping.spec import EVENT_ID
from tidewaiter.content.sources import SourceSpec
from tidewaiter.pipeline.normalize.held import Holding, odd_time, times_of
from tidewaiter.pipeline.normalize.reference import (
    ReferenceRow,
    record_of,
    reference_of_json,
    reference_of_line,
)

LONGEST_FIELD = 64 << 10
"""Bytes: "Fields longer than 64 KB are truncated" ("Azure Monitor service limits", 2025-08-28)."""
KEPT = "SourceSystem"
"""A column that every table has and no mapping reads: in the rows under test it numbers them."""
Rows = Sequence[Mapping[str, Any]]
Run = Callable[[KqlFunction, Mapping[str, Rows]], Rows]
"""Runs a function on the rows of its tables."""
RunTransform = Callable[[Transform, Rows], Rows]


class Difference(msgspec.Struct, frozen=True):
    """A column that a target gives another value than the mapping means."""

    target: str
    case: int
    column: str
    expected: str
    got: str


@dataclass(frozen=True, slots=True)
class Case:
    """A record under test: its members, the row that it must become, its native row, and its route."""

    record: Mapping[str, Any]
    place: int
    row: ReferenceRow
    native: ReferenceRow | None


@dataclass(frozen=True, slots=True)
class Compared:
    """What came out: cases, values that were compared and that were not, and the differences.

    `unread` are values that depend on what the target cannot read. Of a function they are held against what
    the native table holds of the record, and not against the record.
    """

    target: str
    cases: int
    compared: int
    unread: int
    differences: tuple[Difference, ...]


def case_of_json(spec: SourceSpec, raw: bytes) -> Case | None:
    """Return the case of a JSON record; None for one that is not valid."""
    decoded = decode_any(raw)
    if not isinstance(decoded, dict):
        return None
    record = record_of(spec.mapping, decoded)
    uid = id_of(spec, record)
    row = reference_of_json(spec.mapping, raw, uid)
    native = reference_of_json(spec.native, raw, uid) if spec.native else None
    return _case(spec, record, uid, row, native)


def case_of_line(
    spec: SourceSpec, fields: Sequence[str], line: bytes, record: Mapping[str, Any], separator: str = " "
) -> Case | None:
    """Return the case of a line of text whose fields have the values of `record`."""
    row = reference_of_line(spec.mapping, fields, line, "", separator)
    native = reference_of_line(spec.native, fields, line, "", separator) if spec.native else None
    return _case(spec, dict(record), "", row, native)


def id_of(spec: SourceSpec, record: Mapping[str, Any]) -> str:
    """Return the id that a record has of itself, as the pipeline reads it; "" for none."""
    expr = spec.event_id
    # As the pipeline reads it: an id that is a number is its text.
    return (text(evaluate(expr, record, spec.mapping.lookups)) if expr else None) or ""


def _case(
    spec: SourceSpec,
    record: Mapping[str, Any],
    uid: str,
    row: ReferenceRow | None,
    native: ReferenceRow | None,
) -> Case | None:
    mapping = spec.mapping
    whole = {**record, EVENT_ID: uid}
    if row is None or not all(exists(evaluate(e, whole, mapping.lookups)) for e in mapping.require.values()):
        return None
    return Case(whole, row.place, row, native)


def compare_functions(
    spec: SourceSpec, functions: Sequence[KqlFunction], cases: Sequence[Case], run: Run
) -> list[Compared]:
    """Hold the functions without filters against what the cases' native rows mean."""
    found = []
    for function in functions:
        tables: dict[str, list[Mapping[str, Any]]] = {name: [] for name in function.tables}
        for number, case in enumerate(cases):
            if case.native is not None:
                tables[case.native.table].append({**case.native.columns, KEPT: str(number)})
        found.append(_held_against(spec, function, cases, run(function, tables)))
    return found


def _held_against(spec: SourceSpec, function: KqlFunction, cases: Sequence[Case], rows: Rows) -> Compared:
    types = spec.mapping.types[spec.mapping.routes[function.routes[0]].mapping.table]
    lookups = spec.mapping.lookups
    holdings = {n: Holding(each, types, lookups, spec.event_id) for n, each in function.meanings.items()}
    got = {int(row[KEPT]): row for row in rows}
    count = compared = unread = 0
    differences: list[Difference] = []
    for number, case in enumerate(cases):
        if case.native is None:
            continue
        given, whole, columns = holdings[case.native.table].told(case.record, case.native.columns)
        own = spec.mapping.routes[case.place].mapping.schema == function.schema
        if given != own and whole:
            differences.append(Difference(function.name, number, "a row", _rows(own), _rows(given)))
        if given != (number in got):
            differences.append(Difference(function.name, number, "a row", _rows(given), _rows(number in got)))
            continue
        count += given
        for name, told in columns if given else ():
            meant = case.row.columns.get(name) if own else told.value
            lost = told.value != meant and not (told.whole and case.place in function.routes)
            compared += not lost
            unread += lost
            for value in (told.value,) if lost or meant == told.value else (told.value, meant):
                kind = _kind(types[name], spec.mapping.routes[case.place].mapping.columns.get(name))
                differences += _difference(function.name, number, name, kind, value, got[number].get(name))
    return Compared(function.name, count, compared, unread, tuple(differences))


def _rows(given: bool) -> str:
    return "a row" if given else "none"


def compare_transforms(
    spec: SourceSpec, transforms: Sequence[Transform], cases: Sequence[Case], run: RunTransform
) -> list[Compared]:
    """Hold each transformation against the cases of its route; the stream gets the records of all cases.

    Left out are records of the source's other form, and those of which Azure cuts what tells the route.
    """
    found = []
    other_form = {attribute(name) for name in spec.file.other_form}
    routed: frozenset[str] = frozenset().union(*(members(route.when) for route in spec.mapping.routes))
    plain = {
        n: case
        for n, case in enumerate(cases)
        if not _has(case.record, other_form) and not _cut(case.record) & routed
    }
    for made in transforms:
        name = f"transform {made.place} {made.schema}"
        own = {n: case for n, case in plain.items() if case.place == made.place}
        strange = [case for case in plain.values() if case.place != made.place]
        rows = run(made, [_streamed(made, case) for case in own.values()])
        differences: list[Difference] = []
        if passed := len(run(made, [_streamed(made, case) for case in strange])):
            differences.append(Difference(name, -1, "rows of other routes", "0", str(passed)))
        if len(rows) != len(own):
            differences.append(Difference(name, -1, "rows", str(len(own)), str(len(rows))))
            rows = []
        found.append(
            _compared(spec, name, zip(own.items(), rows, strict=False), _cut_of(spec, made), differences)
        )
    return found


@dataclass(frozen=True, slots=True)
class _Cut:
    """What a transformation leaves out: columns, paths, entries of tables, looks through lists.

    `short` has, by column, an expression without the looks through lists; with the `lookups` that are left it
    is what the transformation means.
    """

    dropped: frozenset[str]
    paths: Mapping[str, frozenset[Path]]
    short: Mapping[str, Expr]
    lookups: Lookups


def _cut_of(spec: SourceSpec, made: Transform) -> _Cut:
    short = {each.table for each in made.shortened}
    columns = spec.mapping.routes[made.place].mapping.columns
    paths = {name: frozenset(p for p in lost if p[0] not in LISTS) for name, lost in made.missing.items()}
    less = {name: _without_lists(expr) for name, expr in columns.items()}
    return _Cut(
        frozenset(made.dropped),
        paths,
        {name: expr for name, expr in less.items() if expr != columns[name] or lookups(expr) & short},
        {**spec.mapping.lookups, **made.kept},
    )


def _without_lists(expr: Expr) -> Expr:
    if not isinstance(expr, Op):
        return expr
    return Const(None) if expr.name in LISTS else Op(expr.name, tuple(map(_without_lists, expr.args)))


def _streamed(made: Transform, case: Case) -> Mapping[str, Any]:
    return {name: case.record.get(name) for name in made.stream}


def _compared(
    spec: SourceSpec,
    target: str,
    pairs: Iterable[tuple[tuple[int, Case], Mapping[str, Any]]],
    left_out: _Cut,
    differences: list[Difference],
) -> Compared:
    cases = compared = unread = 0
    for (number, case), row in pairs:
        cases += 1
        for read, difference in _columns(spec, target, number, case, row, left_out):
            compared += read
            unread += not read
            differences += [difference] if difference else []
    return Compared(target, cases, compared, unread, tuple(differences))


def _has(record: Mapping[str, Any], members: set[str]) -> bool:
    return any(exists(record.get(name)) for name in members)


def _columns(
    spec: SourceSpec, target: str, number: int, case: Case, row: Mapping[str, Any], left_out: _Cut
) -> Iterator[tuple[bool, Difference | None]]:
    """Yield for each column whether it could be read, and how it differs.

    One that looks up in a table that was cut, or through a list, is what is left of it; where that is not
    what the mapping means, it could not be read.
    """
    mapping = spec.mapping.routes[case.place].mapping
    types = spec.mapping.types[mapping.table]
    cut = _cut(case.record)
    for column, expr in mapping.columns.items():
        unread = column in left_out.dropped or any(
            resolve(path, case.record) is not None for path in left_out.paths.get(column, ())
        )
        if unread or (cut and members(expr) & cut) or _odd_time(expr, case.record, spec.mapping.lookups):
            yield False, None
            continue
        wanted, kind = case.row.columns.get(column), _kind(types[column], expr)
        read = True
        if column in left_out.short:
            left = column_of(left_out.short[column], types[column], case.record, left_out.lookups)
            whole = column_of(expr, types[column], case.record, spec.mapping.lookups)
            wanted, read = (wanted, True) if left == whole else (left, False)
        yield read, next(_difference(target, number, column, kind, wanted, row.get(column)), None)


def _cut(record: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(name for name, value in record.items() if _is_cut(value))


def _is_cut(value: Any) -> bool:
    """Whether Azure cuts a field of a body: it is longer than 64 KB."""
    return isinstance(value, (str, dict, list)) and len(msgspec.json.encode(value)) > LONGEST_FIELD


def _odd_time(expr: Expr, record: Mapping[str, Any], lookups: Lookups) -> bool:
    """Whether a column reads a time in a form that KQL does not (a documented difference)."""
    return any(odd_time(evaluate(inner, record, lookups)) for inner in times_of(expr))


def _kind(type: str, expr: Expr | None) -> str:
    """Return a column's type; of a text that holds JSON, "json"."""
    return "json" if type == "string" and isinstance(expr, Op) and expr.name == "json" else type


def _difference(
    target: str, number: int, column: str, kind: str, wanted: Any, got: Any
) -> Iterator[Difference]:
    if kind == "datetime":
        wanted = None if wanted is None else datetime.fromisoformat(str(wanted))
    got = None if got == "" else got
    if kind == "json":
        wanted, got = _spelled_out(wanted), _spelled_out(got)
    if wanted != got or type(wanted) is not type(got):
        yield Difference(target, number, column, repr(wanted)[:200], repr(got)[:200])


def _spelled_out(text: object) -> object:
    """The value that a JSON text stands for: KQL writes escapes in it in a spelling of its own."""
    if not isinstance(text, str) or text.lstrip()[:1] not in ("[", "{"):
        return text
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
