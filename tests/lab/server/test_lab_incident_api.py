from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from .sentinel_lab import STABLE, Streamed, near_real_time, streamed


@pytest.fixture(scope="module")
def its(tmp_path_factory, empty_workspace):
    with streamed(tmp_path_factory.mktemp("lab") / "lab", empty_workspace) as its:
        its.events(0, name="Other")
        its.put_rule(near_real_time(eventGroupingSettings={"aggregationKind": "AlertPerResult"}), kind="NRT")
        its.events(1, 2)
        its.run()
        yield its


@pytest.fixture
def fresh(tmp_path, empty_workspace):
    with streamed(tmp_path / "lab", empty_workspace) as its:
        its.events(0, name="Other")
        yield its


def refused(its: Streamed, path: str, properties: dict[str, Any]) -> str:
    answer = its.arm("PUT", path, {"properties": properties})
    assert answer.status_code == 400, answer.text
    return str(answer.json()["error"]["message"])


def incident(**changes) -> dict[str, Any]:
    return {"title": "T", "severity": "Low", "status": "New", **changes}


def test_an_incident_is_made_read_changed_and_deleted(its):
    answer = its.arm("PUT", "/incidents/made", {"properties": incident(description="D")}, version=STABLE)
    assert answer.status_code == 201
    made = answer.json()
    assert made["type"] == "Microsoft.SecurityInsights/Incidents"
    assert made["properties"]["additionalData"]["alertsCount"] == 0
    assert made["properties"]["owner"]["email"] is None
    assert its.arm("GET", "/incidents/made", version=STABLE).json() == made
    changed = its.put_incident("made", status="Active", owner={"email": "ana@example.com"})
    assert changed["properties"]["owner"]["email"] == "ana@example.com"
    assert changed["properties"]["description"] == ""  # what a PUT leaves out is gone
    assert changed["properties"]["incidentNumber"] == made["properties"]["incidentNumber"]
    assert changed["properties"]["createdTimeUtc"] == made["properties"]["createdTimeUtc"]
    assert its.arm("DELETE", "/incidents/made").status_code == 200
    assert its.arm("DELETE", "/incidents/made").status_code == 204
    assert its.arm("GET", "/incidents/made").status_code == 404


def test_an_incident_made_by_rest_is_in_the_table_too(its):
    its.put_incident("tabled", labels=[{"labelName": "aws"}], owner={"assignedTo": "Ana"})
    rows = its.query(
        "SecurityIncident | where IncidentName == 'tabled' | project Title, Severity, Status, "
        "tostring(Owner.assignedTo), tostring(Labels[0].labelName), ModifiedBy"
    )
    assert rows == [("T", "Low", "New", "Ana", "aws", "Incident created by API")]


def test_labels_are_those_of_a_user(its):
    made = its.put_incident("labelled", labels=[{"labelName": "a"}, {"labelName": "b", "labelType": "X"}])
    assert made["properties"]["labels"] == [
        {"labelName": "a", "labelType": "User"}, {"labelName": "b", "labelType": "User"},
    ]  # fmt: skip
    assert "labelName" in refused(its, "/incidents/labelled", incident(labels=[{"labelName": ""}]))


def test_an_incident_that_somebody_changed_is_not_overwritten(its):
    first = its.put_incident("raced")
    second = its.put_incident("raced", severity="High")
    body = {"properties": incident(severity="Medium")}
    by_header = its.arm("PUT", "/incidents/raced", body, headers={"If-Match": first["etag"]})
    by_body = its.arm("PUT", "/incidents/raced", {**body, "etag": first["etag"]})
    assert (by_header.status_code, by_body.status_code) == (412, 409)
    deleted = its.arm("DELETE", "/incidents/raced", headers={"If-Match": first["etag"]})
    assert deleted.status_code == 412
    assert its.arm("GET", "/incidents/raced").json() == second
    assert its.arm("PUT", "/incidents/raced", {**body, "etag": second["etag"]}).status_code == 200


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"title": ""}, "title is required"),
        ({"severity": "Critical"}, "severity 'Critical'"),
        ({"status": "Done"}, "status 'Done'"),
        ({"description": "d" * 5_001}, "over 5,000 characters"),
        ({"owner": {"ownerType": "Robot"}}, "ownerType 'Robot'"),
        ({"status": "Closed"}, "needs a classification"),
        ({"status": "Closed", "classification": "Maybe"}, "classification 'Maybe'"),
    ],
)
def test_an_incident_that_sentinel_would_refuse_is_refused(its, changes, why):
    assert why in refused(its, "/incidents/wrong", incident(**changes))


CLOSURES = [
    ("TruePositive", "SuspiciousActivity", True),
    ("BenignPositive", "SuspiciousButExpected", True),
    ("FalsePositive", "IncorrectAlertLogic", True),
    ("FalsePositive", "InaccurateData", True),
    ("Undetermined", None, True),
    ("TruePositive", "InaccurateData", False),
    ("TruePositive", None, False),
    ("BenignPositive", "SuspiciousActivity", False),
    ("FalsePositive", "SuspiciousButExpected", False),
    ("Undetermined", "SuspiciousActivity", False),
]


@pytest.mark.parametrize(("classification", "reason", "allowed"), CLOSURES)
def test_a_classification_goes_with_its_reasons(its, classification, reason, allowed):
    closing = incident(
        status="Closed",
        classification=classification,
        classificationReason=reason,
        classificationComment="c",
    )
    answer = its.arm("PUT", "/incidents/closing", {"properties": closing})
    assert (answer.status_code in (200, 201)) is allowed, answer.text
    if allowed:
        properties = answer.json()["properties"]
        assert properties["classification"] == classification
        assert properties.get("classificationReason") == reason
        assert properties["classificationComment"] == "c"


def test_an_incident_that_is_opened_again_has_no_classification(its):
    closed = {
        "status": "Closed", "classification": "FalsePositive", "classificationReason": "InaccurateData",
    }  # fmt: skip
    its.put_incident("reopened", **closed)
    opened = its.put_incident("reopened", **{**closed, "status": "Active"})
    assert not {"classification", "classificationReason"} & set(opened["properties"])
    rows = its.query(
        "SecurityIncident | where IncidentName == 'reopened' | project Status, closed = isnotnull(ClosedTime)"
    )
    assert rows == [("Closed", True), ("Active", False)]


# Listing


@pytest.fixture(scope="module")
def many(tmp_path_factory, empty_workspace):
    with streamed(tmp_path_factory.mktemp("many") / "lab", empty_workspace) as its:
        for number in range(1, 8):
            its.events(number, name="Other")
            its.put_incident(
                f"i{number}",
                title=f"Case {number}",
                severity=["Low", "Medium", "High"][number % 3],
                status="New" if number < 5 else "Active",
                owner={"email": "ana@example.com"} if number == 3 else None,
                labels=[{"labelName": f"l{number}"}],
            )
        yield its


def listed(its: Streamed, where: str = "", order: str = "", **params: str) -> list[str]:
    given = {"$filter": where, "$orderby": order, **params}
    answer = its.arm("GET", "/incidents", params={name: value for name, value in given.items() if value})
    assert answer.status_code == 200, answer.text
    return [each["name"] for each in answer.json()["value"]]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("properties/status eq 'Active'", ["i7", "i6", "i5"]),
        ("properties/status ne 'active' and properties/severity eq 'High'", ["i2"]),
        ("(properties/status eq 'New') and not (properties/severity eq 'Low')", ["i4", "i2", "i1"]),
        ("properties/incidentNumber ge 3 and properties/incidentNumber lt 5", ["i4", "i3"]),
        ("properties/createdTimeUtc gt 2026-05-01T00:05:30Z", ["i7", "i6"]),
        ("properties/createdTimeUtc lt 2026-05-01T00:03:00Z or name eq 'i7'", ["i7", "i2", "i1"]),
        ("contains(properties/title, 'case 4')", ["i4"]),
        ("startswith(tolower(properties/title), 'case') and endswith(properties/title, '5')", ["i5"]),
        ("properties/owner/email eq 'ana@example.com'", ["i3"]),
        ("properties/owner/email eq null and properties/incidentNumber le 3", ["i2", "i1"]),
        ("properties/severity in ('High', 'Medium') and properties/status eq 'Active'", ["i7", "i5"]),
        ("properties/labels/any(l: l/labelName eq 'l6')", ["i6"]),
        ("properties/title eq 'it''s none'", []),
    ],
)
def test_a_filter_chooses_incidents(many, where, expected):
    assert listed(many, where) == expected


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("", ["i7", "i6", "i5", "i4", "i3", "i2", "i1"]),
        ("properties/incidentNumber asc", ["i1", "i2", "i3", "i4", "i5", "i6", "i7"]),
        ("properties/severity,properties/incidentNumber desc", ["i5", "i2", "i6", "i3", "i7", "i4", "i1"]),
    ],
)
def test_an_order_sorts_incidents(many, order, expected):
    assert listed(many, order=order) == expected


@pytest.mark.parametrize(
    "where", ["properties/status", "status is 'New'", "(name eq 'a'", "name eq 'a' or", 'name eq "a"']
)
def test_a_filter_that_is_none_is_refused(many, where):
    answer = many.arm("GET", "/incidents", params={"$filter": where})
    assert answer.status_code == 400
    assert "OData" in answer.json()["error"]["message"]


def test_incidents_are_listed_page_by_page_with_filter_and_order(many):
    params = {
        "$filter": "properties/status eq 'New'", "$orderby": "properties/title asc", "$top": "3",
    }  # fmt: skip
    page = many.arm("GET", "/incidents", params=params).json()
    names = [each["name"] for each in page["value"]]
    assert "skipToken" in page["nextLink"]
    page = many.arm("GET", page["nextLink"]).json()
    assert "nextLink" not in page
    assert names + [each["name"] for each in page["value"]] == ["i1", "i2", "i3", "i4"]


def test_a_page_has_50_incidents_unless_asked_and_1000_at_most(fresh):
    for number in range(51):
        fresh.put_incident(f"n{number}")
    assert len(listed(fresh)) == 50
    assert len(listed(fresh, **{"$top": "5000"})) == 51
    assert fresh.arm("GET", "/incidents", params={"$top": "0"}).status_code == 400


# Comments


def test_comments_are_written_read_changed_and_deleted(its):
    its.put_incident("talked")
    path = "/incidents/talked/comments"
    made = its.arm("PUT", f"{path}/a", {"properties": {"message": "<b>Seen</b>"}})
    assert made.status_code == 201
    assert made.json()["properties"]["author"]["name"] == "tidewaiter"
    again = its.arm("PUT", f"{path}/a", {"properties": {"message": "Done"}})
    assert again.status_code == 200
    its.arm("PUT", f"{path}/b", {"properties": {"message": "More"}})
    messages = [each["properties"]["message"] for each in its.arm("GET", path).json()["value"]]
    assert messages == ["More", "Done"]
    assert its.arm("GET", f"{path}/a").json() == again.json()
    stale = {"properties": {"message": "x"}, "etag": made.json()["etag"]}
    assert its.arm("PUT", f"{path}/a", stale).status_code == 409
    counts = its.arm("GET", "/incidents/talked").json()["properties"]["additionalData"]
    assert counts["commentsCount"] == 2
    assert its.arm("DELETE", f"{path}/a").status_code == 200
    assert its.arm("DELETE", f"{path}/a").status_code == 204
    assert its.arm("GET", f"{path}/a").status_code == 404


def test_a_comment_has_at_most_30000_characters(its):
    its.put_incident("long")
    path = "/incidents/long/comments"
    assert its.arm("PUT", f"{path}/a", {"properties": {"message": "é" * 30_000}}).status_code == 201
    assert "30,000 characters" in refused(its, f"{path}/b", {"message": "x" * 30_001})
    assert "30,000 characters" in refused(its, f"{path}/b", {"message": ""})


def test_an_incident_has_at_most_100_comments(its):
    its.put_incident("busy")
    for number in range(100):
        its.arm("PUT", f"/incidents/busy/comments/{number}", {"properties": {"message": "x"}})
    assert "100 comments" in refused(its, "/incidents/busy/comments/100", {"message": "x"})
    again = its.arm("PUT", "/incidents/busy/comments/5", {"properties": {"message": "y"}})
    assert again.status_code == 200


def test_comments_go_with_their_incident(its):
    its.put_incident("gone")
    its.arm("PUT", "/incidents/gone/comments/a", {"properties": {"message": "x"}})
    its.arm("DELETE", "/incidents/gone")
    its.put_incident("gone")
    assert its.arm("GET", "/incidents/gone/comments").json()["value"] == []
    assert its.arm("GET", "/incidents/none/comments").status_code == 404
    assert its.arm("PUT", "/incidents/none/comments/a", {"properties": {"message": "x"}}).status_code == 404


# Relations


def resource_id(its: Streamed, what: str) -> str:
    return f"{its.lab.tenant.workspace_path}/providers/Microsoft.SecurityInsights/{what}"


def test_the_alerts_of_an_incident_are_related_to_it(its):
    raised = its.incidents()[0]
    (relation,) = its.arm("GET", f"/incidents/{raised['name']}/relations").json()["value"]
    assert relation["properties"]["relatedResourceKind"] == "SecurityAlert"
    (alert,) = its.arm("POST", f"/incidents/{raised['name']}/alerts").json()["value"]
    assert relation["properties"]["relatedResourceName"] == alert["name"]
    one = its.arm("GET", f"/incidents/{raised['name']}/relations/{relation['name']}")
    assert one.json() == relation


def test_an_alert_may_be_related_to_an_incident_and_taken_out(its):
    alert = next(iter(its.lab.sentinel.alerts))
    its.put_incident("collected")
    body = {"properties": {"relatedResourceId": resource_id(its, f"Entities/{alert}")}}
    made = its.arm("PUT", "/incidents/collected/relations/r", body)
    assert made.status_code == 201
    counts = its.arm("GET", "/incidents/collected").json()["properties"]["additionalData"]
    assert (counts["alertsCount"], counts["alertProductNames"]) == (1, ["Azure Sentinel"])
    assert len(its.arm("GET", "/incidents/collected/relations").json()["value"]) == 1
    assert its.arm("DELETE", "/incidents/collected/relations/r").status_code == 200
    assert its.arm("DELETE", "/incidents/collected/relations/r").status_code == 204
    assert its.arm("POST", "/incidents/collected/alerts").json()["value"] == []
    ids = its.query("SecurityIncident | where IncidentName == 'collected' | project AlertIds")
    assert [json.loads(each) for (each,) in ids] == [[], [alert], []]


def test_an_incident_has_at_most_20_bookmarks(its):
    its.put_incident("marked")
    for number in range(20):
        body = {"properties": {"relatedResourceId": resource_id(its, f"Bookmarks/b{number}")}}
        assert its.arm("PUT", f"/incidents/marked/relations/r{number}", body).status_code == 201
    properties = {"relatedResourceId": resource_id(its, "Bookmarks/b20")}
    assert "20 bookmarks" in refused(its, "/incidents/marked/relations/r20", properties)
    shown = its.arm("POST", "/incidents/marked/bookmarks").json()["value"]
    assert [each["name"] for each in shown] == [f"b{number}" for number in range(20)]
    assert {each["kind"] for each in shown} == {"Bookmark"}


@pytest.mark.parametrize("target", ["", "Entities/none", "alertRules/rule"])
def test_what_cannot_be_related_is_refused(its, target):
    its.put_incident("alone")
    refused(its, "/incidents/alone/relations/r", {"relatedResourceId": resource_id(its, target)})


@pytest.mark.parametrize("member", ["title", "unknown"])
def test_a_body_that_is_nested_too_deeply_is_refused_in_azures_form(its, member):
    nested = b'{"properties":{"%s":' % member.encode() + b"[" * 3_000 + b"]" * 3_000 + b"}}"
    answer = its.arm("PUT", "/incidents/deep", content=nested)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidRequestContent")
    assert its.arm("GET", "/incidents/deep").status_code == 404


def test_a_token_that_is_nested_too_deeply_is_no_token_of_the_lab(its):
    header = base64.urlsafe_b64encode(b"[" * 5_000 + b"]" * 5_000).rstrip(b"=").decode()
    answer = its.arm("GET", "/incidents", headers={"Authorization": f"Bearer {header}.e30.e30"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")
