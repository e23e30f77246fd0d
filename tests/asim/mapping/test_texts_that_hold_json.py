"""Log Analytics keeps some objects as texts: a path goes through, and a fraction reaches its column."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from tidewaiter.asim.mapping.compile_python import compile_python
from tidewaiter.asim.mapping.evaluate import column, evaluate
from tidewaiter.asim.mapping.expression import parse
from tidewaiter.asim.mapping.identify import identifier
from tidewaiter.asim.mapping.record import record_type
from tidewaiter.asim.mapping.runtime import dynamic, dynamic_of_raw
from tidewaiter.asim.mapping.source_mapping import Route, SourceMapping
from tidewaiter.asim.mapping.spec import MappingSpec
from tidewaiter.core.errors import ContentError

DETAIL = {"os": "Linux", "place": {"latitude": 53.5511}, "n": 7}
SHAPE: dict[str, Any] = {"Id": "text", "detail": "json", "steps": "json", "any": "any", "who": {"id": "text"}}
TYPES = {"EventVendor": "string", "C": "string", "R": "real"}


def row(record: dict[str, Any], **columns: str) -> dict[str, Any]:
    """The row of a record; the interpreter has to say the same."""
    parsed = {name: parse(text) for name, text in columns.items()} | {"EventVendor": parse("'X'")}
    spec = MappingSpec("S", "T", "", parsed, {}, ())
    source = SourceMapping(
        record_type(SHAPE), [Route(parse("True == True"), spec)], [], [], [], {}, {}, {"T": TYPES}
    )
    compiled = compile_python(source)
    raw = json.dumps(record).encode()
    _, head, _, _ = compiled.map(compiled.decode(raw), "id")
    found = msgspec.json.decode(head)
    decoded = dict.fromkeys(SHAPE) | json.loads(raw)
    said = {name: column(expr, TYPES[name], decoded, {}) for name, expr in parsed.items()}
    assert found == {name: value for name, value in said.items() if value is not None}
    return {name: value for name, value in found.items() if name != "EventVendor"}


@pytest.mark.parametrize("form", [DETAIL, json.dumps(DETAIL), json.dumps(DETAIL, indent=1)])
@pytest.mark.parametrize("member", ["detail", "any"])
def test_an_object_and_its_text_give_the_same_row(form: object, member: str):
    columns = {"C": f"{member}.os", "R": f"{member}.place.latitude"}
    assert row({member: form}, **columns) == {"C": "Linux", "R": 53.5511}


@pytest.mark.parametrize("form", [[{"m": "Password"}, {"m": "Push"}], '[{"m":"Password"},{"m":"Push"}]'])
def test_a_list_and_its_text_give_the_same_row(form: object):
    assert row({"steps": form}, C="steps[1].m") == {"C": "Push"}
    assert row({"steps": form}, C="joined(steps, 'm', 'Push', 'm')") == {"C": "Push"}


@pytest.mark.parametrize("space", [" ", "\n", " \t\r\n "])
def test_white_space_around_an_object_is_part_of_its_json(space: str):
    text = space + json.dumps(DETAIL) + space
    for member in ("detail", "any"):
        assert row({member: text}, C=f"{member}.os") == {"C": "Linux"}
    assert dynamic(text) == msgspec.json.encode(DETAIL)
    assert dynamic_of_raw(msgspec.json.encode(text)) == json.dumps(DETAIL).encode()


@pytest.mark.parametrize("space", ["\xa0", "\u2003", "\x0b", "\ufeff"])
def test_white_space_that_json_does_not_know_makes_a_text_of_it(space: str):
    assert row({"detail": space + json.dumps(DETAIL)}, C="detail.os") == {}


@pytest.mark.parametrize(
    "text", ["", "Linux", "{", '{"os":', '{"os":"Linux"} and more', "[1", '"{}"', "null"]
)
def test_a_text_that_holds_no_json_has_no_members(text: str):
    assert row({"detail": text}, C="detail.os") == {}
    assert row({"any": text}, C="any.os") == {}


def test_a_text_nested_too_deep_has_no_members():
    deep = '{"os":' * 5_000 + "1" + "}" * 5_000
    assert row({"detail": deep}, C="detail.os") == {}


def test_only_a_member_of_the_record_is_gone_through():
    assert row({"detail": {"inner": '{"os":"Linux"}'}}, C="detail.inner.os") == {}
    assert row({"detail": {"inner": '{"os":"Linux"}'}}, C="detail.inner") == {"C": '{"os":"Linux"}'}


def test_a_member_read_as_a_whole_and_inside_is_a_text_and_an_object():
    text = json.dumps(DETAIL)
    assert row({"detail": text}, C="concat(detail, detail.os)") == {"C": text + "Linux"}


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, 0.0), (-3, -3.0), (53.5511, 53.5511), (1e300, 1e300), (2**70, None), ("5.5", None), (True, None)],
)
def test_a_real_column_holds_numbers_alone(value: object, written: float | None):
    assert row({"any": value}, R="any") == ({} if written is None else {"R": written})


def test_a_number_beyond_floats_is_left_out():
    decoded = {"any": float("inf")}
    assert column(parse("any"), "real", decoded, {}) is None


# Ids


def decoded(record: dict[str, Any]) -> msgspec.Struct:
    return msgspec.json.decode(json.dumps(record), type=record_type(SHAPE).struct)


@pytest.mark.parametrize(
    ("text", "record", "found"),
    [
        ("Id", {"Id": "a"}, "a"),
        ("Id", {}, None),
        ("first(Id, detail.n)", {"Id": "", "detail": {"n": "b", "x": [1]}}, "b"),
        ("first(Id, detail.n)", {"detail": '{"n":"b"}'}, "b"),
        ("first(Id, detail.n)", {"detail": None}, None),
        ("first(Id, detail.n)", {"detail": {"n": 7}}, "7"),
        ("template('{}/{}', Id, steps[0].at)", {"Id": "a", "steps": [{"at": "t"}]}, "a/t"),
        ("template('{}/{}', Id, steps[0].at)", {"Id": "a", "steps": []}, None),
        ("first(any, who.id)", {"who": {"id": "w"}}, "w"),
    ],
)
def test_a_records_own_id_is_an_expression(text: str, record: dict[str, Any], found: str | None):
    expr = parse(text)
    assert identifier(expr, record_type(SHAPE))(decoded(record)) == found
    whole = dict.fromkeys(SHAPE) | record
    assert (evaluate(expr, whole, {}) or None) == (int(found) if found == "7" else found)


def test_without_an_expression_no_record_has_an_id():
    assert identifier(None, record_type(SHAPE))(decoded({"Id": "a"})) is None


def test_an_id_of_an_unknown_member_is_refused():
    with pytest.raises(ContentError, match="unknown member 'eventID'"):
        identifier(parse("eventID"), record_type(SHAPE))
