from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sentinel.azure_double import WORKSPACE_ID, Azure, refusal, reply
from tidewaiter.sentinel import Answer, Refused, Throttled, Unreadable
from tidewaiter.sentinel.query import Column, Timespan, iso_duration, iso_timespan

ROWS = {
    "tables": [
        {
            "name": "PrimaryResult",
            "columns": [
                {"name": "TimeGenerated", "type": "datetime"},
                {"name": "n", "type": "long"},
                {"name": "bag", "type": "dynamic"},
                {"name": "ok", "type": "bool"},
            ],
            "rows": [
                ["2026-11-23T12:00:00Z", 9_007_199_254_740_993, '{"a":1}', True],
                [None, -1, {"a": [1]}, None],
            ],
        }
    ],
    "statistics": {"ignored": True},
}


def query(azure: Azure, kql: str = "T | take 1", timespan: Timespan | None = None) -> Answer:
    async def main() -> Answer:
        sentinel = azure.sentinel()
        try:
            return await sentinel.query.query(kql, timespan)
        finally:
            await sentinel.aclose()

    return asyncio.run(main())


def test_an_answer_has_typed_columns_and_rows_and_whole_numbers_stay_whole():
    azure = Azure([reply(200, ROWS)])

    answer = query(azure, timespan=timedelta(hours=1))

    assert answer.partial is None
    assert answer.primary.columns[1] == Column("n", "long")
    assert answer.primary.rows == (
        ("2026-11-23T12:00:00Z", 9_007_199_254_740_993, '{"a":1}', True),
        (None, -1, '{"a": [1]}', None),
    )
    (seen,) = azure.seen
    assert (seen.host, seen.path) == ("api.loganalytics.io", f"/v1/workspaces/{WORKSPACE_ID}/query")
    assert seen.json == {"query": "T | take 1", "timespan": "PT1H"}
    assert seen.headers["prefer"] == "wait=600"
    assert seen.headers["authorization"].startswith("Bearer https://api.loganalytics.io/.default")


def test_half_a_surrogate_pair_in_a_cell_does_not_cost_the_answer():
    columns = [{"name": "Description", "type": "string"}]
    azure = Azure([reply(200, {"tables": [{"columns": columns, "rows": [["\ud800x"], ["y"]]}]})])

    assert query(azure).primary.rows == (("?x",), ("y",))


def test_an_incomplete_answer_says_so_beside_its_rows():
    body = {**ROWS, "error": {"code": "PartialError", "message": "over 500,000 rows", "details": []}}

    answer = query(Azure([reply(200, body)]))

    assert answer.partial is not None
    assert answer.partial.code == "PartialError"
    assert len(answer.primary.rows) == 2


def test_no_tables_are_an_empty_answer():
    assert query(Azure([reply(200, {"tables": []})])).primary.rows == ()


def test_a_wrong_query_is_refused_with_the_innermost_reason():
    body = {
        "error": {
            "code": "BadArgumentError",
            "message": "The request had some invalid properties",
            "innererror": {
                "code": "SemanticError",
                "message": "A semantic error occurred.",
                "innererror": {"code": "SEM0100", "message": "'where' operator: Failed to resolve 'x'"},
            },
        }
    }
    azure = Azure([reply(400, body)])

    with pytest.raises(Refused, match="Failed to resolve 'x'") as caught:
        query(azure)
    assert caught.value.code == "BadArgumentError"
    assert len(azure.seen) == 1


def test_a_throttled_query_waits_and_is_asked_again():
    azure = Azure([refusal(429, "Throttled", "slow down", retry_after="5"), reply(200, ROWS)])

    assert len(query(azure).primary.rows) == 2
    assert azure.pauses == [5.0]


def test_a_query_that_stays_throttled_says_so():
    with pytest.raises(Throttled):
        query(Azure([refusal(429, "Throttled", "slow down", retry_after="5")]))


@pytest.mark.parametrize("body", [[], {"tables": {}}, {"tables": [{"columns": [], "rows": [1]}]}])
def test_an_answer_that_is_none_is_unreadable(body):
    with pytest.raises(Unreadable):
        query(Azure([reply(200, body)]))


@pytest.mark.parametrize(
    ("timespan", "text"),
    [
        (timedelta(0), "PT0S"),
        (timedelta(days=1), "P1D"),
        (timedelta(days=14, hours=2, seconds=5), "P14DT2H5S"),
        (
            (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)),
            "2026-11-01T00:00:00+00:00/2026-11-02T00:00:00+00:00",
        ),
    ],
)
def test_timespans_are_ISO_8601(timespan, text):
    assert iso_timespan(timespan) == text


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=10_000)))
def test_a_duration_is_read_back_as_it_was_to_the_second(duration):
    whole = duration - timedelta(microseconds=duration.microseconds)

    assert msgspec.json.decode(f'"{iso_duration(duration)}"', type=timedelta) == whole
