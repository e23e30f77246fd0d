"""Writes believable days of one company on AWS and Azure, with the truth about them.

    truth = generate(Path("day"), events=30_000, seed=7)
    truth = generate(Path("week"), days=7, faults=True)

**The company** (`company`): Kestrel & Rowe, parcel logistics: an organisation of six accounts in three
regions, and an Entra tenant. **Personas** (`personas`) are people, IAM users, vendors, AWS services,
workloads and pipelines; each has a share of the day's events, hours or a pace, habits, and a rate of
calls that fail. **Stories** (`stories`) come on top: attacks over both clouds, and innocent
look-alikes.

**How a day is made** (`day` for the series, `making` for one day): every persona plans exactly its
share as light deeds (who, when, where, which call); all deeds are sorted by time; each becomes a record
(`record`) whose parameters were named after AWS's service models (`calls`); the records are delivered
as CloudTrail does it (`trail`: by account and region, every few minutes, some late, not in order), with
digests and one Insights file (`digest`). The other logs are written beside them, each by a package of
its own (`flows`, `dns`, `s3_access`, `findings`, `entra`, `cost`): their everyday, and what stories ask
for (`others`). They agree: `s3_access` sees the records of S3, `entra.federation` the portal sessions,
`dns` what `flows` connects to.

**What is written** below the folder: `AWSLogs/`, `S3AccessLogs/`, `AzureLogs/`, `CostExports/`, and
`truth.json` (`truth.Truth`, gathered by `evidence`): all event ids, personas with their principals, the
stories' events by ATT&CK technique, where their records in the other logs lie, and with `faults` every
damaged object with what should come of it. docs/reference/generator.md tells of all of it.

**Chance** comes from named streams of seed and day alone; there is no clock, so that seed, day and
numbers determine every byte. The package knows nothing of detection or reduction (DESIGN, section 2).
"""

from __future__ import annotations

from tidewaiter.lab.generator.day import (
    DEFAULT_DAY,
    DEFAULT_EVENTS,
    DEFAULT_SEED,
    FEWEST,
    MOST_DAYS,
    generate,
    planned,
)
from tidewaiter.lab.generator.truth import Truth, read_truth

__all__ = [
    "DEFAULT_DAY",
    "DEFAULT_EVENTS",
    "DEFAULT_SEED",
    "FEWEST",
    "MOST_DAYS",
    "Truth",
    "generate",
    "planned",
    "read_truth",
]
