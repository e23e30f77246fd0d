"""Operators that the library has no node for, as they are read; none of them reaches SQL as it is."""

from __future__ import annotations

from dataclasses import dataclass

from duckdb_kql import ir


@dataclass(frozen=True)
class Picked:
    """A column or pattern of `project-reorder`, with its order: "", asc, desc, granny-asc, granny-desc."""

    pattern: str
    order: str = ""


@dataclass(frozen=True)
class Reorder(ir.Operator):
    """`project-reorder`."""

    picked: tuple[Picked, ...]


@dataclass(frozen=True)
class Keep(ir.Operator):
    """`project-keep`."""

    patterns: tuple[str, ...]


@dataclass(frozen=True)
class Away(ir.Operator):
    """`project-away` with a wildcard."""

    patterns: tuple[str, ...]


@dataclass(frozen=True)
class DistinctAll(ir.Operator):
    """`distinct *`."""


@dataclass(frozen=True)
class Counted(ir.Operator):
    """`take` or `top` with a count that is an expression; `keys` only for `top`."""

    count: ir.Expr
    keys: tuple[ir.SortKey, ...] = ()


@dataclass(frozen=True)
class Serialize(ir.Operator):
    """`serialize`, with the columns that it adds."""

    expressions: tuple[ir.NamedExpr, ...] = ()


@dataclass(frozen=True)
class SampleDistinct(ir.Operator):
    """`sample-distinct N of Column`."""

    count: ir.Expr
    expression: ir.Expr


@dataclass(frozen=True)
class Leading(ir.ParseSegment):
    """A column of `parse` before any text: it begins where the string does."""


@dataclass(frozen=True)
class Unnamed(ir.Operator):
    """`mv-expand` before its columns are known; `computed` are what stands in the places of its targets.

    A name that a scalar `let` has may be a column's all the same.
    """

    expand: ir.MvExpand
    computed: tuple[tuple[int, ir.Expr], ...]


@dataclass(frozen=True)
class Elements(ir.Source):
    """What the subquery of an operator starts from: the rows of one record, or of one partition."""


@dataclass(frozen=True)
class MvApply(ir.Operator):
    """`mv-apply`: `expand` makes the elements of a record, `body` is done with them."""

    expand: Unnamed
    body: ir.Query


@dataclass(frozen=True)
class Partition(ir.Operator):
    """`partition by Key (body)`."""

    key: ir.Expr
    body: ir.Query


@dataclass(frozen=True)
class Plugin(ir.Operator):
    """`evaluate`: a plugin by name, its arguments, and its output schema if it has one (name, KQL type)."""

    name: str
    arguments: tuple[ir.NamedExpr, ...]
    schema: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True)
class SeriesColumn:
    """A column of `make-series`: an aggregate and the value of empty bins."""

    aggregate: ir.NamedExpr
    default: ir.Expr | None = None


@dataclass(frozen=True)
class MakeSeries(ir.Operator):
    """`make-series`."""

    columns: tuple[SeriesColumn, ...]
    axis: ir.NamedExpr
    start: ir.Expr | None
    stop: ir.Expr | None
    step: ir.Expr
    by: tuple[ir.NamedExpr, ...] = ()
