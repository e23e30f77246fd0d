"""What the clients write, and what they make of what the service writes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
import pytest

from tests.sentinel.azure_double import Azure, Seen, permit, reply
from tidewaiter.core.permit import Capability
from tidewaiter.sentinel import (
    EntityMapping,
    FieldMapping,
    HuntDraft,
    Incident,
    IncidentDraft,
    Label,
    NrtRule,
    Owner,
    SavedSearch,
    ScheduledRule,
    Sentinel,
)
from tidewaiter.sentinel.incidents import REASONS, IncidentProperties
from tidewaiter.sentinel.rules import Grouping, IncidentSettings

T = TypeVar("T")

STORED = {
    "id": "/subscriptions/x/incidents/i-1",
    "name": "i-1",
    "type": "Microsoft.SecurityInsights/incidents",
    "etag": '"0300-1"',
    "aMemberOfTomorrow": {"x": 1},
    "properties": {
        "title": "Leaked key",
        "severity": "High",
        "status": "New",
        "owner": {"objectId": None, "email": None, "assignedTo": None, "ownerType": "Unknown"},
        "labels": [{"labelName": "aws", "labelType": "User"}],
        "incidentNumber": 7,
        "createdTimeUtc": "2026-11-23T11:00:00.1234567Z",
        "additionalData": {"alertsCount": 1, "tactics": ["Persistence"], "providerIncidentUrl": None},
        "relatedAnalyticRuleIds": ["/r/1"],
        "classification": None,
        "tomorrow": True,
    },
}


def asked(azure: Azure, act: Callable[[Sentinel], Awaitable[T]]) -> T:
    async def main() -> T:
        sentinel = azure.sentinel()
        try:
            return await act(sentinel)
        finally:
            await sentinel.aclose()

    return asyncio.run(main())


def written(act: Callable[[Sentinel], Awaitable[object]], answer: object) -> Seen:
    azure = Azure([reply(200, answer)])
    asked(azure, act)
    return azure.seen[0]


WRITE = permit(Capability.WRITE_INCIDENTS)
READ = msgspec.convert(STORED, Incident, strict=False)


def test_an_incident_is_read_whatever_else_the_service_writes():
    incident = asked(Azure([reply(200, STORED)]), lambda sentinel: sentinel.incidents.get("i-1"))

    assert incident.properties.incident_number == 7
    assert incident.properties.labels == (Label("aws"),)
    assert incident.properties.created_time_utc == datetime(2026, 11, 23, 11, 0, 0, 123457, UTC)
    assert incident.properties.additional_data is not None
    assert incident.properties.additional_data.tactics == ("Persistence",)


def test_only_what_a_client_may_set_of_an_incident_is_written():
    draft = IncidentDraft("t", "Low", "New", description="d", owner=Owner(email="a@example.org"))

    seen = written(lambda sentinel: sentinel.incidents.create("i-1", draft, permit=WRITE), STORED)

    assert (seen.method, seen.path.rpartition("/")[2]) == ("PUT", "i-1")
    assert seen.json == {
        "properties": {
            "title": "t",
            "severity": "Low",
            "status": "New",
            "description": "d",
            "owner": {"email": "a@example.org"},
        }
    }
    assert "if-match" not in seen.headers


def test_an_update_goes_with_the_etag_that_was_read_and_without_the_services_own_members():
    changed = msgspec.structs.replace(
        READ, properties=msgspec.structs.replace(READ.properties, status="Active")
    )

    seen = written(lambda sentinel: sentinel.incidents.update(changed, permit=WRITE), STORED)

    assert seen.json["etag"] == seen.headers["if-match"] == '"0300-1"'
    assert seen.json["properties"]["status"] == "Active"
    assert seen.json["properties"]["labels"] == [{"labelName": "aws"}]
    assert "incidentNumber" not in seen.json["properties"]


def test_an_incident_that_was_never_read_is_not_updated():
    fresh = Incident("i-1", IncidentProperties("t", "Low", "New"))

    with pytest.raises(ValueError, match="ETag"):
        asked(Azure([reply(200, STORED)]), lambda sentinel: sentinel.incidents.update(fresh, permit=WRITE))


def test_a_closure_has_its_classification_reason_and_comment():
    def act(sentinel: Sentinel) -> Awaitable[object]:
        return sentinel.incidents.close(
            READ, "FalsePositive", "InaccurateData", comment="clock", permit=WRITE
        )

    properties = written(act, STORED).json["properties"]

    assert properties["status"] == "Closed"
    assert properties["classification"] == "FalsePositive"
    assert properties["classificationReason"] == "InaccurateData"
    assert properties["classificationComment"] == "clock"


@pytest.mark.parametrize("classification", REASONS)
@pytest.mark.parametrize(
    "reason",
    [None, "SuspiciousActivity", "SuspiciousButExpected", "IncorrectAlertLogic", "InaccurateData"],
)
def test_a_closure_takes_only_the_reasons_of_its_classification(classification, reason):
    azure = Azure([reply(200, STORED)])
    fits = reason in REASONS[classification] or (reason is None and not REASONS[classification])

    def act(sentinel: Sentinel) -> Awaitable[object]:
        return sentinel.incidents.close(READ, classification, reason, permit=WRITE)

    if fits:
        asked(azure, act)
    else:
        with pytest.raises(ValueError, match=f"{classification} goes with"):
            asked(azure, act)
        assert azure.seen == []


def test_incidents_are_listed_with_a_filter_and_an_order():
    async def act(sentinel: Sentinel) -> list[str]:
        where = "properties/status eq 'New'"
        return [incident.name async for incident in sentinel.incidents.list(where=where, page=50)]

    azure = Azure([reply(200, {"value": [STORED]})])

    assert asked(azure, act) == ["i-1"]
    assert azure.seen[0].query == {
        "api-version": "2024-09-01",
        "$filter": "properties/status eq 'New'",
        "$orderby": "properties/createdTimeUtc desc",
        "$top": "50",
    }


def test_a_scheduled_rule_is_written_whole_and_read_back_the_same():
    rule = ScheduledRule(
        "Alerts",
        "TidewaiterAlerts_CL",
        "High",
        query_frequency=timedelta(minutes=5),
        query_period=timedelta(days=14),
        tactics=("Persistence",),
        custom_details={"incident": "IncidentId"},
        entity_mappings=(EntityMapping("IP", (FieldMapping("Address", "SrcIpAddr"),)),),
        incident_configuration=IncidentSettings(
            grouping_configuration=Grouping(enabled=True, group_by_custom_details=("incident",))
        ),
    )

    def stored(seen: Seen):
        return reply(200, {"name": "r", "etag": "1", **seen.json})

    azure = Azure([stored])
    found = asked(
        azure,
        lambda sentinel: sentinel.rules.put("r", rule, permit=permit(Capability.WRITE_RULES)),
    )

    assert found.definition == rule
    body: dict[str, Any] = azure.seen[0].json
    assert body["kind"] == "Scheduled"
    assert body["properties"]["triggerThreshold"] == 0
    assert body["properties"]["queryFrequency"] == "PT300S"
    assert body["properties"]["suppressionEnabled"] is False
    grouping = body["properties"]["incidentConfiguration"]["groupingConfiguration"]
    assert grouping["matchingMethod"] == "AllEntities"
    assert azure.seen[0].query == {"api-version": "2025-10-01-preview"}


def test_rules_of_all_kinds_are_listed_and_those_we_do_not_write_have_no_definition():
    scheduled = {
        "displayName": "s", "query": "T", "severity": "Low", "queryFrequency": "PT5M", "queryPeriod": "P1D",
        "lastModifiedUtc": "2026-11-01T00:00:00Z", "suppressionDuration": "PT5H", "tactics": None,
    }  # fmt: skip
    nrt = {"displayName": "n", "query": "T", "severity": "Low", "suppressionDuration": "PT5H"}
    page = [
        {"name": "1", "kind": "Fusion", "properties": {"alertRuleTemplateName": "x"}},
        {"name": "2", "kind": "Scheduled", "properties": scheduled, "etag": "e"},
        {"name": "3", "kind": "NRT", "properties": nrt},
    ]

    async def act(sentinel: Sentinel):
        return [rule async for rule in sentinel.rules.list()]

    fusion, second, third = asked(Azure([reply(200, {"value": page})]), act)

    assert fusion.definition is None
    assert isinstance(second.definition, ScheduledRule)
    assert second.definition.query_frequency == timedelta(minutes=5)
    assert second.last_modified == datetime(2026, 11, 1, tzinfo=UTC)
    assert type(third.definition) is NrtRule


def test_a_function_overwrites_whatever_is_there_unless_told_its_etag():
    search = SavedSearch("Tidewaiter", "f", "T", function_alias="f", function_parameters="a:string=''")

    def act(sentinel: Sentinel) -> Awaitable[object]:
        return sentinel.functions.put("f", search, permit=permit(Capability.WRITE_FUNCTIONS))

    body = written(act, {"properties": {"category": "c", "displayName": "d", "query": "T"}}).json

    assert body["etag"] == "*"
    assert body["properties"]["functionParameters"] == "a:string=''"


def test_a_hunt_is_written_and_read():
    draft = HuntDraft("h", "d", status="New", attack_techniques=("T1098",))
    seen = written(
        lambda sentinel: sentinel.hunts.put("h-1", draft, permit=permit(Capability.WRITE_HUNTS)),
        {"name": "h-1", "properties": {"displayName": "h", "description": "d", "owner": {}}},
    )

    assert seen.path.endswith("/hunts/h-1")
    assert seen.json["properties"]["attackTechniques"] == ["T1098"]
    assert seen.query == {"api-version": "2025-10-01-preview"}


def test_watchlist_items_are_text_whatever_they_were():
    page = [{"name": "1", "properties": {"itemsKeyValue": {"a": "x", "n": 1, "b": True, "z": None}}}]

    async def act(sentinel: Sentinel):
        return [item.values async for item in sentinel.watchlists.items("w")]

    assert asked(Azure([reply(200, {"value": page})]), act) == [
        {"a": "x", "n": "1", "b": "true", "z": "null"}
    ]


def test_a_comment_keeps_its_name_so_that_a_repeat_makes_no_second_one():
    answer = {"name": "c-1", "properties": {"message": "m", "author": {"name": "a"}}}

    seen = written(lambda sentinel: sentinel.comments.put("i-1", "c-1", "m", permit=WRITE), answer)

    assert seen.path.endswith("/incidents/i-1/comments/c-1")
    assert seen.json == {"properties": {"message": "m"}}
