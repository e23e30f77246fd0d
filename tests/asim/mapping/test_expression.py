from __future__ import annotations

import warnings

import pytest

from tidewaiter.asim.mapping.expression import Const, Expr, Field, Op, inline, lookups, members, parse
from tidewaiter.core.errors import ContentError, Location


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a", Field(("a",))),
        ("a.b[0]['x-y']", Field(("a", "b", 0, "x-y"))),
        ("'text'", Const("text")),
        ("-5", Const(-5)),
        ("True", Const(True)),
        ("None", Const(None)),
        ("a == 'x'", Op("eq", (Field(("a",)), Const("x")))),
        ("a in ('x', 'y')", Op("in", (Field(("a",)), Const(("x", "y"))))),
        ("a not in ['x']", Op("not", (Op("in", (Field(("a",)), Const(("x",)))),))),
        ("not a in ('x',)", Op("not", (Op("in", (Field(("a",)), Const(("x",)))),))),
        ("a and b or c", Op("any", (Op("all", (Field(("a",)), Field(("b",)))), Field(("c",))))),
        ("(a - b) * 1000", Op("mul", (Op("sub", (Field(("a",)), Field(("b",)))), Const(1000)))),
        ("lookup(a, 'verbs')", Op("lookup", (Field(("a",)), Const("verbs")))),
    ],
)
def test_an_expression_is_read_as_written(text: str, wanted: Expr):
    assert parse(text) == wanted


def test_a_backslash_in_a_text_is_a_backslash_and_python_does_not_complain():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert parse(r"regex(a, '\.(\d+)\b')") == Op("regex", (Field(("a",)), Const(r"\.(\d+)\b")))
        assert parse(r"split(a, '\n', 0)").args[1] == Const(r"\n")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a +", "not an expression"),
        ("a + b", "not part of the mapping language"),
        ("a < b", "not part of the mapping language"),
        ("a == b == c", "not part of the mapping language"),
        ("lambda: a", "not part of the mapping language"),
        ("f'{a}'", "not part of the mapping language"),
        ("b'x'", "not part of the mapping language"),
        ("1.5", "not part of the mapping language"),
        ("__import__('os').system('x')", "not part of the mapping language"),
        ("a[b]", "is not a path"),
        ("nonsense(a)", "unknown operator 'nonsense'"),
        ("eq(a, b)", "unknown operator 'eq'"),
        ("lower(a, b)", "lower takes 1 argument, got 2"),
        ("lower(x=a)", "not part of the mapping language"),
        ("case(a, b)", "case takes 3 or more arguments"),
        ("lookup(a, b)", "argument 2 of lookup is a literal"),
        ("lookup(a, 5)", "argument 2 of lookup is a text"),
        ("split(a, '', 0)", "split needs a separator"),
        ("split(a, '/', 'x')", "argument 3 of split is a whole number"),
        ("split(a, '/', True)", "argument 3 of split is a whole number"),
        ("bit(a, 'x')", "argument 2 of bit is a whole number"),
        ("regex(a, '(')", "not a pattern"),
        ("regex(a, '(?i)x')", "not part of the pattern dialect"),
        ("regex(a, 'x')", "has no group 1"),
        ("regex(a, '(x)', 2)", "has no group 2"),
        ("template('{}/{}', a)", "2 holes {} and 1 values"),
        ("template('{0}', a)", "holes"),
        ("a in 'xy'", "right side of 'in' is a list of texts"),
        ("a in ('x', 5)", "right side of 'in' is a list of texts"),
    ],
)
def test_what_is_not_of_the_language_is_refused_when_it_is_read(text: str, words: str):
    with pytest.raises(ContentError) as error:
        parse(text, at=Location("mapping.yaml (Column)"))
    assert words in str(error.value)
    assert "mapping.yaml (Column)" in str(error.value)


def test_literals_of_different_types_are_different_expressions():
    assert Const(1) != Const(True)
    assert Const(0) != Const(False)
    assert len({Op("eq", (Field(("a",)), Const(value))) for value in (1, True, "1")}) == 3


def test_members_lookups_and_inlining_follow_the_whole_tree():
    expr = parse("case(lookup(a.b, 'L') == let, first(c, let), None)")
    assert members(expr) == {"a", "let", "c"}
    assert lookups(expr) == {"L"}
    assert members(inline(expr, {"let": parse("lower(d)")})) == {"a", "c", "d"}
