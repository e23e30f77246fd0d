"""Whether a query bounds the time that it reads."""

from __future__ import annotations

from collections.abc import Iterator

from tidewaiter.kql.lint.findings import Hit, Rule, Subject
from tidewaiter.kql.service import Node, walk

_TIMES = {"TimeGenerated", "Timestamp", "_TimeReceived"}
_END = {"SummarizeOperator", "DistinctOperator", "CountOperator", "TopOperator"}
_WITHOUT_AGE = {"Watchlist"}
"""Tables that are read whole: each row is what counts now ("Watchlists in Microsoft Sentinel", 2025)."""


def _unfiltered(subject: Subject) -> Iterator[Hit]:
    if subject.windowed:
        return
    for node in walk(subject.root):
        name = node.symbol.removeprefix("Table:")
        if node.kind != "NameReference" or name == node.symbol or name in _WITHOUT_AGE:
            continue
        if "TimeGenerated" in subject.catalog.tables.get(name, {}) and not _bounded(
            node, subject.root, set()
        ):
            message = (
                f"{name} is read without a bound on time: as much as the caller's time range lets through"
            )
            yield node, message, "filter right behind the table: | where TimeGenerated > ago(1d)"


def _bounded(node: Node, root: Node, seen: set[str]) -> bool:
    """Say whether rows from here meet a filter on time before they are aggregated."""
    came, at = node, node.parent
    while at is not None:
        if at.kind == "PipeExpression" and came.role == "Expression":
            operator = at.part("Operator")
            if operator is not None and _bounds(operator):
                return True
            if operator is not None and operator.kind in _END:
                return False
        elif at.kind == "LetStatement":
            return _uses_bounded(at, root, seen)
        came, at = at, at.parent
    return False


def _uses_bounded(statement: Node, root: Node, seen: set[str]) -> bool:
    name = statement.part("Name")
    if name is None or name.name in seen:
        return False
    seen = seen | {name.name}
    uses = [each for each in walk(root) if each.kind == "NameReference" and each.name == name.name]
    return bool(uses) and all(_bounded(each, root, seen) for each in uses)


def _bounds(operator: Node) -> bool:
    if operator.kind in ("TakeOperator", "MakeSeriesOperator"):
        return True
    if operator.kind not in ("FilterOperator", "SearchOperator"):
        return False
    return any(
        each.kind == "NameReference"
        and (each.name in _TIMES or each.name == "ingestion_time" or each.type == "datetime")
        for each in walk(operator)
    )


NO_TIME_FILTER = Rule(
    "no-time-filter",
    "warning",
    "Tables are stored by time: a filter on TimeGenerated decides how much is read at all. Without one "
    "the query reads what the portal's time picker or the API's timespan lets through, and all that there "
    "is where nobody sets one. The query of a scheduled rule is bounded by the rule.",
    _unfiltered,
)
