"""What a sender did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import msgspec

from tidewaiter.core.outbox import OutboxBatch


class SendReport(msgspec.Struct, frozen=True):
    """What was sent, in requests that were accepted unless said otherwise.

    `bytes` are of the arrays, uncompressed; `billed` what Log Analytics bills. `requests` counts all, and
    `by_status` tells them apart: `204`, other statuses, `throttled`, `uncertain`, `unreachable`. `retries`
    are batches that were put back, `possibly_sent` those of them that may have been stored; `splits` batches
    that were divided; `dead` batches that were given up and kept; `rejected` rows in quarantine.
    """

    batches: int = 0
    rows: int = 0
    bytes: int = 0
    billed: int = 0
    requests: int = 0
    retries: int = 0
    possibly_sent: int = 0
    splits: int = 0
    dead: int = 0
    rejected: int = 0
    by_status: dict[str, int] = msgspec.field(default_factory=dict)


@dataclass(slots=True)
class Tally:
    """The counts of a sender at work."""

    batches: int = 0
    rows: int = 0
    bytes: int = 0
    billed: int = 0
    retries: int = 0
    splits: int = 0
    dead: int = 0
    rejected: int = 0
    uncertain: set[str] = field(default_factory=set)
    by_status: Counter[str] = field(default_factory=Counter)

    def sent(self, batch: OutboxBatch) -> None:
        """Count a batch that was accepted."""
        self.batches += 1
        self.rows += batch.rows
        self.bytes += batch.size
        self.billed += batch.billed

    def report(self) -> SendReport:
        """Return the counts so far."""
        return SendReport(
            self.batches,
            self.rows,
            self.bytes,
            self.billed,
            self.by_status.total(),
            self.retries,
            len(self.uncertain),
            self.splits,
            self.dead,
            self.rejected,
            dict(sorted(self.by_status.items())),
        )
