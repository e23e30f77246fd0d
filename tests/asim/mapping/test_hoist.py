"""What reads one set of repeating members is computed once for the set, not for every record."""

from __future__ import annotations

import pytest

from tidewaiter.asim.mapping.expression import Expr, Field, Op, members, parse
from tidewaiter.asim.mapping.hoist import Hoisted, hoist, kind_of

KINDS = {"name": "text", "source": "text", "agent": "text", "count": "int", "params": "json"}
SETS = [{"name", "source"}, {"agent"}]


def group_of(deps: frozenset[str]) -> int:
    return next((place for place, group in enumerate(SETS) if deps <= group), -1)


def hoisted(text: str, sets: int = 2) -> tuple[Expr, Hoisted]:
    found: Hoisted = {}
    return hoist(parse(text), KINDS, group_of, sets, found), found


def test_the_part_that_reads_one_set_gets_a_name_and_the_rest_stays():
    expr, found = hoisted(
        "case(not exists(params.id), 'none', first(regex(name, '(a)'), lookup(source, 'L')))"
    )

    assert list(found) == [0]
    assert list(found[0]) == [parse("first(regex(name, '(a)'), lookup(source, 'L'))")]
    assert members(expr) == {"params", "hoisted 0 0"}


def test_parts_of_different_sets_have_names_of_their_own_and_equal_parts_share_one():
    expr, found = hoisted("concat(lower(name), lower(agent), lower(name), params.id)")

    assert isinstance(expr, Op)
    assert [len(of) for of in found.values()] == [1, 1]
    assert expr.args[0] == expr.args[2] == Field(("hoisted 0 0",))
    assert expr.args[1] == Field(("hoisted 1 0",))


@pytest.mark.parametrize(
    "text",
    [
        "case(name == 'a', params.id, None)",  # one comparison is not worth it
        "first(params.id, name)",  # a member as it stands is at hand
        "first(concat(name, params.id), None)",  # reads more than one set
        "case(exists(params.id), 7, int(name))",  # neither a text nor a boolean
    ],
)
def test_what_would_not_gain_is_left_alone(text: str):
    assert hoisted(text) == (parse(text), {})


def test_sets_beyond_those_that_are_kept_together_are_left_alone():
    assert hoisted("concat(lower(agent), params.id)", sets=1)[1] == {}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("name", "text"),
        ("count", ""),
        ("'a'", "text"),
        ("7", ""),
        ("case(name == 'a', 'x', None)", "text"),
        ("case(name == 'a', 'x', count)", ""),
        ("exists(name)", "bool"),
        ("bit(count, 1)", ""),
        ("params.id", ""),
    ],
)
def test_only_sure_types_have_a_kind(text: str, kind: str):
    assert kind_of(parse(text), KINDS) == kind
