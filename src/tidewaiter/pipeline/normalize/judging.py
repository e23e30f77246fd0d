"""Rows of the real path held against what can judge them: the interpreter, the source's bytes, ASIM.

Used for samples (`check`) and for generated records (`generated_check`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from tidewaiter.asim import Report, validate_rows
from tidewaiter.asim.mapping.runtime import decode_any
from tidewaiter.asim.mapping.source_mapping import SourceMapping
from tidewaiter.core.objects import Chunk, JsonChunk, TextChunk
from tidewaiter.pipeline.normalize.reference import ReferenceRow, reference_of_json, reference_of_line
from tidewaiter.pipeline.normalize.rows import FrameRows, JsonRows, Normalized

ProblemKind = Literal[
    "snapshot",
    "interpreter",
    "native",
    "verbatim",
    "lost",
    "asim",
    "expected",
    "quarantine",
    "kql",
    "transform",
]
ADDITIONAL = "AdditionalFields"
MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_SHORT = 200


class Problem(msgspec.Struct, frozen=True):
    """One thing wrong with one sample or generated record.

    `kind` says who objects: `snapshot` (expected/), `interpreter` (the mapping's reference meaning), `native`
    (the same for the row of Sentinel's own table), `verbatim` (the source's bytes), `lost` (a record is
    neither row nor quarantined), `quarantine` (one is set aside that is valid, or the reverse), `asim` (the
    validator), `expected` (an expected file is missing, damaged, or has no sample), `kql` and `transform`
    (a target in KQL, named in `sample`, gives something else). `record` is the record's position in the
    sample, or its number among the generated ones; -1 for the whole.
    """

    kind: ProblemKind
    sample: str
    record: int
    column: str
    expected: str
    got: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it will be delivered: raw JSON per column; `judge` is what it must be."""

    position: int
    table: str
    columns: Mapping[str, bytes]
    additional: bytes
    judge: ReferenceRow | None

    def json(self) -> bytes:
        """The row as it stands in expected/."""
        parts = [msgspec.json.encode(name) + b":" + value for name, value in self.columns.items()]
        if self.additional:
            parts.append(b'"%b":%b' % (ADDITIONAL.encode(), self.additional))
        return b'{"table":%b,"row":{%b}}' % (msgspec.json.encode(self.table), b",".join(parts))


Native = tuple[int, str, Mapping[str, bytes], ReferenceRow | None]
"""Position, table, columns, and what the row must be."""


def count_of(chunk: Chunk) -> int:
    """Return how many records a chunk has, without those that it quarantines."""
    return len(chunk.records) if isinstance(chunk, JsonChunk) else chunk.body.count(b"\n")


def rows_of(mapping: SourceMapping, chunk: Chunk, found: Normalized) -> Iterator[Row]:
    """Yield the rows that a chunk became, each with its judge."""
    for rows in found.rows:
        if isinstance(rows, JsonRows) and isinstance(chunk, JsonChunk):
            yield from _json_rows(mapping, rows)
        elif isinstance(rows, FrameRows) and isinstance(chunk, TextChunk):
            yield from _frame_rows(mapping, chunk, rows)


def _json_rows(mapping: SourceMapping, rows: JsonRows) -> Iterator[Row]:
    for place, event_id, head, extra, raw in zip(
        rows.positions, rows.ids, rows.heads, rows.extras, rows.raws, strict=True
    ):
        columns = {name: bytes(value) for name, value in MEMBERS.decode(head).items()}
        yield Row(place, rows.table, columns, extra, reference_of_json(mapping, bytes(raw), event_id))


def _frame_rows(mapping: SourceMapping, chunk: TextChunk, rows: FrameRows) -> Iterator[Row]:
    lines = chunk.cells.split(b"\n")
    for row in rows.frame.iter_rows(named=True):
        event_id = str(row["EventOriginalUid"])
        position = int(event_id.rsplit("-", 1)[1])
        line = lines[position - chunk.first_line]
        judge = reference_of_line(mapping, chunk.fields, line, event_id, chunk.separator)
        additional = str(row.pop(ADDITIONAL, "")).encode()
        columns = {name: _encoded(value) for name, value in row.items() if value not in (None, "")}
        yield Row(position, rows.table, columns, additional, judge)


def natives_of(mapping: SourceMapping, chunk: Chunk, found: Normalized) -> Iterator[Native]:
    """Yield the rows of Sentinel's own tables, each with its judge."""
    for rows in found.rows:
        if isinstance(rows, JsonRows):
            for place, event_id, raw, row in zip(
                rows.positions, rows.ids, rows.raws, rows.natives, strict=True
            ):
                members = MEMBERS.decode(row)  # white space in dynamic ones means nothing
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


def judged_rows(sample: str, rows: Iterable[Row]) -> Iterator[Problem]:
    """Hold rows against the interpreter and the source's bytes."""
    for row in rows:
        judge = row.judge
        if judge is None or judge.table != row.table:
            wanted = judge.table if judge else "no route"
            yield Problem("interpreter", sample, row.position, "table", wanted, row.table)
            continue
        wanted_columns = {name: msgspec.json.encode(value) for name, value in judge.columns.items()}
        yield from differences("interpreter", sample, row.position, wanted_columns, row.columns)
        held = {name: bytes(value) for name, value in MEMBERS.decode(row.additional or b"{}").items()}
        yield from differences("verbatim", sample, row.position, judge.additional, held)


def judged_natives(sample: str, natives: Iterable[Native]) -> Iterator[Problem]:
    """Hold the rows of Sentinel's own tables against the interpreter."""
    for position, table, columns, judge in natives:
        if judge is None or judge.table != table:
            wanted = judge.table if judge else "no route"
            yield Problem("native", sample, position, "table", wanted, table)
            continue
        wanted_columns = {name: msgspec.json.encode(value) for name, value in judge.columns.items()}
        yield from differences("native", sample, position, wanted_columns, columns)


def differences(
    kind: ProblemKind, sample: str, position: int, wanted: Mapping[str, bytes], got: Mapping[str, bytes]
) -> Iterator[Problem]:
    """Yield a problem for every column that is not the same in both."""
    for name in (*wanted, *(name for name in got if name not in wanted)):
        left, right = wanted.get(name), got.get(name)
        if left != right:
            yield Problem(kind, sample, position, name, short(left), short(right))


def short(value: bytes | None) -> str:
    """Return a value for a person, cut where it is long."""
    text = "(none)" if value is None else value.decode("utf-8", "backslashreplace")
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"


def validated(rows: Sequence[Row]) -> Report:
    """Return what ASIM's authorities say of rows."""
    report = Report()
    for table in sorted({row.table for row in rows}):
        report = report.merge(validate_rows(table, (_values(row) for row in rows if row.table == table)))
    return report


def _values(row: Row) -> dict[str, object]:
    values: dict[str, object] = {n: msgspec.json.decode(value) for n, value in row.columns.items()}
    return values | ({ADDITIONAL: row.additional} if row.additional else {})


def warnings_of(mapping: SourceMapping, report: Report) -> dict[str, int]:
    """Return how many of ASIM's warnings there are about each schema of a source."""
    schemas = {route.mapping.table: route.mapping.schema for route in mapping.routes}
    found = dict.fromkeys(schemas.values(), 0)
    for warning in report.warnings:
        found[schemas[warning.table]] += 1
    return found


def asim_problems(sample: str, report: Report, record: int = -1) -> Iterator[Problem]:
    """Yield a problem for every error that ASIM's authorities find."""
    for e in report.errors:
        where = f"{e.table}.{e.column}"
        yield Problem("asim", sample, record, where, f"{e.authority}: {e.message}", e.example)


def asim_problems_by_row(sample: str, rows: Iterable[Row]) -> Iterator[Problem]:
    """Yield the same, row by row, so that each problem names its record."""
    for row in rows:
        yield from asim_problems(sample, validated([row]), row.position)
