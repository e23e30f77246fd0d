"""Asking: the Log Analytics query API.

Source: Azure Monitor Log Analytics API request and response format, and Service limits (Microsoft, read
2026-11-23): POST `{endpoint}/v1/workspaces/{id}/query`; at most 500,000 rows, about 100 MB, 10 minutes,
200 requests in 30 seconds. An answer that is incomplete is a 200 with `error` beside `tables`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from tidewaiter.clouds import Timeouts
from tidewaiter.sentinel.arm import segment
from tidewaiter.sentinel.errors import Unreadable
from tidewaiter.sentinel.session import Session, decode

Value = str | int | float | bool | None
MOST_REPLY = 256 * 1024 * 1024
_SECONDS = 600
_TIMEOUTS = Timeouts(read=_SECONDS + 30.0, total=_SECONDS + 60.0)


class Column(msgspec.Struct, frozen=True):
    """A column of an answer; `type` is a KQL type."""

    name: str
    type: str


class Problem(msgspec.Struct, frozen=True):
    """Why an answer is incomplete."""

    code: str = ""
    message: str = ""


class QueryTable(msgspec.Struct, frozen=True):
    """A table of an answer: typed columns, and rows of values in their order.

    Values are as the service writes them: long, int and real are numbers (`NaN` and the infinities are
    strings), bool is bool, datetime, timespan, guid and decimal are strings, dynamic is JSON text.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    name: str = "PrimaryResult"


class Answer(msgspec.Struct, frozen=True):
    """What a query found; `partial` says why it is incomplete, and is None when it is not."""

    tables: tuple[QueryTable, ...]
    partial: Problem | None = None

    @property
    def primary(self) -> QueryTable:
        """The first table, an empty one when there is none."""
        return self.tables[0] if self.tables else QueryTable((), ())


class _Table(msgspec.Struct, frozen=True):
    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[msgspec.Raw, ...], ...] = ()
    name: str = "PrimaryResult"


class _Answer(msgspec.Struct, frozen=True):
    tables: tuple[_Table, ...] = ()
    error: Problem | None = None


Timespan = timedelta | tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class LogsQuery:
    """Queries one workspace."""

    session: Session
    endpoint: str
    scope: str
    workspace_id: str

    async def query(self, kql: str, timespan: Timespan | None = None) -> Answer:
        """Run a query; tried again after passing failures, since it changes nothing.

        `timespan` narrows TimeGenerated beside what the query says: the last so much, or from (inclusive)
        to (aware datetimes).

        Raises:
            Refused: the query is wrong (400; the code is the service's, such as BadArgumentError), or not
                allowed to this identity (403).
            Throttled, Uncertain, Unreachable: after all attempts.
            Unreadable: the answer is not as documented.
        """
        body: dict[str, str] = {"query": kql}
        if timespan is not None:
            body["timespan"] = iso_timespan(timespan)
        content = msgspec.json.encode(body)
        url = f"{self.endpoint.rstrip('/')}/v1/workspaces/{segment(self.workspace_id)}/query"
        reply = await self.session.read(
            lambda: self.session.send(
                "POST",
                url,
                scope=self.scope,
                what="the query",
                ok=(200,),
                headers={"Content-Type": "application/json", "Prefer": f"wait={_SECONDS}"},
                content=content,
                timeouts=_TIMEOUTS,
                most_reply=MOST_REPLY,
            )
        )
        try:
            said = decode(reply.body, _Answer, "the query")
        except Unreadable:
            said = decode(_whole_signs(reply.body), _Answer, "the query")
        return Answer(tuple(_read(table) for table in said.tables), said.error)


def iso_timespan(timespan: Timespan) -> str:
    """Return a timespan in ISO 8601: `PT3600S`, or `start/end` in UTC."""
    if isinstance(timespan, timedelta):
        return iso_duration(timespan)
    return "/".join(moment.isoformat() for moment in timespan)


def iso_duration(duration: timedelta) -> str:
    """Return a duration in ISO 8601, as days, hours, minutes and seconds: `P1DT2H`."""
    rest = duration.seconds
    date = f"{duration.days}D" if duration.days else ""
    parts = ((rest // 3600, "H"), (rest // 60 % 60, "M"), (rest % 60, "S"))
    time = "".join(f"{count}{unit}" for count, unit in parts if count)
    return f"P{date}T{time}" if time else f"P{date or 'T0S'}"


def _read(table: _Table) -> QueryTable:
    rows = tuple(tuple(_value(raw) for raw in row) for row in table.rows)
    return QueryTable(table.columns, rows, table.name)


def _value(raw: msgspec.Raw) -> Value:
    data = bytes(raw)
    if data[:1] in (b"{", b"["):
        return data.decode()
    value: Value = msgspec.json.decode(data)
    return value


def _whole_signs(body: bytes) -> bytes:
    """Return a body in which halves of surrogate pairs, which a text from a log may hold, are question marks.

    They have no UTF-8 form, so that a strict decoder refuses all of the answer for one.
    """
    try:
        return json.dumps(json.loads(body), ensure_ascii=False).encode("utf-8", "replace")
    except (ValueError, RecursionError):
        return body
