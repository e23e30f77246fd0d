"""How fast one DCR may be sent to.

12,000 requests and 2 GB a minute (Azure Monitor service limits, Logs Ingestion API, Microsoft, 2025-08);
bytes are counted uncompressed, the stricter reading.
"""

from __future__ import annotations

from dataclasses import dataclass, field

REQUESTS_A_MINUTE = 12_000
BYTES_A_MINUTE = 2_000_000_000
_MARGIN = 0.9
"""Other senders to the same DCR, and clocks that differ."""
_BURST = 6.0
"""Seconds' worth that may go at once."""


@dataclass(slots=True)
class Pace:
    """Spreads requests to one DCR evenly, with a burst of a tenth of a minute's worth."""

    requests: int = REQUESTS_A_MINUTE
    bytes: int = BYTES_A_MINUTE
    _free_at: dict[str, float] = field(default_factory=dict)

    def reserve(self, now: float, size: int) -> float:
        """Take the room of one request of `size` bytes; return the seconds to wait before it is sent.

        `now` is in seconds, on any clock that does not go back.
        """
        needs = {"requests": 60 / (self.requests * _MARGIN), "bytes": 60 * size / (self.bytes * _MARGIN)}
        wait = 0.0
        for name, seconds in needs.items():
            free_at = max(self._free_at.get(name, now), now)
            wait = max(wait, free_at - now - _BURST)
            self._free_at[name] = free_at + seconds
        return wait
