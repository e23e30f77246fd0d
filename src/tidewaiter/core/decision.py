"""Decisions: what happened to an event that was not delivered verbatim (DESIGN section 3)."""

from __future__ import annotations

from typing import Literal

import msgspec

Action = Literal["drop", "merge", "tier", "duplicate", "quarantine"]


class Decision(msgspec.Struct, frozen=True):
    """One event's decision, as `decisions/` and the audit trail keep it.

    `kept_id` is the event that stands for this one ("" when none does); `confidence` and `model_version` are
    None and "" where no model was asked; `phase` is the source's, `at` when it was decided (ISO 8601, UTC).
    """

    event_id: str
    action: Action
    kept_id: str = ""
    policy: str = ""
    rule_id: str = ""
    reason: str = ""
    confidence: float | None = None
    model_version: str = ""
    phase: str = "active"
    at: str = ""
