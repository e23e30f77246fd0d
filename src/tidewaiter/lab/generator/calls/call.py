"""One API call, before anyone made it: what the record says about the request and its answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tidewaiter.lab.generator.draw import Draw

Json = dict[str, object]
EventType = Literal["AwsApiCall", "AwsServiceEvent", "AwsConsoleSignIn"]


@dataclass(frozen=True, slots=True)
class Call:
    """What one record says beside who, when and where.

    `source` is the event source without `.amazonaws.com`; `host` the endpoint's host name where it is
    not `<source>.<region>.amazonaws.com`. `error` is (errorCode, errorMessage), a code of "" is left out.
    `firm` calls never meet a random error. `shared` calls carry a `sharedEventID`.
    """

    source: str
    name: str
    request: Json | None = None
    response: Json | None = None
    read_only: bool = True
    resources: tuple[Json, ...] = ()
    additional: Json | None = None
    details: Json | None = None
    kind: EventType = "AwsApiCall"
    data: bool = False
    shared: bool = False
    firm: bool = False
    host: str = ""
    api_version: str = ""
    error: tuple[str, str] | None = None


Make = Callable[[Draw], Call]
"""Makes a call with fresh parameters each time it is made."""


def read(source: str, name: str, /, **request: object) -> Make:
    """Return a maker of a call that only reads; no parameters are recorded as null."""
    call = Call(source, name, request or None)
    return lambda _draw: call


def write(source: str, name: str, /, *, response: Json | None = None, **request: object) -> Make:
    """Return a maker of a call that changes something."""
    call = Call(source, name, request or None, response, read_only=False)
    return lambda _draw: call


def resource(kind: str, arn: str, account: str) -> Json:
    """Return an element of `resources`."""
    return {"accountId": account, "type": kind, "ARN": arn}


def aws_date(stamp: str) -> str:
    """Return `2026-03-17T08:15:42Z` as IAM and STS write dates in responses: `Mar 17, 2026, 8:15:42 AM`."""
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    hour = int(stamp[11:13])
    half = "AM" if hour < 12 else "PM"
    day = f"{months[int(stamp[5:7]) - 1]} {int(stamp[8:10])}, {stamp[:4]}"
    return f"{day}, {(hour + 11) % 12 + 1}{stamp[13:19]} {half}"
