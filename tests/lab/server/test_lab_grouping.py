from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from tidewaiter.lab.server.query.request import timespan_of
from tidewaiter.lab.server.sentinel.incidents import grouping

from .sentinel_lab import Streamed, minute, near_real_time, streamed

IP = {"entityType": "IP", "fieldMappings": [{"identifier": "Address", "columnName": "SourceIpAddress"}]}
ACCOUNT = {
    "entityType": "Account",
    "fieldMappings": [{"identifier": "FullName", "columnName": "UserIdentityUserName"}],
}


@pytest.fixture
def its(tmp_path, empty_workspace):
    with streamed(tmp_path / "lab", empty_workspace) as its:
        its.events(0, name="Other")
        yield its


def rule(grouped: dict[str, Any] | None = None, **changes) -> dict[str, Any]:
    """A near-real-time rule with an alert for each row, grouped so."""
    settings = (
        {"createIncident": True, "groupingConfiguration": {"enabled": True, **grouped}} if grouped else None
    )
    return near_real_time(
        **{
            "eventGroupingSettings": {"aggregationKind": "AlertPerResult"},
            "incidentConfiguration": settings,
            "entityMappings": [IP, ACCOUNT],
            **changes,
        }
    )


def put(its: Streamed, properties: dict[str, Any]) -> None:
    its.put_rule(properties, name="r", kind="NRT")


def event(its: Streamed, at: float, ip: str = "192.0.2.1", user: str = "ana", **columns) -> None:
    its.events(at, SourceIpAddress=ip, UserIdentityUserName=user, **columns)
    its.run()


def sizes(its: Streamed) -> list[int]:
    return [incident["properties"]["additionalData"]["alertsCount"] for incident in its.incidents()]


def test_without_grouping_each_alert_is_an_incident(its):
    put(its, rule())
    event(its, 1)
    event(its, 2)
    assert sizes(its) == [1, 1]
    assert [incident["properties"]["incidentNumber"] for incident in its.incidents()] == [1, 2]


def test_a_rule_may_make_alerts_without_incidents(its):
    put(its, rule(incidentConfiguration={"createIncident": False}))
    event(its, 1)
    assert its.incidents() == []
    assert len(its.query("SecurityAlert")) == 1


def test_all_alerts_of_a_rule_may_be_one_incident(its):
    put(its, rule({"matchingMethod": "AnyAlert"}))
    event(its, 1)
    event(its, 2, ip="192.0.2.2")
    assert sizes(its) == [2]


def test_alerts_join_where_all_entities_match(its):
    put(its, rule({"matchingMethod": "AllEntities"}))
    event(its, 1)
    event(its, 2, ip="192.0.2.2")
    event(its, 3)
    event(its, 4, user="bo")
    assert sizes(its) == [2, 1, 1]


def test_alerts_join_where_the_selected_entities_match(its):
    put(its, rule({"matchingMethod": "Selected", "groupByEntities": ["IP"]}))
    event(its, 1)
    event(its, 2, user="bo")
    event(its, 3, ip="192.0.2.2")
    assert sizes(its) == [2, 1]


def test_alerts_join_where_the_selected_details_match(its):
    put(
        its,
        rule(
            {
                "matchingMethod": "Selected",
                "groupByAlertDetails": ["DisplayName", "Severity"],
                "groupByCustomDetails": ["region"],
            },
            customDetails={"region": "AWSRegion"},
            alertDetailsOverride={"alertDisplayNameFormat": "Trail gone: {{UserIdentityUserName}}"},
        ),
    )
    event(its, 1, AWSRegion="eu-west-1")
    event(its, 2, AWSRegion="eu-west-1", ip="192.0.2.2")
    event(its, 3, AWSRegion="us-east-1")
    event(its, 4, AWSRegion="eu-west-1", user="bo")
    assert sizes(its) == [2, 1, 1]


def test_alerts_join_an_incident_until_its_look_back_is_over(its):
    put(its, rule({"matchingMethod": "AnyAlert", "lookbackDuration": "PT1H"}))
    event(its, 1)
    event(its, 61)
    event(its, 62)  # an hour counts from the first alert, not from the last
    assert sizes(its) == [2, 1]


@pytest.mark.parametrize(("reopen", "expected"), [(False, [1, 1]), (True, [2])])
def test_a_closed_incident_is_opened_again_only_where_the_rule_says_so(its, reopen, expected):
    put(its, rule({"matchingMethod": "AnyAlert", "reopenClosedIncident": reopen}))
    event(its, 1)
    (incident,) = its.incidents()
    its.put_incident(
        incident["name"],
        title="T",
        status="Closed",
        classification="TruePositive",
        classificationReason="SuspiciousActivity",
    )
    event(its, 2)
    assert sizes(its) == expected
    first = its.incidents()[0]["properties"]
    assert first["status"] == ("New" if reopen else "Closed")
    assert ("classification" in first) is not reopen


def test_the_151st_alert_begins_another_incident_of_the_kind(its, monkeypatch):
    assert grouping.MOST_ALERTS == 150
    monkeypatch.setattr(grouping, "MOST_ALERTS", 3)
    put(its, rule({"matchingMethod": "AnyAlert"}))
    its.events(*range(1, 8))
    its.run()
    assert sizes(its) == [3, 3, 1]
    first, second, _ = its.incidents()
    assert first["properties"]["title"] == second["properties"]["title"]


def test_alerts_of_one_run_change_an_incident_together(its):
    put(its, rule({"matchingMethod": "AnyAlert"}))
    its.events(1, 2, 3)
    its.run()
    rows = its.query("SecurityIncident | project array_length(AlertIds), ModifiedBy")
    assert rows == [(3, "Incident created from alert")]


def test_an_incident_is_as_grave_as_the_gravest_of_its_alerts(its):
    override = {"alertSeverityColumnName": "AWSRegion"}
    put(its, rule({"matchingMethod": "AnyAlert"}, alertDetailsOverride=override, severity="Low"))
    for at, severity in enumerate(["Medium", "High", "Informational", "none of them"], 1):
        event(its, at, AWSRegion=severity)
    (incident,) = its.incidents()
    assert incident["properties"]["severity"] == "High"
    assert its.query("SecurityAlert | order by StartTime asc | project AlertSeverity") == [
        ("Medium",), ("High",), ("Informational",), ("Low",),
    ]  # fmt: skip


def test_an_incident_tells_of_its_alerts(its):
    put(its, rule({"matchingMethod": "AnyAlert"}, tactics=["Impact"], techniques=["T1485"]))
    event(its, 1)
    event(its, 9)
    (incident,) = its.incidents()
    properties = incident["properties"]
    assert properties["providerName"] == "Azure Sentinel"
    assert properties["relatedAnalyticRuleIds"][0].endswith("/alertRules/r")
    assert properties["firstActivityTimeUtc"] == "2026-05-01T00:01:00.0000000Z"
    assert properties["lastActivityTimeUtc"] == "2026-05-01T00:09:00.0000000Z"
    assert properties["additionalData"] == {
        "alertsCount": 2,
        "bookmarksCount": 0,
        "commentsCount": 0,
        "alertProductNames": ["Azure Sentinel"],
        "tactics": ["Impact"],
        "techniques": ["T1485"],
    }
    alerts = its.arm("POST", f"/incidents/{incident['name']}/alerts").json()["value"]
    assert [alert["kind"] for alert in alerts] == ["SecurityAlert"] * 2
    ids = its.query("SecurityIncident | top 1 by TimeGenerated desc | project AlertIds")
    assert json.loads(ids[0][0]) == [alert["name"] for alert in alerts]
    entities = its.arm("POST", f"/incidents/{incident['name']}/entities").json()
    assert {(each["kind"], each["properties"]["friendlyName"]) for each in entities["entities"]} == {
        ("Ip", "192.0.2.1"), ("Account", "ana"),
    }  # fmt: skip
    assert entities["metaData"] == [
        {"entityKind": "Ip", "count": 1}, {"entityKind": "Account", "count": 1},
    ]  # fmt: skip


def test_incidents_are_there_after_the_lab_was_closed(tmp_path, empty_workspace):
    with streamed(tmp_path / "lab", empty_workspace) as its:
        its.events(0, name="Other")
        put(its, rule({"matchingMethod": "AnyAlert"}))
        event(its, 1)
        before = its.incidents()
    with streamed(tmp_path / "lab", empty_workspace) as its:
        assert its.incidents() == before
        event(its, 2)
        assert sizes(its) == [2]
        event(its, 600)
        assert [incident["properties"]["incidentNumber"] for incident in its.incidents()] == [1, 2]


def test_each_change_is_a_row_of_security_incident(its):
    put(its, rule({"matchingMethod": "AnyAlert"}))
    event(its, 1)
    (incident,) = its.incidents()
    its.events(5, name="Other")
    its.put_incident(incident["name"], title="T", status="Active")
    its.arm("PUT", f"/incidents/{incident['name']}/comments/c", {"properties": {"message": "Seen."}})
    rows = its.query(
        "SecurityIncident | project Status, Title, n = array_length(Comments), ModifiedBy, TimeGenerated"
    )
    assert rows == [
        ("New", "A trail was deleted", 0, "Incident created from alert", minute(1)),
        ("Active", "T", 0, "Incident updated by API", minute(5)),
        ("Active", "T", 1, "Comment added", minute(5) + timedelta(microseconds=1)),
    ]


LATEST = "SecurityIncident | summarize arg_max(TimeGenerated, *) by IncidentName"


def test_of_changes_at_one_time_the_newest_is_the_latest_for_queries(its):
    for title in ("first", "second", "third"):
        its.put_incident("one", title=title)
    its.put_incident("one", status="Closed", classification="Undetermined", title="fourth")
    columns = "Title, Status, same = TimeGenerated == LastModifiedTime"
    assert its.query(f"{LATEST} | project {columns}") == [("fourth", "Closed", True)]
    assert its.query("SecurityIncident | summarize count(), dcount(LastModifiedTime)") == [(4, 4)]
    shown = its.incidents()[0]["properties"]
    assert its.query(f"{LATEST} | project LastModifiedTime")[0][0] == datetime.fromisoformat(
        shown["lastModifiedTimeUtc"]
    )


def test_comments_and_relations_at_one_time_are_changes_after_each_other(its):
    its.put_incident("one")
    for name in ("a", "b"):
        body = {"properties": {"message": name}}
        assert its.arm("PUT", f"/incidents/one/comments/{name}", body).status_code == 201
    counted = "Count = array_length(Comments), ModifiedBy"
    assert its.query(f"{LATEST} | project {counted}") == [(2, "Comment added")]
    assert its.arm("DELETE", "/incidents/one/comments/a").status_code == 200
    assert its.query(f"{LATEST} | project {counted}") == [(1, "Comment deleted")]


def test_an_alert_that_joins_an_incident_at_the_time_of_its_creation_is_a_later_change(its):
    put(its, rule({"matchingMethod": "AnyAlert"}))
    event(its, 1)
    event(its, 1, ip="192.0.2.2")
    latest = its.query(f"{LATEST} | project array_length(AlertIds), ModifiedBy, isnull(FirstModifiedTime)")
    assert latest == [(2, "Incident updated - new alert added", False)]


def test_alerts_of_one_run_create_an_incident_together(its):
    put(its, rule({"matchingMethod": "AnyAlert"}))
    its.events(1, 1, SourceIpAddress="192.0.2.1")
    its.run()
    rows = its.query("SecurityIncident | project array_length(AlertIds), ModifiedBy, FirstModifiedTime")
    assert rows == [(2, "Incident created from alert", None)]


def test_the_latest_change_belongs_to_the_time_up_to_now(its):
    for title in ("first", "second", "third"):
        its.put_incident("one", title=title)
    timespan = timespan_of("P1D", its.lab.now())
    latest = f"{LATEST} | project Title"
    found = its.lab.work(lambda: its.lab.workspace.query(latest, now=its.lab.now(), timespan=timespan)).rows
    assert found == [("third",)]
