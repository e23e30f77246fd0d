"""Copies and shares of disks: snapshots made, copied and shared with other accounts."""

from __future__ import annotations

from tidewaiter.lab.generator.calls.call import Call, Json, Make
from tidewaiter.lab.generator.calls.compute import items
from tidewaiter.lab.generator.company import Company
from tidewaiter.lab.generator.draw import Draw


def take_snapshot(company: Company, account: str, volume: str, snapshot: str, description: str) -> Make:
    """Return CreateSnapshot of a volume; `startTime` is in milliseconds since 1970."""

    def make(draw: Draw) -> Call:
        response: Json = {
            "requestId": draw.uuid(),
            "snapshotId": snapshot,
            "volumeId": volume,
            "status": "pending",
            "startTime": company.midnight * 1000 + draw.now,
            "ownerId": account,
            "volumeSize": "500",
            "description": description,
            "encrypted": False,
        }
        request: Json = {"volumeId": volume, "description": description}
        return Call("ec2", "CreateSnapshot", request, response, read_only=False, firm=True)

    return make


def share_snapshot(snapshot: str, *accounts: str) -> Make:
    """Return ModifySnapshotAttribute that lets other accounts make volumes of a snapshot."""
    added: Json = {"add": items("userId", accounts)}
    request: Json = {
        "snapshotId": snapshot,
        "createVolumePermission": added,
        "attributeType": "CREATE_VOLUME_PERMISSION",
    }
    return lambda draw: Call(
        "ec2",
        "ModifySnapshotAttribute",
        request,
        {"requestId": draw.uuid(), "_return": True},
        read_only=False,
        firm=True,
    )


def copy_snapshot(snapshot: str, copy: str, region: str, description: str) -> Make:
    """Return CopySnapshot of a snapshot that another account shared."""
    request: Json = {
        "sourceRegion": region,
        "sourceSnapshotId": snapshot,
        "description": description,
        "encrypted": True,
    }
    return lambda draw: Call(
        "ec2",
        "CopySnapshot",
        request,
        {"requestId": draw.uuid(), "snapshotId": copy},
        read_only=False,
        firm=True,
    )
