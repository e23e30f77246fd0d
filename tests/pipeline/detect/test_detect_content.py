"""The detections that we ship, against their own proof."""

from __future__ import annotations

import botocore.session
import pytest

from tidewaiter.content.detection_specs import detections
from tidewaiter.content.sources import sources
from tidewaiter.pipeline.detect import check_detection

MODELS = {"sso": "sso-admin", "servicequotas": "service-quotas"}
"""Service models that are named otherwise than their event source."""
RECORDED = {
    # AWS Sign-In User Guide, "CloudTrail events for sign-in", and Amazon S3 User Guide, "CloudTrail events".
    "signin": {"ConsoleLogin", "PasswordRecoveryCompleted", "PasswordUpdated"},
    "s3": {"PutBucketPublicAccessBlock", "DeleteBucketPublicAccessBlock"},
}
"""Events that CloudTrail records under names that are no operations."""


@pytest.mark.parametrize("name", sorted(detections()))
def test_every_sample_of_a_detection_is_judged_as_its_folder_says(name, bench):
    assert [str(problem) for problem in check_detection(detections()[name], bench.normalizer)] == []


@pytest.mark.parametrize("name", sorted(detections()))
def test_a_detection_has_at_least_four_hits_three_misses_and_two_lookalikes(name):
    spec = detections()[name]
    counts = [len(list(spec.samples(kind))) for kind in ("hit", "miss", "lookalike")]

    assert all(count >= least for count, least in zip(counts, (4, 3, 2), strict=True))


@pytest.mark.parametrize("name", sorted(detections()))
def test_a_runbook_answers_the_four_questions(name):
    runbook = detections()[name].runbook

    for heading in ("## What it means", "## How to check", "## What to do", "## When it is wrong"):
        assert heading in runbook


@pytest.mark.parametrize("name", sorted(detections()))
def test_every_event_that_a_rule_looks_at_is_an_operation_of_its_service(name):
    session = botocore.session.get_session()
    for source, names in detections()[name].events.items():
        service = source.removesuffix(".amazonaws.com")
        operations = set(session.get_service_model(MODELS.get(service, service)).operation_names)

        assert set(names) <= operations | RECORDED.get(service, set())


@pytest.mark.parametrize("name", sorted(detections()))
def test_a_detection_reads_a_source_that_exists(name):
    assert detections()[name].source in sources()
