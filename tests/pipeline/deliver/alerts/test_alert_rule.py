from __future__ import annotations

from datetime import timedelta

import duckdb
import msgspec
import pytest
from azure.mgmt.securityinsight import models

from tests.pipeline.deliver.alerts.test_alert_rows import NOW, incident
from tidewaiter.kql import Executor
from tidewaiter.pipeline.deliver.alerts import (
    COLUMNS,
    TABLE,
    alert_rows,
    function_text,
    render_function,
    render_rule,
)

SQL = {
    "string": "VARCHAR",
    "datetime": "TIMESTAMP",
    "int": "INTEGER",
    "real": "DOUBLE",
    "dynamic": "JSON",
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """Two incidents, the first of them twice as after a batch that was sent again."""
    path = tmp_path_factory.mktemp("alerts") / "w.duckdb"
    rows = alert_rows([incident(), incident(incident_id="inc-2", score=40)], set(), now=NOW)
    with duckdb.connect(str(path)) as db:
        db.execute(f"CREATE TABLE {TABLE} ({', '.join(f'{n} {SQL[k]}' for n, k in COLUMNS.items())})")
        for each in [*rows, rows[0]]:
            columns = msgspec.json.decode(each.row)
            values = [
                msgspec.json.encode(value).decode() if COLUMNS[name] == "dynamic" else value
                for name, value in columns.items()
            ]
            marks = ", ".join("?" * len(values))
            db.execute(f"INSERT INTO {TABLE} ({', '.join(columns)}) VALUES ({marks})", values)
    with Executor(path, {TABLE: COLUMNS}) as executor:
        yield executor


def ask(workspace, query):
    result = workspace.run(query, now=NOW + timedelta(minutes=1))
    names = [column.name for column in result.columns]
    return [dict(zip(names, row, strict=True)) for row in result.rows]


def test_the_query_gives_each_alert_once_with_all_that_the_rule_reads(workspace):
    rule = render_rule()

    rows = ask(workspace, rule.query)

    assert sorted(row["IncidentId"] for row in rows) == ["inc-1", "inc-2"]
    read: set[str | None] = set((rule.custom_details or {}).values())
    read |= {field.column_name for entity in rule.entity_mappings or () for field in entity.field_mappings}
    details = rule.alert_details_override
    assert details is not None
    read |= {
        details.alert_severity_column_name,
        details.alert_tactics_column_name,
        "AlertTitle",
        "Description",
    }
    read |= {each.value for each in details.alert_dynamic_properties or ()}
    assert read <= set(rows[0])


def test_alerts_of_one_incident_make_one_incident():
    rule = render_rule()

    assert rule.event_grouping_settings is not None
    assert rule.event_grouping_settings.aggregation_kind == "AlertPerResult"
    assert rule.incident_configuration is not None
    grouping = rule.incident_configuration.grouping_configuration
    assert grouping is not None
    assert (grouping.enabled, grouping.matching_method) == (True, "Selected")
    assert grouping.group_by_custom_details == ("incident_id",)
    assert "incident_id" in (rule.custom_details or {})


def test_the_rule_keeps_to_the_limits_of_sentinel():
    rule = render_rule()

    mappings = rule.entity_mappings or ()
    assert len(mappings) <= 10
    assert all(1 <= len(entity.field_mappings) <= 3 for entity in mappings)
    details = rule.custom_details or {}
    assert len(details) <= 20
    assert all(len(name) <= 20 for name in details)
    assert {"_AI_ConfidenceScore", "_AI_ModelVersion"} <= set(details)
    assert len(rule.query) <= 10_000


def test_kinds_and_properties_are_sentinels_own():
    rule = render_rule()

    kinds = {entity.entity_type for entity in rule.entity_mappings or ()}
    assert kinds <= {kind.value for kind in models.EntityMappingType}
    details = rule.alert_details_override
    assert details is not None
    named = {each.alert_property for each in details.alert_dynamic_properties or ()}
    assert named <= {each.value for each in models.AlertProperty}


def test_the_function_shows_provenance_under_its_exact_names(workspace):
    rows = ask(workspace, function_text())

    assert len(rows) == 2
    assert {(row["_AI_ConfidenceScore"], row["_AI_ModelVersion"]) for row in rows} == {
        (0.87, "incident-scorer@1.0.0"),
        (0.4, "incident-scorer@1.0.0"),
    }
    assert not {"AI_ConfidenceScore", "AI_ModelVersion"} & set(rows[0])
    assert render_function().function_alias == "TidewaiterAlerts"
