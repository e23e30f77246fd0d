"""The incident scorer, the model that `ai.registry.INCIDENT_SCORER` describes."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from tidewaiter.core.findings import Signal

HIGHEST = 99
"""No incident is certain before a person has looked."""


def score(signals: Iterable[Signal]) -> int:
    """Return 0..99: 100 times the noisy-or of confidences over distinct techniques.

    1 - product(1 - c), c being the highest confidence among the signals of a technique.
    """
    surest: dict[str, float] = {}
    for signal in signals:
        surest[signal.technique] = max(surest.get(signal.technique, 0.0), signal.confidence)
    return min(HIGHEST, round(100 * (1 - prod(1 - confidence for confidence in surest.values()))))
