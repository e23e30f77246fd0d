"""Every record is a row or is quarantined, and a row says what the interpreter and the source say."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pipeline.normalize import hostile_records as hostile
from tidewaiter.asim.mapping.evaluate import evaluate
from tidewaiter.asim.mapping.expression import Field
from tidewaiter.asim.mapping.operators import exists
from tidewaiter.asim.mapping.runtime import decode_any
from tidewaiter.core.objects import JsonChunk, TextChunk
from tidewaiter.pipeline.normalize import FrameRows, JsonRows, Normalized, Normalizer
from tidewaiter.pipeline.normalize.reference import reference_of_json, reference_of_line

CLOUDTRAIL = Normalizer(hostile.CLOUDTRAIL)
VPC = Normalizer(hostile.VPC)
split = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def normalize(raws: list[bytes], normalizer: Normalizer = CLOUDTRAIL) -> Normalized:
    return normalizer.normalize(JsonChunk(raws, range(len(raws))), object_id="o", prefix="p")


def json_rows(found: Normalized) -> list[tuple[str, str, bytes, bytes, bytes]]:
    rows = []
    for part in found.rows:
        assert isinstance(part, JsonRows)
        for event_id, head, extra, raw in zip(part.ids, part.heads, part.extras, part.raws, strict=True):
            rows.append((part.table, event_id, head, extra, bytes(raw)))
    return rows


def has_what_it_must(raw: bytes) -> bool:
    record = decode_any(raw)
    assert isinstance(record, dict)
    return all(exists(evaluate(expr, record, {})) for expr in hostile.CLOUDTRAIL.mapping.require.values())


@given(st.lists(hostile.raw_records, min_size=3, max_size=5))
def test_a_cloudtrail_row_is_what_the_interpreter_makes_of_its_record(raws: list[bytes]):
    found = normalize(raws)
    rows = json_rows(found)
    assert len(rows) + len(found.quarantined) == len(raws)
    assert {bad.position for bad in found.quarantined} == {
        n for n, raw in enumerate(raws) if not has_what_it_must(raw)
    }
    for bad in found.quarantined:
        assert (bad.kind, bad.raw) == ("invalid", raws[bad.position])
    for table, event_id, head, extra, raw in rows:
        judge = reference_of_json(hostile.CLOUDTRAIL.mapping, raw, event_id)
        assert judge is not None
        assert table == judge.table
        assert msgspec.json.decode(head) == dict(judge.columns)
        assert {name: bytes(value) for name, value in split(extra).items()} == dict(judge.additional)


@given(st.lists(hostile.raw_records, min_size=3, max_size=5))
def test_what_a_cloudtrail_row_carries_is_the_sources_byte_for_byte(raws: list[bytes]):
    kinds = hostile.CLOUDTRAIL.mapping.record.kinds
    plain = {
        route.mapping.table: {
            name: expr.path for name, expr in route.mapping.columns.items() if isinstance(expr, Field)
        }
        for route in hostile.CLOUDTRAIL.mapping.routes
    }
    for table, _, head, extra, raw in json_rows(normalize(raws)):
        members = split(raw)
        for name, carried in split(extra).items():
            if kinds.get(name, "json") in ("json", "object"):  # unknown members are kept raw
                assert bytes(carried) == bytes(members[name])
            else:
                assert msgspec.json.decode(carried) == msgspec.json.decode(members[name])
        columns = msgspec.json.decode(head)
        decoded = decode_any(raw)
        for name, path in plain[table].items():
            if name in columns and path != ("event_id",):
                value: Any = decoded
                for step in path:
                    value = value[step]
                said = columns[name].encode()
                assert (
                    said
                    == (value if isinstance(value, str) else msgspec.json.encode(value).decode()).encode()
                )


@settings(max_examples=settings().max_examples // 5)  # each makes a compiler
@given(hostile.raw_records)
def test_the_same_record_gives_the_same_bytes_from_the_memo_and_from_a_new_compiler(raw: bytes):
    once = json_rows(normalize([raw]))
    assert json_rows(normalize([raw])) == once
    assert json_rows(normalize([raw], Normalizer(hostile.CLOUDTRAIL))) == once


@given(hostile.flow_logs())
def test_a_flow_log_row_is_what_the_interpreter_makes_of_its_line(log: tuple[tuple[str, ...], list[str]]):
    header, lines = log
    chunk = TextChunk("".join(line + "\n" for line in lines).encode(), header, first_line=1)
    found = VPC.normalize(chunk, object_id="o", prefix="p")
    seen = {bad.position for bad in found.quarantined}
    assert [bad.raw for bad in found.quarantined] == [lines[p - 1].encode() for p in sorted(seen)]
    for rows in found.rows:
        assert isinstance(rows, FrameRows)
        for row in rows.frame.iter_rows(named=True):
            event_id = row["EventOriginalUid"]
            position = int(event_id.removeprefix("p-"))
            seen.add(position)
            judge = reference_of_line(VPC.source.mapping, header, lines[position - 1].encode(), event_id)
            assert judge is not None
            assert rows.table == judge.table
            additional = row.pop("AdditionalFields", "{}")
            got = {n: value for n, value in row.items() if value not in (None, "")}
            times = {n: value.isoformat() + "Z" for n, value in got.items() if hasattr(value, "isoformat")}
            assert got | times == dict(judge.columns)
            assert {n: bytes(v) for n, v in split(additional).items()} == dict(judge.additional)
    assert len(seen) == len(lines) == found.valid + len(found.quarantined)


@given(hostile.flow_logs(right=False))
def test_a_wrong_number_quarantines_its_line_alone(log: tuple[tuple[str, ...], list[str]]):
    header, lines = log
    kinds = VPC.source.mapping.record.kinds
    wrong = set()
    for place, line in enumerate(lines):
        for name, text in zip(header, line.split(" "), strict=True):
            number = text.lstrip("-").isascii() and text.removeprefix("-").isdigit()
            if kinds.get(name) == "int" and text != "-" and not (number and -(2**63) <= int(text) < 2**63):
                wrong.add(place)
    chunk = TextChunk("".join(line + "\n" for line in lines).encode(), header, first_line=0)
    found = VPC.normalize(chunk, object_id="o", prefix="p")
    assert {bad.position for bad in found.quarantined if bad.kind == "wrong_type"} == wrong
    assert found.valid + len(found.quarantined) == len(lines)
    assert all(bad.raw == lines[bad.position].encode() for bad in found.quarantined)
