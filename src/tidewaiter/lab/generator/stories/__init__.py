"""What happens besides the everyday: attacks that should be found, and innocent look-alikes that should not.

A new story is a module here with a subclass of `Campaign` or `Lookalike`, and a name in the tuples below.
"""

from __future__ import annotations

from tidewaiter.lab.generator.stories.audit import AuditPreparation
from tidewaiter.lab.generator.stories.leaked_key import LeakedKey
from tidewaiter.lab.generator.stories.rotation import KeyRotation
from tidewaiter.lab.generator.stories.story import Campaign, Lookalike, Story, Technique

__all__ = ["CAMPAIGNS", "LOOKALIKES", "Campaign", "Lookalike", "Story", "Technique"]

CAMPAIGNS: tuple[type[Campaign], ...] = (LeakedKey,)
LOOKALIKES: tuple[type[Lookalike], ...] = (AuditPreparation, KeyRotation)
