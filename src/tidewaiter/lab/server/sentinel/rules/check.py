"""What Sentinel refuses in a rule.

Sources: Scheduled analytics rules in Microsoft Sentinel (Microsoft, 2024-10-16), Service limits for Microsoft
Sentinel (2025-03-19), Map data fields to entities (2025-08), Surface custom event details (2025-08),
Customize alert details (2025-08).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import timedelta

from tidewaiter.lab.server.sentinel.rules.definition import Grouping, Properties, duration
from tidewaiter.lab.server.sentinel.rules.entities import IDENTIFIERS

SEVERITIES = ("Informational", "Low", "Medium", "High")
TACTICS = (
    "Reconnaissance", "ResourceDevelopment", "InitialAccess", "Execution", "Persistence",
    "PrivilegeEscalation", "DefenseEvasion", "CredentialAccess", "Discovery", "LateralMovement", "Collection",
    "Exfiltration", "CommandAndControl", "Impact", "PreAttack", "ImpairProcessControl",
    "InhibitResponseFunction",
)  # fmt: skip
OPERATORS = ("GreaterThan", "LessThan", "Equal", "NotEqual")
PROPERTIES = (
    "AlertLink", "ConfidenceLevel", "ConfidenceScore", "ExtendedLinks", "ProductName", "ProviderName",
    "ProductComponentName", "RemediationSteps", "Techniques", "SubTechniques",
)  # fmt: skip
MOST_QUERY = 10_000
MOST_DETAILS = 20
MOST_MAPPINGS = 10
MOST_IDENTIFIERS = 3
MOST_PLACEHOLDERS = 3
PLACEHOLDER = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")

_MINUTES = timedelta(minutes=5)
_DAYS = timedelta(days=14)


def wrong_words(kind: str, given: Properties) -> Iterator[str]:
    """Yield what is wrong with a rule whatever the workspace holds, in words."""
    if not given.display_name:
        yield "displayName is required."
    if given.enabled is None:
        yield "enabled is required."
    if given.severity not in SEVERITIES:
        yield f"The severity '{given.severity}' is none of {', '.join(SEVERITIES)}."
    if not 1 <= len(given.query) <= MOST_QUERY:
        yield f"The query must have between 1 and {MOST_QUERY:,} characters; it has {len(given.query):,}."
    if re.search(r"\b(search|union)\s+\*", given.query):
        yield "The query must not contain 'search *' or 'union *'."
    if given.sentinel_entities_mappings:
        yield "The lab does not take sentinelEntitiesMappings: map the entities by their identifiers."
    yield from _tactics(given)
    yield from _suppression(given)
    if kind == "Scheduled":
        yield from _schedule(given)
    yield from _event_grouping(given)
    yield from _mappings(given)
    yield from _details(given)
    yield from _grouping(given, given.grouping)


def wrong_columns(given: Properties, columns: Collection[str]) -> Iterator[str]:
    """Yield what names a column that the query's result does not have."""
    for what, column in _named_columns(given):
        if column not in columns:
            yield f"The column '{column}' of {what} does not exist in the results of the query."


def _named_columns(given: Properties) -> Iterator[tuple[str, str]]:
    for mapping in given.entity_mappings or ():
        for field in mapping.field_mappings:
            yield f"the entity mapping {mapping.entity_type}", field.column_name
    for name, column in (given.custom_details or {}).items():
        yield f"the custom detail '{name}'", column
    override = given.alert_details_override
    if override is None:
        return
    for text in (override.alert_display_name_format, override.alert_description_format):
        for column in PLACEHOLDER.findall(text or ""):
            yield "the alert details", column
    for each in (override.alert_severity_column_name, override.alert_tactics_column_name):
        if each:
            yield "the alert details", each
    for each_property in override.alert_dynamic_properties or ():
        yield f"the alert property {each_property.alert_property}", each_property.value


def _tactics(given: Properties) -> Iterator[str]:
    for tactic in given.tactics or ():
        if tactic not in TACTICS:
            yield f"The tactic '{tactic}' is unknown."
    for technique in given.techniques or ():
        if not re.fullmatch(r"T\d{4}", technique):
            yield f"The technique '{technique}' is none of MITRE ATT&CK's (T0000)."
    for technique in given.sub_techniques or ():
        if not re.fullmatch(r"T\d{4}\.\d{3}", technique):
            yield f"The sub-technique '{technique}' is none of MITRE ATT&CK's (T0000.000)."


def _suppression(given: Properties) -> Iterator[str]:
    if given.suppression_enabled is None or given.suppression_duration is None:
        yield "suppressionEnabled and suppressionDuration are required."
        return
    yield from _within("suppressionDuration", given.suppression_duration, _MINUTES, timedelta(hours=24))


def _schedule(given: Properties) -> Iterator[str]:
    frequency, period = given.query_frequency, given.query_period
    if frequency is None or period is None:
        yield "queryFrequency and queryPeriod are required."
        return
    wrong = [
        *_within("queryFrequency", frequency, _MINUTES, _DAYS),
        *_within("queryPeriod", period, _MINUTES, _DAYS),
    ]
    yield from wrong
    if not wrong and given.period < given.frequency:
        yield "queryPeriod must not be shorter than queryFrequency: rows between two runs would be missed."
    if not wrong and given.period > timedelta(days=2) and given.frequency < timedelta(hours=1):
        yield "queryFrequency must be at least an hour when queryPeriod is over two days."
    if given.trigger_operator not in OPERATORS:
        yield f"The triggerOperator '{given.trigger_operator}' is none of {', '.join(OPERATORS)}."
    if given.trigger_threshold is None or not 0 <= given.trigger_threshold <= 10_000:
        yield "triggerThreshold must be between 0 and 10,000."


def _event_grouping(given: Properties) -> Iterator[str]:
    settings = given.event_grouping_settings
    if settings and settings.aggregation_kind not in (None, "SingleAlert", "AlertPerResult"):
        yield f"The aggregationKind '{settings.aggregation_kind}' is unknown."


def _mappings(given: Properties) -> Iterator[str]:
    mappings = given.entity_mappings or ()
    if len(mappings) > MOST_MAPPINGS:
        yield f"A rule has at most {MOST_MAPPINGS} entity mappings; this one has {len(mappings)}."
    for mapping in mappings:
        known = IDENTIFIERS.get(mapping.entity_type)
        if known is None:
            yield f"The entityType '{mapping.entity_type}' is unknown."
            continue
        named = [field.identifier for field in mapping.field_mappings]
        if not 1 <= len(named) <= MOST_IDENTIFIERS or len(set(named)) < len(named):
            yield (
                f"The entity mapping {mapping.entity_type} must have between 1 and {MOST_IDENTIFIERS} "
                "identifiers, each once."
            )
        for identifier in named:
            if identifier not in known:
                yield f"'{identifier}' is no identifier of the entity {mapping.entity_type}."


def _details(given: Properties) -> Iterator[str]:
    details = given.custom_details or {}
    if len(details) > MOST_DETAILS:
        yield f"A rule has at most {MOST_DETAILS} custom details; this one has {len(details)}."
    for name in details:
        if not 1 <= len(name) <= 20:
            yield f"The custom detail '{name}' must have a name of at most 20 characters."
    override = given.alert_details_override
    if override is None:
        return
    for text in (override.alert_display_name_format, override.alert_description_format):
        if len(PLACEHOLDER.findall(text or "")) > MOST_PLACEHOLDERS:
            yield f"A format of the alert details has at most {MOST_PLACEHOLDERS} parameters: '{text}'."
    named = [each.alert_property for each in override.alert_dynamic_properties or ()]
    for name in named:
        if name not in PROPERTIES:
            yield f"The alertProperty '{name}' is unknown."
    if len(set(named)) < len(named):
        yield "An alertProperty is set twice."


def _grouping(given: Properties, grouping: Grouping) -> Iterator[str]:
    if not grouping.enabled:
        return
    yield from _within("lookbackDuration", grouping.lookback_duration, _MINUTES, timedelta(days=7))
    method = grouping.matching_method
    if method not in ("AllEntities", "AnyAlert", "Selected"):
        yield f"The matchingMethod '{method}' is unknown."
    entities, details = grouping.group_by_entities or (), grouping.group_by_alert_details or ()
    custom = grouping.group_by_custom_details or ()
    if method == "Selected" and not (entities or details or custom):
        yield "The matchingMethod 'Selected' needs at least one entity or detail."
    mapped = {mapping.entity_type for mapping in given.entity_mappings or ()}
    for entity in entities:
        if entity not in mapped:
            yield f"groupByEntities names '{entity}', which the rule does not map."
    for detail in details:
        if detail not in ("DisplayName", "Severity"):
            yield f"groupByAlertDetails names '{detail}', which is unknown."
    for detail in custom:
        if detail not in (given.custom_details or {}):
            yield f"groupByCustomDetails names '{detail}', which the rule does not have."


def _within(name: str, text: str, least: timedelta, most: timedelta) -> Iterator[str]:
    try:
        given = duration(text)
    except ValueError as error:
        yield f"{name}: {error}."
        return
    if not least <= given <= most:
        yield f"{name} must be between {_spoken(least)} and {_spoken(most)}."


def _spoken(span: timedelta) -> str:
    return f"{span.days} days" if span.days > 1 else f"{round(span.total_seconds() / 60):,} minutes"
