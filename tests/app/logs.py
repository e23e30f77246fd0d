"""Logs for the tests of the app and of the whole product: CloudTrail records, flow log lines, their files."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ACCOUNT = "111122223333"
FLOW_HEADER = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action "
    "log-status"
)


def event(number: int, **changed: Any) -> dict[str, Any]:
    """A CloudTrail record with an id of its own; `changed` members replace those it has."""
    return {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "AIDATIDEWTR000000001",
            "arn": f"arn:aws:iam::{ACCOUNT}:user/ada",
            "accountId": ACCOUNT,
            "userName": "ada",
        },
        "eventTime": f"2026-03-17T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}Z",
        "eventSource": "ec2.amazonaws.com",
        "eventName": "RunInstances",
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "192.0.2.1",
        "userAgent": "aws-cli/2.15",
        "requestParameters": {"instanceType": "t3.micro", "number": number},
        "responseElements": None,
        "requestID": f"request-{number}",
        "eventID": event_id(number),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    } | changed


def event_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def raw(record: dict[str, Any] | bytes) -> bytes:
    return record if isinstance(record, bytes) else json.dumps(record, separators=(",", ":")).encode()


def document(records: Sequence[dict[str, Any] | bytes]) -> bytes:
    """The content of a file as CloudTrail writes it to S3."""
    return b'{"Records":[' + b",".join(raw(record) for record in records) + b"]}"


def lines(records: Sequence[dict[str, Any] | bytes]) -> bytes:
    """NDJSON."""
    return b"".join(raw(record) + b"\n" for record in records)


def write(path: Path, content: bytes, *, packed: bool | None = None) -> Path:
    """Write a file and its folders; gzipped when its name ends in gz, or `packed` says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    wanted = path.suffix == ".gz" if packed is None else packed
    path.write_bytes(gzip.compress(content, 1, mtime=0) if wanted else content)
    return path


def trail(root: Path, records: Sequence[dict[str, Any] | bytes], name: str = "trail") -> Path:
    """Write records to a file that lies where CloudTrail would put it."""
    place = f"AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1/2026/03/17"
    return write(root / place / f"{ACCOUNT}_CloudTrail_eu-west-1_{name}.json.gz", document(records))


def flow(number: int) -> str:
    start = 1_773_705_600 + number
    addresses = f"10.0.0.{number % 250 + 1} 192.0.2.7"
    return f"2 {ACCOUNT} eni-0a {addresses} 443 {50_000 + number} 6 10 840 {start} {start + 60} ACCEPT OK"


def flows(root: Path, numbers: Sequence[int], name: str = "flows") -> Path:
    """Write flow records to a file that lies where VPC Flow Logs would put it."""
    place = f"AWSLogs/{ACCOUNT}/vpcflowlogs/eu-west-1/2026/03/17"
    content = "\n".join([FLOW_HEADER, *(flow(number) for number in numbers)]) + "\n"
    path = root / place / f"{ACCOUNT}_vpcflowlogs_eu-west-1_fl-0a_20260317T0000Z_{name}.log.gz"
    return write(path, content.encode())
