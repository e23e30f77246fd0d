"""Lines with values in quotes and brackets, and lines whose header begins with a mark."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.content.recognition import TextShape
from tidewaiter.pipeline.sources.codecs.lines import header_fields, line_reader
from tidewaiter.pipeline.sources.codecs.quoted_lines import CELL, cells_of

NAMES = ("who", "when", "asked", "status", "agent", "more", "newer")
SHAPE = TextShape(
    fields=NAMES,
    default=NAMES,
    quoted=2,
    least=5,
    line=r'^\S+ \[[^\]]*\] "[^"]*" \d{3} "([^"]|"(?! ))*"( [^"\s]+)*$',
)
LINE = b'marit [03/Mar/2026:09:14:07 +0000] "GET /a b HTTP/1.1" 200 "curl/8.5 (x)"'
CELLS = ["marit", "03/Mar/2026:09:14:07 +0000", "GET /a b HTTP/1.1", "200", "curl/8.5 (x)"]


def read(*lines: bytes, shape: TextShape = SHAPE):
    reader = line_reader("object", shape)
    return [*reader.read(b"".join(line + b"\n" for line in lines)), *reader.close()]


def cells(chunk) -> list[list[str]]:
    return [line.split(chunk.separator) for line in chunk.cells.decode().split("\n")[:-1]]


def test_values_lose_their_quotes_and_brackets_and_the_line_keeps_them():
    (chunk,) = read(LINE, LINE)

    assert chunk.body == LINE + b"\n" + LINE + b"\n"
    assert cells(chunk) == [CELLS, CELLS]
    assert chunk.fields == NAMES[:5]


def test_lines_of_other_ages_have_the_fields_that_they_have():
    chunks = read(LINE, LINE + b" x", LINE + b" x y", LINE + b" x y z")

    assert [chunk.fields for chunk in chunks] == [
        NAMES[:5], NAMES[:6], NAMES, (*NAMES, "field_8"),
    ]  # fmt: skip
    assert [chunk.first_line for chunk in chunks] == [0, 1, 2, 3]
    assert cells(chunks[3]) == [[*CELLS, "x", "y", "z"]]


def test_an_empty_value_in_quotes_is_an_absent_one():
    (chunk,) = read(b'marit [] "" 200 ""')
    assert cells(chunk) == [["marit", "-", "-", "200", "-"]]


@pytest.mark.parametrize(
    ("line", "agent"),
    [
        (LINE.replace(b"(x)", b'"x"y'), 'curl/8.5 "x"y'),
        (LINE.replace(b"curl/8.5 (x)", b'"'), '"'),
        (LINE.replace(b"(x)", b"[x]"), "curl/8.5 [x]"),
    ],
)
def test_a_quote_within_a_value_does_not_end_it(line, agent):
    (chunk,) = read(line)
    assert cells(chunk) == [[*CELLS[:4], agent]]


@pytest.mark.parametrize(
    ("line", "kind", "reason"),
    [
        (b"three values only", "malformed", "has 3 fields instead of 5 or more"),
        (LINE.replace(b"(x)", b'" 500 "evil'), "malformed", "quotes within a value"),
        (LINE[:-1], "malformed", "quotes within a value"),
        (LINE + b' a" "b" "c" "d', "malformed", "quotes within a value"),
        (LINE.replace(b"curl", b"\x1f"), "malformed", "control characters"),
        (LINE.replace(b"curl", b"\0"), "malformed", "control characters"),
        (LINE.replace(b"curl", b"\xff"), "encoding", "not UTF-8"),
    ],
)
def test_a_line_that_could_mean_several_things_is_set_aside_and_the_others_stay(line, kind, reason):
    chunks = read(LINE, line, LINE)

    (bad,) = [each for chunk in chunks for each in chunk.quarantined]
    assert (bad.position, bad.kind, bad.raw) == (1, kind, line)
    assert reason in bad.reason
    assert [(chunk.first_line, len(cells(chunk))) for chunk in chunks if chunk.body] == [(0, 1), (2, 1)]


_VALUE = st.text(
    st.characters(codec="utf-8", exclude_characters='"[]\n\r\0\x1f\x0b\x0c\x1c\x1d\x1e\x85'), max_size=9
)


@given(st.lists(_VALUE, min_size=1, max_size=9))
def test_whatever_stands_in_quotes_comes_back(values):
    line = " ".join(f'"{value}"' for value in values)
    assert cells_of(line.encode(), 9) == [(value or "-").encode() for value in values]


@given(st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line), max_size=8))
def test_every_line_is_a_record_or_set_aside_or_blank(lines):
    chunks = read(*lines)

    kept = [line for chunk in chunks for line in chunk.body.split(b"\n")[:-1]]
    bad = [each.raw for chunk in chunks for each in chunk.quarantined]
    assert sorted([*kept, *bad]) == sorted(line.removesuffix(b"\r") for line in lines if line.strip())
    for chunk in chunks:
        assert {len(row) for row in cells(chunk)} <= {len(chunk.fields)}
        assert CELL.encode() not in chunk.body


MARKED = TextShape(
    fields=("date", "time", "c-ip", "cs(User-Agent)", "sc-status"),
    default=("date", "time", "c-ip", "cs(User-Agent)"),
    separator="\t",
    header="#Fields: ",
    line=r"^\d{4}-\d\d-\d\d\t",
)


def test_a_marked_header_names_the_fields_and_other_marked_lines_are_remarks():
    chunks = read(
        b"#Version: 1.0", b"#Fields: date time sc-status", b"2026-03-03\t09:14:07\t200", b"# end",
        b"2026-03-04\t1\t2", shape=MARKED,
    )  # fmt: skip

    assert [(chunk.fields, chunk.body, chunk.first_line) for chunk in chunks if chunk.body] == [
        (("date", "time", "sc-status"), b"2026-03-03\t09:14:07\t200\n", 2),
        (("date", "time", "sc-status"), b"2026-03-04\t1\t2\n", 4),
    ]


def test_lines_without_a_marked_header_have_the_default_fields():
    (chunk,) = read(b"2026-03-03\t09:14:07\t192.0.2.3\tcurl", shape=MARKED)
    assert (chunk.fields, chunk.separator) == (MARKED.default, "\t")


@pytest.mark.parametrize(
    "line", ["#Fields: date time", "#Fields: a b c", "date time c-ip sc-status", "#Version: 1.0"]
)
def test_no_marked_header(line):
    assert header_fields(line.encode(), MARKED) is None


STRICT = TextShape(
    fields=("who", "agent", "at", "status"),
    default=("who", "agent", "at", "status"),
    quoted=3,
    least=3,
    strict=True,
    line=r'^\S+ "(?:[^"]|"(?! |$))*" [^\s"]\S*( [^\s"]\S*)*$',
)


@pytest.mark.parametrize("agent", [b'x" 12:00 200 "', b'x" "y', b'x" 12:00 "200', b'" "'])
def test_a_strict_source_sets_aside_a_line_whose_quotes_moved_the_values_behind_them(agent):
    sound = b'marit "curl (x)" 09:14 403'
    chunks = read(sound, b'marit "' + agent + b'" 09:14 403', sound, shape=STRICT)

    (bad,) = [each for chunk in chunks for each in chunk.quarantined]
    assert (bad.position, bad.kind) == (1, "malformed")
    assert [row for chunk in chunks if chunk.body for row in cells(chunk)] == [
        ["marit", "curl (x)", "09:14", "403"]
    ] * 2


def test_plain_lines_may_have_fewer_fields_or_more_where_the_source_says_so():
    shape = TextShape(fields=NAMES, default=NAMES[:4], least=3, line="^")
    chunks = read(b"a b c d", b"a b c", b"a b c", b"a b", b"a b c d e f", shape=shape)

    assert [(chunk.fields, chunk.first_line, chunk.body) for chunk in chunks if chunk.body] == [
        (NAMES[:4], 0, b"a b c d\n"),
        (NAMES[:3], 1, b"a b c\na b c\n"),
        ((*NAMES[:4], "field_5", "field_6"), 4, b"a b c d e f\n"),
    ]
    (bad,) = [each for chunk in chunks for each in chunk.quarantined]
    assert (bad.position, bad.reason) == (3, "has 2 fields instead of 3 or more")
