from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.asim.mapping import grammar
from tidewaiter.asim.mapping import operators, patterns

GOOD = [
    "(a)",
    r"^(\d+)$",
    r"(\w+)@(\w+)",
    r"^((?:[a-z0-9_-]{1,63}\.)+[a-z]{2,63})$",
    "(a|b)*?c",
    r"(\s\S)",
    r"\b(x)\b",
    "([^/]+)$",
    r"([\d\s]+)",
    r"(\D\W)",
    "(.)",
    r"([\\\]\[-])",
    "x{2}(y{0,3})",
    "(a+b+?c*d?)",
]
BAD = [
    "(",
    "[a",
    "(?i)a",
    "(?=a)",
    "(?!a)",
    "(?<=a)b",
    "(?P<n>a)",
    r"(a)\1",
    "a++",
    "a*+",
    "[[:alpha:]]",
    "[a&&b]",
    "[]a]",
    "[^]a]",
    r"\p{L}",
    r"\Aa",
    r"a\Z",
    r"[\D]",
    "a{,3}",
    "a{1001}",
    "{a",
    r"\x41",
    "[a~~b]",
    r"\k",
]


@pytest.mark.parametrize("source", GOOD)
def test_the_dialect_takes_what_all_engines_read_alike(source: str):
    assert patterns.problem(source) == ""


@pytest.mark.parametrize("source", BAD)
def test_what_engines_read_differently_is_refused_with_a_reason(source: str):
    assert patterns.problem(source)


@given(
    st.lists(
        grammar.texts | st.text("aAbxy019_-/.@\n\r\t\v\x1c é\uff11²\u017f\u212a", max_size=12),
        min_size=1,
        max_size=30,
    )
)
def test_python_and_rust_find_the_same(texts: list[str]):
    column = pl.Series("t", texts, dtype=pl.String)
    for source in GOOD:
        for group in (0, 1):
            found = (
                column.to_frame().select(pl.col("t").str.extract(patterns.rust(source), group))["t"].to_list()
            )
            assert found == [operators.regex(text, source, group) for text in texts], (source, group)


def test_the_end_of_a_text_is_not_before_its_last_line_feed():
    assert operators.regex("a\n", "(a)$") is None
    assert operators.regex("a", "(a)$") == "a"
