"""Which values lead into the branches of a mapping: the literals that it holds each path against."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tidewaiter.asim.mapping.expression import Const, Expr, Field, Op
from tidewaiter.asim.mapping.record import attribute
from tidewaiter.asim.mapping.source_mapping import SourceMapping
from tidewaiter.asim.mapping.spec import EVENT_ID

Path = tuple[str | int, ...]
_TESTS = frozenset({"eq", "ne", "in", "startswith", "endswith", "contains"})


@dataclass(slots=True)
class Guide:
    """What a source's mappings read: paths below the record, and the literals that paths are held against.

    `sets` are values for several paths at once, for tables that are looked up by more than one member;
    `members` are objects in which the mappings look for one of many names.
    """

    paths: list[Path] = field(default_factory=list)
    values: dict[Path, list[Any]] = field(default_factory=dict)
    sets: list[tuple[tuple[Path, ...], list[tuple[str, ...]]]] = field(default_factory=list)
    members: list[tuple[Path, list[str]]] = field(default_factory=list)


def guide_of(mappings: Iterable[SourceMapping]) -> Guide:
    """Read the conditions, columns and requirements of mappings."""
    paths: dict[Path, None] = {}
    values: dict[Path, dict[tuple[type, Any], Any]] = {}
    sets: dict[tuple[Path, ...], dict[tuple[str, ...], None]] = {}
    inside: dict[Path, list[str]] = {}
    for mapping in mappings:
        names = {attribute(name): name for name in mapping.record.kinds}
        for node in _nodes(mapping):
            if isinstance(node, Field):
                paths[_named(node, names)] = None
            elif isinstance(node, Op):
                for path, found in _literals(node, mapping, names):
                    values.setdefault(path, {})[type(found), found] = found
                if joined := _joined_key(node, mapping, names):
                    sets.setdefault(joined[0], {}).update(dict.fromkeys(joined[1]))
                if node.name == "member" and (held := _read(node.args[0], names)):
                    inside[held] = list(mapping.lookups[str(_const(node.args[1]))])
    paths.pop((EVENT_ID,), None)
    return Guide(
        sorted(paths, key=str),
        {path: list(found.values()) for path, found in sorted(values.items(), key=str)},
        [(together, list(found)) for together, found in sets.items()],
        list(inside.items()),
    )


def _named(node: Field, names: Mapping[str, str]) -> Path:
    return (names.get(node.member, node.member), *node.path[1:])


def _nodes(mapping: SourceMapping) -> Iterator[Expr]:
    """Yield every node once: what a `let` stands for is shared by all that name it."""
    left: list[Expr] = [*mapping.require.values()]
    for route in mapping.routes:
        left += [route.when, *route.mapping.columns.values()]
    seen: set[int] = set()
    while left:
        node = left.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        if isinstance(node, Op):
            left += node.args


def _literals(node: Op, mapping: SourceMapping, names: Mapping[str, str]) -> Iterator[tuple[Path, Any]]:
    """Yield the values that one operator holds a path against."""
    if node.name in _TESTS:
        for expr, other in (node.args, node.args[::-1]):
            if isinstance(other, Const) and (path := _read(expr, names)):
                found = other.value if isinstance(other.value, tuple) else (other.value,)
                yield from ((path, value) for value in found if value is not None)
    elif node.name == "lookup" and isinstance(node.args[1], Const) and (path := _read(node.args[0], names)):
        yield from ((path, key) for key in mapping.lookups[str(node.args[1].value)])
    elif node.name == "joined" and (path := _read(node.args[0], names)):
        _, key, name, held = map(_const, node.args)
        yield path, _Listed(str(key), str(name), str(held))


def _const(expr: Expr) -> Any:
    return expr.value if isinstance(expr, Const) else None


@dataclass(frozen=True, slots=True)
class _Listed:
    """A list of objects as `joined` looks through it."""

    key: str
    name: str
    held: str

    def value(self) -> list[dict[str, Any]]:
        return [{self.key: "other", self.held: ["x"]}, {self.key: self.name, self.held: ["a", "", "b, c"]}]


def plain(value: Any) -> Any:
    """Return a guided value as JSON has it."""
    return value.value() if isinstance(value, _Listed) else value


def _read(expr: Expr, names: Mapping[str, str]) -> Path | None:
    """Return the path whose text `expr` is, whole or in part."""
    while (
        isinstance(expr, Op)
        and expr.name in ("lower", "first", "split", "regex", "json", "int")
        and expr.args
    ):
        expr = expr.args[0]
    return _named(expr, names) if isinstance(expr, Field) and expr.member != EVENT_ID else None


def _joined_key(
    node: Op, mapping: SourceMapping, names: Mapping[str, str]
) -> tuple[tuple[Path, ...], list[tuple[str, ...]]] | None:
    """Return paths and their values for a lookup of texts joined by a literal: concat(a, ':', b)."""
    if node.name != "lookup" or not isinstance(node.args[1], Const):
        return None
    key = node.args[0]
    if not isinstance(key, Op) or key.name != "concat" or len(key.args) != 3:
        return None
    left, sep, right = key.args
    paths = (_read(left, names), _read(right, names))
    if not isinstance(sep, Const) or None in paths:
        return None
    keys: Sequence[str] = list(mapping.lookups[str(node.args[1].value)])
    pairs = [tuple(each.split(str(sep.value), 1)) for each in keys if str(sep.value) in each]
    return tuple(path for path in paths if path), pairs
