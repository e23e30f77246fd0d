from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import pytest

from tests.sentinel.azure_double import PATH, Azure, Seen, permit, refusal, reply
from tidewaiter.core.permit import Capability
from tidewaiter.sentinel import (
    Conflict412,
    Refused,
    Retries,
    Sentinel,
    StoredTable,
    TableProperties,
    Throttled,
    Uncertain,
    Unreadable,
    WatchlistDraft,
)
from tidewaiter.sentinel.arm import WorkspacePath, segment

T = TypeVar("T")

HOST = "https://management.azure.com"
TABLE = {"name": "T_CL", "properties": {"plan": "Analytics", "provisioningState": "Succeeded"}}
WRITE = permit(Capability.PROVISION)


def asked(azure: Azure, act: Callable[[Sentinel], Awaitable[T]]) -> T:
    async def main() -> T:
        sentinel = azure.sentinel()
        try:
            return await act(sentinel)
        finally:
            await sentinel.aclose()

    return asyncio.run(main())


async def names(sentinel: Sentinel) -> list[str]:
    return [table.name async for table in sentinel.tables.list()]


async def put(sentinel: Sentinel) -> StoredTable:
    return await sentinel.tables.put("T_CL", TableProperties(plan="Analytics"), permit=WRITE)


def test_a_resource_is_below_its_workspace_with_its_version_and_an_arm_token():
    azure = Azure([reply(200, TABLE)])

    asked(azure, lambda sentinel: sentinel.tables.get("T_CL"))

    (seen,) = azure.seen
    assert seen.host == "management.azure.com"
    assert seen.path == (
        "/subscriptions/00000000-0000-4000-8000-00000000000b/resourceGroups/soc%20rg"
        "/providers/Microsoft.OperationalInsights/workspaces/sentinel-1/tables/T_CL"
    )
    assert seen.query == {"api-version": "2025-07-01"}
    assert seen.headers["authorization"].startswith("Bearer https://management.azure.com/.default")


def test_all_pages_are_read_by_their_links():
    pages = [
        reply(200, {"value": [{**TABLE, "name": "a"}], "nextLink": f"{HOST}/next?$skipToken=1"}),
        reply(200, {"value": [], "nextLink": f"{HOST}/next?$skipToken=2"}),
        reply(200, {"value": [{**TABLE, "name": "b"}]}),
    ]
    azure = Azure(list(pages))

    assert asked(azure, names) == ["a", "b"]
    assert [seen.query for seen in azure.seen[1:]] == [{"$skipToken": "1"}, {"$skipToken": "2"}]


@pytest.mark.parametrize(
    "link",
    ["https://example.org/next", "https://api.loganalytics.io/next", "http://management.azure.com/x", "/x"],
)
def test_a_next_link_to_another_host_is_not_followed_since_the_token_would_go_along(link):
    azure = Azure([reply(200, {"value": [], "nextLink": link})])

    with pytest.raises(Unreadable, match="another host"):
        asked(azure, names)
    assert len(azure.seen) == 1


def test_a_next_link_that_repeats_itself_ends():
    azure = Azure([reply(200, {"value": [], "nextLink": f"{HOST}/again"})])

    with pytest.raises(Unreadable, match="no last page"):
        asked(azure, names)
    assert len(azure.seen) == 2


@pytest.mark.parametrize("body", [{"value": {}}, [], {"value": [{"properties": 1}]}])
def test_a_page_that_is_not_as_documented_is_unreadable(body):
    with pytest.raises(Unreadable, match="not as documented"):
        asked(Azure([reply(200, body)]), names)


def test_a_read_is_tried_again_with_growing_pauses_and_as_long_as_asked():
    azure = Azure(
        [reply(500), refusal(429, "x", "y", retry_after="9"), reply(503), reply(200, {"value": []})]
    )

    assert asked(azure, names) == []
    assert azure.pauses == [1.0, 9.0, 4.0]


def test_a_read_is_given_up_after_its_attempts_with_the_last_failure():
    azure = Azure([reply(502)])

    with pytest.raises(Uncertain, match="502"):
        asked(azure, names)
    assert len(azure.seen) == 4


def test_a_read_does_not_wait_for_longer_than_is_sensible():
    azure = Azure([refusal(429, "x", "y", retry_after="3000")])

    with pytest.raises(Throttled) as caught:
        asked(azure, names)
    assert caught.value.retry_after == 3_000
    assert azure.pauses == []


def test_a_read_that_took_long_is_not_begun_again():
    azure = Azure([reply(502)])

    async def main() -> None:
        sentinel = azure.sentinel()
        hurried = replace(sentinel.session, retries=Retries(enough=0.0))
        try:
            await hurried.read(lambda: hurried.send("GET", f"{HOST}/x", scope="s", what="it"))
        finally:
            await sentinel.aclose()

    with pytest.raises(Uncertain):
        asyncio.run(main())
    assert len(azure.seen) == 1


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_read_that_is_refused_is_not_tried_again(status):
    azure = Azure([refusal(status, "No", "no")])

    with pytest.raises(Refused):
        asked(azure, names)
    assert len(azure.seen) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_write_is_sent_once_whatever_happens(status):
    azure = Azure([reply(status)])

    with pytest.raises((Uncertain, Throttled)):
        asked(azure, put)
    assert len(azure.seen) == 1


def test_an_operation_that_takes_long_is_followed_to_its_end_and_the_resource_read():
    azure = Azure(
        [
            reply(202, azure_asyncoperation=f"{HOST}/operations/1", retry_after="3"),
            reply(200, {"status": "InProgress"}),
            reply(200, {"status": "Succeeded"}),
            reply(200, TABLE),
        ]
    )

    assert asked(azure, put).name == "T_CL"
    assert [seen.method for seen in azure.seen] == ["PUT", "GET", "GET", "GET"]
    assert azure.pauses == [3.0, 2.0]


def test_an_operation_behind_a_location_is_followed_until_it_is_no_longer_202():
    azure = Azure(
        [reply(202, location=f"{HOST}/results/1"), reply(202), reply(200, TABLE), reply(200, TABLE)]
    )

    assert asked(azure, put).name == "T_CL"
    assert len(azure.seen) == 4


def test_a_created_resource_needs_no_second_look():
    azure = Azure([reply(201, TABLE, location=f"{HOST}/somewhere")])

    assert asked(azure, put).name == "T_CL"
    assert len(azure.seen) == 1


@pytest.mark.parametrize("status", ["Failed", "Canceled"])
def test_an_operation_that_fails_says_why(status):
    azure = Azure(
        [
            reply(201, TABLE, azure_asyncoperation=f"{HOST}/operations/1"),
            reply(200, {"status": status, "error": {"code": "QuotaExceeded", "message": "too many"}}),
        ]
    )

    with pytest.raises(Refused, match="QuotaExceeded: too many"):
        asked(azure, put)


def test_an_operation_on_another_host_is_not_asked_about():
    azure = Azure([reply(202, azure_asyncoperation="https://example.org/operations/1")])

    with pytest.raises(Unreadable, match="another host"):
        asked(azure, put)


def test_an_operation_without_end_is_given_up():
    azure = Azure([reply(202, location=f"{HOST}/results/1")])

    with pytest.raises(Unreadable, match="did not come to an end"):
        asked(azure, put)


def test_deleting_what_is_not_there_is_no_error():
    azure = Azure([refusal(404, "ResourceNotFound", "no")])

    asked(azure, lambda sentinel: sentinel.tables.delete("T_CL", permit=WRITE))

    assert azure.seen[0].method == "DELETE"


@pytest.mark.parametrize("status", [409, 412])
def test_what_somebody_else_changed_is_a_conflict(status):
    with pytest.raises(Conflict412, match="read it again"):
        asked(Azure([refusal(status, "Conflict", "changed")]), put)


def test_a_watchlist_is_created_with_its_rows_and_an_update_can_leave_them_out():
    bodies = []

    def kept(seen: Seen):
        bodies.append(seen.json["properties"])
        return reply(200, {"name": "w", "properties": {"displayName": "w", "itemsSearchKey": "Key"}})

    async def act(sentinel: Sentinel) -> None:
        allowed = permit(Capability.WRITE_WATCHLISTS)
        for draft in (WatchlistDraft("w", "Key", raw_content="Key\na\n"), WatchlistDraft("w", "Key")):
            await sentinel.watchlists.put("w", draft, permit=allowed)

    asked(Azure([kept]), act)

    assert bodies[0]["rawContent"] == "Key\na\n"
    assert "rawContent" not in bodies[1]
    assert bodies[0]["provider"] == "Tidewaiter"
    assert bodies[0]["contentType"] == "text/csv"


@pytest.mark.parametrize("name", ["a/b", "..%2f", "a b", "ä", "a?b", "a#b"])
def test_a_segment_stays_one_segment(name):
    assert not set("/?# ") & set(segment(name))
    assert "/a%2Fb/" in WorkspacePath("s", "a/b", "w").sentinel
    assert PATH.sentinel.endswith("/workspaces/sentinel-1/providers/Microsoft.SecurityInsights")
