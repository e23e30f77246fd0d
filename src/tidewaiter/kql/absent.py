"""Unions and outer joins as KQL has them, where DuckDB has NULL strings and converts types.

KQL has no null string: a string that a branch of a union or a side of an outer join lacks is ''. And a
union of columns of one name and different types makes a column for each type (`X_long`, `X_string`)
instead of converting one ("union operator", Kusto docs, 2026-11).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from duckdb_kql import ir
from duckdb_kql.schema import Schema, match_wildcard, output_columns

from tidewaiter.kql import dialect
from tidewaiter.kql.scope import Scope, walk
from tidewaiter.kql.tabular import ranges

Describe = Callable[[ir.Query, Schema], dict[str, str]]
"""Columns of a bound query with their KQL types."""


class Absent:
    """Rewrites unions and outer joins; `describe` asks DuckDB for types."""

    def __init__(self, describe: Describe) -> None:
        self._describe = describe

    def typed_union(self, head: ir.Query, union: ir.Union, scope: Scope) -> tuple[ir.Query, ir.Union]:
        """Return the query before a union, and the union, with columns of several types set apart."""
        labelled = [
            (b, _label(b, place, scope))
            for place, branch in enumerate((head, *union.branches))
            for b in _single_tables(branch, scope)
        ]
        branches = [branch for branch, _ in labelled]
        types = [self._types(branch, scope) for branch in branches]
        mixed = {
            name
            for found in types
            for name, kind in found.items()
            if any(other.get(name, kind) != kind for other in types)
        }
        if not mixed:
            return head, union
        for (branch, label), found in zip(labelled, types, strict=True):
            renames = tuple((name, f"{name}_{kind}") for name, kind in found.items() if name in mixed)
            if renames:
                branch.operators = [*branch.operators, ir.ProjectRename(renames)]
            if union.with_source:
                # A branch with operators would lose its label, so it brings the label along.
                source = ir.NamedExpr(ir.Literal(label, "string"), union.with_source)
                kept = (f"{name}_{kind}" if name in mixed else name for name, kind in found.items())
                columns = (ir.NamedExpr(ir.ColumnRef(name)) for name in kept)
                branch.operators = [*branch.operators, ir.Project((source, *columns))]
        return branches[0], dataclasses.replace(union, branches=tuple(branches[1:]), with_source=None)

    def fills(
        self, head: ir.Query, operator: ir.Operator, after: list[str], scope: Scope
    ) -> list[ir.Operator]:
        """Return an extend that makes the strings absent after `operator` empty, if there can be any."""
        lacking = self._lacking(head, operator, after, scope)
        if not lacking:
            return []
        types = self._types(ir.Query(head.source, [*head.operators, operator]), scope)
        fills = [
            ir.NamedExpr(ir.FunctionCall(dialect.FILL, (ir.ColumnRef(name),)), name)
            for name in after
            if name in lacking and types.get(name) == "string"
        ]
        return [ir.Extend(tuple(fills))] if fills else []

    def _types(self, branch: ir.Query, scope: Scope) -> dict[str, str]:
        query = ir.Query(branch.source, branch.operators, [*scope.lets, *branch.lets])
        return self._describe(query, scope.columns)

    def _lacking(
        self, head: ir.Query, operator: ir.Operator, after: list[str], scope: Scope
    ) -> frozenset[str]:
        """Return the columns that `operator` may leave without a value."""
        if isinstance(operator, ir.Union):
            branches = [b for branch in (head, *operator.branches) for b in _single_tables(branch, scope)]
            columns = [_columns(branch, scope) for branch in branches]
            return frozenset(name for name in after if any(name not in found for found in columns))
        if isinstance(operator, ir.Summarize):
            return _of_no_values(operator, after)
        if isinstance(operator, ranges.Ipv4Lookup) and operator.unmatched:
            return frozenset(after[len(output_columns(head, scope.columns)) :])
        if not isinstance(operator, ir.Join | ir.Lookup):
            return frozenset()
        left = len(output_columns(head, scope.columns))
        if operator.kind == "leftouter":
            return frozenset(after[left:])
        if operator.kind == "rightouter":
            return frozenset(after[:left])
        return frozenset(after) if operator.kind == "fullouter" else frozenset()


_CONDITIONAL = frozenset({"minif", "maxif", "take_anyif", "anyif"})


def _of_no_values(operator: ir.Summarize, after: list[str]) -> frozenset[str]:
    """Return the columns of aggregates that may have had no value: without `by`, or with a condition."""
    names = after[len(operator.by) :]
    if not operator.by:
        return frozenset(names)
    calls = (
        node.name
        for named in operator.aggregates
        for node in walk(named)
        if isinstance(node, ir.FunctionCall)
    )
    return frozenset(names) if _CONDITIONAL & set(calls) else frozenset()


def _columns(branch: ir.Query, scope: Scope) -> frozenset[str]:
    return frozenset(output_columns(branch, scope.columns))


def _label(branch: ir.Query, place: int, scope: Scope) -> str:
    """Return what `withsource` calls a branch: its table, also behind a `let` of the table alone."""
    source, label = branch.source, f"union_arg{place}"
    if branch.operators or not isinstance(source, ir.TableRef):
        return label
    bound = dict(scope.lets).get(source.name)
    if bound is None:
        return source.name
    return _label(bound, place, scope) if isinstance(bound, ir.Query) else label


def _single_tables(branch: ir.Query, scope: Scope) -> list[ir.Query]:
    """Return a copy of `branch`, or for a wildcard (`union ASim*`) one branch per table that matches."""
    sources: list[ir.Source] = [branch.source]
    if isinstance(branch.source, ir.WildcardTableRef):
        sources = [ir.TableRef(name) for name in match_wildcard(branch.source, scope.columns)]
    return [ir.Query(source, list(branch.operators), list(branch.lets)) for source in sources]
