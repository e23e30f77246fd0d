from __future__ import annotations

import pytest
from azure.mgmt.loganalytics import LogAnalyticsManagementClient

from .conftest import COLUMNS, MANAGEMENT, STRANGER, LabServer
from .test_lab_sdk_ingestion import credential

TABLES = "Microsoft.OperationalInsights/workspaces/lab/tables"


def define(server: LabServer, name: str, columns, *, method: str = "PUT", **properties):
    listed = [{"name": column, "type": kind} for column, kind in columns.items()]
    body = {"properties": {"schema": {"name": name, "columns": listed}, **properties}}
    return server.arm(method, f"{TABLES}/{name}", body, version="2025-07-01")


def get(server: LabServer, name: str):
    return server.arm("GET", f"{TABLES}/{name}", version="2025-07-01")


def test_a_custom_table_can_be_made_read_queried_and_deleted(lab_server: LabServer):
    made = define(lab_server, "Made_CL", COLUMNS, plan="Basic", totalRetentionInDays=365)
    assert made.status_code == 200, made.text
    found = get(lab_server, "Made_CL").json()
    assert found == made.json()
    schema = found["properties"]["schema"]
    assert {column["name"]: column["type"].lower() for column in schema["columns"]} == COLUMNS
    assert (found["properties"]["plan"], found["properties"]["totalRetentionInDays"]) == ("Basic", 365)
    assert lab_server.query("Made_CL | count") == [(0,)]
    listed = lab_server.arm("GET", TABLES, version="2025-07-01").json()["value"]
    assert {"Made_CL", "SecurityAlert", "ASimDnsActivityLogs"} <= {each["name"] for each in listed}
    deleted = [
        lab_server.arm("DELETE", f"{TABLES}/Made_CL", version="2025-07-01").status_code for _ in range(2)
    ]
    assert deleted == [200, 204]
    assert get(lab_server, "Made_CL").status_code == 404


def test_the_sdk_makes_and_reads_a_table(lab_server: LabServer):
    with LogAnalyticsManagementClient(
        credential(lab_server),
        lab_server.lab.tenant.subscription_id,
        base_url=lab_server.url,
        credential_scopes=[f"{MANAGEMENT}/.default"],
        connection_verify=str(lab_server.ca),
        polling_interval=0,
    ) as client:
        group, workspace = lab_server.lab.tenant.resource_group, lab_server.lab.tenant.workspace
        columns = [{"name": "TimeGenerated", "type": "dateTime"}, {"name": "N", "type": "long"}]
        parameters = {"properties": {"schema": {"name": "Sdk_CL", "columns": columns}, "plan": "Analytics"}}
        made = client.tables.begin_create_or_update(group, workspace, "Sdk_CL", parameters).result()
        assert made.name == "Sdk_CL"
        properties = client.tables.get(group, workspace, "Sdk_CL").properties
        assert properties
        assert properties.plan == "Analytics"
        assert "Sdk_CL" in {table.name for table in client.tables.list_by_workspace(group, workspace)}
        client.tables.begin_delete(group, workspace, "Sdk_CL").result()
    assert get(lab_server, "Sdk_CL").status_code == 404


def test_a_column_can_be_added_and_rows_stay(lab_server: LabServer):
    table = lab_server.make_table(COLUMNS)
    rule = lab_server.make_rule(lab_server.rule_body(COLUMNS, f"Custom-{table}"))
    assert lab_server.send(rule, [{"N": 1}]).status_code == 204
    assert define(
        lab_server, table, {"TimeGenerated": "datetime", "New": "string"}, method="PATCH"
    ).is_success
    rule = lab_server.make_rule(lab_server.rule_body(COLUMNS | {"New": "string"}, f"Custom-{table}"))
    assert lab_server.send(rule, [{"N": 2, "New": "x"}]).status_code == 204
    assert lab_server.query(f"{table} | order by N asc | project N, New") == [(1, ""), (2, "x")]


def test_an_azure_table_can_have_custom_columns(lab_server: LabServer):
    name = "ASimDhcpEventLogs"
    assert define(lab_server, name, {"AI_ConfidenceScore_CF": "real"}).status_code == 200
    columns = {"TimeGenerated": "datetime", "AI_ConfidenceScore_CF": "real"}
    rule = lab_server.make_rule(lab_server.rule_body(columns, f"Microsoft-{name}"))
    assert lab_server.send(rule, [{"AI_ConfidenceScore_CF": 0.5}]).status_code == 204
    assert lab_server.query(f"{name} | project AI_ConfidenceScore_CF") == [(0.5,)]


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("NoSuffix", COLUMNS),
        ("1Digit_CL", COLUMNS),
        ("Das-h_CL", COLUMNS),
        ("Wrong_CL", {"N": "long"}),
        ("Wrong_CL", {"TimeGenerated": "string"}),
        *(
            ("Wrong_CL", {"TimeGenerated": "datetime", column: "string"})
            for column in ("1a", "a-b", "_a", "a" * 46, "id", "Title", "Type", "TenantId", "UniqueId")
        ),
        ("Wrong_CL", {"TimeGenerated": "datetime", "A": "decimal"}),
        ("Wrong_CL", {"TimeGenerated": "datetime", "a": "string", "A": "string"}),
        ("Wrong_CL", {"TimeGenerated": "datetime"} | {f"C{n}": "string" for n in range(500)}),
        ("ASimDnsActivityLogs", {"NoSuffix": "string"}),
    ],
)
def test_a_table_that_azure_would_refuse_is_refused(lab_server: LabServer, name, columns):
    answer = define(lab_server, name, columns)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidParameter")


@pytest.mark.parametrize(
    "properties", [{"plan": "Cheap"}, {"retentionInDays": 3}, {"totalRetentionInDays": 5000}]
)
def test_plan_and_retention_have_bounds(lab_server: LabServer, properties):
    assert define(lab_server, "Wrong_CL", COLUMNS, **properties).status_code == 400


def test_the_type_of_a_column_cannot_change(lab_server: LabServer):
    table = lab_server.make_table(COLUMNS)
    assert define(lab_server, table, COLUMNS | {"N": "string"}).status_code == 400


def test_a_table_may_have_500_columns(lab_server: LabServer):
    columns = {"TimeGenerated": "datetime"} | {f"C{n}": "string" for n in range(499)}
    assert define(lab_server, "Wide_CL", columns).status_code == 200


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/subscriptions/other/resourceGroups/tidewaiter-lab/providers", "SubscriptionNotFound"),
        ("{sub}/resourceGroups/other/providers", "ResourceGroupNotFound"),
    ],
)
def test_what_the_tenant_has_not_is_not_found(lab_server: LabServer, path, code):
    path = path.format(sub=f"/subscriptions/{lab_server.lab.tenant.subscription_id}")
    answer = lab_server.client.get(
        f"{path}/{TABLES}", params={"api-version": "2025-07-01"}, headers=lab_server.bearer(MANAGEMENT)
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, code)


def test_a_client_that_may_not_manage_is_refused(lab_server: LabServer):
    client = STRANGER.__class__("a" * 36, "b" * 36, "secret", manages=False)
    lab_server.lab.clients[client.id] = client
    answer = lab_server.client.get(
        f"{lab_server.lab.tenant.workspace_path}/tables",
        params={"api-version": "2025-07-01"},
        headers=lab_server.bearer(MANAGEMENT, client=client.id),
    )
    del lab_server.lab.clients[client.id]
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "AuthorizationFailed")
