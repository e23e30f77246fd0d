"""Rounds of two contestants in turn; the best of each counts, in CPU seconds of this process."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Duel:
    """`ratio` is reference time over ours: above 1 ours is faster. `rounds` holds each round's ratio."""

    ours: float
    reference: float
    rounds: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """How many times as fast as the reference ours is, by the best rounds."""
        return self.reference / self.ours


def duel(ours: Callable[[], object], reference: Callable[[], object], *, rounds: int = 7) -> Duel:
    """Run both in turn; the first round only warms up."""
    times: list[tuple[float, float]] = []
    for _ in range(rounds + 1):
        times.append((_cpu(ours), _cpu(reference)))
    times.pop(0)
    return Duel(min(o for o, _ in times), min(r for _, r in times), tuple(r / o for o, r in times))


def _cpu(run: Callable[[], object]) -> float:
    gc.collect()
    start = time.process_time()
    run()
    return time.process_time() - start
