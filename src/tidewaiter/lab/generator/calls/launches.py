"""Machines by the dozen, and what must be there first: quotas, key pairs, security groups."""

from __future__ import annotations

from collections.abc import Sequence

from tidewaiter.lab.generator.calls.call import Call, Json, Make
from tidewaiter.lab.generator.calls.compute import items
from tidewaiter.lab.generator.draw import Draw


def ask_quota(account: str, region: str, code: str, name: str, desired: float, requester: str) -> Make:
    """Return RequestServiceQuotaIncrease of an EC2 quota."""

    def make(draw: Draw) -> Call:
        asked: Json = {
            "id": draw.code(32, "abcdefghijklmnopqrstuvwxyz0123456789"),
            "serviceCode": "ec2",
            "serviceName": "Amazon Elastic Compute Cloud (Amazon EC2)",
            "quotaCode": code,
            "quotaName": name,
            "desiredValue": desired,
            "status": "PENDING",
            "requester": f'{{"accountId":"{account}","callerArn":"{requester}"}}',
            "quotaArn": f"arn:aws:servicequotas:{region}:{account}:ec2/{code}",
            "globalQuota": False,
            "unit": "None",
        }
        request: Json = {"serviceCode": "ec2", "quotaCode": code, "desiredValue": desired}
        response: Json = {"requestedQuota": asked}
        return Call(
            "servicequotas", "RequestServiceQuotaIncrease", request, response, read_only=False, firm=True
        )

    return make


def make_key_pair(name: str) -> Make:
    """Return CreateKeyPair; the private key is never recorded."""

    def make(draw: Draw) -> Call:
        response: Json = {
            "requestId": draw.uuid(),
            "keyName": name,
            "keyFingerprint": ":".join(draw.hex(2) for _ in range(20)),
            "keyPairId": f"key-0{draw.hex(16)}",
            "keyMaterial": "<sensitiveDataRemoved>",
        }
        request: Json = {"keyName": name, "keyType": "rsa", "keyFormat": "pem"}
        return Call("ec2", "CreateKeyPair", request, response, read_only=False, firm=True)

    return make


def make_group(name: str, description: str, group: str, vpc: str) -> Make:
    """Return CreateSecurityGroup."""
    request: Json = {"groupName": name, "groupDescription": description, "vpcId": vpc}
    return lambda draw: Call(
        "ec2",
        "CreateSecurityGroup",
        request,
        {"requestId": draw.uuid(), "_return": True, "groupId": group},
        read_only=False,
        firm=True,
    )


def launch(
    account: str,
    kind: str,
    image: str,
    zone: str,
    instances: Sequence[str],
    *,
    count: int = 0,
    key_pair: str = "",
    group: str = "",
    tags: Sequence[tuple[str, str]] = (),
    error: tuple[str, str] | None = None,
) -> Make:
    """Return RunInstances of `count` machines of a type, which are then called `instances`."""
    wanted = count or len(instances)
    described: Json = {"imageId": image, "minCount": wanted, "maxCount": wanted}
    if key_pair:
        described["keyName"] = key_pair
    common: Json = {
        "instancesSet": {"items": [described]},
        "instanceType": kind,
        "blockDeviceMapping": {},
        "availabilityZone": zone,
        "monitoring": {"enabled": False},
        "disableApiTermination": False,
        "disableApiStop": False,
    }
    if group:
        common["groupSet"] = items("groupId", [group])
    if tags:
        labels = [{"key": key, "value": value} for key, value in tags]
        common["tagSpecificationSet"] = {"items": [{"resourceType": "instance", "tags": labels}]}

    def make(draw: Draw) -> Call:
        request: Json = {**common, "clientToken": draw.uuid()}
        response = None if error else _started(draw, account, kind, image, zone, instances)
        return Call("ec2", "RunInstances", request, response, read_only=False, firm=True, error=error)

    return make


def _started(draw: Draw, account: str, kind: str, image: str, zone: str, instances: Sequence[str]) -> Json:
    started = [
        {
            "instanceId": instance,
            "imageId": image,
            "instanceState": {"code": 0, "name": "pending"},
            "instanceType": kind,
            "placement": {"availabilityZone": zone, "tenancy": "default"},
        }
        for instance in instances
    ]
    return {
        "requestId": draw.uuid(),
        "reservationId": f"r-0{draw.hex(16)}",
        "ownerId": account,
        "groupSet": {},
        "instancesSet": {"items": started},
    }


def protect_machine(instance: str) -> Make:
    """Return ModifyInstanceAttribute that forbids termination by the API."""
    request: Json = {"instanceId": instance, "disableApiTermination": {"value": True}}
    return lambda draw: Call(
        "ec2",
        "ModifyInstanceAttribute",
        request,
        {"requestId": draw.uuid(), "_return": True},
        read_only=False,
        firm=True,
    )
