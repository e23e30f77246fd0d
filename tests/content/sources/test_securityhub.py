"""Security Hub's mapping against AWS's own model of a finding, GuardDuty's tables, and ASIM's values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import botocore.session
import msgspec
import pytest

from tidewaiter.asim import schema
from tidewaiter.asim.mapping.expression import Field, walk
from tidewaiter.content import sources
from tidewaiter.core.objects import JsonChunk
from tidewaiter.pipeline.normalize import JsonRows, Normalizer

SOURCES = sources()
SPEC = SOURCES["aws_securityhub"]
LOOKUPS = SPEC.mapping.lookups
NORMALIZER = Normalizer(SPEC, native=True)
GUARDDUTY = "arn:aws:guardduty:eu-central-1:900100200301:detector/8ab1c2d3e4f5061728394a5b6c7d8e9f/finding/"


def finding(**members: object) -> dict[str, object]:
    return {
        "AwsAccountId": "900100200301",
        "GeneratorId": "g",
        "Id": "f",
        "ProductArn": "arn:aws:securityhub:eu-central-1::product/keel/scan",
        "Resources": [],
        "UpdatedAt": "2026-03-04T09:18:02.114Z",
    } | members


def rows(record: dict[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """Return the alert and the row of Sentinel's own table."""
    raw = msgspec.json.encode(record)
    found = NORMALIZER.normalize(JsonChunk([raw], [0]), object_id="o", prefix="p")
    assert not found.quarantined
    (part,) = found.rows
    assert isinstance(part, JsonRows)
    return msgspec.json.decode(part.heads[0]), msgspec.json.decode(part.natives[0])


def row(**members: object) -> dict[str, object]:
    return rows(finding(**members))[0]


def paths() -> Iterator[tuple[str | int, ...]]:
    for expr in SPEC.mapping.routes[0].mapping.columns.values():
        for node in walk(expr):
            if isinstance(node, Field) and node.path != ("event_id",):
                yield node.path


def test_every_path_of_the_mapping_is_in_aws_model_of_a_finding():
    model = botocore.session.get_session().get_service_model("securityhub").shape_for("AwsSecurityFinding")
    unknown, found = set(), set(paths())
    for path in found:
        shape = model
        for step in path:
            if shape.type_name == "map":
                shape = shape.value
            elif isinstance(step, int):
                shape = shape.member
            elif step in shape.members:
                shape = shape.members[step]
            else:
                unknown.add(".".join(map(str, path)))
                break
    assert len(found) > 80
    assert unknown == set()


@pytest.mark.parametrize("name", ["tactics", "techniques", "threats"])
def test_what_guardduty_saw_means_the_same_here(name: str):
    assert LOOKUPS[name] == SOURCES["aws_guardduty"].mapping.lookups[name]


@pytest.mark.parametrize(
    ("lookup", "field"),
    [("severities", "EventSeverity"), ("malware", "ThreatCategory"), ("threats", "ThreatCategory"),
     ("kinds", "EventSubType"), ("results", "EventResult"), ("verdicts", "AlertVerdict"),
     ("indicators", "IndicatorType")],
)  # fmt: skip
def test_tables_give_values_that_asim_allows(lookup: str, field: str):
    allowed = schema("AlertEvent").fields[field].common_allowed
    assert allowed is not None
    assert set(LOOKUPS[lookup].values()) <= allowed


@pytest.mark.parametrize(
    ("severity", "wanted", "risk", "original"),
    [
        ({"Label": "CRITICAL", "Normalized": 95}, "High", 95, "CRITICAL"),
        ({"Label": "MEDIUM"}, "Medium", 40, "MEDIUM"),
        ({"Normalized": 0}, "Informational", 0, "0"),
        ({"Normalized": 1}, "Low", 1, "1"),
        ({"Normalized": 39}, "Low", 39, "39"),
        ({"Normalized": 40.0}, "Medium", 40, "40"),
        ({"Normalized": "69"}, "Medium", 69, "69"),
        ({"Normalized": 70}, "High", 70, "70"),
        ({"Normalized": 100}, "High", 100, "100"),
        ({"Normalized": 101}, None, None, "101"),
        ({"Normalized": -1}, None, None, "-1"),
        ({"Product": 7.5}, None, None, "7.5"),
        ("HIGH", None, None, None),
        (None, None, None, None),
    ],
)
def test_a_severity_becomes_asims_word_and_keeps_its_own(severity, wanted, risk, original):
    found = row(Severity=severity)
    assert found.get("EventSeverity") == wanted
    assert found.get("ThreatRiskLevel") == risk
    assert found.get("EventOriginalSeverity") == original


@pytest.mark.parametrize(
    ("members", "status", "original", "active"),
    [
        ({"Workflow": {"Status": "NEW"}, "RecordState": "ACTIVE"}, "Active", "NEW", True),
        ({"Workflow": {"Status": "NOTIFIED"}, "RecordState": "ACTIVE"}, "Active", "NOTIFIED", True),
        ({"Workflow": {"Status": "RESOLVED"}, "RecordState": "ACTIVE"}, "Closed", "RESOLVED", False),
        ({"Workflow": {"Status": "SUPPRESSED"}, "RecordState": "ACTIVE"}, "Closed", "SUPPRESSED", False),
        ({"Workflow": {"Status": "NEW"}, "RecordState": "ARCHIVED"}, "Closed", "ARCHIVED", False),
        ({"WorkflowState": "RESOLVED"}, "Closed", "RESOLVED", False),
        ({"Compliance": {"Status": "PASSED"}}, "Active", None, False),
        ({}, "Active", None, True),
    ],
)
def test_record_state_and_workflow_close_an_alert(members, status, original, active):
    found = row(**members)
    assert (found["AlertStatus"], found.get("AlertOriginalStatus")) == (status, original)
    assert found["ThreatIsActive"] is active


def test_a_finding_of_guardduty_keeps_its_id_and_its_technique():
    kind = "TTPs/Initial Access/UnauthorizedAccess:IAMUser-ConsoleLoginSuccess.B"
    found = row(Id=GUARDDUTY + "5c0ffee0" * 4, Types=[kind])
    assert found["AlertId"] == found["EventUid"] == "5c0ffee0" * 4
    assert found["EventOriginalUid"] == f"{GUARDDUTY}{'5c0ffee0' * 4}@2026-03-04T09:18:02.114Z"
    assert found["RuleName"] == "UnauthorizedAccess:IAMUser/ConsoleLoginSuccess.B"
    assert found["AttackTechniques"] == "Valid Accounts: Cloud Accounts (T1078.004)"


@pytest.mark.parametrize(
    ("types", "tactic"),
    [
        (["TTPs/Lateral Movement"], "Lateral Movement"),
        (["Software and Configuration Checks/Vulnerabilities/CVE", "TTPs/Execution/x"], "Execution"),
        (["Effects/Data Exfiltration/Exfiltration:S3-AnomalousBehavior"], "Exfiltration"),
        (["Effects/Data Destruction"], "Impact"),
        (["Effects/Data Exposure"], None),
        (["TTPs/Discovery/Recon:EC2-Portscan"], "Discovery"),
        (["Unusual Behaviors/User/Persistence:IAMUser-AnomalousBehavior"], "Persistence"),
        (["TTPs"], None),
        ("TTPs/Execution", None),
        ([], None),
    ],
)
def test_a_type_that_names_a_ttp_gives_the_tactic(types, tactic):
    assert row(Types=types).get("AttackTactics") == tactic


def test_an_update_of_a_finding_is_an_alert_of_its_own():
    first, later = row(), row(UpdatedAt="2026-03-04T10:18:02.114Z")
    assert first["AlertId"] == later["AlertId"] == "f"
    assert first["EventOriginalUid"] != later["EventOriginalUid"] == "f@2026-03-04T10:18:02.114Z"


def test_the_native_row_keeps_the_whole_finding_as_eventbridge_holds_it():
    record = finding(Action={"ActionType": "PORT_PROBE"}, Future={"a": 1.10}, Workflow={"Status": "NEW"})
    _, native = rows(record)
    assert native["RawData"] == {"findings": [record]}


@pytest.mark.corpus
def test_public_findings_are_all_alerts_with_times_severity_and_device(corpora: Path):
    lines = (corpora / "panther-analysis/aws_securityfinding.jsonl").read_text().splitlines()
    for finding in (json.loads(line)["event"] for line in lines):
        alert, native = rows(finding)
        assert str(alert["TimeGenerated"]).startswith(finding["UpdatedAt"][:10])
        assert (alert["EventSeverity"], alert["DvcId"]) == ("High", finding["Resources"][0]["Id"])
        assert alert["UserSessionId" if "UserSessionId" in alert else "UserId"]
        assert native["RawData"] == {"findings": [finding]}
    assert len(lines) == 6
