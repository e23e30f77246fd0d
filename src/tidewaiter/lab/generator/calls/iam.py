"""IAM: users, keys, login profiles and trust policies."""

from __future__ import annotations

import msgspec

from tidewaiter.lab.generator.calls.call import Call, Json, Make, aws_date
from tidewaiter.lab.generator.company import Company
from tidewaiter.lab.generator.draw import Draw


def trust_policy(principal: Json, *, actions: tuple[str, ...] = (), condition: Json | None = None) -> str:
    """Return a role's trust policy as compact JSON text."""
    statement: Json = {
        "Effect": "Allow",
        "Principal": principal,
        "Action": list(actions) if len(actions) > 1 else (actions[0] if actions else "sts:AssumeRole"),
    }
    if condition:
        statement["Condition"] = condition
    return msgspec.json.encode({"Version": "2012-10-17", "Statement": [statement]}).decode()


def create_access_key(company: Company, user: str, key_id: str) -> Make:
    """Return CreateAccessKey for a user; `key_id` is the key that the answer tells."""
    return lambda draw: Call(
        "iam",
        "CreateAccessKey",
        {"userName": user},
        {
            "accessKey": {
                "userName": user,
                "accessKeyId": key_id,
                "status": "Active",
                "createDate": aws_date(company.stamp(draw.now)),
            }
        },
        read_only=False,
        firm=True,
    )


def change_access_key(name: str, user: str, key_id: str, status: str = "") -> Make:
    """Return UpdateAccessKey (with a status) or DeleteAccessKey."""
    request: Json = {"userName": user, "accessKeyId": key_id}
    if status:
        request = {"userName": user, "accessKeyId": key_id, "status": status}
    call = Call("iam", name, request, read_only=False, firm=True)
    return lambda _draw: call


def login_profile(company: Company, name: str, user: str) -> Make:
    """Return CreateLoginProfile or UpdateLoginProfile; the password is never recorded."""
    if name == "UpdateLoginProfile":
        call = Call("iam", name, {"userName": user}, read_only=False, firm=True)
        return lambda _draw: call

    def make(draw: Draw) -> Call:
        created = aws_date(company.stamp(draw.now))
        profile = {"userName": user, "createDate": created, "passwordResetRequired": False}
        request: Json = {"userName": user, "passwordResetRequired": False}
        return Call("iam", name, request, {"loginProfile": profile}, read_only=False, firm=True)

    return make


def update_trust(role: str, policy: str) -> Make:
    """Return UpdateAssumeRolePolicy of a role."""
    call = Call(
        "iam",
        "UpdateAssumeRolePolicy",
        {"roleName": role, "policyDocument": policy},
        read_only=False,
        firm=True,
    )
    return lambda _draw: call
