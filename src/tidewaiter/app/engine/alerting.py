"""From signals to alert rows in the outbox."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from tidewaiter.pipeline.deliver import alerts
from tidewaiter.pipeline.detect import group_incidents, incident_json
from tidewaiter.state import Conflict, State


def raise_alerts(state: State, *, clock: Callable[[], datetime], leave: bool = True) -> int:
    """Put a row into the outbox for every incident that is new or has grown; return how many.

    `clock` is the workspace's: an embedded lab lives in the time of its stream. Where the phase lets no
    alert `leave`, they are noted as told, so that a later phase raises what is new then.

    Raises:
        DeliveryError, StateError: the state could not be written.
    """
    while True:  # each round that is in vain, another process has raised some
        documents = [incident_json(incident) for incident in group_incidents(state.signals())]
        rows = alerts.alert_rows(documents, state.alerts_noted(), now=clock())
        if not rows:
            return 0
        try:
            state.add_alerts([row.alert_id for row in rows], alerts.alert_batches(rows) if leave else [])
        except Conflict:
            continue
        return len(rows) if leave else 0
