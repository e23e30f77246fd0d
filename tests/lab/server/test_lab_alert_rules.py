from __future__ import annotations

from typing import Any

import pytest

from tidewaiter.lab.server.sentinel.rules import routes as rule_routes

from .sentinel_lab import STABLE, Streamed, near_real_time, scheduled, streamed

MAPPING = {"entityType": "IP", "fieldMappings": [{"identifier": "Address", "columnName": "SourceIpAddress"}]}


@pytest.fixture(scope="module")
def shared(tmp_path_factory, empty_workspace):
    with streamed(tmp_path_factory.mktemp("lab") / "lab", empty_workspace) as its:
        yield its


def refused(its: Streamed, properties: dict[str, Any], *, kind: str = "Scheduled") -> str:
    answer = its.arm("PUT", "/alertRules/refused", {"kind": kind, "properties": properties})
    assert answer.status_code == 400, answer.text
    return str(answer.json()["error"]["message"])


def test_a_rule_is_kept_as_it_was_written_until_it_is_deleted(shared):
    made = shared.put_rule(scheduled(entityMappings=[MAPPING], tactics=["Impact"]), name="kept")
    read = shared.arm("GET", "/alertRules/kept").json()
    assert read == made
    assert made["type"] == "Microsoft.SecurityInsights/alertRules"
    assert made["properties"]["queryFrequency"] == "PT10M"
    assert made["properties"]["entityMappings"] == [MAPPING]
    assert shared.arm("DELETE", "/alertRules/kept").status_code == 200
    assert shared.arm("DELETE", "/alertRules/kept").status_code == 204
    assert shared.arm("GET", "/alertRules/kept").status_code == 404


def test_a_rule_is_there_after_the_lab_was_closed(tmp_path, empty_workspace):
    with streamed(tmp_path / "lab", empty_workspace) as its:
        made = its.put_rule(scheduled())
    with streamed(tmp_path / "lab", empty_workspace) as its:
        assert its.arm("GET", "/alertRules/rule").json() == made


def test_a_rule_that_somebody_changed_is_not_overwritten(shared):
    first = shared.put_rule(scheduled(), name="raced")
    second = shared.put_rule(scheduled(severity="Low"), name="raced")
    assert first["etag"] != second["etag"]
    body = {"kind": "Scheduled", "properties": scheduled(severity="Medium")}
    by_header = shared.arm("PUT", "/alertRules/raced", body, headers={"If-Match": first["etag"]})
    by_body = shared.arm("PUT", "/alertRules/raced", {**body, "etag": first["etag"]})
    deleted = shared.arm("DELETE", "/alertRules/raced", headers={"If-Match": first["etag"]})
    assert (by_header.status_code, by_body.status_code, deleted.status_code) == (412, 409, 412)
    assert by_body.json()["error"]["code"] == "Conflict"
    assert shared.arm("GET", "/alertRules/raced").json() == second
    fresh = shared.arm("PUT", "/alertRules/raced", {**body, "etag": second["etag"]})
    assert fresh.status_code == 200
    assert shared.arm("DELETE", "/alertRules/raced", headers={"If-Match": "*"}).status_code == 200


def test_a_new_rule_that_claims_to_be_changed_is_refused(shared):
    body = {"kind": "Scheduled", "properties": scheduled()}
    assert shared.arm("PUT", "/alertRules/new", body, headers={"If-Match": '"x"'}).status_code == 412


def test_rules_are_listed_page_by_page(tmp_path, empty_workspace):
    with streamed(tmp_path / "lab", empty_workspace) as its:
        for number in range(5):
            its.put_rule(scheduled(), name=f"r{number}")
        page = its.arm("GET", "/alertRules", params={"$top": "2"}).json()
        names = [rule["name"] for rule in page["value"]]
        while "nextLink" in page:
            assert len(page["value"]) == 2
            page = its.arm("GET", page["nextLink"]).json()
            names += [rule["name"] for rule in page["value"]]
        assert names == ["r0", "r1", "r2", "r3", "r4"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"displayName": ""}, "displayName is required"),
        ({"sentinelEntitiesMappings": [{"columnName": "Entities"}]}, "sentinelEntitiesMappings"),
        ({"enabled": None}, "enabled is required"),
        ({"severity": "Critical"}, "severity 'Critical'"),
        ({"query": ""}, "between 1 and 10,000 characters"),
        ({"query": "AWSCloudTrail" + " " * 10_000}, "between 1 and 10,000 characters"),
        ({"query": "union * | take 1"}, "union *"),
        ({"queryFrequency": "PT4M"}, "queryFrequency must be between 5 minutes and 14 days"),
        ({"queryFrequency": "P15D", "queryPeriod": "P15D"}, "queryPeriod must be between 5 minutes and 14"),
        ({"queryFrequency": "PT1H"}, "must not be shorter than queryFrequency"),
        ({"queryFrequency": "soon"}, "no ISO 8601 duration"),
        ({"queryFrequency": None}, "queryFrequency and queryPeriod are required"),
        ({"triggerOperator": "Over"}, "triggerOperator"),
        ({"triggerThreshold": 10_001}, "between 0 and 10,000"),
        ({"suppressionDuration": "PT25H"}, "suppressionDuration must be between 5 minutes and 1,440 minutes"),
        ({"tactics": ["Mischief"]}, "tactic 'Mischief'"),
        ({"techniques": ["1078"]}, "technique '1078'"),
        ({"subTechniques": ["T1078"]}, "sub-technique 'T1078'"),
        ({"eventGroupingSettings": {"aggregationKind": "Some"}}, "aggregationKind"),
        ({"customDetails": {f"d{n}": "EventName" for n in range(21)}}, "at most 20 custom details"),
        ({"customDetails": {"d" * 21: "EventName"}}, "at most 20 characters"),
        ({"entityMappings": [MAPPING] * 11}, "at most 10 entity mappings"),
        ({"entityMappings": [{"entityType": "Star", "fieldMappings": []}]}, "entityType 'Star'"),
        (
            {"entityMappings": [{"entityType": "IP", "fieldMappings": [*MAPPING["fieldMappings"]] * 2}]},
            "each once",
        ),
        (
            {
                "entityMappings": [
                    {
                        "entityType": "Account",
                        "fieldMappings": [
                            {"identifier": name, "columnName": "EventName"}
                            for name in ("Name", "Sid", "PUID", "NTDomain")
                        ],
                    }
                ]
            },
            "between 1 and 3 identifiers",
        ),
        (
            {
                "entityMappings": [
                    {
                        "entityType": "IP",
                        "fieldMappings": [{"identifier": "Name", "columnName": "EventName"}],
                    }
                ]
            },
            "'Name' is no identifier of the entity IP",
        ),
        (
            {"alertDetailsOverride": {"alertDisplayNameFormat": "{{EventName}}" * 4}},
            "at most 3 parameters",
        ),
        (
            {
                "alertDetailsOverride": {
                    "alertDynamicProperties": [{"alertProperty": "Colour", "value": "EventName"}]
                }
            },
            "alertProperty 'Colour'",
        ),
        (
            {
                "incidentConfiguration": {
                    "createIncident": True,
                    "groupingConfiguration": {"enabled": True, "matchingMethod": "Selected"},
                }
            },
            "needs at least one entity or detail",
        ),
        (
            {
                "incidentConfiguration": {
                    "createIncident": True,
                    "groupingConfiguration": {"enabled": True, "lookbackDuration": "P8D"},
                }
            },
            "lookbackDuration must be between 5 minutes and 7 days",
        ),
        (
            {
                "incidentConfiguration": {
                    "createIncident": True,
                    "groupingConfiguration": {
                        "enabled": True, "matchingMethod": "Selected", "groupByCustomDetails": ["id"],
                    },
                }
            },
            "groupByCustomDetails names 'id'",
        ),
    ],
)  # fmt: skip
def test_a_rule_that_sentinel_would_refuse_is_refused(shared, changes, why):
    assert why in refused(shared, scheduled(**changes))


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("AWSCloudTrail | where Colour == 'red'", "unknown column 'Colour'"),
        ("NoSuchTable | take 1", "unknown table 'NoSuchTable'"),
        ("AWSCloudTrail | where", "syntax error"),
        ("AWSCloudTrail | summarise count()", "no operator 'summarise'"),
    ],
)
def test_a_query_that_does_not_bind_is_refused_with_the_reason(shared, query, why):
    assert why in refused(shared, scheduled(query))


@pytest.mark.parametrize(
    "changes",
    [
        {"customDetails": {"colour": "Colour"}},
        {"alertDetailsOverride": {"alertDisplayNameFormat": "{{Colour}}"}},
        {"alertDetailsOverride": {"alertSeverityColumnName": "Colour"}},
        {
            "entityMappings": [
                {"entityType": "IP", "fieldMappings": [{"identifier": "Address", "columnName": "Colour"}]}
            ]
        },
    ],
)
def test_a_column_that_the_query_does_not_return_is_refused(shared, changes):
    assert "The column 'Colour'" in refused(shared, scheduled(**changes))


def test_a_query_that_only_azure_can_run_is_taken(shared):
    made = shared.put_rule(scheduled("AWSCloudTrail | evaluate basket()", enabled=False), name="azure")
    assert made["properties"]["query"].endswith("basket()")


def test_a_near_real_time_rule_has_no_schedule(shared):
    made = shared.put_rule(
        {**near_real_time(), "queryFrequency": "PT5M", "triggerThreshold": 3}, name="nrt", kind="NRT"
    )
    assert made["kind"] == "NRT"
    assert not {"queryFrequency", "queryPeriod", "triggerThreshold"} & set(made["properties"])


def test_the_stable_versions_have_no_near_real_time_rules_and_unknown_ones_are_refused(shared):
    body = {"kind": "NRT", "properties": near_real_time()}
    assert shared.arm("PUT", "/alertRules/n", body, version=STABLE).status_code == 400
    answer = shared.arm("GET", "/alertRules", version="2019-01-01")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "NoRegisteredProviderFound"


def test_other_kinds_are_refused_by_name(shared):
    answer = shared.arm("PUT", "/alertRules/f", {"kind": "Fusion", "properties": {"enabled": True}})
    assert answer.status_code == 400
    assert "not 'Fusion'" in answer.json()["error"]["message"]


@pytest.mark.parametrize(("kind", "most"), [("Scheduled", "MOST_SCHEDULED"), ("NRT", "MOST_NRT")])
def test_enabled_rules_are_limited_by_kind(tmp_path, empty_workspace, monkeypatch, kind, most):
    assert (rule_routes.MOST_SCHEDULED, rule_routes.MOST_NRT) == (512, 50)
    monkeypatch.setattr(rule_routes, most, 2)
    properties = scheduled() if kind == "Scheduled" else near_real_time()
    with streamed(tmp_path / "lab", empty_workspace) as its:
        its.put_rule(properties, name="a", kind=kind)
        its.put_rule(properties, name="b", kind=kind)
        answer = its.arm("PUT", "/alertRules/c", {"kind": kind, "properties": properties})
        assert answer.status_code == 400
        assert "the most" in answer.json()["error"]["message"]
        its.put_rule(properties, name="a", kind=kind)
        its.put_rule({**properties, "enabled": False}, name="c", kind=kind)
