from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.core.event_id import object_prefix, positional_id


@given(st.text(), st.text())
def test_the_id_of_an_object_is_16_hex_characters_and_always_the_same(source, object_id):
    prefix = object_prefix(source, object_id)

    assert re.fullmatch(r"[0-9a-f]{16}", prefix)
    assert prefix == object_prefix(source, object_id)


def test_the_id_of_an_object_stays_the_same_from_version_to_version():
    assert object_prefix("aws_vpcflow", "0123") == "9600311a59fef442"


def test_source_and_object_are_told_apart():
    assert object_prefix("ab", "c") != object_prefix("a", "bc")


def test_records_of_one_object_have_ids_of_their_own():
    ids = {positional_id("0123456789abcdef", position) for position in range(1000)}

    assert len(ids) == 1000
    assert positional_id("0123456789abcdef", 7) == "0123456789abcdef-7"
