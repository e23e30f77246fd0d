"""Values for the tests of the state."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, date, datetime

from tidewaiter.core.findings import Entity, Signal
from tidewaiter.core.outbox import OutboxBatch, Span
from tidewaiter.state import Claim, Counts, ObjectDone

TODAY = date(2026, 3, 17)
NOON = datetime(2026, 3, 17, 12, tzinfo=UTC)
TABLE = "ASimAuditEventLogs"


def claim(object_id: str = "a.json", digest: str = "d1", source: str = "aws_cloudtrail") -> Claim:
    return Claim(object_id, digest, source, "events", 10, 20)


def done(
    item: Claim | None = None, *, delivered: int = 2, duplicate: int = 0, keys: tuple[int, ...] = ()
) -> ObjectDone:
    valid = delivered + duplicate
    counts = Counts(objects=1, records=valid, valid=valid, delivered=delivered, duplicate=duplicate)
    return ObjectDone(item or claim(), counts, {TABLE: delivered}, list(keys))


def batch(name: str = "b1", rows: int = 2, item: Claim | None = None) -> OutboxBatch:
    owner = item or claim()
    body = gzip.compress(
        json.dumps([{"EventOriginalUid": f"{name}-{n}"} for n in range(rows)]).encode(), mtime=0
    )
    span = Span(owner.source, owner.object_id, owner.digest, rows)
    return OutboxBatch(name, TABLE, rows, 100, 50, body, (span,))


def signal(statement: str = "stopped a trail") -> Signal:
    return Signal(
        "trail_tampering", "e1", "2026-03-17T00:00:00Z", "ada", "Trail stopped", "High", 0.9, "T1562.008",
        "DefenseEvasion", statement, (Entity("Account", "arn", "ada"),),
    )  # fmt: skip
