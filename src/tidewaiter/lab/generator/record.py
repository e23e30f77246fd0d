"""From a deed to the bytes of its CloudTrail record, members in the order in which CloudTrail writes them.

Order and presence of members follow "CloudTrail record contents for management, data, and network activity
events" (AWS CloudTrail User Guide, event version 1.11, read 2026-11) and real files.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec

from tidewaiter.lab.generator.calls.call import Call, Json
from tidewaiter.lab.generator.company import EDGE, Company
from tidewaiter.lab.generator.draw import Draw
from tidewaiter.lab.generator.identity import Actor
from tidewaiter.lab.generator.persona import Deed, Mishap, Mishaps

_VERSIONS = {"ec2": "1.10", "signin": "1.09", "sso": "1.09", "sts": "1.10", "config": "1.09", "ecr": "1.09"}
_GLOBAL = frozenset({"iam", "organizations", "ce"})
_FORGETS_REQUEST = frozenset(
    {"sts", "kms", "secretsmanager", "iam", "organizations", "ssm", "lambda", "glue"}
)
_ACTIONS = {
    "s3:ListObjects": "s3:ListBucket",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketLifecycle": "s3:GetLifecycleConfiguration",
    "s3:GetBucketReplication": "s3:GetReplicationConfiguration",
}
_TLS = {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256"}

encode = msgspec.json.Encoder().encode


def region_of(call: Call, region: str) -> str:
    """Return the region in which CloudTrail records a call: global services report in us-east-1."""
    return EDGE if call.source in _GLOBAL else region


def mishap(call: Call, actor: Actor, kind: Mishap) -> Call:
    """Return the call as it fails: refused by policy, or throttled."""
    kept = None if call.source in _FORGETS_REQUEST else call.request
    if kind == "throttled":
        throttles = {
            "ec2": ("Client.RequestLimitExceeded", "Request limit exceeded."),
            "s3": ("SlowDown", "Please reduce your request rate."),
        }
        error = throttles.get(call.source, ("ThrottlingException", "Rate exceeded"))
        return replace(call, request=kept, response=None, error=error)
    prefix = {"monitoring": "cloudwatch"}.get(call.source, call.source)
    action = f"{prefix}:{call.name.split('20')[0]}"
    action = _ACTIONS.get(action, action)
    on = str(call.resources[0].get("ARN", "*")) if call.resources else "*"
    reason = f"because no identity-based policy allows the {action} action"
    message = f"User: {actor.name} is not authorized to perform: {action} on resource: {on} {reason}"
    error = ("AccessDenied", message)
    if call.source == "ec2":
        error = (
            "Client.UnauthorizedOperation",
            f"You are not authorized to perform this operation. {message}",
        )
    resources = call.resources if kept is not None else ()
    return replace(call, request=kept, response=None, resources=resources, error=error)


def _settle(call: Call, actor: Actor, mishaps: Mishaps, draw: Draw) -> Call:
    luck = draw.chance_of()
    for probability, kind in mishaps:
        if luck < probability:
            return call if call.firm or call.error else mishap(call, actor, kind)
        luck -= probability
    return call


def _host(call: Call, region: str) -> str:
    if call.host:
        return call.host
    if call.source == "iam":
        return "iam.amazonaws.com"
    if call.source == "s3":
        return str((call.request or {}).get("Host", "s3.amazonaws.com"))
    return f"{call.source}.{region}.amazonaws.com"


class Recorder:
    """Writes the day's records; ids come from one stream in the order of the day."""

    def __init__(self, company: Company, stream: str = "records") -> None:
        """Open the stream of ids."""
        self._company = company
        self._draw = company.stream(stream)

    def record(self, deed: Deed) -> tuple[str, str, str, bytes]:
        """Return the event id, the region, the event source (without its domain) and the record of a deed."""
        draw, actor = self._draw, deed.actor
        draw.now = deed.at
        call = _settle(deed.make(draw), actor, deed.mishaps, draw)
        region = region_of(call, deed.region)
        event_id = draw.uuid()
        body: Json = {
            "eventVersion": _VERSIONS.get(call.source, "1.11"),
            "userIdentity": actor.identity,
            "eventTime": self._company.stamp(deed.at),
            "eventSource": f"{call.source}.amazonaws.com",
            "eventName": call.name,
            "awsRegion": region,
            "sourceIPAddress": actor.address,
            "userAgent": f"[{actor.agent}]" if call.source == "s3" and actor.direct else actor.agent,
        }
        if call.error:
            if call.error[0]:
                body["errorCode"] = call.error[0]
            body["errorMessage"] = call.error[1]
        body["requestParameters"] = call.request
        body["responseElements"] = call.response
        if call.additional:
            body["additionalEventData"] = call.additional
        if call.kind != "AwsConsoleSignIn":
            body["requestID"] = draw.request() if call.source == "s3" else draw.uuid()
        body["eventID"] = event_id
        self._close(body, deed, call, region)
        return event_id, region, call.source, encode(body)

    def _close(self, body: Json, deed: Deed, call: Call, region: str) -> None:
        body["readOnly"] = call.read_only
        if call.resources:
            body["resources"] = call.resources
        body["eventType"] = call.kind
        if call.api_version:
            body["apiVersion"] = call.api_version
        body["managementEvent"] = not call.data
        body["recipientAccountId"] = deed.account
        if call.shared:
            body["sharedEventID"] = self._draw.uuid()
        if deed.actor.endpoint:
            body["vpcEndpointId"] = deed.actor.endpoint
            body["vpcEndpointAccountId"] = deed.account
        if call.details:
            body["serviceEventDetails"] = call.details
        body["eventCategory"] = "Data" if call.data else "Management"
        if deed.actor.direct and call.kind != "AwsServiceEvent":
            body["tlsDetails"] = {**_TLS, "clientProvidedHostHeader": _host(call, region)}
        if deed.actor.console and call.kind == "AwsApiCall":
            body["sessionCredentialFromConsole"] = "true"
