"""CloudTrail's own API: reading, widening and switching off trails."""

from __future__ import annotations

from tidewaiter.lab.generator.calls.call import Call, Json, Make


def by_name(name: str, trail: str) -> Make:
    """Return StopLogging, StartLogging, DeleteTrail or GetTrailStatus of one trail."""
    call = Call("cloudtrail", name, {"name": trail}, read_only=name.startswith("Get"), firm=True)
    return lambda _draw: call


def refused(name: str, trail: str, arn: str, who: str) -> Make:
    """Return such a call that a service control policy of the organisation refuses."""
    message = (
        f"User: {who} is not authorized to perform: cloudtrail:{name} on resource: {arn} "
        "with an explicit deny in a service control policy"
    )
    call = Call(
        "cloudtrail",
        name,
        {"name": trail},
        read_only=False,
        firm=True,
        error=("AccessDenied", message),
    )
    return lambda _draw: call


def put_selectors(trail: str, arn: str, *, management: bool, writes: str, buckets: tuple[str, ...]) -> Make:
    """Return PutEventSelectors; `management` False blinds the trail to management events."""
    objects = [{"type": "AWS::S3::Object", "values": [f"arn:aws:s3:::{bucket}/" for bucket in buckets]}]
    selector: Json = {
        "readWriteType": writes,
        "includeManagementEvents": management,
        "dataResources": objects if buckets else [],
        "excludeManagementEventSources": [],
    }
    call = Call(
        "cloudtrail",
        "PutEventSelectors",
        {"trailName": trail, "eventSelectors": [selector]},
        {"trailARN": arn, "eventSelectors": [selector]},
        read_only=False,
        firm=True,
    )
    return lambda _draw: call


def widen(trail: str, arn: str, bucket: str, key_arn: str) -> Make:
    """Return UpdateTrail that makes a trail cover all regions, with validation and encryption."""
    common: Json = {"name": trail, "s3BucketName": bucket, "includeGlobalServiceEvents": True}
    request: Json = {
        **common,
        "isMultiRegionTrail": True,
        "enableLogFileValidation": True,
        "kmsKeyId": key_arn,
        "isOrganizationTrail": True,
    }
    response: Json = {
        **common,
        "isMultiRegionTrail": True,
        "trailARN": arn,
        "logFileValidationEnabled": True,
        "kmsKeyId": key_arn,
        "isOrganizationTrail": True,
    }
    call = Call("cloudtrail", "UpdateTrail", request, response, read_only=False, firm=True)
    return lambda _draw: call
