"""What runs remember: claims, the outbox, findings, entity state; SQLite by default, or PostgreSQL."""

from tidewaiter.state.counts import Counts
from tidewaiter.state.entities import EntityChange, Step
from tidewaiter.state.store import State, open_state
from tidewaiter.state.values import (
    Amount,
    Claim,
    Conflict,
    ObjectDone,
    OutboxTotals,
    RejectedRow,
    Unaudited,
    Waiting,
)

__all__ = [
    "Amount",
    "Claim",
    "Conflict",
    "Counts",
    "EntityChange",
    "ObjectDone",
    "OutboxTotals",
    "RejectedRow",
    "State",
    "Step",
    "Unaudited",
    "Waiting",
    "open_state",
]
