"""Rows of a native table as records of their source: the table's file, read backwards, as data.

`kql.binding` reads a native table's file backwards for queries: it says which column holds which value of the
record. Here the same analysis puts the values back into a record, for rows that somebody else wrote.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

import msgspec

from tidewaiter.asim.mapping.evaluate import evaluate
from tidewaiter.asim.mapping.expression import Expr, Field, Op, members
from tidewaiter.asim.mapping.kql.binding import Path, native_binding
from tidewaiter.asim.mapping.operators import exists
from tidewaiter.asim.mapping.record import RecordType, Whole, attribute
from tidewaiter.asim.mapping.source_mapping import SourceMapping

Cell = str | int | float | bool | None
Row = Mapping[str, Cell]
Form = Literal["plain", "json", "time"]
Tree = dict[str, object]
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,7}))?(?:Z|\+00:00)")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]")
_FINER = re.compile(r"(\.\d{6})\d+")
_NUMBERS = frozenset({"int", "number", "split"})
"""Operators that give a whole number back when they are given one."""
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Place:
    """Where the value of a column stands in the record."""

    column: str
    path: Path
    form: Form


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A row as a record (JSON on one line); `cut` are columns whose JSON does not end, kept as texts."""

    record: bytes
    cut: tuple[str, ...] = ()


@dataclass(frozen=True)
class NativeReader:
    """Makes a source's records of the rows of its native table.

    `keys` are the places that tell one record from another among those that the column `whole_column` holds.
    `forms` are the members by which a record is known, of which one set has to be there.
    """

    table: str
    places: tuple[Place, ...]
    keys: tuple[Place, ...]
    whole: Whole | None = None
    whole_column: str = ""
    forms: tuple[frozenset[str], ...] = ()

    def read(self, row: Row) -> ReadRow:
        """Return the record of a row: the whole one, where a column holds it, else what the columns tell."""
        cut: list[str] = []
        if self.whole and (text := _text(row.get(self.whole_column))):
            found = self._held(text, self.whole, row, cut)
            if found is not None:
                return ReadRow(found)
        tree: Tree = {}
        for place in self.places:
            value = _value(place, row.get(place.column), cut)
            if value is not None:
                _put(tree, place.path, value)
        if self.forms and not any(form <= tree.keys() for form in self.forms):
            nearest = min(self.forms, key=lambda form: len(form - tree.keys()))
            tree |= dict.fromkeys(sorted(nearest - tree.keys()))
        return ReadRow(msgspec.json.encode(tree), tuple(cut))

    def _held(self, text: str, whole: Whole, row: Row, cut: list[str]) -> bytes | None:
        """Return the record in the cell that the row is about; its times tell two states apart."""
        try:
            listed = _LIST.decode(_MEMBERS.decode(text)[whole.list])
        except KeyError:
            return None
        except (ValueError, RecursionError):  # not JSON, not a list, too deep
            cut.append(self.whole_column)
            return None
        same = [record for record in listed if self.keys and _agrees(self.keys, record, row)]
        if not same:
            return None
        if len(same) > 1:  # states of one finding: another's content must not come under this one's time
            times = [place for place in self.places if place.form == "time"]
            same = [record for record in same if _agrees(times, record, row)]
        return _one_line(bytes(same[0])) if same else None


def native_reader(
    mapping: SourceMapping,
    native: SourceMapping,
    event_id: Expr | None,
    other_form: Collection[str],
    forms: Iterable[Collection[str]] = (),
) -> NativeReader | None:
    """Return the reader of a source's native table; None when its rows do not tell enough for a record.

    Enough is what every record must have (`require`) and what its id is made of. `other_form` are the members
    of the record's other spellings: a row becomes a record of the first. `forms` are sets of members by which
    a record is known.
    """
    if len(native.routes) != 1 or event_id is None:
        return None
    route = native.routes[0].mapping
    whole, column = mapping.record.whole, ""
    columns = dict(route.columns)
    if whole:
        held = [name for name, expr in columns.items() if members(expr) == {attribute(whole.name)}]
        column = held[0] if held else ""
        columns.pop(column, None)
    record = replace(mapping.record, whole=None)
    binding = native_binding(record, native.routes[0].when, columns, native.types[route.table])
    others = {attribute(name) for name in other_form}
    found: dict[Path, Place] = {}
    for path, bound in binding.paths.items():
        if bound.native and path[0] not in others:
            form: Form = "json" if bound.kind == "dynamic" else "plain"
            found.setdefault(path, Place(bound.native, path, form))
    for expr, bound in binding.made.items():
        for name, place_path in _undone(expr):
            if bound.native and place_path[0] not in others:
                found.setdefault(place_path, Place(bound.native, place_path, name))
    if not _suffices(mapping, event_id, found.values()):
        return None
    wanted = [expr.path for expr in mapping.require.values() if isinstance(expr, Field)]
    keys = tuple(found[path] for path in wanted if path in found and found[path].form == "plain")
    places = tuple(_renamed(record, place) for place in found.values())
    known = tuple(frozenset(form) for form in forms)
    return NativeReader(route.table, places, keys, whole if column else None, column, known)


def _undone(expr: Expr) -> Iterator[tuple[Form, Path]]:
    """Yield the path that an expression reads, where what it gives can be put back there."""
    match expr:
        case Op(name="time", args=(Field(path=path),)):
            yield "time", path
        case Op(name="int"):
            inner: Expr = expr
            while isinstance(inner, Op) and inner.name in _NUMBERS:
                inner = inner.args[0]
            if isinstance(inner, Field):
                yield "plain", inner.path


def _suffices(mapping: SourceMapping, event_id: Expr, places: Iterable[Place]) -> bool:
    """Whether a row with every cell filled becomes a valid record with an id."""
    filled: dict[Form, object] = {"plain": "1", "json": {"1": "1"}, "time": "2026-01-01T00:00:00.000Z"}
    tree: Tree = {}
    for place in places:
        _put(tree, place.path, filled[place.form])
    wanted = (*mapping.require.values(), event_id)
    return all(exists(evaluate(expr, tree, mapping.lookups)) for expr in wanted)


def _renamed(record: RecordType, place: Place) -> Place:
    """Return a place with its member's own name instead of the attribute's."""
    names = {attribute(name): name for name in record.kinds}
    return replace(place, path=(names[str(place.path[0])], *place.path[1:]))


def _value(place: Place, cell: Cell, cut: list[str]) -> object:
    if cell is None or cell == "":
        return None
    if not isinstance(cell, str):
        return cell
    text = _text(cell)
    if place.form == "time":
        return _moment(text)
    if place.form == "json" and text.strip() == "null":
        return None
    if place.form == "plain" or not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return msgspec.Raw(_one_line(text.encode()))
    except (ValueError, RecursionError):  # Azure cuts long cells: what is left is no JSON
        cut.append(place.column)
        return text


def _one_line(data: bytes) -> bytes:
    msgspec.json.decode(data, type=msgspec.Raw)  # is it JSON at all?
    return msgspec.json.format(data, indent=-1)


def _text(cell: Cell) -> str:
    """Return a text that has a UTF-8 form; a lone surrogate has none."""
    return cell.encode("utf-8", "replace").decode() if isinstance(cell, str) else ""


def _moment(text: str) -> str:
    """Return a time as AWS's findings write it: to the millisecond, finer only where it is."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        return text
    digits = (found[2] or "").ljust(7, "0")
    return f"{found[1]}.{digits if digits[6] != '0' else digits[:6] if digits[3:6] != '000' else digits[:3]}Z"


def _instant(text: str) -> datetime | str:
    """Return the moment that a text names, to the microsecond; a text that names none as it is."""
    try:
        found = datetime.fromisoformat(_FINER.sub(r"\1", text)) if _TIME.match(text) else None
        return found.astimezone(UTC) if found and found.tzinfo else text
    except (ValueError, OverflowError):
        return text


def _put(tree: Tree, path: Path, value: object) -> None:
    *parents, last = map(str, path)
    for parent in parents:
        below = tree.setdefault(parent, {})
        if not isinstance(below, dict):
            return
        tree = below
    if tree.get(last) is None:
        tree[last] = value


def _agrees(places: Sequence[Place], record: msgspec.Raw, row: Row) -> bool:
    """Whether a record has the row's values at these places."""
    try:
        tree: object = msgspec.json.decode(record)
    except (ValueError, RecursionError):
        return False
    for place in places:
        value = tree
        for step in place.path:
            value = value.get(step) if isinstance(value, dict) else None
        cell = _text(row.get(place.column))
        same = _instant(value) == _instant(cell) if isinstance(value, str) else not cell
        if not same:
            return False
    return True
