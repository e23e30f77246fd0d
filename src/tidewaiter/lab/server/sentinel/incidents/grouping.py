"""Alerts become incidents: each one of its own, or grouped as the rule says.

Source: Scheduled analytics rules in Microsoft Sentinel, "Alert grouping" (Microsoft, 2024-10-16). What the
page leaves open: an incident that is opened again is New; it is as grave as the gravest of its alerts.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from uuid import uuid4

import msgspec

from tidewaiter.lab.server.sentinel.incidents.incident import Incident, union
from tidewaiter.lab.server.sentinel.incidents.store import IncidentStore
from tidewaiter.lab.server.sentinel.rules.alerts import Alert
from tidewaiter.lab.server.sentinel.rules.check import SEVERITIES
from tidewaiter.lab.server.sentinel.rules.definition import Grouping, Rule, duration

MOST_ALERTS = 150
"""Alerts of one incident; the next ones go into another of the same kind."""


def raise_incidents(store: IncidentStore, rule: Rule, alerts: Iterable[Alert]) -> int:
    """Put the alerts of a rule into incidents; in a transaction. Return how many incidents are new.

    Alerts of one time change an incident together: it has one row for them.
    """
    settings = rule.properties.incident_configuration
    if settings is not None and not settings.create_incident:
        return 0
    made = 0
    for _, together in groupby(alerts, key=lambda alert: alert.at):
        changed: dict[str, Incident] = {}
        for alert in together:
            incident = _joined(store, rule, alert, changed) or _made(store, rule, alert)
            changed[incident.name] = incident
        for incident in changed.values():
            made += incident.name not in store.incidents
            store.save(incident)
    return made


def group_of(grouping: Grouping, alert: Alert) -> str:
    """Return what alerts of one incident have in common; of no two alerts unless grouping is enabled."""
    if not grouping.enabled:
        return alert.id
    match grouping.matching_method:
        case "AnyAlert":
            common: object = "any"
        case "Selected":
            common = [
                sorted(e.key for e in alert.entities if e.kind in (grouping.group_by_entities or ())),
                [_detail(alert, name) for name in grouping.group_by_alert_details or ()],
                [alert.details.get(name, ()) for name in grouping.group_by_custom_details or ()],
            ]
        case _:
            common = sorted(entity.key for entity in alert.entities)
    return msgspec.json.encode(common).decode()


def _detail(alert: Alert, name: str) -> str:
    return alert.severity if name == "Severity" else alert.title


def _joined(store: IncidentStore, rule: Rule, alert: Alert, changed: dict[str, Incident]) -> Incident | None:
    """Return the incident that the alert belongs to, with it in; None when there is none."""
    grouping = rule.properties.grouping
    if not grouping.enabled:
        return None
    group = group_of(grouping, alert)
    fresh = [each for each in reversed(changed.values()) if each.group == group]
    stored = [each for each in store.of_group(rule.name, group) if each.name not in changed]
    for incident in [*fresh, *stored]:
        if alert.at - (incident.first_alert or incident.created) > duration(grouping.lookback_duration):
            continue
        if incident.status == "Closed" and not grouping.reopen_closed_incident:
            continue
        if len(incident.alerts) < MOST_ALERTS:
            return _with(incident, alert, fresh=incident.name not in store.incidents)
    return None


def _made(store: IncidentStore, rule: Rule, alert: Alert) -> Incident:
    return Incident(
        name=str(uuid4()),
        number=store.next_number(),
        etag=_etag(),
        title=alert.title,
        severity=alert.severity,
        status="New",
        description=alert.description,
        first_activity=alert.start,
        last_activity=alert.end,
        created=alert.at,
        modified=alert.at,
        rules=(rule.name,),
        alerts=(alert.id,),
        products=(alert.product,),
        tactics=alert.tactics,
        techniques=alert.techniques,
        group=group_of(rule.properties.grouping, alert),
        first_alert=alert.at,
        by="Incident created from alert",
    )


def _with(incident: Incident, alert: Alert, *, fresh: bool) -> Incident:
    opened = incident.status == "Closed"
    return msgspec.structs.replace(
        with_alert(incident, alert, alert.at),
        status="New" if opened else incident.status,
        closed=None if opened else incident.closed,
        classification=None if opened else incident.classification,
        classification_reason=None if opened else incident.classification_reason,
        classification_comment=None if opened else incident.classification_comment,
        by=incident.by if fresh else "Incident updated - new alert added",
    )


def with_alert(incident: Incident, alert: Alert, at: datetime) -> Incident:
    """Return an incident with one more alert, added at `at`."""
    grave = max(incident.severity, alert.severity, key=SEVERITIES.index)
    return msgspec.structs.replace(
        incident,
        etag=_etag(),
        severity=grave,
        first_activity=min(incident.first_activity or alert.start, alert.start),
        last_activity=max(incident.last_activity or alert.end, alert.end),
        modified=at,
        alerts=union(incident.alerts, [alert.id]),
        rules=union(incident.rules, [alert.rule]),
        products=union(incident.products, [alert.product]),
        tactics=union(incident.tactics, alert.tactics),
        techniques=union(incident.techniques, alert.techniques),
    )


def _etag() -> str:
    return f'"{uuid4()}"'
