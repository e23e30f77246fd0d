"""Signals to incidents: one actor's signals within a window are one incident."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

import msgspec

from tidewaiter.core.findings import SEVERITIES, Entity, Incident, Signal, Stage
from tidewaiter.pipeline.detect.narrative import narrative, title
from tidewaiter.pipeline.detect.score import score

WINDOW = timedelta(hours=6)
"""The longest pause within one incident: half of the longest role session (12 hours), so that the pieces of
one working session join, and yesterday's and today's do not."""
LONGEST = timedelta(hours=24)
"""An actor that never pauses still gets a new incident a day, so that none grows without end."""

_OPENING = frozenset(SEVERITIES[1:])
_encode = msgspec.json.Encoder().encode


def group_incidents(signals: Iterable[Signal], *, window: timedelta = WINDOW) -> list[Incident]:
    """Group signals by actor and time; the result does not depend on their order.

    A signal that comes more than `window` after the one before it, or more than `LONGEST` after the first,
    begins a new incident. One event counts once per detection, however often it was delivered. The
    incident's id is a hash of the actor and the first event's id: the same signals give the same ids.
    Informational signals join an incident, but make none by themselves: they are for hunters.
    """
    actors: dict[str, list[Signal]] = {}
    for signal in signals:
        actors.setdefault(signal.actor, []).append(signal)
    runs = [run for signals_ in actors.values() for run in _runs(_in_order(signals_), window)]
    incidents = [_incident(run) for run in runs if any(signal.severity in _OPENING for signal in run)]
    return sorted(incidents, key=lambda incident: (moment(incident.start), incident.incident_id))


def moment(at: str) -> datetime:
    """Read a signal's time; fractions beyond microseconds are cut off, a text that is no time is year 1."""
    try:
        read = datetime.fromisoformat(at)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def gravity(signal: Signal) -> tuple[int, float]:
    """Order signals by severity, then confidence."""
    return SEVERITIES.index(signal.severity), signal.confidence


def _in_order(signals: Iterable[Signal]) -> list[Signal]:
    gravest: dict[tuple[str, str], Signal] = {}
    for signal in signals:
        key = signal.event_id, signal.detector
        if key not in gravest or _rank(signal) > _rank(gravest[key]):
            gravest[key] = signal
    return sorted(gravest.values(), key=lambda s: (moment(s.at), s.event_id, s.detector))


def _rank(signal: Signal) -> tuple[int, float, bytes]:
    return (*gravity(signal), _encode(signal))


def _runs(signals: Sequence[Signal], window: timedelta) -> Iterator[list[Signal]]:
    run: list[Signal] = []
    for signal in signals:
        if run:
            at = moment(signal.at)
            if at - moment(run[-1].at) > window or at - moment(run[0].at) > LONGEST:
                yield run
                run = []
        run.append(signal)
    yield run


def _incident(run: Sequence[Signal]) -> Incident:
    first = run[0]
    key = blake2b(
        f"{first.actor}\0{first.event_id}\0{first.at}".encode("utf-8", "surrogatepass"), digest_size=8
    ).hexdigest()
    gravest = max(run, key=gravity)
    return Incident(
        incident_id=f"inc-{key}",
        title=title(run),
        severity=gravest.severity,
        score=score(run),
        detector=gravest.detector,
        start=first.at,
        end=run[-1].at,
        entities=_entities(run),
        event_ids=tuple(dict.fromkeys(signal.event_id for signal in run)),
        stages=_stages(run),
        narrative=narrative(run),
    )


def _entities(run: Sequence[Signal]) -> tuple[Entity, ...]:
    found: dict[tuple[str, str], Entity] = {}
    for signal in run:
        for entity in signal.entities:
            found.setdefault((entity.kind, entity.id), entity)
    return tuple(found.values())


def _stages(run: Sequence[Signal]) -> tuple[Stage, ...]:
    found: dict[tuple[str, str], list[str]] = {}
    for signal in run:
        found.setdefault((signal.technique, signal.tactic), []).append(signal.event_id)
    return tuple(Stage(*key, tuple(dict.fromkeys(ids))) for key, ids in found.items())
