"""`tidewaiter mapping test`: the targets in KQL on generated records, in the lab's executor.

A large function takes long to read and to plan, and much memory to run: it is read once, and runs on a
thousand records at a time, on half as many when they are too many for its memory.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic

from tidewaiter.asim.mapping.kql.functions import KqlFunction
from tidewaiter.asim.mapping.kql.transforms import Transform
from tidewaiter.asim.schema import table
from tidewaiter.core.errors import StateError, TidewaiterError
from tidewaiter.kql import Executor, Limits, StoredFunction
from tidewaiter.kql.prepared import Prepared
from tidewaiter.kql.results import QueryResult
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
_MOST, _LEAST = 1000, 8
"""Records that run at once: more take no less time, and more memory."""
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
    return _named(executor.run(query, now=NOW), query)


def _named(result: QueryResult, query: str) -> Rows:
    if result.cut:
        raise StateError(f"the result of {query} is not whole: {result.cut}")
    names = [column.name for column in result.columns]
    return [dict(zip(names, row, strict=True)) for row in result.rows]


class FunctionRunner:
    """Runs functions on rows of their tables; each is read once, and planned for every batch of rows."""

    def __init__(self) -> None:
        self._prepared: dict[str, Prepared] = {}

    def __call__(self, function: KqlFunction, tables: Mapping[str, Rows]) -> Rows:
        """Run a function."""
        query = f"{function.name}()"
        with (
            tempfile.TemporaryDirectory(prefix="tidewaiter-mapping-") as folder,
            executor_of(Path(folder), [function], tables) as executor,
        ):
            if query not in self._prepared:
                self._prepared[query] = executor.prepare(query)
            return _named(executor.run_prepared(self._prepared[query], now=NOW, parts={}), query)


def prove_functions(proof: Proof, most: int, tick: Tick = lambda _: None) -> None:
    """Hold the source's ASIM functions against the first `most` cases of a proof."""
    run = FunctionRunner()

    def compare(function: KqlFunction, cases: Sequence[Case]) -> list[Compared]:
        return compare_functions(proof.spec, [function], cases, run)

    for function in proof.spec.functions([KEPT]):
        if function.name.startswith("ASim"):
            _prove(proof, "kql", function.name, partial(compare, function), most, tick)


def prove_transforms(proof: Proof, most: int, run: RunTransform, tick: Tick = lambda _: None) -> None:
    """Hold the source's transformations against the first `most` cases of a proof."""

    def compare(made: Transform, cases: Sequence[Case]) -> list[Compared]:
        return compare_transforms(proof.spec, [made], cases, run)

    for made in proof.spec.transforms:
        name = f"{made.schema} (route {made.place + 1})"
        _prove(proof, "transform", name, partial(compare, made), most, tick)


def _prove(proof: Proof, kind: ProblemKind, name: str, compare: Compare, most: int, tick: Tick) -> None:
    """Compare one target on the first `most` records, and add what came out to the proof."""
    started = monotonic()
    cases, done = proof.cases_of(most), 0
    records = columns = unread = mismatches = 0
    skipped = ""
    try:
        for start, size, found in _in_parts(cases, compare):
            records += found.cases
            columns += found.compared
            unread += found.unread
            mismatches += len(found.differences)
            for each in found.differences:
                number = proof.numbers[start + each.case] if each.case >= 0 else -1
                proof.problems.append(Problem(kind, name, number, each.column, each.expected, each.got))
            done += size
            tick(size)
    except TidewaiterError as error:
        skipped = str(error)
        records = columns = unread = 0
    tick(most - done)
    seconds = round(monotonic() - started, 2)
    proof.targets.append(TargetCheck(kind, name, records, columns, unread, mismatches, seconds, skipped))


def _in_parts(cases: Sequence[Case], compare: Compare) -> Iterator[tuple[int, int, Compared]]:
    """Compare cases, many at once, or half as many where memory is too small for more.

    Yields the place of the first case, how many there were, and what came out.
    """
    size, start = _MOST, 0
    while start < len(cases):
        part = cases[start : start + size]
        try:
            found = compare(part)
        except Exceeded as error:
            if error.what != "memory" or size <= _LEAST:
                raise
            size = (size + 1) // 2
            continue
        yield from ((start, len(part), each) for each in found)
        start += len(part)
