from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tidewaiter.asim.schema import tables

from .conftest import COLUMNS, LabServer

RULES = "Microsoft.Insights/dataCollectionRules"
ASIM = "ASimAuditEventLogs"


@pytest.fixture(scope="module")
def table(lab_server: LabServer) -> str:
    return lab_server.make_table(COLUMNS)


def put(server: LabServer, body: Any, name: str = "refused"):
    return server.arm("PUT", f"{RULES}/{name}", body)


def flaw(answer) -> tuple[str, str]:
    error = answer.json()["error"]
    assert answer.status_code == 400, answer.text
    return error["code"], error["details"][0]["code"]


def test_a_rule_of_kind_direct_has_an_endpoint_and_an_immutable_id(lab_server: LabServer, table: str):
    body = lab_server.rule_body(COLUMNS, f"Custom-{table}")
    made = put(lab_server, body, "one")
    assert made.status_code == 201
    rule = made.json()
    assert rule["properties"]["endpoints"]["logsIngestion"] == lab_server.url
    assert rule["properties"]["immutableId"].startswith("dcr-")
    assert rule["properties"]["dataFlows"] == body["properties"]["dataFlows"]
    assert rule["properties"]["streamDeclarations"] == body["properties"]["streamDeclarations"]
    again = put(lab_server, body, "one")
    assert (again.status_code, again.json()["properties"]["immutableId"]) == (
        200,
        rule["properties"]["immutableId"],
    )
    assert lab_server.arm("GET", f"{RULES}/ONE").json() == rule
    assert rule in lab_server.arm("GET", RULES).json()["value"]
    assert [lab_server.arm("DELETE", f"{RULES}/one").status_code for _ in range(2)] == [200, 204]
    assert lab_server.arm("GET", f"{RULES}/one").status_code == 404


def test_arm_paths_are_taken_in_any_case(lab_server: LabServer):
    path = lab_server.lab.tenant.group_path.replace("resourceGroups", "resourcegroups").upper()
    url = f"{path}/PROVIDERS/microsoft.insights/DATACOLLECTIONRULES"
    answer = lab_server.client.get(
        url, params={"api-version": "2023-03-11"}, headers=lab_server.bearer("https://management.azure.com")
    )
    assert answer.status_code == 200


def test_every_asim_table_may_be_the_output_of_a_rule(lab_server: LabServer):
    for name, found in tables().items():
        if found.schema is not None:
            spelled = {"bool": "boolean", "guid": "string"}
            columns = {column: spelled.get(kind, kind) for column, kind in found.sendable.items()}
            answer = put(lab_server, lab_server.rule_body(columns, f"Microsoft-{name}"), f"for-{name}")
            assert answer.status_code == 201, answer.text


def test_rows_reach_an_asim_table(lab_server: LabServer):
    columns = {"TimeGenerated": "datetime", "Operation": "string", "AdditionalFields": "dynamic"}
    rule = lab_server.make_rule(lab_server.rule_body(columns, f"Microsoft-{ASIM}"))
    assert lab_server.send(rule, [{"Operation": "through a rule", "AdditionalFields": {"a": 1}}]).is_success
    found = lab_server.query(f"{ASIM} | where Operation == 'through a rule' | project AdditionalFields, Type")
    assert found == [('{"a":1}', ASIM)]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda p: p["dataFlows"].extend(p["dataFlows"] * 10), "InvalidCollectionSize"),
        (lambda p: p.update(dataFlows=[]), "InvalidCollectionSize"),
        (
            lambda p: p["streamDeclarations"].update(
                {f"Custom-{n}": p["streamDeclarations"]["Custom-Stream"] for n in range(10)}
            ),
            "InvalidCollectionSize",
        ),
        (lambda p: p["streamDeclarations"].update({"Stream": {"columns": []}}), "InvalidStream"),
        (
            lambda p: p["streamDeclarations"]["Custom-Stream"]["columns"].append(
                {"name": "G", "type": "guid"}
            ),
            "InvalidStreamDeclaration",
        ),
        (lambda p: p["dataFlows"][0].update(streams=["Custom-None"]), "InvalidStream"),
        (lambda p: p["dataFlows"][0].update(destinations=["there"]), "InvalidDestination"),
        (lambda p: p["dataFlows"][0].update(outputStream="Custom-None_CL"), "InvalidOutputTable"),
        (lambda p: p["dataFlows"][0].update(outputStream=f"Custom-{ASIM}"), "InvalidOutputTable"),
        (
            lambda p: p["destinations"]["logAnalytics"][0].update(workspaceResourceId="/subscriptions/x"),
            "InvalidWorkspace",
        ),
    ],
)
def test_a_rule_that_azure_would_refuse_is_refused(lab_server: LabServer, table: str, change, code):
    body = lab_server.rule_body(COLUMNS, f"Custom-{table}")
    change(body["properties"])
    assert flaw(put(lab_server, body)) == ("InvalidPayload", code)
    assert lab_server.arm("GET", f"{RULES}/refused").status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "source | summarize count()",
        "source | take 1",
        "source | join source on N",
        "source | mv-expand Extra",
        "source | extend T = coalesce(Text, 'x')",
        "source | where Text has_any ('a', 'b')",
        "source | where Text in~ ('a')",
        "source | where ipv4_is_in_range(Text, '10.0.0.0/8')",
        "source | extend Extra = dynamic({'a': 1})",
        "source | extend Extra = bag_pack('a', 1)",
        "SecurityAlert | project TimeGenerated",
        "source | union SecurityAlert",
        "source | where Nonsense == 1",
        "source | where",
        "source | parse Text with " + " ".join(f"C{n} '-'" for n in range(11)),
        "source | where Text == '" + "x" * 15_361 + "'",
    ],
)
def test_a_transformation_outside_the_dialect_is_refused(lab_server: LabServer, table: str, query):
    body = lab_server.rule_body(COLUMNS, f"Custom-{table}", transform=query)
    assert flaw(put(lab_server, body))[0] == "InvalidTransformQuery"


def test_output_of_another_type_than_the_table_is_refused(lab_server: LabServer, table: str):
    body = lab_server.rule_body(COLUMNS, f"Custom-{table}", transform="source | extend N = tostring(N)")
    answer = put(lab_server, body)
    assert flaw(answer)[0] == "InvalidTransformOutput"
    assert "N [produced:'String', output:'Long']" in answer.json()["error"]["message"]


def test_a_declared_column_of_another_type_than_the_table_is_refused(lab_server: LabServer, table: str):
    body = lab_server.rule_body(COLUMNS | {"Small": "long"}, f"Custom-{table}")
    assert flaw(put(lab_server, body))[0] == "InvalidTransformOutput"


def test_a_transformation_is_applied_to_every_row(lab_server: LabServer):
    table = lab_server.make_table(COLUMNS)
    query = (
        "source | where Text startswith 'keep' | parse Text with 'keep ' Rest:string "
        "| extend Text = toupper(Rest), Extra = pack('n', N), At = TimeGenerated "
        "| extend Ratio = case(N > 1, 2.5, 1.5) | project-away Rest"
    )
    rule = lab_server.make_rule(lab_server.rule_body(COLUMNS, f"Custom-{table}", transform=query))
    at = datetime.now(UTC).replace(microsecond=0)
    rows = [
        {"TimeGenerated": at.isoformat(), "N": n, "Text": text}
        for n, text in enumerate(["keep a", "drop b", "keep é"])
    ]
    assert lab_server.send(rule, rows).status_code == 204
    found = lab_server.query(f"{table} | order by N asc | project N, Text, Extra, At, Ratio")
    assert found == [(0, "A", '{"n":0}', at, 1.5), (2, "É", '{"n":2}', at, 2.5)]
    assert lab_server.lab.billed()[table] == sum(
        size for (size,) in lab_server.query(f"{table} | project _BilledSize")
    )


def test_a_stream_may_flow_into_two_tables(lab_server: LabServer):
    one, two = (lab_server.make_table(COLUMNS) for _ in range(2))
    body = lab_server.rule_body(COLUMNS, f"Custom-{one}", transform="source | where N < 2")
    flow = body["properties"]["dataFlows"][0]
    body["properties"]["dataFlows"].append(
        {**flow, "transformKql": "source", "outputStream": f"Custom-{two}"}
    )
    rule = lab_server.make_rule(body)
    assert lab_server.send(rule, [{"N": n} for n in range(5)]).status_code == 204
    assert [lab_server.query(f"{name} | count") for name in (one, two)] == [[(2,)], [(5,)]]
