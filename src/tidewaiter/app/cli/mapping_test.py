"""`tidewaiter mapping test`: samples and generated records through every target, and what came out."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import msgspec

from tidewaiter.app.cli.progress import Bar
from tidewaiter.app.cli.terminal import emit, output, say, table
from tidewaiter.app.cli.transform_runs import TransformRunner
from tidewaiter.content import SourceSpec, sources
from tidewaiter.content.microsoft import MicrosoftParser, microsoft_parsers
from tidewaiter.core.errors import UsageError
from tidewaiter.core.objects import SourceObject
from tidewaiter.lab.generator import generate
from tidewaiter.pipeline.normalize.check import SourceCheck, check_source
from tidewaiter.pipeline.normalize.generated import Generator
from tidewaiter.pipeline.normalize.generated_check import GeneratedCheck, prove, result
from tidewaiter.pipeline.normalize.kql_check import prove_functions, prove_transforms
from tidewaiter.pipeline.sources.codecs import read
from tidewaiter.pipeline.sources.folder import discover

if TYPE_CHECKING:
    from tidewaiter.core.objects import Chunk
    from tidewaiter.pipeline.normalize.generated_check import Tick
    from tidewaiter.pipeline.normalize.judging import Problem

TARGETS = ("python", "kql", "transform")
DAY_EVENTS = 500
_SHOWN = 20
_SILENT = 30.0
"""Seconds after which a run without a bar says how far it is."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: so many records from a number on, and how many of them go through KQL."""

    records: int
    seed: int
    first: int
    targets: frozenset[str]
    kql_records: int


def asked_for(records: int, seed: int, first: int, targets: str, kql_records: int | None) -> Asked:
    """Return what the options ask for; `kql_records` is None for all.

    Raises:
        UsageError: a target that there is not.
    """
    named = [each.strip() for each in targets.split(",")]
    for each in named:
        if each not in TARGETS:
            raise UsageError(f"no target {each!r}", hint=f"targets are {', '.join(TARGETS)}")
    through_kql = records if kql_records is None else min(kql_records, records)
    return Asked(records, seed, first, frozenset(named), through_kql)


class SourceResult(msgspec.Struct, frozen=True):
    """Everything about one source, as `--json` has it; `microsoft` is by ASIM schema."""

    source: str
    samples: SourceCheck
    generated: GeneratedCheck | None
    microsoft: dict[str, MicrosoftParser]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.samples.ok and (self.generated is None or self.generated.ok)


def check_sources(specs: Sequence[SourceSpec], asked: Asked, *, json: bool) -> bool:
    """Test sources and print what came out; return whether nothing is wrong."""
    with tempfile.TemporaryDirectory(prefix="tidewaiter-mapping-") as folder:
        day = _day(Path(folder), asked) if asked.records else {}
        found = [_tested(spec, asked, day.get(spec.id, ())) for spec in specs]
    if json:
        emit([msgspec.json.encode(found) + b"\n"])
    else:
        _print(found, asked)
    for each in found:
        _tell(each.source, each.samples.problems)
        if each.generated:
            _tell(each.source, each.generated.problems)
    return all(each.ok for each in found)


def _day(folder: Path, asked: Asked) -> dict[str, list[SourceObject]]:
    """Write a small day of the lab with that seed; return its objects with events, by source."""
    say(f"generating a day of {DAY_EVENTS:,} events with seed {asked.seed} to begin with")
    generate(folder, events=DAY_EVENTS, seed=asked.seed)
    found: dict[str, list[SourceObject]] = {}
    recognitions = {name: spec.recognition for name, spec in sources().items()}
    for each in discover(folder, recognitions):
        if isinstance(each, SourceObject) and each.kind == "events":
            found.setdefault(each.source, []).append(each)
    return found


def _tested(spec: SourceSpec, asked: Asked, objects: Sequence[SourceObject]) -> SourceResult:
    samples = check_source(spec)
    generated = _generated(spec, asked, objects) if asked.records else None
    return SourceResult(spec.id, samples, generated, microsoft_parsers(spec))


def _generated(spec: SourceSpec, asked: Asked, objects: Sequence[SourceObject]) -> GeneratedCheck:
    more: list[Chunk] = [chunk for each in objects for chunk in read(each, spec.recognition)]
    generator = Generator(spec, asked.seed, more)
    schemas = len({route.mapping.schema for route in spec.mapping.routes})
    kql = "kql" in asked.targets and spec.native is not None
    transforms = len(spec.transforms) if "transform" in asked.targets else 0
    with Bar(spec.id, unit="records") as bar:
        tick = _told(spec.id, bar, asked.records + asked.kql_records * (schemas * kql + transforms))
        proof = prove(generator, asked.records, asked.first, tick)
        if kql:
            prove_functions(proof, asked.kql_records, tick)
        if transforms:
            prove_transforms(proof, asked.kql_records, TransformRunner(), tick)
    return result(proof, generator, asked.first)


def _told(source: str, bar: Bar, total: int) -> Tick:
    """Return a function that advances the bar, and now and then says how far it is where no bar is shown."""
    advance, done, said = bar.counter(total), 0, monotonic()

    def tick(n: int) -> None:
        nonlocal done, said
        advance(n)
        done += n
        if not sys.stderr.isatty() and monotonic() - said > _SILENT:
            said = monotonic()
            say(f"{source}: {done:,} of {total:,} comparisons of a record with a target")

    return tick


# Printing


def _print(found: Sequence[SourceResult], asked: Asked) -> None:
    console = output()
    columns = ("source", "samples", "records", "rows", "quarantined", "mismatches", "ASIM errors")
    rows = [
        (c.source, c.samples, c.records, c.rows, c.quarantined, c.mismatches, c.asim_errors)
        for c in (each.samples for each in found)
    ]
    console.print("Samples\n", style="bold")
    console.print(table(columns, rows, right=columns[1:]))
    if asked.records:
        console.print(f"\nGenerated records, seed {asked.seed}\n", style="bold")
        _print_generated(found, asked)
    console.print("\nRecommended columns that no sample fills: ASIM's warnings\n", style="bold")
    _print_warnings(found)


def _print_generated(found: Sequence[SourceResult], asked: Asked) -> None:
    targets = ("python", "native", "KQL", "transform")
    columns = ("source", "generated", "valid", *targets, "not held", "mismatches", "ASIM errors")
    kinds = (("python", "polars"), ("native",), ("kql",), ("transform",))
    checks = [each.generated for each in found if each.generated]
    rows = [
        (
            g.source,
            g.records,
            g.valid,
            *(_compared(g, *kind) for kind in kinds),
            sum(bool(target.skipped) for target in g.targets),
            g.mismatches,
            g.asim_errors,
        )
        for g in checks
    ]
    output().print(table(columns, rows, right=columns[1:]))
    say("under a target: records compared with the mapping's meaning, column by column; - is none")
    if any(target.skipped for check in checks for target in check.targets):
        say("not held: functions and transformations that could not be compared, which says nothing of them")
    if asked.targets - {"python"} and asked.kql_records < asked.records:
        say(f"KQL and transform: of the first {asked.kql_records:,} records alone")
    for check in checks:
        for target in check.targets:
            if target.skipped:
                say(f"{check.source}: {target.kind} {target.name} was not compared: {target.skipped}")


def _compared(check: GeneratedCheck, *kinds: str) -> str:
    """Return the records compared in a kind of target; "-" where there was none."""
    found = [target for target in check.targets if target.kind in kinds and not target.skipped]
    return f"{sum(target.records for target in found):,}" if found else "-"


def _print_warnings(found: Sequence[SourceResult]) -> None:
    columns = ("source", "schema", "ours", "Microsoft's", "Microsoft's parser")
    rows = []
    for each in found:
        for schema, ours in each.samples.warnings.items():
            theirs = each.microsoft.get(schema)
            told = (theirs.warnings, theirs.parser) if theirs else ("-", "none known")
            rows.append((each.source, schema, ours, *told))
    output().print(table(columns, rows, right=columns[2:4]))


def _tell(source: str, problems: Sequence[Problem]) -> None:
    for problem in problems[:_SHOWN]:
        record = f" record {problem.record}" if problem.record >= 0 else ""
        column = f" {problem.column}" if problem.column else ""
        where = f"{source}/{problem.sample} [{problem.kind}]{record}{column}"
        say(f"{where}: expected {problem.expected}, got {problem.got}")
    if len(problems) > _SHOWN:
        say(f"{source}: and {len(problems) - _SHOWN:,} more; --json has all")
