"""Rows that conform, to be broken one member at a time."""

from __future__ import annotations

import pytest

EVENT = {
    "TimeGenerated": "2026-11-20T10:00:00Z",
    "EventStartTime": "2026-11-20T10:00:00Z",
    "EventEndTime": "2026-11-20T10:00:01.5Z",
    "EventCount": 1,
    "EventResult": "Success",
    "EventVendor": "AWS",
    "EventOriginalUid": "6f1b",
}


@pytest.fixture
def audit_row() -> dict[str, object]:
    """Return a conforming row of ASimAuditEventLogs."""
    return EVENT | {
        "EventProduct": "CloudTrail",
        "EventType": "Delete",
        "EventSchemaVersion": "0.1.2",
        "EventSeverity": "Informational",
        "Operation": "DeleteTrail",
        "Object": "arn:aws:cloudtrail:eu-west-1:111122223333:trail/all",
        "ObjectType": "Cloud Resource",
        "ActorUserId": "AIDAEXAMPLE",
        "ActorUserIdType": "AWSId",
        "ActorUsername": "mallory",
        "ActorUsernameType": "Simple",
        "SrcIpAddr": "192.0.2.7",
        "AdditionalFields": '{"awsRegion":"eu-west-1"}',
    }


@pytest.fixture
def session_row() -> dict[str, object]:
    """Return a conforming row of ASimNetworkSessionLogs."""
    return EVENT | {
        "EventProduct": "VPC",
        "EventType": "Flow",
        "EventSchemaVersion": "0.2.7",
        "Dvc": "VPC",
        "DvcAction": "Allow",
        "SrcIpAddr": "10.0.0.5",
        "DstIpAddr": "2001:db8::1",
        "SrcPortNumber": 49152,
        "DstPortNumber": 443,
        "NetworkProtocol": "TCP",
        "NetworkProtocolVersion": "IPv6",
        "SrcBytes": 5_000_000_000,
        "TcpFlagsSyn": True,
    }
