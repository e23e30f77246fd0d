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
"""One record of this many is looked at: at least 20 of 1,000 that are affected by a change."""
BATCH = 8
"""Records of one place that are counted together: what comes before and after a change must not be mixed."""
_DEPTH = 6
_MEMBERS = 200
_NAMES = 10_000
"""Characters that the names of an object's members have together at most, as those of no service have."""
_DIGITS = 20
"""Texts in lines with fewer digits are numbers."""
"""An object with more members than this is a map, and its names say nothing."""

_COLUMNS = msgspec.json.Decoder(dict[str, msgspec.Raw])
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
        self._records = _Turns(every)
        self._rows = _Turns(every)
        self._open: dict[tuple[str, str], Sighting] = {}
        self._done: list[Sighting] = []
        self._places: dict[str, tuple[str, str]] = {}

    def chunk(self, object_id: str, chunk: Chunk) -> None:
        """Look at every n-th record of a chunk, valid or not: a change of type makes records invalid."""
        if isinstance(chunk, JsonChunk):
            for place in self._records.due(len(chunk.records)):
                try:
                    record = msgspec.json.decode(chunk.records[place])
                except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                    continue
                if isinstance(record, dict):
                    self._look(object_id, record)
            return
        lines = chunk.cells.split(b"\n")
        separator = chunk.separator.encode()
        for place in self._records.due(len(lines) - 1):
            values = lines[place].decode("utf-8", "replace").split(separator.decode())
            texts = (None if text == "-" else int(text) if _is_number(text) else text for text in values)
            self._look(object_id, dict(zip(chunk.fields, texts, strict=False)))

    def rows(self, object_id: str, rows: JsonRows | FrameRows) -> None:
        """Look at every n-th row: which columns are filled."""
        due = self._rows.due(len(rows))
        if not due:
            return
        seen = self._sighting(object_id, *self._places.get(object_id, ("", "")))
        for names in _filled(rows, due):
            _count(seen.nodes, (ROW + rows.table, ""), names, "s" * len(names))

    def _look(self, object_id: str, record: Mapping[str, Any]) -> None:
        drift = self._drift
        seen = self._sighting(object_id, *self._place(object_id, record))
        seen.records += 1
        kind = " ".join(_at(record, name) for name in drift.kind)
        for name in drift.version:
            if version := _at(record, name):
                seen.versions[name, version] += 1
                break
        self._walk(seen.nodes, "", kind if self._whole else "", record, kind, _DEPTH)
        if seen.records >= BATCH:
            self._done.append(self._open.pop((seen.account, seen.region)))

    def sightings(self) -> list[Sighting]:
        """Return what was counted since the last call."""
        found = [*self._done, *self._open.values()]
        self._done, self._open = [], {}
        return found

    def _sighting(self, object_id: str, account: str, region: str) -> Sighting:
        seen = self._open.get((account, region))
        if seen is None:
            seen = self._open[account, region] = Sighting(self.source, object_id, account, region)
        seen.object_id = object_id
        return seen

    def _place(self, object_id: str, record: Mapping[str, Any]) -> tuple[str, str]:
        """Return account and region: as the path says, for a field may drift; else as the record says."""
        account, region = place_of(object_id)
        place = account or _first(record, self._drift.account), region or _first(record, self._drift.region)
        self._places = {object_id: place}
        return place

    def _walk(
        self,
        nodes: dict[Node, Shapes],
        path: str,
        context: str,
        value: Mapping[str, Any],
        kind: str,
        depth: int,
    ) -> None:
        if len(value) > _MEMBERS or sum(map(len, value)) > _NAMES:
            return
        letter_of = _type if path in self._varied else _letter  # what callers choose freely has no form
        letters = "".join([letter_of(each) for each in value.values()])
        if path and not context:
            of_type = value.get("type", value.get("Type"))
            context = of_type if isinstance(of_type, str) else ""
        _count(nodes, (path, context), tuple(value), letters)
        if not depth or ("o" not in letters and "l" not in letters):
            return
        for (name, each), letter in zip(value.items(), letters, strict=True):
            if letter not in "ol":
                continue
            below = f"{path}.{name}" if path else name
            if letter == "l":  # one element stands for all
                below, each = f"{below}[]", each[0]
                if not isinstance(each, dict):
                    continue
            varies = below in self._varied or self._whole
            inner = kind if varies else context if path else ""
            self._walk(nodes, below, inner, each, kind, depth - 1)


def _type(value: Any) -> str:
    """Return the letter of a value's type."""
    return _LETTERS[value.__class__] if value or value is False or value == 0 else EMPTY


def _letter(value: Any) -> str:
    """Return the letter of a value's type; of a text that of its form."""
    return _form(value) if value.__class__ is str and value else _type(value)


def _form(text: str) -> str:
    first, length = text[0], len(text)
    if first not in _HEXADECIMAL or length > _LONGEST_FORM:
        return "a" if text.startswith("arn:") else TEXT
    if length == 36 and text[8] == "-" == text[13]:
        return "u"
    if first.isdecimal():
        if text[4:5] == "-" and text[10:11] in ("T", " "):
            return "t"
        if text.isdecimal():
            return "d"
        if text.count(".") == 3 and text.replace(".", "").isdecimal():
            return "i"
    if text.count(":") >= 2:
        return "i" if _ADDRESS.fullmatch(text) else "a" if text.startswith("arn:") else TEXT
    return TEXT


def _count(nodes: dict[Node, Shapes], node: Node, names: tuple[str, ...], letters: str) -> None:
    shapes, shape = nodes.get(node), (names, letters)
    if shapes is None:
        nodes[node] = {shape: 1}
    else:
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


class _Turns:
    """Every n-th of all that come, however many come at a time."""

    def __init__(self, every: int) -> None:
        self._every = every
        self._turn = 0

    def due(self, count: int) -> range:
        """Return which of the next `count` it is."""
        first = -self._turn % self._every
        self._turn = (self._turn + count) % self._every
        return range(first, count, self._every)


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
