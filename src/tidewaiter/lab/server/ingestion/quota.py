"""Limits per minute and DCR."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tidewaiter.lab.server.errors import ServiceError

REQUESTS_PER_MINUTE = 12_000
BYTES_PER_MINUTE = 2_000_000_000
"""Of uncompressed data. Both: "Azure Monitor service limits", Logs Ingestion API, 2025-08-28."""

_MINUTE = timedelta(minutes=1)


@dataclass(slots=True)
class _Window:
    start: datetime
    requests: int = 0
    bytes: int = 0


class Quota:
    """Counts by DCR in windows of a minute that begin with the first request after the last one."""

    def __init__(
        self,
        present: Callable[[], datetime],
        *,
        requests: int = REQUESTS_PER_MINUTE,
        size: int = BYTES_PER_MINUTE,
    ) -> None:
        self.requests = requests
        self.size = size
        self._present = present
        self._windows: dict[str, _Window] = {}

    def take(self, rule: str, size: int) -> None:
        """Count a request of `size` bytes.

        Raises:
            ServiceError: 429 with Retry-After (whole seconds); the request is not counted.
        """
        now = self._present()
        window = self._windows.get(rule)
        if window is None or now - window.start >= _MINUTE:
            window = self._windows[rule] = _Window(now)
        if window.requests >= self.requests or window.bytes + size > self.size:
            wait = max(1, math.ceil((window.start + _MINUTE - now).total_seconds()))
            what = "requests" if window.requests >= self.requests else "data volume"
            message = f"The limit of {what} per minute was exceeded for data collection rule '{rule}'."
            raise ServiceError(429, "TooManyRequests", message, headers={"Retry-After": str(wait)})
        window.requests += 1
        window.bytes += size
