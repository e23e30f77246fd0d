"""The detections on real logs that were not made for them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tidewaiter.content.sources import sources
from tidewaiter.core.findings import Incident
from tidewaiter.core.objects import SourceObject
from tidewaiter.pipeline.detect import group_incidents
from tidewaiter.pipeline.normalize import JsonRows
from tidewaiter.pipeline.sources import discover, read

TRAIL = {
    "aws.defense-evasion.cloudtrail-delete": "High",
    "aws.defense-evasion.cloudtrail-event-selectors": "High",
    "aws.defense-evasion.dns-delete-logs": "Medium",
    "aws.defense-evasion.vpc-remove-flow-logs": "Medium",
}
PERSISTENCE = {
    "aws.persistence.iam-create-admin-user": "Medium",
    "aws.persistence.iam-create-backdoor-role": "Medium",
    "aws.persistence.rolesanywhere-create-trust-anchor": "High",
    "aws.persistence.sts-federation-token": "Medium",
    "aws.privilege-escalation.iam-update-user-login-profile": "Medium",
}


@pytest.fixture(scope="module")
def incidents(corpora, bench):
    """The incidents of every CloudTrail object below one folder of the corpora, by the file's stem."""

    def incidents(folder: str) -> dict[str, list[Incident]]:
        recognition = sources()["aws_cloudtrail"].recognition
        found = {}
        for item in discover(corpora / folder, {"aws_cloudtrail": recognition}):
            if not isinstance(item, SourceObject):
                continue
            signals = []
            for chunk in read(item, recognition):
                out = bench.normalizer.normalize(chunk, object_id=item.id, prefix="0123456789abcdef")
                batches = [rows for rows in out.rows if isinstance(rows, JsonRows)]
                signals += [signal for rows in batches for signal in bench.detector.detect(rows)]
            found[Path(item.id).name.removesuffix(".json")] = group_incidents(signals)
        assert found
        return found

    return incidents


def test_each_attack_technique_is_seen_by_the_detection_it_is_for(incidents):
    found = incidents("stratus/docs/detonation-logs")

    for detector, techniques in (("trail_tampering", TRAIL), ("new_persistence", PERSISTENCE)):
        for technique, severity in techniques.items():
            (incident,) = found[technique]
            assert (technique, incident.detector, incident.severity) == (technique, detector, severity)


def test_other_attack_techniques_are_left_to_other_detections(incidents):
    found = incidents("stratus/docs/detonation-logs")

    assert {name for name, some in found.items() if some} == TRAIL.keys() | PERSISTENCE.keys()


@pytest.mark.parametrize("folder", ["opensearch-catalog", "cribl-cloudtrail", "plaso"])
def test_ordinary_days_are_quiet(incidents, folder):
    assert not any(incidents(folder).values())


def test_the_labels_of_another_project_are_agreed_with_but_for_known_differences(corpora, bench):
    ours = {
        "AWS.CloudTrail.AttemptToLeaveOrg",
        "AWS.CloudTrail.DNSLogsDeleted",
        "AWS.CloudTrail.EventSelectorsDisabled",
        "AWS.CloudTrail.ShortLifecycle",
        "AWS.CloudTrail.Stopped",
        "AWS.ConfigService.DisabledDeleted",
        "AWS.IAM.Backdoor.User.Keys",
        "AWS.IAM.BackdoorRole",
        "AWS.VPCFlow.LogsDeleted",
    }
    apart, judged = [], 0
    for line in (corpora / "panther-analysis/aws_cloudtrail.jsonl").read_text().splitlines():
        case = json.loads(line)
        if case["rule_id"] in ours:
            event = case["event"]
            event["eventTime"] = (
                f"{str(event.get('eventTime') or '2020-01-01 00:00:00')[:19].replace(' ', 'T')}Z"
            )
            judged += 1
            if bool(bench.detect(event)) != case["expected"]:
                apart.append(f"{case['rule_id']}: {case['test']}, expected {case['expected']}")
    print(f"{judged} labelled cases, {len(apart)} judged otherwise: {apart}")

    assert judged > 20
    assert apart == []
