"""The lowered query as a tree: what a part of it can see, and how to walk and rebuild it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from duckdb_kql import ir
from duckdb_kql.schema import Schema, output_columns

from tidewaiter.kql import kinds


@dataclasses.dataclass(frozen=True, slots=True)
class Scope:
    """Tables and tabular lets that a query sees: their columns with known types, and the lets' queries."""

    columns: Schema
    kinds: Mapping[str, kinds.Kinds]
    lets: tuple[tuple[str, ir.Query | ir.Expr], ...] = ()

    def with_let(self, name: str, query: ir.Query) -> Scope:
        """Return the scope with one more let in it."""
        columns = {**self.columns, name: output_columns(query, self.columns)}
        known = {**self.kinds, name: kinds.of_query(query, self.kinds)}
        return Scope(columns, known, (*self.lets, (name, query)))


def walk(node: object, *, into_queries: bool = False) -> Iterator[object]:
    """Yield every node under `node`, itself included, each once; nested queries only on request."""
    stack, seen = [node], set[int]()
    while stack:
        current = stack.pop()
        if isinstance(current, list | tuple):
            stack.extend(reversed(current))
            continue
        if not dataclasses.is_dataclass(current) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        if isinstance(current, ir.Query) and not into_queries:
            continue
        stack.extend(getattr(current, field.name) for field in reversed(dataclasses.fields(current)))


def replace_queries(node: Any, bind: Callable[[ir.Query], ir.Query]) -> Any:
    """Return `node` with each nested query replaced by its bound form; shared nodes stay shared."""
    done: dict[int, Any] = {}

    def rebuilt(part: Any) -> Any:
        if isinstance(part, ir.Query):
            return bind(part)
        if isinstance(part, tuple):
            items = tuple(visit(item) for item in part)
            return items if any(a is not b for a, b in zip(items, part, strict=True)) else part
        if not dataclasses.is_dataclass(part) or isinstance(part, type):
            return part
        changes = {}
        for field in dataclasses.fields(part):
            value = getattr(part, field.name)
            if (new := visit(value)) is not value:
                changes[field.name] = new
        return dataclasses.replace(part, **changes) if changes else part

    def visit(part: Any) -> Any:
        if id(part) not in done:
            done[id(part)] = (part, rebuilt(part))
        return done[id(part)][1]

    return visit(node)
