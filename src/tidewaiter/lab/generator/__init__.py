"""Writes a small believable day of one company on AWS, with the truth about it.

    truth = generate(Path("day"), events=30_000, seed=7)

**The company** (`company`): Kestrel & Rowe, parcel logistics: an organisation of three accounts (core,
production, development) in three regions. **Personas** (`personas`) are people, IAM users, vendors, AWS
services, workloads and pipelines; each has a share of the day's events, hours or a pace, habits, and a
rate of calls that fail. **Stories** (`stories`) come on top: one attack across the day, and innocent
look-alikes.

**How a day is made** (`day`): every persona plans exactly its share as light deeds (who, when, where, which
call); all deeds are sorted by time; each becomes a record (`record`) whose parameters were named after
AWS's service models (`calls`); the records are delivered as CloudTrail does it (`trail`: by account and
region, every few minutes, some late, not in order), with digests and one Insights file (`digest`). VPC
Flow Logs of two networks, default and custom format, stand beside them (`flows`).

**What is written** below the folder: `AWSLogs/<organisation>/<account>/CloudTrail{,-Digest,-Insight}/…`,
`AWSLogs/<account>/vpcflowlogs/…`, and `truth.json` (`truth.Truth`): all event ids, personas with their
principals, the campaign's events by ATT&CK technique, the look-alikes' events.

**Chance** comes from named streams of the seed alone; there is no clock, so that seed, day and number of
events determine every byte. The package knows nothing of detection or reduction (DESIGN, section 2).
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
