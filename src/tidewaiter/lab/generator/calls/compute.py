"""EC2 and what stands around it. EC2 records lists as `{"items": […]}` under names ending in `Set`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tidewaiter.lab.generator.calls.call import Call, Json, Make
from tidewaiter.lab.generator.company import Company, Machine
from tidewaiter.lab.generator.draw import Draw

_BLANK: dict[str, tuple[str, ...]] = {
    "DescribeInstances": ("instancesSet", "filterSet"),
    "DescribeVpcs": ("vpcSet", "filterSet"),
    "DescribeSubnets": ("subnetSet", "filterSet"),
    "DescribeRouteTables": ("routeTableIdSet", "filterSet"),
    "DescribeSecurityGroups": ("securityGroupSet", "securityGroupIdSet", "filterSet"),
    "DescribeNetworkAcls": ("networkAclIdSet", "filterSet"),
    "DescribeNetworkInterfaces": ("networkInterfaceIdSet", "filterSet"),
    "DescribeVolumes": ("volumeSet", "filterSet"),
    "DescribeSnapshots": ("snapshotSet", "ownersSet", "sharedUsersSet", "filterSet"),
    "DescribeImages": ("executableBySet", "imagesSet", "ownersSet", "filterSet"),
    "DescribeAddresses": ("publicIpsSet", "filterSet", "allocationIdsSet"),
    "DescribeKeyPairs": ("keyPairIdSet", "keySet", "filterSet"),
    "DescribeInternetGateways": ("internetGatewayIdSet", "filterSet"),
    "DescribeAvailabilityZones": ("availabilityZoneSet", "availabilityZoneIdSet", "filterSet"),
    "DescribeRegions": ("regionSet",),
}


def items(key: str, values: Iterable[object]) -> Json:
    """Return EC2's list shape: `{"items": [{key: value}, …]}`, or `{}` for an empty list."""
    listed = [{key: value} for value in values]
    return {"items": listed} if listed else {}


def matching(name: str, *values: str) -> Json:
    """Return a `filterSet` with one filter."""
    return {"items": [{"name": name, "valueSet": items("value", values)}]}


def describe(name: str, **given: object) -> Make:
    """Return a Describe call of EC2 with its empty lists filled in as CloudTrail does."""
    request: Json = {key: given.pop(key, {}) for key in _BLANK[name]}
    call = Call("ec2", name, {**request, **given})
    return lambda _draw: call


def wrapped(name: str, **given: object) -> Make:
    """Return a call of EC2's newer kind, whose parameters stand in `<Name>Request` in their API case."""
    call = Call("ec2", name, {f"{name}Request": given or ""})
    return lambda _draw: call


def instances(machines: Sequence[Machine], count: int = 1) -> Make:
    """Return DescribeInstances of a few of the machines."""
    ids = [machine.id for machine in machines]
    return lambda draw: Call(
        "ec2",
        "DescribeInstances",
        {"instancesSet": items("instanceId", draw.some(ids, count)), "filterSet": {}},
    )


def instance_status(machines: Sequence[Machine], *, everything: bool = True) -> Make:
    """Return DescribeInstanceStatus of a few of the machines."""
    ids = [machine.id for machine in machines]

    def make(draw: Draw) -> Call:
        chosen = items("instanceId", draw.some(ids, 3))
        request: Json = {"instancesSet": chosen, "filterSet": {}, "includeAllInstances": everything}
        return Call("ec2", "DescribeInstanceStatus", request)

    return make


def run_instance(account: str, image: str, subnet: str, group: str) -> Make:
    """Return RunInstances of one machine, as a scaling group asks for it."""

    def make(draw: Draw) -> Call:
        token = f"fleet-{draw.uuid()}-0"
        instance = f"i-0{draw.hex(16)}"
        tags = [{"key": "aws:autoscaling:groupName", "value": group}]
        request: Json = {
            "instancesSet": {"items": [{"imageId": image, "minCount": 1, "maxCount": 1}]},
            "instanceType": "m7g.large",
            "blockDeviceMapping": {},
            "availabilityZone": "eu-central-1a",
            "monitoring": {"enabled": False},
            "subnetId": subnet,
            "disableApiTermination": False,
            "disableApiStop": False,
            "clientToken": token,
            "tagSpecificationSet": {"items": [{"resourceType": "instance", "tags": tags}]},
        }
        state = {"code": 0, "name": "pending"}
        launched = {"instanceId": instance, "imageId": image, "instanceState": state, "subnetId": subnet}
        response: Json = {
            "requestId": draw.uuid(),
            "reservationId": f"r-0{draw.hex(16)}",
            "ownerId": account,
            "groupSet": {},
            "instancesSet": {"items": [launched]},
        }
        return Call("ec2", "RunInstances", request, response, read_only=False)

    return make


def change_state(name: str, machine: str, before: tuple[int, str], after: tuple[int, str]) -> Make:
    """Return StartInstances, StopInstances or TerminateInstances of one machine."""

    def make(draw: Draw) -> Call:
        change = {
            "instanceId": machine,
            "currentState": {"code": after[0], "name": after[1]},
            "previousState": {"code": before[0], "name": before[1]},
        }
        request: Json = {"instancesSet": items("instanceId", [machine])}
        if name == "StopInstances":
            request["force"] = False
        response: Json = {"requestId": draw.uuid(), "instancesSet": {"items": [change]}}
        return Call("ec2", name, request, response, read_only=False)

    return make


def create_snapshot(company: Company, account: str, volumes: Sequence[str]) -> Make:
    """Return CreateSnapshot of one of the volumes; `startTime` is in milliseconds since 1970."""

    def make(draw: Draw) -> Call:
        volume = draw.pick(volumes)
        tags = [{"key": "aws:backup:source-resource", "value": draw.uuid()}]
        specification = {"items": [{"resourceType": "snapshot", "tags": tags}]}
        request: Json = {
            "volumeId": volume,
            "description": "This snapshot is created by the AWS Backup service.",
            "tagSpecificationSet": specification,
        }
        response: Json = {
            "requestId": draw.uuid(),
            "snapshotId": f"snap-0{draw.hex(16)}",
            "volumeId": volume,
            "status": "pending",
            "startTime": company.midnight * 1000 + draw.now,
            "ownerId": account,
            "volumeSize": "80",
            "encrypted": True,
            "tagSet": {"items": tags},
        }
        return Call("ec2", "CreateSnapshot", request, response, read_only=False)

    return make


def delete_snapshot() -> Make:
    """Return DeleteSnapshot of an aged snapshot."""
    return lambda draw: Call(
        "ec2",
        "DeleteSnapshot",
        {"snapshotId": f"snap-0{draw.hex(16)}", "force": False},
        {"requestId": draw.uuid(), "_return": True},
        read_only=False,
    )


def allow_ingress(account: str, group: str, port: int, cidr: str, description: str) -> Make:
    """Return AuthorizeSecurityGroupIngress of one address range."""

    def make(draw: Draw) -> Call:
        ranges = {"items": [{"cidrIp": cidr, "description": description}]}
        permission = {
            "ipProtocol": "tcp",
            "fromPort": port,
            "toPort": port,
            "groups": {},
            "ipRanges": ranges,
            "ipv6Ranges": {},
            "prefixListIds": {},
        }
        rule = {
            "groupOwnerId": account,
            "groupId": group,
            "securityGroupRuleId": f"sgr-0{draw.hex(16)}",
            "description": description,
            "isEgress": False,
            "ipProtocol": "tcp",
            "fromPort": port,
            "toPort": port,
            "cidrIpv4": cidr,
        }
        answer: Json = {"requestId": draw.uuid(), "_return": True, "securityGroupRuleSet": {"items": [rule]}}
        request: Json = {"groupId": group, "ipPermissions": {"items": [permission]}}
        return Call("ec2", "AuthorizeSecurityGroupIngress", request, answer, read_only=False)

    return make
