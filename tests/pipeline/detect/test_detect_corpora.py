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

TECHNIQUES = {
    "aws.defense-evasion.cloudtrail-delete": ("trail_tampering", "High"),
    "aws.defense-evasion.cloudtrail-event-selectors": ("trail_tampering", "High"),
    "aws.defense-evasion.dns-delete-logs": ("trail_tampering", "Medium"),
    "aws.defense-evasion.vpc-remove-flow-logs": ("trail_tampering", "Medium"),
    "aws.execution.ec2-launch-unusual-instances": ("compute_hijacking", "Medium"),
    "aws.exfiltration.ec2-share-ami": ("data_sharing", "Medium"),
    "aws.exfiltration.ec2-share-ebs-snapshot": ("data_sharing", "Medium"),
    "aws.impact.bedrock-invoke-model": ("compute_hijacking", "Low"),
    "aws.initial-access.console-login-without-mfa": ("risky_sign_in", "Low"),
    "aws.persistence.iam-create-admin-user": ("privilege_grant", "Medium"),
    "aws.persistence.iam-create-backdoor-role": ("privilege_grant", "Medium"),
    "aws.persistence.rolesanywhere-create-trust-anchor": ("new_persistence", "High"),
    "aws.persistence.sts-federation-token": ("new_persistence", "Medium"),
    "aws.privilege-escalation.iam-update-user-login-profile": ("new_persistence", "Medium"),
}
"""What each recorded technique is called here, and how grave."""


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

    judged = {
        name: (some[0].detector, some[0].severity) if len(some) == 1 else some
        for name, some in found.items()
        if some
    }
    assert judged == TECHNIQUES


@pytest.mark.parametrize("folder", ["opensearch-catalog", "plaso"])
def test_ordinary_days_are_quiet(incidents, folder):
    assert not any(incidents(folder).values())


def test_made_up_events_that_read_like_attacks_are_an_incident_for_each_actor(incidents):
    (found,) = incidents("cribl-cloudtrail").values()

    assert [incident.detector for incident in found] == ["data_destruction", "privilege_grant"]


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
