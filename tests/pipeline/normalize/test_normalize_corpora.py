"""The real logs: every row is the interpreter's, carries the source's bytes, and conforms to ASIM."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.pipeline.normalize.native_rows import problems
from tidewaiter.asim import Report
from tidewaiter.content import sources
from tidewaiter.core.objects import SourceObject
from tidewaiter.pipeline.normalize import JsonRows, Normalized, check, judging
from tidewaiter.pipeline.normalize.stage import Normalizer
from tidewaiter.pipeline.sources.codecs import read
from tidewaiter.pipeline.sources.folder import discover

SPECS = sources()


@pytest.fixture(scope="module")
def readings(corpora: Path) -> dict[str, check._Sample]:
    """What became of each real object."""
    normalizers = {name: Normalizer(spec, native=True) for name, spec in SPECS.items()}
    found: dict[str, check._Sample] = {}
    for item in discover(corpora, {name: spec.recognition for name, spec in SPECS.items()}):
        if not isinstance(item, SourceObject) or item.kind != "events":
            continue
        spec, records = SPECS[item.source], 0
        rows: list[judging.Row] = []
        bad: list[tuple[int, str]] = []
        native: list[judging.Problem] = []
        for chunk in read(item, spec.recognition):
            made = normalizers[item.source].normalize(chunk, object_id=item.id, prefix="p")
            records += judging.count_of(chunk) + len(chunk.quarantined)
            bad += [(q.position, q.kind) for q in (*chunk.quarantined, *made.quarantined)]
            rows += judging.rows_of(spec.mapping, chunk, made)
            if spec.native:
                natives = judging.natives_of(spec.native, chunk, made)
                native += judging.judged_natives(item.id, natives)
            native += [_misfit(item.id, wrong) for wrong in _misfits(made)]
        found[item.id] = check._Sample(item.id, records, rows, bad, native)
    return found


def test_real_records_become_what_the_interpreter_and_the_source_say(readings):
    found = [problem for sample in readings.values() for problem in check._judged(sample)]
    assert not found, "\n".join(map(str, found[:20]))
    assert sum(len(sample.rows) for sample in readings.values()) > 3_000


def _misfits(made: Normalized) -> Iterator[str]:
    for part in made.rows:
        if isinstance(part, JsonRows) and part.native:
            for row in part.natives:
                yield from problems(part.native, msgspec.json.decode(row))


def _misfit(sample: str, wrong: str) -> judging.Problem:
    return judging.Problem("native", sample, -1, "", "a row of the table", wrong)


def test_real_records_become_rows_of_sentinels_own_tables_as_the_interpreter_says(readings):
    found = [problem for sample in readings.values() for problem in sample.native]
    assert not found, "\n".join(map(str, found[:20]))


def test_real_rows_conform_to_asim(readings):
    report = Report()
    for sample in readings.values():
        report = report.merge(judging.validated(sample.rows))
    assert not report.errors
    assert len(report.rows) == 7


def test_real_findings_are_all_alerts_with_a_severity_a_tactic_and_a_device(readings):
    found = {name: sample for name, sample in readings.items() if name.startswith("guardduty-")}
    assert len(found) == 12
    for name, sample in found.items():
        (row,) = sample.rows
        assert (row.table, sample.records, sample.quarantined) == ("ASimAlertEventLogs", 1, []), name
        assert {"EventSeverity", "AttackTactics", "AttackTechniques", "DvcId", "DvcIpAddr"} <= set(
            row.columns
        )


def test_real_calls_are_told_by_their_verbs(readings):
    types = Counter(
        row.columns["EventType"]
        for sample in readings.values()
        for row in sample.rows
        if row.table == "ASimAuditEventLogs"
    )
    assert types[b'"Other"'] == 0
    assert types[b'"Read"'] > types[b'"Delete"'] > 0
