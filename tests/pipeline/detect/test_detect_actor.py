from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.pipeline.detect.actor import Actor, actor_from_key, actor_of

OWN = "111122223333"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def session(name, key="ASIAONEEXAMPLE"):
    return {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLE:{name}",
        "arn": f"arn:aws:sts::{OWN}:assumed-role/ops/{name}",
        "accountId": OWN,
        "accessKeyId": key,
        "sessionContext": {"sessionIssuer": {"userName": "ops"}},
    }


def user(**changed):
    return {
        "type": "IAMUser",
        "arn": f"arn:aws:iam::{OWN}:user/team/ana",
        "accountId": OWN,
        "userName": "ana",
        "accessKeyId": "AKIAONEEXAMPLE",
    } | changed


def key(identity, **more):
    return actor_of({"userIdentity": identity, **more}).key


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        (user(), f"{OWN}:user/ana"),
        ({"type": "Root", "arn": f"arn:aws:iam::{OWN}:root", "accountId": OWN}, f"{OWN}:root/root"),
        (session("ana@example.com"), f"{OWN}:role/ops/ana@example.com"),
        (
            {"type": "FederatedUser", "arn": f"arn:aws:sts::{OWN}:federated-user/f", "accountId": OWN},
            f"{OWN}:federated/f",
        ),
        ({"type": "SAMLUser", "principalId": "x:y", "userName": "ana"}, ":saml/x:y"),
        ({"type": "WebIdentityUser", "principalId": "p:q", "userName": "ana"}, ":web/p:q"),
        (
            {"type": "IdentityCenterUser", "onBehalfOf": {"userId": "9a"}, "accountId": OWN},
            f"{OWN}:identity-center/9a",
        ),
        ({"type": "AWSService", "invokedBy": "x.amazonaws.com"}, ":service/x.amazonaws.com"),
        (
            {"type": "AWSAccount", "principalId": "AIDAEXAMPLE", "accountId": OWN},
            f"{OWN}:account/AIDAEXAMPLE",
        ),
        ({"type": "Directory", "principalId": "d"}, ":unknown/d"),
        (None, ":unknown/unknown"),
    ],
)
def test_every_kind_of_identity_has_its_key(identity, expected):
    assert key(identity) == expected


def test_an_iam_user_is_one_actor_through_all_its_access_keys():
    assert key(user()) == key(user(accessKeyId="AKIATWOEXAMPLE")) == key(user(accessKeyId=None))


def test_an_iam_user_is_one_actor_whether_or_not_the_record_names_it():
    without_name = user()
    del without_name["userName"]

    assert key(without_name) == key(user())


def test_a_session_is_one_actor_when_its_credentials_are_renewed():
    assert key(session("ana")) == key(session("ana", "ASIATWOEXAMPLE"))


def test_two_sessions_of_a_role_are_two_actors():
    assert key(session("ana")) != key(session("ben"))


def test_the_same_user_name_in_two_accounts_is_two_actors():
    assert key(user()) != key(user(accountId="444455556666"))


def test_an_identity_without_a_name_is_told_by_its_address():
    assert key({}, sourceIPAddress="192.0.2.7", recipientAccountId=OWN) == f"{OWN}:unknown/192.0.2.7"


@given(JSON)
def test_no_identity_breaks_the_key(identity):
    assert key(identity, recipientAccountId=identity, sourceIPAddress=identity)


@given(st.from_regex(r"[0-9]{12}", fullmatch=True), st.sampled_from(["user", "role", "unknown"]), st.text())
def test_a_key_is_read_back_as_it_was(account, kind, name):
    actor = Actor(account, kind, name)

    assert actor_from_key(actor.key) == actor


def test_a_text_that_is_no_key_is_an_unknown_identity():
    assert actor_from_key("somebody") == Actor("", "unknown", "somebody")
