"""The places of JSON values, and the words of the decoder that they are taken from."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.pipeline.sources.codecs.json_values import (
    ValueSkipper,
    Verdict,
    next_key,
    one_line,
    probe,
    value_end,
)

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)
_WRITTEN = st.builds(
    lambda value, ascii_only: json.dumps(value, ensure_ascii=ascii_only).encode(),
    st.dictionaries(st.text(max_size=3), _VALUES, max_size=4),
    st.booleans(),
)


@given(_WRITTEN, st.sampled_from([b"", b" ", b",", b"]", b"{}", b"\n{", b"x"]))
def test_a_value_is_whole_and_ends_before_what_follows(written, after):
    verdict, end, _ = probe(written + after)
    assert verdict is Verdict.WHOLE
    assert (written + after)[:end].strip() == written


@given(_WRITTEN, st.data())
def test_the_beginning_of_a_value_is_cut_and_not_bad(written, data):
    assert probe(written[: data.draw(st.integers(0, len(written) - 1))]).verdict is Verdict.CUT


@pytest.mark.parametrize(
    "cut", [b'{"a":-', b'{"a":1.', b'{"a":1e', b'{"a":1E+', b'{"a":tr', b'{"a":"\\', b'{"a":"\\u00']
)
def test_a_number_word_or_escape_that_stops_half_way_is_cut(cut):
    assert probe(cut).verdict is Verdict.CUT


@pytest.mark.parametrize(
    ("bad", "at"),
    [(b'{"a":tru}', 6), (b'{"a" 1}', 5), (b'{"a":1,}', 7), (b"[1 2]", 3), (b'{"a":"x\ny"}', 7), (b"x", 0)],
)
def test_damage_is_found_where_it_is(bad, at):
    assert probe(bad)[:2] == (Verdict.BAD, at)


def test_nesting_beyond_the_decoder_is_deep():
    assert probe(b"[" * 20_000 + b"]" * 20_000).verdict is Verdict.DEEP


@given(_WRITTEN, st.binary(max_size=3), st.integers(1, 9))
def test_the_skipper_finds_the_end_of_a_value_in_whatever_pieces(written, after, size):
    data = written + after
    skipper, at, ended, end = ValueSkipper(), 0, False, 0
    while not ended:
        end = min(end + size, len(data))
        assert at <= end
        at, ended = skipper.find_end(data[:end], at)
    assert at == len(written)
    assert value_end(data, 0) == len(written)


def test_the_skipper_takes_a_line_feed_in_a_string_for_damage():
    skipper = ValueSkipper()
    assert skipper.find_end(b'{"a":"x\n"}', 0) == (7, False)
    assert skipper.damaged


def test_a_key_is_given_as_it_is_written():
    assert next_key(rb', "a\"b" : 1', 0) == (rb"a\"b", 11)
    assert next_key(b'"a":', 0) is None


@pytest.mark.parametrize(
    "token",
    [
        b"1.10",
        b"1e5",
        b"1E+05",
        b"-0.0",
        b"12345678901234567890123",
        b"1e400",
        b'"\\u00e9\\/\\ud83d\\ude00"',
        '"é /"'.encode(),
    ],
)
def test_taking_out_white_space_leaves_every_token_as_it_is(token):
    assert one_line(b'{ "a" :\r\n\t[ %b , %b ] }' % (token, token)) == b'{"a":[%b,%b]}' % (token, token)


@given(_VALUES, st.sampled_from([1, 2, 4]))
def test_taking_out_white_space_undoes_pretty_printing(value, indent):
    written = json.dumps(value, separators=(",", ":")).encode()
    assert one_line(msgspec.json.format(written, indent=indent)) == written
