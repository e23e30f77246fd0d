"""What makes data go: versions off, objects deleted, expired or locked under a key, backups removed.

S3's shapes after real records in the documentation of Stratus Red Team ("S3 Ransomware through batch file
deletion", "… through client-side encryption", read 2026-11): DeleteObjects does not tell which objects.
"""

from __future__ import annotations

from collections.abc import Sequence

from tidewaiter.lab.generator.calls.call import Call, Json, Make, resource
from tidewaiter.lab.generator.calls.storage import transfer
from tidewaiter.lab.generator.draw import Draw

_XMLNS = "http://s3.amazonaws.com/doc/2006-03-01/"


def _host(bucket: str, region: str) -> str:
    return f"{bucket}.s3.{region}.amazonaws.com"


def _bucket(name: str, account: str) -> Json:
    return resource("AWS::S3::Bucket", f"arn:aws:s3:::{name}", account)


def set_bucket(name: str, bucket: str, account: str, region: str, sub_resource: str, **given: object) -> Make:
    """Return a call that sets one of a bucket's settings (PutBucketVersioning, PutBucketPolicy …)."""
    host = _host(bucket, region)
    request: Json = {"bucketName": bucket, "Host": host, sub_resource: "", **given}
    return lambda draw: Call(
        "s3",
        name,
        request,
        read_only=False,
        resources=(_bucket(bucket, account),),
        additional=transfer(draw, draw.whole(120, 900), 0),
        firm=True,
        host=host,
    )


def suspend_versions(bucket: str, account: str, region: str) -> Make:
    """Return PutBucketVersioning that suspends it."""
    setting: Json = {"Status": "Suspended", "xmlns": _XMLNS}
    return set_bucket(
        "PutBucketVersioning", bucket, account, region, "versioning", VersioningConfiguration=setting
    )


def expire_all(bucket: str, account: str, region: str, days: int, rule: str) -> Make:
    """Return PutBucketLifecycle with one rule for all objects."""
    lifecycle: Json = {
        "Rule": {"ID": rule, "Filter": {"Prefix": ""}, "Status": "Enabled", "Expiration": {"Days": days}},
        "xmlns": _XMLNS,
    }
    return set_bucket(
        "PutBucketLifecycle", bucket, account, region, "lifecycle", LifecycleConfiguration=lifecycle
    )


def delete_objects(bucket: str, account: str, region: str) -> Make:
    """Return DeleteObjects of up to a thousand objects (a data event)."""
    host = _host(bucket, region)
    request: Json = {"bucketName": bucket, "Host": host, "delete": "", "x-id": "DeleteObjects"}
    objects: Json = {"type": "AWS::S3::Object", "ARNPrefix": f"arn:aws:s3:::{bucket}/"}
    return lambda draw: Call(
        "s3",
        "DeleteObjects",
        request,
        read_only=False,
        resources=(objects, _bucket(bucket, account)),
        additional=transfer(draw, draw.whole(40_000, 95_000), draw.whole(60_000, 140_000)),
        data=True,
        firm=True,
        host=host,
    )


def list_versions(bucket: str, prefix: str, account: str, region: str) -> Make:
    """Return ListObjectVersions (a data event)."""
    host = _host(bucket, region)
    request: Json = {
        "bucketName": bucket,
        "Host": host,
        "prefix": prefix,
        "versions": "",
        "encoding-type": "url",
    }
    objects: Json = {"type": "AWS::S3::Object", "ARNPrefix": f"arn:aws:s3:::{bucket}/{prefix}"}
    return lambda draw: Call(
        "s3",
        "ListObjectVersions",
        request,
        resources=(objects, _bucket(bucket, account)),
        additional=transfer(draw, 0, draw.whole(4_000, 190_000)),
        data=True,
        firm=True,
        host=host,
    )


def lock_object(bucket: str, keys: Sequence[str], account: str, region: str) -> Make:
    """Return CopyObject of an object onto itself under a key of the caller's own (SSE-C)."""
    host = _host(bucket, region)

    def make(draw: Draw) -> Call:
        key = draw.pick(keys).replace("{n}", f"{draw.whole(0, 99_999):05d}")
        digest = draw.opaque(16)
        secret: Json = {
            "x-amz-server-side-encryption-customer-algorithm": "AES256",
            "x-amz-server-side-encryption-customer-key-MD5": digest,
        }
        request: Json = {
            "bucketName": bucket,
            "x-amz-copy-source": f"{bucket}/{key}",
            "Host": host,
            **secret,
            "key": key,
        }
        target: Json = {"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{bucket}/{key}"}
        return Call(
            "s3",
            "CopyObject",
            request,
            dict(secret),
            read_only=False,
            resources=(target, _bucket(bucket, account)),
            additional=transfer(draw, 0, 238),
            data=True,
            firm=True,
            host=host,
        )

    return make


def remove_backup(name: str, vault: str, **given: object) -> Make:
    """Return a call of AWS Backup that removes something from a vault, or the vault."""
    call = Call("backup", name, {"backupVaultName": vault, **given}, read_only=False, firm=True)
    return lambda _draw: call
