"""Phases, capabilities, and the permit that every change of the outside world needs.

Only `govern` mints permits (an import and a source test hold that); `govern.enforce` is the one place that
says whether a permit covers an act.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Phase(Enum):
    """How far a source has been rolled out (DESIGN section 10)."""

    SHADOW = "shadow"
    SELECTIVE = "selective"
    ACTIVE = "active"


class Capability(Enum):
    """What a permit may allow; one member for each kind of change outside."""

    DELIVER_ROWS = "deliver.rows"
    DELIVER_SUMMARIES = "deliver.summaries"
    RAISE_ALERTS = "alerts.raise"
    WRITE_ARCHIVE = "archive.write"
    PROVISION = "workspace.provision"
    WRITE_INCIDENTS = "incidents.write"
    WRITE_WATCHLISTS = "watchlists.write"
    WRITE_RULES = "rules.write"
    WRITE_HUNTS = "hunts.write"
    WRITE_FUNCTIONS = "functions.write"


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to use one capability for one source ("*" for none in particular) until it expires.

    `approval` names who or what allowed it: a setting, a person's approval, the lab. `expires` is aware, UTC.
    """

    capability: Capability
    source: str
    phase: Phase
    approval: str
    expires: datetime
