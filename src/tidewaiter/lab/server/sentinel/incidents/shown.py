"""Incidents, their alerts and entities as the REST API shows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

import msgspec

from tidewaiter.lab.server.lab import Lab
from tidewaiter.lab.server.sentinel.answers import resource, resource_id, stamp
from tidewaiter.lab.server.sentinel.incidents.incident import PRODUCT, Incident, additional_data, url_of
from tidewaiter.lab.server.sentinel.rules.alerts import Alert
from tidewaiter.lab.server.sentinel.rules.entities import Entity, members

_KINDS: Mapping[str, str] = {"IP": "Ip", "URL": "Url", "DNS": "DnsResolution"}
"""Kind of entity in mappings -> its kind in the REST API (EntityKind), where they differ."""
_NAMES: Mapping[tuple[str, str], str] = {
    ("Account", "Name"): "accountName", ("Account", "NTDomain"): "ntDomain",
    ("Account", "UPNSuffix"): "upnSuffix", ("Account", "PUID"): "puid",
    ("Host", "OMSAgentID"): "omsAgentID", ("Host", "OSFamily"): "osFamily",
    ("Host", "OSVersion"): "osVersion", ("Host", "NTDomain"): "ntDomain",
    ("CloudApplication", "Name"): "appName", ("File", "Name"): "fileName",
    ("FileHash", "Value"): "hashValue", ("Malware", "Name"): "malwareName",
    ("RegistryValue", "Name"): "valueName", ("RegistryValue", "Value"): "valueData",
    ("SecurityGroup", "SID"): "sid",
}  # fmt: skip
"""(kind, identifier) -> its name in the REST API, where that is not the identifier in camelCase."""
_FRIENDLY = (
    "accountName", "hostName", "address", "url", "appName", "fileName", "resourceId", "domainName",
    "hashValue", "malwareName", "mailboxPrimaryAddress", "distinguishedName", "commandLine", "key",
)  # fmt: skip


def shown_incident(lab: Lab, incident: Incident, comments: int | None = None) -> dict[str, object]:
    """Return an incident as GET shows it; `comments` is how many it has, if that is known."""
    base = resource_id(lab)
    if comments is None:
        comments = len(lab.sentinel.incidents.comments_on(incident.name))
    properties: dict[str, object] = {
        "title": incident.title,
        "description": incident.description,
        "severity": incident.severity,
        "status": incident.status,
        "classification": incident.classification,
        "classificationReason": incident.classification_reason,
        "classificationComment": incident.classification_comment,
        "owner": msgspec.to_builtins(incident.owner),
        "labels": msgspec.to_builtins(incident.labels),
        "firstActivityTimeUtc": _time(incident.first_activity),
        "lastActivityTimeUtc": _time(incident.last_activity),
        "lastModifiedTimeUtc": stamp(incident.modified),
        "createdTimeUtc": stamp(incident.created),
        "incidentNumber": incident.number,
        "additionalData": additional_data(incident, comments),
        "relatedAnalyticRuleIds": [f"{base}/alertRules/{rule}" for rule in incident.rules],
        "incidentUrl": url_of(incident.name, lab.tenant),
        "providerName": PRODUCT,
        "providerIncidentId": str(incident.number),
    }
    shown = {name: value for name, value in properties.items() if value is not None}
    return resource(lab, "Incidents", incident.name, incident.etag, shown)


def shown_alert(lab: Lab, alert: Alert) -> dict[str, object]:
    """Return an alert as an entity of kind SecurityAlert."""
    component = alert.overridden.get("ProductComponentName", _component(lab, alert))
    properties: dict[str, object] = {
        "systemAlertId": alert.id,
        "tactics": list(alert.tactics),
        "alertDisplayName": alert.title,
        "description": alert.description,
        "confidenceLevel": alert.overridden.get("ConfidenceLevel", "Unknown"),
        "severity": alert.severity,
        "vendorName": "Microsoft",
        "productName": alert.product,
        "productComponentName": component,
        "alertType": f"{lab.tenant.workspace_id}_{alert.rule}",
        "processingEndTime": stamp(alert.at),
        "status": "New",
        "endTimeUtc": stamp(alert.end),
        "startTimeUtc": stamp(alert.start),
        "timeGenerated": stamp(alert.at),
        "providerAlertId": alert.extended.get("Correlation Id", alert.id),
        "alertLink": alert.overridden.get("AlertLink", ""),
        "resourceIdentifiers": [{"type": "LogAnalytics", "workspaceId": lab.tenant.workspace_id}],
        "additionalData": alert.extended,
        "friendlyName": alert.title,
    }
    return _entity(lab, alert.id, "SecurityAlert", properties)


def shown_entities(lab: Lab, incident: Incident) -> dict[str, object]:
    """Return the entities of an incident's alerts, each once, and how many there are of each kind."""
    known = lab.sentinel.alerts
    found: dict[str, Entity] = {}
    for name in incident.alerts:
        for entity in known[name].entities if name in known else ():
            found.setdefault(entity.key, entity)
    shown = [_shown_entity(lab, entity) for entity in found.values()]
    counted = Counter(_kind(entity) for entity in found.values())
    return {
        "entities": shown,
        "metaData": [{"entityKind": kind, "count": count} for kind, count in counted.items()],
    }


def shown_bookmark(lab: Lab, name: str) -> dict[str, object]:
    """Return a bookmark as an entity; the lab knows no more of it than its name."""
    return _entity(lab, name, "Bookmark", {"displayName": name, "query": "", "friendlyName": name})


def _shown_entity(lab: Lab, entity: Entity) -> dict[str, object]:
    named = {
        _NAMES.get((entity.kind, name), name[:1].lower() + name[1:]): value
        for name, value in members(entity).items()
    }
    friendly = next((named[name] for name in _FRIENDLY if name in named), entity.kind)
    name = str(uuid5(NAMESPACE_URL, entity.key))
    return _entity(lab, name, _kind(entity), {**named, "friendlyName": friendly})


def _entity(lab: Lab, name: str, kind: str, properties: dict[str, object]) -> dict[str, object]:
    return {
        "id": f"{resource_id(lab)}/Entities/{name}",
        "name": name,
        "type": "Microsoft.SecurityInsights/Entities",
        "kind": kind,
        "properties": properties,
    }


def _kind(entity: Entity) -> str:
    return _KINDS.get(entity.kind, entity.kind)


def _component(lab: Lab, alert: Alert) -> str:
    rule = lab.sentinel.rules.rules.get(alert.rule)
    return "NRT Alerts" if rule is not None and rule.kind == "NRT" else "Scheduled Alerts"


def _time(at: datetime | None) -> str | None:
    return stamp(at) if at else None
