"""Incidents become rows of the table of alerts: a new one whenever an incident has grown."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import islice

import msgspec

from tidewaiter.core.billing import billed_size
from tidewaiter.core.findings import Entity, Severity, Stage
from tidewaiter.core.outbox import OutboxBatch
from tidewaiter.pipeline.deliver.alerts.table import ENTITY_COLUMNS, MOST_AT_ONCE, TABLE
from tidewaiter.pipeline.deliver.batcher import pack

_MOST_TITLE = 250
_MOST_DESCRIPTION = 4_000
_MOST_BYTES = 32_000
_SAMPLE = 5
_MOST_SAMPLE = 400


class AlertRow(msgspec.Struct, frozen=True):
    """A row of the table; the same `alert_id` is never to be sent again."""

    alert_id: str
    incident_id: str
    row: bytes


class _Incident(msgspec.Struct, frozen=True):
    """An incident as `incidents.jsonl` has it (DESIGN section 12), stamped."""

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
    confidence: float = msgspec.field(name="_AI_ConfidenceScore")
    model_version: str = msgspec.field(name="_AI_ModelVersion")


class _Nobody(msgspec.Struct, frozen=True):
    """The origin of rows that no source object brought."""

    source: str = ""
    object_id: str = ""
    digest: str = ""


_read = msgspec.json.Decoder(_Incident).decode
_encode = msgspec.json.Encoder().encode
_NOBODY = _Nobody()


def alert_rows(incidents: Iterable[bytes], noted: Container[str], *, now: datetime) -> list[AlertRow]:
    """Return a row for each incident that has not been told of as it is now; the gravest first.

    `incidents` are stamped documents, a JSON object each (`incident_json` in detect); `noted` holds the
    alert ids of earlier rows. An alert's id is a hash of the incident's id and of what it consists of
    (events, stages, severity): words that changed make no new alert. `now`, aware, is the clock of the
    workspace: an embedded lab's own time.

    Raises:
        msgspec.ValidationError: a document without provenance, or not of that shape.
    """
    found = [_read(document) for document in incidents]
    found.sort(key=lambda incident: (-incident.score, incident.start, incident.incident_id))
    rows = ((_alert_id(incident), incident) for incident in found)
    at = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return [
        AlertRow(alert_id, incident.incident_id, _row(alert_id, incident, at))
        for alert_id, incident in rows
        if alert_id not in noted
    ]


def alert_batches(rows: Sequence[AlertRow]) -> list[OutboxBatch]:
    """Return batches of at most MOST_AT_ONCE rows; the sender leaves SPACING seconds between them."""
    batches: list[OutboxBatch] = []
    rest = iter(rows)
    while some := list(islice(rest, MOST_AT_ONCE)):
        bodies = [each.row for each in some]
        packed = pack(
            TABLE,
            bodies,
            billed=[billed_size(body) for body in bodies],
            ids=[each.alert_id for each in some],
            origins=[_NOBODY] * len(some),
        )
        batches += packed.batches
    return batches


def _alert_id(incident: _Incident) -> str:
    content = (incident.incident_id, incident.event_ids, incident.stages, incident.severity)
    return f"al-{blake2b(_encode(content), digest_size=12).hexdigest()}"


def _row(alert_id: str, incident: _Incident, at: str) -> bytes:
    ids = _within(incident.event_ids)
    techniques = list(dict.fromkeys(stage.technique for stage in incident.stages))
    columns: dict[str, object] = {
        "TimeGenerated": at,
        "AlertId": alert_id,
        "IncidentId": incident.incident_id,
        "AlertTitle": _cut(incident.title, _MOST_TITLE),
        "Description": _cut(incident.narrative, _MOST_DESCRIPTION),
        "Narrative": _cut(incident.narrative, _MOST_BYTES // 2),
        "Severity": incident.severity,
        "Score": incident.score,
        "Detector": incident.detector,
        "StartTime": incident.start,
        "EndTime": incident.end,
        "Tactics": list(dict.fromkeys(_tactic(stage.tactic) for stage in incident.stages)),
        "Techniques": list(dict.fromkeys(each.partition(".")[0] for each in techniques)),
        "SubTechniques": [each for each in techniques if "." in each],
        "Stages": _within(incident.stages),
        "Entities": _within(incident.entities),
        "EventIds": ids,
        "EventIdsTotal": len(incident.event_ids),
        "EventIdsSample": _sample(incident.event_ids[:_SAMPLE]),
        "AwsResources": _sample(_of_kind(incident, "AwsResource")),
        "CustomDetails": _details(incident),
        "AI_ConfidenceScore": incident.confidence,
        "AI_ModelVersion": incident.model_version,
        **dict(_identifiers(incident)),
    }
    return _encode({name: value for name, value in columns.items() if value != ""})


def _details(incident: _Incident) -> dict[str, object]:
    return {
        "incident_id": incident.incident_id,
        "detector": incident.detector,
        "score": incident.score,
        "_AI_ConfidenceScore": incident.confidence,
        "_AI_ModelVersion": incident.model_version,
        "events": len(incident.event_ids),
    }


def _of_kind(incident: _Incident, kind: str) -> list[str]:
    return [entity.id for entity in incident.entities if entity.kind == kind]


def _identifiers(incident: _Incident) -> Iterator[tuple[str, str]]:
    for kind, places in ENTITY_COLUMNS.items():
        known = (entity for entity in incident.entities if entity.kind == kind)
        for identifiers, entity in zip(places, known, strict=False):
            for identifier, column in identifiers:
                named = identifier in ("Name", "HostName") and entity.name
                yield column, _cut(entity.name if named else entity.id, 1_000)


def _within(items: Sequence[object]) -> list[object]:
    """Return the first items that fit into a field."""
    kept: list[object] = []
    size = 2
    for item in items:
        size += len(_encode(item)) + 1
        if size > _MOST_BYTES:
            break
        kept.append(item)
    return kept


def _sample(texts: Sequence[str]) -> str:
    """Join texts for a custom detail, in bytes: an alert with more than 2 KB of them loses some."""
    return ", ".join(texts).encode()[:_MOST_SAMPLE].decode("utf-8", "ignore")


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _tactic(name: str) -> str:
    """Return a tactic as Sentinel writes it: `Command and Control` is `CommandAndControl`."""
    return "".join(word[:1].upper() + word[1:] for word in name.split())
