"""Inspector's and Macie's mappings against AWS's own models of a finding, and ASIM's values."""

from __future__ import annotations

from typing import Any

import botocore.session
import msgspec
import pytest

from tidewaiter.asim import schema
from tidewaiter.asim.mapping.expression import Field, walk
from tidewaiter.content import sources
from tidewaiter.core.objects import JsonChunk
from tidewaiter.pipeline.normalize import JsonRows, Normalizer

SOURCES = sources()
NORMALIZERS = {name: Normalizer(SOURCES[name]) for name in ("aws_inspector", "aws_macie")}
INSPECTOR = {
    "findingArn": "arn:aws:inspector2:eu-central-1:900100200301:finding/5c0ffee0",
    "awsAccountId": "900100200301",
    "type": "PACKAGE_VULNERABILITY",
    "severity": "HIGH",
    "status": "ACTIVE",
    "updatedAt": "2026-03-04T07:06:37.322Z",
}


def row(source: str, record: dict[str, Any]) -> dict[str, Any]:
    raw = msgspec.json.encode(record)
    found = NORMALIZERS[source].normalize(JsonChunk([raw], [0]), object_id="o", prefix="p")
    assert not found.quarantined
    (part,) = found.rows
    assert isinstance(part, JsonRows)
    columns: dict[str, Any] = msgspec.json.decode(part.heads[0])
    return columns


def inspected(**members: Any) -> dict[str, Any]:
    return row("aws_inspector", INSPECTOR | members)


@pytest.mark.parametrize(
    ("source", "service", "beside"),
    [
        # A member of the API begins with a capital, alone among its neighbours; others write it small.
        ("aws_inspector", "inspector2", {"remediation.recommendation.url"}),
        ("aws_macie", "macie2", set()),
    ],
)
def test_every_path_of_a_mapping_is_in_aws_model_of_a_finding(source: str, service: str, beside: set[str]):
    model = botocore.session.get_session().get_service_model(service).shape_for("Finding")
    exprs = SOURCES[source].mapping.routes[0].mapping.columns.values()
    paths = {node.path for expr in exprs for node in walk(expr) if isinstance(node, Field)} - {("event_id",)}
    unknown = set()
    for path in paths:
        shape = model
        for step in path:
            names = {m.serialization.get("name", n): m for n, m in getattr(shape, "members", {}).items()}
            if shape.type_name == "map":
                shape = shape.value
            elif isinstance(step, int):
                shape = shape.member
            elif step in names:
                shape = names[step]
            else:
                unknown.add(".".join(map(str, path)))
                break
    assert len(paths) > 25
    assert unknown == beside


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-03-04T07:06:37.322Z", "2026-03-04T07:06:37.322Z"),
        (1772607997.322, "2026-03-04T07:06:37Z"),
        (1772607997, "2026-03-04T07:06:37Z"),
        ("1.772607997322E9", "2026-03-04T07:06:37Z"),
        ("Mar 4, 2026, 7:06:37 AM", "2026-03-04T07:06:37Z"),
        ("Mar 14, 2026, 12:06:37\u202fAM", "2026-03-14T00:06:37Z"),
        ("Dec 31, 2026, 12:59:59 PM", "2026-12-31T12:59:59Z"),
        ("Dec 31, 2026, 11:59:59\u202fPM", "2026-12-31T23:59:59Z"),
        ("Dec 32, 2026, 11:59:59 PM", None),
        ("Dec 31, 2026, 13:59:59 PM", None),
        ("Mär 4, 2026, 7:06:37 AM", None),
        ("soon", None),
        (True, None),
    ],
)
def test_a_time_is_read_in_every_notation(written, meant):
    found = inspected(updatedAt=written, lastObservedAt="2026-01-01T00:00:00Z")
    assert found["TimeGenerated"] == (meant or "2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("severity", "score", "word", "risk"),
    [
        ("CRITICAL", 9.8, "High", 98),
        ("MEDIUM", 5, "Medium", 50),
        ("LOW", 0.1, "Low", 1),
        ("CRITICAL", 10.0, "High", 100),
        ("MEDIUM", None, "Medium", 40),
        ("MEDIUM", "many", "Medium", 40),
        ("MEDIUM", 99.5, "Medium", 40),
        ("UNTRIAGED", None, None, None),
        ("UNTRIAGED", 0.0, None, 0),
    ],
)
def test_a_weakness_has_its_severity_and_its_score_times_ten(severity, score, word, risk):
    found = inspected(severity=severity, inspectorScore=score)
    assert (found.get("EventSeverity"), found.get("ThreatRiskLevel")) == (word, risk)


@pytest.mark.parametrize(
    ("source", "lookup", "field"),
    [
        ("aws_inspector", "severities", "EventSeverity"),
        ("aws_inspector", "things", "IndicatorType"),
        ("aws_macie", "severities", "EventSeverity"),
    ],
)
def test_tables_give_values_that_asim_allows(source: str, lookup: str, field: str):
    allowed = schema("AlertEvent").fields[field].common_allowed
    assert allowed is not None
    assert set(SOURCES[source].mapping.lookups[lookup].values()) <= allowed


def test_a_state_of_a_finding_is_an_alert_of_its_own():
    first, later = inspected(), inspected(updatedAt="2026-03-05T07:06:37.322Z", status="CLOSED")
    assert first["AlertId"] == later["AlertId"]
    assert first["EventOriginalUid"] != later["EventOriginalUid"]
    assert (first["AlertStatus"], later["AlertStatus"]) == ("Active", "Closed")
