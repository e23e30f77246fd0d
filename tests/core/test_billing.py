from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.core.billing import billed_size


@pytest.mark.parametrize(
    ("row", "size"),
    [
        (b"{}", 0),
        (b'{"A":"abc"}', 3),
        (b'{"A":""}', 0),
        (b'{"A":null}', 0),
        (b'{"A":null,"B":null,"C":"null"}', 4),
        (b'{"A":12.50}', 5),
        (b'{"A":-7,"B":true,"C":false}', 11),
        (b'{"TimeGenerated":"2026-11-23T00:00:00Z"}', 20),
        ('{"A":"Zoë","B":"日本"}'.encode(), 4 + 6),
        (rb'{"A":"a\"b\\c\n"}', 6),
        (rb'{"A":"\u00e9","B":"\ud83d\ude00"}', 2 + 4),
        (rb'{"A":"plain","B":"\t","C":"x"}', 5 + 1 + 1),
        (b'{"A":{"b":"c","d":[1,null]}}', 22),
        (rb'{"A":{"b":"\n"}}', 10),
        (b'{"A":["x","y"],"B":"z"}', 10),
        (b'{ "A" : "x" ,\n "B" : 1 }', 2),
    ],
    ids=lambda value: value.decode() if isinstance(value, bytes) else "",
)
def test_a_row_is_billed_with_the_text_of_its_values(row, size):
    assert billed_size(row) == size


@pytest.mark.parametrize("row", [b"", b"[]", b"1", b'{"A":', b'{"A":"\x00"}'])
def test_what_is_no_object_is_refused(row):
    with pytest.raises(msgspec.DecodeError):
        billed_size(row)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.text(min_size=1, max_size=8), values, max_size=8))
def test_the_size_of_a_row_is_the_sum_of_its_values_sizes(row):
    def size(value: object) -> int:
        if value is None:
            return 0
        return len(value.encode() if isinstance(value, str) else msgspec.json.encode(value))

    assert billed_size(msgspec.json.encode(row)) == sum(map(size, row.values()))
