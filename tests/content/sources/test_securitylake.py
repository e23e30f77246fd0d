"""Security Lake's events: which table takes which class, whatever the version, and how times are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tidewaiter.asim import schema
from tidewaiter.content import sources
from tidewaiter.core.objects import JsonChunk, SourceObject
from tidewaiter.pipeline.normalize import JsonRows, Normalizer
from tidewaiter.pipeline.sources.codecs import read
from tidewaiter.pipeline.sources.folder import discover

SOURCES = sources()
SPEC = SOURCES["aws_securitylake"]
NORMALIZER = Normalizer(SPEC)
AT = 1772615564123


def event(class_uid: object, **members: object) -> dict[str, object]:
    return {
        "activity_id": 1,
        "class_uid": class_uid,
        "metadata": {"version": "1.1.0", "product": {"name": "CloudTrail", "vendor_name": "AWS"}},
        "severity_id": 1,
        "time": AT,
    } | members


def mapped(record: dict[str, object]) -> tuple[str, dict[str, Any]]:
    raw = msgspec.json.encode(record)
    found = NORMALIZER.normalize(JsonChunk([raw], [0]), object_id="o", prefix="p")
    assert not found.quarantined
    (part,) = found.rows
    assert isinstance(part, JsonRows)
    return part.table, msgspec.json.decode(part.heads[0])


@pytest.mark.parametrize("version", ["1.0.0-rc.2", "1.0.0", "1.1.0", "1.3.0", "1.9.0-dev", "7", ""])
@pytest.mark.parametrize(
    ("class_uid", "table"),
    [
        (3005, "ASimAuditEventLogs"),
        (6003, "ASimAuditEventLogs"),
        (3002, "ASimAuthenticationEventLogs"),
        (3001, "ASimUserManagementActivityLogs"),
        (4001, "ASimNetworkSessionLogs"),
        (2001, "ASimAlertEventLogs"),
        (2002, "ASimAlertEventLogs"),
        (2003, "ASimAlertEventLogs"),
        (2004, "ASimAlertEventLogs"),
        (1007, "ASimAuditEventLogs"),
        (987654, "ASimAuditEventLogs"),
        ("6003", "ASimAuditEventLogs"),
    ],
)
def test_the_class_says_which_table_and_no_version_is_refused(class_uid, table, version):
    product = {"name": "CloudTrail", "vendor_name": "AWS"}
    assert mapped(event(class_uid, metadata={"version": version, "product": product}))[0] == table


def test_dns_and_web_need_what_the_event_is_about():
    assert mapped(event(4003, query={"hostname": "a.example."}))[0] == "ASimDnsActivityLogs"
    assert mapped(event(4003))[0] == "ASimAuditEventLogs"
    url = {"url": {"hostname": "a.example", "path": "/x"}}
    table, row = mapped(event(4002, http_request=url, dst_endpoint={"port": 80}))
    assert (table, row["Url"]) == ("ASimWebSessionLogs", "http://a.example/x")
    assert mapped(event(4002))[0] == "ASimAuditEventLogs"


@pytest.mark.parametrize(
    ("members", "meant"),
    [
        ({"time": AT}, "2026-03-04T09:12:44.123Z"),
        ({"time": str(AT)}, "2026-03-04T09:12:44.123Z"),
        ({"time": AT // 1000}, "2026-03-04T09:12:44Z"),
        ({"time": AT * 1000 + 7}, "2026-03-04T09:12:44.123Z"),
        ({"time": None, "time_dt": "2026-03-04T09:12:44.123456Z"}, "2026-03-04T09:12:44.123456Z"),
        ({"time": "2026-03-04T09:12:44.1Z"}, "2026-03-04T09:12:44.1Z"),
    ],
)
def test_a_time_is_read_in_every_unit(members, meant):
    assert mapped(event(6003, **members))[1]["TimeGenerated"] == meant


@pytest.mark.parametrize("member", ["finding", "finding_info"])
def test_a_state_of_a_finding_is_an_alert_of_its_own(member):
    first = mapped(event(2004, **{member: {"uid": "f", "modified_time": AT}}))[1]
    later = mapped(event(2004, **{member: {"uid": "f", "modified_time": AT + 1}}))[1]
    assert first["AlertId"] == later["AlertId"] == "f"
    assert first["EventOriginalUid"] != later["EventOriginalUid"] == f"f@{AT + 1}"


def test_a_session_of_a_role_is_named_by_both():
    user = {"type": "AssumedRole", "uid": "AROATIDEWTR0000000031:mara"}
    actor = {"user": user, "session": {"issuer": "arn:aws:iam::900100200301:role/ops/Admin"}}
    row = mapped(event(6003, actor=actor))[1]
    assert (row["ActorUsername"], row["ActorUserId"]) == ("Admin/mara", "AROATIDEWTR0000000031")


@pytest.mark.parametrize(
    ("lookup", "schema_name", "field"),
    [
        ("severities", "AuditEvent", "EventSeverity"),
        ("activities", "AuditEvent", "EventType"),
        ("account_changes", "UserManagement", "EventType"),
        ("kinds", "AlertEvent", "EventSubType"),
    ],
)
def test_tables_give_values_that_asim_allows(lookup: str, schema_name: str, field: str):
    allowed = schema(schema_name).fields[field].common_allowed
    assert allowed is not None
    assert set(SPEC.mapping.lookups[lookup].values()) <= allowed


def test_tables_that_others_have_are_the_same_here():
    hub, flows = SOURCES["aws_securityhub"].mapping.lookups, SOURCES["aws_vpcflow"].mapping.lookups
    assert SPEC.mapping.lookups["tactics"] == hub["categories"]
    assert SPEC.mapping.lookups["kinds"] == hub["kinds"]
    assert SPEC.mapping.lookups["protocols"] == flows["protocols"]


@pytest.mark.corpus
def test_the_public_sample_is_a_call(corpora: Path):
    (item,) = (
        each
        for each in discover(corpora / "security-lake-sample", {SPEC.id: SPEC.recognition})
        if isinstance(each, SourceObject)
    )
    rows = []
    for chunk in read(item, SPEC.recognition):
        assert isinstance(chunk, JsonChunk)
        made = NORMALIZER.normalize(chunk, object_id=item.id, prefix="p")
        assert not chunk.quarantined
        assert not made.quarantined
        parts = [part for part in made.rows if isinstance(part, JsonRows)]
        rows += [msgspec.json.decode(head) for part in parts for head in part.heads]
    assert [row["Operation"] for row in rows] == ["PutObject"]
