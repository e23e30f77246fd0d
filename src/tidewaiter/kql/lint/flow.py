"""Pipelines: what a tabular expression reads, and the operators behind it in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tidewaiter.kql.service import Node, walk


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A source and the operators behind it."""

    source: Node
    operators: tuple[Node, ...]


def bare(node: Node) -> Node:
    """Return what is inside parentheses."""
    while node.kind == "ParenthesizedExpression" and node.children:
        node = node.children[0]
    return node


def pipeline(node: Node) -> Pipeline:
    """Read a tabular expression as a pipeline; one without a pipe has no operators."""
    operators: list[Node] = []
    node = bare(node)
    while node.kind == "PipeExpression":
        operator, source = node.part("Operator"), node.part("Expression")
        if operator is None or source is None:
            break
        operators.append(operator)
        node = bare(source)
    return Pipeline(node, tuple(reversed(operators)))


def pipelines(root: Node) -> Iterator[Pipeline]:
    """Yield every pipeline with a pipe in it, outer ones first."""
    for node in walk(root):
        above = node.parent
        inner = above is not None and above.kind == "PipeExpression" and node.role == "Expression"
        if node.kind == "PipeExpression" and not inner:
            yield pipeline(node)


def variables(root: Node) -> dict[str, Node]:
    """Return what each `let` binds."""
    found = {}
    for node in walk(root):
        if node.kind == "LetStatement":
            name, value = node.part("Name"), node.part("Expression")
            if name is not None and value is not None:
                found[name.name] = value
    return found


def resolved(node: Node, lets: dict[str, Node]) -> Pipeline:
    """Read a tabular expression as a pipeline, through the names that `let` binds to others."""
    found = pipeline(node)
    for _ in range(len(lets)):
        value = lets.get(found.source.name) if found.source.kind == "NameReference" else None
        if value is None or not found.source.symbol.startswith("Variable:"):
            break
        inner = pipeline(value)
        found = Pipeline(inner.source, inner.operators + found.operators)
    return found


def tables_below(node: Node, lets: dict[str, Node]) -> set[str]:
    """Return the tables that an expression names, through `let`."""
    found: set[str] = set()
    waiting, seen = [node], set[str]()
    while waiting:
        for each in walk(waiting.pop()):
            if each.symbol.startswith("Table:"):
                found.add(each.symbol.removeprefix("Table:"))
            elif each.symbol.startswith("Variable:") and each.name in lets and each.name not in seen:
                seen.add(each.name)
                waiting.append(lets[each.name])
    return found


def conjuncts(condition: Node) -> Iterator[Node]:
    """Yield the parts of a condition that all have to hold."""
    waiting = [condition]
    while waiting:
        node = bare(waiting.pop())
        if node.kind == "AndExpression":
            waiting += reversed(node.children)
        else:
            yield node


def columns(node: Node) -> list[Node] | None:
    """Return the references to columns in an expression; None where a name in it is not bound."""
    found = []
    for each in walk(node):
        if each.kind != "NameReference":
            continue
        if not each.symbol:
            return None
        if each.symbol.startswith("Column:"):
            found.append(each)
    return found


def parameter(operator: Node, name: str) -> str:
    """Return the value of an operator's parameter as text (`kind` of a join), or ''."""
    for each in operator.parts("Parameters"):
        declared, value = each.part("Name"), each.part("Expression")
        if declared is not None and value is not None and declared.name == name:
            return value.text or value.name
    return ""
