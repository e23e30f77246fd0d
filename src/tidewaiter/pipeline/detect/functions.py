"""The functions that a rule's lets may call: what the row-wise mapping language cannot say.

Each takes plain JSON values, returns null, a scalar or an object of texts, and raises nothing on bad input.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tidewaiter.asim.mapping.operators import Value
from tidewaiter.pipeline.detect.scope import Function
from tidewaiter.pipeline.detect.selectors import event_selectors
from tidewaiter.pipeline.detect.sharing import resource_policy, shared_with
from tidewaiter.pipeline.detect.storage import admits_service, expires_within, grants_everything
from tidewaiter.pipeline.detect.trust import trust_policy


def count(value: Value) -> int | None:
    """How many items a list or an object has; null for anything else."""
    return len(value) if isinstance(value, list | dict) else None


@dataclass(frozen=True, slots=True)
class Known:
    """A function and how many arguments it takes."""

    function: Function
    arguments: int


FUNCTIONS: Mapping[str, Known] = {
    "admits_service": Known(admits_service, 2),
    "count": Known(count, 1),
    "event_selectors": Known(event_selectors, 2),
    "expires_within": Known(expires_within, 3),
    "grants_everything": Known(grants_everything, 1),
    "resource_policy": Known(resource_policy, 2),
    "shared_with": Known(shared_with, 2),
    "trust_policy": Known(trust_policy, 2),
}
