"""Times without records where the time around them has many: logs that are not there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

BIN = 300
"""Seconds of a bin: CloudTrail, flow logs and the rest deliver about every 5 minutes."""
_LEAST = 12
"""Bins that a silence lasts at least: an hour. Delivery may be late by a quarter of one."""
_MOST = 7 * 86_400 // BIN
"""A longer one parts two samples of logs: nobody meant to have what lies between."""
_BESIDE = 12
"""Bins on either side that say how busy the place is at that time."""
_BUSY = 7
"""Busy bins on either side at least: where less and less happens it is a night, and no outage."""
_EXPECTED = 1e-3
"""A silence is told when fewer of its length than this were to be expected by chance."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing came from an account and region between two times (UTC), though much did before and after.

    Or before alone, where other places went on: `end` is then the last of their records.
    """

    account: str
    region: str
    start: datetime
    end: datetime

    @property
    def hours(self) -> float:
        """How long it lasted."""
        return (self.end - self.start) / timedelta(hours=1)


def silences(account: str, region: str, bins: Iterable[int], last: int = 0) -> list[Silence]:
    """Return the silences between `bins`, each the number of a bin with records (Unix time / BIN).

    Records are taken to fall into a bin by chance, as often as in the bins beside the silence. `last` is the
    last bin in which any other place still had records: a place that ends well before it has fallen silent.
    """
    busy = sorted(set(bins))
    if not busy:
        return []
    span = busy[-1] - busy[0] + 1
    found: list[Silence] = []
    for place, (before, after) in enumerate(pairwise(busy)):
        silent = after - before - 1
        if not _LEAST <= silent <= _MOST:
            continue
        beside = sum(before - at < _BESIDE for at in busy[max(0, place - _BESIDE + 1) : place + 1])
        beyond = sum(at - after < _BESIDE for at in busy[place + 1 : place + 1 + _BESIDE])
        # The bin at the edge is busy by definition: it says nothing of how busy the place is.
        rate = (min(beside, beyond) - 1) / (_BESIDE - 1)
        if min(beside, beyond) >= _BUSY and span * (1 - rate) ** silent < _EXPECTED:
            found.append(Silence(account, region, _time(before + 1), _time(after)))
    silent = last - busy[-1]
    beside = sum(busy[-1] - at < _BESIDE for at in busy[-_BESIDE:])
    rate = (beside - 1) / (_BESIDE - 1)
    if _LEAST <= silent <= _MOST and beside >= _BUSY and span * (1 - rate) ** silent < _EXPECTED:
        found.append(Silence(account, region, _time(busy[-1] + 1), _time(last + 1)))
    return found


def _time(number: int) -> datetime:
    return datetime.fromtimestamp(number * BIN, UTC)
