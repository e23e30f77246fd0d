"""Reads the operators that the library lacks off its parse tree.

Installed over the library's own functions, which go on with what is theirs. The tree is that of Microsoft's
Kql.g4, so what parses here is what Kusto parses.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from typing import Any

from duckdb_kql import ir, translate
from duckdb_kql.errors import KqlUnsupportedError

from tidewaiter.kql.tabular import evaluate, nodes, ranges
from tidewaiter.kql.tokens import SERIALIZED

_lower: Any = import_module("duckdb_kql.lower")
_lower_operator = _lower._lower_operator
_lower_head = _lower._lower_head
_substitute_operator = _lower._substitute_operator
_resolve_in_subqueries = _lower._resolve_in_subqueries
_refuse_empty_literal = translate._refuse_empty_literal

OWN = (
    nodes.Reorder, nodes.Keep, nodes.Away, nodes.DistinctAll, nodes.Counted, nodes.Serialize,
    nodes.SampleDistinct, nodes.Unnamed, nodes.MvApply, nodes.Partition, nodes.MakeSeries, nodes.Plugin,
    ranges.Ipv4Lookup,
)  # fmt: skip


def install() -> None:
    """Put the functions of this module in the places of the library's."""
    _lower._lower_operator = lower_operator
    _lower._lower_head = lower_head
    _lower._substitute_operator = substitute_operator
    _lower._resolve_in_subqueries = resolve_in_subqueries
    translate._refuse_empty_literal = refuse_empty_literal


def lower_operator(node: Any) -> Any:
    """Read one piped operator; the library's way where this module has none."""
    inner = node
    while _lower._cls(inner) in ("PipedOperator", "AfterPipeOperator") and _lower._rule_children(inner):
        inner = _lower._rule_children(inner)[0]
    inner = _lower._collapse(inner)
    read = _READ.get(_lower._cls(inner))
    found = read(inner, _lower._rule_children(inner)) if read else None
    return _lower_operator(node) if found is None else found


def lower_head(head: Any, rest: list[Any]) -> ir.Query:
    """Read a query; one in parentheses may be what it starts from."""
    inner = _lower._collapse(head)
    if rest and _lower._cls(inner) == "ParenthesizedExpression":
        whole = _lower._unparenthesize(inner)
        if _lower._cls(whole) == "PipeExpression":
            parts = _lower._rule_children(whole)
            return lower_head(parts[0], [*parts[1:], *rest])
        return lower_head(whole, rest)
    names = [at for at, node in enumerate(rest) if _kind(node) == "AsOperator"]
    if names:
        return _named_before(head, rest[: names[-1]], rest[names[-1]], rest[names[-1] + 1 :])
    query: ir.Query = _lower_head(head, rest)
    return query


def _named_before(head: Any, before: list[Any], name: Any, after: list[Any]) -> ir.Query:
    """Read `… | as Name | …`: what stands before the name is a binding that the rest starts from."""
    names = _lower._find_names(name)
    scope = _lower._FN_STATE.get()
    if len(names) != 1 or scope is None:
        raise KqlUnsupportedError("as", span=_lower._span(name), hint="write `as Name` alone")
    bound = _lower._substitute_query(lower_head(head, before), _lower._pipeline_scope(scope.scalars))
    scope.pending[-1].append((names[0], bound))
    _lower._see_tabular(names[0])
    return ir.Query(ir.TableRef(names[0]), _lower._lower_operators(after))


def _kind(node: Any) -> str:
    while _lower._cls(node) in ("PipedOperator", "AfterPipeOperator"):
        node = _lower._rule_children(node)[0]
    kind: str = _lower._cls(_lower._collapse(node))
    return kind


def substitute_operator(op: ir.Operator, scalars: Any) -> ir.Operator:
    """Put the values of scalar lets into an operator of ours."""
    if isinstance(op, OWN):
        own: ir.Operator = _rebuilt(op, lambda part: _substituted(part, scalars))
        return own
    if isinstance(op, ir.Parse):
        return dataclasses.replace(op, expression=_lower._substitute(op.expression, scalars))
    done: ir.Operator = _substitute_operator(op, scalars)
    return done


def _substituted(part: Any, scalars: Any) -> Any:
    if isinstance(part, ir.Query):
        return _lower._substitute_query(part, scalars)
    if isinstance(part, ir.Operator):
        return substitute_operator(part, scalars)
    if isinstance(part, ir.Expr | ir.NamedExpr | ir.SortKey):
        return _lower._substitute(part, scalars)
    return part


def resolve_in_subqueries(query: ir.Query, names: set[str]) -> ir.Query:
    """As the library's, also inside the operators of ours."""

    def resolved(part: Any) -> Any:
        if isinstance(part, ir.Query):
            return resolve_in_subqueries(part, names)
        if isinstance(part, ir.Operator):
            return _resolve_in_subqueries(ir.Query(nodes.Elements(), [part]), names).operators[0]
        if isinstance(part, ir.NamedExpr):
            (done,) = _resolve_in_subqueries(
                ir.Query(nodes.Elements(), [ir.Extend((part,))]), names
            ).operators
            return done.expressions[0]
        return part

    done: ir.Query = _resolve_in_subqueries(query, names)
    done.operators = [_rebuilt(op, resolved) if isinstance(op, OWN) else op for op in done.operators]
    return done


def _rebuilt(node: Any, change: Callable[[Any], Any]) -> Any:
    """Return `node` with each part below it changed; `change` goes no deeper than operators and queries."""
    changes = {}
    for field in dataclasses.fields(node):
        value = getattr(node, field.name)
        if isinstance(value, tuple):
            new: Any = tuple(_part(item, change) for item in value)
        else:
            new = _part(value, change)
        if new is not value:
            changes[field.name] = new
    return dataclasses.replace(node, **changes) if changes else node


def _part(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, nodes.SeriesColumn):
        return _rebuilt(value, change)
    if isinstance(value, tuple):
        return tuple(_part(item, change) for item in value)
    return change(value)


def refuse_empty_literal(op: ir.Parse) -> None:
    """As the library's, but for the column before any text."""
    first = isinstance(op.segments[0], nodes.Leading)
    _refuse_empty_literal(dataclasses.replace(op, segments=op.segments[1:]) if first else op)


# One function for each rule of the grammar


def _reorder(_node: Any, kids: list[Any]) -> ir.Operator:
    picked = []
    for kid in kids:
        order = ""
        if _lower._cls(kid) == "ProjectReorderExpression":
            children = _lower._children(kid)
            kid, order = children[0], "".join(child.getText() for child in children[1:]).lower()
        picked.append(nodes.Picked(_pattern(kid), order))
    return nodes.Reorder(tuple(picked))


def _keep(_node: Any, kids: list[Any]) -> ir.Operator:
    return nodes.Keep(tuple(_pattern(kid) for kid in kids))


def _away(_node: Any, kids: list[Any]) -> ir.Operator:
    return nodes.Away(tuple(_pattern(kid) for kid in kids))


def _pattern(node: Any) -> str:
    inner = _lower._collapse(node)
    if _lower._cls(inner) == "WildcardedName":
        text: str = inner.getText()
        return text
    name = _lower._name_text(inner)
    if name is None:
        raise _lower._unsupported(node, "column pattern")
    return str(name)


def _distinct(_node: Any, kids: list[Any]) -> ir.Operator | None:
    star = any(_lower._cls(kid) == "DistinctOperatorStarTarget" for kid in kids)
    return nodes.DistinctAll() if star else None


def _take(_node: Any, kids: list[Any]) -> ir.Operator | None:
    count = _lower._lower_expr(kids[-1])
    return None if isinstance(count, ir.Literal) else nodes.Counted(count)


def _top(_node: Any, kids: list[Any]) -> ir.Operator | None:
    count = _lower._lower_expr(kids[0])
    if isinstance(count, ir.Literal) or len(kids) != 2:
        return None
    return nodes.Counted(count, (_lower._lower_sort_key(kids[1]),))


def _serialize(_node: Any, kids: list[Any]) -> ir.Operator:
    named = (_lower._lower_named(kid) for kid in kids)
    return nodes.Serialize(tuple(each for each in named if each.name != SERIALIZED))


def _sample(_node: Any, kids: list[Any]) -> ir.Operator:
    return nodes.Counted(_lower._lower_expr(kids[-1]))


def _sample_distinct(_node: Any, kids: list[Any]) -> ir.Operator:
    return nodes.SampleDistinct(_lower._lower_expr(kids[0]), _lower._lower_expr(kids[1]))


def _mv_expand(_node: Any, kids: list[Any]) -> Any:
    return _expand_with(kids)


def _named_part(kid: Any) -> Any:
    """Return a target without its `to typeof(…)`, which the grammar puts beside it."""
    parts = _lower._rule_children(kid)
    if any(_lower._cls(part) == "MvapplyOperatorExpressionToClause" for part in parts):
        return parts[0]
    return kid


def _to_type(kid: Any) -> str | None:
    for part in _lower._rule_children(kid):
        if _lower._cls(part) == "MvapplyOperatorExpressionToClause":
            return str(part.getText().lower().partition("typeof(")[2].rstrip(")").strip())
    return None


def _expand_with(kids: list[Any]) -> nodes.Unnamed:
    targets: list[ir.MvExpandTarget] = []
    computed: list[tuple[int, ir.Expr]] = []
    index, limit, array = None, None, False
    for kid in kids:
        kind, text = _lower._cls(kid), kid.getText()
        if kind == "MvapplyOperatorLimitClause":
            limit = int(text[len("limit") :])
        elif "Parameter" in kind:
            key, _, value = text.partition("=")
            key, value = key.strip().lower(), value.strip()
            if key == "with_itemindex":
                index = value
            elif key in ("kind", "bagexpansion") and value.lower() in _lower._BAG_EXPANSION:
                array = _lower._BAG_EXPANSION[value.lower()]
            else:
                raise _lower._unsupported(kid, f"mv-expand parameter:{text}")
        else:
            named = _lower._lower_named(_named_part(kid))
            column = named.expr.name if isinstance(named.expr, ir.ColumnRef) else ""
            computed.append((len(targets), named.expr))
            targets.append(ir.MvExpandTarget(column, named.name, _to_type(kid)))
    if not targets:
        raise KqlUnsupportedError("mv-expand")
    return nodes.Unnamed(ir.MvExpand(tuple(targets), index, limit, array), tuple(computed))


def _mv_apply(node: Any, kids: list[Any]) -> ir.Operator:
    if node.IdClause is not None:
        raise KqlUnsupportedError("mv-apply id", span=_lower._span(node), hint="leave the id clause out")
    body = node.OnExpression
    expand = _expand_with([kid for kid in kids if kid is not body])
    return nodes.MvApply(expand, _subquery(body))


def _partition(node: Any, kids: list[Any]) -> ir.Operator:
    key, body = None, None
    for kid in kids:
        kind = _lower._cls(kid)
        if "Parameter" in kind:
            continue  # strategies and hints choose how, not what ("partition operator", Kusto docs, 2026-11)
        if kind == "PartitionOperatorSubExpressionBody":
            body = _lower._rule_children(kid)[0]
        elif kind.startswith("PartitionOperator"):
            raise KqlUnsupportedError("partition", span=_lower._span(kid))
        else:
            key = _lower._lower_expr(kid)
    if key is None or body is None:
        raise KqlUnsupportedError("partition", span=_lower._span(node))
    return nodes.Partition(key, _subquery(body))


def _subquery(node: Any) -> ir.Query:
    """Read a pipeline without a source: it continues the rows around it."""
    inner = _lower._collapse(node)
    parts = _lower._rule_children(inner) if _lower._cls(inner) == "PipeSubExpression" else [inner]
    operators: list[ir.Operator] = _lower._lower_operators(parts)
    return ir.Query(nodes.Elements(), operators)


def _make_series(node: Any, kids: list[Any]) -> ir.Operator:
    columns: list[nodes.SeriesColumn] = []
    axis, bounds, by = None, [], ()
    for kid in kids:
        kind, parts = _lower._cls(kid), _lower._rule_children(kid)
        if kind == "MakeSeriesOperatorOnClause":
            axis = _lower._lower_named(parts[0])
        elif kind == "MakeSeriesOperatorFromToStepClause":
            words = [child.getText().lower() for child in _lower._children(kid)]
            bounds = [
                (words[at - 1], child) for at, child in enumerate(_lower._children(kid)) if child in parts
            ]
        elif kind == "MakeSeriesOperatorByClause":
            by = tuple(_lower._lower_named(part) for part in parts)
        elif kind == "MakeSeriesOperatorInRangeClause":
            hint = "write from … to … step …"
            raise KqlUnsupportedError("make-series in range", span=_lower._span(kid), hint=hint)
        elif "Parameter" in kind:
            raise KqlUnsupportedError(f"make-series {kid.getText()[:20]}", span=_lower._span(kid))
        elif kind == "MakeSeriesOperatorAggregation" and len(parts) == 2:
            default = _lower._lower_expr(_lower._rule_children(parts[1])[0])
            columns.append(nodes.SeriesColumn(_lower._lower_named(parts[0]), default))
        else:
            columns.append(nodes.SeriesColumn(_lower._lower_named(kid)))
    found = {word: _lower._lower_expr(child) for word, child in bounds}
    if axis is None or "step" not in found:
        raise KqlUnsupportedError("make-series", span=_lower._span(node))
    return nodes.MakeSeries(tuple(columns), axis, found.get("from"), found.get("to"), found["step"], by)


def _parse(node: Any, kids: list[Any]) -> Any:
    """Read `parse` with a column before any text, and with columns whose names a pattern cannot hold."""
    pattern = next((kid for kid in kids if _lower._cls(kid) == "ParseOperatorPattern"), None)
    parts = _lower._rule_children(pattern) if pattern is not None else []
    leading = parts[0] if parts and _lower._cls(parts[0]) == "ParseOperatorNameAndOptionalType" else None
    if pattern is not None and leading is not None:
        pattern.children.remove(leading)
    where = _lower._cls(node) == "ParseWhereOperator"
    read: ir.Parse = _lower._lower_parse(node, kids, drop_unmatched=where)
    if leading is not None:
        if read.kind == "regex":
            raise KqlUnsupportedError(
                "parse kind=regex with a column before any text", span=_lower._span(node)
            )
        read = dataclasses.replace(read, segments=(_leading(leading), *read.segments))
    return _with_plain_names(read)


def _leading(node: Any) -> nodes.Leading:
    kinds = [
        kid.getText().strip().lower()
        for kid in _lower._rule_children(node)
        if _lower._cls(kid) == "ScalarType"
    ]
    return nodes.Leading("", False, _lower._find_names(node)[0], kinds[0] if kinds else None)


def _with_plain_names(parse: ir.Parse) -> Any:
    """Capture under a plain name what is to have another: a group of RE2 has letters, digits and _ only.

    Names that differ only in case are one to the groups, too.
    """
    names = [segment.name or "" for segment in parse.segments]
    folded = Counter(name.casefold() for name in names)
    plain = {
        name: f"parsed{place}"
        for place, name in enumerate(names)
        if name and not (_is_plain(name) and folded[name.casefold()] == 1)
    }
    if not plain:
        return parse
    segments = tuple(
        dataclasses.replace(s, name=plain[s.name]) if s.name in plain else s for s in parse.segments
    )
    named = tuple(ir.NamedExpr(ir.ColumnRef(inner), name) for name, inner in plain.items())
    return [
        dataclasses.replace(parse, segments=segments),
        ir.Extend(named),
        ir.ProjectAway(tuple(plain.values())),
    ]


def _is_plain(name: str) -> bool:
    return name.isascii() and name.replace("_", "a").isalnum()


_READ: dict[str, Callable[[Any, list[Any]], Any]] = {
    "ProjectReorderOperator": _reorder,
    "ProjectKeepOperator": _keep,
    "ProjectAwayOperator": _away,
    "DistinctOperator": _distinct,
    "TakeOperator": _take,
    "TopOperator": _top,
    "SerializeOperator": _serialize,
    "SampleDistinctOperator": _sample_distinct,
    "SampleOperator": _sample,
    "MvexpandOperator": _mv_expand,
    "MvExpandOperator": _mv_expand,
    "MvapplyOperator": _mv_apply,
    "PartitionOperator": _partition,
    "MakeSeriesOperator": _make_series,
    "EvaluateOperator": evaluate.read,
    "ParseOperator": _parse,
    "ParseWhereOperator": _parse,
}
