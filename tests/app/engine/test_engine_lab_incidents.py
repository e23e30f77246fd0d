"""Incidents of a run are incidents of the embedded lab, by the rendered rule (issue 3, Shows 5)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.app.conftest import deliver_to
from tidewaiter.app.engine.paths import Paths
from tidewaiter.lab.generator import generate
from tidewaiter.lab.workspace import Workspace


def last_rows(state: Path) -> list[dict[str, Any]]:
    """The last row of each incident in SecurityIncident, by number, with the custom details of its alerts."""
    with Workspace.open(Paths(state).workspace, read_only=True) as workspace:
        incidents = workspace.query(
            "SecurityIncident | summarize arg_max(LastModifiedTime, *) by IncidentName "
            "| order by IncidentNumber asc | project Title, Severity, AlertIds, AdditionalData, Status"
        )
        alerts = workspace.query("SecurityAlert | project SystemAlertId, ExtendedProperties, Entities")
    details = {
        alert: (json.loads(json.loads(str(extended))["Custom Details"]), json.loads(str(entities or "[]")))
        for alert, extended, entities in alerts.rows
    }
    names = [column.name for column in incidents.columns]
    found = [dict(zip(names, row, strict=True)) for row in incidents.rows]
    return [{**row, "alerts": [details[each] for each in json.loads(str(row["AlertIds"]))]} for row in found]


@pytest.fixture(scope="module")
def delivered(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    generate(folder / "day", events=2_000, seed=5)
    return deliver_to(folder / "state", folder / "day")


def test_the_lab_has_as_many_incidents_as_the_run_found(delivered):
    found = delivered.lines("incidents.jsonl")
    raised = last_rows(delivered.state)

    assert found
    assert len(raised) == len(found)
    ids = [alert[0]["incident_id"] for row in raised for alert in row["alerts"]]
    assert sorted(each for (each,) in ids) == sorted(one["incident_id"] for one in found)


def test_each_incident_of_the_lab_carries_what_the_run_found(delivered):
    found = {one["incident_id"]: one for one in delivered.lines("incidents.jsonl")}

    for row in last_rows(delivered.state):
        ((details, entities),) = row["alerts"]
        one = found[details["incident_id"][0]]
        assert row["Severity"] == one["severity"]
        assert row["Title"].startswith(one["title"][:100])
        assert details["_AI_ModelVersion"] == [one["_AI_ModelVersion"]]
        assert float(details["_AI_ConfidenceScore"][0]) == pytest.approx(one["_AI_ConfidenceScore"])
        assert json.loads(row["AdditionalData"])["tactics"]
        assert entities


def test_a_second_pass_over_the_same_day_raises_nothing_new(delivered):
    before = last_rows(delivered.state)
    deliver_to(delivered.state, delivered.state.parent / "day")
    assert last_rows(delivered.state) == before
