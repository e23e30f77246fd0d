"""Records in a list one level down in a document: EventBridge's events that hold several findings."""

from __future__ import annotations

import base64
import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.content.recognition import JsonShape, Recognition
from tidewaiter.core.objects import SourceObject
from tidewaiter.pipeline.sources.codecs.envelopes import Envelopes
from tidewaiter.pipeline.sources.codecs.inflate import Limits
from tidewaiter.pipeline.sources.codecs.json_records import read_json
from tidewaiter.pipeline.sources.folder.recognizer import Recognizer
from tidewaiter.pipeline.sources.folder.walk import File

SHAPE = JsonShape("events", ("Id", "Types"), envelopes=("detail.findings", "Findings"), wrappers=("_raw",))
RECOGNITION = Recognition("json_records", json=(SHAPE,))


def finding(number: int) -> dict[str, object]:
    return {"Id": f"f{number}", "Types": ["TTPs/Discovery"], "Resources": [{"Id": "i-1"}], "n": number}


def event(*findings: object, **more: object) -> dict[str, object]:
    detail = {"actionName": "to Sentinel", "findings": list(findings), "last": {"findings": ["no record"]}}
    return {"version": "0", "detail-type": "Security Hub Findings - Custom Action", "resources": ["arn:x"],
            "detail": detail, **more}  # fmt: skip


def read(tmp_path, data: bytes, window: int = 1 << 20):
    path = tmp_path / "object.json"
    path.write_bytes(data)
    obj = SourceObject("object.json", path, "hub", "events", "json_records", len(data))
    chunks = list(read_json(obj, RECOGNITION, Limits(window_bytes=window)))
    numbers = [json.loads(bytes(raw))["n"] for chunk in chunks for raw in chunk.records]
    positions = [place for chunk in chunks for place in chunk.positions]
    bad = [each for chunk in chunks for each in chunk.quarantined]
    return numbers, positions, bad, [fault for chunk in chunks for fault in chunk.faults]


FORMS = {
    "one event": json.dumps(event(finding(0), finding(1), finding(2))),
    "indented": json.dumps(event(finding(0), finding(1), finding(2)), indent=2),
    "events on lines": "\n".join(json.dumps(event(*map(finding, some))) for some in ([0, 1], [], [2])),
    "events run together": "".join(json.dumps(event(*map(finding, some))) for some in ([0], [1, 2])),
    "a list of events' members behind": json.dumps({"detail": {"findings": [finding(0), finding(1)]}, "x": 1})
    + json.dumps(finding(2)),
    "the list of the API": json.dumps({"Findings": [finding(0), finding(1), finding(2)], "NextToken": "t"}),
    "events as messages of CloudWatch Logs": json.dumps(
        {"logEvents": [{"id": "1", "message": json.dumps(event(finding(0), finding(1)))},
                       {"id": "2", "message": json.dumps(event(finding(2)), indent=1)}]}
    ),
    "events in a shipper's records": "\n".join(
        json.dumps({"_raw": json.dumps(event(*map(finding, some)))}) for some in ([0, 1], [2])
    ),
    "base64 of gzip": base64.b64encode(
        gzip.compress(json.dumps(event(*map(finding, range(3)))).encode(), mtime=0)
    ).decode(),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("window", [1 << 20, 37])
def test_every_finding_of_every_form_is_a_record(tmp_path, form, window):
    assert read(tmp_path, FORMS[form].encode(), window) == ([0, 1, 2], [0, 1, 2], [], [])


@pytest.mark.parametrize("form", FORMS)
def test_what_lies_one_level_down_is_recognised(tmp_path, form):
    path = tmp_path / "object.json"
    path.write_text(FORMS[form])
    found = Recognizer({"hub": RECOGNITION}).recognize(File("object.json", path, path.stat().st_size))
    assert isinstance(found, SourceObject)
    assert (found.source, found.kind) == ("hub", "events")


@given(st.lists(st.lists(st.integers(0, 999), max_size=4), max_size=6), st.integers(16, 4_000))
def test_many_events_are_read_whatever_the_window(tmp_path_factory, events, window):
    data = "\n".join(json.dumps(event(*map(finding, some))) for some in events).encode()
    numbers, positions, bad, faults = read(tmp_path_factory.mktemp("many"), data, window)
    assert numbers == [number for some in events for number in some]
    assert positions == list(range(len(numbers)))
    assert (bad, faults) == ([], [])


def test_a_damaged_finding_is_set_aside_and_those_around_it_are_read(tmp_path):
    text = json.dumps(event(finding(0), finding(1), finding(2))).replace('"n": 1}', '"n": }')
    numbers, positions, bad, faults = read(tmp_path, text.encode())
    assert (numbers, positions, faults) == ([0, 2], [0, 2], [])
    assert [(each.position, each.kind) for each in bad] == [(1, "malformed")]


def test_a_damaged_last_finding_does_not_take_the_end_of_the_document_with_it(tmp_path):
    text = json.dumps({"detail": {"findings": [finding(0), finding(1)]}}).replace('"n": 1}', '"n": }')
    numbers, _, bad, faults = read(tmp_path, text.encode())
    assert (numbers, faults) == ([0], [])
    assert [bytes(each.raw)[-8:] for each in bad] == [b', "n": }']


def test_a_document_that_is_cut_off_yields_what_it_holds_and_a_fault(tmp_path):
    text = json.dumps(event(finding(0), finding(1), finding(2)))
    numbers, _, bad, faults = read(tmp_path, text[: text.index('"n": 2')].encode())
    assert numbers == [0, 1]
    assert [each.kind for each in (*bad, *faults)] == ["truncated", "truncated"]
    numbers, _, bad, faults = read(tmp_path, text[: text.index('], "last"')].encode())
    assert (numbers, bad, [fault.kind for fault in faults]) == ([0, 1, 2], [], ["truncated"])


def test_a_record_may_have_a_member_of_the_envelopes_name(tmp_path):
    record = {**finding(0), "detail": {"findings": "not a list"}, "Findings": {"a": 1}}
    assert read(tmp_path, json.dumps(record).encode())[:3] == ([0], [0], [])


def test_where_a_list_stands_is_undecided_as_long_as_the_bytes_do_not_tell():
    envelopes, text = Envelopes(["detail.findings"]), json.dumps(event(finding(0))).encode()
    places = [envelopes.found_in(text[:length], 0, frozenset()) for length in range(1, len(text))]
    begun = text.index(b'"findings": [') + len(b'"findings": [')
    assert places == [None] * (begun - 1) + [True] * (len(text) - begun)
    assert envelopes.found_in(b'{"detail": {"findings": 5}, "x": 1}', 0, frozenset()) is False
    assert envelopes.first_names == {b"detail"}
