"""What a query may not do unless a setting allows it: reach out of its workspace, or run code in the service.

Told from the syntax tree, so that no spelling hides it and no text in a string or comment looks like it
(DESIGN section 14). Stored functions that a query calls are looked into by `check`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from tidewaiter.core.errors import QueryError
from tidewaiter.kql.lint.findings import Finding
from tidewaiter.kql.service import Analysis, Node, walk
from tidewaiter.kql.service.analysis import place

CONSTRUCTS: Mapping[str, str] = {
    "adx": "reads an Azure Data Explorer cluster",
    "app": "reads an Application Insights resource",
    "arg": "reads Azure Resource Graph",
    "cluster": "reads another cluster",
    "database": "reads another database",
    "evaluate": "runs a plugin",
    "external_table": "reads files outside of the workspace",
    "externaldata": "reads a file from an address outside of the workspace",
    "macro-expand": "reads a group of databases",
    "resource": "reads another resource's logs",
    "stored_query_result": "reads what an earlier query stored",
    "workspace": "reads another workspace",
}
"""What is refused, by the name under which it can be allowed. `evaluate` allows the plugins that only
compute; one that runs code or calls a service is allowed by its own name, as in `evaluate.python`."""

_CALLS = {name for name in CONSTRUCTS if name not in ("evaluate", "externaldata", "macro-expand")}
_NODES = {"ExternalDataExpression": "externaldata", "MacroExpandOperator": "macro-expand"}
_COMPUTING = {
    "active_users_count", "activity_counts_metrics", "activity_engagement", "activity_metrics", "autocluster",
    "bag_unpack", "basket", "dcount_intersect", "diffpatterns", "funnel_sequence",
    "funnel_sequence_completion", "ipv4_lookup", "ipv6_lookup", "narrow", "new_activity_metrics", "pivot",
    "preview", "rolling_percentile", "rows_near", "schema_merge", "sequence_detect", "session_count",
    "sliding_window_counts",
}  # fmt: skip
"""Plugins that look at the rows they are given and nothing else ("Plugin operators", 2025)."""


def refusals(analysis: Analysis, allowed: Collection[str] = ()) -> list[Finding]:
    """Return what a query uses that is not allowed; it must have been analyzed with its tree."""
    found = []
    for node, construct, name in _uses(analysis.tree()):
        if not _allows(allowed, construct, name):
            found.append(_refusal(analysis, node, construct, name))
    return found


def require_safe(analysis: Analysis, allowed: Collection[str] = ()) -> None:
    """Raise QueryError unless a query parses and uses nothing that is not allowed.

    A text that does not parse is refused, since its tree is a guess.
    """
    if not analysis.parses:
        first = next(each for each in analysis.syntax if each.severity == "error")
        raise QueryError(f"line {first.line}, column {first.column}: {first.message}")
    for first_refused in refusals(analysis, allowed):
        where = f"line {first_refused.line}, column {first_refused.column}"
        raise QueryError(f"{where}: {first_refused.message}", hint=first_refused.hint)


def _uses(root: Node) -> Iterator[tuple[Node, str, str]]:
    """Yield (where, construct, name of the plugin or '')."""
    for node in walk(root):
        if node.kind in _NODES:
            yield node, _NODES[node.kind], ""
        elif node.kind == "EvaluateOperator":
            yield node, "evaluate", _called(node.part("FunctionCall"))
        elif node.kind == "FunctionCallExpression" and _called(node) in _CALLS:
            yield node, _called(node), ""


def _called(call: Node | None) -> str:
    """Return the name that is called, folded: what is refused is refused in any case of its letters."""
    name = call.part("Name") if call is not None else None
    return name.name.lower() if name is not None else ""


def _allows(allowed: Collection[str], construct: str, plugin: str) -> bool:
    if construct == "evaluate":
        return f"evaluate.{plugin}" in allowed or ("evaluate" in allowed and plugin in _COMPUTING)
    return construct in allowed


def _refusal(analysis: Analysis, node: Node, construct: str, plugin: str) -> Finding:
    what = f"evaluate {plugin}" if construct == "evaluate" else construct
    key = construct if construct != "evaluate" or plugin in _COMPUTING else f"evaluate.{plugin}"
    does = (
        CONSTRUCTS[construct]
        if key != f"evaluate.{plugin}"
        else "runs a plugin that may reach out or run code"
    )
    where = place(analysis.query, node.start)
    hint = f"allow it with --allow {key}, if it may"
    return Finding("safety", construct, "error", f"{what} {does}", hint, node.start, node.end, *where)
