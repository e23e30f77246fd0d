"""Records in a form that is put into the one a source reads: what Graph and the activity log's API answer."""

from __future__ import annotations

import json

import pytest

from tidewaiter.content import sources
from tidewaiter.content.recognition import JsonShape, OtherForm, Recognition
from tidewaiter.core.objects import SourceObject
from tidewaiter.pipeline.sources.codecs.inflate import Limits
from tidewaiter.pipeline.sources.codecs.json_records import read_json
from tidewaiter.pipeline.sources.folder.recognizer import Recognizer
from tidewaiter.pipeline.sources.folder.walk import File

FORM = OtherForm(
    ("who", "what"), {"properties": ".", "result": "status.value", "scope": "a.b.c"}, {"category": "X"}
)
SHAPE = JsonShape("events", ("category", "properties"), envelopes=("value",), other_forms=(FORM,))
GATES = {"gates": Recognition("json_records", json=(SHAPE,))}
OTHER = {"who": "Mira", "what": "opens", "status": {"value": "ok"}}
READ = {"category": "X", "properties": OTHER, "result": "ok"}
OWN = {"category": "X", "properties": {"who": "Jo"}}

FILES = {
    "one record": (json.dumps(OTHER), [READ]),
    "indented": (json.dumps(OTHER, indent=2), [READ]),
    "lines": (json.dumps(OTHER) + "\n" + json.dumps(OTHER), [READ, READ]),
    "a list": (json.dumps([OTHER, OWN]), [READ, OWN]),
    "an answer": (json.dumps({"next": "none", "value": [OTHER, OTHER]}), [READ, READ]),
    "as a shipper's message": (json.dumps({"message": json.dumps(OTHER)}), [READ]),
    "in the answer of CloudWatch Logs": (json.dumps({"events": [{"message": json.dumps(OTHER)}]}), [READ]),
    "the form that is read": (json.dumps(OWN), [OWN]),
}


@pytest.mark.parametrize("name", FILES)
def test_a_record_of_the_other_form_is_put_into_the_one_that_is_read(tmp_path, name):
    text, records = FILES[name]
    path = tmp_path / "object.json"
    path.write_text(text)
    obj = SourceObject("object.json", path, "gates", "events", "json_records", len(text))
    chunks = list(read_json(obj, GATES["gates"], Limits()))
    assert [json.loads(bytes(raw)) for chunk in chunks for raw in chunk.records] == records
    assert not [bad for chunk in chunks for bad in (*chunk.quarantined, *chunk.faults)]


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_the_other_form_is_recognised(tmp_path, name):
    path = tmp_path / "object.json"
    path.write_text(FILES[name][0])
    found = Recognizer(GATES).recognize(File("object.json", path, path.stat().st_size))
    assert getattr(found, "source", found) == "gates"


def test_a_value_that_is_no_object_leads_nowhere(tmp_path):
    path = tmp_path / "object.json"
    path.write_text(json.dumps({**OTHER, "status": "ok", "a": {"b": None}}))
    obj = SourceObject("object.json", path, "gates", "events", "json_records", 1)
    (chunk,) = read_json(obj, GATES["gates"], Limits())
    (record,) = chunk.records
    assert set(json.loads(bytes(record))) == {"category", "properties"}


@pytest.mark.parametrize(
    ("source", "record"),
    [
        ("entra_audit", {"id": "1", "category": "UserManagement", "activityDateTime": "2026-03-04T08:00:00Z",
                         "activityDisplayName": "Update user", "initiatedBy": {}, "targetResources": []}),
        ("entra_signin", {"id": "1", "createdDateTime": "2026-03-04T08:00:00Z", "appId": "a",
                          "ipAddress": None, "status": {"errorCode": 0}}),
        ("azure_activity", {"eventTimestamp": "2026-03-04T08:00:00Z", "operationName": {"value": "a/b/write"},
                            "category": {"value": "Policy"}, "status": {}, "subscriptionId": "1",
                            "correlationId": "1", "properties": {}}),
    ],
)  # fmt: skip
def test_every_source_that_has_another_form_knows_its_records_by_it(tmp_path, source, record):
    path = tmp_path / "answer.json"
    path.write_text(json.dumps({"value": [record]}))
    recognitions = {name: spec.recognition for name, spec in sources().items()}
    found = Recognizer(recognitions).recognize(File("answer.json", path, path.stat().st_size))
    assert getattr(found, "source", found) == source
