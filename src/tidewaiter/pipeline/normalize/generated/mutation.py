"""Changes to a record of JSON: one at a time, each of a kind that logs show, or that breaks parsers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from tidewaiter.pipeline.normalize.generated import values
from tidewaiter.pipeline.normalize.generated.guide import Guide, Path, plain
from tidewaiter.pipeline.normalize.generated.spelling import dumps, loads, spelt

Donor = Callable[[], dict[str, Any]]
"""Draws another record."""


def places(value: Any, path: Path = ()) -> list[Path]:
    """Return every path in a record, from the top down."""
    found: list[Path] = []
    if isinstance(value, dict):
        for name, held in value.items():
            found += [(*path, name), *places(held, (*path, name))]
    elif isinstance(value, list):
        for place, held in enumerate(value[:4]):
            found += [(*path, place), *places(held, (*path, place))]
    return found


def get(value: Any, path: Path) -> Any:
    """Return what stands at a path, None where there is nothing."""
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and -len(value) <= step < len(value):
            value = value[step]
        else:
            return None
    return value


def put(into: Any, path: Path, value: Any) -> Any:
    """Put a value at a path, in place, making objects and lists on the way; return the whole."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(step, str):
        into = into if isinstance(into, dict) else {}
        into[step] = put(into.get(step), rest, value)
        return into
    into = into if isinstance(into, list) else []
    place = step if step >= 0 else max(len(into) + step, 0)
    into += [None] * (place + 1 - len(into))
    into[place] = put(into[place], rest, value)
    return into


def drop(record: dict[str, Any], path: Path) -> None:
    """Take away what stands at a path."""
    holder = get(record, path[:-1])
    if isinstance(holder, dict):
        holder.pop(path[-1], None)
    elif isinstance(holder, list) and isinstance(path[-1], int):
        del holder[path[-1]]


class Mutator:
    """Changes records of one source; all chance comes in as `rng`."""

    def __init__(self, guide: Guide, kinds: dict[str, str]) -> None:
        """Take what the mappings read, and the types of the record's members."""
        self.guide = guide
        self.kinds = kinds
        self.free = sorted(name for name, kind in kinds.items() if kind in ("any", "json"))
        self.ways: Sequence[tuple[int, Callable[[Random, dict[str, Any], Donor], None]]] = (
            (6, self.guided), (6, self.swapped), (3, self.read), (2, self.dropped), (2, self.emptied),
            (2, self.retyped), (2, self.odd), (2, self.address), (1, self.time), (1, self.long),
            (1, self.moved), (1, self.as_text), (1, self.respelt), (1, self.unknown),
        )  # fmt: skip
        self.weights = [weight for weight, _ in self.ways]

    def change(self, rng: Random, record: dict[str, Any], donor: Donor) -> None:
        """Change a record in place, once."""
        [(_, way)] = rng.choices(self.ways, self.weights)
        way(rng, record, donor)

    def _place(self, rng: Random, record: dict[str, Any], *, typed: bool = True) -> Path | None:
        """Draw a path of the record; one where any type is allowed, unless by chance or `typed`."""
        paths = places(record)
        if not typed and rng.random() < 0.95:
            paths = [path for path in paths if self._free(path)]
        return rng.choice(paths) if paths else None

    def _free(self, path: Path) -> bool:
        kind = self.kinds.get(str(path[0]), "json")
        return kind in ("any", "json")

    def guided(self, rng: Random, record: dict[str, Any], _donor: Donor) -> None:
        """Put a value there that a condition or a table of the mapping asks for."""
        way = rng.random()
        if self.guide.members and way < 0.1:
            path, names = rng.choice(self.guide.members)
            put(record, (*path, rng.choice(names)), f"id-{rng.randrange(9)}")
        elif self.guide.sets and way < 0.4:
            paths, known = rng.choice(self.guide.sets)
            for path, value in zip(paths, rng.choice(known), strict=True):
                put(record, path, value)
        elif self.guide.values:
            path = rng.choice(list(self.guide.values))
            put(record, path, plain(rng.choice(self.guide.values[path])))

    def swapped(self, rng: Random, record: dict[str, Any], donor: Donor) -> None:
        """Take a value from another record."""
        other = donor()
        path = self._place(rng, other)
        if path and (rng.random() < 0.9 or len(path) == 1):
            put(record, path, get(other, path))

    def read(self, rng: Random, record: dict[str, Any], donor: Donor) -> None:
        """Fill a path that the mapping reads, from what another record has under a like name, or anyhow."""
        path = rng.choice(self.guide.paths)
        other = donor()
        alike = [each for each in places(other) if each[-1] == path[-1]]
        value = get(other, rng.choice(alike)) if alike else values.scalar(rng)
        if self._free(path) or isinstance(value, str):
            put(record, path, value)

    def dropped(self, rng: Random, record: dict[str, Any], _donor: Donor) -> None:
        """Leave a member out."""
        if path := self._place(rng, record):
            drop(record, path)

    def emptied(self, rng: Random, record: dict[str, Any], _donor: Donor) -> None:
        """Make a value null or empty."""
        if path := self._place(rng, record):
            empty: list[Any] = [None, None, "", {}, []] if self._free(path) else [None]
            empty += [""] if isinstance(get(record, path), str) else []
            put(record, path, rng.choice(empty))

    def retyped(self, rng: Random, record: dict[str, Any], _donor: Donor) -> None:
        """Write a value in another type."""
        if path := self._place(rng, record, typed=False):
            put(record, path, values.other_type(rng, get(record, path)))

    def odd(self, rng: Random, record: dict[str, Any], _donor: Donor) -> None:
        """Put an odd text there, or behind what stands there."""
        path = self._text_place(rng, record)
        if path:
            held = get(record, path)
            odd = rng.choice(values.TEXTS)
            put(record, path, odd if rng.random() < 0.5 else f"{held}{odd}")

    def address(self, rng: Random, record: dict[str, Any], _donor: Donor) -> None:
        """Put an address where one is, or where its name says so."""
        paths = [p for p in {*places(record), *self.guide.paths} if _of_address(p, get(record, p))]
        if paths:
            put(record, rng.choice(sorted(paths, key=str)), rng.choice(values.ADDRESSES))

    def time(self, rng: Random, record: dict[str, Any], _donor: Donor) -> None:
        """Write a time in another form, or one out of range."""
        paths = [p for p in places(record) if _is_time(get(record, p))]
        if paths:
            put(record, rng.choice(paths), rng.choice(values.TIMES))

    def long(self, rng: Random, record: dict[str, Any], _donor: Donor) -> None:
        """Put a long text there."""
        if path := self._text_place(rng, record):
            put(record, path, values.long_text(rng))

    def moved(self, rng: Random, record: dict[str, Any], _donor: Donor) -> None:
        """Move a nested value to another place, into a list, or out of one."""
        path, to = self._place(rng, record, typed=False), self._place(rng, record, typed=False)
        if path is None or to is None:
            return
        value = loads(dumps(get(record, path)))
        if rng.random() < 0.4:
            put(record, path, value[0] if isinstance(value, list) and value else [value])
        else:
            put(record, to, value)

    def as_text(self, rng: Random, record: dict[str, Any], _donor: Donor) -> None:
        """Write an object or a list as its JSON text, whole or cut."""
        nested = [p for p in places(record) if isinstance(get(record, p), (dict, list)) and self._free(p)]
        if nested:
            path = rng.choice(nested)
            text = spelt(json.dumps(get(record, path), ensure_ascii=rng.random() < 0.5))
            put(record, path, text if rng.random() < 0.8 else text[: rng.randrange(len(text))])

    def respelt(self, rng: Random, record: dict[str, Any], _donor: Donor) -> None:
        """Change the case of a text, or the blanks around it."""
        if path := self._text_place(rng, record):
            text = str(get(record, path))
            put(
                record,
                path,
                rng.choice([text.upper(), text.lower(), f" {text}", f"{text} ", text.swapcase()]),
            )

    def unknown(self, rng: Random, record: dict[str, Any], _donor: Donor) -> None:
        """Add a member that no document knows, or anything in one that takes anything."""
        if self.free and rng.random() < 0.5:
            record[rng.choice(self.free)] = (
                values.structure(rng) if rng.random() < 0.5 else values.scalar(rng)
            )
        else:
            record[rng.choice(["memberOfTomorrow", "x-y", "Ä", 'quote"s'])] = values.structure(rng)

    def _text_place(self, rng: Random, record: dict[str, Any]) -> Path | None:
        paths = [path for path in places(record) if isinstance(get(record, path), str)]
        return rng.choice(paths) if paths else None


def _of_address(path: Path, value: Any) -> bool:
    name = str(path[-1]).lower()
    return ("ip" in name and ("addr" in name or name.startswith("ip"))) or (
        isinstance(value, str) and value[:1].isdigit() and value.count(".") == 3
    )


def _is_time(value: Any) -> bool:
    return isinstance(value, str) and len(value) >= 19 and value[4:5] == "-" and value[10:11] in ("T", " ")
