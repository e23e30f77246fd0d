"""Lines of flow logs as JSON objects with a member for each field."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tidewaiter.content import sources
from tidewaiter.pipeline.sources.codecs.named_lines import fields_of
from tidewaiter.pipeline.sources.folder import discover

_text = sources()["aws_vpcflow"].recognition.text
assert _text is not None
SHAPE = _text
FLOW = {"version": 2, "account_id": "900100200301", "interface_id": "eni-1", "srcaddr": "198.51.100.7",
        "dstaddr": "10.0.0.4", "srcport": 4712.0, "dstport": 443, "protocol": 6.0, "packets": 12,
        "bytes": 2610, "start": 1661950735, "end": 1661950746, "action": "ACCEPT",
        "log_status": "OK"}  # fmt: skip
LINE = b"2 900100200301 eni-1 198.51.100.7 10.0.0.4 4712 443 6 12 2610 1661950735 1661950746 ACCEPT OK"
COLUMNS = {"AccountId": "900100200301", "InterfaceId": "eni-1", "SrcAddr": "198.51.100.7", "Bytes": 10}
HEADER = ("account-id", "interface-id", "srcaddr", "bytes")

FORMS: dict[str, Callable[..., str]] = {
    "lines": lambda *flows: "\n".join(map(json.dumps, flows)),
    "a list": lambda *flows: json.dumps(flows, indent=2),
    "run together": lambda *flows: "".join(map(json.dumps, flows)),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_record_with_a_member_for_each_field_is_the_line_that_it_would_be(read_bytes, form):
    reading = read_bytes(FORMS[form](FLOW, FLOW).encode(), "aws_vpcflow")

    assert reading.records == [LINE, LINE]
    assert (reading.faults, reading.quarantined) == ([], [])


@pytest.mark.parametrize("flow", [FLOW, COLUMNS])
@pytest.mark.parametrize("form", FORMS)
def test_a_file_of_such_records_is_recognised(tmp_path, form, flow):
    (tmp_path / "part-0001").write_text(FORMS[form](flow))
    (found,) = discover(tmp_path, {name: spec.recognition for name, spec in sources().items()})
    assert getattr(found, "source", found) == "aws_vpcflow"


def test_a_record_with_other_fields_has_a_header_of_its_own(read_bytes):
    data = FORMS["lines"](FLOW, COLUMNS, {**FLOW, "srcaddr": None, "tags": {"a": 1}}).encode()
    reading = read_bytes(data, "aws_vpcflow")
    assert reading.records == [
        LINE,
        b"900100200301 eni-1 198.51.100.7 10",
        LINE.replace(b"198.51.100.7", b"-"),
    ]


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        ({**FLOW, "interface_id": "eni 1"}, "malformed"),
        ({**FLOW, "action": "ACCEPT\nREJECT"}, "malformed"),
        ({"srcaddr": "198.51.100.7", "city": "Kiel"}, "wrong_type"),
        ({"message": 5}, "wrong_type"),
    ],
)
def test_what_no_line_can_hold_is_set_aside_and_the_others_stay(read_bytes, record, kind):
    reading = read_bytes(FORMS["lines"](FLOW, record, FLOW).encode(), "aws_vpcflow")
    assert reading.records == [LINE, LINE]
    assert reading.set_aside == [kind]


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
