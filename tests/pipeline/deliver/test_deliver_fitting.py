from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.pipeline.deliver.fitting import FIELD_LIMIT, LEAST_LIMIT, NOTE, fits, fitted

TIME = "2026-11-23T00:00:00.000000Z"
GUID = "7ab00000-0000-4000-8000-00000000000a"

texts = st.text(st.sampled_from('aé日😀"\\\n\x7f'), max_size=80).map(lambda text: text * 20)
jsons = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(texts.map(lambda t: t[:40]), inner, max_size=4)
    ),
    max_leaves=12,
)
rows = st.fixed_dictionaries(
    {
        "TimeGenerated": st.just(TIME),
        "TenantGuid": st.just(GUID),
        "EventCount": st.integers(0, 2**31),
        "SrcDvcId": texts,
        "Message": texts,
        "Entities": st.lists(jsons, max_size=5),
        "AdditionalFields": st.dictionaries(texts.map(lambda t: t[:40]), jsons, max_size=5),
    }
)


@given(rows, st.integers(LEAST_LIMIT, 8_000), st.integers(500, 4_000))
def test_a_row_fits_and_its_columns_keep_their_types(columns, limit, field_limit):
    row = msgspec.json.encode(columns)

    cut = fitted(row, limit, "archive", field_limit)

    assert fits(cut, limit, field_limit)
    left = msgspec.json.decode(cut)
    assert set(left) <= set(columns)
    assert {name: type(value) for name, value in left.items()} == {name: type(columns[name]) for name in left}
    assert left["TimeGenerated"] == TIME
    assert left.get("TenantGuid", GUID) == GUID
    assert left.get("EventCount", columns["EventCount"]) == columns["EventCount"]
    assert left["AdditionalFields"][NOTE]["bytes"] == len(row)


@given(rows, st.integers(LEAST_LIMIT, 8_000))
def test_cutting_twice_is_cutting_once_to_the_smaller_size(columns, limit):
    row = msgspec.json.encode(columns)

    again = fitted(fitted(row, 8_000, "first"), limit, "second")

    note = msgspec.json.decode(again)["AdditionalFields"][NOTE]
    assert (note["bytes"], note["archive"]) == (len(row), "second")
    assert again.count(NOTE.encode()) == 1
    assert len(again) <= limit


@given(texts, st.integers(100, 1_000))
def test_a_cut_text_is_a_beginning_of_the_whole_one(text, field_limit):
    row = msgspec.json.encode({"TimeGenerated": TIME, "Message": text})

    left = msgspec.json.decode(fitted(row, 100_000, "", field_limit))["Message"]

    if len(text.encode()) <= field_limit:
        assert left == text
    else:
        assert left.endswith("…")
        assert text.startswith(left[:-1])
        assert len(left.encode()) <= field_limit


def test_escapes_do_not_count_as_length_of_a_field():
    row = msgspec.json.encode({"Message": '"' * FIELD_LIMIT})

    assert len(row) > 2 * FIELD_LIMIT
    assert fits(row, 1_000_000)
    assert not fits(msgspec.json.encode({"Message": '"' * (FIELD_LIMIT + 1)}), 1_000_000)


def test_small_members_stay_whole_and_the_long_one_gives():
    extra = {"requestParameters": {"policy": "p" * 100_000, "name": "n"}, "region": "eu-west-1", "n": [1, 2]}
    row = msgspec.json.encode({"TimeGenerated": TIME, "AdditionalFields": extra})

    left = msgspec.json.decode(fitted(row, 1_000_000, "a"))["AdditionalFields"]

    assert left["region"] == "eu-west-1"
    assert left["n"] == [1, 2]
    assert left["requestParameters"]["name"] == "n"
    assert left["requestParameters"]["policy"].endswith("p…")
    assert 63_500 < len(msgspec.json.encode(left)) <= FIELD_LIMIT


def test_an_array_loses_its_last_items():
    ids = [f"event-{place}" for place in range(10_000)]
    row = msgspec.json.encode({"TimeGenerated": TIME, "EventIds": ids})

    left = msgspec.json.decode(fitted(row, 1_000_000, "a"))["EventIds"]

    kept = len(left) - 1
    assert left[:kept] == ids[:kept]
    assert kept > 4_000


def test_a_row_without_additional_fields_gets_none():
    row = msgspec.json.encode({"TimeGenerated": TIME, "Message": "m" * 70_000})

    assert set(msgspec.json.decode(fitted(row, 1_000_000, "a"))) == {"TimeGenerated", "Message"}


def test_a_pointer_without_room_is_left_out():
    row = msgspec.json.encode({"TimeGenerated": TIME, "AdditionalFields": {"a": "x" * 5_000}})

    left = msgspec.json.decode(fitted(row, 1_000, "p" * 900))

    assert left["AdditionalFields"][NOTE] == {"bytes": len(row)}


def test_many_columns_are_left_out_where_they_cannot_fit():
    row = msgspec.json.encode({"TimeGenerated": TIME, **{f"C{n:03}": "v" * 70 for n in range(500)}})

    left = msgspec.json.decode(fitted(row, 2_000, "a"))

    assert left["TimeGenerated"] == TIME
    assert 5 < len(left) < 30


def test_deep_nesting_is_cut_without_recursing_to_its_end():
    deep = b'{"a":' * 300 + b'"' + b"x" * 70_000 + b'"' + b"}" * 300
    row = b'{"TimeGenerated":"' + TIME.encode() + b'","AdditionalFields":' + deep + b"}"

    left = msgspec.json.decode(fitted(row, 1_000_000, "a"))

    assert NOTE in left["AdditionalFields"]


def test_what_is_no_object_is_refused():
    with pytest.raises(msgspec.DecodeError):
        fitted(b"[" + b"1," * 50_000 + b"1]", 1_000, "a")
