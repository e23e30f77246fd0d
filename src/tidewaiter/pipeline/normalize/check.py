"""`tidewaiter mapping test`: a source's samples on the real path, against everything that can judge them.

Each sample is read by the source's codec and mapped by the compiled mapping. The rows are held against
`expected/<sample>.json` (reviewed by a person), against the reference interpreter column by column, against
the source's own bytes, and against ASIM. `write_expected` writes the files anew; the diff is for review.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import as_file
from pathlib import Path

import msgspec

from tidewaiter.asim import Report
from tidewaiter.content.sources import SourceSpec
from tidewaiter.core.event_id import object_prefix
from tidewaiter.core.objects import SourceObject
from tidewaiter.pipeline.normalize.judging import (
    Problem,
    Row,
    asim_problems,
    count_of,
    differences,
    judged_natives,
    judged_rows,
    natives_of,
    rows_of,
    validated,
    warnings_of,
)
from tidewaiter.pipeline.normalize.stage import Normalizer
from tidewaiter.pipeline.sources.codecs import read


class SourceCheck(msgspec.Struct, frozen=True):
    """The result for one source: `mismatches` counts all problems but ASIM's, `asim` has those in full.

    `warnings` are those of `asim_warnings` by schema.
    """

    source: str
    samples: int
    records: int
    rows: int
    quarantined: int
    mismatches: int
    asim_errors: int
    asim_warnings: int
    warnings: dict[str, int]
    problems: tuple[Problem, ...]
    asim: Report

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; warnings of ASIM's authorities are allowed."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class _Sample:
    name: str
    records: int
    rows: Sequence[Row]
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
        found = validated(sample.rows)
        problems += asim_problems(sample.name, found)
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
        warnings_of(spec.mapping, report),
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
    rows: list[Row] = []
    native: list[Problem] = []
    quarantined: list[tuple[int, str]] = []
    records = 0
    with as_file(spec.folder.root.joinpath("samples", name)) as path:
        size = path.stat().st_size
        obj = SourceObject(name, path, spec.id, "events", spec.recognition.codec, size)
        for chunk in read(obj, spec.recognition):
            found = normalizer.normalize(chunk, object_id=name, prefix=prefix)
            records += count_of(chunk) + len(chunk.quarantined)
            quarantined += [(bad.position, bad.kind) for bad in (*chunk.quarantined, *found.quarantined)]
            rows += rows_of(spec.mapping, chunk, found)
            if spec.native:
                native += judged_natives(name, natives_of(spec.native, chunk, found))
    return _Sample(name, records, sorted(rows, key=lambda row: row.position), quarantined, native)


# Judging


def _judged(sample: _Sample) -> Iterator[Problem]:
    """Hold rows against the interpreter and the source's bytes, and count what became of the records."""
    accounted = len(sample.rows) + len(sample.quarantined)
    if accounted != sample.records:
        yield Problem("lost", sample.name, -1, "", f"{sample.records} records", f"{accounted}")
    yield from judged_rows(sample.name, sample.rows)


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
        yield from differences("snapshot", sample.name, place, old, new)


def _stale(spec: SourceSpec, samples: Sequence[_Sample]) -> Iterator[Problem]:
    wanted = {_expected_name(sample.name) for sample in samples}
    for name in spec.folder.names("expected"):
        if name not in wanted:
            yield Problem("expected", name, -1, "", "a sample of that name", "none")
