"""What a row of a native table still tells of its record, and what a function over the table must give.

A native table cannot hold all of a record: a column of numbers loses a text, a column for two forms does not
say which one it was. So a function is held against the mapping's meaning on what the row holds, for every
column. Where that is not the meaning of the record itself, something that the column is made of must be
missing in the row, or the function reads it wrongly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tidewaiter.asim.mapping import operators
from tidewaiter.asim.mapping.evaluate import Lookups, column, evaluate, resolve, truth
from tidewaiter.asim.mapping.expression import Expr, Field, Op
from tidewaiter.asim.mapping.kql.binding import Binding, Path
from tidewaiter.asim.mapping.kql.functions import Meaning
from tidewaiter.asim.mapping.record import attribute
from tidewaiter.asim.mapping.runtime import held
from tidewaiter.asim.mapping.spec import EVENT_ID

_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,7})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
"""The form in which KQL reads a time (docs/kql-targets.md)."""
Reader = Callable[[Mapping[str, Any]], Any]
"""Takes a row of the native table."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a function must give for one column; `whole` says that the row holds all that it is made of."""

    value: Any
    whole: bool


class Holding:
    """One function over one table, as an expression over rows of that table."""

    def __init__(
        self, meaning: Meaning, types: Mapping[str, str], lookups: Lookups, event_id: Expr | None
    ) -> None:
        """`types` are those of the ASIM table's columns."""
        self.types = types
        self.lookups = lookups
        self.event_id = event_id
        self.readers: dict[str, Reader] = {}
        self.sources: list[tuple[Expr, Reader]] = []
        self._places: dict[Expr, int] = {}
        self._names: dict[Path, str] = {}
        self.columns = {name: self._over_row(expr, meaning.binding) for name, expr in meaning.columns.items()}
        self.condition = self._over_row(meaning.condition, meaning.binding)
        self.reads = {name: self._reads(expr, meaning.binding) for name, expr in meaning.plain.items()}
        self.condition_reads = self._reads(meaning.plain_condition, meaning.binding)
        self.times = {name: tuple(times_of(expr)) for name, expr in self.columns.items()}

    def told(
        self, record: Mapping[str, Any], row: Mapping[str, Any]
    ) -> tuple[bool, bool, Iterator[tuple[str, Told]]]:
        """Return whether the function gives a row, whether all that decides it is held, and its columns."""
        values = {name: read(row) for name, read in self.readers.items()}
        lost = {
            place
            for place, (expr, read) in enumerate(self.sources)
            if not _same(evaluate(expr, record, self.lookups), read(row))
        }
        given = truth(self.condition, values, self.lookups)
        return given, not (self.condition_reads & lost), self._columns(values, lost)

    def _columns(self, values: Mapping[str, Any], lost: set[int]) -> Iterator[tuple[str, Told]]:
        for name, expr in self.columns.items():
            if any(odd_time(evaluate(inner, values, self.lookups)) for inner in self.times[name]):
                continue  # a documented difference
            value = column(expr, self.types[name], values, self.lookups)
            yield name, Told(value, not (self.reads[name] & lost))

    def _over_row(self, expr: Expr, binding: Binding) -> Expr:
        """Return an expression that reads what a row holds under names of our own."""
        if isinstance(expr, Op):
            return Op(expr.name, tuple(self._over_row(arg, binding) for arg in expr.args))
        if not isinstance(expr, Field):
            return expr
        if expr.path not in self._names:
            self._names[expr.path] = f"held{len(self._names)}"
            self.readers[self._names[expr.path]] = reader_of(binding, expr.path)
        return Field((self._names[expr.path],))

    def _reads(self, expr: Expr, binding: Binding) -> frozenset[int]:
        """Return the places in `sources` of what an expression reads of the record."""
        found: set[int] = set()
        for part in self._parts(expr, binding):
            if part not in self._places:
                self._places[part] = len(self.sources)
                self.sources.append((part, self._held(part, binding)))
            found.add(self._places[part])
        return frozenset(found)

    def _parts(self, expr: Expr, binding: Binding) -> Iterator[Expr]:
        if expr in binding.known:
            return
        if isinstance(expr, Op):
            if binding.marker(expr) is not None:
                yield expr
                return
            for arg in expr.args:
                yield from self._parts(arg, binding)
        elif isinstance(expr, Field):
            if expr.path == (EVENT_ID,) and self.event_id is not None:
                yield from self._parts(self.event_id, binding)
            else:
                yield expr

    def _held(self, part: Expr, binding: Binding) -> Reader:
        marker = binding.marker(part)
        path = marker.path if marker is not None else part.path if isinstance(part, Field) else ()
        if not path or binding.path(path) is None:
            return lambda _: None
        return reader_of(binding, path)


def reader_of(binding: Binding, path: Path) -> Reader:
    """Return how a path's value is read from a row, as KQL reads it but from Python values."""
    bound = binding.path(path)
    if bound is None:
        raise KeyError(path)
    name = bound.native or bound.of
    if bound.below:
        length = next(n for n in range(len(path), 0, -1) if path[:n] in binding.paths)
        rest = (*_in_whole(binding, path[:length]), *path[length:])
        return lambda row: resolve(("x", *rest), {"x": held(row.get(name))})
    if bound.kind == "long" and not bound.native:
        return lambda row: _seconds(row.get(name))
    if bound.kind == "string" and not bound.native:
        return lambda row: None if row.get(name) is None else str(row[name])
    if bound.kql.startswith("j_"):
        return lambda row: _opened(row.get(name))
    return lambda row: row.get(name)


def _in_whole(binding: Binding, path: Path) -> Path:
    """Return the steps to a member that is read from a column with the whole record, or none."""
    whole = binding.record.whole
    if whole is None or not binding.paths[path].below:
        return ()
    return (whole.list, 0, next(name for name in binding.record.kinds if attribute(name) == path[0]))


def _opened(value: Any) -> Any:
    inside = held(value)
    return value if inside is None else inside


def _seconds(value: Any) -> int | None:
    if value is None:
        return None
    moment = datetime.fromisoformat(value)
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())


def times_of(expr: Expr) -> Iterator[Expr]:
    """Yield what is read as a time."""
    if isinstance(expr, Op):
        if expr.name == "time":
            yield expr.args[0]
        for arg in expr.args:
            yield from times_of(arg)


def odd_time(value: Any) -> bool:
    """Whether a value is a time in a form that the mapping reads, and KQL does not."""
    return isinstance(value, str) and not _TIME.fullmatch(value) and operators.time(value) is not None


def _same(original: Any, told: Any) -> bool:
    """Whether a row holds a value of the record as it was; the empty text counts as none."""
    left, right = ("" if value is None else value for value in (original, told))
    if isinstance(left, (dict, list)) and isinstance(right, str):
        right = _opened(right)
    if isinstance(right, (dict, list)) and isinstance(left, str):
        left = _opened(left)
    return _exact(left, right)


def _exact(left: Any, right: Any) -> bool:
    """Equality in which 1 is not true and not 1.0, at any depth."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_exact(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(_exact, left, right))
    return bool(left == right)
