from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.pipeline.detect.policy import LONGEST
from tidewaiter.pipeline.detect.trust import trust_policy

OWN, OTHER = "111122223333", "444455556666"
GITHUB = f"arn:aws:iam::{OWN}:oidc-provider/token.actions.githubusercontent.com"
EKS = "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE0123"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def policy(principal, condition=None, action="sts:AssumeRole", effect="Allow"):
    statement = {"Effect": effect, "Principal": principal, "Action": action}
    if condition is not None:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def judged(document):
    found = trust_policy(document, OWN)
    return (found["kind"], found["guard"]) if found else None


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": [OWN, "*"]}, {"aws": "*"}])
def test_a_star_lets_anyone_in(principal):
    assert judged(policy(principal)) == ("anyone", "")


@pytest.mark.parametrize(
    "principal",
    [
        OTHER,
        [OTHER],
        f"arn:aws:iam::{OTHER}:root",
        f"arn:aws:iam::{OTHER}:user/division/ext",
        f"arn:aws-cn:iam::{OTHER}:role/x",
        f"arn:aws:sts::{OTHER}:assumed-role/x/y",
        [f"arn:aws:iam::{OWN}:root", f"arn:aws:iam::{OTHER}:root"],
    ],
)
def test_a_principal_of_another_account_is_outside_however_it_is_written(principal):
    assert judged(policy({"AWS": principal})) == ("account", "")


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": OWN},
        {"AWS": f"arn:aws:iam::{OWN}:root"},
        {"AWS": [f"arn:aws:iam::{OWN}:user/a", f"arn:aws:sts::{OWN}:assumed-role/r/s"]},
        {"AWS": "AIDAEXAMPLEEXAMPLE"},
        {"Service": "ec2.amazonaws.com"},
        {"Service": ["lambda.amazonaws.com", "edgelambda.amazonaws.com"]},
    ],
)
def test_the_own_account_and_services_are_inside(principal):
    assert judged(policy(principal)) is None


def test_a_statement_that_denies_lets_nobody_in():
    assert judged(policy("*", effect="Deny")) is None


@pytest.mark.parametrize("action", ["sts:TagSession", "sts:SetSourceIdentity", "s3:*", []])
def test_a_statement_about_other_actions_lets_nobody_in(action):
    assert judged(policy("*", action=action)) is None


@pytest.mark.parametrize(
    "action", ["*", "sts:*", "STS:assumeRole", "sts:Assume*", ["sts:TagSession", "sts:AssumeRole"]]
)
def test_an_action_pattern_that_covers_assume_role_counts(action):
    assert judged(policy("*", action=action)) == ("anyone", "")


def test_not_principal_and_not_action_are_read_as_what_they_leave_open():
    everyone_but = {"Effect": "Allow", "NotPrincipal": {"AWS": OWN}, "NotAction": "s3:*"}
    all_but_this = {"Effect": "Allow", "Principal": "*", "NotAction": ["sts:AssumeRole*"]}

    assert judged(json.dumps({"Statement": everyone_but})) == ("anyone", "")
    assert judged(json.dumps({"Statement": all_but_this})) is None


def test_the_statement_may_be_one_object():
    assert judged(json.dumps({"statement": {"effect": "allow", "principal": "*", "action": "*"}})) == (
        "anyone",
        "",
    )


def test_a_url_encoded_document_and_a_decoded_one_read_the_same():
    document = policy({"AWS": OTHER})

    assert judged(quote(document, safe="")) == judged(json.loads(document)) == ("account", "")


@pytest.mark.parametrize("key", ["aws:PrincipalOrgID", "AWS:principalorgid", "aws:PrincipalOrgPaths"])
def test_an_organization_is_noted(key):
    assert judged(policy("*", {"StringEquals": {key: "o-example"}})) == (
        "anyone",
        "callers of the organization o-example",
    )


def test_an_external_id_is_noted():
    assert judged(policy({"AWS": OTHER}, {"StringEquals": {"sts:ExternalId": "x"}})) == (
        "account",
        "an external id",
    )


@pytest.mark.parametrize(
    "condition",
    [
        {"StringLike": {"sts:ExternalId": "*"}},
        {"StringLike": {"sts:ExternalId": ["a", "*"]}},
        {"StringEqualsIfExists": {"sts:ExternalId": "a"}},
        {"StringNotEquals": {"aws:PrincipalOrgID": "o-example"}},
        {"ForAllValues:StringEquals": {"aws:PrincipalOrgPaths": "o-example/*"}},
        {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
        {"StringEquals": {"sts:ExternalId": []}},
        {"StringEquals": "sts:ExternalId"},
        ["StringEquals"],
    ],
)
def test_a_condition_that_keeps_no_stranger_out_is_no_guard(condition):
    assert judged(policy("*", condition)) == ("anyone", "")


def test_a_star_for_callers_of_the_own_account_is_inside():
    assert judged(policy("*", {"StringEquals": {"aws:PrincipalAccount": [OWN]}})) is None
    assert judged(policy("*", {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{OWN}:role/ops-*"}})) is None


def test_a_star_for_callers_of_another_account_is_that_account():
    found = trust_policy(policy("*", {"StringEquals": {"aws:PrincipalAccount": [OWN, OTHER]}}), OWN)

    assert found == {"kind": "account", "who": f"the account {OTHER}", "guard": ""}


@pytest.mark.parametrize(
    "condition",
    [
        None,
        {"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}},
        {"StringLike": {"token.actions.githubusercontent.com:sub": "repo:*"}},
        {"StringLike": {"token.actions.githubusercontent.com:sub": "*"}},
        {"StringLike": {"token.actions.githubusercontent.com:sub": ["repo:org/x:*", "repo:*:main"]}},
    ],
)
def test_a_public_provider_without_a_subject_is_open(condition):
    assert judged(policy({"Federated": GITHUB}, condition, "sts:AssumeRoleWithWebIdentity")) == (
        "federated",
        "",
    )


def test_a_provider_with_a_subject_is_noted_with_it():
    condition = {"StringLike": {"token.actions.githubusercontent.com:sub": "repo:org/x:*"}}

    found = judged(policy({"Federated": GITHUB}, condition, "sts:AssumeRoleWithWebIdentity"))

    assert found == ("federated", "sub repo:org/x:*")


def test_a_saml_provider_is_federated():
    provider = f"arn:aws:iam::{OWN}:saml-provider/Corp"
    kind, guard = judged(policy({"Federated": provider}, action="sts:AssumeRoleWithSAML")) or ("", "")

    assert (kind, bool(guard)) == ("federated", True)


def test_a_named_workload_of_a_cluster_is_inside_and_any_workload_is_not():
    provider = {"Federated": f"arn:aws:iam::{OWN}:oidc-provider/{EKS}"}
    named = {"StringEquals": {f"{EKS}:sub": "system:serviceaccount:shop:api"}}

    assert judged(policy(provider, named, "sts:AssumeRoleWithWebIdentity")) is None
    assert judged(policy(provider, None, "sts:AssumeRoleWithWebIdentity")) == (
        "federated",
        "a token of that EKS cluster",
    )


def test_the_gravest_grant_is_told():
    statements = [json.loads(policy({"AWS": OTHER}))["Statement"][0], json.loads(policy("*"))["Statement"][0]]

    assert judged(json.dumps({"Statement": statements})) == ("anyone", "")


def test_many_accounts_are_told_by_the_first_five():
    accounts = [f"{number:012d}" for number in range(1, 9)]

    found = trust_policy(policy({"AWS": accounts}), OWN)

    assert found is not None
    assert found["who"].endswith("the account 000000000005 and 3 more")


def test_without_an_own_account_no_account_can_be_called_foreign():
    assert trust_policy(policy({"AWS": OTHER}), None) is None
    assert trust_policy(policy("*"), None) is not None


@pytest.mark.parametrize(
    "document",
    ["{", "[]", "x", "%7B", 7, ["*"], "[" * 5000, '{"a":' * 5000, policy("*") + " " * LONGEST],
    ids=lambda document: str(document)[:12],
)
def test_a_document_that_cannot_be_read_is_said_to_be_so(document):
    assert judged(document) == ("unreadable", "")


@pytest.mark.parametrize("document", [None, ""])
def test_no_document_is_no_trust(document):
    assert trust_policy(document, OWN) is None


@given(JSON, JSON)
def test_no_document_breaks_the_judgement(document, account):
    trust_policy(document, account)
    trust_policy(json.dumps({"Statement": document}), account)
    trust_policy({"Statement": [{"Effect": "Allow", "Action": document, "Principal": document}]}, account)
    trust_policy(
        {"Statement": {"Effect": "Allow", "Action": "*", "Principal": "*", "Condition": document}}, account
    )


@given(
    st.lists(
        st.sampled_from([OWN, OTHER, f"arn:aws:iam::{OTHER}:root", f"arn:aws:iam::{OWN}:root"]), min_size=1
    )
)
def test_a_list_of_principals_is_outside_when_one_of_them_is(principals):
    assert (judged(policy({"AWS": principals})) is not None) == any(
        OTHER in principal for principal in principals
    )
