"""What goes into the state and comes out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from tidewaiter.core.faults import Fault, Quarantined
from tidewaiter.core.findings import Signal
from tidewaiter.core.outbox import OutboxBatch
from tidewaiter.state.counts import Counts


@dataclass(frozen=True, slots=True)
class Claim:
    """One version of one object, taken: `digest` stands for its bytes as an ETag does."""

    object_id: str
    digest: str
    source: str
    kind: str
    size: int
    mtime_ns: int

    @property
    def version(self) -> tuple[str, str]:
        """The key under which the object is claimed."""
        return self.object_id, self.digest


@dataclass(slots=True)
class ObjectDone:
    """A claimed object with all that came of it; `keys` identify its events for deduplication.

    `root` is the Merkle root of its `decided` decisions, which lie in the part `part` ("" and 0: none).
    """

    claim: Claim
    counts: Counts
    rows: dict[str, int] = field(default_factory=dict)
    keys: list[int] = field(default_factory=list)
    signals: Sequence[Signal] = ()
    faults: Sequence[Fault] = ()
    quarantined: Sequence[Quarantined] = ()
    root: str = ""
    decided: int = 0
    part: str = ""


@dataclass(frozen=True, slots=True)
class Unaudited:
    """An object whose decisions the audit trail does not have yet."""

    claim: Claim
    root: str
    decided: int
    part: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A batch of the outbox. `possibly_sent`: an attempt ended without an answer, so it may have arrived.

    `attempts` counts the requests that were begun, `error` says how the last one ended.
    """

    batch: OutboxBatch
    attempts: int = 0
    possibly_sent: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that the destination refuses; `place` is its index in the batch."""

    place: int
    row: bytes
    reason: str


class Amount(msgspec.Struct, frozen=True):
    """How many batches, and rows in them."""

    batches: int = 0
    rows: int = 0


class OutboxTotals(msgspec.Struct, frozen=True):
    """The outbox by status; `possibly_sent` are among the others."""

    pending: Amount = Amount()
    sending: Amount = Amount()
    sent: Amount = Amount()
    dead: Amount = Amount()
    possibly_sent: Amount = Amount()


class Conflict(Exception):
    """Another process claimed one of these objects, or noted one of these events, first.

    Nothing was written. Look anew what is claimed and seen, settle again, and commit what is left.
    """

    def __init__(self, objects: Sequence[Claim] = (), keys: int = 0) -> None:
        super().__init__(f"{len(objects)} objects and {keys} events were taken by another process")
        self.objects = tuple(objects)
        self.keys = keys
