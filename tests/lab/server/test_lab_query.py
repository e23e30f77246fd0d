from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tidewaiter.lab.server.query.limits import QueryLimits

from .conftest import COLUMNS, MONITOR, LabServer, Way

QUERY = "https://api.loganalytics.io"


@pytest.fixture(autouse=True)
def limits(lab_server: LabServer):
    """The documented limits, fresh for each test: the tests of this file are many requests."""
    before = lab_server.lab.query_limits
    lab_server.lab.query_limits = QueryLimits()
    yield lab_server.lab.query_limits
    lab_server.lab.query_limits = before


def ask(server: LabServer, query: str, *, prefer: str = "", path: str = "", **body: Any) -> httpx.Response:
    path = path or f"/v1/workspaces/{server.lab.tenant.workspace_id}/query"
    headers = {**server.bearer(QUERY), **({"Prefer": prefer} if prefer else {})}
    return server.client.post(path, headers=headers, json={"query": query, **body}, timeout=120)


def rows(answer: httpx.Response) -> list[list[Any]]:
    assert answer.status_code == 200, answer.text
    found: list[list[Any]] = answer.json()["tables"][0]["rows"]
    return found


def flaw(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, code and innermost code."""
    error = inner = answer.json()["error"]
    while "innererror" in inner:
        inner = inner["innererror"]
    return answer.status_code, error["code"], inner["code"]


VALUES = """print Long = 9007199254740993, Int = int(5), Real = 1.5, Nan = real(nan), Inf = real(+inf),
    Flag = true, At = datetime(2024-01-02T03:04:05.120Z), Whole = datetime(2024-01-02),
    Span = time(1.02:03:04.5),
    Id = guid(74be27de-1e4e-49d9-b579-fe0b331d3642), Bag = dynamic({"a": [1, null]}),
    Text = "x\\"y", NoLong = long(null), NoTime = datetime(null)"""


def test_values_are_written_as_the_service_writes_them(lab_server: LabServer):
    answer = ask(lab_server, VALUES)
    (table,) = answer.json()["tables"]
    assert table["name"] == "PrimaryResult"
    types = {column["name"]: column["type"] for column in table["columns"]}
    (row,) = table["rows"]
    found = dict(zip(types, row, strict=True))
    assert found == {
        "Long": 9007199254740993, "Int": 5, "Real": 1.5, "Nan": "NaN", "Inf": "Infinity", "Flag": True,
        "At": "2024-01-02T03:04:05.12Z", "Whole": "2024-01-02T00:00:00Z", "Span": "1.02:03:04.5000000",
        "Id": "74be27de-1e4e-49d9-b579-fe0b331d3642", "Bag": '{"a":[1,null]}', "Text": 'x"y',
        "NoLong": None, "NoTime": None,
    }  # fmt: skip
    assert list(types.values()) == [
        "long", "int", "real", "real", "real", "bool", "datetime", "datetime", "timespan", "guid", "dynamic",
        "string", "long", "datetime",
    ]  # fmt: skip


def test_a_query_without_rows_has_its_columns(lab_server: LabServer):
    (table,) = ask(lab_server, "print X = 1 | where X > 1").json()["tables"]
    assert (table["columns"], table["rows"]) == ([{"name": "X", "type": "long"}], [])


def test_a_query_can_be_a_get(lab_server: LabServer):
    path = f"/v1/workspaces/{lab_server.lab.tenant.workspace_id}/query"
    answer = lab_server.client.get(
        path, params={"query": "print X = 1", "timespan": "P1D"}, headers=lab_server.bearer(QUERY)
    )
    assert rows(answer) == [[1]]


def test_a_workspace_is_found_by_its_resource_id_in_any_case(lab_server: LabServer):
    for path in (lab_server.lab.tenant.workspace_path, lab_server.lab.tenant.workspace_path.upper()[1:]):
        assert rows(ask(lab_server, "print X = 1", path=f"/v1/{path}/query")) == [[1]]


@pytest.fixture(scope="module")
def timed(lab_server: LabServer) -> str:
    """A table with rows of the last hours: N is how many hours ago, and a half."""
    table = lab_server.make_table(COLUMNS)
    way = Way(lab_server, table, lab_server.make_rule(lab_server.rule_body(COLUMNS, f"Custom-{table}")))
    now = datetime.now(UTC)
    sent = [{"TimeGenerated": (now - timedelta(hours=n, minutes=30)).isoformat(), "N": n} for n in range(6)]
    assert way.send(sent).status_code == 204
    return table


@pytest.mark.parametrize(
    ("timespan", "found"),
    [
        (None, [0, 1, 2, 3, 4, 5]),
        ("PT2H", [0, 1]),
        ("P1D", [0, 1, 2, 3, 4, 5]),
        ("PT7200.000S", [0, 1]),
        ("P0DT2H", [0, 1]),
        ("{-3}/{-1}", [1, 2]),
        ("{-3}/PT2H", [1, 2]),
        ("PT2H/{-1}", [1, 2]),
    ],
)
def test_a_timespan_bounds_every_table(lab_server: LabServer, timed: str, timespan, found):
    now = datetime.now(UTC)
    if timespan:
        for hours in (-3, -1):
            moment = (now + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")
            timespan = timespan.replace(f"{{{hours}}}", moment)
    query = f"{timed} | join kind=inner {timed} on N | project N | order by N asc"
    answer = ask(lab_server, query, **({"timespan": timespan} if timespan else {}))
    assert [row[0] for row in rows(answer)] == found


@pytest.mark.parametrize("timespan", ["yesterday", "P", "PT", "2024-01-01", "2024-01-01/", "P1D/P1D"])
def test_a_timespan_that_is_none_is_refused(lab_server: LabServer, timespan):
    answer = ask(lab_server, "print 1", timespan=timespan)
    assert flaw(answer) == (400, "BadArgumentError", "QueryValidationError")
    assert timespan in answer.text


def test_statistics_and_rendering_are_given_when_asked_for(lab_server: LabServer):
    query = 'range X from 1 to 3 step 1 | render barchart with (title="A, b", kind=stacked)'
    plain = ask(lab_server, query).json()
    assert set(plain) == {"tables"}
    full = ask(lab_server, query, prefer="wait=30, include-statistics=true, include-render=true").json()
    assert full["statistics"]["query"]["executionTime"] > 0
    assert full["statistics"]["query"]["datasetStatistics"][0]["tableRowCount"] == 3
    said = {name: full["render"][name] for name in ("visualization", "title", "kind")}
    assert said == {"visualization": "barchart", "title": "A, b", "kind": "stacked"}
    assert (
        ask(lab_server, "print 1", prefer="include-render=true").json()["render"]["visualization"] == "table"
    )


@pytest.mark.parametrize(
    ("query", "outer", "inner", "place"),
    [
        ("Heartbeat | wher x == 1", "SyntaxError", "SYN0002", (1, 13, "wher")),
        ("print x = (1", "SyntaxError", "SYN0002", None),
        ("print 'x", "SyntaxError", "SYN0002", (1, 7, "'")),
        ("NoSuchTable | take 1", "SemanticError", "SEM0100", (1, 1, "NoSuchTable")),
        ("SecurityAlert\n| where Nope == 1", "SemanticError", "SEM0100", (2, 9, "Nope")),
        ("SecurityAlert | extend x = make_list(AlertName)", "SemanticError", "SEM0100", None),
    ],
)
def test_a_wrong_query_is_refused_as_log_analytics_does(lab_server: LabServer, query, outer, inner, place):
    answer = ask(lab_server, query)
    assert flaw(answer) == (400, "BadArgumentError", inner), answer.text
    error = answer.json()["error"]
    assert error["message"] == "The request had some invalid properties"
    assert error["innererror"]["code"] == outer
    told = error["innererror"]["innererror"]
    if place:
        assert (told["line"], told["pos"], told["token"]) == place


@pytest.mark.parametrize(
    ("query", "construct"),
    [
        ("SecurityAlert | top-nested 1 of AlertName by count()", "top-nested"),
        ("SecurityAlert | evaluate basket()", "evaluate basket"),
        ("externaldata(a:string)['https://example.com']", "externaldata"),
        ("workspace('other').SecurityAlert", "workspace"),
        ("print x = series_decompose(1)", "series_decompose"),
    ],
)
def test_what_the_lab_cannot_run_is_refused_by_name_and_never_empty(lab_server: LabServer, query, construct):
    answer = ask(lab_server, query)
    assert flaw(answer)[:2] == (400, "NotLocallyExecutable")
    assert answer.json()["error"]["message"].startswith(f"not locally executable: {construct}")


def test_further_workspaces_are_refused_by_name_and_its_own_is_none(lab_server: LabServer):
    tenant = lab_server.lab.tenant
    own = [tenant.workspace_id, tenant.workspace, tenant.workspace_path]
    assert rows(ask(lab_server, "print 1", workspaces=own)) == [[1]]
    answer = ask(lab_server, "print 1", workspaces=[*own, "other-workspace"])
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith(
        "not locally executable: workspace('other-workspace')"
    )


def test_a_workspace_or_resource_that_is_not_there_is_refused(lab_server: LabServer):
    answer = ask(lab_server, "print 1", path="/v1/workspaces/00000000-0000-4000-8000-000000000000/query")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "WorkspaceNotFoundError")
    answer = ask(lab_server, "print 1", path="/v1/subscriptions/s/resourceGroups/g/query")
    assert flaw(answer)[:2] == (400, "NotLocallyExecutable")


def test_more_than_500_000_rows_are_cut_and_said_to_be(lab_server: LabServer):
    answer = ask(lab_server, "range X from 1 to 500001 step 1").json()
    assert len(answer["tables"][0]["rows"]) == 500_000
    assert answer["error"]["code"] == "PartialError"
    assert "500000 records" in answer["error"]["details"][0]["innererror"]["message"]
    assert "error" not in ask(lab_server, "range X from 1 to 500000 step 1").json()


def test_more_than_100_megabytes_are_cut_and_said_to_be(lab_server: LabServer):
    query = "range X from 1 to 120 step 1 | extend Text = strrep('x', 1000000)"
    answer = ask(lab_server, query)
    found = answer.json()
    assert 100 <= len(found["tables"][0]["rows"]) <= 105
    assert len(answer.content) <= 105 * 1024 * 1024
    assert "104857600 bytes" in found["error"]["details"][0]["innererror"]["message"]


ENDLESS = (
    "range A from 1 to 100000 step 1 | extend K = 1 | join kind=inner "
    "(range B from 1 to 100000 step 1 | extend K = 1) on K | summarize sum(A * B)"
)


def test_a_query_is_stopped_when_its_caller_waits_no_longer(lab_server: LabServer):
    answer = ask(lab_server, ENDLESS, prefer="wait=1")
    assert flaw(answer) == (504, "GatewayTimeout", "GatewayTimeout")
    assert rows(ask(lab_server, "print 1")) == [[1]]


def test_a_query_that_cannot_go_on_is_an_error_and_not_the_callers_words(lab_server: LabServer):
    answer = ask(lab_server, "range X from 1 to 100000000000 step 1 | count")
    assert answer.json()["error"]["innererror"]["code"] == "QueryExecutionError"


def test_a_query_has_ten_minutes_at_most_and_three_by_default():
    limits = QueryLimits()
    assert [limits.of(wait).seconds for wait in (None, 30, 600, 5000)] == [180, 30, 600, 600]


def test_200_requests_in_30_seconds_are_the_limit_of_a_caller(lab_server: LabServer, limits: QueryLimits):
    now = datetime.now(UTC)
    limits.windows[lab_server.client_id] = (now, 199)
    assert ask(lab_server, "print 1").status_code == 200
    answer = ask(lab_server, "print 1")
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "ThrottledError")
    assert 1 <= int(answer.headers["Retry-After"]) <= 30
    limits.windows[lab_server.client_id] = (now - timedelta(seconds=30), 200)
    assert ask(lab_server, "print 1").status_code == 200


def test_a_batch_answers_each_query_for_itself(lab_server: LabServer):
    workspace = lab_server.lab.tenant.workspace_id
    items = [
        {"id": "1", "body": {"query": "print X = 1"}, "method": "POST"},
        {"id": "2", "body": {"query": "wrong |"}, "method": "POST"},
        {"id": "3", "body": {"query": "print 1"}, "method": "POST", "path": "/fakePath"},
        {"id": "4", "body": {"query": "print 1"}},
        {"id": "5", "body": {"query": "print 1"}, "method": "POST", "workspace": "elsewhere"},
    ]
    sent = [{"workspace": workspace, "path": "/query", **item} for item in items]
    answer = lab_server.client.post("/v1/$batch", headers=lab_server.bearer(QUERY), json={"requests": sent})
    assert answer.status_code == 200
    found = {each["id"]: each for each in answer.json()["responses"]}
    assert {id: each["status"] for id, each in found.items()} == {
        "1": 200, "2": 400, "3": 404, "4": 400, "5": 404,
    }  # fmt: skip
    assert found["1"]["body"]["tables"][0]["rows"] == [[1]]
    assert found["2"]["body"]["error"]["code"] == "BadArgumentError"


def test_a_batch_has_100_queries_at_most(lab_server: LabServer):
    item = {"id": "1", "body": {"query": "print 1"}, "method": "POST", "path": "/query", "workspace": "w"}
    sent = {"requests": [{**item, "id": str(n)} for n in range(101)]}
    answer = lab_server.client.post("/v1/$batch", headers=lab_server.bearer(QUERY), json=sent)
    assert flaw(answer)[:2] == (400, "BadArgumentError")


def test_another_services_token_does_not_query(lab_server: LabServer):
    path = f"/v1/workspaces/{lab_server.lab.tenant.workspace_id}/query"
    answer = lab_server.client.post(path, headers=lab_server.bearer(MONITOR), json={"query": "print 1"})
    assert answer.status_code == 401


@pytest.mark.parametrize("content", [b"not json", b"[]", b'{"query": 5}'])
def test_a_body_that_is_no_query_is_refused(lab_server: LabServer, content):
    path = f"/v1/workspaces/{lab_server.lab.tenant.workspace_id}/query"
    answer = lab_server.client.post(path, headers=lab_server.bearer(QUERY), content=content)
    assert answer.status_code == 400
