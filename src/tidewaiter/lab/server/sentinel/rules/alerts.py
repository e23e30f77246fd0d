"""Alerts: what a run of a rule makes of its rows, and how SecurityAlert shows it.

Sources: Security alert schema reference (Microsoft, 2025-03), Customize alert details and Surface custom
event details in alerts (2025-08), Service limits for Microsoft Sentinel (2025-03-19); the members of
ExtendedProperties as exported alerts of Sentinel have them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec

from tidewaiter.kql import QueryResult
from tidewaiter.lab.server.sentinel.rules.check import PLACEHOLDER, SEVERITIES, TACTICS
from tidewaiter.lab.server.sentinel.rules.definition import Rule
from tidewaiter.lab.server.sentinel.rules.entities import Entity, entities_json, entities_of
from tidewaiter.lab.server.tenant import Tenant

MOST_ALERTS = 150
MOST_NRT_ALERTS = 30
"""Alerts of one run; the last is of all rows together when there are more."""
MOST_VALUES = 50
MOST_DETAIL_BYTES = 2_048
MOST_NAME_BYTES = 256
MOST_LONG_BYTES = 5_000

_NOTE = (
    "// The query_now parameter represents the time (in UTC) at which the scheduled analytics rule ran to "
    "produce this alert.\n"
)

Row = Mapping[str, str]
"""Column -> its value as text."""


class Alert(msgspec.Struct, frozen=True):
    """An alert; times are aware. `overridden` has dynamic properties that are columns of their own."""

    id: str
    rule: str
    at: datetime
    start: datetime
    end: datetime
    title: str
    description: str
    severity: str
    tactics: tuple[str, ...]
    techniques: tuple[str, ...]
    sub_techniques: tuple[str, ...]
    entities: tuple[Entity, ...]
    details: dict[str, tuple[str, ...]]
    extended: dict[str, str]
    overridden: dict[str, str]

    @property
    def product(self) -> str:
        """The product that raised it."""
        return self.overridden.get("ProductName", "Azure Sentinel")


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a rule: scheduled for `at`, made at `made`, on rows from `start` to `end`."""

    at: datetime
    made: datetime
    start: datetime
    end: datetime


def alerts_of(rule: Rule, run: Run, result: QueryResult, tenant: Tenant) -> list[Alert]:
    """Return the alerts of a run that triggered: one of all rows, or one for each row."""
    rows = [_texts(result, row) for row in result.rows]
    times = _times(result)
    if not (rule.properties.alert_per_result and rows):
        return [_alert(rule, run, rows, times, len(rows), tenant)]
    most = MOST_NRT_ALERTS if rule.kind == "NRT" else MOST_ALERTS
    alone = len(rows) if len(rows) <= most else most - 1
    alerts = [_alert(rule, run, [row], times[i : i + 1], 1, tenant) for i, row in enumerate(rows[:alone])]
    if alone < len(rows):
        alerts.append(_alert(rule, run, rows, times, len(rows), tenant))
    return alerts


def _alert(
    rule: Rule, run: Run, rows: Sequence[Row], times: Sequence[datetime], count: int, tenant: Tenant
) -> Alert:
    given = rule.properties
    override = given.alert_details_override
    details = _details(given.custom_details or {}, rows)
    title, description = given.display_name, given.description or ""
    severity, tactics = given.severity, given.tactics or ()
    properties: dict[str, tuple[str, ...]] = {}
    if override and rows:
        title = _formatted(override.alert_display_name_format, rows[0]) or title
        description = _formatted(override.alert_description_format, rows[0]) or description
        severity = _one_of(SEVERITIES, rows[0].get(override.alert_severity_column_name or "", "")) or severity
        found = _several(rows, override.alert_tactics_column_name or "")
        tactics = tuple(each for each in found if each in TACTICS) or tactics
        properties = {
            each.alert_property: _several(rows, each.value)
            for each in override.alert_dynamic_properties or ()
        }
    techniques = properties.pop("Techniques", ()) or given.techniques or ()
    sub_techniques = properties.pop("SubTechniques", ()) or given.sub_techniques or ()
    return Alert(
        id=str(uuid4()),
        rule=rule.name,
        at=run.made,
        start=min(times, default=run.start),
        end=max(times, default=run.end),
        title=_cut(title, MOST_NAME_BYTES),
        description=_cut(description, MOST_LONG_BYTES),
        severity=severity,
        tactics=tuple(tactics),
        techniques=tuple(techniques),
        sub_techniques=tuple(sub_techniques),
        entities=entities_of(given.entity_mappings or (), rows),
        details=details,
        extended=_extended(rule, run, count, details, tenant),
        overridden={name: _cut(values[0], MOST_NAME_BYTES) for name, values in properties.items() if values},
    )


def security_alert(alert: Alert, rule: Rule | None, tenant: Tenant) -> dict[str, object]:
    """Return an alert's row of SecurityAlert."""
    component = "NRT Alerts" if rule is not None and rule.kind == "NRT" else "Scheduled Alerts"
    return {
        "TimeGenerated": alert.at,
        "DisplayName": alert.title,
        "AlertName": alert.title,
        "AlertSeverity": alert.severity,
        "AlertType": f"{tenant.workspace_id}_{alert.rule}",
        "Description": alert.description,
        "ProviderName": alert.overridden.get("ProviderName", f"ASI {component}"),
        "VendorName": "Microsoft",
        "VendorOriginalId": alert.extended.get("Correlation Id", alert.id),
        "SystemAlertId": alert.id,
        "StartTime": alert.start,
        "EndTime": alert.end,
        "ProcessingEndTime": alert.at,
        "ProductName": alert.product,
        "ProductComponentName": alert.overridden.get("ProductComponentName", component),
        "RemediationSteps": alert.overridden.get("RemediationSteps", ""),
        "AlertLink": alert.overridden.get("AlertLink", ""),
        "ExtendedLinks": alert.overridden.get("ExtendedLinks", ""),
        "ConfidenceLevel": alert.overridden.get("ConfidenceLevel", ""),
        "ConfidenceScore": _number(alert.overridden.get("ConfidenceScore", "")),
        "ExtendedProperties": msgspec.json.encode(alert.extended).decode(),
        "Entities": entities_json(alert.entities) if alert.entities else "",
        "Tactics": ", ".join(alert.tactics),
        "Techniques": msgspec.json.encode(alert.techniques).decode() if alert.techniques else "",
        "SubTechniques": msgspec.json.encode(alert.sub_techniques).decode() if alert.sub_techniques else "",
        "Status": "New",
        "IsIncident": False,
        "WorkspaceSubscriptionId": tenant.subscription_id,
        "WorkspaceResourceGroup": tenant.resource_group,
    }


def _extended(
    rule: Rule, run: Run, count: int, details: Mapping[str, tuple[str, ...]], tenant: Tenant
) -> dict[str, str]:
    given = rule.properties
    at = f"{run.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"
    extended = {
        "Query Period": _clock_text(given.period),
        "Trigger Operator": given.trigger_operator or "GreaterThan",
        "Trigger Threshold": str(given.trigger_threshold or 0),
        "Correlation Id": str(uuid4()),
        "Search Query Results Overall Count": str(count),
        "Data Sources": msgspec.json.encode([tenant.workspace]).decode(),
        "Query": f"{_NOTE}set query_now = datetime({at});\n{given.query}",
        "OriginalQuery": given.query,
        "Query Start Time UTC": f"{run.start.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}",
        "Query End Time UTC": f"{run.end.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}",
        "Analytic Rule Ids": msgspec.json.encode([rule.name]).decode(),
        "Event Grouping": "AlertPerResult" if given.alert_per_result else "SingleAlert",
        "Analytic Rule Name": given.display_name,
        "ProcessedBySentinel": "True",
        "Alert generation status": "Full alert created",
    }
    if details:
        extended["Custom Details"] = msgspec.json.encode(details).decode()
    return extended


def _details(named: Mapping[str, str], rows: Sequence[Row]) -> dict[str, tuple[str, ...]]:
    """Return the values of each custom detail; what is over 2 KB in all is left out, the last ones first."""
    found: dict[str, tuple[str, ...]] = {}
    for name, column in named.items():
        values = _several(rows, column, apart=False)
        if not values:
            continue
        if len(msgspec.json.encode({**found, name: values})) <= MOST_DETAIL_BYTES:
            found[name] = values
    return found


def _several(rows: Sequence[Row], column: str, *, apart: bool = True) -> tuple[str, ...]:
    """Return the values of a column in rows, each once; of an array its members, of text its parts."""
    found: dict[str, None] = {}
    for row in rows:
        for value in _members(row.get(column, ""), apart=apart):
            if value and len(found) < MOST_VALUES:
                found[value] = None
    return tuple(found)


def _members(text: str, *, apart: bool) -> Iterator[str]:
    if text.startswith("["):
        try:
            for each in msgspec.json.decode(text, type=list[object]):
                yield each if isinstance(each, str) else msgspec.json.encode(each).decode()
        except (msgspec.DecodeError, RecursionError):
            yield text
        return
    yield from (part.strip() for part in text.split(",")) if apart else (text,)


def _formatted(text: str | None, row: Row) -> str:
    """Fill a format; without a value for any of its columns the rule's own words are used."""
    if not text or ((named := PLACEHOLDER.findall(text)) and not any(row.get(name, "") for name in named)):
        return ""
    return PLACEHOLDER.sub(lambda found: row.get(found.group(1), ""), text)


def _one_of(known: Sequence[str], text: str) -> str:
    return next((each for each in known if each.lower() == text.lower()), "")


def _texts(result: QueryResult, row: Sequence[object]) -> Row:
    return {column.name: _text(value) for column, value in zip(result.columns, row, strict=True)}


def _text(value: object) -> str:
    for kind, convert in _CONVERSIONS:
        if isinstance(value, kind):
            return convert(value)
    return "" if value is None else str(value)


_CONVERSIONS: tuple[tuple[type, Callable[..., str]], ...] = (
    (bool, lambda value: "true" if value else "false"),
    (datetime, lambda value: value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"),
    (timedelta, lambda value: _clock_text(value)),
)


def _times(result: QueryResult) -> list[datetime]:
    place = next((i for i, column in enumerate(result.columns) if column.name == "TimeGenerated"), None)
    if place is None:
        return []
    return [value for row in result.rows if isinstance(value := row[place], datetime)]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _clock_text(span: timedelta) -> str:
    """Return a timespan as .NET writes it: 05:00:00, 1.00:00:00."""
    hours, rest = divmod(span.seconds, 3600)
    days = f"{span.days}." if span.days else ""
    return f"{days}{hours:02}:{rest // 60:02}:{rest % 60:02}"


def _cut(text: str, most: int) -> str:
    return text.encode()[:most].decode("utf-8", "ignore")
