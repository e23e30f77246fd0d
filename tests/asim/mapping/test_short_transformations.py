"""What makes a transformation shorter changes nothing of what it means."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.asim.mapping.evaluate import evaluate
from tidewaiter.asim.mapping.expression import Const, Field, Op, parse
from tidewaiter.asim.mapping.kql.alternation import alternation, beginning, ending
from tidewaiter.asim.mapping.kql.fragments import asked, never_empty, one_of_texts
from tidewaiter.asim.mapping.kql.keys import read_tables, rekeyed_tables, with_keys
from tidewaiter.asim.mapping.kql.tables import table_function
from tidewaiter.asim.mapping.kql.tighten import tight

TEXTS = st.text(alphabet="abAB.:-*^$\\[]()|?+ é", max_size=6)
WORDS = st.lists(
    st.sampled_from(["Create", "Delete", "Get", "List", "User", "Group", "Role", "s", "For", "."]), max_size=4
).map("".join)


@given(st.sets(TEXTS | WORDS, min_size=1, max_size=30), st.sets(TEXTS | WORDS, max_size=30))
def test_a_short_pattern_matches_just_the_texts(texts: set[str], others: set[str]):
    pattern = re.compile(rf"\A(?:{alternation(texts)})\Z")

    assert all(pattern.match(each) for each in texts)
    near = {each[:-1] for each in texts} | {each + "a" for each in texts} | {each[1:] for each in texts}
    assert not [each for each in (others | near) - texts if pattern.match(each)]


def test_a_short_pattern_has_shared_beginnings_and_endings_once():
    calls = {f"{verb}{noun}" for verb in ("Create", "Delete", "Update") for noun in ("Group", "User", "Role")}

    assert alternation(calls) == "(?:Crea|Dele|Upda)te(?:Group|Role|User)"
    assert one_of_texts(["a.b", ""]) == r"^(?:a\.b)$"
    assert alternation({"a-b"}) == "a-b"
    assert alternation({"List", "Lists", "ListsX"}) == "List(?:sX?)?"
    with pytest.raises(ValueError, match="no texts"):
        alternation(set())


@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_what_texts_begin_and_end_with_is_the_longest_such(texts: list[str]):
    begun, ended = beginning(texts), ending(texts)

    assert all(each.startswith(begun) and each.endswith(ended) for each in texts)
    assert begun in texts or len({each[: len(begun) + 1] for each in texts}) > 1
    assert ended in texts or len({each[-len(ended) - 1 :] for each in texts}) > 1


TABLE = {"iam.amazonaws.com:CreateUser": "User", "sts.amazonaws.com:AssumeRole": "Role", "": "never"}


@given(
    st.sampled_from(
        ["iam.amazonaws.com", "sts.amazonaws.com", "iam", "", "x\n.amazonaws.com", "iam.amazonawsXcom"]
    ),
    st.sampled_from(["CreateUser", "AssumeRole", "iam.amazonaws.com:CreateUser", ":", "", "CreateUser:iam"]),
)
def test_a_key_without_its_ending_and_turned_round_finds_the_same(service: str, call: str):
    expr = parse("lookup(concat(service, ':', call), 'T')")
    record = {"service": service, "call": call}
    forms = rekeyed_tables([expr], {"T": TABLE})

    assert forms["T"].ending == ".amazonaws.com"
    found = evaluate(with_keys(expr, forms), record, {"T": forms["T"].table})
    assert found == evaluate(expr, record, {"T": {key: value for key, value in TABLE.items() if key}})


def test_a_table_keeps_its_keys_where_they_are_not_made_of_two_parts():
    by_name = parse("lookup(call, 'T')")
    twice = parse("lookup(concat(service, ':', call), 'T')")

    assert rekeyed_tables([by_name], {"T": TABLE}) == {}
    assert rekeyed_tables([twice, by_name], {"T": TABLE}) == {}
    assert rekeyed_tables([twice], {"T": {"a:b:c.amazonaws.com": "x"}}) == {}
    asked_only = Op("exists", (twice,))
    assert read_tables([asked_only]) == frozenset()
    assert read_tables([asked_only, by_name]) == {"T"}
    assert with_keys(Field(("a",)), {}) == Field(("a",))


def test_a_table_is_a_pattern_for_each_value_and_a_bag_for_the_rest():
    many = {
        f"{verb}{noun}": verb for verb in ("Create", "Delete") for noun in ("User", "Group", "Role", "Key")
    }
    single = {f"key{n}": f"value {n}" for n in range(20)}

    (asks,) = table_function("f", many)
    assert asks.count("matches regex") == 2
    assert len(asks) < len(str(many))
    bag, looks = table_function("f", single | many)
    assert bag.startswith("let f_b = parse_json(")
    assert "tostring(f_b[k])" in looks
    (shared,) = table_function("f", {name: f"https://example.org/{name}" for name in "abcd"})
    assert shared.count("https://example.org/") == 1


@pytest.mark.parametrize(
    ("pattern", "never", "shorter"),
    [
        ("(Throttl|SlowDown)", True, "SlowDown|Throttl"),
        ("(Config|Configuration)", True, "Config"),
        ("(Polic(?:y|ies)|Rule)", True, "Polic(?:y|ies)|Rule"),
        ("^(i-[0-9a-f]{8})$", True, "^(i-[0-9a-f]{8})$"),
        ("(a*)", False, ""),
        ("(a|)", False, ""),
        ("(a)(b)", False, ""),
        (r"(\ba)", False, ""),
        ("x(a)", False, ""),
    ],
)
def test_a_pattern_that_is_only_asked_for_needs_no_group(pattern: str, never: bool, shorter: str):
    assert never_empty(Const(pattern)) is never
    if never:
        assert asked(pattern) == shorter
        texts = ("Throttled", "Configurations", "Policy", "Policies", "i-12345678", "xi-12345678", "")
        assert [bool(re.search(asked(pattern), text)) for text in texts] == [
            bool(re.search(pattern, text)) for text in texts
        ]


LETS = ['let tw_text = (v:dynamic) { iif(gettype(v) == "string", tostring(v), "a  =  b") };']
LINES = [
    "source",
    "| extend j_service = tw_text(service)",
    "| extend t0 = tw_text(j_service.action.remote.address), t1 = j_service.action.remote.port",
    "| project C = strcat(t0, tostring(t1), tostring(j_service.action.remote.city)), D = t0",
]


def test_a_text_that_fits_stays_as_it_is_and_another_gets_short_names_and_paths_once():
    assert tight(LETS, LINES, ["service"], 10_000) == "\n".join([*LETS, *LINES])

    short = tight(LETS, LINES, ["service"], 10)

    assert '"a  =  b"' in short  # a text keeps its spaces
    assert short.count("action.remote") == 1
    assert "tw_" not in short
    assert "j_service" not in short
    assert len(short) < len("\n".join([*LETS, *LINES])) * 0.7


def test_members_of_the_record_keep_their_names_in_a_short_text():
    lines = [
        "source",
        "| extend j_name = tw_text(X.t1), t1 = X.tw_text",
        "| project A = tostring(X.t1), B = tw_text(tostring(X.j_name)), C = j_name, D = t1",
    ]
    short = tight(["let tw_text = (s:string) { s };"], lines, ["X"], 10)

    assert re.findall(r"X\.(\w+)", short) == ["t1", "tw_text", "t1", "j_name"]
    assert not re.search(r"(?<!\.)\b(?:tw_text|j_name|t1)\b", short)
