from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.state import Counts

NUMBER = st.integers(0, 10**9)


@st.composite
def lawful(draw: st.DrawFn) -> Counts:
    ways = {name: draw(NUMBER) for name in ("delivered", "merged", "dropped", "tiered", "duplicate")}
    valid, quarantined = sum(ways.values()), draw(NUMBER)
    return Counts(
        objects=draw(NUMBER), records=valid + quarantined, valid=valid, quarantined=quarantined, **ways
    )


@given(lawful(), lawful())
def test_sums_of_counts_that_add_up_add_up(one, other):
    total = Counts()
    total.add(one)
    total.add(other)

    total.check()
    assert total.records == one.records + other.records
    assert total.objects == one.objects + other.objects


@given(lawful(), st.sampled_from(["records", "valid", "quarantined", "delivered", "duplicate"]))
def test_one_record_too_many_anywhere_is_noticed(counts, member):
    setattr(counts, member, getattr(counts, member) + 1)

    with pytest.raises(AssertionError, match="do not add up"):
        counts.check()


def test_counts_have_the_members_of_the_report_contract():
    assert list(msgspec.to_builtins(Counts())) == [
        "objects", "records", "valid", "quarantined", "delivered", "merged", "dropped", "tiered",
        "duplicate", "faults", "raw_bytes",
    ]  # fmt: skip
