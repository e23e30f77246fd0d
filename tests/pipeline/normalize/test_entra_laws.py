"""Whatever Entra's and Azure's logs hold, each record is set aside or is the interpreter's row."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pipeline.normalize import hostile_entra as hostile
from tidewaiter.asim import validate_rows
from tidewaiter.asim.mapping.evaluate import evaluate
from tidewaiter.asim.mapping.operators import exists
from tidewaiter.asim.mapping.record import attribute
from tidewaiter.asim.mapping.runtime import decode_any
from tidewaiter.core.objects import JsonChunk
from tidewaiter.pipeline.normalize import JsonRows, Normalizer
from tidewaiter.pipeline.normalize.reference import reference_of_json

NORMALIZERS = {name: Normalizer(spec) for name, spec in hostile.SPECS.items()}
split = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def lacks(name: str, raw: bytes) -> bool:
    """Whether the record lacks what the source demands."""
    mapping = hostile.SPECS[name].mapping
    found = decode_any(raw)
    assert isinstance(found, dict)
    record = {attribute(member): found.get(member) for member in mapping.record.kinds}
    return not all(exists(evaluate(expr, record, mapping.lookups)) for expr in mapping.require.values())


@pytest.mark.parametrize("name", sorted(hostile.SPECS))
@settings(max_examples=settings().max_examples // 5)
@given(data=st.data())
def test_a_row_is_what_the_interpreter_makes_of_its_record(name: str, data: st.DataObject):
    raws = data.draw(st.lists(hostile.raw_records(name), min_size=1, max_size=2))
    mapping = hostile.SPECS[name].mapping

    found = NORMALIZERS[name].normalize(JsonChunk(raws, range(len(raws))), object_id="o", prefix="p")

    assert {bad.position for bad in found.quarantined} == {
        n for n, raw in enumerate(raws) if lacks(name, raw)
    }
    assert {bad.kind for bad in found.quarantined} <= {"invalid"}
    assert found.valid + len(found.quarantined) == len(raws)
    for part in found.rows:
        assert isinstance(part, JsonRows)
        for event_id, head, extra, raw in zip(part.ids, part.heads, part.extras, part.raws, strict=True):
            judge = reference_of_json(mapping, bytes(raw), event_id)
            assert judge is not None
            assert msgspec.json.decode(head) == dict(judge.columns)
            assert {each: bytes(value) for each, value in split(extra).items()} == dict(judge.additional)


@pytest.mark.parametrize("name", sorted(hostile.SPECS))
@settings(max_examples=settings().max_examples // 5)
@given(data=st.data())
def test_a_row_conforms_to_asim_whatever_its_record_holds(name: str, data: st.DataObject):
    raw = data.draw(hostile.raw_records(name))
    found = NORMALIZERS[name].normalize(JsonChunk([raw], [0]), object_id="o", prefix="p")
    for part in found.rows:
        assert isinstance(part, JsonRows)
        errors = validate_rows(part.table, [msgspec.json.decode(head) for head in part.heads]).errors
        assert not errors, [(each.column, each.message, each.example) for each in errors]
