"""Records as CloudWatch Logs' subscriptions, Lambda, Kinesis and Data Firehose hand them on."""

from __future__ import annotations

import base64
import gzip
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.pipeline.sources.codecs.armored import Armored, is_armored

FLOW = "2 900100200301 eni-0a1b2c3d4e 10.0.0.1 10.0.0.2 443 49152 6 10 840 1600000000 1600000060 ACCEPT OK"


def call(number: int, **more: object) -> dict[str, object]:
    return {"eventVersion": "1.11", "eventID": str(number), "eventTime": "2026-03-03T09:14:07Z",
            "eventSource": "ec2.amazonaws.com", "eventName": "DescribeInstances", **more}  # fmt: skip


def subscription(*messages: str, control: bool = False) -> bytes:
    kind = "CONTROL_MESSAGE" if control else "DATA_MESSAGE"
    events = [
        {"id": f"37{n}", "timestamp": 1772529247000, "message": text} for n, text in enumerate(messages)
    ]
    document = {"messageType": kind, "owner": "900100200301", "logGroup": "trail", "logStream": "s",
                "subscriptionFilters": ["all"], "logEvents": events}  # fmt: skip
    return json.dumps(document).encode()


CONTROL = subscription("CWL CONTROL MESSAGE: Checking health of destination Firehose.", control=True)
CALLS = [call(1), call(2), call(3)]
TEXTS = [json.dumps(each) for each in CALLS]
DOCUMENTS = [subscription(*TEXTS[:2]), CONTROL, subscription(TEXTS[2])]


def packed(document: bytes) -> bytes:
    return gzip.compress(document, mtime=0)


def armed(document: bytes) -> str:
    return base64.b64encode(packed(document)).decode()


FORMS = {
    "documents run together": b"".join(DOCUMENTS),
    "documents on lines": b"\n".join(DOCUMENTS),
    "gzip members run together": b"".join(map(packed, DOCUMENTS)),
    "base64 on lines": "\n".join(map(armed, DOCUMENTS)).encode(),
    "base64 on lines, with CR": "\r\n".join(map(armed, DOCUMENTS)).encode() + b"\r\n",
    "what Lambda is given": b"\n".join(
        json.dumps({"awslogs": {"data": armed(each)}}).encode() for each in DOCUMENTS
    ),
    "what Lambda is given, indented": b"\n".join(
        json.dumps({"awslogs": {"data": armed(each)}}, indent=2).encode() for each in DOCUMENTS
    ),
    "a batch of Kinesis": json.dumps(
        {"Records": [{"kinesis": {"partitionKey": "p", "data": armed(each)}} for each in DOCUMENTS]}
    ).encode(),
    "a batch of Firehose": json.dumps(
        {
            "invocationId": "c5f6",
            "deliveryStreamArn": "arn:aws:firehose:eu-central-1:900100200301:deliverystream/trail",
            "region": "eu-central-1",
            "records": [{"recordId": f"49{n}", "approximateArrivalTimestamp": 1, "data": armed(each)}
                        for n, each in enumerate(DOCUMENTS)],
        }
    ).encode(),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_the_records_come_out_of_every_envelope(read_bytes, form):
    reading = read_bytes(FORMS[form], "aws_cloudtrail")

    assert [json.loads(raw) for raw in reading.records] == CALLS
    assert reading.positions == [0, 1, 2]
    assert (reading.faults, reading.quarantined) == ([], [])


@pytest.mark.parametrize("form", FORMS)
def test_a_file_in_an_envelope_is_recognised(tmp_path, form):
    from tidewaiter.content import sources
    from tidewaiter.pipeline.sources.folder import discover

    (tmp_path / "part-0001").write_bytes(FORMS[form])
    (found,) = discover(tmp_path, {name: spec.recognition for name, spec in sources().items()})
    assert getattr(found, "source", found) == "aws_cloudtrail"


def test_lines_of_text_come_out_of_a_subscription(read_bytes):
    reading = read_bytes(subscription(FLOW, FLOW) + CONTROL + subscription(FLOW), "aws_vpcflow")

    assert reading.records == [FLOW.encode()] * 3
    assert reading.positions == [0, 1, 2]
    assert reading.quarantined == []


def test_flow_logs_in_a_subscription_are_recognised(tmp_path):
    from tidewaiter.content import sources
    from tidewaiter.pipeline.sources.folder import discover

    (tmp_path / "flows.gz").write_bytes(packed(subscription(FLOW)))
    (found,) = discover(tmp_path, {name: spec.recognition for name, spec in sources().items()})
    assert getattr(found, "source", found) == "aws_vpcflow"


def test_a_message_that_is_no_record_is_set_aside_and_the_others_stay(read_bytes):
    reading = read_bytes(subscription(TEXTS[0], "starting up …", TEXTS[1]), "aws_cloudtrail")

    assert [json.loads(raw) for raw in reading.records] == CALLS[:2]
    assert reading.positions == [0, 2]
    assert reading.set_aside == ["malformed"]


def test_a_text_in_a_record_that_looks_like_base64_changes_nothing(read_bytes):
    hostile = call(1, requestParameters={"data": armed(subscription("{}"))})
    data = json.dumps({"Records": [hostile, *CALLS[1:]]}).encode()

    assert not is_armored(data)
    reading = read_bytes(data, "aws_cloudtrail")
    assert [json.loads(raw) for raw in reading.records] == [hostile, *CALLS[1:]]


@pytest.mark.parametrize("cut", [4, 5, 6, 9, 40])
def test_a_member_that_is_cut_is_a_fault(read_bytes, cut):
    data = "\n".join(map(armed, DOCUMENTS)).encode()[:-cut]

    reading = read_bytes(data, "aws_cloudtrail")

    assert reading.kinds[:1] in (["truncated"], ["corrupt"])
    assert [json.loads(raw) for raw in reading.records][:2] == CALLS[:2]


@given(
    st.lists(st.binary(max_size=300), min_size=1, max_size=4),
    st.integers(1, 50),
    st.sampled_from(["\n", "\r\n", "\n\n"]),
)
def test_any_members_come_back_whatever_is_read_at_a_time(contents, size, gap):
    text = gap.join(armed(content) for content in contents).encode()
    file = Armored(io.BytesIO(text))

    out = b""
    while piece := file.read(size):
        out += piece

    assert gzip.decompress(out) == b"".join(contents)
