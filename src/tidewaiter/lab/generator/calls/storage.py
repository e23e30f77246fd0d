"""S3, KMS, Secrets Manager and Parameter Store.

S3 records wire names (`bucketName`, `Host`, the sub-resource as an empty string) and adds transfer
details; object calls are data events. KMS and S3 name the resources they touch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tidewaiter.lab.generator.calls.call import Call, Json, Make, resource
from tidewaiter.lab.generator.draw import ALNUM, Draw

SUB_RESOURCES: dict[str, str] = {
    "GetBucketAcl": "acl",
    "GetBucketPolicy": "policy",
    "GetBucketPolicyStatus": "policyStatus",
    "GetBucketEncryption": "encryption",
    "GetBucketVersioning": "versioning",
    "GetBucketLogging": "logging",
    "GetBucketTagging": "tagging",
    "GetBucketLifecycle": "lifecycle",
    "GetBucketReplication": "replication",
    "GetBucketLocation": "location",
    "GetBucketPublicAccessBlock": "publicAccessBlock",
    "GetBucketNotification": "notification",
    "GetBucketObjectLockConfiguration": "object-lock",
}
_ABSENT: dict[str, tuple[str, str]] = {
    "GetBucketPolicy": ("NoSuchBucketPolicy", "The bucket policy does not exist"),
    "GetBucketTagging": ("NoSuchTagSet", "The TagSet does not exist"),
    "GetBucketLifecycle": ("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
    "GetBucketReplication": (
        "ReplicationConfigurationNotFoundError",
        "The replication configuration was not found",
    ),
    "GetBucketObjectLockConfiguration": (
        "ObjectLockConfigurationNotFoundError",
        "Object Lock configuration does not exist for this bucket",
    ),
}


def transfer(draw: Draw, received: int, sent: int, cipher: str = "TLS_AES_128_GCM_SHA256") -> Json:
    """Return S3's `additionalEventData`: bytes that came in and went out."""
    return {
        "SignatureVersion": "SigV4",
        "CipherSuite": cipher,
        "bytesTransferredIn": received,
        "AuthenticationMethod": "AuthHeader",
        "x-amz-id-2": draw.opaque(56),
        "bytesTransferredOut": sent,
    }


def _bucket(name: str, account: str) -> Json:
    return resource("AWS::S3::Bucket", f"arn:aws:s3:::{name}", account)


def list_buckets() -> Make:
    """Return ListBuckets."""
    return lambda draw: Call(
        "s3", "ListBuckets", {"Host": "s3.amazonaws.com"}, additional=transfer(draw, 0, 2914)
    )


def bucket_setting(name: str, buckets: Sequence[str], account: str, region: str) -> Make:
    """Return a read of one bucket's settings; some buckets lack the setting, which S3 calls an error."""

    def make(draw: Draw) -> Call:
        bucket = draw.pick(buckets)
        host = f"{bucket}.s3.{region}.amazonaws.com"
        error = _ABSENT[name] if name in _ABSENT and draw.chance(0.3) else None
        return Call(
            "s3",
            name,
            {"bucketName": bucket, "Host": host, SUB_RESOURCES[name]: ""},
            resources=(_bucket(bucket, account),),
            additional=transfer(draw, 0, 340 if error else draw.whole(108, 620)),
            host=host,
            error=error,
        )

    return make


def list_objects(bucket: str, prefix: str, account: str, region: str) -> Make:
    """Return the record of ListObjectsV2, which CloudTrail calls ListObjects (a data event)."""
    host = f"{bucket}.s3.{region}.amazonaws.com"
    request: Json = {
        "list-type": "2",
        "bucketName": bucket,
        "encoding-type": "url",
        "prefix": prefix,
        "delimiter": "/",
        "Host": host,
    }
    objects: Json = {"type": "AWS::S3::Object", "ARNPrefix": f"arn:aws:s3:::{bucket}/{prefix}"}
    return lambda draw: Call(
        "s3",
        "ListObjects",
        request,
        resources=(objects, _bucket(bucket, account)),
        additional=transfer(draw, 0, draw.whole(400, 9000)),
        data=True,
        host=host,
    )


def _object_call(
    draw: Draw, name: str, bucket: str, key: str, account: str, region: str, size: int, headers: Json
) -> Call:
    host = f"{bucket}.s3.{region}.amazonaws.com"
    reads = name in {"GetObject", "HeadObject"}
    response: Json | None = None
    if name == "PutObject":
        response = {"x-amz-server-side-encryption": "aws:kms", "x-amz-version-id": draw.code(32, ALNUM)}
    return Call(
        "s3",
        name,
        {"bucketName": bucket, "Host": host, **headers, "key": key},
        response,
        read_only=reads,
        resources=(
            {"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{bucket}/{key}"},
            _bucket(bucket, account),
        ),
        additional=transfer(draw, 0 if reads else size, size if reads else 0),
        data=True,
        host=host,
    )


def get_object(bucket: str, keys: Sequence[str], account: str, region: str, *, mean: int = 90_000) -> Make:
    """Return GetObject of one of the keys; `{n}` in a key becomes a number."""

    def make(draw: Draw) -> Call:
        key = draw.pick(keys).replace("{n}", f"{draw.whole(0, 99_999):05d}")
        size = int(draw.random.expovariate(1 / mean)) + 64
        return _object_call(draw, "GetObject", bucket, key, account, region, size, {})

    return make


def put_object(bucket: str, keys: Sequence[str], account: str, region: str, *, mean: int = 40_000) -> Make:
    """Return PutObject of one of the keys; `{n}` in a key becomes a number."""

    def make(draw: Draw) -> Call:
        key = draw.pick(keys).replace("{n}", f"{draw.whole(0, 99_999):05d}")
        size = int(draw.random.expovariate(1 / mean)) + 64
        return _object_call(draw, "PutObject", bucket, key, account, region, size, {})

    return make


def delivered(bucket: str, key: str, account: str, region: str, size: int) -> Make:
    """Return PutObject as a log delivery service makes it: with an ACL header and a shared event id."""
    headers: Json = {"x-amz-acl": "bucket-owner-full-control", "x-amz-server-side-encryption": "aws:kms"}

    def make(draw: Draw) -> Call:
        unique = key.replace("{unique}", draw.code(16))
        call = _object_call(draw, "PutObject", bucket, unique, account, region, size, headers)
        return _shared(call)

    return make


def delivery_check(bucket: str, account: str, region: str) -> Make:
    """Return the GetBucketAcl by which a log delivery service checks that it may write."""
    host = f"{bucket}.s3.{region}.amazonaws.com"
    return lambda draw: Call(
        "s3",
        "GetBucketAcl",
        {"bucketName": bucket, "Host": host, "acl": ""},
        resources=(_bucket(bucket, account),),
        additional=transfer(draw, 0, 552),
        shared=True,
        host=host,
        firm=True,
    )


def _shared(call: Call) -> Call:
    return replace(call, shared=True, firm=True)


def decrypt(key_arn: str, account: str, context: Json, *, on_behalf: bool = True) -> Make:
    """Return KMS Decrypt with an encryption context."""
    call = Call(
        "kms",
        "Decrypt",
        {"encryptionAlgorithm": "SYMMETRIC_DEFAULT", "encryptionContext": context},
        resources=(resource("AWS::KMS::Key", key_arn, account),),
        firm=on_behalf,
    )
    return lambda _draw: call


def data_key(key_arn: str, account: str, context: Json, *, shared: bool = False) -> Make:
    """Return KMS GenerateDataKey with an encryption context."""
    call = Call(
        "kms",
        "GenerateDataKey",
        {"keyId": key_arn, "encryptionContext": context, "keySpec": "AES_256"},
        resources=(resource("AWS::KMS::Key", key_arn, account),),
        shared=shared,
        firm=True,
    )
    return lambda _draw: call


def get_secret(arn: str) -> Make:
    """Return GetSecretValue; the value itself is never recorded."""
    call = Call("secretsmanager", "GetSecretValue", {"secretId": arn})
    return lambda _draw: call


def get_parameters(names: Sequence[str], account: str, region: str) -> Make:
    """Return GetParameters of a few names."""

    def make(draw: Draw) -> Call:
        chosen = draw.some(names, 2)
        arns = [f"arn:aws:ssm:{region}:{account}:parameter{name}" for name in chosen]
        return Call(
            "ssm",
            "GetParameters",
            {"names": chosen, "withDecryption": True},
            resources=tuple({"accountId": account, "ARN": arn} for arn in arns),
        )

    return make
