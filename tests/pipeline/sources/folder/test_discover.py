"""What lies in a folder: walked once, in order, recognised by path and content."""

from __future__ import annotations

import gzip
import json
import os
import socket
from pathlib import Path

import polars as pl
import pytest

from tidewaiter.content import sources
from tidewaiter.core.errors import UsageError
from tidewaiter.core.objects import SourceObject
from tidewaiter.pipeline.sources import Unreadable, Unrecognized, discover

EVENT = {"eventVersion": "1.08", "eventTime": "t", "eventSource": "s3", "eventName": "N", "userIdentity": {}}
DIGEST = {"awsAccountId": "1", "digestStartTime": "s", "digestEndTime": "e", "digestS3Bucket": "b"}
INSIGHT = {"eventCategory": "Insight", "insightDetails": {}, "eventTime": "t"}
FLOW = "2 123456789012 eni-0a1b2c3d 10.0.0.1 10.0.0.2 443 49152 6 10 840 1600000000 1600000060 ACCEPT OK"
HEADER = "version account-id interface-id srcaddr dstaddr"
TRAIL = "AWSLogs/111122223333/CloudTrail/us-east-1/2025/08/17/x.json.gz"
FLOWS = "AWSLogs/111122223333/vpcflowlogs/us-east-1/2025/08/17/x.log.gz"


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    return root


@pytest.fixture
def put(tree):
    def written(name, data, *, packed=None):
        text = data if isinstance(data, str | bytes) else json.dumps(data)
        raw = text.encode() if isinstance(text, str) else text
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(raw) if (name.endswith(".gz") if packed is None else packed) else raw)
        return path

    return written


@pytest.fixture
def found(tree, recognitions):
    """What is found in the tree, each as a short text."""

    def short(root: Path | None = None) -> dict[str, str]:
        result = {}
        for item in discover(root or tree, recognitions):
            if isinstance(item, SourceObject):
                result[item.id] = f"{item.source} {item.kind}"
            elif isinstance(item, Unreadable):
                result[item.id] = f"{item.fault.kind} {item.source}"
            else:
                result[item.id] = item.reason
        return result

    return short


def pretty(value: object) -> str:
    return json.dumps(value, indent=2)


CONTENT = {
    "a document": {"Records": [EVENT]},
    "an array": [EVENT],
    "one event": EVENT,
    "one event, pretty": pretty(EVENT),
    "a pretty document": pretty({"Records": [EVENT, EVENT]}),
    "lines": f"{json.dumps(EVENT)}\n{json.dumps(EVENT)}\n",
    "run together": json.dumps(EVENT) * 2,
    "behind a byte order mark": "\ufeff" + json.dumps([EVENT]),
    "after white space": "\n\n  " + json.dumps([EVENT]),
    "lookup-events": {"NextToken": "x", "Events": [{"EventId": "1", "CloudTrailEvent": json.dumps(EVENT)}]},
    "lookup-events, one per line": json.dumps({"EventId": "1", "CloudTrailEvent": pretty(EVENT)}) + "\n",
    "EventBridge": {"version": "0", "detail-type": "AWS API Call via CloudTrail", "detail": EVENT},
    "Splunk": [{"_time": 1, "_raw": json.dumps(EVENT)}],
    "EventBridge in Splunk": [{"_raw": json.dumps({"detail": EVENT})}],
    "after a record of something else": [{"a": 1}, EVENT],
    "after a damaged record": '[{"eventName":},\n' + json.dumps(EVENT) + "]",
    "a first record cut by the sample": [{**EVENT, "requestParameters": "x" * 100_000}],
    "names behind half a megabyte": {"Records": [{"requestParameters": "x" * 500_000, **EVENT}]},
    "a string cut by the sample": [{"_raw": json.dumps({**EVENT, "x": 'y"\\' * 50_000})}],
    "a document cut off": json.dumps({"Records": [EVENT, EVENT]})[:-40],
}


@pytest.mark.parametrize("name", CONTENT)
@pytest.mark.parametrize("packed", [False, True])
def test_cloudtrail_is_recognised_by_its_content(put, found, name, packed):
    put("some/file", CONTENT[name], packed=packed)
    assert found() == {"some/file": "aws_cloudtrail events"}


FLOW_CONTENT = {
    "default lines": f"{FLOW}\n{FLOW}\n",
    "one line": FLOW,
    "a header": f"{HEADER}\n2 1 eni-1 10.0.0.1 10.0.0.2\n",
    "a header alone": HEADER,
    "a header with a new field": f"{HEADER} brand-new-1\r\n",
    "blank lines first": f"\r\n\r\n{HEADER}\r\n",
    "a bad first line": f"garbage\n{FLOW}\n",
    "lines in JSON": [{"_raw": FLOW, "host": "h"}],
    "a header in JSON lines": json.dumps({"_raw": HEADER}) + "\n" + json.dumps({"_raw": FLOW}),
}


@pytest.mark.parametrize("name", FLOW_CONTENT)
def test_flow_logs_are_recognised_by_their_content(put, found, name):
    put("some/file", FLOW_CONTENT[name])
    assert found() == {"some/file": "aws_vpcflow events"}


HIVE = "AWSLogs/aws-account-id=1/aws-service=vpcflowlogs/aws-region=eu-central-1/year=2026/month=03"
SAMPLES = {
    "some/gateway.log": ("aws_tgwflow", "default_with_header.log"),
    "some/lines": ("aws_tgwflow", "default_without_header.log"),
    "some/custom": ("aws_tgwflow", "custom_format.log"),
    "some/gateway.parquet": ("aws_tgwflow", "parquet.log.parquet"),
    "some/flows.parquet": ("aws_vpcflow", "parquet_v2.log.parquet"),
    FLOWS.replace("x.log.gz", "gateway.log"): ("aws_tgwflow", "ipv6.log"),
    FLOWS.replace("x.log.gz", "x.log.parquet"): ("aws_vpcflow", "parquet_v5.log.parquet"),
    f"{HIVE}/day=04/hour=09/a.log.parquet": ("aws_vpcflow", "parquet_v5.log.parquet"),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_flow_logs_of_vpcs_and_gateways_are_told_apart_by_their_fields(put, found, name):
    source, sample = SAMPLES[name]
    put(name, sources()[source].folder.read(f"samples/{sample}"))
    assert found() == {name: f"{source} events"}


def test_a_damaged_parquet_file_is_read_for_its_fault_where_flow_logs_lie(put, found, read_object):
    path = put(FLOWS.replace("x.log.gz", "x.log.parquet"), b"PAR1 and no more")
    assert found() == {FLOWS.replace("x.log.gz", "x.log.parquet"): "aws_vpcflow events"}
    assert read_object(path, "aws_vpcflow").kinds == ["corrupt"]


def test_parquet_of_something_else_is_not_taken_for_flow_logs(put, found):
    path = put("some/file.parquet", b"")
    pl.DataFrame({"TimeGenerated": [1], "SrcIpAddr": ["10.0.0.1"], "version": [2]}).write_parquet(path)
    assert found() == {"some/file.parquet": "a Parquet file"}


FINDING = {
    "accountId": "900100200301",
    "id": "a",
    "type": "Recon:EC2/Portscan",
    "resource": {},
    "service": {"action": {}},
    "severity": 5,
    "updatedAt": "2026-03-04T09:18:02.114Z",
}
API_FINDING = {name[0].upper() + name[1:]: value for name, value in FINDING.items()}
ENVELOPE = {"version": "0", "detail-type": "GuardDuty Finding", "source": "aws.guardduty"}
FINDINGS = {
    "the export's lines": json.dumps(FINDING) + "\n" + json.dumps(FINDING),
    "one finding": json.dumps(FINDING, indent=2),
    "a list": [FINDING],
    "an event": ENVELOPE | {"detail": FINDING},
    "events in lines": json.dumps(ENVELOPE | {"detail": FINDING}) + "\n",
    "a shipper's lines": json.dumps({"_raw": json.dumps(FINDING), "host": "h"}),
    "the answer of get-findings": {"Findings": [API_FINDING]},
    "an event with the answer's names": ENVELOPE | {"detail": API_FINDING},
}


@pytest.mark.parametrize("name", FINDINGS)
def test_findings_are_recognised_by_their_content_and_read(put, found, name, read_object):
    path = put("some/file", FINDINGS[name])
    assert found() == {"some/file": "aws_guardduty events"}
    reading = read_object(path, "aws_guardduty")
    assert not reading.faults
    for record in reading.records:
        assert json.loads(record) in (FINDING, API_FINDING)
    assert len(reading.records) == (2 if name == "the export's lines" else 1)


OTHERS = {
    "JSON lines of something else (members: rule_id, log_types, severity, event)": json.dumps(
        {"rule_id": "R", "log_types": ["AWS.CloudTrail"], "severity": "Low", "event": EVENT}
    )
    + "\n"
    + json.dumps({"event": EVENT}),
    "a JSON document of something else (members: version, detail-type, detail)": {
        "version": "0",
        "detail-type": "GuardDuty Finding",
        "detail": {"type": "Recon:EC2/Portscan", "service": {"action": {"eventName": "x"}}, "severity": 5},
    },
    "a JSON document with a list of Findings of something else (members: Id, ProductArn, Severity)": {
        "Findings": [{"Id": "a", "ProductArn": "b", "Severity": {}}]
    },
    "a JSON array of something else (members: a, b, c, d…)": [{"a": EVENT, "b": 1, "c": 1, "d": 1, "e": 1}],
    "a JSON document with a list of Records of something else (members: eventName, s3)": {
        "Records": [{"eventName": "ObjectCreated:Put", "s3": {}}]
    },
    "JSON lines of something else (members: operationName, category, properties)": json.dumps(
        {"operationName": "x", "category": {"value": "Administrative"}, "properties": {}}
    )
    + "\n{}",
    "text of something else (it begins: title: Trail off)": "title: Trail off\neventName: StopLogging\n",
    "text of something else (it begins: AWSCloudTrail | where EventName == 'Sto…)": (
        "AWSCloudTrail | where EventName == 'StopLogging' | project eventName, eventSource, eventTime"
    ),
    "text of something else (it begins: eventName,eventTime)": "eventName,eventTime\nA,B\n",
    "text of something else (it begins: escape �[31m)": "escape \x1b[31m\n",
    "a zip archive": b"PK\x03\x04rest",
    "a gzip file within a gzip file": gzip.compress(gzip.compress(json.dumps(EVENT).encode())),
    "a Parquet file": b"PAR1\x15\x04rest",
    "binary data": bytes(range(256)),
    "an empty file": b"",
    "a damaged gzip file, text of something else (it begins: xx)": gzip.compress(b"xx", 0)[:-3],
    "a damaged gzip file, an empty file": gzip.compress(b"xx")[:10],
}


@pytest.mark.parametrize("reason", OTHERS)
def test_what_only_looks_similar_is_not_recognised_and_named(put, found, reason):
    put("some/file", OTHERS[reason], packed=False)
    assert found() == {"some/file": reason}


def test_kinds_are_told_apart_by_content_even_against_the_path(put, found):
    put("AWSLogs/1/CloudTrail-Digest/us-east-1/x.json.gz", DIGEST)
    put("AWSLogs/1/CloudTrail-Insight/us-east-1/x.json.gz", {"Records": [INSIGHT]})
    put("AWSLogs/1/CloudTrail/us-east-1/digest.json.gz", DIGEST)
    put("AWSLogs/1/CloudTrail-Digest/us-east-1/y.json.gz", {"Records": [EVENT]})
    put(TRAIL, FLOW)
    assert found() == {
        "AWSLogs/1/CloudTrail-Digest/us-east-1/x.json.gz": "aws_cloudtrail digest",
        "AWSLogs/1/CloudTrail-Digest/us-east-1/y.json.gz": "aws_cloudtrail events",
        "AWSLogs/1/CloudTrail-Insight/us-east-1/x.json.gz": "aws_cloudtrail insight",
        "AWSLogs/1/CloudTrail/us-east-1/digest.json.gz": "aws_cloudtrail digest",
        TRAIL: "aws_vpcflow events",
    }


@pytest.mark.parametrize("data", [b"", {"Records": []}, [], b'{"Rec', b'{"Records":[{"eventVersion":"1.0'])
@pytest.mark.parametrize("packed", [False, True])
def test_an_object_that_shows_nothing_else_is_what_its_path_says(put, found, data, packed):
    put(TRAIL, data, packed=packed)
    assert found() == {TRAIL: "aws_cloudtrail events"}


def test_a_damaged_gzip_object_is_what_its_path_says(put, found):
    for name in (TRAIL, FLOWS):
        put(name, gzip.compress(b"x" * 100)[:12], packed=False)
    assert found() == {TRAIL: "aws_cloudtrail events", FLOWS: "aws_vpcflow events"}


@pytest.mark.parametrize("data", [{"a": 1}, "text", b"PK\x03\x04", b"\0\1\2"])
@pytest.mark.parametrize("name", [TRAIL, FLOWS])
def test_an_object_that_is_not_what_its_path_says_is_a_fault_with_a_hint(put, tree, recognitions, name, data):
    put(name, data)
    (item,) = discover(tree, recognitions)
    assert isinstance(item, Unreadable)
    assert item.fault.kind == "unknown_format"
    assert item.fault.hint
    assert item.source == ("aws_cloudtrail" if name == TRAIL else "aws_vpcflow")


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", ["lookup.json", TRAIL])
def test_utf16_of_a_source_is_a_fault_with_a_way_out(put, tree, recognitions, codec, name):
    put(name, json.dumps([EVENT]).encode(codec))
    (item,) = discover(tree, recognitions)
    assert isinstance(item, Unreadable)
    assert (item.fault.kind, item.source) == ("encoding", "aws_cloudtrail")
    assert "iconv -f UTF-16 -t UTF-8" in item.fault.hint


def test_utf16_of_something_else_is_only_unrecognised(put, found):
    put("notes.txt", "notes".encode("utf-16"))
    assert found() == {"notes.txt": "text in UTF-16 of something else (it begins: notes)"}


def test_objects_come_sorted_with_paths_below_the_root_as_ids(put, tree, recognitions):
    for name in ("b/2.json", "b/10.json", "a.json", "B.json", "b.json"):
        put(name, [EVENT])
    items = list(discover(tree, recognitions))
    assert [item.id for item in items] == ["B.json", "a.json", "b/10.json", "b/2.json", "b.json"]
    first = items[0]
    assert isinstance(first, SourceObject)
    assert (first.path, first.codec, first.size) == (
        tree / "B.json",
        "json_records",
        len(json.dumps([EVENT])),
    )


def test_one_file_may_be_given_instead_of_a_folder(put, found):
    path = put("a/b.json", EVENT)
    assert found(path) == {"b.json": "aws_cloudtrail events"}


def test_names_that_are_no_text_get_an_id_that_is(tree, found):
    Path(os.fsdecode(os.fsencode(tree) + b"/\xff.json")).write_text(json.dumps(EVENT))
    assert found() == {"\\xff.json": "aws_cloudtrail events"}


def test_hidden_files_are_left_alone_quietly(put, tree, recognitions):
    put("a.json", EVENT)
    put(".DS_Store", b"\0")
    put(".git/config", EVENT)
    hidden = [item for item in discover(tree, recognitions) if isinstance(item, Unrecognized)]
    assert [(item.id, item.hidden) for item in hidden] == [(".DS_Store", True), (".git", True)]


@pytest.mark.parametrize("target", [".", "..", "../..", "inner"])
def test_links_back_are_reported_and_not_followed(put, tree, found, target):
    put("outer/inner/a.json", EVENT)
    (tree / "outer" / "loop").symlink_to(target)
    items = found()
    assert items.pop("outer/inner/a.json") == "aws_cloudtrail events"
    assert list(items) == ["outer/loop"]
    assert "link" in items["outer/loop"]


def test_folders_outside_that_link_to_each_other_are_read_once(tree, tmp_path, found):
    for name, other in (("x", "y"), ("y", "x")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "a.json").write_text(json.dumps(EVENT))
        (folder / "to").symlink_to(tmp_path / other)
        (tree / name).symlink_to(folder)
    objects = [item for item, kind in found().items() if kind == "aws_cloudtrail events"]
    assert objects == ["x/a.json", "x/to/a.json"]


def test_a_linked_file_is_read_once(put, tree, tmp_path, found):
    path = put("a.json", EVENT)
    (tree / "latest.json").symlink_to(path)
    (tmp_path / "elsewhere.json").write_text(json.dumps(EVENT))
    (tree / "outside.json").symlink_to(tmp_path / "elsewhere.json")
    put(".data/b.json", EVENT)
    (tree / "b.json").symlink_to(".data/b.json")
    assert found() == {
        ".data": "hidden",
        "a.json": "aws_cloudtrail events",
        "b.json": "aws_cloudtrail events",
        "latest.json": "a link to a.json, which is read itself",
        "outside.json": "aws_cloudtrail events",
    }


def test_pipes_and_sockets_are_never_opened(put, tree, found, monkeypatch):
    put("a.json", EVENT)
    os.mkfifo(tree / "pipe")
    monkeypatch.chdir(tree)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        assert found() == {
            "a.json": "aws_cloudtrail events",
            "pipe": "a pipe, not a file",
            "socket": "a socket, not a file",
        }


def test_a_link_to_nowhere_is_a_fault_and_the_rest_is_read(put, tree, found):
    put("b.json", EVENT)
    (tree / "a.json").symlink_to("gone")
    assert found() == {"a.json": "unreadable None", "b.json": "aws_cloudtrail events"}


@pytest.mark.skipif(
    not os.access("/proc/self/mem", os.R_OK), reason="needs a file that fails when it is read"
)
def test_a_file_that_cannot_be_read_is_a_fault_of_the_source_its_path_says(put, tree, found):
    put("b.json", EVENT)
    path = tree / TRAIL
    path.parent.mkdir(parents=True)
    path.symlink_to("/proc/self/mem")
    assert found() == {TRAIL: "unreadable aws_cloudtrail", "b.json": "aws_cloudtrail events"}


def test_a_folder_that_cannot_be_read_is_a_fault_and_the_rest_is_read(put, found, monkeypatch):
    put("a/x.json", EVENT)
    put("b/x.json", EVENT)
    scandir = os.scandir

    def refusing(path):
        if Path(path).name == "a":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert found() == {"a/": "unreadable None", "b/x.json": "aws_cloudtrail events"}


def test_a_missing_root_is_refused_at_once(tree, recognitions):
    with pytest.raises(UsageError, match="does not exist") as error:
        discover(tree / "gone", recognitions)
    assert error.value.hint


def test_a_root_that_is_no_file_or_folder_is_refused(tree, recognitions):
    os.mkfifo(tree / "pipe")
    with pytest.raises(UsageError, match="is a pipe"):
        discover(tree / "pipe", recognitions)


@pytest.mark.parametrize("inner", ["", "a/b/c", ".hidden"])
def test_a_folder_without_files_is_refused(tree, recognitions, inner):
    (tree / inner).mkdir(parents=True, exist_ok=True)
    with pytest.raises(UsageError, match="no files under") as error:
        list(discover(tree, recognitions))
    assert error.value.hint
