from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.clouds.retry_after import retry_after

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("5", 5.0),
        (" 0 ", 0.0),
        ("999999", 3_600.0),
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("Monday, 23-Nov-26 12:00:10 GMT", 10.0),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("٣", None),
        ("1.5", None),
    ],
)
def test_seconds_and_dates_are_understood(value, seconds):
    assert retry_after(value, now=NOW) == seconds


@given(st.integers(-100_000, 100_000))
def test_a_date_and_its_seconds_say_the_same_within_the_limits(ahead):
    date = format_datetime(NOW + timedelta(seconds=ahead), usegmt=True)

    assert retry_after(date, now=NOW) == min(max(ahead, 0), 3_600)


@given(st.text())
def test_no_text_breaks_it(text):
    found = retry_after(text, now=NOW)

    assert found is None or 0 <= found <= 3_600
