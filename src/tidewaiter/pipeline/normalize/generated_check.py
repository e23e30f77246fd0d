"""`tidewaiter mapping test`: generated records through the real path, and through every target.

What the compiled mapping makes of a record is held against the interpreter column by column, AdditionalFields
byte for byte; so are the rows of Sentinel's own tables, what is quarantined, and ASIM's rules. The valid ones
are the cases for the targets in KQL, which `kql_check` runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import msgspec

from tidewaiter.asim import Report
from tidewaiter.asim.mapping.evaluate import column, evaluate
from tidewaiter.asim.mapping.expression import members
from tidewaiter.asim.mapping.operators import exists
from tidewaiter.asim.mapping.record import Shape, attribute
from tidewaiter.asim.mapping.runtime import decode_any
from tidewaiter.asim.mapping.source_mapping import SourceMapping
from tidewaiter.asim.mapping.spec import EVENT_ID
from tidewaiter.content.sources import SourceSpec
from tidewaiter.core.event_id import object_prefix
from tidewaiter.core.objects import Chunk, JsonChunk, TextChunk
from tidewaiter.pipeline.normalize.differential import Case, id_of
from tidewaiter.pipeline.normalize.generated import Generator
from tidewaiter.pipeline.normalize.judging import (
    Problem,
    Row,
    asim_problems_by_row,
    count_of,
    judged_natives,
    judged_rows,
    natives_of,
    rows_of,
    validated,
    warnings_of,
)
from tidewaiter.pipeline.normalize.reference import NO_VALUE, ReferenceRow, record_of
from tidewaiter.pipeline.normalize.stage import Normalizer

Tick = Callable[[int], None]
"""Hears how many more records are done."""
_SCALARS: Mapping[str, tuple[type, ...]] = {"text": (str,), "bool": (bool,), "int": (int,)}


class RouteCount(msgspec.Struct, frozen=True):
    """How many of the generated records were valid and took one route of the source."""

    schema: str
    table: str
    when: str
    records: int


class TargetCheck(msgspec.Struct, frozen=True):
    """One target held against the mapping: `records` compared, in `columns` values.

    `unread` are the values that were not compared, because they depend on what the target cannot read.
    `skipped` says why the target was not compared at all, and is empty otherwise.
    """

    kind: str
    name: str
    records: int
    columns: int
    unread: int
    mismatches: int
    seconds: float
    skipped: str = ""


class GeneratedCheck(msgspec.Struct, frozen=True):
    """The result for one source: `records` were made from number `first` on, `valid` of them became rows.

    Each problem names the number of its record: seed and number make it again.
    """

    source: str
    seed: int
    first: int
    records: int
    valid: int
    quarantined: int
    routes: tuple[RouteCount, ...]
    targets: tuple[TargetCheck, ...]
    mismatches: int
    asim_errors: int
    warnings: dict[str, int]
    problems: tuple[Problem, ...]
    asim: Report

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


@dataclass(slots=True)
class Proof:
    """What the real path made of generated records: the problems, and the cases for the targets in KQL."""

    spec: SourceSpec
    name: str
    first: int = 0
    records: int = 0
    quarantined: int = 0
    routes: dict[int, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    report: Report = field(default_factory=Report)
    asim: list[Problem] = field(default_factory=list)
    targets: list[TargetCheck] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)

    @property
    def valid(self) -> int:
        """How many records became rows."""
        return sum(self.routes.values())

    def cases_of(self, most: int) -> list[Case]:
        """Return the cases among the first `most` records."""
        first = self.first + most
        return [case for case, number in zip(self.cases, self.numbers, strict=True) if number < first]


def prove(generator: Generator, count: int, first: int = 0, tick: Tick = lambda _: None) -> Proof:
    """Run generated records through the compiled mapping, and hold what comes out against its meaning."""
    spec = generator.spec
    compiled = "polars" if generator.text else "python"
    proof = Proof(spec, f"seed {generator.seed}", first)
    normalizer, cases = Normalizer(spec, native=True), _Cases(spec)
    prefix = object_prefix(spec.id, proof.name)
    columns = native_columns = native_rows = 0
    started, found_before = monotonic(), 0
    wrong_native = 0
    for chunk in generator.chunks(count, first):
        found = normalizer.normalize(chunk, object_id=proof.name, prefix=prefix)
        rows = list(rows_of(spec.mapping, chunk, found))
        natives = list(natives_of(spec.native, chunk, found)) if spec.native else []
        proof.records += count_of(chunk)
        proof.quarantined += len(found.quarantined)
        proof.problems += judged_rows(proof.name, rows)
        proof.problems += _counted(
            proof.name, spec.mapping, chunk, rows, [b.position for b in found.quarantined]
        )
        found_before = len(proof.problems)
        proof.problems += judged_natives(proof.name, natives)
        wrong_native += len(proof.problems) - found_before
        told = validated(rows)
        proof.report = proof.report.merge(told)
        proof.asim += asim_problems_by_row(proof.name, rows) if told.errors else ()
        columns += sum(len(row.judge.columns) + len(row.judge.additional) for row in rows if row.judge)
        native_columns += sum(len(judge.columns) for *_, judge in natives if judge)
        native_rows += len(natives)
        _keep(proof, cases, chunk, rows, {place: judge for place, _, _, judge in natives})
        tick(count_of(chunk))
    seconds = round(monotonic() - started, 2)
    wrong = len(proof.problems) - wrong_native
    proof.targets.append(TargetCheck(compiled, compiled, proof.valid, columns, 0, wrong, seconds))
    if spec.native:
        proof.targets.append(
            TargetCheck("native", "native rows", native_rows, native_columns, 0, wrong_native, 0.0)
        )
    return proof


def result(proof: Proof, generator: Generator, first: int) -> GeneratedCheck:
    """Return what is to be told of a proof."""
    spec = proof.spec
    routes = tuple(
        RouteCount(
            route.mapping.schema, route.mapping.table, " ".join(file.when.split()), proof.routes.get(place, 0)
        )
        for place, (route, file) in enumerate(zip(spec.mapping.routes, spec.file.routes, strict=True))
    )
    return GeneratedCheck(
        spec.id,
        generator.seed,
        first,
        proof.records,
        proof.valid,
        proof.quarantined,
        routes,
        tuple(proof.targets),
        len(proof.problems),
        len(proof.report.errors),
        warnings_of(spec.mapping, proof.report),
        (*proof.problems, *proof.asim),
        proof.report,
    )


def _counted(
    name: str, mapping: SourceMapping, chunk: Chunk, rows: Sequence[Row], aside: Sequence[int]
) -> Iterator[Problem]:
    """Every record is a row or is quarantined, once; and it is quarantined if it is not valid."""
    places = [row.position for row in rows]
    if len(places) + len(aside) != count_of(chunk) or set(places) & set(aside):
        yield Problem("lost", name, -1, "", f"{count_of(chunk)} records", f"{len(places) + len(aside)}")
    valid = dict(_validity(mapping, chunk))
    for place in places:
        if not valid[place]:
            yield Problem("quarantine", name, place, "", "quarantined", "a row")
    for place in aside:
        if valid[place]:
            yield Problem("quarantine", name, place, "", "a row", "quarantined")


def _validity(mapping: SourceMapping, chunk: Chunk) -> Iterator[tuple[int, bool]]:
    """Yield each record's position, and whether it is one of the source's by types and requirements."""
    if isinstance(chunk, JsonChunk):
        for place, raw in zip(chunk.positions, chunk.records, strict=True):
            decoded = decode_any(bytes(raw))
            yield place, _typed(mapping, decoded) and _complete(mapping, _record(mapping, decoded))
        return
    for place, line in enumerate(chunk.cells.split(b"\n")[:-1], chunk.first_line):
        record = record_of_line(mapping, chunk, line)
        yield place, record is not None and _complete(mapping, record)


def _complete(mapping: SourceMapping, record: Mapping[str, Any]) -> bool:
    return all(exists(evaluate(expr, record, mapping.lookups)) for expr in mapping.require.values())


def _typed(mapping: SourceMapping, decoded: Any) -> bool:
    kinds = {name: mapping.record.shapes.get(name, kind) for name, kind in mapping.record.kinds.items()}
    return isinstance(decoded, dict) and _fits(decoded, kinds)


def _fits(value: Any, shape: Shape) -> bool:
    """Whether the members of an object are of their types; absent and null ones are."""
    for name, kind in shape.items():
        held = value.get(name)
        if held is None:
            continue
        if isinstance(kind, str):
            if kind in _SCALARS and type(held) not in _SCALARS[kind]:
                return False
        elif not isinstance(held, dict) or not _fits(held, kind):
            return False
    return True


def _record(mapping: SourceMapping, decoded: Any) -> dict[str, Any]:
    return record_of(mapping, decoded)


def record_of_line(mapping: SourceMapping, chunk: TextChunk, line: bytes) -> dict[str, Any] | None:
    """Return the members of a line; None when a number field holds no number."""
    kinds = mapping.record.kinds
    record: dict[str, Any] = {attribute(name): None for name in kinds}
    for name, text in zip(chunk.fields, line.decode().split(chunk.separator), strict=True):
        if name not in kinds or text in ("", NO_VALUE):
            continue
        if kinds[name] != "int":
            record[attribute(name)] = text
        elif _is_long(text):
            record[attribute(name)] = int(text)
        else:
            return None
    return record


def _is_long(text: str) -> bool:
    digits = text[1:] if text[0] in "+-" else text  # as Polars reads numbers
    return digits.isascii() and digits.isdigit() and -(2**63) <= int(text) < 2**63


def _keep(
    proof: Proof, cases: _Cases, chunk: Chunk, rows: Sequence[Row], natives: Mapping[int, ReferenceRow | None]
) -> None:
    """Count the routes, and keep the rows' records as cases for the targets in KQL."""
    for row in sorted(rows, key=lambda each: each.position):
        if row.judge is None:
            continue
        proof.routes[row.judge.place] = proof.routes.get(row.judge.place, 0) + 1
        record = _record_at(proof.spec.mapping, chunk, row.position)
        if record is not None:
            proof.cases.append(cases.case(record, row.judge, natives.get(row.position)))
            proof.numbers.append(row.position)


def _record_at(mapping: SourceMapping, chunk: Chunk, position: int) -> dict[str, Any] | None:
    if isinstance(chunk, JsonChunk):
        raw = chunk.records[position - chunk.positions[0]]
        return _record(mapping, decode_any(bytes(raw)))
    line = chunk.cells.split(b"\n")[position - chunk.first_line]
    return record_of_line(mapping, chunk, line)


class _Cases:
    """Makes cases. An id that a record has by its place in an object alone, KQL cannot know."""

    def __init__(self, spec: SourceSpec) -> None:
        self.spec = spec
        self.named = [_of_the_id(mapping) for mapping in (spec.mapping, spec.native) if mapping]

    def case(self, record: Mapping[str, Any], row: ReferenceRow, native: ReferenceRow | None) -> Case:
        """Return the case of a record."""
        spec = self.spec
        uid = id_of(spec, record)
        whole = {**record, EVENT_ID: uid}
        if not uid:
            row = _without_id(spec.mapping, row, whole, self.named[0][row.place])
            if spec.native and native:
                native = _without_id(spec.native, native, whole, self.named[1][native.place])
        return Case(whole, row.place, row, native)


def _of_the_id(mapping: SourceMapping) -> list[list[str]]:
    """Return the columns that tell the event's id, route by route."""
    return [
        [name for name, expr in route.mapping.columns.items() if EVENT_ID in members(expr)]
        for route in mapping.routes
    ]


def _without_id(
    mapping: SourceMapping, row: ReferenceRow, record: Mapping[str, Any], named: Sequence[str]
) -> ReferenceRow:
    types = mapping.types[row.table]
    columns = dict(row.columns)
    exprs = mapping.routes[row.place].mapping.columns
    for name in named:
        value = column(exprs[name], types[name], record, mapping.lookups)
        columns.pop(name, None)
        columns |= {} if value is None else {name: value}
    return ReferenceRow(row.table, columns, row.additional, row.place)
