from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.kql import literal

LONGS = st.integers(-(2**63), 2**63 - 1)
REALS = st.floats(allow_nan=False)
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-8))])
TIMES = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=ZONES)
ELEMENTS = st.one_of(st.none(), st.booleans(), LONGS, st.text(), st.sampled_from([0.5, -1e-7, 1e300]))


@settings(deadline=None)
@given(value=st.one_of(st.text(), st.booleans(), LONGS, REALS, TIMES))
def test_a_value_written_as_a_literal_reads_back_as_that_value(run, value):
    result = run(f"print x = {literal(value)}")
    assert result.rows == [(value,)]
    assert type(result.rows[0][0]) is type(value)


@settings(deadline=None)
@given(values=st.lists(ELEMENTS, max_size=5))
def test_a_list_written_as_a_literal_reads_back_as_that_json(run, values):
    result = run(f"print x = {literal(values)}")
    assert json.loads(result.rows[0][0]) == values


@settings(deadline=None, max_examples=50)
@given(value=st.text())
def test_a_literal_never_ends_before_its_text_does(run, value):
    assert run(f"print x = 1 | where {literal(value)} == {literal(value)} | count").rows == [(1,)]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ('a"; drop', r'"a\"; drop"'),
        ("c:\\x\n", r'"c:\\x\n"'),
        ("\x00\u2028", r'"\u0000\u2028"'),
        (True, "true"),
        (7, "7"),
        (-7, "long(-7)"),
        (1.5, "real(1.5)"),
        (float("-inf"), "real(-inf)"),
        (datetime(2024, 1, 2, 3, 4, 5, 6, UTC), "datetime(2024-01-02T03:04:05.000006Z)"),
        (["a", 1, None, True], 'dynamic(["a", 1, null, true])'),
    ],
)
def test_a_literal_is_written_as_kusto_documents_it(value, written):
    assert literal(value) == written


def test_nan_reads_back_as_nan(run):
    assert math.isnan(run(f"print x = {literal(math.nan)}").rows[0][0])


@pytest.mark.parametrize("value", ["\ud800", 2**63, datetime(2024, 1, 1), [math.inf], [2**64]])
def test_a_value_without_a_literal_is_refused(value):
    with pytest.raises(ValueError, match=r"surrogate|64 bits|time zone|JSON number"):
        literal(value)


def test_a_value_of_another_type_is_refused():
    with pytest.raises(TypeError, match="bytes"):
        literal(b"x")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (r'"\u0041\x42\103\U0001F600"', "ABC\U0001f600"),
        (r"'it\'s \a\b\f\v\0'", "it's \a\b\f\v\0"),
        ('h"hidden"', "hidden"),
        ("H@'c:\\x'", "c:\\x"),
        ("@'a''b\\n'", "a'b\\n"),
        ("\"a\" 'b'", "ab"),
        ("```two\nlines \\n```", "two\nlines \\n"),
        ('~~~it\'s "so"~~~', 'it\'s "so"'),
    ],
)
def test_string_literals_are_decoded_as_kusto_decodes_them(run, written, value):
    assert run(f"print x = {written}").rows == [(value,)]
