"""How S3's access log spells what CloudTrail calls by the API's name.

Operations are `REST.<method>.<resource>`, `S3.<action>.<resource>` for what S3 does by itself ("Amazon S3
server access log format", Amazon S3 User Guide, read 2026-11).
"""

from __future__ import annotations

from urllib.parse import quote

_OBJECTS = {
    "GetObject": ("GET", "OBJECT"),
    "HeadObject": ("HEAD", "OBJECT"),
    "PutObject": ("PUT", "OBJECT"),
    "DeleteObject": ("DELETE", "OBJECT"),
    "CopyObject": ("COPY", "OBJECT"),
    "GetObjectAcl": ("GET", "ACL"),
    "PutObjectAcl": ("PUT", "ACL"),
    "GetObjectTagging": ("GET", "OBJECT_TAGGING"),
}
_BUCKETS = {
    "ListObjects": ("GET", "BUCKET", "list-type=2"),
    "ListObjectVersions": ("GET", "BUCKETVERSIONS", "versions"),
    "DeleteObjects": ("POST", "MULTI_OBJECT_DELETE", "delete"),
    "DeleteBucket": ("DELETE", "BUCKET", ""),
    "HeadBucket": ("HEAD", "BUCKET", ""),
}
_SETTINGS = {
    "Acl": ("ACL", "acl"),
    "Policy": ("BUCKETPOLICY", "policy"),
    "PolicyStatus": ("POLICY_STATUS", "policyStatus"),
    "Encryption": ("ENCRYPTION", "encryption"),
    "Versioning": ("VERSIONING", "versioning"),
    "Logging": ("LOGGING_STATUS", "logging"),
    "Tagging": ("TAGGING", "tagging"),
    "Lifecycle": ("LIFECYCLE", "lifecycle"),
    "Replication": ("REPLICATION", "replication"),
    "Location": ("LOCATION", "location"),
    "PublicAccessBlock": ("PUBLIC_ACCESS_BLOCK", "publicAccessBlock"),
    "Notification": ("NOTIFICATION", "notification"),
    "ObjectLockConfiguration": ("OBJECT_LOCK_CONFIGURATION", "object-lock"),
    "Website": ("WEBSITE", "website"),
    "OwnershipControls": ("OWNERSHIP_CONTROLS", "ownershipControls"),
    "Cors": ("CORS", "cors"),
}
_STATUS = {"AccessDenied": 403, "SlowDown": 503, "InternalError": 500, "PreconditionFailed": 412}


def operation_of(name: str) -> tuple[str, str] | None:
    """Return the operation and its sub-resource ("" for none) of an API call, None if no bucket logs it."""
    if name in _OBJECTS:
        method, thing = _OBJECTS[name]
        return f"REST.{method}.{thing}", "acl" if thing == "ACL" else ""
    if name in _BUCKETS:
        method, thing, query = _BUCKETS[name]
        return f"REST.{method}.{thing}", query
    for prefix, method in (("GetBucket", "GET"), ("PutBucket", "PUT"), ("DeleteBucket", "DELETE")):
        setting = _SETTINGS.get(name.removeprefix(prefix)) if name.startswith(prefix) else None
        if setting:
            return f"REST.{method}.{setting[0]}", setting[1]
    return None


def uri(operation: str, key: str, query: str = "") -> str:
    """Return the Request-URI of an operation in virtual-hosted style."""
    method = operation.split(".")[1]
    method = {"COPY": "PUT"}.get(method, method)
    path = f"/{quote(key, safe='/~')}"
    return f"{method} {path}{'?' + query if query else ''} HTTP/1.1"


def status_of(operation: str, error: str) -> int:
    """Return the HTTP status that goes with an error code, or with none."""
    if error:
        return _STATUS.get(
            error, 404 if error.startswith("NoSuch") or error.endswith("NotFoundError") else 400
        )
    return 204 if operation.startswith("REST.DELETE") else 200
