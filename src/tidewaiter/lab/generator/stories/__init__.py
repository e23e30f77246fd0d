"""What happens besides the everyday: attacks that should be found, and innocent look-alikes that should not.

A new story is a module here with a subclass of `Campaign` or `Lookalike`, and a name in the tuples below.

A day of `WHOLE` events or more holds all of them. A smaller one holds the first campaign and the first two
look-alikes alone: eight attacks would be a large part of it, which no company's day is.
"""

from __future__ import annotations

from tidewaiter.lab.generator.company import Company
from tidewaiter.lab.generator.stories.audit import AuditPreparation
from tidewaiter.lab.generator.stories.cleanup import ScratchCleanup
from tidewaiter.lab.generator.stories.consent import PipelineConsent
from tidewaiter.lab.generator.stories.entry import INTRUDER
from tidewaiter.lab.generator.stories.helpdesk import HelpdeskReset
from tidewaiter.lab.generator.stories.insider import Insider
from tidewaiter.lab.generator.stories.leaked_key import LeakedKey
from tidewaiter.lab.generator.stories.metadata import StolenMetadata
from tidewaiter.lab.generator.stories.migration import Migration
from tidewaiter.lab.generator.stories.mining import Mining
from tidewaiter.lab.generator.stories.pentest import TESTERS, PenetrationTest
from tidewaiter.lab.generator.stories.ransom import Ransom
from tidewaiter.lab.generator.stories.render import BatchRender
from tidewaiter.lab.generator.stories.rotation import KeyRotation
from tidewaiter.lab.generator.stories.spray import PasswordSpray
from tidewaiter.lab.generator.stories.story import Campaign, Lookalike, Story, Technique
from tidewaiter.lab.generator.stories.traveller import Traveller
from tidewaiter.lab.generator.stories.vendor import VendorTakeover

__all__ = [
    "CAMPAIGNS",
    "CAST",
    "LOOKALIKES",
    "WHOLE",
    "Campaign",
    "Lookalike",
    "Story",
    "Technique",
    "campaigns_of",
    "cast_of",
    "lookalikes_of",
]

WHOLE = 20_000
"""The smallest number of CloudTrail events of a day that holds every story."""

CAMPAIGNS: tuple[type[Campaign], ...] = (
    LeakedKey,
    PasswordSpray,
    StolenMetadata,
    PipelineConsent,
    Ransom,
    Mining,
    Insider,
    VendorTakeover,
)
LOOKALIKES: tuple[type[Lookalike], ...] = (
    AuditPreparation,
    KeyRotation,
    Traveller,
    BatchRender,
    ScratchCleanup,
    Migration,
    HelpdeskReset,
    PenetrationTest,
)
CAST = (
    (INTRUDER, "intruder", "People outside who use what was stolen and what it opens"),
    (TESTERS, "human", "Penetration testers whom the company has hired; only in their own story"),
)
"""Who appears in stories only: (id, kind, description)."""


def campaigns_of(company: Company, events: int) -> list[Campaign]:
    """Return the attacks of a day of that many events."""
    return [kind(company) for kind in (CAMPAIGNS if events >= WHOLE else CAMPAIGNS[:1])]


def lookalikes_of(company: Company, events: int) -> list[Lookalike]:
    """Return the innocent stories of a day of that many events."""
    return [kind(company) for kind in (LOOKALIKES if events >= WHOLE else LOOKALIKES[:2])]


def cast_of(events: int) -> tuple[tuple[str, str, str], ...]:
    """Return those of `CAST` who come on a day of that many events."""
    return CAST if events >= WHOLE else CAST[:1]
