from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.pipeline.deliver.pace import BYTES_A_MINUTE, REQUESTS_A_MINUTE, Pace


def sent_at(sizes, gaps, **limits):
    """Return when each request leaves, when each is asked for `gap` seconds after the one before."""
    pace, now, times = Pace(**limits), 0.0, []
    for size, gap in zip(sizes, gaps, strict=True):
        now += gap
        times.append(now + pace.reserve(now, size))
    return times


@given(st.lists(st.tuples(st.integers(1, 1_000_000), st.floats(0, 20)), max_size=200))
def test_no_minute_has_more_than_the_service_takes(asked):
    sizes = [size for size, _ in asked]
    times = sent_at(sizes, [gap for _, gap in asked], requests=60, bytes=10_000_000)

    for first, begin in enumerate(times):
        within = [size for size, at in zip(sizes[first:], times[first:], strict=True) if at - begin < 60]
        assert len(within) <= 60
        assert sum(within) <= 10_000_000


def test_ordinary_traffic_does_not_wait():
    pace = Pace()
    assert [pace.reserve(n * 0.05, 1_000_000) for n in range(1_000)] == [0.0] * 1_000


def test_the_limits_are_the_services():
    assert (REQUESTS_A_MINUTE, BYTES_A_MINUTE) == (12_000, 2_000_000_000)
    pace = Pace()
    waits = [pace.reserve(0.0, 100) for _ in range(12_000)]
    assert 50 < waits[-1] < 61
