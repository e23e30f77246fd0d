"""Signals (low fidelity, for hunters) and incidents (high fidelity, for analysts), with their evidence."""

from __future__ import annotations

from typing import Literal

import msgspec

Severity = Literal["Informational", "Low", "Medium", "High"]
SEVERITIES: tuple[Severity, ...] = ("Informational", "Low", "Medium", "High")


class Entity(msgspec.Struct, frozen=True):
    """Someone or something that a finding is about; `kind` uses Sentinel's entity kinds."""

    kind: Literal["Account", "IP", "CloudApplication", "AzureResource", "Host", "AwsResource"]
    id: str
    name: str


class Signal(msgspec.Struct, frozen=True):
    """One detection spoke on one event. `at` is the event's own time, ISO 8601 in UTC."""

    detector: str
    event_id: str
    at: str
    actor: str
    title: str
    severity: Severity
    confidence: float
    technique: str
    tactic: str
    statement: str
    entities: tuple[Entity, ...] = ()


class Stage(msgspec.Struct, frozen=True):
    """One ATT&CK technique within an incident and the events that show it."""

    technique: str
    tactic: str
    event_ids: tuple[str, ...]


class Incident(msgspec.Struct, frozen=True):
    """What an analyst opens: the signals of one actor within a window (shape: DESIGN section 12).

    `score` is 0..100. Provenance is added by `ai.registry.stamp` when the incident is written.
    """

    incident_id: str
    title: str
    severity: Severity
    score: int
    detector: str
    start: str
    end: str
    entities: tuple[Entity, ...]
    event_ids: tuple[str, ...]
    stages: tuple[Stage, ...]
    narrative: str
