"""Filters that stand behind an expensive operator and could stand before it."""

from __future__ import annotations

from collections.abc import Iterator

from tidewaiter.kql.lint.findings import Hit, Rule, Subject
from tidewaiter.kql.lint.flow import (
    Pipeline,
    columns,
    conjuncts,
    parameter,
    pipelines,
    tables_below,
    variables,
)
from tidewaiter.kql.service import Node, walk

_PASSES = {
    "FilterOperator",
    "ExtendOperator",
    "ProjectOperator",
    "ProjectAwayOperator",
    "ProjectReorderOperator",
}
_BY_ORDER = {
    "prev",
    "next",
    "row_number",
    "row_cumsum",
    "row_rank_dense",
    "row_rank_min",
    "row_window_session",
}
_LEFT = {"inner", "leftouter", "leftsemi", "leftanti", "leftantisemi", "anti"}
_RIGHT = {"inner", "innerunique", "rightouter", "rightsemi", "rightanti", "rightantisemi"}


def _late(subject: Subject) -> Iterator[Hit]:
    lets = variables(subject.root)
    for flow in pipelines(subject.root):
        for at, operator in enumerate(flow.operators):
            condition = operator.part("Condition") if operator.kind == "FilterOperator" else None
            before = _expensive(flow, at)
            if condition is None or before is None:
                continue
            for part in conjuncts(condition):
                where = _earlier(part, flow, before, at, lets)
                if where:
                    yield _hit(subject, part, flow.operators[before], where)


def _hit(subject: Subject, part: Node, expensive: Node, where: str) -> Hit:
    name = _word(expensive)
    message = f"this filter stands behind {name}, which works on rows that are then thrown away"
    place = f"{name} of line {subject.line(expensive)}"
    return part, message, f"write `| where {subject.text(part)}` {where} the {place}"


def _expensive(flow: Pipeline, at: int) -> int | None:
    """Return the place of the nearest operator before that cannot simply be passed, or None."""
    for place in range(at - 1, -1, -1):
        if flow.operators[place].kind not in _PASSES:
            return place
    return None


def _earlier(part: Node, flow: Pipeline, before: int, at: int, lets: dict[str, Node]) -> str:
    """Return where a condition could stand ("before", "in the right side of"), or ''."""
    used = columns(part)
    if not used or _made(flow.operators[before + 1 : at]) & {each.name for each in used}:
        return ""
    operator = flow.operators[before]
    names = {each.name for each in used}
    if operator.kind in ("JoinOperator", "LookupOperator"):
        return _side(operator, flow, before, {each.table for each in used}, lets)
    if operator.kind in ("SummarizeOperator", "DistinctOperator"):
        return "before" if names <= _kept(operator) else ""
    if operator.kind == "MvExpandOperator":
        return "before" if not names & _made([operator]) else ""
    if operator.kind == "SortOperator":
        return "before" if not _by_order(flow.operators[before + 1 : at + 1]) else ""
    return ""


def _side(operator: Node, flow: Pipeline, before: int, wanted: set[str], lets: dict[str, Node]) -> str:
    """Return on which side of a join a condition on columns of these tables could stand.

    Not on the left of an innerunique join, the default: it keeps any one row for each key, and which rows
    there are to choose from would change.
    """
    right_side = operator.part("Expression")
    if right_side is None or "" in wanted:
        return ""
    kind = parameter(operator, "kind") or (
        "leftouter" if operator.kind == "LookupOperator" else "innerunique"
    )
    right = tables_below(right_side, lets)
    left = set[str]().union(*(tables_below(node, lets) for node in (flow.source, *flow.operators[:before])))
    if wanted <= left and not wanted & right and kind in _LEFT:
        return "before"
    if wanted <= right and not wanted & left and kind in _RIGHT:
        return "in the right side of"
    return ""


def _kept(operator: Node) -> set[str]:
    """Return the columns that pass an aggregation as they are."""
    clause = operator.part("ByClause") if operator.kind == "SummarizeOperator" else operator
    kept = clause.parts("Expressions") if clause is not None else []
    return {each.name for each in kept if each.kind == "NameReference"}


def _made(operators: tuple[Node, ...] | list[Node]) -> set[str]:
    """Return names that operators give to something, and columns that mv-expand changes."""
    found = set()
    for operator in operators:
        for node in walk(operator):
            if node.kind == "NameDeclaration":
                found.add(node.name)
            elif node.kind == "MvExpandExpression":
                found |= {each.name for each in node.children if each.kind == "NameReference"}
        found |= {value.name for each in operator.parts("Parameters") if (value := each.part("Expression"))}
    return found


def _by_order(operators: tuple[Node, ...]) -> bool:
    return any(node.name in _BY_ORDER for operator in operators for node in walk(operator))


def _word(operator: Node) -> str:
    words = {"MvExpandOperator": "mv-expand"}
    return words.get(operator.kind, operator.kind.removesuffix("Operator").lower())


LATE_FILTER = Rule(
    "late-filter",
    "suggestion",
    "An aggregation, a join, an expansion or a sort costs by the rows that reach it. Where the condition "
    "looks only at columns that pass it unchanged, the filter gives the same rows before it, and leaves "
    "it less to do.",
    _late,
)
