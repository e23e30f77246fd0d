"""azure-mgmt-loganalytics for functions, azure-mgmt-securityinsight for watchlists: unmodified, over TLS."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.mgmt.loganalytics import LogAnalyticsManagementClient
from azure.mgmt.securityinsight import SecurityInsightsMgmtClient

from .conftest import MANAGEMENT, LabServer
from .test_lab_sdk_ingestion import credential


def options(server: LabServer) -> dict[str, Any]:
    return {
        "base_url": server.url,
        "credential_scopes": [f"{MANAGEMENT}/.default"],
        "connection_verify": str(server.ca),
        "polling_interval": 0,
    }


@pytest.fixture
def where(lab_server: LabServer) -> tuple[str, str]:
    return lab_server.lab.tenant.resource_group, lab_server.lab.tenant.workspace


@pytest.fixture
def analytics(lab_server: LabServer) -> Iterator[LogAnalyticsManagementClient]:
    subscription = lab_server.lab.tenant.subscription_id
    with LogAnalyticsManagementClient(credential(lab_server), subscription, **options(lab_server)) as client:
        yield client


@pytest.fixture
def sentinel(lab_server: LabServer) -> Iterator[SecurityInsightsMgmtClient]:
    subscription = lab_server.lab.tenant.subscription_id
    with SecurityInsightsMgmtClient(credential(lab_server), subscription, **options(lab_server)) as client:
        yield client


def function(query: str, **more: Any) -> dict[str, Any]:
    properties = {
        "category": "Test",
        "displayName": "A function",
        "query": query,
        "functionAlias": "SdkFunction",
        "functionParameters": "n:long=1",
    }
    return {"properties": properties, **more}


def test_the_sdk_makes_a_function_that_queries_call(lab_server, analytics, where):
    made = analytics.saved_searches.create_or_update(*where, "sdk-function", function("print X = n + 1"))
    assert made.properties.function_alias == "SdkFunction"
    assert lab_server.query("SdkFunction(41)") == [(42,)]
    found = analytics.saved_searches.get(*where, "sdk-function")
    assert (found.etag, found.properties.query) == (made.etag, "print X = n + 1")
    listed = analytics.saved_searches.list_by_workspace(*where)
    assert "sdk-function" in {search.name for search in listed.value or []}
    changed = function("print X = n + 2", etag=found.etag)
    analytics.saved_searches.create_or_update(*where, "sdk-function", changed)
    assert lab_server.query("SdkFunction") == [(3,)]
    analytics.saved_searches.delete(*where, "sdk-function")
    with pytest.raises(ResourceNotFoundError):
        analytics.saved_searches.get(*where, "sdk-function")


def test_the_sdk_is_told_of_a_change_between(analytics, where):
    first = analytics.saved_searches.create_or_update(*where, "sdk-etag", function("print 1"))
    with pytest.raises(ResourceExistsError):
        analytics.saved_searches.create_or_update(*where, "sdk-etag", function("print 2"))
    analytics.saved_searches.create_or_update(*where, "sdk-etag", function("print 2", etag="*"))
    with pytest.raises(HttpResponseError) as caught:
        analytics.saved_searches.create_or_update(*where, "sdk-etag", function("print 3", etag=first.etag))
    assert caught.value.status_code == 412
    analytics.saved_searches.delete(*where, "sdk-etag")


def draft(content: str) -> dict[str, Any]:
    properties = {
        "displayName": "From the SDK",
        "provider": "Test",
        "source": "sdk.csv",
        "sourceType": "Local",
        "itemsSearchKey": "Host",
        "contentType": "text/csv",
        "numberOfLinesToSkip": 1,
        "rawContent": content,
    }
    return {"properties": properties}


def test_the_sdk_makes_a_watchlist_that_kql_sees(lab_server, sentinel, where):
    alias = f"sdk-{uuid.uuid4().hex[:8]}"
    poller = sentinel.watchlists.begin_create_or_update(*where, alias, draft("skipped\nHost,Owner\nh1,Ann\n"))
    made = poller.result()
    assert made.properties.upload_status == "Complete"
    assert lab_server.query(f"_GetWatchlist('{alias}') | project SearchKey, Owner") == [("h1", "Ann")]
    assert sentinel.watchlists.get(*where, alias).properties.watchlist_alias == alias
    assert alias in {each.name for each in sentinel.watchlists.list(*where)}
    sentinel.watchlists.begin_delete(*where, alias).result()
    with pytest.raises(ResourceNotFoundError):
        sentinel.watchlists.get(*where, alias)


def test_the_sdk_walks_pages_of_items_and_changes_them(lab_server, sentinel, where):
    alias = f"sdk-{uuid.uuid4().hex[:8]}"
    content = "skipped\nHost\n" + "".join(f"h{n}\n" for n in range(120))
    sentinel.watchlists.begin_create_or_update(*where, alias, draft(content)).result()
    items = list(sentinel.watchlist_items.list(*where, alias))
    assert sorted(item.properties.items_key_value["Host"] for item in items) == sorted(
        f"h{n}" for n in range(120)
    )
    id = str(uuid.uuid4())
    new = {"properties": {"itemsKeyValue": {"Host": "new", "Owner": "Eve"}}}
    made = sentinel.watchlist_items.create_or_update(*where, alias, id, new)
    assert made.name == id
    assert sentinel.watchlist_items.get(*where, alias, id).properties.items_key_value["Owner"] == "Eve"
    assert lab_server.query(f"_GetWatchlist('{alias}') | where Owner == 'Eve' | project SearchKey") == [
        ("new",)
    ]
    sentinel.watchlist_items.delete(*where, alias, id)
    with pytest.raises(ResourceNotFoundError):
        sentinel.watchlist_items.get(*where, alias, id)
    sentinel.watchlists.begin_delete(*where, alias).result()


def test_the_sdk_is_told_that_an_item_is_of_another_version(sentinel, where):
    alias, id = f"sdk-{uuid.uuid4().hex[:8]}", str(uuid.uuid4())
    sentinel.watchlists.begin_create_or_update(*where, alias, draft("skipped\nHost\n")).result()
    item = {"properties": {"itemsKeyValue": {"Host": "a"}}}
    first = sentinel.watchlist_items.create_or_update(*where, alias, id, item)
    sentinel.watchlist_items.create_or_update(*where, alias, id, {**item, "etag": first.etag})
    with pytest.raises(HttpResponseError) as caught:
        sentinel.watchlist_items.create_or_update(
            *where, alias, id, item, headers={"If-Match": first.etag or ""}
        )
    assert caught.value.status_code == 412
    sentinel.watchlists.begin_delete(*where, alias).result()
