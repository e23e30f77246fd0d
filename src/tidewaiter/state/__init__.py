"""What a run remembers, in one SQLite file: claims, event ids seen, findings, faults."""

from tidewaiter.state.counts import Counts
from tidewaiter.state.store import Claim, Intent, ObjectDone, State

__all__ = ["Claim", "Counts", "Intent", "ObjectDone", "State"]
