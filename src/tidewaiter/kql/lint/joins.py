"""Joins that carry more rows or columns than they need."""

from __future__ import annotations

from collections.abc import Iterator

from tidewaiter.kql.lint.findings import Hit, Rule, Subject
from tidewaiter.kql.lint.flow import Pipeline, parameter, pipelines, resolved, variables
from tidewaiter.kql.service import Node

_FEWER_ROWS = {
    "FilterOperator", "SummarizeOperator", "DistinctOperator", "TakeOperator", "TopOperator",
    "CountOperator", "SampleOperator", "SampleDistinctOperator", "SearchOperator", "MakeSeriesOperator",
    "TopNestedOperator",
}  # fmt: skip
_FEWER_COLUMNS = {
    "ProjectOperator", "ProjectAwayOperator", "ProjectKeepOperator", "SummarizeOperator",
    "DistinctOperator", "CountOperator", "MakeSeriesOperator", "TopNestedOperator",
}  # fmt: skip
_NO_COLUMNS = {"leftsemi", "leftanti", "leftantisemi", "anti"}


def _joins(subject: Subject) -> Iterator[tuple[Pipeline, int, Node, Pipeline]]:
    """Yield each join or lookup whose right side is a table in the end, with the pipeline that it is in."""
    lets = variables(subject.root)
    for flow in pipelines(subject.root):
        for at, operator in enumerate(flow.operators):
            side = (
                operator.part("Expression") if operator.kind in ("JoinOperator", "LookupOperator") else None
            )
            if side is None:
                continue
            right = resolved(side, lets)
            if right.source.symbol.startswith("Table:"):
                yield flow, at, side, right


def _all_rows(subject: Subject) -> Iterator[Hit]:
    for _, _, side, right in _joins(subject):
        if not _any(right.operators, _FEWER_ROWS):
            message = f"the right side of the join is all of {right.source.name}"
            hint = (
                f"filter it and keep the columns that you need: ({right.source.name} | where … | project …)"
            )
            yield side, message, hint


def _all_columns(subject: Subject) -> Iterator[Hit]:
    for flow, at, side, right in _joins(subject):
        later = flow.operators[at + 1 :]
        if parameter(flow.operators[at], "kind") in _NO_COLUMNS or not _any(right.operators, _FEWER_ROWS):
            continue
        if not _any(right.operators, _FEWER_COLUMNS) and not _any(later, _FEWER_COLUMNS):
            message = f"the right side of the join brings every column of {right.source.name}"
            yield side, message, "end it with | project and the columns that you need, its keys among them"


def _any(operators: tuple[Node, ...], kinds: set[str]) -> bool:
    return any(operator.kind in kinds for operator in operators)


UNBOUNDED_JOIN = Rule(
    "unbounded-join",
    "warning",
    "The right side of a join or lookup is held in memory, or shuffled between nodes. A whole table there "
    "is what makes queries run out of time or memory.",
    _all_rows,
)
WIDE_JOIN = Rule(
    "wide-join",
    "suggestion",
    "Every column of both sides travels with each joined row. Where nothing behind the join narrows the "
    "result, the engine cannot leave any out by itself, and equal names come back a second time with a 1 "
    "at their end.",
    _all_columns,
)
