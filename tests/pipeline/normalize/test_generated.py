"""Generated records reach everything that a source's mapping does, and a wrong target is found with them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import as_file
from itertools import islice
from pathlib import Path

import msgspec
import pytest

from tidewaiter.asim.mapping.compile_python import compile_python
from tidewaiter.asim.mapping.identify import identifier
from tidewaiter.asim.mapping.kql.functions import KqlFunction
from tidewaiter.content import Folder, SourceSpec, load_source, sources
from tidewaiter.core.objects import Chunk, JsonChunk
from tidewaiter.kql import Executor
from tidewaiter.kql.prepared import Prepared
from tidewaiter.kql.text import Exceeded
from tidewaiter.pipeline.normalize import generated_check, kql_check
from tidewaiter.pipeline.normalize.differential import Rows, case_of_json, id_of
from tidewaiter.pipeline.normalize.generated import Generator
from tidewaiter.pipeline.normalize.generated_check import GeneratedCheck, prove, result
from tidewaiter.pipeline.normalize.judging import rows_of
from tidewaiter.pipeline.normalize.kql_check import prove_functions
from tidewaiter.pipeline.normalize.reference import record_of

SOURCES = sources()
FEW = {"aws_guardduty": 120}
"""Records with which a source is tried here; `mapping test` takes thousands."""


def checked(spec: SourceSpec, count: int, seed: int = 0, *, kql: bool = False) -> GeneratedCheck:
    generator = Generator(spec, seed)
    proof = prove(generator, count)
    if kql:
        prove_functions(proof, count)
    return result(proof, generator, 0)


def raws(chunks: list[Chunk]) -> list[bytes]:
    return [
        raw
        for chunk in chunks
        for raw in (chunk.records if isinstance(chunk, JsonChunk) else chunk.body.splitlines())
    ]


@pytest.mark.parametrize("source", sorted(SOURCES))
def test_every_route_of_a_source_is_taken_and_every_target_of_records_agrees(source: str):
    found = checked(SOURCES[source], FEW.get(source, 150))

    assert found.problems == ()
    assert (found.mismatches, found.asim_errors) == (0, 0)
    assert all(route.records > 0 for route in found.routes)
    assert sum(route.records for route in found.routes) == found.valid
    assert found.valid + found.quarantined == found.records
    assert (
        (0.6 if source.startswith(("aws_", "azure_", "entra_")) else 0.5) * found.records
        < found.valid
        < found.records
    ), "some are sound, and some are not"
    assert all(
        target.records == found.valid and target.columns > 10 * found.valid for target in found.targets
    )


@pytest.mark.parametrize("source", sorted(SOURCES))
def test_a_record_depends_on_seed_and_number_alone(source: str):
    spec = SOURCES[source]
    some = raws(list(Generator(spec, 5).chunks(60)))

    assert raws(list(Generator(spec, 5).chunks(60))) == some
    assert raws(list(Generator(spec, 5).chunks(1, 37))) == [some[37]]
    assert raws(list(Generator(spec, 6).chunks(60))) != some
    assert len(set(some)) > 50


def test_records_of_a_day_are_begun_with_too():
    spec = SOURCES["azure_activity"]
    raw = b'{"OperationNameValue":"Microsoft.Tide/gauges/read","TimeGenerated":"2026-03-04T09:12:44Z"}'

    some = raws(list(Generator(spec, 1, [JsonChunk([raw], [0])]).chunks(60)))

    assert sum(b"gauges" in each for each in some) > 5


def test_numbers_keep_their_digits_where_nothing_is_changed():
    some = b"".join(raws(list(Generator(SOURCES["aws_cloudtrail"], 0).chunks(200))))
    assert b"0.0007" in some
    assert b"#0.0007" not in some


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of a source that has both a native table and light functions."""
    target = tmp_path / "aws_vpcflow"
    with as_file(SOURCES["aws_vpcflow"].folder.root) as real:
        shutil.copytree(real, target)
    return target


def load(folder: Path) -> SourceSpec:
    return load_source(Folder(folder.name, folder))


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


def test_a_compiler_that_departs_from_the_interpreter_is_found(monkeypatch: pytest.MonkeyPatch):
    real = rows_of

    def departed(*args: object) -> object:
        for row in real(*args):  # type: ignore[arg-type]
            yield (
                replace(row, columns={**row.columns, "EventVendor": b'"AWSX"'}) if row.position == 41 else row
            )

    monkeypatch.setattr(generated_check, "rows_of", departed)
    found = checked(SOURCES["aws_tgwflow"], 60)

    [problem] = found.problems
    assert (problem.kind, problem.record, problem.column) == ("interpreter", 41, "EventVendor")
    assert (problem.expected, problem.got) == ('"AWS"', '"AWSX"')
    assert found.mismatches == 1
    assert not found.ok


def test_a_record_that_is_wrongly_set_aside_is_found(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(generated_check, "_complete", lambda *_: True)
    found = checked(SOURCES["aws_vpcflow"], 150)
    assert {problem.kind for problem in found.problems} == {"quarantine"}


def test_a_value_that_asim_does_not_allow_is_an_error_with_its_record(folder: Path):
    edit(folder / "mapping.network_session.yaml", "EventType: \"'Flow'\"", "EventType: \"'Party'\"")
    found = checked(load(folder), 50)
    assert found.asim_errors > 0
    assert {problem.kind for problem in found.problems} == {"asim"}
    assert all(problem.record >= 0 for problem in found.problems)


def test_the_functions_of_a_light_source_agree_on_generated_records():
    found = checked(SOURCES["aws_vpcflow"], 150, kql=True)

    assert found.problems == ()
    [target] = [each for each in found.targets if each.kind == "kql"]
    assert target.skipped == ""
    assert target.records == found.valid
    assert target.columns > 20 * target.unread


def test_a_function_is_read_once_and_runs_on_bounded_batches(monkeypatch: pytest.MonkeyPatch):
    read: list[str] = []
    batches: list[int] = []
    ticks: list[int] = []
    prepare, run = Executor.prepare, kql_check.FunctionRunner.__call__

    def prepared(self: Executor, query: str) -> Prepared:
        read.append(query)
        return prepare(self, query)

    def ran(self: kql_check.FunctionRunner, function: KqlFunction, tables: Mapping[str, Rows]) -> Rows:
        batches.append(sum(map(len, tables.values())))
        if batches[-1] == 50:
            raise Exceeded("too much", what="memory")
        return run(self, function, tables)

    monkeypatch.setattr(kql_check, "_MOST", 50)
    monkeypatch.setattr(Executor, "prepare", prepared)
    monkeypatch.setattr(kql_check.FunctionRunner, "__call__", ran)
    proof = prove(Generator(SOURCES["aws_vpcflow"], 0), 100)
    prove_functions(proof, 100, ticks.append)

    assert read == ["ASimNetworkSessionAWSVPC()"]
    assert batches[:2] == [50, 25], "half of what was too much"
    assert max(batches[1:]) == 25
    assert sum(batches[1:]) == proof.targets[-1].records == proof.valid
    assert sum(ticks) == 100
    assert proof.problems == []


def test_a_function_that_gives_something_else_is_found(folder: Path):
    spec = load(folder)
    [asim, _] = spec.functions(["SourceSystem"])
    wrong = replace(asim, body=asim.body.replace('"Deny"', '"Drop"'))
    assert wrong.body != asim.body
    generator = Generator(spec, 0)
    proof = prove(generator, 60)
    proof.spec = replace(spec)
    object.__setattr__(proof.spec, "functions", lambda _: [wrong])

    prove_functions(proof, 60)

    found = result(proof, generator, 0)
    assert {(p.kind, p.column, p.expected, p.got) for p in islice(found.problems, 5)} == {
        ("kql", "DvcAction", "'Deny'", "'Drop'")
    }
    assert found.mismatches == len(found.problems) > 0


def test_an_id_that_is_a_number_is_its_text_for_every_target():
    spec = SOURCES["entra_audit"]
    record = {"TimeGenerated": "2026-03-04T10:05:11Z", "OperationName": "Add user", "Id": 253402300800}

    case = case_of_json(spec, json.dumps(record).encode())

    assert case is not None
    assert case.row.columns["EventOriginalUid"] == "253402300800"


def test_the_id_of_a_case_is_the_one_that_the_pipeline_reads():
    """Numbers and booleans have a text, and it is the id; a record without a text gets one by its place."""
    spec = SOURCES["entra_audit"]
    compiled = compile_python(spec.mapping)
    identify = identifier(spec.event_id, spec.mapping.record)
    for value in ("5f0c", "", 5, 2**63, True, 1.5, ["a"], None):
        raw = msgspec.json.encode({"Id": value})
        record = record_of(spec.mapping, msgspec.json.decode(raw))
        assert id_of(spec, record) == (identify(compiled.decode(raw)) or "")
