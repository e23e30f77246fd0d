"""`number` and `joined`, which read JSON numbers with fractions and lists of named values."""

from __future__ import annotations

from typing import Any

import pytest

from tidewaiter.asim.mapping.evaluate import evaluate
from tidewaiter.asim.mapping.expression import parse
from tidewaiter.core.errors import ContentError


@pytest.mark.parametrize(
    ("value", "digits"),
    [
        (5, "5"),
        (0, "0"),
        (-3, "-3"),
        (8.0, "8"),
        (5.5, "5.5"),
        (-0.25, "-0.25"),
        (-0.0, "0"),
        (10**15, None),
        (1e15, None),
        (1e-9, None),
        (float("inf"), None),
        (True, None),
        ("5", None),
        (None, None),
        ([5], None),
    ],
)
def test_a_number_is_written_in_plain_digits_or_not_at_all(value: Any, digits: str | None):
    assert evaluate(parse("number(x)"), {"x": value}, {}) == digits


NAMED = [
    "no object",
    {"key": "OTHER", "values": ["x"]},
    {"key": "TACTIC", "values": ["Discovery", "", 7, "Impact"]},
    {"key": "TACTIC", "values": ["second"]},
    {"key": "ONE", "values": "alone"},
    {"key": "NONE", "values": []},
    {"key": "OBJECT", "values": {"a": "b"}},
]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("TACTIC", "Discovery, Impact"),
        ("ONE", "alone"),
        ("NONE", None),
        ("OBJECT", None),
        ("nobody", None),
    ],
)
def test_the_texts_of_the_first_object_of_that_name_are_joined(name: str, wanted: str | None):
    assert evaluate(parse(f"joined(x, 'key', '{name}', 'values')"), {"x": NAMED}, {}) == wanted


@pytest.mark.parametrize("value", [None, "text", 5, {}, [], [None, [1]]])
def test_what_is_no_list_of_objects_has_nothing_to_join(value: Any):
    assert evaluate(parse("joined(x, 'key', 'a', 'values')"), {"x": value}, {}) is None


@pytest.mark.parametrize("wrong", ["joined(x, 'key', 7, 'values')", "joined(x, key, 'a', 'values')"])
def test_joined_takes_its_names_as_literal_texts(wrong: str):
    with pytest.raises(ContentError, match="joined"):
        parse(wrong)
