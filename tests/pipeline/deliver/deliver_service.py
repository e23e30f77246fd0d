"""A Logs Ingestion service by script, a clock that only sleeping moves, and an outbox with rows in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from isal import igzip

from tidewaiter.clouds import Refused, Uncertain
from tidewaiter.core.billing import billed_size
from tidewaiter.core.outbox import OutboxBatch
from tidewaiter.core.permit import Capability, Permit, Phase
from tidewaiter.pipeline.deliver.batcher import pack
from tidewaiter.pipeline.deliver.patience import SendSettings
from tidewaiter.pipeline.deliver.routes import Route
from tidewaiter.pipeline.deliver.sender import Permits, Sender
from tidewaiter.state import Claim, Counts, ObjectDone, State, open_state

TABLE = "ASimAuditEventLogs"
START = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROUTES = {TABLE: Route("dcr-1", f"Custom-{TABLE}"), "ASimDnsActivityLogs": Route("dcr-2", "Custom-Dns")}


class Clock:
    """A clock on which time passes by sleeping only, and one that can be set beside it."""

    def __init__(self) -> None:
        self.at = START
        self.seconds = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)
        self.seconds += seconds
        await asyncio.sleep(0)

    def timer(self) -> float:
        return self.seconds


@dataclass
class Request:
    """One request as the service saw it."""

    rows: list[dict[str, Any]]
    size: int
    dcr: str
    stream: str
    batch_id: str
    source: str | None
    at: float

    @property
    def ids(self) -> list[str]:
        return [str(row["EventOriginalUid"]) for row in self.rows]


Answer = Callable[[Request, int], Exception | None]


@dataclass
class Service:
    """Stores what `answer(request, number)` lets pass; an `Uncertain` with `stored` set is stored, too."""

    clock: Clock
    answer: Answer = lambda _request, _number: None
    requests: list[Request] = field(default_factory=list)
    stored: list[str] = field(default_factory=list)

    async def upload(
        self, body: bytes, *, dcr: str, stream: str, batch_id: str, permit: Permit, source: str | None
    ) -> None:
        assert permit.source in (source, "*")
        array = igzip.decompress(body)
        rows = msgspec.json.decode(array, type=list[dict[str, Any]])
        request = Request(rows, len(array), dcr, stream, batch_id, source, self.clock.seconds)
        self.requests.append(request)
        number = len(self.requests) - 1
        await asyncio.sleep(0)
        error = self.answer(request, number)
        if error is None or getattr(error, "stored", False):
            self.stored += request.ids
        if error is not None:
            raise error


def uncertain(*, stored: bool) -> Uncertain:
    error = Uncertain("reset after sending")
    error.stored = stored  # type: ignore[attr-defined]
    return error


def refused(status: int, detail: str = "no") -> Refused:
    return Refused(status, "Code", detail, where="the upload")


def permits(stream: str, source: str) -> Permit:
    capability = Capability.RAISE_ALERTS if "Alerts" in stream else Capability.DELIVER_ROWS
    return Permit(capability, source, Phase.ACTIVE, "a test", START + timedelta(hours=1))


def sender(
    state: State,
    service: Service,
    *,
    spacing: dict[str, float] | None = None,
    optional: tuple[str, ...] = (),
    permits: Permits = permits,
    **settings: float,
) -> Sender:
    numbers = {"in_flight": 4, **settings}
    return Sender(
        state,
        service.upload,
        ROUTES,
        permits,
        clock=service.clock.now,
        random=lambda: 0.5,
        timer=service.clock.timer,
        settings=SendSettings(**numbers),  # type: ignore[arg-type]
        sleep=service.clock.sleep,
        spacing=spacing,
        optional=optional,
    )


def fill(
    folder: Path, objects: Sequence[Sequence[str]], *, limit: int = 1_000, table: str = TABLE, pad: int = 0
) -> tuple[State, tuple[OutboxBatch, ...]]:
    """Open a state in which the rows of some objects (by event id) wait in batches of `limit` bytes."""
    state = open_state(folder)
    claims = [Claim(f"o{n}", f"d{n}", "aws_cloudtrail", "events", 1, 1) for n in range(len(objects))]
    ids = [event_id for names in objects for event_id in names]
    origins = [claim for claim, names in zip(claims, objects, strict=True) for _ in names]
    rows = [
        msgspec.json.encode({"EventOriginalUid": each, "AdditionalFields": {"pad": "x" * pad}})
        for each in ids
    ]
    billed = [billed_size(row) for row in rows]
    batches = pack(table, rows, billed=billed, ids=ids, origins=origins, limit=limit).batches
    done = [
        ObjectDone(
            claim,
            Counts(objects=1, records=len(names), valid=len(names), delivered=len(names)),
            {table: len(names)},
        )
        for claim, names in zip(claims, objects, strict=True)
    ]
    state.commit(done, batches, {}, today=date(2026, 11, 23))
    return state, batches
