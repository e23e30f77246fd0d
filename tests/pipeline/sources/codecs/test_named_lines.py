"""Lines of flow logs as JSON objects with a member for each field."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tidewaiter.content import sources
from tidewaiter.core.faults import Quarantined
from tidewaiter.core.objects import SourceObject, TextChunk
from tidewaiter.pipeline.normalize.rows import FrameRows
from tidewaiter.pipeline.normalize.text import TextNormalizer
from tidewaiter.pipeline.sources.codecs import read
from tidewaiter.pipeline.sources.codecs.inflate import Limits
from tidewaiter.pipeline.sources.codecs.named_lines import fields_of
from tidewaiter.pipeline.sources.folder import discover

_text = sources()["aws_vpcflow"].recognition.text
assert _text is not None
SHAPE = _text
FLOW = {"version": 2, "account_id": "900100200301", "interface_id": "eni-1", "srcaddr": "198.51.100.7",
        "dstaddr": "10.0.0.4", "srcport": 4712.0, "dstport": 443, "protocol": 6.0, "packets": 12,
        "bytes": 2610, "start": 1661950735, "end": 1661950746, "action": "ACCEPT",
        "log_status": "OK"}  # fmt: skip
LINE = "2 900100200301 eni-1 198.51.100.7 10.0.0.4 4712 443 6 12 2610 1661950735 1661950746 ACCEPT OK"
COLUMNS = {"AccountId": "900100200301", "InterfaceId": "eni-1", "SrcAddr": "198.51.100.7", "Bytes": 10}
CELLS = LINE.split(" ")
MESSAGE = {"message": LINE.replace("198.51.100.7 10.0.0.4", "10.0.0.4 198.51.100.7")}
HEADER = ("account-id", "interface-id", "srcaddr", "bytes")

FORMS: dict[str, Callable[..., str]] = {
    "lines": lambda *flows: "\n".join(map(json.dumps, flows)),
    "a list": lambda *flows: json.dumps(flows, indent=2),
    "run together": lambda *flows: "".join(map(json.dumps, flows)),
}


@pytest.fixture
def mapped(tmp_path):
    """Read text and map it: the rows with their positions, and what is set aside."""

    def mapping(text: str) -> tuple[list[tuple[dict[str, Any], int]], list[Quarantined]]:
        spec = sources()["aws_vpcflow"]
        path = tmp_path / "object"
        path.write_text(text)
        obj = SourceObject("object", path, "aws_vpcflow", "events", spec.recognition.codec, 0)
        rows: list[tuple[dict[str, Any], int]] = []
        bad: list[Quarantined] = []
        for chunk in read(obj, spec.recognition, Limits()):
            assert isinstance(chunk, TextChunk)
            found = TextNormalizer(spec.mapping).normalize(chunk, object_id="object", prefix="p")
            bad += [*chunk.quarantined, *found.quarantined]
            for part in found.rows:
                assert isinstance(part, FrameRows)
                for row in part.frame.iter_rows(named=True):
                    rows.append((row, int(row["EventOriginalUid"].removeprefix("p-"))))
        return rows, bad

    return mapping


@pytest.mark.parametrize("form", FORMS)
def test_a_record_with_a_member_for_each_field_has_the_values_of_the_line_that_it_would_be(read_bytes, form):
    reading = read_bytes(FORMS[form](FLOW, FLOW).encode(), "aws_vpcflow")

    assert reading.cells == [CELLS, CELLS]
    assert [json.loads(record) for record in reading.records] == [FLOW, FLOW]
    assert (reading.faults, reading.quarantined, reading.positions) == ([], [], [0, 1])


@pytest.mark.parametrize("flow", [FLOW, COLUMNS])
@pytest.mark.parametrize("form", FORMS)
def test_a_file_of_such_records_is_recognised(tmp_path, form, flow):
    (tmp_path / "part-0001").write_text(FORMS[form](flow))
    (found,) = discover(tmp_path, {name: spec.recognition for name, spec in sources().items()})
    assert getattr(found, "source", found) == "aws_vpcflow"


def test_a_record_with_other_fields_has_its_own(read_bytes):
    data = FORMS["lines"](FLOW, COLUMNS, {**FLOW, "srcaddr": None}).encode()
    reading = read_bytes(data, "aws_vpcflow")
    assert reading.cells == [
        CELLS,
        ["900100200301", "eni-1", "198.51.100.7", "10"],
        [*CELLS[:3], "-", *CELLS[4:]],
    ]
    assert reading.fields[1] == HEADER


def test_a_line_behind_such_a_record_has_the_fields_of_lines(read_bytes):
    exchanged = {name: FLOW[name] for name in sorted(FLOW)}
    reading = read_bytes(FORMS["lines"](exchanged, MESSAGE, exchanged, MESSAGE).encode(), "aws_vpcflow")

    named = [dict(zip(*both, strict=True)) for both in zip(reading.fields, reading.cells, strict=True)]
    assert [row["srcaddr"] for row in named] == ["198.51.100.7", "10.0.0.4"] * 2
    assert [row["dstaddr"] for row in named] == ["10.0.0.4", "198.51.100.7"] * 2


def test_a_line_behind_such_a_record_has_the_fields_of_the_header_before(read_bytes):
    header = {"message": "srcaddr dstaddr action"}
    line = {"message": "10.0.0.4 10.0.0.5 ACCEPT"}
    reading = read_bytes(FORMS["lines"](header, line, FLOW, line).encode(), "aws_vpcflow")

    assert reading.fields[0] == reading.fields[2] == ("srcaddr", "dstaddr", "action")
    assert reading.positions == [1, 2, 3]


def test_other_members_are_additional_fields_and_lists_and_objects_their_json(mapped):
    tags = {"owner": "the evidence\nroom", "n": [1, None]}
    record = {
        **FLOW,
        "cluster_name": "blue one",
        "sampled": True,
        "tags": tags,
        "Pod Name": "é",
        "none": None,
    }
    ((row, _),), bad = mapped(json.dumps(record))

    more = json.loads(row["AdditionalFields"])
    assert json.loads(more.pop("tags")) == tags
    assert {name: more[name] for name in ("cluster-name", "sampled", "Pod Name")} == {
        "cluster-name": "blue one",
        "sampled": "true",
        "Pod Name": "é",
    }
    assert "none" not in more
    assert (row["SrcIpAddr"], bad) == ("198.51.100.7", [])


def test_members_that_some_records_have_are_those_of_each_and_read_together(mapped, tmp_path):
    records = [{**FLOW, **({"tags": {"n": n}} if n % 2 else {}), f"own-{n % 80}": n} for n in range(200)]
    rows, bad = mapped(FORMS["lines"](*records))

    assert ([place for _, place in rows], bad) == (list(range(200)), [])
    for (row, place), record in zip(rows, records, strict=True):
        more = json.loads(row["AdditionalFields"])
        assert more[f"own-{place % 80}"] == str(place)
        assert len([name for name in more if name.startswith("own-")]) == 1
        assert ("tags" in more) is ("tags" in record)
    spec = sources()["aws_vpcflow"].recognition
    obj = SourceObject("object", tmp_path / "object", "aws_vpcflow", "events", spec.codec, 0)
    chunks = [chunk for chunk in read(obj, spec, Limits()) if isinstance(chunk, TextChunk) and chunk.body]
    assert len(chunks) < 8


@pytest.mark.parametrize("wrong", [{"srcport": "x"}, {"start": None, "end": None}])
def test_what_is_set_aside_later_has_the_bytes_of_the_record(wrong, mapped):
    good, record = json.dumps(FLOW), json.dumps({**FLOW, **wrong, "tags": {"owner": "evidence"}})
    rows, bad = mapped(good + "\n" + record + "\n" + good)

    assert [place for _, place in rows] == [0, 2]
    assert [(each.raw, each.position) for each in bad] == [(record.encode(), 1)]


def test_a_record_whose_fields_are_objects_is_one_record_with_its_bytes(read_bytes):
    record = {name: value if name in ("interface_id", "dstaddr") else {} for name, value in FLOW.items()}
    reading = read_bytes(FORMS["lines"](FLOW, record, FLOW).encode(), "aws_vpcflow")

    assert reading.positions == [0, 2]
    assert [(bad.kind, bad.raw) for bad in reading.quarantined] == [
        ("wrong_type", json.dumps(record).encode())
    ]


def test_positions_count_the_records_whatever_is_read_at_once(read_bytes):
    flows = [FLOW, COLUMNS, MESSAGE, FLOW] * 40
    for window in (300, 1 << 20):
        data = FORMS["lines"](*flows).encode()
        reading = read_bytes(data, "aws_vpcflow", window_bytes=window)
        assert reading.positions == list(range(len(flows)))
        assert reading.raw_bytes == len(data)


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        ({**FLOW, "interface_id": "eni 1"}, "malformed"),
        ({**FLOW, "action": "ACCEPT\nREJECT"}, "malformed"),
        ({**FLOW, "action": ["ACCEPT"]}, "wrong_type"),
        ({**FLOW, "note": "a\x1fb"}, "malformed"),
        ({"srcaddr": "198.51.100.7", "city": "Kiel"}, "wrong_type"),
        ({"message": 5}, "wrong_type"),
    ],
)
def test_what_no_line_can_hold_is_set_aside_and_the_others_stay(read_bytes, record, kind):
    reading = read_bytes(FORMS["lines"](FLOW, record, FLOW).encode(), "aws_vpcflow")
    assert reading.cells == [CELLS, CELLS]
    assert reading.set_aside == [kind]
    assert reading.quarantined[0].raw == json.dumps(record).encode()


def test_members_of_something_else_are_no_fields():
    assert fields_of(("eventVersion", "eventName", "action", "type"), SHAPE) is None
    assert fields_of(("srcaddr", "SrcAddr", "dstaddr", "bytes"), SHAPE) is None
    assert tuple(fields_of(COLUMNS, SHAPE) or ()) == tuple(COLUMNS)
    assert tuple((fields_of(COLUMNS, SHAPE) or {}).values()) == HEADER


def test_a_transit_gateways_records_are_not_those_of_a_network(tmp_path):
    record = dict.fromkeys(
        ("tgw_id", "tgw_attachment_id", "srcaddr", "dstaddr", "tgw_src_vpc_id"), "10.0.0.4"
    )
    (tmp_path / "x.json").write_text(json.dumps(record))
    (found,) = discover(tmp_path, {name: spec.recognition for name, spec in sources().items()})
    assert getattr(found, "source", found) == "aws_tgwflow"
