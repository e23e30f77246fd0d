"""What one query, and one caller, may use.

Source: "Azure Monitor service limits", Log queries and language, and Query API (2026-11): 500,000 rows, about
100 MB, 10 minutes (3 by default), 200 requests in 30 seconds and user, 100 queries in a batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tidewaiter.kql import Limits
from tidewaiter.lab.server.errors import ServiceError


@dataclass(slots=True)
class QueryLimits:
    """The documented limits; `windows` counts a caller's requests since the first of the last 30 seconds."""

    rows: int = 500_000
    bytes: int = 100 * 1024 * 1024
    seconds: float = 600.0
    seconds_by_default: float = 180.0
    requests: int = 200
    window: timedelta = timedelta(seconds=30)
    batch: int = 100
    windows: dict[str, tuple[datetime, int]] = field(default_factory=dict)

    def of(self, wait: int | None) -> Limits:
        """Return the limits of a query whose caller waits so many seconds."""
        seconds = self.seconds_by_default if wait is None else float(wait)
        return Limits(self.rows, self.bytes, min(seconds, self.seconds))

    def take(self, caller: str, now: datetime) -> None:
        """Count a request.

        Raises:
            ServiceError: 429 with Retry-After (whole seconds); the request is not counted.
        """
        start, count = self.windows.get(caller, (now, 0))
        if now - start >= self.window:
            start, count = now, 0
        if count >= self.requests:
            wait = max(1, math.ceil((start + self.window - now).total_seconds()))
            seconds = self.window.total_seconds()
            message = f"The limit of {self.requests} requests in {seconds:g} seconds was exceeded."
            raise ServiceError(429, "ThrottledError", message, headers={"Retry-After": str(wait)})
        self.windows[caller] = (start, count + 1)
