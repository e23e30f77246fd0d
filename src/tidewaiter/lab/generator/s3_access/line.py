"""One line of an S3 server access log: 27 fields, in the order and spelling of the documentation.

After "Amazon S3 server access log format" (Amazon S3 User Guide, read 2026-11): fields are separated by
spaces, the time stands in brackets, Request-URI, Referer and User-Agent in quotes, `-` is no value. The
last field, the region that the request came from, is `-` for addresses that are not AWS's. Keys are
percent-encoded twice, but once for what S3 does by itself and for batch deletes ("S3 server access logs at
scale", Yelp Engineering, 2025-09-26; the User Guide is silent).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
CIPHER, TLS = "TLS_AES_128_GCM_SHA256", "TLSv1.3"
FIELDS = (
    "bucket_owner", "bucket", "time", "remote_ip", "requester", "request_id", "operation", "key",
    "request_uri", "http_status", "error_code", "bytes_sent", "object_size", "total_time",
    "turn_around_time", "referer", "user_agent", "version_id", "host_id", "signature_version",
    "cipher_suite", "authentication_type", "host_header", "tls_version", "access_point_arn",
    "acl_required", "source_region",
)  # fmt: skip
"""Names of the fields, for those who read the lines."""


@dataclass(frozen=True, slots=True)
class Access:
    """One request as S3 saw it; "" and None stand for `-`. `way` is how it was signed, "" if it was not."""

    owner: str
    bucket: str
    address: str
    requester: str
    request_id: str
    operation: str
    key: str
    uri: str
    status: int | None
    error: str
    sent: int | None
    size: int | None
    took: int
    turned: int | None
    agent: str
    host_id: str
    host: str
    referer: str = ""
    version: str = ""
    way: str = "AuthHeader"
    access_point: str = ""
    acl: bool = False
    from_region: str = ""


_PLAIN = re.compile(r"[A-Za-z0-9_./~-]+").fullmatch
"""Keys that are spelled as they are, however often they are encoded."""


def quoted(text: str) -> str:
    """Return a client's text for a quoted field: a quote inside becomes `%22`, control characters vanish."""
    kept = text if text.isprintable() else "".join(filter(str.isprintable, text))
    return kept.replace('"', "%22") or "-"


def encoded(operation: str, key: str) -> str:
    """Return an object key as the log spells it, with its slashes; "" is `-`."""
    if _PLAIN(key):
        return key
    once = quote(key, safe="/~")
    return (once if operation.startswith(("S3.", "BATCH.")) else quote(once, safe="/~")) or "-"


def line(stamp: str, access: Access) -> str:
    """Return the line without its newline; `stamp` is like `17/Mar/2026:08:15:42 +0000`."""
    sent = "-" if not access.sent else str(access.sent)
    size = "-" if access.size is None else str(access.size)
    turned = "-" if access.turned is None else str(access.turned)
    status = "-" if access.status is None else str(access.status)
    tls = (CIPHER, TLS) if access.uri else ("-", "-")
    return (
        f"{access.owner} {access.bucket} [{stamp}] {access.address or '-'} {access.requester or '-'} "
        f"{access.request_id} {access.operation} {encoded(access.operation, access.key)} "
        f'"{access.uri or "-"}" {status} {access.error or "-"} {sent} {size} {access.took} {turned} '
        f'"{quoted(access.referer)}" "{quoted(access.agent)}" {access.version or "-"} {access.host_id} '
        f"{'SigV4' if access.way else '-'} {tls[0]} {access.way or '-'} {access.host or '-'} {tls[1]} "
        f"{access.access_point or '-'} "
        f"{'Yes' if access.acl else '-'} {access.from_region or '-'}"
    )
