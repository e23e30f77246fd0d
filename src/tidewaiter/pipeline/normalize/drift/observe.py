"""Beside the hot path: the shapes of every n-th record, counted.

A shape is the names of an object's members with a letter for the type of each. Most objects have a shape
that was seen before, so that a record costs a few look-ups. What a shape means for its members is worked out
later, once for all records that had it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tidewaiter.content.drift import DriftFile
from tidewaiter.core.objects import Chunk, JsonChunk
from tidewaiter.pipeline.normalize.rows import FrameRows, JsonRows
from tidewaiter.pipeline.sources.place import place_of

EVERY = 48
"""One record of this many is looked at, and one of each chunk: small accounts have few in an object."""
BATCH = 16
"""Records of one place that are counted together: what comes before and after a change must not be mixed."""
_DEPTH = 6
_MEMBERS = 200
_NAMES = 10_000
"""Characters that the names of an object's members have together at most, as those of no service have."""
_DIGITS = 20
"""Texts in lines with fewer digits are numbers."""
"""An object with more members than this is a map, and its names say nothing."""

_COLUMNS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_decode = msgspec.json.Decoder().decode
Shape = tuple[tuple[str, ...], str]
Shapes = dict[Shape, int]
"""How often each shape was seen; no Counter, which is made for every node of a few records."""
Node = tuple[str, str]
"""The path of an object in the record (of a row the table's name behind `ROW`), and the kind of object."""
ROW = "=> "

_LETTERS = {str: "s", bool: "b", int: "n", float: "n", type(None): "0", dict: "o", list: "l"}
TYPES: Mapping[str, str] = {
    "s": "text", "b": "bool", "n": "number", "o": "object", "l": "list",
    "t": "time", "i": "address", "a": "ARN", "u": "UUID", "d": "digits",
}  # fmt: skip
"""What the letters stand for."""
TEXT = "s"
SHAPES = frozenset("tiaud")
"""Letters of texts of a certain form."""
EMPTY = "0"
_NEVER_EMPTY = frozenset((bool, int, float))
_MOST_REGIONS = 1_000
_MOST_SHAPES = 4_096
_MOST_BYTES = 1_000_000
_HEXADECIMAL = frozenset("0123456789abcdefABCDEF:")
_LONGEST_FORM = 45
_ADDRESS = re.compile(r"[0-9a-fA-F:]+(?:[0-9]{1,3}\.){0,3}[0-9a-fA-F]*")


@dataclass(slots=True)
class Sighting:
    """What some records of one place looked like: by node, how often each shape was seen; the last object.

    `versions` counts the versions of records' form, with the member that tells it.
    """

    source: str
    object_id: str
    account: str
    region: str
    records: int = 0
    nodes: dict[Node, Shapes] = field(default_factory=dict)
    versions: Counter[tuple[str, str]] = field(default_factory=Counter)


class Observer:
    """Looks at the records of one source; `sightings` hands over what was counted."""

    def __init__(self, source: str, drift: DriftFile, every: int = EVERY) -> None:
        self.source = source
        self._drift = drift
        self._varied = frozenset(drift.varied)
        self._whole = drift.is_varied("")
        self._records = _Turns(every, some=True)
        self._rows = _Turns(every)
        self._open: dict[tuple[str, str], _Open] = {}
        self._done: list[Sighting] = []
        self._places: dict[str, tuple[str, str]] = {}
        self._regions: dict[str, str] = {}
        self._taken: list[tuple[str, bytes | tuple[str, ...], tuple[str, ...]]] = []
        self._bytes = 0
        self._forms = _Forms()
        self._made: dict[tuple[str, tuple[str, ...], str], _Made] = {}

    def chunk(self, object_id: str, chunk: Chunk) -> None:
        """Take every n-th record of a chunk, valid or not: a change of type makes records invalid.

        They are looked at later, all at a time: one by one in between costs a processor's caches dearly.
        """
        if isinstance(chunk, JsonChunk):
            for place in self._records.due(len(chunk.records)):
                self._take(object_id, bytes(chunk.records[place]), ())
            return
        count = chunk.cells.count(b"\n")
        for place in self._records.due(count):
            self._take(object_id, _line(chunk.cells, place / count), (chunk.separator, *chunk.fields))

    def _take(self, object_id: str, raw: bytes, fields: tuple[str, ...]) -> None:
        self._taken.append((object_id, raw, fields))
        self._bytes += len(raw)
        if self._bytes > _MOST_BYTES:
            self._look_at_all()

    def _look_at_all(self) -> None:
        taken, self._taken, self._bytes = self._taken, [], 0
        for object_id, raw, fields in taken:
            if isinstance(raw, tuple):  # the columns of a row
                seen = self._sighting(object_id, *self._places.get(object_id, ("", ""))).seen
                _count(seen.nodes, (ROW + fields[0], ""), raw, "s" * len(raw))
                continue
            if fields:
                self._look(object_id, _cells(raw, *fields))
                continue
            try:
                record = _decode(raw)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                continue
            if record.__class__ is dict:
                self._look(object_id, record)

    def rows(self, object_id: str, rows: JsonRows | FrameRows) -> None:
        """Take every n-th row: which columns are filled."""
        for names in _filled(rows, self._rows.due(len(rows))):
            self._taken.append((object_id, names, (rows.table,)))

    def _look(self, object_id: str, record: Mapping[str, Any]) -> None:
        drift = self._drift
        place = self._place(object_id, record)
        now = self._sighting(object_id, *place)
        seen = now.seen
        seen.records += 1
        kind = " ".join([_at(record, name) for name in drift.kind])
        for name in drift.version:
            if version := _at(record, name):
                seen.versions[name, version] += 1
                break
        self._walk(now.nodes, "", kind if self._whole else "", record, kind, _DEPTH)
        if seen.records >= BATCH:
            self._done.append(self._open.pop(place).close())

    def sightings(self) -> list[Sighting]:
        """Return what was counted since the last call."""
        self._look_at_all()
        found = [*self._done, *(each.close() for each in self._open.values())]
        self._done, self._open, self._places = [], {}, {}
        return found

    def _sighting(self, object_id: str, account: str, region: str) -> _Open:
        now = self._open.get((account, region))
        if now is None:
            now = self._open[account, region] = _Open(Sighting(self.source, object_id, account, region))
        now.seen.object_id = object_id
        return now

    def _place(self, object_id: str, record: Mapping[str, Any]) -> tuple[str, str]:
        """Return account and region: as the path says, for a field may drift; else as the record says.

        A record that no longer says it is held to be from where the last ones were.
        """
        account, region = place_of(object_id)
        account = account or _first(record, self._drift.account) or next(reversed(self._regions), "")
        region = region or _first(record, self._drift.region) or self._regions.get(account, "")
        if len(self._regions) >= _MOST_REGIONS:
            self._regions.clear()
        self._regions.pop(account, None)  # the last one stands last
        self._regions[account] = region
        self._places[object_id] = account, region
        return account, region

    def _walk(
        self,
        nodes: dict[Node, dict[_Made, int]],
        path: str,
        context: str,
        value: Mapping[str, Any],
        kind: str,
        depth: int,
    ) -> None:
        # what callers choose freely has no form
        of_text: Mapping[str, str] = _SAME if path in self._varied else self._forms
        letters = "".join([
            of_text[each] if each.__class__ is str
            else _LETTERS[each.__class__] if each or each.__class__ in _NEVER_EMPTY else EMPTY
            for each in value.values()
        ])  # fmt: skip
        if path and not context:
            of_type = value.get("type", value.get("Type"))
            context = of_type if of_type.__class__ is str else ""
        made = self._made.get((path, names := tuple(value), letters))
        if made is None:
            made = self._make(path, names, letters)
        if made.map:
            return
        counts = nodes.get((path, context))
        if counts is None:
            counts = nodes[path, context] = {}
        counts[made] = counts.get(made, 0) + 1
        if not depth:
            return
        for name, inside, is_list, varies in made.below:
            each = value[name]
            if is_list:  # one element stands for all
                each = each[0]
                if each.__class__ is not dict:
                    continue
            self._walk(nodes, inside, kind if varies else context if path else "", each, kind, depth - 1)

    def _make(self, path: str, names: tuple[str, ...], letters: str) -> _Made:
        below = []
        for name, letter in zip(names, letters, strict=True):
            if letter in "ol":
                inside = (f"{path}.{name}" if path else name) + ("[]" if letter == "l" else "")
                below.append((name, inside, letter == "l", inside in self._varied or self._whole))
        is_map = len(names) > _MEMBERS or sum(map(len, names)) > _NAMES
        made = _Made((names, letters), is_map, tuple(below))
        if not is_map:
            if len(self._made) >= _MOST_SHAPES:
                self._made.clear()
            self._made[path, names, letters] = made
        return made


class _Made:
    """A shape, once for all objects that have it, with what lies below: name, path, in a list, varied.

    It is counted by what it is, not by what it holds: names need not be compared again.
    """

    __slots__ = ("below", "map", "shape")

    def __init__(self, shape: Shape, is_map: bool, below: tuple[tuple[str, str, bool, bool], ...]) -> None:
        self.shape, self.map, self.below = shape, is_map, below


@dataclass(slots=True)
class _Open:
    """A sighting that is not done, with what was counted of records' objects."""

    seen: Sighting
    nodes: dict[Node, dict[_Made, int]] = field(default_factory=dict)

    def close(self) -> Sighting:
        for node, counts in self.nodes.items():
            shapes = self.seen.nodes[node] = {}
            for made, count in counts.items():
                shapes[made.shape] = shapes.get(made.shape, 0) + count
        return self.seen


class _Forms(dict[str, str]):
    """The letters of texts' forms; those of short texts are kept, for most come again."""

    def __missing__(self, text: str) -> str:
        letter = _form(text)
        if len(text) <= _LONGEST_FORM:
            if len(self) >= _MOST_SHAPES:
                self.clear()
            self[text] = letter
        return letter


class _Same(dict[str, str]):
    """The letter of all texts, whatever their form."""

    def __missing__(self, text: str) -> str:
        return TEXT if text else EMPTY


def _form(text: str) -> str:
    """Return the letter of a text's form, or of a text that has none, or is none."""
    if text[:1] not in _HEXADECIMAL:
        return TEXT if text else EMPTY
    length = len(text)
    if text[:4] == "arn:":
        return "a"
    if length > _LONGEST_FORM:
        return TEXT
    if length == 36 and text[8] == "-" == text[13]:
        return "u"
    if text[0].isdecimal():
        if text[4:5] == "-" and text[10:11] in ("T", " "):
            return "t"
        if text.isdecimal():
            return "d"
        if text.count(".") == 3 and text.replace(".", "").isdecimal():
            return "i"
    return "i" if text.count(":") >= 2 and _ADDRESS.fullmatch(text) else TEXT


def _cells(line: bytes, separator: str, *fields: str) -> dict[str, int | str | None]:
    values = line.decode("utf-8", "replace").split(separator)
    texts = (None if text == "-" else int(text) if _is_number(text) else text for text in values)
    return dict(zip(fields, texts, strict=False))


def _line(cells: bytes, share: float) -> bytes:
    """Return the line in which a share of all bytes ends: to count lines for one of them costs too much."""
    end = min(int(len(cells) * share), len(cells) - 1)
    start = cells.rfind(b"\n", 0, end) + 1
    return cells[start : cells.find(b"\n", end)]


def _count(nodes: dict[Node, Shapes], node: Node, names: tuple[str, ...], letters: str) -> None:
    shapes, shape = nodes.setdefault(node, {}), (names, letters)
    shapes[shape] = shapes.get(shape, 0) + 1


def _first(record: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((found for name in names if (found := _at(record, name))), "")


def _at(record: Mapping[str, Any], path: str) -> str:
    """Return the text or number at a path of members, "" when there is none."""
    value: Any = record.get(path)
    if value is None and "." in path:
        value = record
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) < _DIGITS


_SAME = _Same()


class _Turns:
    """Every n-th of all that come, however many come at a time; `some`: one of them in any case."""

    def __init__(self, every: int, *, some: bool = False) -> None:
        self._every = every
        self._some = some
        self._turn = 0

    def due(self, count: int) -> range:
        """Return which of the next `count` it is."""
        every = max(1, min(self._every, count)) if self._some else self._every
        first = -self._turn % every
        self._turn = (self._turn + count) % self._every
        return range(first, count, every)


def _filled(rows: JsonRows | FrameRows, due: range) -> Iterator[tuple[str, ...]]:
    """Yield the names of the columns that are filled in some rows."""
    if isinstance(rows, JsonRows):
        for place in due:
            yield tuple(_COLUMNS.decode(rows.heads[place]))
        return
    names = rows.frame.columns
    for place in due:  # one by one: a frame of them costs more than they are worth
        values = rows.frame.row(place)
        yield tuple(name for name, value in zip(names, values, strict=True) if value not in (None, ""))
