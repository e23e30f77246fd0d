"""Whatever a record holds, its native row is the interpreter's, and fits the table."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pipeline.normalize import hostile_entra, hostile_records
from tests.pipeline.normalize.native_rows import problems
from tests.pipeline.normalize.test_normalize_guardduty import raw_findings
from tidewaiter.asim.mapping.source_mapping import SourceMapping
from tidewaiter.content import SourceSpec, sources
from tidewaiter.core.billing import billed_size
from tidewaiter.core.objects import JsonChunk, TextChunk
from tidewaiter.pipeline.deliver.frame_rows import native_rows
from tidewaiter.pipeline.normalize import FrameRows, JsonRows, Normalizer
from tidewaiter.pipeline.normalize.reference import reference_of_json, reference_of_line

RECORDS: dict[str, st.SearchStrategy[bytes]] = {
    "aws_cloudtrail": hostile_records.raw_records,
    "aws_guardduty": raw_findings,
    **{name: hostile_entra.raw_records(name) for name in hostile_entra.SPECS},
}
PLAIN = {name: Normalizer(sources()[name]) for name in RECORDS}
NATIVE = {name: Normalizer(sources()[name], native=True) for name in RECORDS}
VPC = Normalizer(sources()["aws_vpcflow"], native=True)


def native_of(spec: SourceSpec) -> SourceMapping:
    assert spec.native is not None
    return spec.native


@pytest.mark.parametrize("name", sorted(RECORDS))
@settings(max_examples=settings().max_examples // 2)
@given(data=st.data())
def test_a_native_row_is_what_the_interpreter_makes_of_its_record(name: str, data: st.DataObject):
    raws = data.draw(st.lists(RECORDS[name], min_size=1, max_size=3))
    spec = sources()[name]
    chunk = JsonChunk(raws, range(len(raws)))
    plain = PLAIN[name].normalize(chunk, object_id="o", prefix="p")

    found = NATIVE[name].normalize(chunk, object_id="o", prefix="p")

    assert found.valid == plain.valid
    for part in found.rows:
        assert isinstance(part, JsonRows)
        assert len(part.natives) == len(part.natives_billed) == len(part)
        for event_id, raw, row, billed in zip(
            part.ids, part.raws, part.natives, part.natives_billed, strict=True
        ):
            judge = reference_of_json(native_of(spec), bytes(raw), event_id)
            assert judge is not None
            assert part.native == judge.table
            assert msgspec.json.decode(row) == dict(judge.columns)
            assert billed == billed_size(row)
            assert not problems(part.native, msgspec.json.decode(row))


@given(hostile_records.flow_logs())
def test_a_native_flow_is_what_the_interpreter_makes_of_its_line(log: tuple[tuple[str, ...], list[str]]):
    header, lines = log
    chunk = TextChunk("".join(line + "\n" for line in lines).encode(), header, first_line=0)
    for part in VPC.normalize(chunk, object_id="o", prefix="p").rows:
        assert isinstance(part, FrameRows)
        assert part.natives is not None
        rows, billed = native_rows(part.natives)
        ids: list[str] = part.frame["EventOriginalUid"].to_list()
        for event_id, row, size in zip(ids, rows, billed, strict=True):
            line = lines[int(event_id.removeprefix("p-"))].encode()
            judge = reference_of_line(native_of(VPC.source), header, line, event_id)
            assert judge is not None
            assert part.native == judge.table
            got: dict[str, Any] = msgspec.json.decode(row)
            assert got == dict(judge.columns)
            assert size == billed_size(row)
            assert not problems(part.native, got)
