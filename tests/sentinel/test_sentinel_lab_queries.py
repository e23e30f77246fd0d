"""Our clients for queries, functions and watchlists against the lab, in this process."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.sentinel.in_lab import asked, permit
from tidewaiter.core.permit import Capability, Permit
from tidewaiter.lab.server import Lab
from tidewaiter.lab.server.query.limits import QueryLimits
from tidewaiter.pipeline.deliver import alerts
from tidewaiter.sentinel import (
    Answer,
    Conflict412,
    Refused,
    SavedSearch,
    Sentinel,
    Throttled,
    Uncertain,
    WatchlistDraft,
    render_table,
)


@pytest.fixture
def functions() -> Permit:
    return permit(Capability.WRITE_FUNCTIONS)


@pytest.fixture
def watchlists() -> Permit:
    return permit(Capability.WRITE_WATCHLISTS)


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[Lab]:
    with Lab.open(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


def query(lab: Lab, kql: str, timespan: timedelta | tuple[datetime, datetime] | None = None) -> Answer:
    async def act(sentinel: Sentinel) -> Answer:
        return await sentinel.query.query(kql, timespan)

    return asked(lab, act)


def test_a_query_brings_typed_columns_and_values(lab):
    answer = query(lab, "print N = 1, At = datetime(2024-01-02), Bag = dynamic({'a': 1}), Nan = real(nan)")
    assert [(column.name, column.type) for column in answer.primary.columns] == [
        ("N", "long"), ("At", "datetime"), ("Bag", "dynamic"), ("Nan", "real"),
    ]  # fmt: skip
    assert answer.primary.rows == ((1, "2024-01-02T00:00:00Z", '{"a":1}', "NaN"),)
    assert answer.partial is None


@pytest.mark.parametrize("span", [timedelta(hours=1), (datetime(2024, 1, 1, tzinfo=UTC), datetime.now(UTC))])
def test_our_timespans_are_understood(lab, span):
    assert query(lab, "SecurityAlert | count", span).primary.rows == ((0,),)


def test_a_wrong_query_is_refused_with_what_is_wrong(lab):
    with pytest.raises(Refused, match=r"BadArgumentError.*unknown column 'Nope'"):
        query(lab, "SecurityAlert | where Nope == 1")


def test_what_the_lab_cannot_run_is_refused_by_name(lab):
    with pytest.raises(Refused, match="not locally executable: top-nested"):
        query(lab, "SecurityAlert | top-nested 1 of AlertName by count()")


def test_an_incomplete_answer_says_that_it_is(lab):
    before, lab.query_limits = lab.query_limits, QueryLimits(rows=2)
    try:
        answer = query(lab, "range X from 1 to 3 step 1")
    finally:
        lab.query_limits = before
    assert answer.partial is not None
    assert (answer.partial.code, len(answer.primary.rows)) == ("PartialError", 2)


def test_too_many_queries_are_throttled_with_a_time_to_wait(lab):
    before, lab.query_limits = lab.query_limits, QueryLimits(requests=0, window=timedelta(seconds=90))
    try:
        with pytest.raises(Throttled) as caught:
            query(lab, "print 1")
    finally:
        lab.query_limits = before
    assert caught.value.retry_after


def test_a_query_that_takes_too_long_is_uncertain(lab):
    endless = (
        "range A from 1 to 100000 step 1 | extend K = 1 | join kind=inner "
        "(range B from 1 to 100000 step 1 | extend K = 1) on K | summarize sum(A * B)"
    )

    async def act(sentinel: Sentinel) -> object:
        url = f"{sentinel.query.endpoint}/v1/workspaces/{sentinel.query.workspace_id}/query"
        return await sentinel.session.send(
            "POST",
            url,
            scope=sentinel.query.scope,
            what="the query",
            headers={"Content-Type": "application/json", "Prefer": "wait=1"},
            content=b'{"query": "%s"}' % endless.encode(),
        )

    with pytest.raises(Uncertain, match="504"):
        asked(lab, act)


def test_a_function_that_we_put_is_called_and_read_back(lab, functions):
    search = SavedSearch(
        category="Test",
        display_name="Numbers",
        query="range N from 1 to most step 1",
        function_alias="Numbers",
        function_parameters="most:long=3",
    )

    async def act(sentinel: Sentinel) -> tuple[SavedSearch, list[str]]:
        made = await sentinel.functions.put("numbers", search, permit=functions)
        await sentinel.functions.put("numbers", search, permit=functions)
        with pytest.raises(Conflict412):
            await sentinel.functions.put("numbers", search, permit=functions, etag=made.etag)
        with pytest.raises(Conflict412):
            await sentinel.functions.put("numbers", search, permit=functions, etag=None)
        names = [found.name async for found in sentinel.functions.list()]
        return (await sentinel.functions.get("numbers")).properties, names

    found, names = asked(lab, act)
    assert (found.query, found.function_parameters) == (search.query, "most:long=3")
    assert "numbers" in names
    assert query(lab, "Numbers(5) | count").primary.rows == ((5,),)

    async def delete(sentinel: Sentinel) -> None:
        await sentinel.functions.delete("numbers", permit=functions)
        await sentinel.functions.delete("numbers", permit=functions)

    asked(lab, delete)
    with pytest.raises(Refused, match="Numbers"):
        query(lab, "Numbers()")


def test_the_function_over_our_alerts_gives_their_provenance_its_exact_names(lab, functions):
    async def act(sentinel: Sentinel) -> None:
        table = render_table(alerts.TABLE, alerts.COLUMNS)
        await sentinel.tables.put(alerts.TABLE, table, permit=permit(Capability.PROVISION))
        await sentinel.functions.put(alerts.FUNCTION, alerts.render_function(), permit=functions)

    asked(lab, act)
    columns = {column.name for column in query(lab, alerts.FUNCTION).primary.columns}
    assert {"_AI_ConfidenceScore", "_AI_ModelVersion"} <= columns
    assert "AI_ConfidenceScore" not in columns


def test_a_watchlist_that_we_put_is_read_by_kql_and_by_us(lab, watchlists):
    draft = WatchlistDraft(
        display_name="Hosts", items_search_key="Host", raw_content="Host,Owner\nh1,Ann\nh2,Bob\n"
    )
    id = str(uuid.uuid4())

    async def act(sentinel: Sentinel) -> dict[str, str]:
        made = await sentinel.watchlists.put("our-hosts", draft, permit=watchlists)
        assert made.properties.upload_status == "Complete"
        assert (await sentinel.watchlists.get("our-hosts")).properties.items_search_key == "Host"
        assert "our-hosts" in [found.name async for found in sentinel.watchlists.list()]
        await sentinel.watchlists.put_item("our-hosts", id, {"Host": "h3", "Owner": "Eve"}, permit=watchlists)
        items = [item async for item in sentinel.watchlists.items("our-hosts")]
        await sentinel.watchlists.delete_item("our-hosts", id, permit=watchlists)
        return {item.values["Host"]: item.values["Owner"] for item in items}

    assert asked(lab, act) == {"h1": "Ann", "h2": "Bob", "h3": "Eve"}
    owners = query(lab, "_GetWatchlist('our-hosts') | order by SearchKey asc | project Owner")
    assert owners.primary.rows == (("Ann",), ("Bob",))

    async def delete(sentinel: Sentinel) -> None:
        await sentinel.watchlists.delete("our-hosts", permit=watchlists)
        await sentinel.watchlists.delete("our-hosts", permit=watchlists)

    asked(lab, delete)
    assert query(lab, "_GetWatchlist('our-hosts') | count").primary.rows == ((0,),)


def test_many_items_come_in_pages_that_we_follow(lab, watchlists):
    content = "Host\n" + "".join(f"h{n}\n" for n in range(230))
    draft = WatchlistDraft(display_name="Many", items_search_key="Host", raw_content=content)

    async def act(sentinel: Sentinel) -> int:
        await sentinel.watchlists.put("many-hosts", draft, permit=watchlists)
        return len({item.name async for item in sentinel.watchlists.items("many-hosts")})

    assert asked(lab, act) == 230
