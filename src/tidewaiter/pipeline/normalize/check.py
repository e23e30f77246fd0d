"""`tidewaiter mapping test`: a source's samples on the real path, against everything that can judge them.

Each sample is read by the source's codec and mapped by the compiled mapping. The rows are held against
`expected/<sample>.json` (reviewed by a person), against the reference interpreter column by column, against
the source's own bytes, and against ASIM. `write_expected` writes the files anew; the diff is for review.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import as_file
from pathlib import Path
from typing import Literal

import msgspec

from tidewaiter.asim import Report, validate_rows
from tidewaiter.asim.mapping.runtime import decode_any
from tidewaiter.asim.mapping.source_mapping import SourceMapping
from tidewaiter.content.sources import SourceSpec
from tidewaiter.core.event_id import object_prefix
from tidewaiter.core.objects import Chunk, JsonChunk, SourceObject, TextChunk
from tidewaiter.pipeline.normalize.reference import ReferenceRow, reference_of_json, reference_of_line
from tidewaiter.pipeline.normalize.rows import FrameRows, JsonRows, Normalized
from tidewaiter.pipeline.normalize.stage import Normalizer
from tidewaiter.pipeline.sources.codecs import read

ProblemKind = Literal["snapshot", "interpreter", "native", "verbatim", "lost", "asim", "expected"]
ADDITIONAL = "AdditionalFields"
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_SHORT = 200


class Problem(msgspec.Struct, frozen=True):
    """One thing wrong with one sample.

    `kind` says who objects: `snapshot` (expected/), `interpreter` (the mapping's reference meaning), `native`
    (the same for the row of Sentinel's own table), `verbatim` (the source's bytes), `lost` (a record is
    neither row nor quarantined), `asim` (the validator), `expected` (an expected file is missing, damaged, or
    has no sample). `record` is the record's position in the sample, -1 for the sample as a whole.
    """

    kind: ProblemKind
    sample: str
    record: int
    column: str
    expected: str
    got: str


class SourceCheck(msgspec.Struct, frozen=True):
    """The result for one source: `mismatches` counts all problems but ASIM's, `asim` has those in full."""

    source: str
    samples: int
    records: int
    rows: int
    quarantined: int
    mismatches: int
    asim_errors: int
    asim_warnings: int
    problems: tuple[Problem, ...]
    asim: Report

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; warnings of ASIM's authorities are allowed."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class _Row:
    """A row as it will be delivered: raw JSON per column; `judge` is what it must be."""

    position: int
    table: str
    columns: Mapping[str, bytes]
    additional: bytes
    judge: ReferenceRow | None

    def json(self) -> bytes:
        parts = [msgspec.json.encode(name) + b":" + value for name, value in self.columns.items()]
        if self.additional:
            parts.append(b'"%b":%b' % (ADDITIONAL.encode(), self.additional))
        return b'{"table":%b,"row":{%b}}' % (msgspec.json.encode(self.table), b",".join(parts))


@dataclass(frozen=True, slots=True)
class _Sample:
    name: str
    records: int
    rows: Sequence[_Row]
    quarantined: Sequence[tuple[int, str]]
    native: Sequence[Problem] = ()

    def json(self) -> bytes:
        """The snapshot: rows and quarantined records, in the order of the sample."""
        items = [(row.position, row.json()) for row in self.rows]
        for position, kind in self.quarantined:
            items.append((position, msgspec.json.encode({"quarantined": kind, "position": position})))
        return b"[" + b",".join(item for _, item in sorted(items)) + b"]"


def check_source(spec: SourceSpec) -> SourceCheck:
    """Run all samples of a source; problems are returned, not raised.

    Raises:
        ContentError: a mapping does not compile.
    """
    samples = list(_samples(spec))
    problems = list(_stale(spec, samples))
    report = Report()
    for sample in samples:
        problems += _snapshot_problems(spec, sample)
        problems += _judged(sample)
        problems += sample.native
        found = _validated(sample)
        problems += [
            Problem(
                "asim", sample.name, -1, f"{e.table}.{e.column}", f"{e.authority}: {e.message}", e.example
            )
            for e in found.errors
        ]
        report = report.merge(found)
    return SourceCheck(
        spec.id,
        len(samples),
        sum(sample.records for sample in samples),
        sum(len(sample.rows) for sample in samples),
        sum(len(sample.quarantined) for sample in samples),
        sum(problem.kind != "asim" for problem in problems),
        len(report.errors),
        len(report.warnings),
        tuple(problems),
        report,
    )


def expected_bytes(spec: SourceSpec, sample: str) -> bytes:
    """Return what `expected/<sample>.json` should hold as the mapping stands, for a person to review."""
    return _pretty(_run(spec, Normalizer(spec, native=True), sample).json())


def write_expected(spec: SourceSpec, folder: Path) -> list[str]:
    """Write `expected/` of a source's folder anew; return the names of the files that changed."""
    folder.mkdir(exist_ok=True)
    changed = []
    wanted = {_expected_name(sample.name): _pretty(sample.json()) for sample in _samples(spec)}
    for path in folder.glob("*.json"):
        if path.name not in wanted:
            path.unlink()
            changed.append(path.name)
    for name, content in wanted.items():
        path = folder / name
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)
            changed.append(name)
    return sorted(changed)


def _expected_name(sample: str) -> str:
    return f"{sample.rsplit('.', 1)[0]}.json"


def _pretty(json: bytes) -> bytes:
    return msgspec.json.format(json, indent=2) + b"\n"


# Running


def _samples(spec: SourceSpec) -> Iterator[_Sample]:
    normalizer = Normalizer(spec, native=True)
    for name in spec.folder.names("samples"):
        yield _run(spec, normalizer, name)


def _run(spec: SourceSpec, normalizer: Normalizer, name: str) -> _Sample:
    """Read and map one sample as the pipeline would."""
    prefix = object_prefix(spec.id, name)
    rows: list[_Row] = []
    native: list[Problem] = []
    quarantined: list[tuple[int, str]] = []
    records = 0
    with as_file(spec.folder.root.joinpath("samples", name)) as path:
        size = path.stat().st_size
        obj = SourceObject(name, path, spec.id, "events", spec.recognition.codec, size)
        for chunk in read(obj, spec.recognition):
            found = normalizer.normalize(chunk, object_id=name, prefix=prefix)
            records += _count(chunk) + len(chunk.quarantined)
            quarantined += [(bad.position, bad.kind) for bad in (*chunk.quarantined, *found.quarantined)]
            rows += _rows(spec.mapping, chunk, found)
            if spec.native:
                native += _native_problems(spec.native, name, chunk, found)
    return _Sample(name, records, sorted(rows, key=lambda row: row.position), quarantined, native)


def _count(chunk: Chunk) -> int:
    return len(chunk.records) if isinstance(chunk, JsonChunk) else chunk.body.count(b"\n")


def _rows(mapping: SourceMapping, chunk: Chunk, found: Normalized) -> Iterator[_Row]:
    for rows in found.rows:
        if isinstance(rows, JsonRows) and isinstance(chunk, JsonChunk):
            yield from _json_rows(mapping, chunk, rows)
        elif isinstance(rows, FrameRows) and isinstance(chunk, TextChunk):
            yield from _frame_rows(mapping, chunk, rows)


def _json_rows(mapping: SourceMapping, chunk: JsonChunk, rows: JsonRows) -> Iterator[_Row]:
    places = {id(raw): position for position, raw in zip(chunk.positions, chunk.records, strict=True)}
    for event_id, head, extra, raw in zip(rows.ids, rows.heads, rows.extras, rows.raws, strict=True):
        columns = {name: bytes(value) for name, value in _MEMBERS.decode(head).items()}
        judge = reference_of_json(mapping, bytes(raw), event_id)
        yield _Row(places[id(raw)], rows.table, columns, extra, judge)


def _frame_rows(mapping: SourceMapping, chunk: TextChunk, rows: FrameRows) -> Iterator[_Row]:
    lines = chunk.cells.split(b"\n")
    for row in rows.frame.iter_rows(named=True):
        event_id = str(row["EventOriginalUid"])
        position = int(event_id.rsplit("-", 1)[1])
        line = lines[position - chunk.first_line]
        judge = reference_of_line(mapping, chunk.fields, line, event_id, chunk.separator)
        additional = str(row.pop(ADDITIONAL, "")).encode()
        columns = {name: _encoded(value) for name, value in row.items() if value not in (None, "")}
        yield _Row(position, rows.table, columns, additional, judge)


def _native_problems(
    mapping: SourceMapping, sample: str, chunk: Chunk, found: Normalized
) -> Iterator[Problem]:
    """Hold the rows of Sentinel's own tables against the interpreter."""
    for position, table, columns, judge in _natives(mapping, chunk, found):
        if judge is None or judge.table != table:
            wanted = judge.table if judge else "no route"
            yield Problem("native", sample, position, "table", wanted, table)
            continue
        wanted_columns = {name: msgspec.json.encode(value) for name, value in judge.columns.items()}
        yield from _differences("native", sample, position, wanted_columns, columns)


_Native = tuple[int, str, Mapping[str, bytes], ReferenceRow | None]


def _natives(mapping: SourceMapping, chunk: Chunk, found: Normalized) -> Iterator[_Native]:
    for rows in found.rows:
        if isinstance(rows, JsonRows):
            for place, event_id, raw, row in zip(
                rows.positions, rows.ids, rows.raws, rows.natives, strict=True
            ):
                members = _MEMBERS.decode(row)  # white space in dynamic ones means nothing
                columns = {n: msgspec.json.encode(decode_any(bytes(value))) for n, value in members.items()}
                yield place, rows.native, columns, reference_of_json(mapping, bytes(raw), event_id)
        elif rows.natives is not None and isinstance(chunk, TextChunk):
            lines = chunk.cells.split(b"\n")
            ids: list[str] = rows.frame["EventOriginalUid"].to_list()
            for event_id, values in zip(ids, rows.natives.iter_rows(named=True), strict=True):
                place = int(event_id.rsplit("-", 1)[1])
                line = lines[place - chunk.first_line]
                judge = reference_of_line(mapping, chunk.fields, line, event_id, chunk.separator)
                columns = {name: _encoded(value) for name, value in values.items() if value not in (None, "")}
                yield place, rows.native, columns, judge


def _encoded(value: object) -> bytes:
    if isinstance(value, datetime):
        value = value.isoformat() + "Z"
    return msgspec.json.encode(value)


# Judging


def _judged(sample: _Sample) -> Iterator[Problem]:
    """Hold rows against the interpreter and the source's bytes, and count what became of the records."""
    accounted = len(sample.rows) + len(sample.quarantined)
    if accounted != sample.records:
        yield Problem("lost", sample.name, -1, "", f"{sample.records} records", f"{accounted}")
    for row in sample.rows:
        judge = row.judge
        if judge is None or judge.table != row.table:
            wanted = judge.table if judge else "no route"
            yield Problem("interpreter", sample.name, row.position, "table", wanted, row.table)
            continue
        wanted_columns = {name: msgspec.json.encode(value) for name, value in judge.columns.items()}
        yield from _differences("interpreter", sample.name, row.position, wanted_columns, row.columns)
        held = {name: bytes(value) for name, value in _MEMBERS.decode(row.additional or b"{}").items()}
        yield from _differences("verbatim", sample.name, row.position, judge.additional, held)


def _differences(
    kind: ProblemKind, sample: str, position: int, wanted: Mapping[str, bytes], got: Mapping[str, bytes]
) -> Iterator[Problem]:
    for name in (*wanted, *(name for name in got if name not in wanted)):
        left, right = wanted.get(name), got.get(name)
        if left != right:
            yield Problem(kind, sample, position, name, _short(left), _short(right))


def _short(value: bytes | None) -> str:
    text = "(none)" if value is None else value.decode("utf-8", "backslashreplace")
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"


def _validated(sample: _Sample) -> Report:
    report = Report()
    for table in sorted({row.table for row in sample.rows}):
        rows = (_values(row) for row in sample.rows if row.table == table)
        report = report.merge(validate_rows(table, rows))
    return report


def _values(row: _Row) -> dict[str, object]:
    values: dict[str, object] = {n: msgspec.json.decode(value) for n, value in row.columns.items()}
    return values | ({ADDITIONAL: row.additional} if row.additional else {})


# Snapshots


class _Entry(msgspec.Struct):
    table: str = ""
    row: dict[str, msgspec.Raw] = {}
    quarantined: str = ""
    position: int = -1


_ENTRIES = msgspec.json.Decoder(list[_Entry])


def _snapshot_problems(spec: SourceSpec, sample: _Sample) -> Iterator[Problem]:
    name = _expected_name(sample.name)
    if name not in spec.folder.names("expected"):
        yield Problem("expected", sample.name, -1, "", name, "no such file")
        return
    try:
        wanted = _ENTRIES.decode(msgspec.json.format(spec.folder.read(f"expected/{name}"), indent=-1))
    except msgspec.MsgspecError as error:
        yield Problem("expected", sample.name, -1, "", "a list of rows", str(error))
        return
    got = _ENTRIES.decode(msgspec.json.format(sample.json(), indent=-1))
    if len(wanted) != len(got):
        yield Problem("snapshot", sample.name, -1, "", f"{len(wanted)} rows", str(len(got)))
    for place, (left, right) in enumerate(zip(wanted, got, strict=False)):
        if (left.table, left.quarantined, left.position) != (right.table, right.quarantined, right.position):
            before, after = left.table or left.quarantined, right.table or right.quarantined
            yield Problem("snapshot", sample.name, place, "table", before, after)
            continue
        old = {column: bytes(value) for column, value in left.row.items()}
        new = {column: bytes(value) for column, value in right.row.items()}
        yield from _differences("snapshot", sample.name, place, old, new)


def _stale(spec: SourceSpec, samples: Sequence[_Sample]) -> Iterator[Problem]:
    wanted = {_expected_name(sample.name) for sample in samples}
    for name in spec.folder.names("expected"):
        if name not in wanted:
            yield Problem("expected", name, -1, "", "a sample of that name", "none")
