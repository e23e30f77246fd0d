"""Asking a table for its rows, in the order in which they were received, page by page.

A page ends before the time of its last row, and the next one begins there: nothing is lost between rows of
one time, and nothing is asked for twice. An answer that the service cut (500,000 rows, about 100 MB; "Azure
Monitor service limits", 2026-11) is thrown away, and fewer rows are asked for. Where more rows than a page
holds were received at one instant, those are read by their TimeGenerated in the same way.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tidewaiter.asim.mapping.kql.binding import quoted_name
from tidewaiter.asim.mapping.native_reader import Row
from tidewaiter.core.errors import DeliveryError
from tidewaiter.kql import literal
from tidewaiter.sentinel import Unreadable
from tidewaiter.sentinel.query import Answer

Ask = Callable[[str], Awaitable[Answer]]
MOST_ROWS = 2_000
"""Rows of a page at most: findings of 20 kB each are 40 MB."""
_MOST_ANSWERED = 500_000
TICK = timedelta(microseconds=1)
RECEIVED = "tw_received"
_INGESTED, _GENERATED = "ingestion_time()", "TimeGenerated"
FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)


class TooDense(DeliveryError):
    """More rows of one time than an answer holds: they cannot be read in parts."""

    retry = False


@dataclass(frozen=True, slots=True)
class Page:
    """Rows that were received from `start` (included) to `end`; `part` numbers pages of the same instant.

    When a page is taken, everything before `until` is.
    """

    start: datetime
    end: datetime
    rows: tuple[Row, ...]
    until: datetime
    part: int = 0


@dataclass(frozen=True, slots=True)
class _Span:
    """What is asked for: rows with `key` from `start` to `end`, and `beside` holds."""

    key: str
    start: datetime
    end: datetime
    beside: str = ""

    def kql(self, table: str, most: int) -> str:
        where = f"{self.key} >= {literal(self.start)} and {self.key} < {literal(self.end)}"
        return "\n".join(
            [
                quoted_name(table),
                f"| where {self.beside} and {where}" if self.beside else f"| where {where}",
                f"| extend {RECEIVED} = {self.key}",
                f"| top {most} by {RECEIVED} asc",
            ]
        )


async def pages(
    ask: Ask, table: str, start: datetime, end: datetime, *, most: int = MOST_ROWS
) -> AsyncIterator[Page]:
    """Yield the rows of `table` that were received from `start` (included) to `end`, aware datetimes.

    Raises:
        TooDense: an answer does not hold the rows of one time. What `ask` raises.
    """
    span = _Span(_INGESTED, start, end)
    async for begun, done, rows, whole in _read(ask, table, span, most):
        if whole:
            yield Page(begun, done, rows, done)
            continue
        part, instant = 0, f"{_INGESTED} >= {literal(begun)} and {_INGESTED} < {literal(begun + TICK)}"
        inner = _Span(_GENERATED, FIRST, LAST, instant)
        async for _, last, some, enough in _read(ask, table, inner, most):
            if not enough:
                message = f"more than {most:,} rows of {table} are of one time, and an answer holds fewer"
                raise TooDense(message, hint="read the source's own export with --from, and do not pull it")
            part += 1
            until = begun + TICK if last == LAST else begun
            yield Page(begun, begun + TICK, some, until, part)


async def _read(
    ask: Ask, table: str, span: _Span, most: int
) -> AsyncIterator[tuple[datetime, datetime, tuple[Row, ...], bool]]:
    """Yield (start, end, rows, True) for a page, (start, end, (), False) for an instant that is too full."""
    start, wanted, cut_at = span.start, most, _MOST_ANSWERED
    while start < span.end:
        answer = await ask(_Span(span.key, start, span.end, span.beside).kql(table, wanted))
        rows = _rows(answer)
        if answer.partial is not None:
            if wanted == 1:
                raise TooDense(f"{table} holds a row that no answer can hold", hint="report this")
            cut_at, wanted = wanted, max(1, min(wanted, len(rows) or wanted) // 2)
            continue
        if len(rows) < wanted:
            yield start, span.end, rows, True
            return
        last = _moment(rows[-1][RECEIVED])
        before = tuple(row for row in rows if _moment(row[RECEIVED]) < last)
        if before:
            yield start, last, before, True
            start = last
        elif span.beside and wanted * 2 < cut_at:
            wanted *= 2
            continue
        else:
            yield last, last + TICK, (), False
            start = last + TICK
        wanted = min(most, wanted * 2)  # one large row does not make all later pages small


def _rows(answer: Answer) -> tuple[Row, ...]:
    names = [column.name for column in answer.primary.columns]
    if RECEIVED not in names:
        raise Unreadable(f"the answer lacks the column {RECEIVED}, which the query adds")
    return tuple(dict(zip(names, row, strict=False)) for row in answer.primary.rows)


def _moment(cell: object) -> datetime:
    """Return a time to the microsecond; finer ones are rounded down, so that what follows is asked for."""
    text = str(cell).removesuffix("Z").partition("+")[0]
    whole, _, digits = text.partition(".")
    try:
        return datetime.fromisoformat(f"{whole}.{digits[:6].ljust(6, '0')}+00:00")
    except ValueError:
        raise Unreadable(f"the answer has {text[:40]!r} where a time stands") from None
