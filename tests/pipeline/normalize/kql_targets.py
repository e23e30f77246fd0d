"""Functions and transformations as the lab runs them, for the differential tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from tidewaiter.app.cli.transform_runs import run_transform
from tidewaiter.asim.mapping.kql.functions import KqlFunction
from tidewaiter.asim.mapping.record import attribute
from tidewaiter.content import SourceSpec
from tidewaiter.core.objects import JsonChunk, TextChunk
from tidewaiter.kql import Executor
from tidewaiter.lab.server.ingestion.values import FIELD_LIMIT
from tidewaiter.pipeline.normalize.differential import Case, Rows, case_of_json, case_of_line
from tidewaiter.pipeline.normalize.generated.pool import sample_chunks
from tidewaiter.pipeline.normalize.kql_check import executor_of, rows_of

__all__ = ["Runner", "arrives_whole", "case_of_text", "cases_of_samples", "rows_of", "run_transform"]


def cases_of_samples(spec: SourceSpec) -> Iterator[Case]:
    """Yield a case for every valid record of the samples."""
    for chunk in sample_chunks(spec):
        yield from filter(None, _cases(spec, chunk))


def _cases(spec: SourceSpec, chunk: JsonChunk | TextChunk) -> Iterator[Case | None]:
    if isinstance(chunk, JsonChunk):
        for raw in chunk.records:
            yield case_of_json(spec, bytes(raw))
        return
    for line in chunk.cells.split(b"\n")[:-1]:
        yield case_of_text(spec, chunk.fields, line, chunk.separator)


def arrives_whole(case: Case) -> bool:
    """Whether no member is cut when it arrives, before a transformation sees it."""
    return all(len(msgspec.json.encode(value)) <= FIELD_LIMIT for value in case.record.values())


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

    def executor(self, functions: list[KqlFunction], tables: Mapping[str, Rows]) -> Executor:
        return executor_of(self.folder, functions, tables)

    def __call__(self, function: KqlFunction, tables: Mapping[str, Rows]) -> Rows:
        with self.executor([function], tables) as executor:
            return rows_of(executor, f"{function.name}()")
