from __future__ import annotations

import json
from datetime import datetime

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.core.billing import billed_size
from tidewaiter.pipeline.deliver.frame_rows import frame_rows

NOON = datetime(2026, 3, 17, 12, 0, 0, 250_000)
TEXTS = (
    st.none() | st.text(st.characters(codec="utf-8")) | st.sampled_from(['","A":null', '","A":""', '\\","'])
)
SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = {
    "SrcIpAddr": pl.String,
    "DstPortNumber": pl.Int32,
    "SrcBytes": pl.Int64,
    "Flag": pl.Boolean,
    "EventEndTime": pl.Datetime("us"),
    "AdditionalFields": pl.String,
    "TimeGenerated": pl.Datetime("us"),
    "EventOriginalUid": pl.String,
}
ROWS = st.lists(
    st.tuples(
        TEXTS,
        st.none() | st.integers(-(2**31), 2**31 - 1),
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.booleans(),
        st.none() | st.just(NOON),
        st.none() | st.sampled_from(['{"vpc-id":"vpc-1", "x":[1.0, 2]}', "{}"]),
    ),
    min_size=1,
    max_size=5,
)


def frame_of(rows: list[tuple[object, ...]]) -> pl.DataFrame:
    whole = [(*row, NOON, f"0123abcd-{100 + place}") for place, row in enumerate(rows)]
    return pl.DataFrame(whole, schema=SCHEMA, orient="row")


@given(ROWS)
def test_a_frame_becomes_the_rows_that_its_values_say_and_no_other(rows):
    made = frame_rows(frame_of(rows))

    for place, (text, port, size, flag, end, extra) in enumerate(rows):
        wanted = {
            "TimeGenerated": "2026-03-17T12:00:00.250Z",
            "SrcIpAddr": text,
            "DstPortNumber": port,
            "SrcBytes": size,
            "Flag": flag,
            "EventEndTime": "2026-03-17T12:00:00.250Z" if end else None,
            "EventOriginalUid": f"0123abcd-{100 + place}",
            "AdditionalFields": json.loads(extra or "{}"),
        }
        assert json.loads(made.row[place]) == {k: v for k, v in wanted.items() if v is not None and v != ""}
        assert made.row[place][made.extra_at[place] : -1].decode() == (extra or "{}")
        assert (made.id[place], made.position[place], made.key[place]) == (
            f"0123abcd-{100 + place}",
            100 + place,
            None,
        )
        assert made.at[place] == wanted["TimeGenerated"]


@given(ROWS)
def test_a_row_of_a_frame_is_billed_as_any_other_row(rows):
    made = frame_rows(frame_of(rows))

    assert list(made.billed) == [billed_size(row) for row in made.row]


def test_a_frame_without_additional_fields_has_empty_ones():
    made = frame_rows(frame_of([("192.0.2.1", None, None, None, None, None)]).drop("AdditionalFields"))

    assert json.loads(made.row[0])["AdditionalFields"] == {}
    assert list(made.billed) == [billed_size(row) for row in made.row]
