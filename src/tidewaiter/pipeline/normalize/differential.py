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

from tidewaiter.asim.mapping.evaluate import evaluate, resolve
from tidewaiter.asim.mapping.expression import Field, Op, lookups, walk
from tidewaiter.asim.mapping.kql.binding import Path
from tidewaiter.asim.mapping.kql.functions import KqlFunction
from tidewaiter.asim.mapping.kql.transforms import LISTS, Transform
from tidewaiter.asim.mapping.operators import exists
from tidewaiter.asim.mapping.record import attribute
from tidewaiter.asim.mapping.runtime import decode_any
from tidewaiter.asim.mapping.source_mapping import SourceMapping
from tidewaiter.asim.mapping.spec import EVENT_ID
from tidewaiter.content.sources import SourceSpec
from tidewaiter.pipeline.normalize.reference import ReferenceRow, reference_of_json, reference_of_line

KEPT = "SourceSystem"
"""A column that every table has and no mapping reads: in the rows under test it numbers them."""
_ALWAYS: frozenset[Path] = frozenset({(next(iter(LISTS)),)})
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
    narrowed: frozenset[Path] = frozenset()
    """Numbers of the record that do not fit their column of the native table."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What came out: cases and columns that were compared, columns that were not, and the differences."""

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
    record = {attribute(name): decoded.get(name) for name in spec.mapping.record.kinds}
    uid = _id(spec, record)
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


def _id(spec: SourceSpec, record: Mapping[str, Any]) -> str:
    expr = spec.event_id
    value = evaluate(expr, record, spec.mapping.lookups) if expr else None
    return value if isinstance(value, str) else ""


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
    narrowed = _narrowed(spec.native, whole, native) if spec.native and native else frozenset()
    return Case(whole, _place(mapping, whole), row, native, narrowed)


def _narrowed(mapping: SourceMapping, record: Mapping[str, Any], native: ReferenceRow) -> frozenset[Path]:
    columns = next(r.mapping.columns for r in mapping.routes if r.mapping.table == native.table)
    types = mapping.types[native.table]
    return frozenset(
        expr.path
        for name, expr in columns.items()
        if types[name] == "int" and isinstance(expr, Field) and name not in native.columns
        if resolve(expr.path, record) is not None
    )


def _place(mapping: SourceMapping, record: Mapping[str, Any]) -> int:
    taken = (
        n for n, route in enumerate(mapping.routes) if evaluate(route.when, record, mapping.lookups) is True
    )
    return next(taken)


def compare_functions(
    spec: SourceSpec, functions: Sequence[KqlFunction], cases: Sequence[Case], run: Run
) -> list[Compared]:
    """Hold the functions without filters against the cases of their schemas."""
    found = []
    for function in functions:
        own = {n: case for n, case in enumerate(cases) if case.place in function.routes and case.native}
        tables: dict[str, list[Mapping[str, Any]]] = {name: [] for name in function.tables}
        for number, case in enumerate(cases):
            if case.native is not None:
                tables[case.native.table].append({**case.native.columns, KEPT: str(number)})
        got = {int(row[KEPT]): row for row in run(function, tables)}
        schemas = [route.mapping.schema for route in spec.mapping.routes]
        extra = {n for n in set(got) - set(own) if schemas[cases[n].place] != function.schema}
        differences = [
            *(Difference(function.name, n, "a row", "none", "a row") for n in sorted(extra)),
            *(Difference(function.name, n, "a row", "a row", "none") for n in sorted(set(own) - set(got))),
        ]
        pairs = (((number, case), got[number]) for number, case in own.items() if number in got)
        found.append(_compared(spec, function.name, pairs, function.missing, differences))
    return found


def compare_transforms(
    spec: SourceSpec, transforms: Sequence[Transform], cases: Sequence[Case], run: RunTransform
) -> list[Compared]:
    """Hold each transformation against the cases of its route; the stream gets the records of all cases."""
    found = []
    other_form = {attribute(name) for name in spec.file.other_form}
    plain = {n: case for n, case in enumerate(cases) if not _has(case.record, other_form)}
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
            _compared(spec, name, zip(own.items(), rows, strict=False), _lost(spec, made), differences)
        )
    return found


def _lost(spec: SourceSpec, made: Transform) -> Mapping[str, frozenset[Path]]:
    """Return what a transformation does not read, by column: also what has no room."""
    short = {each.table for each in made.shortened}
    columns = spec.mapping.routes[made.place].mapping.columns
    lost = dict.fromkeys(made.dropped, _ALWAYS)
    lost |= {column: _ALWAYS for column, expr in columns.items() if lookups(expr) & short}
    return {**made.missing, **lost}


def _streamed(made: Transform, case: Case) -> Mapping[str, Any]:
    return {name: case.record.get(name) for name in made.stream}


def _compared(
    spec: SourceSpec,
    target: str,
    pairs: Iterable[tuple[tuple[int, Case], Mapping[str, Any]]],
    missing: Mapping[str, frozenset[Path]],
    differences: list[Difference],
) -> Compared:
    cases = compared = unread = 0
    for (number, case), row in pairs:
        cases += 1
        for told in _columns(spec, target, number, case, row, missing):
            compared += told is not Unread
            unread += told is Unread
            differences += [told] if isinstance(told, Difference) else []
    return Compared(target, cases, compared, unread, tuple(differences))


def _has(record: Mapping[str, Any], members: set[str]) -> bool:
    return any(exists(record.get(name)) for name in members)


class Unread:
    """A column whose value depends on what the target cannot read."""


def _columns(
    spec: SourceSpec,
    target: str,
    number: int,
    case: Case,
    row: Mapping[str, Any],
    missing: Mapping[str, frozenset[Path]],
) -> Iterator[Difference | type[Unread] | None]:
    mapping = spec.mapping.routes[case.place].mapping
    types = spec.mapping.types[mapping.table]
    functions = not target.startswith("transform ")
    for column, expr in mapping.columns.items():
        reads = (
            case.narrowed
            and functions
            and any(isinstance(node, Field) and node.path in case.narrowed for node in walk(expr))
        )
        if reads or any(
            path[0] in LISTS or resolve(path, case.record) is not None for path in missing.get(column, ())
        ):
            yield Unread
            continue
        wanted, got = case.row.columns.get(column), row.get(column)
        if types[column] == "datetime":
            wanted = None if wanted is None else datetime.fromisoformat(str(wanted))
        got = None if got == "" else got
        if types[column] == "string" and isinstance(expr, Op) and expr.name == "json":
            wanted, got = _spelled_out(wanted), _spelled_out(got)
        if wanted == got and type(wanted) is type(got):
            yield None
        else:
            yield Difference(target, number, column, repr(wanted)[:200], repr(got)[:200])


def _spelled_out(text: object) -> object:
    """The value that a JSON text stands for: KQL writes escapes in it in a spelling of its own."""
    if not isinstance(text, str) or text[:1] not in ("[", "{"):
        return text
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
