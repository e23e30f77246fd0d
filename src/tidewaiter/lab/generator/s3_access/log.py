"""S3 server access logs: plain text, one object per bucket every few minutes.

Layouts after "Enabling Amazon S3 server access logging" (Amazon S3 User Guide, read 2026-11):
production delivers date-partitioned, `<prefix><account>/<region>/<bucket>/yyyy/mm/dd/<time>-<unique>`,
the other accounts in the simple form `<prefix><time>-<unique>`. Objects have no extension and are not packed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

import msgspec

from tidewaiter.core.errors import UsageError
from tidewaiter.lab.generator.company import PROD, Company
from tidewaiter.lab.generator.others import ObjectAccess
from tidewaiter.lab.generator.rhythm import CUSTOMERS, DAY, LAST
from tidewaiter.lab.generator.s3_access.line import MONTHS, Access, line
from tidewaiter.lab.generator.s3_access.operations import operation_of, status_of, uri
from tidewaiter.lab.generator.s3_access.requests import Everyday, homes
from tidewaiter.lab.generator.slots import Pages, Placed, by_slot, spread, times, width

PER_EVENT = 0.25
"""Requests per CloudTrail event that CloudTrail does not record: visitors, probes, S3's own housekeeping."""

PREFIX = "S3AccessLogs/"
_OWN = ("10.", "203.0.113.10", "203.0.113.11")
"""How the addresses begin that the company's machines in AWS show: private ones and its NAT gateways'."""
_MARK = b'"eventSource":"s3.amazonaws.com"'


@dataclass(frozen=True, slots=True)
class AccessCounts:
    """Lines and objects written, how many lines CloudTrail records too, where the asked-for lines lie."""

    lines: int
    objects: int
    recorded: int
    placed: tuple[Placed, ...]


def write_s3_access(
    out: Path, company: Company, events: int, asked: Sequence[ObjectAccess] = ()
) -> AccessCounts:
    """Write the day's access logs of all buckets, without what CloudTrail saw (see `AccessLog`).

    Args:
        out: folder above `S3AccessLogs/`.
        company: whose buckets are read.
        events: number of CloudTrail events of the day; `PER_EVENT` requests come with each.
        asked: requests that must occur, each exactly once.

    Raises:
        OSError: `out` cannot be written.
    """
    return AccessLog(out, company, events, asked).close()


class _Request(msgspec.Struct):
    bucket: str = msgspec.field(default="", name="bucketName")
    key: str = ""
    host: str = msgspec.field(default="", name="Host")
    prefix: str = ""


class _Extra(msgspec.Struct):
    received: float = msgspec.field(default=0, name="bytesTransferredIn")
    sent: float = msgspec.field(default=0, name="bytesTransferredOut")
    host_id: str = msgspec.field(default="", name="x-amz-id-2")


class _Identity(msgspec.Struct):
    arn: str = ""
    invoked_by: str = msgspec.field(default="", name="invokedBy")


class _Response(msgspec.Struct):
    version: str = msgspec.field(default="", name="x-amz-version-id")


class _Event(msgspec.Struct):
    """The members of a CloudTrail record of S3 that its access log shows too."""

    name: str = msgspec.field(name="eventName")
    identity: _Identity = msgspec.field(name="userIdentity")
    address: str = msgspec.field(name="sourceIPAddress")
    agent: str = msgspec.field(default="", name="userAgent")
    region: str = msgspec.field(default="", name="awsRegion")
    error: str = msgspec.field(default="", name="errorCode")
    request: _Request | None = msgspec.field(default=None, name="requestParameters")
    response: _Response | None = msgspec.field(default=None, name="responseElements")
    extra: _Extra | None = msgspec.field(default=None, name="additionalEventData")
    request_id: str = msgspec.field(default="", name="requestID")


_decode = msgspec.json.Decoder(_Event).decode


class AccessLog:
    """The access logs of all buckets, written as the day goes by.

    `see` takes the CloudTrail records of S3 in the order of their times, so that a request stands in both
    logs with the same request id; a day that does not call it has only what CloudTrail does not record.
    """

    def __init__(self, out: Path, company: Company, events: int, asked: Sequence[ObjectAccess] = ()) -> None:
        """Begin the day; see `write_s3_access` for the arguments."""
        self._out = out
        self._company = company
        self._draw = company.stream("s3-seen")
        self._names = company.stream("s3-files")
        self._homes = homes(company)
        self._everyday = Everyday(company)
        count = round(events * PER_EVENT)
        self._slot = width(count, wanted=200)
        self._due = spread(count, CUSTOMERS, 0.0, self._slot)
        self._asked = by_slot(asked, self._slot)
        self._number = 0
        self._pages = Pages({})
        self._placed: list[Placed] = []
        self._objects = self._recorded = 0
        day = company.day
        self._date = f"{day.day:02d}/{MONTHS[day.month - 1]}/{day.year}"

    def see(self, at: int, record: bytes, number: int = -1) -> None:
        """Take a CloudTrail record; all but requests to buckets are ignored.

        `number` >= 0 asks for the line's place, which `close` returns as `Placed(number, request id, …)`;
        choose numbers past those of `asked`.
        """
        if _MARK not in record:
            return
        event = _decode(record)
        if event.request is None or event.request.bucket not in self._homes:
            return
        access = self._seen(event, event.request)
        if access is None:
            return
        while min(max(at, 0), LAST) // self._slot > self._number:
            self._turn()
        self._add(at, access, number)
        self._recorded += 1

    def close(self) -> AccessCounts:
        """Write what is left of the day."""
        while self._number < len(self._due):
            self._turn()
        placed = tuple(sorted(self._placed, key=lambda each: each.number))
        return AccessCounts(self._pages.count, self._objects, self._recorded, placed)

    def _turn(self) -> None:
        """Finish the open slot: what nobody recorded, what was asked for, then its objects."""
        number = self._number
        for at in times(self._draw, self._due[number], number, self._slot):
            self._add(at, self._everyday.make(at))
        for index, wanted in self._asked.get(number, ()):
            self._add(wanted.at, self._wanted(wanted), index)
        self._placed += self._pages.turn(partial(self._object, number))
        self._number += 1

    def _add(self, at: int, access: Access, number: int = -1) -> None:
        seconds = min(max(at, 0), DAY - 1) // 1000
        clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
        text = line(f"{self._date}:{clock} +0000", access)
        self._pages.add(access.bucket, at, text.encode(), number, access.request_id)

    def _object(self, number: int, bucket: str, records: list[bytes]) -> str:
        home = self._homes[bucket]
        moment = self._company.moment((number + 1) * self._slot)
        unique = f"{moment:%Y-%m-%d-%H-%M-%S}-{self._names.hex(16).upper()}"
        if home.account == PROD.id:
            key = f"{PREFIX}{home.account}/{home.region}/{bucket}/{moment:%Y/%m/%d}/{unique}"
        else:
            key = f"{PREFIX}{bucket}/{unique}"
        path = self._out / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\n".join(records) + b"\n")
        self._objects += 1
        return key

    def _wanted(self, wanted: ObjectAccess) -> Access:
        home = self._homes.get(wanted.bucket)
        if home is None:
            raise UsageError(f"no bucket {wanted.bucket!r}", hint="give a bucket of the company")
        reads = ".GET." in wanted.operation and not wanted.error
        took = self._draw.whole(8, 400)
        return Access(
            owner=home.owner,
            bucket=wanted.bucket,
            address=wanted.address,
            requester=wanted.requester,
            request_id=wanted.request_id or self._draw.request(),
            operation=wanted.operation,
            key=wanted.key,
            uri=uri(wanted.operation, wanted.key) if wanted.operation.startswith("REST.") else "",
            status=wanted.status,
            error=wanted.error,
            sent=wanted.size if reads else None,
            size=wanted.size if wanted.key and not wanted.error else None,
            took=took,
            turned=max(1, took - self._draw.whole(1, 7)),
            agent=wanted.agent,
            host_id=wanted.host_id or self._draw.opaque(56),
            host=f"{wanted.bucket}.s3.{home.region}.amazonaws.com",
            way="AuthHeader" if wanted.requester else "",
        )

    def _seen(self, event: _Event, request: _Request) -> Access | None:
        found = operation_of(event.name)
        if found is None:
            return None
        operation, query = found
        home = self._homes[request.bucket]
        service = not event.address[:1].isdigit() and ":" not in event.address
        extra = event.extra or _Extra()
        reads = operation.startswith("REST.GET")
        if request.prefix:
            query = f"{query}&prefix={quote(request.prefix, safe='')}"
        size = int(extra.sent if reads else extra.received)
        took = self._draw.whole(8, 120)
        inside = event.address.startswith(_OWN)
        return Access(
            owner=home.owner,
            bucket=request.bucket,
            address="" if service else event.address,
            requester=event.identity.arn or f"svc:{event.identity.invoked_by or event.address}",
            request_id=event.request_id or self._draw.request(),
            operation=operation,
            key=request.key,
            uri=uri(operation, request.key, query),
            status=status_of(operation, event.error),
            error=event.error,
            sent=int(extra.sent) or None,
            size=size if request.key and not event.error else None,
            took=took,
            turned=max(1, took - self._draw.whole(1, 7)),
            agent=event.agent.removeprefix("[").removesuffix("]"),
            host_id=extra.host_id or self._draw.opaque(56),
            host=request.host or f"{request.bucket}.s3.{home.region}.amazonaws.com",
            version=event.response.version if event.response else "",
            from_region=event.region if inside else "",
        )
