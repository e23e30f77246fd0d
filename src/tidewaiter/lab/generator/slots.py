"""A day in slots: how many records fall in each, and where a record that was asked for came to lie.

The logs beside CloudTrail are written slot by slot, so that memory is bounded by the busiest slot and not
by the day.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from tidewaiter.lab.generator.draw import Draw
from tidewaiter.lab.generator.rhythm import DAY, HOUR, LAST, MINUTE, Rhythm, shares

_WIDTHS = (5, 10, 30, 60)


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a record that was asked for came to lie.

    `number` counts the asked-for values from 0, in the order in which they were given; `id` is the record's
    own id ("" where the format has none); `object` is the path below the output folder; `line` counts
    from 0 among the object's records.
    """

    number: int
    id: str
    object: str
    line: int


class Timed(Protocol):
    """Something that happens at a time of the day, in milliseconds."""

    @property
    def at(self) -> int:
        """The time of the day in milliseconds."""
        ...


T = TypeVar("T", bound=Timed)


def width(per_day: int, wanted: int = 100) -> int:
    """Return the slot (5, 10, 30 or 60 minutes, in milliseconds) that gives objects of `wanted` records."""
    return next((each for each in _WIDTHS if per_day * each / 1440 >= wanted), _WIDTHS[-1]) * MINUTE


def spread(count: int, rhythm: Rhythm | None, utc_offset: float, slot: int) -> list[int]:
    """Return how many of `count` records fall in each slot of the day; no rhythm is an even day."""
    middles = [(start + slot / 2) / HOUR for start in range(0, DAY, slot)]
    return shares(count, [rhythm.at((hour + utc_offset) % 24) if rhythm else 1.0 for hour in middles])


def times(draw: Draw, count: int, number: int, slot: int) -> list[int]:
    """Return `count` times in order within the slot of that number."""
    start, chance = number * slot, draw.chance_of
    return sorted(min(start + int(chance() * slot), LAST) for _ in range(count))


def by_slot(asked: Sequence[T], slot: int) -> dict[int, list[tuple[int, T]]]:
    """Return the asked-for values with their numbers, by the slot of their time (kept within the day)."""
    found: dict[int, list[tuple[int, T]]] = {}
    for number, value in enumerate(asked):
        found.setdefault(min(max(value.at, 0), LAST) // slot, []).append((number, value))
    return found


def write_packed(path: Path, data: bytes) -> None:
    """Write a gzip file whose bytes depend on the data alone; level 1, these logs are many and large."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data, compresslevel=1, mtime=0))


@dataclass(slots=True)
class Pages:
    """Gathers the records of one slot by the key of the object they belong to.

    Each entry is (time, tie-break, record, number of the asked-for value or -1, its id).
    """

    entries: dict[str, list[tuple[int, int, bytes, int, str]]]
    count: int = 0

    def add(self, place: str, at: int, record: bytes, number: int = -1, record_id: str = "") -> None:
        """Take one record for the object of that key."""
        self.count += 1
        self.entries.setdefault(place, []).append((at, self.count, record, number, record_id))

    def turn(self, write: Callable[[str, list[bytes]], str]) -> Iterator[Placed]:
        """Write every object with its records in the order of time, and forget them.

        `write` takes the key and the records, and returns the object's path below the output folder.
        """
        for place, entries in sorted(self.entries.items()):
            entries.sort(key=lambda entry: entry[:2])
            name = write(place, [entry[2] for entry in entries])
            yield from (
                Placed(entry[3], entry[4], name, line) for line, entry in enumerate(entries) if entry[3] >= 0
            )
        self.entries = {}
