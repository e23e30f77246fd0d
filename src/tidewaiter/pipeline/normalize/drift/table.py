"""Alarms as rows of the table `TidewaiterDrift_CL`, for a rule or a workbook of the customer's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import blake2b

import msgspec

from tidewaiter.core.billing import billed_size
from tidewaiter.core.outbox import OutboxBatch
from tidewaiter.pipeline.deliver.batcher import pack
from tidewaiter.pipeline.normalize.drift.alarm import Alarm

TABLE = "TidewaiterDrift_CL"
COLUMNS: Mapping[str, str] = {
    "TimeGenerated": "datetime",
    "AlarmId": "string",
    "SourceId": "string",
    "Kind": "string",
    "FieldPath": "string",
    "AwsAccountId": "string",
    "AwsRegion": "string",
    "Before": "string",
    "After": "string",
    "TargetTable": "string",
    "SampledRecords": "int",
    "ExpectedShare": "real",
    "ObjectId": "string",
}
"""Column -> KQL type. `Kind` is one of `AlarmKind`; the others are the members of an alarm."""


class _Origin(msgspec.Struct, frozen=True):
    source: str = ""
    object_id: str = ""
    digest: str = ""


def alarm_id(alarm: Alarm, at: datetime) -> str:
    """Return the id of an alarm; the same change may be told again on another day."""
    content = msgspec.json.encode((alarm.key, at.date().isoformat()))
    return f"drift-{blake2b(content, digest_size=12).hexdigest()}"


def drift_batches(alarms: Iterable[Alarm], *, now: datetime) -> list[OutboxBatch]:
    """Return the alarms as batches for the outbox; `now`, aware, is the workspace's clock."""
    rows, ids = [], []
    for alarm in alarms:
        ids.append(alarm_id(alarm, now))
        rows.append(_row(alarm, ids[-1], now))
    if not rows:
        return []
    billed = [billed_size(row) for row in rows]
    return list(pack(TABLE, rows, billed=billed, ids=ids, origins=[_Origin()] * len(rows)).batches)


def _row(alarm: Alarm, alarm_id: str, now: datetime) -> bytes:
    columns = {
        "TimeGenerated": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "AlarmId": alarm_id,
        "SourceId": alarm.source,
        "Kind": alarm.kind,
        "FieldPath": alarm.field,
        "AwsAccountId": alarm.account,
        "AwsRegion": alarm.region,
        "Before": alarm.was,
        "After": alarm.now,
        "TargetTable": alarm.table,
        "SampledRecords": alarm.sampled,
        "ExpectedShare": alarm.expected,
        "ObjectId": alarm.object_id,
    }
    return msgspec.json.encode({name: value for name, value in columns.items() if value != ""})
