"""`tidewaiter mapping test`: the targets in KQL on generated records, in the lab's executor.

A large function takes long to plan and much memory to run, so each runs on many records at once, and on
half of them when they are too many for its memory.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from tidewaiter.asim.mapping.kql.functions import KqlFunction
from tidewaiter.asim.schema import table
from tidewaiter.core.errors import StateError, TidewaiterError
from tidewaiter.kql import Executor, Limits, StoredFunction
from tidewaiter.kql.tables import write_tables
from tidewaiter.kql.text import Exceeded
from tidewaiter.pipeline.normalize.differential import (
    KEPT,
    Case,
    Compared,
    Rows,
    RunTransform,
    compare_functions,
    compare_transforms,
)
from tidewaiter.pipeline.normalize.generated_check import Proof, TargetCheck, Tick
from tidewaiter.pipeline.normalize.judging import Problem, ProblemKind

NOW = datetime(2026, 3, 5, tzinfo=UTC)
MEMORY = "1GB"
SECONDS = 300
"""What a function or transformation may use here, large ones on a busy machine included."""
_LEAST = 8
Compare = Callable[[Sequence[Case]], list[Compared]]


def executor_of(folder: Path, functions: Sequence[KqlFunction], tables: Mapping[str, Rows]) -> Executor:
    """Return an executor for functions on rows of native tables; the file is made in `folder`."""
    path = folder / f"{len(list(folder.iterdir()))}.duckdb"
    schemas = {name: table(name).columns for name in tables}
    write_tables(path, schemas, tables)
    stored = {each.name: StoredFunction(each.name, each.body, each.parameters) for each in functions}
    most = 1 + sum(map(len, tables.values()))
    limits = Limits(seconds=SECONDS, rows=max(most, Limits().rows), bytes=1 << 30)
    return Executor(path, schemas, functions=stored, limits=limits, memory=MEMORY)


def rows_of(executor: Executor, query: str) -> Rows:
    """Run a query and return its rows by column."""
    result = executor.run(query, now=NOW)
    if result.cut:
        raise StateError(f"the result of {query} is not whole: {result.cut}")
    names = [column.name for column in result.columns]
    return [dict(zip(names, row, strict=True)) for row in result.rows]


def run_function(function: KqlFunction, tables: Mapping[str, Rows]) -> Rows:
    """Run a function on rows of its tables."""
    with (
        tempfile.TemporaryDirectory(prefix="tidewaiter-mapping-") as folder,
        executor_of(Path(folder), [function], tables) as executor,
    ):
        return rows_of(executor, f"{function.name}()")


def prove_functions(proof: Proof, most: int, tick: Tick = lambda _: None) -> None:
    """Hold the source's ASIM functions against the first `most` cases of a proof."""
    cases = proof.cases_of(most)
    for function in proof.spec.functions([KEPT]):
        if function.name.startswith("ASim"):
            _prove(
                proof,
                "kql",
                function.name,
                lambda part, made=function: compare_functions(proof.spec, [made], part, run_function),  # type: ignore[misc]
                cases,
            )
            tick(most)


def prove_transforms(proof: Proof, most: int, run: RunTransform, tick: Tick = lambda _: None) -> None:
    """Hold the source's transformations against the first `most` cases of a proof."""
    cases = proof.cases_of(most)
    for made in proof.spec.transforms:
        name = f"{made.schema} (route {made.place + 1})"
        _prove(
            proof,
            "transform",
            name,
            lambda part, made=made: compare_transforms(proof.spec, [made], part, run),  # type: ignore[misc]
            cases,
        )
        tick(most)


def _prove(proof: Proof, kind: ProblemKind, name: str, compare: Compare, cases: Sequence[Case]) -> None:
    """Compare one target, and add what came out to the proof."""
    started = monotonic()
    records = columns = unread = mismatches = 0
    skipped = ""
    try:
        for start, found in _in_parts(cases, compare):
            records += found.cases
            columns += found.compared
            unread += found.unread
            mismatches += len(found.differences)
            for each in found.differences:
                number = proof.numbers[start + each.case] if each.case >= 0 else -1
                proof.problems.append(Problem(kind, name, number, each.column, each.expected, each.got))
    except TidewaiterError as error:
        skipped = str(error)
    seconds = round(monotonic() - started, 2)
    proof.targets.append(TargetCheck(kind, name, records, columns, unread, mismatches, seconds, skipped))


def _in_parts(cases: Sequence[Case], compare: Compare) -> Iterator[tuple[int, Compared]]:
    """Compare all cases at once, or in halves of halves where memory is too small for more."""
    size, start = max(len(cases), 1), 0
    while start < len(cases):
        try:
            found = compare(cases[start : start + size])
        except Exceeded as error:
            if error.what != "memory" or size <= _LEAST:
                raise
            size = (size + 1) // 2
            continue
        yield from ((start, each) for each in found)
        start += size
