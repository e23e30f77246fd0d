from __future__ import annotations

import ssl
import uuid
from typing import Any

import httpx
import pytest

from tidewaiter.lab.server import Lab
from tidewaiter.lab.server.serving import background

from .conftest import LabServer

WATCHLISTS = "Microsoft.OperationalInsights/workspaces/lab/providers/Microsoft.SecurityInsights/watchlists"
STABLE, PREVIEW = "2024-09-01", "2025-10-01-preview"
CSV = 'Address,Owner\n10.0.0.1,Ann\n10.0.0.2,"Bob, B."\n'


def call(
    server: LabServer,
    method: str,
    path: str = "",
    body: object = None,
    *,
    version: str = STABLE,
    **headers: str,
) -> httpx.Response:
    url = f"{server.lab.tenant.group_path}/providers/{WATCHLISTS}{'/' if path else ''}{path}"
    sent = {**server.bearer("https://management.azure.com"), **headers}
    return server.client.request(method, url, params={"api-version": version}, headers=sent, json=body)


def draft(content: str | None = CSV, **more: Any) -> dict[str, Any]:
    properties = {
        "displayName": "High value",
        "provider": "Test",
        "source": "high.csv",
        "sourceType": "Local",
        "itemsSearchKey": "Address",
        "contentType": "text/csv",
        **more,
    }
    return {"properties": properties | ({"rawContent": content} if content is not None else {})}


@pytest.fixture
def alias() -> str:
    return f"list-{uuid.uuid4().hex[:12]}"


def put(server: LabServer, alias: str, body: object) -> httpx.Response:
    answer = call(server, "PUT", alias, body)
    assert answer.status_code in (200, 201), answer.text
    return answer


def test_a_watchlist_can_be_made_read_listed_and_deleted(lab_server: LabServer, alias: str):
    made = call(lab_server, "PUT", alias, draft(description="d", labels=["x"]))
    assert made.status_code == 201, made.text
    found = call(lab_server, "GET", alias.upper()).json()
    assert found == made.json()
    properties = found["properties"]
    assert (properties["watchlistAlias"], properties["uploadStatus"]) == (alias, "Complete")
    assert (properties["labels"], properties["itemsSearchKey"]) == (["x"], "Address")
    assert "rawContent" not in properties
    assert alias in {each["name"] for each in call(lab_server, "GET").json()["value"]}
    assert [call(lab_server, "DELETE", alias).status_code for _ in range(2)] == [200, 204]
    assert call(lab_server, "GET", alias).status_code == 404
    assert lab_server.query(f"_GetWatchlist('{alias}') | count") == [(0,)]


def test_kql_sees_a_watchlist_by_its_alias_with_its_own_columns(lab_server: LabServer, alias: str):
    put(lab_server, alias, draft())
    found = lab_server.query(f"_GetWatchlist('{alias}') | order by SearchKey asc | project SearchKey, Owner")
    assert found == [("10.0.0.1", "Ann"), ("10.0.0.2", "Bob, B.")]
    assert (alias,) in lab_server.query("_GetWatchlistAlias")
    join = f"join kind=inner _GetWatchlist('{alias}') on $left.Ip == $right.SearchKey | project Owner"
    assert lab_server.query(f"datatable(Ip:string)['10.0.0.2'] | {join}") == [("Bob, B.",)]


def test_an_alias_that_no_watchlist_has_gives_no_rows_with_the_common_columns(lab_server: LabServer):
    columns = "project _DTItemId, LastUpdatedTimeUTC, SearchKey, WatchlistItem"
    assert lab_server.query(f"_GetWatchlist('ASimDisabledParsers') | {columns}") == []


def test_the_table_watchlist_tells_what_was_done(lab_server: LabServer, alias: str):
    put(lab_server, alias, draft())
    call(lab_server, "DELETE", alias)
    query = f"Watchlist | where WatchlistAlias == '{alias}'"
    told = lab_server.query(f"{query} | summarize count() by _DTItemType, _DTItemStatus")
    assert sorted(told) == [
        ("watchlist", "Create", 1),
        ("watchlist", "Delete", 1),
        ("watchlist-item", "Create", 2),
        ("watchlist-item", "Delete", 2),
    ]
    owners = f"{query} | where _DTItemStatus == 'Create' | extend Owner = tostring(WatchlistItem.Owner)"
    assert sorted(lab_server.query(f"{owners} | where Owner != '' | project SearchKey, Owner")) == [
        ("10.0.0.1", "Ann"),
        ("10.0.0.2", "Bob, B."),
    ]


def test_an_upload_appends_and_keeps_equal_items_once(lab_server: LabServer, alias: str):
    put(lab_server, alias, draft())
    again = call(lab_server, "PUT", alias, draft("Address,Owner\n10.0.0.1,Ann\n10.0.0.1,Eve\n10.0.0.1,Eve\n"))
    assert again.status_code == 200
    owners = lab_server.query(f"_GetWatchlist('{alias}') | order by Owner asc | project Owner")
    assert owners == [("Ann",), ("Bob, B.",), ("Eve",)]


def test_lines_before_the_header_are_skipped_and_tabs_can_part(lab_server: LabServer, alias: str):
    content = "\ufeff# made by hand\n\nAddress\tOwner\n10.0.0.1\tA,n\n10.0.0.9\n"
    put(lab_server, alias, draft(content, numberOfLinesToSkip=2, contentType="text/tsv"))
    found = lab_server.query(f"_GetWatchlist('{alias}') | order by SearchKey asc | project SearchKey, Owner")
    assert found == [("10.0.0.1", "A,n"), ("10.0.0.9", "")]


@pytest.mark.parametrize(
    "body",
    [
        draft("Name,Owner\na,b\n"),
        draft("Address,Address\na,b\n"),
        draft("Address,Owner\na,b,c\n"),
        draft('Address\n"never closed\n'),
        draft(contentType="text/xml"),
        draft("Address\n" + "x" * 3_800_000),
        draft("Address,\na,b\n"),
        {"properties": {"displayName": "d", "provider": "p"}},
    ],
)
def test_content_that_cannot_be_a_watchlist_is_refused(lab_server: LabServer, alias: str, body):
    assert call(lab_server, "PUT", alias, body).status_code == 400
    assert call(lab_server, "GET", alias).status_code == 404


@pytest.mark.parametrize("body", [draft(sourceType="AzureStorage"), draft("Address,searchkey\na,b\n")])
def test_what_the_lab_cannot_do_with_a_watchlist_is_refused_by_name(lab_server: LabServer, alias: str, body):
    answer = call(lab_server, "PUT", alias, body)
    assert answer.json()["error"]["message"].startswith("not locally executable: ")


@pytest.mark.parametrize("wrong", ["ab", "-abc", "with space", "x" * 65])
def test_an_alias_that_is_none_is_refused(lab_server: LabServer, wrong):
    assert call(lab_server, "PUT", wrong, draft()).status_code == 400


def test_items_can_be_made_read_changed_and_deleted(lab_server: LabServer, alias: str):
    put(lab_server, alias, draft(None))
    path = f"{alias}/watchlistItems/{uuid.uuid4()}"
    values = {"Address": "10.0.0.5", "Port": 22, 'It\'s "odd"/~': "yes"}
    made = call(lab_server, "PUT", path, {"properties": {"itemsKeyValue": values}})
    assert made.status_code == 201, made.text
    assert call(lab_server, "GET", path).json()["properties"]["itemsKeyValue"] == values
    odd = """['It\\'s "odd"/~']"""
    found = lab_server.query(f"_GetWatchlist('{alias}') | project SearchKey, Port, {odd}")
    assert found == [("10.0.0.5", "22", "yes")]
    changed = call(lab_server, "PUT", path, {"properties": {"itemsKeyValue": {"Address": "10.0.0.6"}}})
    assert changed.status_code == 200
    assert lab_server.query(f"_GetWatchlist('{alias}') | project SearchKey, Port") == [("10.0.0.6", "")]
    assert [call(lab_server, "DELETE", path).status_code for _ in range(2)] == [200, 204]
    assert call(lab_server, "GET", path).status_code == 404


@pytest.mark.parametrize(
    ("id", "values"), [("not-a-guid", {"Address": "x"}), (str(uuid.UUID(int=7, version=4)), {"Owner": "x"})]
)
def test_an_item_without_guid_or_search_key_is_refused(lab_server: LabServer, alias: str, id, values):
    put(lab_server, alias, draft(None))
    body = {"properties": {"itemsKeyValue": values}}
    assert call(lab_server, "PUT", f"{alias}/watchlistItems/{id}", body).status_code == 400


def test_an_etag_that_is_old_changes_nothing(lab_server: LabServer, alias: str):
    old = put(lab_server, alias, draft()).json()["etag"]
    put(lab_server, alias, draft(None, description="newer"))
    for body, headers in ((draft(None), {"If-Match": old}), ({**draft(None), "etag": old}, {})):
        answer = call(lab_server, "PUT", alias, body, **headers)
        assert answer.status_code == (412 if headers else 409)
    assert call(lab_server, "DELETE", alias, **{"If-Match": old}).status_code == 412
    assert call(lab_server, "GET", alias).json()["properties"]["description"] == "newer"
    item = f"{alias}/watchlistItems/{uuid.uuid4()}"
    first = call(lab_server, "PUT", item, {"properties": {"itemsKeyValue": {"Address": "1"}}}).json()["etag"]
    body = {"properties": {"itemsKeyValue": {"Address": "2"}}}
    assert call(lab_server, "PUT", item, body, **{"If-Match": first}).status_code == 200
    assert call(lab_server, "PUT", item, body, **{"If-Match": first}).status_code == 412
    assert call(lab_server, "DELETE", item, **{"If-Match": first}).status_code == 412


def test_items_come_in_pages(lab_server: LabServer, alias: str):
    content = "Address\n" + "".join(f"10.0.{n // 256}.{n % 256}\n" for n in range(250))
    put(lab_server, alias, draft(content))
    answer = call(lab_server, "GET", f"{alias}/watchlistItems").json()
    seen, pages = [each["name"] for each in answer["value"]], 1
    while link := answer.get("nextLink"):
        assert link.startswith(lab_server.url)
        answer = lab_server.client.get(link, headers=lab_server.bearer("https://management.azure.com")).json()
        seen += [each["name"] for each in answer["value"]]
        pages += 1
    assert (len(seen), len(set(seen)), pages) == (250, 250, 3)


def test_of_a_preview_version_a_deletion_goes_on_behind_a_location(lab_server: LabServer, alias: str):
    put(lab_server, alias, draft())
    answer = call(lab_server, "DELETE", alias, version=PREVIEW)
    assert answer.status_code == 202
    result = lab_server.client.get(
        answer.headers["Location"], headers=lab_server.bearer("https://management.azure.com")
    )
    assert (result.status_code, result.json()["name"]) == (200, alias)


def test_watchlists_are_there_when_the_lab_starts_again(tmp_path, empty_workspace):
    alias = "kept-list"
    folder = tmp_path / "lab"
    folder.mkdir()
    (folder / "workspace.duckdb").write_bytes(empty_workspace.read_bytes())
    for made in (False, True):
        with (
            Lab.open(folder) as lab,
            background(lab) as address,
            httpx.Client(
                base_url=address.url, verify=ssl.create_default_context(cafile=str(address.ca))
            ) as client,
        ):
            server = LabServer(lab, address.url, address.ca, client)
            if not made:
                put(server, alias, draft())
            assert call(server, "GET", alias).status_code == 200
            assert server.query(f"_GetWatchlist('{alias}') | count") == [(2,)]
