"""When things happen: working days with a lunch dip, night shifts, the even beat of a poller.

All times in this package are milliseconds since 00:00 UTC of the generated day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from tidewaiter.lab.generator.draw import Draw

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
LAST = DAY - SECOND

_BIN = 5 * MINUTE
_BINS = DAY // _BIN


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How activity spreads over a local day.

    `shape` is a polyline of (local hour, relative activity); it holds its last value until midnight.
    """

    shape: tuple[tuple[float, float], ...]

    def at(self, local_hour: float) -> float:
        """Return the relative activity at a local time in hours, 0 to 24."""
        before = (0.0, self.shape[-1][1])
        for point in self.shape:
            if local_hour <= point[0]:
                span = point[0] - before[0]
                part = (local_hour - before[0]) / span if span else 1.0
                return before[1] + part * (point[1] - before[1])
            before = point
        return before[1]


OFFICE = Rhythm(
    ((0, 0), (7.6, 0), (8.6, 0.5), (9.5, 1), (11.7, 0.95), (12.3, 0.25), (13.2, 0.3), (14, 1), (16.5, 0.8),
     (17.8, 0.3), (18.6, 0.03), (19, 0))
)  # fmt: skip
EARLY = Rhythm(
    ((0, 0), (6.5, 0), (7.2, 0.9), (11, 1), (11.8, 0.2), (12.6, 0.8), (15.2, 0.7), (16.2, 0), (24, 0))
)
ON_CALL = Rhythm(
    ((0, 0.02), (8, 0.02), (9, 0.9), (12.2, 0.9), (12.8, 0.3), (14, 1), (17.5, 0.8), (19, 0.1), (21, 0.2),
     (23, 0.08))
)  # fmt: skip
CUSTOMERS = Rhythm(((0, 0.25), (4, 0.15), (7, 0.6), (10, 1), (13, 0.85), (16, 1), (19, 0.8), (22, 0.4)))
NIGHT = Rhythm(((0, 0.9), (1, 1), (3.5, 1), (4.5, 0.2), (6, 0.02), (22, 0.02), (23.5, 0.6)))


def moments(draw: Draw, count: int, rhythm: Rhythm, utc_offset: float) -> list[int]:
    """Return `count` times in order, spread by the rhythm at that many hours from UTC.

    Offsets are numbers and not zone names, so that a day does not depend on the host's tz data.
    """
    weights = [rhythm.at((index * _BIN / HOUR + utc_offset) % 24) for index in range(_BINS)]
    bins = draw.random.choices(range(_BINS), cum_weights=list(accumulate(weights)), k=count)
    return sorted(index * _BIN + int(draw.chance_of() * _BIN) for index in bins)


def beats(draw: Draw, count: int, jitter: float = 0.06) -> list[int]:
    """Return `count` times at an even pace over the day, each off its beat by some of the pace."""
    pace = DAY / max(count, 1)
    phase = draw.between(0.1, 0.9)
    return [
        min(LAST, max(0, int((index + phase + draw.between(-jitter, jitter)) * pace)))
        for index in range(count)
    ]


def shares(count: int, weights: Sequence[float]) -> list[int]:
    """Split a count by weights so that the parts add up to it (largest remainders first)."""
    total = sum(weights) or 1.0
    exact = [count * weight / total for weight in weights]
    parts = [int(value) for value in exact]
    by_remainder = sorted(range(len(parts)), key=lambda index: (parts[index] - exact[index], index))
    for index in by_remainder[: count - sum(parts)]:
        parts[index] += 1
    return parts
