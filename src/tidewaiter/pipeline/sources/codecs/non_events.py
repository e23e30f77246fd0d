"""Objects that carry no events: CloudTrail's digest files, and manifests."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from tidewaiter.core.faults import Fault
from tidewaiter.core.objects import SourceObject
from tidewaiter.pipeline.sources.codecs.feed import Feed
from tidewaiter.pipeline.sources.codecs.inflate import Limits
from tidewaiter.pipeline.sources.codecs.ledger import FETCH_AGAIN


class Digest(msgspec.Struct, frozen=True, rename="camel"):
    """What a digest file says of the log files of one hour.

    Source: AWS CloudTrail User Guide, "CloudTrail digest file structure". Times are ISO 8601, UTC.
    """

    aws_account_id: str
    digest_start_time: str
    digest_end_time: str
    bucket: str = msgspec.field(name="digestS3Bucket")
    previous_bucket: str | None = msgspec.field(name="previousDigestS3Bucket", default=None)
    previous_object: str | None = msgspec.field(name="previousDigestS3Object", default=None)
    key: str = msgspec.field(name="digestS3Object", default="")
    fingerprint: str = msgspec.field(name="digestPublicKeyFingerprint", default="")
    previous_hash: str | None = msgspec.field(name="previousDigestHashValue", default=None)
    previous_signature: str | None = msgspec.field(name="previousDigestSignature", default=None)
    files: list[msgspec.Raw] = msgspec.field(name="logFiles", default_factory=list)

    @property
    def log_files(self) -> int:
        """The number of log files that the digest vouches for."""
        return len(self.files)


@dataclass(frozen=True, slots=True)
class NonEvent:
    """What is known of an object without events; `detail` is None if it is a manifest or damaged."""

    object_id: str
    detail: Digest | None
    raw_bytes: int
    faults: tuple[Fault, ...] = ()


_DIGEST = msgspec.json.Decoder(Digest)


def read_non_event(obj: SourceObject, limits: Limits) -> NonEvent:
    """Read a digest or manifest object; what is wrong with it is in `faults`."""
    data, raw_bytes, faults = _whole(obj, limits)
    detail = None
    if obj.kind == "digest" and not faults:
        try:
            detail = _DIGEST.decode(data)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            faults.append(Fault(obj.id, "malformed", f"is no digest: {error}", FETCH_AGAIN))
    return NonEvent(obj.id, detail, raw_bytes, tuple(faults))


def _whole(obj: SourceObject, limits: Limits) -> tuple[bytes, int, list[Fault]]:
    """Return the contents of a small object."""
    feed = Feed(obj.path, obj.id, window=limits.window_bytes, limit=limits.record_bytes)
    while feed.more():
        pass
    return feed.buffer, feed.take_count(), feed.take_faults()
