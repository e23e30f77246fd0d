"""CloudTrail files beside a plain loop of gzip + orjson + a dict of 20 fields.

`map_and_filter` is like for like: the pipeline's codec and mapping compiler with a mapping of the same 20
fields, leaving out the same events (reads that AWS services make for themselves). `everything` is what the
product does instead: all ASIM columns, and the rest of the event in AdditionalFields, for every event.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
from isal.isal_zlib import crc32

from bench.timing import Duel, duel
from tidewaiter.asim.mapping.compile_python import compile_python
from tidewaiter.asim.mapping.expression import members, parse
from tidewaiter.asim.mapping.record import Shape, record_type
from tidewaiter.asim.mapping.source_mapping import Route, SourceMapping
from tidewaiter.asim.mapping.spec import EVENT_ID, MappingSpec
from tidewaiter.content import detections, sources
from tidewaiter.core.objects import JsonChunk, SourceObject
from tidewaiter.pipeline.deliver import event_key
from tidewaiter.pipeline.detect import Detector
from tidewaiter.pipeline.normalize import JsonRows, Normalizer
from tidewaiter.pipeline.sources.codecs import read

FIELDS = {
    "TimeGenerated": "eventTime",
    "EventOriginalUid": "event_id",
    "EventProductVersion": "eventVersion",
    "EventResult": "case(exists(errorCode), 'Failure', 'Success')",
    "EventOriginalResultDetails": "errorCode",
    "EventMessage": "errorMessage",
    "Operation": "eventName",
    "TargetAppName": "eventSource",
    "EventOriginalSubType": "eventType",
    "ActorUsername": "first(userIdentity.userName, userIdentity.sessionContext.sessionIssuer.userName)",
    "ActorUserId": "userIdentity.principalId",
    "ActorOriginalUserType": "userIdentity.type",
    "ActorScopeId": "userIdentity.accountId",
    "Arn": "userIdentity.arn",
    "AccessKeyId": "userIdentity.accessKeyId",
    "SrcIpAddr": "sourceIPAddress",
    "HttpUserAgent": "userAgent",
    "Region": "awsRegion",
    "DvcScopeId": "recipientAccountId",
    "EventVendor": "'AWS'",
}
"""The reference's 20 fields as a mapping."""


def reference(paths: Sequence[Path]) -> int:
    """Map 20 fields of every event with a plain loop; return the bytes of NDJSON made."""
    made = 0
    for path in paths:
        lines = []
        for event in orjson.loads(gzip.decompress(path.read_bytes()))["Records"]:
            identity = event.get("userIdentity") or {}
            if event.get("readOnly") and identity.get("invokedBy"):
                continue
            issuer = (identity.get("sessionContext") or {}).get("sessionIssuer") or {}
            row = {
                "TimeGenerated": event.get("eventTime"),
                "EventOriginalUid": event.get("eventID"),
                "EventProductVersion": event.get("eventVersion"),
                "EventResult": "Failure" if event.get("errorCode") else "Success",
                "EventOriginalResultDetails": event.get("errorCode"),
                "EventMessage": event.get("errorMessage"),
                "Operation": event.get("eventName"),
                "TargetAppName": event.get("eventSource"),
                "EventOriginalSubType": event.get("eventType"),
                "ActorUsername": identity.get("userName") or issuer.get("userName"),
                "ActorUserId": identity.get("principalId"),
                "ActorOriginalUserType": identity.get("type"),
                "ActorScopeId": identity.get("accountId"),
                "Arn": identity.get("arn"),
                "AccessKeyId": identity.get("accessKeyId"),
                "SrcIpAddr": event.get("sourceIPAddress"),
                "HttpUserAgent": event.get("userAgent"),
                "Region": event.get("awsRegion"),
                "DvcScopeId": event.get("recipientAccountId"),
                "EventVendor": "AWS",
            }
            lines.append(orjson.dumps(row))
        made += len(b"\n".join(lines))
    return made


def objects(paths: Sequence[Path]) -> list[SourceObject]:
    """Return the files as source objects."""
    return [
        SourceObject(path.name, path, "aws_cloudtrail", "events", "json_records", path.stat().st_size)
        for path in paths
    ]


class Ours:
    """The pipeline's own codec with one of two mappings."""

    def __init__(self) -> None:
        self.spec = sources()["aws_cloudtrail"]
        self.normalizer = Normalizer(self.spec)
        self.detector = Detector(detections().values())
        self.flat = compile_python(flat_mapping(self.spec.mapping))

    def map_and_filter(self, items: Sequence[SourceObject]) -> int:
        """Map the reference's 20 fields of the events that it keeps; return the bytes of NDJSON made."""
        made = 0
        for item in items:
            lines = []
            for chunk in read(item, self.spec.recognition):
                assert isinstance(chunk, JsonChunk)
                for raw in chunk.records:
                    record: Any = self.flat.decode_open(raw)
                    if record.readOnly and b'"invokedBy"' in bytes(record.userIdentity):
                        continue
                    lines.append(self.flat.map(record, record.eventID)[1])
            made += len(b"\n".join(lines))
        return made

    def everything(self, items: Sequence[SourceObject]) -> int:
        """Decode, map, detect and key every event, as a worker does before it stages the rows."""
        made = 0
        for item in items:
            for chunk in read(item, self.spec.recognition):
                mapped = self.normalizer.normalize(chunk, object_id=item.id, prefix="bench")
                for rows in mapped.rows:
                    assert isinstance(rows, JsonRows)
                    self.detector.detect(rows)
                    keys = [event_key(i, crc32(raw)) for i, raw in zip(rows.ids, rows.raws, strict=True)]
                    made += len(keys) + len(b"\n".join(rows.heads)) + len(b"\n".join(rows.extras))
        return made


def flat_mapping(full: SourceMapping) -> SourceMapping:
    """Return a mapping of the reference's 20 fields, over the same record type."""
    columns = {name: parse(text) for name, text in FIELDS.items()}
    mapping = MappingSpec("bench", "bench", "", columns, FIELDS, ())
    read_by = frozenset().union(*map(members, columns.values())) - {EVENT_ID} | {"eventID", "readOnly"}
    shape: Shape = {name: full.record.shapes.get(name, full.record.kinds[name]) for name in sorted(read_by)}
    repeats = [tuple(name for name in group if name in shape) for group in full.repeats]
    types = {"bench": dict.fromkeys(FIELDS, "string")}
    routes = [Route(parse("True == True"), mapping)]
    return SourceMapping(
        record_type(shape), routes, [g for g in repeats if g], ["eventTime"], (), {}, {}, types
    )


def run(paths: Sequence[Path], *, rounds: int = 5) -> tuple[Duel, Duel]:
    """Return map-and-filter and everything, each against the reference loop."""
    ours, items = Ours(), objects(paths)
    return (
        duel(lambda: ours.map_and_filter(items), lambda: reference(paths), rounds=rounds),
        duel(lambda: ours.everything(items), lambda: reference(paths), rounds=rounds),
    )
