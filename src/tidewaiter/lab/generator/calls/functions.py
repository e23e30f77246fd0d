"""Lambda functions and what wakes them. Lambda's event names carry the date of its API."""

from __future__ import annotations

import msgspec

from tidewaiter.lab.generator.calls.call import Call, Json, Make
from tidewaiter.lab.generator.draw import Draw


def function_arn(account: str, region: str, name: str) -> str:
    """Return the ARN of a function."""
    return f"arn:aws:lambda:{region}:{account}:function:{name}"


def create_function(account: str, region: str, name: str, role: str, description: str) -> Make:
    """Return CreateFunction; the code itself is never recorded."""

    def make(draw: Draw) -> Call:
        common: Json = {
            "functionName": name,
            "runtime": "python3.13",
            "role": role,
            "handler": "index.handler",
            "description": description,
            "timeout": 60,
            "memorySize": 128,
        }
        request: Json = {**common, "code": {}, "publish": False}
        response: Json = {
            **common,
            "functionArn": function_arn(account, region, name),
            "codeSize": draw.whole(900, 4_000),
            "codeSha256": draw.opaque(32),
            "version": "$LATEST",
            "state": "Pending",
            "stateReasonCode": "Creating",
            "packageType": "Zip",
            "architectures": ["x86_64"],
            "revisionId": draw.uuid(),
        }
        return Call("lambda", "CreateFunction20150331", request, response, read_only=False, firm=True)

    return make


def admit(account: str, region: str, name: str, statement: str, principal: str) -> Make:
    """Return AddPermission: who may invoke the function."""
    policy: Json = {
        "Sid": statement,
        "Effect": "Allow",
        "Principal": {"Service": principal} if principal.endswith(".amazonaws.com") else principal,
        "Action": "lambda:InvokeFunction",
        "Resource": function_arn(account, region, name),
    }
    request: Json = {
        "functionName": name,
        "statementId": statement,
        "action": "lambda:InvokeFunction",
        "principal": principal,
    }
    response: Json = {"statement": msgspec.json.encode(policy).decode()}
    call = Call("lambda", "AddPermission20150331v2", request, response, read_only=False, firm=True)
    return lambda _draw: call


def schedule(account: str, region: str, rule: str, every: str) -> Make:
    """Return EventBridge's PutRule with a schedule such as `rate(6 hours)`."""
    request: Json = {"name": rule, "scheduleExpression": every, "state": "ENABLED"}
    response: Json = {"ruleArn": f"arn:aws:events:{region}:{account}:rule/{rule}"}
    call = Call("events", "PutRule", request, response, read_only=False, firm=True)
    return lambda _draw: call


def aim(account: str, region: str, rule: str, function: str) -> Make:
    """Return EventBridge's PutTargets: the rule invokes the function."""
    target: Json = {"id": "1", "arn": function_arn(account, region, function)}
    response: Json = {"failedEntryCount": 0, "failedEntries": []}
    request: Json = {"rule": rule, "targets": [target]}
    call = Call("events", "PutTargets", request, response, read_only=False, firm=True)
    return lambda _draw: call
