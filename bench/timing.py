"""Rounds of two contestants in turn, in CPU seconds of this process, so that others' load tells little."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Duel:
    """CPU seconds of each round: `ours[n]` and `reference[n]` ran one after the other."""

    ours: tuple[float, ...]
    reference: tuple[float, ...]

    @property
    def speed(self) -> float:
        """How many times as fast as the reference ours is: the median of the rounds."""
        return median(r / o for o, r in zip(self.ours, self.reference, strict=True))

    @property
    def cost(self) -> float:
        """How many times the reference's CPU time ours takes: the median of the rounds."""
        return median(o / r for o, r in zip(self.ours, self.reference, strict=True))


def duel(ours: Callable[[], object], reference: Callable[[], object], *, rounds: int = 7) -> Duel:
    """Run both in turn; the first round only warms up."""
    times: list[tuple[float, float]] = []
    for _ in range(rounds + 1):
        times.append((cpu_seconds(ours), cpu_seconds(reference)))
    times.pop(0)
    return Duel(tuple(o for o, _ in times), tuple(r for _, r in times))


def cpu_seconds(run: Callable[[], object]) -> float:
    """Return the CPU time of one run."""
    gc.collect()
    start = time.process_time()
    run()
    return time.process_time() - start
