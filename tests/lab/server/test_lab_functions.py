from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tidewaiter.core.errors import NotExecutable, QueryError
from tidewaiter.lab.server import Lab
from tidewaiter.lab.workspace import SavedSearch

from .conftest import LabServer

SEARCHES = "Microsoft.OperationalInsights/workspaces/lab/savedSearches"
VERSION = "2025-07-01"


def call(server: LabServer, method: str, id: str = "", body: object = None) -> httpx.Response:
    path = f"{SEARCHES}/{id}" if id else SEARCHES
    answer: httpx.Response = server.arm(method, path, body, version=VERSION)
    return answer


def body(query: str, *, alias: str = "", parameters: str = "", etag: str = "", **more: Any) -> dict[str, Any]:
    properties = {"category": "Test", "displayName": "A test", "query": query, **more}
    if alias:
        properties["functionAlias"] = alias
    if parameters:
        properties["functionParameters"] = parameters
    return {"properties": properties, **({"etag": etag} if etag else {})}


@pytest.fixture
def function(lab_server: LabServer) -> Iterator[Any]:
    """Make functions; they are gone after the test."""
    made: list[str] = []

    def make(name: str, query: str, parameters: str = "") -> None:
        made.append(f"id-{name}")
        answer = call(lab_server, "PUT", made[-1], body(query, alias=name, parameters=parameters, etag="*"))
        assert answer.status_code == 200, answer.text

    yield make
    for id in made:
        call(lab_server, "DELETE", id)


def test_a_saved_search_can_be_made_read_listed_and_deleted(lab_server: LabServer):
    id = f"s-{uuid.uuid4()}"
    tags = [{"name": "tactics", "value": "Persistence"}]
    made = call(lab_server, "PUT", id, body("print 1", tags=tags, version=2))
    assert made.status_code == 200, made.text
    found = call(lab_server, "GET", id.upper()).json()
    assert found == made.json()
    assert found["properties"] == {
        "category": "Test", "displayName": "A test", "query": "print 1", "version": 2, "tags": tags,
    }  # fmt: skip
    assert found["id"].endswith(f"/workspaces/lab/savedSearches/{id}")
    assert id in {each["name"] for each in call(lab_server, "GET").json()["value"]}
    assert call(lab_server, "DELETE", id).status_code == 200
    assert call(lab_server, "GET", id).status_code == 404
    assert call(lab_server, "DELETE", id).status_code == 404


def test_changing_one_takes_its_etag_or_a_star(lab_server: LabServer):
    id = f"s-{uuid.uuid4()}"
    first = call(lab_server, "PUT", id, body("print 1")).json()["etag"]
    without = call(lab_server, "PUT", id, body("print 2"))
    assert (without.status_code, without.json()["error"]["code"]) == (409, "Conflict")
    second = call(lab_server, "PUT", id, body("print 2", etag=first))
    assert second.status_code == 200
    old = call(lab_server, "PUT", id, body("print 3", etag=first))
    assert (old.status_code, old.json()["error"]["code"]) == (412, "PreconditionFailed")
    assert call(lab_server, "PUT", id, body("print 4", etag="*")).status_code == 200
    call(lab_server, "DELETE", id)
    gone = call(lab_server, "PUT", id, body("print 5", etag=first))
    assert gone.status_code == 412


@pytest.mark.parametrize(
    "draft",
    [
        {"properties": {"category": "c", "displayName": "d"}},
        body(" "),
        body("print 1", alias="1st"),
        body("print 1", alias="no space"),
        {"properties": {"category": "", "displayName": "d", "query": "print 1"}},
    ],
)
def test_one_that_azure_would_refuse_is_refused(lab_server: LabServer, draft):
    assert call(lab_server, "PUT", "refused", draft).status_code == 400


def test_an_alias_is_that_of_one_search(lab_server: LabServer, function):
    function("Once", "print 1")
    answer = call(lab_server, "PUT", "other", body("print 2", alias="Once"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidParameter")


def test_a_function_is_called_with_its_parameters_by_queries_and_functions(lab_server: LabServer, function):
    function("Numbers", "range N from 1 to most step 1 | where N % by_ == 0", "most:long=10, by_:long=1")
    function("Even", "Numbers(by_=2) | summarize Count = count()")
    assert lab_server.query("Numbers | count") == [(10,)]
    assert lab_server.query("Numbers(4) | count") == [(4,)]
    assert lab_server.query("Even") == [(5,)]


def test_a_changed_function_is_the_new_one_at_once(lab_server: LabServer, function):
    function("Changing", "print X = 1")
    assert lab_server.query("Changing") == [(1,)]
    function("Changing", "print X = 2")
    assert lab_server.query("Changing") == [(2,)]


def test_functions_that_call_each_other_in_a_circle_are_refused(lab_server: LabServer, function):
    function("Hen", "Egg()")
    function("Egg", "Hen()")
    with pytest.raises(QueryError, match="recursive call to 'Hen'"):
        lab_server.query("Hen")


def test_a_tabular_parameter_is_refused_by_name(lab_server: LabServer, function):
    function("Count", "T | count", "T:(*)")
    with pytest.raises(NotExecutable, match="not locally executable: Count with a tabular parameter"):
        lab_server.query("Count(SecurityAlert)")


def test_functions_are_there_when_the_lab_starts_again(tmp_path, empty_workspace):
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "workspace.duckdb").write_bytes(empty_workspace.read_bytes())
    search = SavedSearch(id="a", category="c", display_name="d", query="print X = 7", alias="Seven")
    with Lab.open(tmp_path / "lab") as lab:
        lab.work(lambda: lab.workspace.searches.put(search))
    with Lab.open(tmp_path / "lab") as lab:
        assert lab.work(lambda: lab.workspace.query("Seven").rows) == [(7,)]


@pytest.mark.parametrize(
    ("version", "code"),
    [
        ("", "MissingApiVersionParameter"),
        ("latest", "InvalidApiVersionParameter"),
        ("2019-13-99", "NoRegisteredProviderFound"),
        ("2015-03-20", "NoRegisteredProviderFound"),
    ],
)
@pytest.mark.parametrize(
    "path",
    [
        SEARCHES,
        "Microsoft.OperationalInsights/workspaces/lab/tables",
        "Microsoft.Insights/dataCollectionRules",
        "Microsoft.OperationalInsights/workspaces/lab/providers/Microsoft.SecurityInsights/watchlists",
    ],
)
def test_a_version_that_the_provider_has_not_is_refused(lab_server: LabServer, path, version, code):
    answer = lab_server.arm("GET", path, version=version)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
