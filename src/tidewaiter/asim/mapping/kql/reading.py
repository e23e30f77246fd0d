"""What an expression reads, before it is written in KQL: where its values stand and of what type they are."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Literal

from tidewaiter.asim.mapping.evaluate import Lookups
from tidewaiter.asim.mapping.expression import Const, Expr, Field, Op
from tidewaiter.asim.mapping.kql.binding import Binding, Bound
from tidewaiter.asim.mapping.kql.dialect import Dialect
from tidewaiter.core.errors import ContentError

Wanted = Literal["text", "long", "bool", "cond", "present", "time", "real", "json"]
Use = Callable[[Expr, Wanted], str]
TEXTS = frozenset(
    {"lookup", "lower", "split", "regex", "ip", "unquote", "concat", "template", "member", "number", "joined"}
)
"""Operators whose result is a text."""
WHOLE = frozenset({"int", "sub", "mul"})
"""Operators whose result is a whole number."""


class Reading:
    """One binding in one dialect; `helpers`, `tables` and `parsed` are what its expressions came to need.

    `whole` are tables of which all entries are written in any case.
    """

    def __init__(self, binding: Binding, dialect: Dialect, lookups: Lookups, use: Use | None = None) -> None:
        self.lookups = lookups
        self.binding = binding
        self.dialect = dialect
        self.use: Use = use or self.write
        self.helpers: set[str] = set()
        self.tables: set[str] = set()
        self.whole: frozenset[str] = frozenset()
        self.parsed: dict[str, str] = {}

    def write(self, expr: Expr, wanted: Wanted) -> str:
        """Return the KQL of an expression."""
        raise NotImplementedError

    def bound(self, expr: Field) -> Bound:
        """Return how a field is read; what has to be parsed for it is remembered."""
        bound = self.binding.path(expr.path)
        if bound is None:
            raise ContentError(f"no column holds {'.'.join(map(str, expr.path))}")
        if bound.column and (bound.below or bound.kql == bound.column):
            self.parsed[bound.column] = bound.parse
            self.helpers.add("held")
        return bound

    def helper(self, name: str, *args: str) -> str:
        """Return a call of a helper function."""
        self.helpers.add(name)
        return f"tw_{name}({', '.join(args)})"

    def named(self, expr: Expr, wanted: Wanted) -> str:
        """Return what a helper reads more than once: used twice, it gets a name of its own."""
        self.use(expr, wanted)
        return self.use(expr, wanted)

    def kind(self, expr: Expr) -> str:
        """Return the KQL type of an expression's values, "null" where there are none."""
        match expr:
            case Const(value=None):
                return "null"
            case Const(value=bool()):
                return "bool"
            case Const(value=int()):
                return "long"
            case Const():
                return "string"
            case Field():
                bound = self.binding.path(expr.path)
                if bound is None:
                    return "null"
                narrow = {"text": "string", "int": "long", "bool": "bool"}.get(bound.only)
                return narrow or bound.kind
            case Op(name="first", args=args):
                return self.common(args)
            case Op(name="case", args=args):
                return self.common((*args[1::2], args[-1]))
            case Op(name="json", args=(inner,)):
                return self.kind(inner)
            case Op(name=name):
                if name in TEXTS:
                    return "string"
                if name in WHOLE:
                    return "long"
                return "datetime" if name in ("time", "earlier", "millis") else "bool"

    def common(self, exprs: tuple[Expr, ...]) -> str:
        """Return the type that all have, dynamic when they differ."""
        kinds = {kind for each in exprs if (kind := self.kind(each)) != "null"}
        return kinds.pop() if len(kinds) == 1 else "dynamic" if kinds else "null"

    def joined_members(self, args: tuple[Expr, ...]) -> tuple[Expr, ...]:
        """Return what a `first` tries; members of any type, side by side, are a `first` of their own."""
        found: list[Expr] = []
        for member, row in groupby(args, key=self.is_member):
            each = tuple(row)
            found += [Op("first", each)] if member and len(each) > 1 else each
        return tuple(found)

    def is_member(self, expr: Expr) -> bool:
        """Say whether an expression is a member of any type, or the first of several."""
        parts = expr.args if isinstance(expr, Op) and expr.name == "first" else (expr,)
        return all(isinstance(each, Field) and self.kind(each) == "dynamic" for each in parts)

    def listed(self, lookup: Op) -> bool:
        """Say whether a table is written anyway, with all entries: then one that is found is there."""
        table = lookup.args[1]
        assert isinstance(table, Const)
        name = str(table.value)
        return name in self.whole and all(self.lookups[name].values())
