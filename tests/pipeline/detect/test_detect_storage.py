from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.pipeline.detect.storage import admits_service, expires_within, grants_everything

AT = "2026-03-04T10:00:00Z"
TRAIL = "cloudtrail.amazonaws.com"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def rule(expiration, status="Enabled", **more):
    return {"Status": status, "Expiration": expiration, **more}


@pytest.mark.parametrize(
    ("lifecycle", "days"),
    [
        ({"Rule": rule({"Days": 1})}, 1),
        ({"Rule": rule({"Days": "3"})}, 3),
        ({"Rule": [rule({"Days": 400}), rule({"Days": 7})]}, 7),
        ({"Rule": rule({"Days": 1}, Filter={"Prefix": "AWSLogs/"})}, 1),
        ({"Rule": rule({"Days": 1}, Prefix="")}, 1),
        ({"Rule": rule({"Date": "2026-03-06T00:00:00Z"})}, 1),
        ({"Rule": rule({"Date": "2020-01-01T00:00:00Z"})}, 0),
        ({"Rule": rule({"Days": 8})}, None),
        ({"Rule": rule({"Days": 1}, status="Disabled")}, None),
        ({"Rule": rule({"Days": 1}, Filter={"Prefix": "athena-results/"})}, None),
        ({"Rule": rule({"Days": 1}, Filter={"And": {"Prefix": "tmp/", "Tag": {}}})}, None),
        ({"Rule": rule({"Date": "2030-01-01T00:00:00Z"})}, None),
        ({"Rule": rule({"Date": "soon"})}, None),
        ({"Rule": rule({"ExpiredObjectDeleteMarker": "true"})}, None),
        ({"Rule": {"Status": "Enabled", "Transition": {"Days": 1}}}, None),
        ({}, None),
        ("", None),
    ],
)
def test_the_fastest_rule_that_deletes_logs_is_found(lifecycle, days):
    assert expires_within(lifecycle, 7, AT) == days


def statement(**members):
    return {
        "Effect": "Allow",
        "Principal": {"Service": TRAIL},
        "Action": "s3:PutObject",
        "Resource": "*",
        **members,
    }


@pytest.mark.parametrize(
    ("statements", "admitted"),
    [
        ([statement()], True),
        ([statement(Action=["s3:GetBucketAcl", "s3:Put*"])], True),
        ([statement(Principal={"Service": ["config.amazonaws.com", TRAIL]})], True),
        (
            [
                statement(),
                statement(Effect="Deny", Principal="*", Condition={"Bool": {"aws:SecureTransport": "false"}}),
            ],
            True,
        ),
        ([statement(), statement(Effect="Deny", Principal="*", Condition=None)], False),
        ([statement(Principal={"Service": "config.amazonaws.com"})], False),
        ([statement(Action="s3:GetBucketAcl")], False),
        ([], False),
    ],
)
def test_a_bucket_policy_admits_the_service_or_not(statements, admitted):
    assert admits_service({"Statement": statements}, TRAIL) is admitted


def test_a_bucket_policy_that_cannot_be_read_is_not_judged():
    assert admits_service("{", TRAIL) is None


def test_a_session_policy_without_limits_is_told_from_a_narrow_one():
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}

    assert grants_everything({"Statement": everything})
    assert not grants_everything({"Statement": everything | {"Resource": "arn:aws:s3:::x"}})
    assert not grants_everything({"Statement": everything | {"Effect": "Deny"}})
    assert not grants_everything("")


@given(JSON, JSON)
def test_no_configuration_breaks_the_judgement(one, other):
    expires_within(one, 7, other)
    expires_within({"Rule": [{"Status": "Enabled", "Expiration": one, "Filter": other}]}, 7, AT)
    expires_within(
        {"Rule": {"Status": "Enabled", "Expiration": {"Days": one}, "Filter": {"And": other}}}, 7, AT
    )
    admits_service({"Statement": one}, TRAIL)
    grants_everything(one)
