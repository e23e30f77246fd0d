"""Columns written as a few `extend`s: what several of them need is computed once, under a name.

A name comes from the mapping's `lets` where one stands for just that. What works on the elements of a list or
bag (`member`, `joined`) is an `mv-apply` of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from tidewaiter.asim.mapping.expression import Const, Expr, Op
from tidewaiter.asim.mapping.kql.applied import member, texts_joined
from tidewaiter.asim.mapping.kql.reading import Wanted
from tidewaiter.asim.mapping.kql.values import Values

Node = tuple[Expr, Wanted]
_APPLIED = frozenset({"member", "joined"})
_WORTH_A_NAME = 18
"""Characters: what is shorter is written again where it is used again."""
_SHORT_NAME, _SHORT_STAGE = 2, 5
"""Characters of a name in a short text, and of what stands around its definition."""
_PART = re.compile(r"§(\d+)")
_COLUMN = re.compile(r"\w+|\[[^]]*\]")


@dataclass(frozen=True, slots=True)
class Staged:
    """Operators, in order, after which each column is `columns[name]`."""

    operators: tuple[str, ...]
    columns: Mapping[str, str]


class Stages:
    """Writes many expressions over one binding; `names` are what they may be called by, in long names."""

    def __init__(self, values: Values, names: Mapping[Expr, str], *, short: bool) -> None:
        self.values = values
        self.names = names
        self.short = short
        values.use = self._count
        self._uses: Counter[Node] = Counter()
        self._numbers: dict[Node, int] = {}
        self._named: dict[Node, str] = {}
        self._bodies: dict[Node, str] = {}
        self._inside: dict[Node, set[Node]] = {}
        self._open: list[set[Node]] = [set()]

    def write(self, wanted: Sequence[tuple[str, Expr, Wanted]]) -> Staged:
        """Return the operators and the columns."""
        for _, expr, kind in wanted:
            self._count(expr, kind)
        self._name(self._worth_a_short_name() if self.short else self._worth_a_name())
        self._bodies.clear()
        self.values.use = self._use
        columns = {name: self._use(expr, kind) for name, expr, kind in wanted}
        return Staged(tuple(self._operators()), columns)

    # Finding out what is used more than once

    def _count(self, expr: Expr, wanted: Wanted) -> str:
        """Return what stands for an expression while it is counted: its number, which no other has."""
        node = (expr, wanted)
        self._uses[node] += 1
        if node not in self._numbers:
            self._numbers[node] = len(self._numbers)
            self._bodies[node] = self._written(node)
        return f"§{self._numbers[node]}"

    def _written(self, node: Node) -> str:
        expr, wanted = node
        if not _applied(node):
            return self.values.write(expr, wanted)
        assert isinstance(expr, Op)
        return self.values.use(expr.args[0], "json")

    def _worth_a_name(self) -> set[Node]:
        """What is used more than once and takes some room."""
        return {
            node
            for node in self._numbers
            if self._uses[node] > 1 and len(self._bodies[node]) > _WORTH_A_NAME and not self._simple(node)
        }

    def _worth_a_short_name(self) -> set[Node]:
        """What makes the text shorter when it is written once; what it consists of is decided first."""
        nodes = list(self._numbers)
        lengths: dict[Node, int] = {}
        worth: set[Node] = set()

        def length(node: Node) -> int:
            if node not in lengths:
                parts = [nodes[int(found)] for found in _PART.findall(self._bodies[node])]
                lengths[node] = len(_PART.sub("", self._bodies[node])) + sum(map(length, parts))
                uses = self._uses[node]
                saved = (uses - 1) * lengths[node] - uses * _SHORT_NAME - _SHORT_STAGE
                if _applied(node) or (uses > 1 and saved > 0 and not self._simple(node)):
                    worth.add(node)
            return _SHORT_NAME if node in worth else lengths[node]

        for node in nodes:
            length(node)
        return worth

    def _simple(self, node: Node) -> bool:
        return isinstance(node[0], Const) or _COLUMN.fullmatch(self._bodies[node]) is not None

    def _name(self, worth: Set[Node]) -> None:
        taken: set[str] = set()
        for node in self._numbers:
            expr, wanted = node
            if node not in worth and not _applied(node):
                continue
            base = self.names.get(expr, "") if not self.short else ""
            name = f"t_{base}" if base else f"t{len(self._named)}"
            if wanted in ("present", "cond", "bool", "json") and base:
                name += {"present": "_is", "cond": "_holds", "bool": "_bool", "json": "_value"}[wanted]
            while name in taken:
                name += "_"
            taken.add(name)
            self._named[node] = name

    # Writing

    def _use(self, expr: Expr, wanted: Wanted) -> str:
        node = (expr, wanted)
        body = self._body(node)
        if node in self._named:
            self._open[-1].add(node)
            return self._named[node]
        self._open[-1] |= self._inside[node]
        return body

    def _body(self, node: Node) -> str:
        if node not in self._bodies:
            self._open.append(set())
            self._bodies[node] = self._written(node)
            self._inside[node] = self._open.pop()
        return self._bodies[node]

    def _operators(self) -> Iterator[str]:
        """Yield the operators: what needs nothing named first, then what needs that, and so on."""
        levels: dict[Node, int] = {}
        for node in self._bodies:
            self._level(node, levels)
        named = [node for node in self._bodies if node in self._named]
        for level in range(1 + max((levels[node] for node in named), default=-1)):
            here = [node for node in named if levels[node] == level]
            plain = [f"{self._named[node]} = {self._bodies[node]}" for node in here if not _applied(node)]
            if plain:
                yield "extend " + ",\n    ".join(plain)
            for node in here:
                if _applied(node):
                    yield from self._apply(node)

    def _level(self, node: Node, levels: dict[Node, int]) -> int:
        if node not in levels:
            levels[node] = 1 + max((self._level(each, levels) for each in self._inside[node]), default=-1)
        return levels[node]

    def _apply(self, node: Node) -> Iterator[str]:
        expr, name = node[0], self._named[node]
        assert isinstance(expr, Op)
        arguments = [str(arg.value) for arg in expr.args[1:] if isinstance(arg, Const)]
        if expr.name == "member":
            self.values.tables.add(f"{arguments[0]}_ranks")
            bag = self._bodies[node]  # j_… is what a text held already
            bag = bag if bag.startswith("j_") else self.values.helper("held", bag)
            yield from member(name, bag, f"tw_{arguments[0]}_ranks")
        else:
            held = self.values.helper("held", self._bodies[node])
            yield from texts_joined(name, held, *arguments)


def _applied(node: Node) -> bool:
    expr, wanted = node
    return isinstance(expr, Op) and expr.name in _APPLIED and wanted == "text"
