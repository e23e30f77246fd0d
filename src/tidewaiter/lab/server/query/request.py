"""What a caller asks: the query, its time range, and the preferences of the header."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from tidewaiter.kql import Timespan
from tidewaiter.lab.server.errors import ServiceError

_DURATION = re.compile(
    r"P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+(?:\.\d+)?)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_INSTANT = timedelta(milliseconds=1)


class Body(msgspec.Struct, frozen=True):
    """The body of a request; `workspaces` are further ones to read from."""

    query: str = ""
    timespan: str | None = None
    workspaces: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Preferences:
    """What the header `Prefer` asks for; `wait` in seconds, None for the default."""

    wait: int | None = None
    statistics: bool = False
    render: bool = False

    @classmethod
    def of(cls, header: str) -> Preferences:
        """Read a header; what is not known in it counts for nothing, as everywhere with `Prefer`."""
        said = {
            name.strip().lower(): value.strip().lower()
            for name, _, value in (part.partition("=") for part in re.split(r"[,;]", header))
        }
        wait = said.get("wait", "")
        return cls(
            wait=max(1, int(wait)) if wait.isdecimal() and int(wait) else None,
            statistics=said.get("include-statistics") == "true",
            render=said.get("include-render") == "true",
        )


def timespan_of(text: str | None, now: datetime) -> Timespan | None:
    """Return the time range that a `timespan` means at `now`, or None for none.

    ISO 8601: a duration up to now, both ends of an interval, or one end and a duration. The lab's newest row
    may be of the very instant that `now` is, and changes of one incident at that instant are microseconds
    later, each after the other; they belong to a duration up to now.

    Raises:
        ServiceError: 400, it cannot be read.
    """
    if not text:
        return None
    first, slash, second = text.strip().partition("/")
    try:
        if not slash:
            return now - _duration(first), now + _INSTANT
        if first.startswith("P"):
            end = _moment(second)
            return end - _duration(first), end
        start = _moment(first)
        return start, start + _duration(second) if second.startswith("P") else _moment(second)
    except (ValueError, OverflowError):
        message = f"The timespan '{text}' is no ISO 8601 duration or interval."
        raise invalid("QueryValidationError", message) from None


def invalid(code: str, message: str, **more: object) -> ServiceError:
    """Return the answer to a request that is wrong, with what is wrong as the inner error."""
    inner = {"code": code, "message": message, **more}
    said = "The request had some invalid properties"
    return ServiceError(400, "BadArgumentError", said, members={"innererror": inner})


def _duration(text: str) -> timedelta:
    found = _DURATION.fullmatch(text)
    if found is None or not any(found.groups()):
        raise ValueError(text)
    return timedelta(**{unit: float(value) for unit, value in found.groupdict().items() if value})


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
