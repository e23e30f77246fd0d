"""The syntax tree as data."""

from __future__ import annotations

import pytest

from tidewaiter.kql.service import Catalog, walk

CATALOG = Catalog({"SecurityEvent": {"TimeGenerated": "datetime", "A": "long", "B": "string"}})


@pytest.fixture
def tree(analyze):
    return lambda query: analyze(query, CATALOG, tree=True).tree()


def test_the_tree_of_a_small_query_can_be_walked(tree):
    query = "SecurityEvent | where A == 1 | summarize count() by B"

    found = [(node.kind, node.role, query[node.start : node.end]) for node in walk(tree(query))]

    assert found == [
        ("QueryBlock", "", query),
        ("ExpressionStatement", "Statements", query),
        ("PipeExpression", "Expression", query),
        ("PipeExpression", "Expression", "SecurityEvent | where A == 1"),
        ("NameReference", "Expression", "SecurityEvent"),
        ("FilterOperator", "Operator", "where A == 1"),
        ("EqualExpression", "Condition", "A == 1"),
        ("NameReference", "Left", "A"),
        ("LongLiteralExpression", "Right", "1"),
        ("SummarizeOperator", "Operator", "summarize count() by B"),
        ("FunctionCallExpression", "Aggregates", "count()"),
        ("NameReference", "Name", "count"),
        ("ExpressionList", "ArgumentList", "()"),
        ("SummarizeByClause", "ByClause", "by B"),
        ("NameReference", "Expressions", "B"),
    ]


def test_names_say_what_they_are_bound_to_and_of_which_type(tree):
    query = "let n = 2; SecurityEvent | where A == n and Nope | extend C = strlen(B)"

    found = {
        node.name: (node.symbol, node.type) for node in walk(tree(query)) if node.kind == "NameReference"
    }

    assert found["SecurityEvent"] == ("Table:SecurityEvent", "table")
    assert found["A"] == ("Column:A", "long")
    assert found["n"] == ("Variable:n", "long")
    assert found["strlen"] == ("Function:strlen", "long")
    assert found["Nope"] == ("", "error")


def test_a_filters_comparisons_can_be_read_from_the_tree(tree):
    root = tree("SecurityEvent | where A in (1, 2) and B =~ 'x' and not(B startswith 'y')")
    (condition,) = [node.part("Condition") for node in walk(root) if node.kind == "FilterOperator"]
    assert condition is not None

    tests = [
        (node.kind, left.name, [each.text for each in walk(node) if each.text])
        for node in walk(condition)
        if (left := node.part("Left")) is not None and node.kind != "AndExpression"
    ]

    assert tests == [
        ("InExpression", "A", ["1", "2"]),
        ("EqualTildeExpression", "B", ["'x'"]),
        ("StartsWithExpression", "B", ["'y'"]),
    ]


def test_parents_and_children_agree(tree):
    root = tree("SecurityEvent | join kind=leftouter (SecurityEvent | take 1) on $left.A == $right.A, B")

    for node in walk(root):
        assert all(child.parent is node for child in node.children)
        assert all(node.start <= child.start <= child.end <= node.end for child in node.children)
        assert list(node.above())[-1:] in ([root], [])


def test_a_tree_that_was_not_asked_for_is_not_there(analyze):
    with pytest.raises(ValueError, match="tree=True"):
        analyze("print 1").tree()


def test_a_chain_of_hundreds_of_terms_has_a_tree(tree):
    root = tree("SecurityEvent | where " + " or ".join(f"A == {number}" for number in range(400)))

    assert sum(node.kind == "EqualExpression" for node in walk(root)) == 400
