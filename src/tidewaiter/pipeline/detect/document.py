"""An incident as it is written: one JSON line with its provenance."""

from __future__ import annotations

from typing import Any

import msgspec

from tidewaiter.ai import INCIDENT_SCORER, stamp
from tidewaiter.core.findings import Incident


def incident_json(incident: Incident) -> bytes:
    """Return the incident as one line of JSON without its line end (members: DESIGN section 12).

    The model's confidence is the score on a scale of 0..1.
    """
    document: dict[str, Any] = msgspec.to_builtins(incident)
    return msgspec.json.encode(stamp(document, INCIDENT_SCORER, incident.score / 100))
