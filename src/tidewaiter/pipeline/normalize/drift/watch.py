"""What records of a source usually look like, and when that has changed.

Everything is judged where it happens: by account and region, and by kind of object (one call's parameters
are not another's). A field is missed when it has been empty or absent for much longer than it ever
was before; another type, or a new member, counts when nearly all records have it from some moment on. What
comes now and then is variety, and is learned. A text's form (a time, an address, …) is watched like a member
of its own, `<name>\\t<letter>`, that may go missing but is no news.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tidewaiter.content.drift import DriftFile
from tidewaiter.pipeline.normalize.drift.alarm import Alarm
from tidewaiter.pipeline.normalize.drift.judge import Judge
from tidewaiter.pipeline.normalize.drift.known import (
    LEARNED,
    LEARNED_HERE,
    LEARNED_KIND,
    Kind,
    Known,
    Member,
    Path,
    Place,
)
from tidewaiter.pipeline.normalize.drift.look import Look
from tidewaiter.pipeline.normalize.drift.observe import Shape, Shapes, Sighting
from tidewaiter.pipeline.normalize.drift.places import MOST_MEMBERS, MOST_NAMES, Part, count, learn, settle

_NUMBER = re.compile(r"[0-9]{1,9}")
_MOST_VERSIONS = 10
"""A member that had more values than these is no version of the records' form."""
_MOST_KINDS = 5_000
_MOST_SIZE = 200_000
"""Kinds, accounts and regions, and members of them: who writes logs can make up any number of them."""


class Watch:
    """The watch over one source; `known` is what it has learned, to be kept between runs.

    `left_out` counts objects that were not looked into because there was no more room to learn.
    """

    def __init__(self, source: str, drift: DriftFile, known: Known | None = None) -> None:
        self.source = source
        self.known = known or Known()
        self.left_out = 0
        self._drift = drift
        self._plain: dict[tuple[str, str], set[Shape]] = {}
        self._kinds = sum(len(path.kinds) for path in self.known.paths.values())

    def take(self, seen: Sighting) -> list[Alarm]:
        """Learn from some records of one place and return what has changed there."""
        found: list[Alarm] = []
        paths: dict[str, list[Part]] = {}
        where = f"{seen.account} {seen.region}"
        for (at, kind), shapes in seen.nodes.items():
            part = self._part(at, kind, where, shapes)
            if part is not None:
                paths.setdefault(at, []).append(part)
        for name, parts in paths.items():
            path = self.known.paths[name]
            place = self._place(path, where)
            if place is None or len(path.names) >= MOST_NAMES:
                self.left_out += sum(part.look.count for part in parts)
                continue
            before, size = place.n, _size(path, place)
            missing = count(path, place, parts)
            self.known.size += _size(path, place) - size
            settle(path, place, before)
            if before >= LEARNED_HERE and (place.new or place.types or missing):
                found += self._judged(Judge(self.source, seen, name, path, place), missing)
        found += self._versions(seen)
        return found

    def _judged(self, judge: Judge, missing: list[str]) -> Iterator[Alarm]:
        for alarm in judge.new(varied=self._drift.is_varied(judge.where)):
            if self._is_news(alarm.now if alarm.kind == "renamed_field" else alarm.field):
                yield alarm
        yield from judge.types()
        yield from judge.runs(missing)

    def _is_news(self, path: str) -> bool:
        told = self.known.told
        if path in told:
            return False
        del told[: max(0, len(told) - MOST_MEMBERS)]
        told.append(path)
        return True

    def _part(self, name: str, kind: str, where: str, shapes: Shapes) -> Part | None:
        """Return what objects of a kind were like; None when nothing of it can be judged."""
        path = self.known.paths.get(name) or Path()
        known = path.kinds.get(kind)
        if known is None:
            if self._kinds >= _MOST_KINDS or self.known.size >= _MOST_SIZE:
                self.left_out += sum(shapes.values())
                return None
            path = self.known.paths.setdefault(name, path)
            known = path.kinds[kind] = Kind()
            self._kinds += 1
            self.known.size += 1
        if len(known.members) > MOST_MEMBERS:
            return None
        forms = name not in self._drift.varied
        learning = known.n < _learned(kind)
        known.n += sum(shapes.values())
        if learning:
            nameless = not kind.strip() and path.n >= LEARNED  # others told their kind
            self._learn(path, known, kind, where, shapes, forms=forms, here=not nameless)
            if not nameless:
                return None
            return Part(kind, None, Look(shapes, {}, set(), forms=forms, learning=True))
        plain = self._plain.setdefault((name, kind), set())
        return Part(kind, known, Look(shapes, known.members, plain, forms=forms, learning=False))

    def _learn(
        self, path: Path, known: Kind, kind: str, where: str, shapes: Shapes, *, forms: bool, here: bool
    ) -> None:
        """Keep objects until there are enough to learn from: most kinds never have so many."""
        known.early += [(where, *shape, seen) for shape, seen in shapes.items()]
        if known.n < _learned(kind):
            return
        early, known.early, of = known.early, [], 0
        for there, names, letters, seen in early:
            look = Look({(names, letters): seen}, known.members, set(), forms=forms, learning=True)
            for name, types in look.strange.items():
                known.members[name] = Member(0, of, seen, dict(types))
            of += seen
            for name, member in known.members.items():
                member.had += look.filled.get(name, 0)
                member.of += seen
            if here and (place := self._place(path, there)):
                self.known.size += learn(path, place, look)
        self.known.size += len(known.members)

    def _place(self, path: Path, where: str) -> Place | None:
        place = path.places.get(where)
        if place is None and self.known.size < _MOST_SIZE:
            place = path.places[where] = Place()
            self.known.size += 1
        return place

    def _versions(self, seen: Sighting) -> Iterator[Alarm]:
        place = f"{seen.account} {seen.region}"
        if place not in self.known.versions and len(self.known.versions) >= _MOST_KINDS:
            return
        here = self.known.versions.setdefault(place, {})
        learned = sum(here.values()) >= LEARNED_HERE
        for (name, version), times in seen.versions.items():
            key = f"{name} {version}"
            if key in here:
                here[key] += times
                continue
            known = [each for each in here if each.startswith(f"{name} ")]
            if len(known) >= _MOST_VERSIONS:
                continue
            highest = max((*known, *self._versions_elsewhere(place)), key=_numbers, default="")
            here[key] = times
            if learned and known and _numbers(key) > _numbers(highest):
                was = max(known, key=lambda each: here[each]).partition(" ")[2]
                yield Alarm(
                    self.source, "version", name, seen.account, seen.region, was, version,
                    sampled=times, object_id=seen.object_id,
                )  # fmt: skip

    def _versions_elsewhere(self, place: str) -> set[str]:
        """Return the versions that other places have, which are well known."""
        others = [seen for other, seen in self.known.versions.items() if other != place]
        return {key for seen in others if sum(seen.values()) >= LEARNED_HERE for key in seen}


def _learned(kind: str) -> int:
    """Return how many objects are learned from before anything is judged."""
    return LEARNED_KIND if kind else LEARNED


def _size(path: Path, place: Place) -> int:
    return len(path.names) + len(place.members) + len(place.new) + len(place.types) + len(place.own)


def _numbers(version: str) -> list[int]:
    """Return what tells which of two versions is the higher one; lower ones are old services', no news."""
    return [int(each) for each in _NUMBER.findall(version)]
