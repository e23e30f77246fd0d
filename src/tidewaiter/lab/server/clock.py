"""The lab's clock: the wall clock, or the stream's own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

ClockName = Literal["stream", "wall"]


def wall() -> datetime:
    """Return the present, aware, in UTC."""
    return datetime.now(UTC)


class LabClock:
    """Tells what time it is in the lab, aware in UTC.

    On the wall clock that is the present. On the stream's clock it is the latest TimeGenerated of all rows so
    far, so that a day from last month behaves as when it happened; before the first row, the present.
    """

    def __init__(self, name: ClockName, *, present: Callable[[], datetime] = wall) -> None:
        self.name = name
        self.present = present
        self._latest: datetime | None = None

    def now(self) -> datetime:
        """Return the lab's time."""
        if self.name == "wall" or self._latest is None:
            return self.present()
        return self._latest

    def started(self) -> datetime | None:
        """Return the lab's time; None on the stream's clock before the first row."""
        return self.now() if self.name == "wall" else self._latest

    def saw(self, at: datetime | None) -> None:
        """Note a row's time; the stream's clock never goes back."""
        if at is not None and (self._latest is None or at > self._latest):
            self._latest = at
