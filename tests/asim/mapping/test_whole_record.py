"""A mapping that reads the record itself: by the compilers, the interpreter, and backwards in KQL."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given

from tests.pipeline.normalize.hostile_records import json_values
from tidewaiter.asim.mapping.compile_python import compile_python
from tidewaiter.asim.mapping.expression import parse
from tidewaiter.asim.mapping.kql.binding import native_binding
from tidewaiter.asim.mapping.record import record_type
from tidewaiter.asim.mapping.source_mapping import Route, SourceMapping
from tidewaiter.asim.mapping.spec import MappingSpec
from tidewaiter.pipeline.normalize.reference import reference_of_json

RECORD = record_type({"Id": "text", "Severity": "json", "Action": "json", "detail": "whole/findings"})
COLUMNS = {"Id": "Id", "Severity": "json(Severity)", "RawData": "json(detail)"}
TYPES = {"Id": "string", "Severity": "dynamic", "RawData": "dynamic"}
FIELDS = {name: parse(text) for name, text in COLUMNS.items()}
SPEC = MappingSpec("", "T", "", FIELDS, COLUMNS, ())
MAPPING = SourceMapping(RECORD, [Route(parse("True == True"), SPEC)], (), (), (), {}, {}, {"T": TYPES})
COMPILED = compile_python(MAPPING)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"Id":"f","Severity":{"Label":"LOW"},"Action":{"n":1.10}}',
        b'{"Id":"f","Future":[1,{"a":"\\u00e9"}]}',
        b'{"Id":"f","detail":{"findings":["not the record"]}}',
        b"{}",
    ],
)
def test_the_whole_record_stands_in_its_column_as_it_was_written(raw: bytes):
    decode = COMPILED.decode if b"Future" not in raw else COMPILED.decode_open
    _, head, _, _ = COMPILED.map(decode(raw), "id")
    assert head.endswith(b'"RawData":{"findings":[' + raw + b"]}}")
    row = reference_of_json(MAPPING, raw, "id")
    assert row is not None
    assert row.columns == msgspec.json.decode(head)


@given(json_values)
def test_the_interpreter_says_the_same_whatever_a_record_holds(value):
    raw = msgspec.json.encode({"Id": "f", "Action": value, "Severity": value})
    _, head, _, _ = COMPILED.map(COMPILED.decode(raw), "id")
    row = reference_of_json(MAPPING, raw, "id")
    assert row is not None
    assert row.columns == msgspec.json.decode(head)


def test_a_function_reads_what_no_column_holds_from_the_whole_record():
    binding = native_binding(RECORD, parse("True == True"), FIELDS, TYPES)

    def kql(*path: str | int) -> str:
        bound = binding.path(path)
        assert bound is not None
        return bound.kql

    assert kql("Id") == "Id"
    assert kql("Severity", "Label") == "j_Severity.Label"
    assert kql("Action", "Calls", 0, "api") == "j_RawData.findings[0].Action.Calls[0].api"


def test_nothing_is_read_from_a_record_that_no_column_holds():
    fields = {"Id": FIELDS["Id"]}
    assert native_binding(RECORD, parse("True == True"), fields, TYPES).path(("Action", "x")) is None
