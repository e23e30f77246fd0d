"""Queries over everything, and sorts of everything."""

from __future__ import annotations

from collections.abc import Iterator

from tidewaiter.kql.lint.findings import Hit, Rule, Subject
from tidewaiter.kql.lint.flow import Pipeline, pipelines
from tidewaiter.kql.service import Node, walk

_ENDS = {"TakeOperator", "TopOperator", "SampleOperator"}
_SMALL = {
    "SummarizeOperator",
    "DistinctOperator",
    "CountOperator",
    "TakeOperator",
    "TopOperator",
    "SampleOperator",
}
_NEEDS_ORDER = {
    "prev", "next", "row_number", "row_cumsum", "row_rank_dense", "row_rank_min", "row_window_session",
    "make_list", "make_list_if", "make_list_with_nulls", "take_any", "take_anyif", "any", "make_set",
    "make_set_if", "make_bag",
}  # fmt: skip
_FORGETS = {"SummarizeOperator", "SortOperator", "DistinctOperator", "CountOperator", "TopOperator"}


def _everything(subject: Subject) -> Iterator[Hit]:
    for node in walk(subject.root):
        if node.kind in ("SearchOperator", "FindOperator") and node.role != "Operator":
            word = "search" if node.kind == "SearchOperator" else "find"
            inside = node.part("InClause")
            if inside is None or _has_star(inside):
                message = f"{word} reads every column of every table of the workspace"
                yield node, message, f"name the tables: {word} in (SigninLogs, AuditLogs) …"
        elif node.kind == "UnionOperator" and _has_star(node):
            yield node, "union * reads every table of the workspace", "name the tables, or a part: union AWS*"


def _has_star(node: Node) -> bool:
    return any(each.name == "*" for each in node.parts("Expressions"))


def _sorts(subject: Subject) -> Iterator[tuple[Pipeline, int]]:
    for flow in pipelines(subject.root):
        for at, operator in enumerate(flow.operators):
            if operator.kind == "SortOperator":
                yield flow, at


def _unbounded(subject: Subject) -> Iterator[Hit]:
    for flow, at in _sorts(subject):
        before, after = flow.operators[:at], flow.operators[at + 1 :]
        if not flow.source.symbol.startswith(("Table:", "Variable:")) and flow.source.kind != "UnionOperator":
            continue
        if any(each.kind in _SMALL for each in before) or any(
            each.kind in _ENDS | _FORGETS for each in after
        ):
            continue
        if not _order_matters(after):
            message = "all rows are sorted, and as many as there are come back"
            yield flow.operators[at], message, "write | top 100 by … instead, or | take behind it"


def _useless(subject: Subject) -> Iterator[Hit]:
    for flow, at in _sorts(subject):
        following = flow.operators[at + 1 : at + 2]
        if following and following[0].kind in _FORGETS and not _order_matters(following):
            word = following[0].kind.removesuffix("Operator").lower()
            yield flow.operators[at], f"the order is lost in the {word} behind it", "leave this sort out"


def _order_matters(operators: tuple[Node, ...]) -> bool:
    if any(each.kind in ("ScanOperator", "SerializeOperator", "PartitionOperator") for each in operators):
        return True
    return any(node.name in _NEEDS_ORDER for operator in operators for node in walk(operator))


def _by_instant(subject: Subject) -> Iterator[Hit]:
    for node in walk(subject.root):
        if node.kind == "SummarizeByClause":
            for key in node.parts("Expressions"):
                if key.kind == "NameReference" and key.name in ("TimeGenerated", "Timestamp"):
                    message = f"a group for each instant of {key.name}: about as many as there are rows"
                    yield key, message, f"group by periods: bin({key.name}, 1h)"


READS_EVERYTHING = Rule(
    "reads-everything",
    "warning",
    "search and find without tables and union * read every table of the workspace, and search and find "
    "every column of them. In a large workspace such a query does not end in time.",
    _everything,
)
UNBOUNDED_SORT = Rule(
    "unbounded-sort",
    "suggestion",
    "A sort has to hold all rows; top keeps the first ones only. A result is cut at 500,000 rows anyway.",
    _unbounded,
)
USELESS_SORT = Rule(
    "useless-sort",
    "suggestion",
    "summarize, distinct, count, top and another sort do not keep the order of the rows that reach them.",
    _useless,
)
GROUP_BY_INSTANT = Rule(
    "group-by-instant",
    "suggestion",
    "TimeGenerated differs from row to row: grouping by it keeps nearly every row, and what was to be "
    "counted is 1.",
    _by_instant,
)
