"""IAM principals and what they may do: users, roles, policies, MFA devices."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from tidewaiter.lab.generator.calls.call import Call, Json, Make, aws_date
from tidewaiter.lab.generator.company import Company
from tidewaiter.lab.generator.draw import Draw

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
EVERYTHING = msgspec.json.encode(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
).decode()


def create_user(company: Company, account: str, user: str, tags: dict[str, str] | None = None) -> Make:
    """Return CreateUser."""
    arn = f"arn:aws:iam::{account}:user/{user}"

    def make(draw: Draw) -> Call:
        made: Json = {
            "path": "/",
            "userName": user,
            "userId": company.unique_id("AIDA", account, user),
            "arn": arn,
            "createDate": aws_date(company.stamp(draw.now)),
        }
        request: Json = {"userName": user}
        if tags:
            request["tags"] = made["tags"] = [{"key": key, "value": value} for key, value in tags.items()]
        return Call("iam", "CreateUser", request, {"user": made}, read_only=False, firm=True)

    return make


def create_role(company: Company, account: str, role: str, trust: str, description: str) -> Make:
    """Return CreateRole; the answer spells the trust policy in URL encoding."""

    def make(draw: Draw) -> Call:
        made: Json = {
            "path": "/",
            "roleName": role,
            "roleId": company.unique_id("AROA", account, role),
            "arn": f"arn:aws:iam::{account}:role/{role}",
            "createDate": aws_date(company.stamp(draw.now)),
            "assumeRolePolicyDocument": quote(trust, safe=""),
        }
        request: Json = {
            "roleName": role,
            "assumeRolePolicyDocument": trust,
            "description": description,
            "maxSessionDuration": 43_200,
        }
        return Call("iam", "CreateRole", request, {"role": made}, read_only=False, firm=True)

    return make


def policy_of(name: str, kind: str, principal: str, policy: str) -> Make:
    """Return AttachUserPolicy, AttachRolePolicy or their Detach twins; `kind` is `user` or `role`."""
    request: Json = {f"{kind}Name": principal, "policyArn": policy}
    call = Call("iam", name, request, read_only=False, firm=True)
    return lambda _draw: call


def new_policy_version(company: Company, policy: str, document: str, version: str) -> Make:
    """Return CreatePolicyVersion that takes effect at once."""

    def make(draw: Draw) -> Call:
        request: Json = {"policyArn": policy, "policyDocument": document, "setAsDefault": True}
        made: Json = {
            "versionId": version,
            "isDefaultVersion": True,
            "createDate": aws_date(company.stamp(draw.now)),
        }
        response: Json = {"policyVersion": made}
        return Call("iam", "CreatePolicyVersion", request, response, read_only=False, firm=True)

    return make


def mfa_device(name: str, user: str, serial: str) -> Make:
    """Return DeactivateMFADevice or EnableMFADevice of a user's device; codes are never recorded."""
    request: Json = {"userName": user, "serialNumber": serial}
    call = Call("iam", name, request, read_only=False, firm=True)
    return lambda _draw: call


def new_mfa_device(account: str, name: str) -> Make:
    """Return CreateVirtualMFADevice; the seed is never recorded."""
    response: Json = {"virtualMFADevice": {"serialNumber": f"arn:aws:iam::{account}:mfa/{name}"}}
    request: Json = {"virtualMFADeviceName": name, "path": "/"}
    call = Call("iam", "CreateVirtualMFADevice", request, response, read_only=False, firm=True)
    return lambda _draw: call
