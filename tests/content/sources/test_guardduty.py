"""GuardDuty's mapping against AWS's own model of a finding, and its tables against ASIM's values."""

from __future__ import annotations

import re
from collections.abc import Iterator

import botocore.session
import msgspec
import pytest
from botocore.model import Shape

from tidewaiter.asim import schema
from tidewaiter.asim.mapping.expression import Field, walk
from tidewaiter.content import sources
from tidewaiter.core.objects import JsonChunk
from tidewaiter.pipeline.normalize import JsonRows, Normalizer

SPEC = sources()["aws_guardduty"]
LOOKUPS = SPEC.mapping.lookups
NORMALIZER = Normalizer(SPEC)
PURPOSES = [
    "AttackSequence", "Backdoor", "Behavior", "CredentialAccess", "CryptoCurrency", "DefenseEvasion",
    "Discovery", "Execution", "Exfiltration", "Impact", "InitialAccess", "Object", "PenTest",
    "Persistence", "Policy", "PrivilegeEscalation", "Recon", "Stealth", "Trojan", "UnauthorizedAccess",
]  # fmt: skip
"""Threat purposes ("GuardDuty finding format", Amazon GuardDuty User Guide, read 2026-11)."""


def finding(**members: object) -> dict[str, object]:
    return {
        "schemaVersion": "2.0",
        "accountId": "900100200301",
        "id": "5c0ffee0" * 4,
        "type": "Recon:EC2/Portscan",
        "resource": {"resourceType": "Instance"},
        "service": {"count": 1},
        "severity": 5,
        "updatedAt": "2026-03-04T09:18:02.114Z",
    } | members


def row(record: dict[str, object]) -> dict[str, object]:
    raw = msgspec.json.encode(record)
    found = NORMALIZER.normalize(JsonChunk([raw], [0]), object_id="o", prefix="p")
    assert not found.quarantined
    (rows,) = found.rows
    assert isinstance(rows, JsonRows)
    columns: dict[str, object] = msgspec.json.decode(rows.heads[0])
    return columns


def paths(route: int) -> Iterator[tuple[str | int, ...]]:
    for expr in SPEC.mapping.routes[route].mapping.columns.values():
        for node in walk(expr):
            if isinstance(node, Field) and node.path != ("event_id",):
                yield node.path


@pytest.fixture(scope="module")
def model() -> Shape:
    return botocore.session.get_session().get_service_model("guardduty").shape_for("Finding")


def missing_in(model: Shape, path: tuple[str | int, ...], *, wire: bool) -> str:
    """Return the step of a path that AWS's model of a finding does not have; "" when all are there."""
    shape = model
    for step in path:
        if isinstance(step, int):
            shape = shape.member
            continue
        names = {member.serialization.get("name", name) if wire else name: member
                 for name, member in shape.members.items()}  # fmt: skip
        if step not in names:
            return str(step)
        shape = names[step]
    return ""


@pytest.mark.parametrize("wire", [True, False])
def test_every_path_of_the_mapping_is_in_aws_model_of_a_finding(model: Shape, wire: bool):
    found = set(paths(0 if wire else 1))
    assert len(found) > 70
    unknown = {missing_in(model, path, wire=wire) for path in found} - {""}
    # Beside `value`, exports and events have what it holds as members of additionalInfo too.
    assert unknown == {"sample" if wire else "Sample"}


def test_the_mapping_of_the_api_is_the_same_with_capitals():
    own, api = (SPEC.folder.read(f"mapping.members{name}.yaml").decode() for name in ("", "_api"))
    assert own.split("lets:\n")[1].lower() == api.split("lets:\n")[1].lower()
    upper = [path for path in paths(1) if any(isinstance(step, str) and step[0].islower() for step in path)]
    assert upper == []


@pytest.mark.parametrize(
    ("severity", "wanted", "original"),
    [
        (1, "Low", "1"),
        (2.0, "Low", "2"),
        (3.9, "Low", "3.9"),
        (4, "Medium", "4"),
        (6.95, "Medium", "6.95"),
        (7.0, "High", "7"),
        (8.7, "High", "8.7"),
        (9.5, "High", "9.5"),
        (10, "High", "10"),
        (0, "Informational", "0"),
        (None, None, None),
        ("high", None, None),
        (-1, None, "-1"),
    ],
)
def test_a_severity_becomes_asims_word_and_keeps_its_number(severity, wanted, original):
    columns = row(finding(severity=severity))
    assert columns.get("EventSeverity") == wanted
    assert columns.get("EventOriginalSeverity") == original


@pytest.mark.parametrize("count", [0, -4, 1.5, "many", None, 2**70])
def test_a_row_stands_for_one_event_where_the_count_is_no_count(count):
    assert row(finding(service={"count": count}))["EventCount"] == 1


def test_every_purpose_has_a_tactic_or_is_known_to_have_none():
    without = {purpose for purpose in PURPOSES if purpose not in LOOKUPS["tactics"]}
    assert without == {"AttackSequence", "Behavior", "Object", "Policy", "Trojan", "UnauthorizedAccess"}
    for purpose in ("Trojan", "UnauthorizedAccess", "Object"):
        assert any(key.startswith(f"{purpose}/") for key in LOOKUPS["tactics"])


def test_the_keys_of_the_tables_are_purposes_families_and_types():
    for name in ("tactics", "techniques", "threats", "detections"):
        for key in LOOKUPS[name]:
            assert re.split("[:/]", key)[0] in PURPOSES, f"{name}: {key}"


def test_techniques_are_named_as_asim_names_them():
    for technique in LOOKUPS["techniques"].values():
        assert re.fullmatch(r"[A-Z][A-Za-z: -]+ \(T1\d{3}(\.\d{3})?\)", technique), technique


@pytest.mark.parametrize(
    ("lookup", "field"),
    [("severities", "EventSeverity"), ("threats", "ThreatCategory"), ("detections", "EventSubType")],
)
def test_tables_give_values_that_asim_allows(lookup: str, field: str):
    allowed = schema("AlertEvent").fields[field].common_allowed
    assert allowed is not None
    assert set(LOOKUPS[lookup].values()) <= allowed


def test_an_update_of_a_finding_is_an_alert_of_its_own():
    first = row(finding())
    later = row(finding(updatedAt="2026-03-04T10:18:02.114Z"))
    assert first["AlertId"] == later["AlertId"] == "5c0ffee0" * 4
    assert (
        first["EventOriginalUid"] != later["EventOriginalUid"] == "5c0ffee0" * 4 + "@2026-03-04T10:18:02.114Z"
    )


def test_the_most_exact_entry_of_a_type_wins():
    def technique(kind: str) -> tuple[object, object]:
        columns = row(finding(type=kind))
        return columns.get("AttackTactics"), columns.get("AttackTechniques")

    assert technique("UnauthorizedAccess:S3/MaliciousIPCaller.Custom") == (
        "Collection", "Data from Cloud Storage (T1530)",
    )  # fmt: skip
    assert technique("UnauthorizedAccess:EC2/MaliciousIPCaller.Custom") == (
        "Command and Control", "Application Layer Protocol (T1071)",
    )  # fmt: skip
    assert technique("Backdoor:Lambda/C&CActivity.B") == (
        "Command and Control", "Application Layer Protocol (T1071)",
    )  # fmt: skip
    assert technique("Impact:Tomorrow/NewThing") == ("Impact", None)
    assert technique("no type at all") == (None, None)
