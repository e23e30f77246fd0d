from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter import asim
from tidewaiter.core.errors import ConfigError
from tidewaiter.sentinel import output_stream, render_dcr, render_table
from tidewaiter.sentinel.dcr import MOST_FLOWS

TABLES = sorted(name for name in asim.tables() if name.startswith(("ASim", "AWS")))
WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.OperationalInsights/workspaces/w"
STREAM_TYPES = {"string", "int", "long", "real", "boolean", "dynamic", "datetime"}


def render(tables, **given):
    return render_dcr(tables, workspace_resource_id=WORKSPACE, location="westeurope", **given)


def test_a_rule_takes_the_columns_of_its_table_and_changes_nothing():
    (draft,) = render(["ASimAuditEventLogs"])

    body = msgspec.to_builtins(draft)
    assert body["kind"] == "Direct"
    assert body["location"] == "westeurope"
    properties = body["properties"]
    assert properties["dataFlows"] == (
        {
            "streams": ("Custom-ASimAuditEventLogs",),
            "destinations": ("workspace",),
            "transformKql": "source",
            "outputStream": "Microsoft-ASimAuditEventLogs",
        },
    )
    (columns,) = (stream["columns"] for stream in properties["streamDeclarations"].values())
    assert {column["name"] for column in columns} == set(asim.table("ASimAuditEventLogs").sendable)
    assert {"name": "AdditionalFields", "type": "dynamic"} in columns
    assert {"name": "TimeGenerated", "type": "datetime"} in columns
    assert properties["destinations"]["logAnalytics"][0]["workspaceResourceId"] == WORKSPACE


@given(st.lists(st.sampled_from(TABLES), max_size=40))
def test_every_table_has_one_flow_and_no_rule_more_than_ten(tables):
    drafts = render(tables)

    streams = [stream for draft in drafts for flow in draft.properties.data_flows for stream in flow.streams]
    assert streams == [f"Custom-{table}" for table in dict.fromkeys(tables)]
    assert all(0 < len(draft.properties.data_flows) <= MOST_FLOWS for draft in drafts)
    for draft in drafts:
        declared = draft.properties.stream_declarations
        assert set(declared) == {flow.streams[0] for flow in draft.properties.data_flows}
        kinds = {column.type for stream in declared.values() for column in stream.columns}
        assert kinds <= STREAM_TYPES
        names = {column.name for stream in declared.values() for column in stream.columns}
        assert not names & asim.SYSTEM_COLUMNS


def test_a_custom_table_brings_its_columns():
    (draft,) = render(
        ["TidewaiterAlerts_CL"], custom={"TidewaiterAlerts_CL": {"Title_": "string", "Id": "guid"}}
    )

    (flow,) = draft.properties.data_flows
    (stream,) = draft.properties.stream_declarations.values()
    assert flow.output_stream == "Custom-TidewaiterAlerts_CL"
    assert {column.name: column.type for column in stream.columns} == {
        "TimeGenerated": "datetime",
        "Title_": "string",
        "Id": "string",
    }


def test_an_unknown_table_without_columns_is_refused():
    with pytest.raises(ConfigError, match="Mine_CL are not known"):
        render(["Mine_CL"])


def test_a_column_of_a_type_that_streams_do_not_take_is_refused():
    with pytest.raises(ConfigError, match="cannot have the columns Span"):
        render(["Mine_CL"], custom={"Mine_CL": {"Span": "timespan"}})


def test_native_and_custom_tables_have_their_own_output_streams():
    assert output_stream("AWSCloudTrail") == "Microsoft-AWSCloudTrail"
    assert output_stream("Tidewaiter_CL") == "Custom-Tidewaiter_CL"


def test_a_custom_table_is_defined_by_its_columns():
    table = render_table(
        "TidewaiterAlerts_CL", {"Score": "real", "Entities": "dynamic"}, retention=90, total_retention=365
    )

    assert msgspec.to_builtins(table) == {
        "plan": "Analytics",
        "retentionInDays": 90,
        "totalRetentionInDays": 365,
        "schema": {
            "name": "TidewaiterAlerts_CL",
            "columns": (
                {"name": "TimeGenerated", "type": "dateTime"},
                {"name": "Score", "type": "real"},
                {"name": "Entities", "type": "dynamic"},
            ),
        },
    }


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("Tidewaiter", {}),
        ("1_CL", {}),
        ("A" * 45 + "_CL", {}),
        ("A_CL", {"_x": "string"}),
        ("A_CL", {"Title": "string"}),
        ("A_CL", {"a" * 46: "string"}),
        ("A_CL", {"a-b": "string"}),
        ("A_CL", {"a": "timespan"}),
        ("A_CL", {f"c{n}": "string" for n in range(500)}),
    ],
)
def test_a_table_that_log_analytics_does_not_take_is_refused(name, columns):
    with pytest.raises(ConfigError):
        render_table(name, columns)
