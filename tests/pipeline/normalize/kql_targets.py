"""Functions and transformations as the lab runs them, for the differential tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.resources import as_file
from pathlib import Path
from typing import Any

import polars as pl

from tidewaiter.asim.mapping.kql.functions import KqlFunction
from tidewaiter.asim.mapping.kql.transforms import Transform
from tidewaiter.asim.mapping.record import attribute
from tidewaiter.asim.schema import table
from tidewaiter.content import SourceSpec
from tidewaiter.core.objects import JsonChunk, SourceObject, TextChunk
from tidewaiter.kql import Executor, Limits, StoredFunction
from tidewaiter.kql.tables import write_tables
from tidewaiter.lab.server.ingestion.transform import Transform as LabTransform
from tidewaiter.lab.workspace.frames import POLARS_TYPES
from tidewaiter.pipeline.normalize.differential import Case, Rows, case_of_json, case_of_line
from tidewaiter.pipeline.sources.codecs import read

NOW = datetime(2026, 3, 5, tzinfo=UTC)


def cases_of_samples(spec: SourceSpec) -> Iterator[Case]:
    """Yield a case for every valid record of the samples."""
    for name in spec.folder.names("samples"):
        with as_file(spec.folder.root.joinpath("samples", name)) as path:
            item = SourceObject(name, path, spec.id, "events", spec.recognition.codec, path.stat().st_size)
            for chunk in read(item, spec.recognition):
                yield from filter(None, _cases(spec, chunk))


def _cases(spec: SourceSpec, chunk: JsonChunk | TextChunk) -> Iterator[Case | None]:
    if isinstance(chunk, JsonChunk):
        for raw in chunk.records:
            yield case_of_json(spec, bytes(raw))
        return
    for line in chunk.cells.split(b"\n")[:-1]:
        yield case_of_text(spec, chunk.fields, line, chunk.separator)


def case_of_text(spec: SourceSpec, fields: Any, line: bytes, separator: str = " ") -> Case | None:
    kinds = spec.mapping.record.kinds
    texts = dict(zip(fields, line.decode().split(separator), strict=True))
    record: dict[str, Any] = {attribute(name): None for name in kinds}
    for name, text in texts.items():
        if name in kinds and text not in ("", "-"):
            if kinds[name] == "int" and not text.lstrip("-").isdigit():
                return None  # quarantined
            record[attribute(name)] = int(text) if kinds[name] == "int" else text
    return case_of_line(spec, fields, line, record, separator)


class Runner:
    """Runs functions on rows of native tables in a file of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.number = 0

    def executor(self, functions: list[KqlFunction], tables: Mapping[str, Rows]) -> Executor:
        self.number += 1
        path = self.folder / f"{self.number}.duckdb"
        schemas = {name: table(name).columns for name in tables}
        write_tables(path, schemas, tables)
        stored = {each.name: StoredFunction(each.name, each.body, each.parameters) for each in functions}
        limits = Limits(seconds=300)  # large functions take long to plan on a busy machine
        return Executor(path, schemas, functions=stored, limits=limits, memory="1GB")

    def __call__(self, function: KqlFunction, tables: Mapping[str, Rows]) -> Rows:
        with self.executor([function], tables) as executor:
            return rows_of(executor, f"{function.name}()")


def rows_of(executor: Executor, query: str) -> Rows:
    result = executor.run(query, now=NOW)
    names = [column.name for column in result.columns]
    return [dict(zip(names, row, strict=True)) for row in result.rows]


def run_transform(made: Transform, records: Rows) -> Rows:
    """Apply a transformation as the lab's ingestion does."""
    import json

    columns = {
        name: [
            json.dumps(record[name], ensure_ascii=False)
            if kind == "dynamic" and record[name] is not None
            else record[name]
            for record in records
        ]
        for name, kind in made.stream.items()
    }
    frame = pl.DataFrame(columns, schema={name: POLARS_TYPES[kind] for name, kind in made.stream.items()})
    lab = LabTransform(made.kql, made.stream)
    return [] if not records else lab.apply(frame, NOW)
