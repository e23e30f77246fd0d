"""Expressions made ready for one binding: what a column holds is read from it, what none holds is null."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from tidewaiter.asim.mapping.evaluate import Lookups
from tidewaiter.asim.mapping.expression import Const, Expr, Field, Op
from tidewaiter.asim.mapping.fold import fold
from tidewaiter.asim.mapping.kql.binding import Binding, Path
from tidewaiter.asim.mapping.spec import EVENT_ID, MappingSpec

_NULL = Const(None)


class _All(Set[str]):
    """Every member is there: what is not has become null before."""

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self):  # type: ignore[no-untyped-def]
        raise TypeError("not to be listed")

    def __len__(self) -> int:
        raise TypeError("not to be counted")


@dataclass(slots=True)
class Prepared:
    """An expression, and the paths that it would read but that are not found."""

    expr: Expr
    missing: frozenset[Path] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Routed:
    """A mapping with the condition under which its route takes a record that no earlier route takes."""

    place: int
    when: Expr
    before: tuple[Expr, ...]
    mapping: MappingSpec


def prepare(
    expr: Expr,
    binding: Binding,
    lookups: Lookups,
    event_id: Expr | None,
    left_out: Mapping[str, str] | None = None,
) -> Prepared:
    """Return `expr` as it can be written over `binding`; `left_out` are operators that become null."""
    missing: set[Path] = set()

    def put(node: Expr) -> Expr:
        if node in binding.known:
            return binding.known[node]
        marker = binding.marker(node)
        if marker is not None:
            return marker
        match node:
            case Field(path=path):
                if binding.path(path) is not None:
                    return Field(binding.canonical(path))
                if path == (EVENT_ID,) and event_id is not None:
                    return put(event_id)
                missing.add(path)
                return _NULL
            case Op(name="exists", args=(Field(path=path),)) if _filled(binding, path):
                return Const(True)
            case Op(name=name, args=args):
                if left_out and name in left_out:
                    missing.add((name,))
                    return _NULL
                return Op(name, tuple(put(arg) for arg in args))
        return node

    written = put(expr)
    return Prepared(_once(fold(written, _All(), lookups), binding), frozenset(missing))


def _filled(binding: Binding, path: Path) -> bool:
    bound = binding.path(path)
    return bound is not None and bound.filled


def fill(binding: Binding, required: Iterable[Expr], lookups: Lookups) -> None:
    """Note which columns are never null because a record without them is none of the source's."""
    for expr in required:
        found = prepare(expr, binding, lookups, None).expr
        bound = binding.path(found.path) if isinstance(found, Field) else None
        if bound is not None and bound.native:
            binding.fill(bound.native)


def live(routes: Sequence[Routed], binding: Binding, lookups: Lookups, event_id: Expr | None) -> list[Routed]:
    """Return the routes that a row may take: of two forms of a record, a table may know only one."""
    found = []
    for routed in routes:
        when = prepare(routed.when, binding, lookups, event_id).expr
        if when == Const(False):
            continue
        found.append(routed)
        if when == Const(True):
            break
    return found


def _once(expr: Expr, binding: Binding) -> Expr:
    """Drop what follows a value that is never null in a `first`, and what stands in it twice."""
    if not isinstance(expr, Op):
        return expr
    args = tuple(_once(arg, binding) for arg in expr.args)
    if expr.name != "first":
        return Op(expr.name, args)
    kept: list[Expr] = []
    for arg in args:
        inner = arg.args if isinstance(arg, Op) and arg.name == "first" else (arg,)
        for each in inner:
            if each not in kept:
                kept.append(each)
            bound = binding.path(each.path) if isinstance(each, Field) else None
            if (bound is not None and bound.filled) or (
                isinstance(each, Const) and each.value not in (None, "")
            ):
                return kept[0] if len(kept) == 1 else Op("first", tuple(kept))
    return kept[0] if len(kept) == 1 else Op("first", tuple(kept))


def routes_of(routes: Sequence[tuple[Expr, MappingSpec]]) -> list[Routed]:
    """Return each route with the conditions of those before it."""
    found: list[Routed] = []
    for place, (when, mapping) in enumerate(routes):
        found.append(Routed(place, when, tuple(earlier for earlier, _ in routes[:place]), mapping))
    return found


def joined_conditions(found: Sequence[Routed]) -> Expr:
    """The condition under which one of these routes takes a record."""
    parts: list[Expr] = []
    own = [each.when for each in found]
    for each in found:
        others = tuple(Op("not", (earlier,)) for earlier in each.before if earlier not in own)
        parts.append(Op("all", (each.when, *others)) if others else each.when)
    return parts[0] if len(parts) == 1 else Op("any", tuple(parts))


def merged_columns(found: Sequence[Routed]) -> dict[str, Expr]:
    """The columns of several routes to one table as one: which route it is decides where they differ."""
    names = list(dict.fromkeys(name for each in found for name in each.mapping.columns))
    merged: dict[str, Expr] = {}
    for name in names:
        values = [each.mapping.columns.get(name, _NULL) for each in found]
        if len(set(values)) == 1:
            merged[name] = values[0]
            continue
        parts: list[Expr] = []
        for each, value in zip(found[:-1], values[:-1], strict=True):
            parts += [each.when, value]
        merged[name] = Op("case", (*parts, values[-1]))
    return merged


def merged_lets(found: Sequence[Routed]) -> dict[Expr, str]:
    """Names of expressions, by what they stand for; a name that stands for several gets a number."""
    names: dict[Expr, str] = {}
    taken: set[str] = set()
    for each in found:
        for name, expr in each.mapping.lets.items():
            if expr in names or not isinstance(expr, Op):
                continue
            unique, number = name, 1
            while unique in taken:
                number += 1
                unique = f"{name}{number}"
            taken.add(unique)
            names[expr] = unique
    return names
