"""What records of a source usually look like, and when that has changed.

Everything is judged where it happens: by account and region, and by kind of object (one call's parameters
are not another's). A field is missed when it has been empty or absent for much longer than it ever
was before; another type, or a new member, counts when nearly all records have it from some moment on. What
comes now and then is variety, and is learned. A text's form (a time, an address, …) is watched like a member
of its own, `<name>\\t<letter>`, that may go missing but is no news.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from math import ceil

from tidewaiter.content.drift import DriftFile
from tidewaiter.pipeline.normalize.drift.alarm import Alarm
from tidewaiter.pipeline.normalize.drift.known import (
    LEARNED,
    LEARNED_HERE,
    NEARLY_ALL,
    Context,
    Here,
    Known,
    Member,
    Pending,
    Place,
)
from tidewaiter.pipeline.normalize.drift.likeness import likely_name
from tidewaiter.pipeline.normalize.drift.look import FORM, Look
from tidewaiter.pipeline.normalize.drift.observe import (
    BATCH,
    ROW,
    SHAPES,
    TEXT,
    TYPES,
    Node,
    Shape,
    Shapes,
    Sighting,
)

_RUN = 8
"""Objects in a row without a field that they always had."""
_RUN_VARIED = 14
"""The same for one that most of them had; the fewer, the more: what comes together is missing together."""
_ALWAYS = 0.9
_LONGER = 6
"""How many times as long as ever before a field has to be missing."""
_RUN_FORM = 12
"""Texts in a row that are not of the form that they always were of."""
_NEW = BATCH
"""A whole batch: of one in which a new member began, some still have what it took the place of."""
_NEW_VARIED = 14
EVERY_KIND = "*"
"""Stands for all kinds of an object whose members vary with the kind."""
_MOST_MEMBERS = 250
_MOST_NAMES = 3_000
_NUMBER = re.compile(r"[0-9]{1,9}")
_MOST_VERSIONS = 10
"""A member that had more values than these is no version of the records' form."""
_MOST_PLACES = 2_000
"""Accounts and regions of a kind that are judged apart: who writes logs can make up any number of them."""
_MOST_CONTEXTS = 5_000


class Watch:
    """The watch over one source; `known` is what it has learned, to be kept between runs."""

    def __init__(self, source: str, drift: DriftFile, known: Known | None = None) -> None:
        self.source = source
        self.known = known or Known()
        self._drift = drift
        self._plain: dict[Node, set[Shape]] = {}

    def take(self, seen: Sighting) -> list[Alarm]:
        """Learn from some records of one place and return what has changed there."""
        found: list[Alarm] = []
        whole: dict[str, Shapes] = {}
        for node, shapes in seen.nodes.items():
            found += self._node(seen, node, shapes)
            if self._drift.is_varied(node[0]):
                every = whole.setdefault(node[0], {})
                for shape, count in shapes.items():
                    every[shape] = every.get(shape, 0) + count
        for path, shapes in whole.items():
            found += self._node(seen, (path, EVERY_KIND), shapes)
        found += self._versions(seen)
        return found

    def _node(self, seen: Sighting, node: Node, shapes: Shapes) -> Iterator[Alarm]:
        context = self._context(node)
        of_all = node[1] == EVERY_KIND  # its members are those of many kinds: only a new one means anything
        if context is None or len(context.members) > (_MOST_NAMES if of_all else _MOST_MEMBERS):
            return
        where = f"{seen.account} {seen.region}"
        if context.n < LEARNED:
            self._learn(context, node, where, shapes)
            return
        place = context.places.get(where)
        if place is None:
            if len(context.places) >= _MOST_PLACES:
                return
            place = context.places[where] = Place()
        look, missing = self._look(context, node, place, shapes)
        if place.n - look.count < LEARNED_HERE:
            if place.n >= LEARNED_HERE:
                _settle(context, place)
            return
        about = _About(self.source, seen, node)
        if place.new:
            yield from self._judge_new(about, context, place)
        if place.types and not of_all:
            yield from self._judge_types(about, context, place)
        if missing:
            yield from self._judge_runs(about, context, place, missing)

    def _learn(self, context: Context, node: Node, where: str, shapes: Shapes) -> None:
        """Keep objects until there are enough to learn from: most kinds never have so many."""
        context.early += [(where, *shape, count) for shape, count in shapes.items()]
        context.n += sum(shapes.values())
        if context.n < LEARNED:
            return
        early, context.early, context.n = context.early, [], 0
        for where, names, letters, count in early:
            place = context.places.setdefault(where, Place())
            self._look(context, node, place, {(names, letters): count}, learning=True)

    def _look(
        self, context: Context, node: Node, place: Place, shapes: Shapes, *, learning: bool = False
    ) -> tuple[Look, list[str]]:
        """Count what some objects had; return that, and the members that are missing by now."""
        forms = node[0] not in self._drift.varied
        plain = self._plain.setdefault(node, set())
        look = Look(shapes, context.members, plain, forms=forms, learning=learning)
        for name, letters in look.strange.items():
            _strange(context, place, look, name, letters)
        for name, waiting in place.new.items():
            waiting.of += 0 if name in look.filled else look.count
        for key, waiting in place.types.items():
            waiting.of += 0 if key[0] in look.strange.get(key[1:], ()) else look.filled.get(key[1:], 0)
        missing = [] if node[1] == EVERY_KIND else _runs(context, place, look)
        context.n += look.count
        place.n += look.count
        return look, missing

    def _context(self, node: Node) -> Context | None:
        key = f"{node[0]}\n{node[1]}"
        context = self.known.contexts.get(key)
        if context is None and len(self.known.contexts) < _MOST_CONTEXTS:
            context = self.known.contexts[key] = Context()
        return context

    def _judge_new(self, about: _About, context: Context, place: Place) -> Iterator[Alarm]:
        varied = self._drift.is_varied(about.node[0]) and about.node[1] != EVERY_KIND
        needed = _NEW_VARIED if varied else _NEW
        for name, waiting in list(place.new.items()):
            many = waiting.seen >= needed and waiting.seen >= NEARLY_ALL * waiting.of
            if not many and not waiting.settled:
                continue
            del place.new[name]
            if len(context.members) <= _MOST_MEMBERS:
                context.members[name] = Member(waiting.seen, {waiting.letter: waiting.seen})
                place.members[name] = Here(waiting.seen)
            if not many or FORM in name:
                continue
            missing = {other: place.members[other] for other in _gone(context, place, waiting)}
            form = _form(name, waiting.seen, place.new)
            missing = {
                other: here for other, here in missing.items()
                if _form(other, here.filled, place.members) == form
            }  # fmt: skip
            old = likely_name(name, missing)
            if old:
                here = missing[old]
                here.told = True
                context.renamed[old] = name
                yield about.alarm("renamed_field", old, now=about.path(name), sampled=waiting.seen,
                                  expected=_expected(place, here))  # fmt: skip
            elif self._is_news(about.path(name)):
                yield about.alarm("new_field", name, now=TYPES[waiting.letter], sampled=waiting.seen)

    def _is_news(self, path: str) -> bool:
        told = self.known.told
        if path in told:
            return False
        del told[: max(0, len(told) - _MOST_MEMBERS)]
        told.append(path)
        return True

    def _judge_types(self, about: _About, context: Context, place: Place) -> Iterator[Alarm]:
        for key, waiting in list(place.types.items()):
            many = waiting.seen >= _NEW and waiting.seen >= NEARLY_ALL * waiting.of
            if not many and not waiting.settled:
                continue
            del place.types[key]
            letter, name = key[0], key[1:]
            member = context.members[name]
            was = member.usual
            _accept(member, waiting)
            if not many:
                continue
            for form in SHAPES:  # that it is not the text it was is told herewith
                if here := place.members.get(f"{name}{FORM}{form}"):
                    here.told = True
            yield about.alarm("type_change", name, was=TYPES[was], now=TYPES[letter], sampled=waiting.seen)

    def _judge_runs(
        self, about: _About, context: Context, place: Place, missing: Iterable[str]
    ) -> Iterator[Alarm]:
        for name in missing:
            here = place.members[name]
            if here.told or here.run < _RUN or place.n - here.run < LEARNED_HERE:
                continue
            if FORM in name:
                yield from self._judge_form(about, context.members[name], place, name)
                continue
            expected = _expected(place, here)
            needed = max(_RUN, _LONGER * context.members[name].gap)
            if expected < _ALWAYS:
                needed = max(needed, ceil(_RUN_VARIED / max(expected, 0.01) ** 2))
            if here.run < needed:
                continue
            here.told = True
            new = context.renamed.get(name)
            if new in place.members and not place.members[new].run:
                yield about.alarm("renamed_field", name, now=about.path(new), sampled=here.run,
                                  expected=expected)  # fmt: skip
                continue
            column = about.node[0].startswith(ROW)
            emptied = 2 * here.empty > here.run
            kind = "empty_column" if column else "emptied_field" if emptied else "vanished_field"
            yield about.alarm(kind, name, was=TYPES.get(context.members[name].usual, ""), sampled=here.run,
                              expected=expected)  # fmt: skip

    def _judge_form(self, about: _About, member: Member, place: Place, key: str) -> Iterator[Alarm]:
        """Tell of texts that are there, but are no longer times, say; a form that not all had is variety."""
        here, (name, _, letter) = place.members[key], key.partition(FORM)
        whole, expected = place.members.get(name), _expected(place, here)
        if whole is None or whole.run or expected < _ALWAYS:
            return
        if here.run < max(_RUN_FORM, _LONGER * member.gap):
            return
        here.told = True
        forms = {each: place.members.get(f"{name}{FORM}{each}") for each in SHAPES}
        now = next((each for each, other in forms.items() if other and not other.run), TEXT)
        yield about.alarm("type_change", name, was=TYPES[letter], now=TYPES[now], sampled=here.run,
                          expected=expected)  # fmt: skip

    def _versions(self, seen: Sighting) -> Iterator[Alarm]:
        about, place = _About(self.source, seen, ("", "")), f"{seen.account} {seen.region}"
        if place not in self.known.versions and len(self.known.versions) >= _MOST_CONTEXTS:
            return
        here = self.known.versions.setdefault(place, {})
        learned = sum(here.values()) >= LEARNED_HERE
        for (name, version), count in seen.versions.items():
            key = f"{name} {version}"
            if key in here:
                here[key] += count
                continue
            known = [each for each in here if each.startswith(f"{name} ")]
            if len(known) >= _MOST_VERSIONS:
                continue
            highest = max((*known, *self._versions_elsewhere(place)), key=_numbers, default="")
            here[key] = count
            if learned and known and _numbers(key) > _numbers(highest):
                was = max(known, key=lambda each: here[each]).partition(" ")[2]
                yield about.alarm("version", name, was=was, now=version, sampled=count)

    def _versions_elsewhere(self, place: str) -> set[str]:
        """Return the versions that other places have, which are well known."""
        others = [seen for other, seen in self.known.versions.items() if other != place]
        return {key for seen in others if sum(seen.values()) >= LEARNED_HERE for key in seen}


class _About:
    """Where something was seen."""

    def __init__(self, source: str, seen: Sighting, node: Node) -> None:
        self.source, self.seen, self.node = source, seen, node

    def path(self, name: str) -> str:
        """The whole path of a member of the object."""
        where = "" if self.node[0].startswith(ROW) else self.node[0]
        return f"{where}.{name}" if where else name

    def alarm(self, kind: str, name: str, **more: object) -> Alarm:
        """Return the alarm about a member of the object."""
        table = self.node[0].removeprefix(ROW) if self.node[0].startswith(ROW) else ""
        seen = self.seen
        return Alarm(
            self.source, kind, self.path(name), seen.account, seen.region,  # type: ignore[arg-type]
            table=table, object_id=seen.object_id, **more,  # type: ignore[arg-type]
        )  # fmt: skip


def _strange(context: Context, place: Place, look: Look, name: str, letters: Mapping[str, int]) -> None:
    """Let a new member, or a type that a member never had, wait until it is plain how common it is."""
    member, filled = context.members.get(name), look.filled[name]
    if member is None and context.n < LEARNED:
        context.members[name] = Member(filled, dict(letters))
    elif member is None:
        _pend(place.own if place.is_own(name) else place.new, name, letters, look.count)
    else:
        for letter, count in letters.items():
            key = f"{letter}{name}"
            if place.is_own(f"\n{key}"):
                _pend(place.own, f"\n{key}", {letter: count}, filled)
            else:
                _pend(place.types, key, {letter: count}, filled)


def _runs(context: Context, place: Place, look: Look) -> list[str]:
    """Count how long each member has been missing, learn from how long it was, and return those that are."""
    heres, count = place.members, look.count
    missing = []
    for name, member in context.members.items():
        here, filled = heres.get(name), look.filled.get(name)
        if filled:
            if here is None:
                heres[name] = Here(filled)
                continue
            here.filled += filled
            if here.run:
                if not here.told:
                    member.gap = max(member.gap, here.run)
                here.run, here.empty, here.told = 0, 0, False
        elif here is not None:
            here.run += count
            here.empty += look.empty.get(name, 0)
            missing.append(name)
    return missing


def _numbers(version: str) -> list[int]:
    """Return what tells which of two versions is the higher one; lower ones are old services', no news."""
    return [int(each) for each in _NUMBER.findall(version)]


def _gone(context: Context, place: Place, waiting: Pending) -> list[str]:
    """Return the members that went missing when a new one of the same type came."""
    return [
        name for name, here in place.members.items()
        if here.run and not here.told and 2 * here.empty <= here.run and _expected(place, here) > 0.5
        if abs(here.run - waiting.of) <= max(BATCH, waiting.of // 3)
        if FORM not in name and context.members[name].usual == waiting.letter
    ]  # fmt: skip


def _form(name: str, of: int, known: Mapping[str, Pending] | Mapping[str, Here]) -> str:
    """Return the letter of the form that nearly all texts of a member are of."""
    for letter in SHAPES:
        each = known.get(f"{name}{FORM}{letter}")
        count = 0 if each is None else each.filled if isinstance(each, Here) else each.seen
        if count and count >= NEARLY_ALL * of:
            return letter
    return TEXT


def _settle(context: Context, place: Place) -> None:
    """Let what most objects of a place have from the start be watched like what all places have."""
    for key, own in list(place.own.items()):
        if own.seen <= place.n / 2 or len(context.members) > _MOST_MEMBERS:
            continue
        del place.own[key]
        if not key.startswith("\n"):
            context.members[key] = Member(own.seen, {own.letter: own.seen})
            place.members[key] = Here(own.seen)
        elif member := context.members.get(key[2:]):
            _accept(member, own)


def _accept(member: Member, waiting: Pending) -> None:
    """Count a type among those that a member has."""
    known = member.types.get(waiting.letter, 0)
    member.types[waiting.letter] = known + max(waiting.seen, 1 + member.filled // 500, 3)


def _pend(waiting: dict[str, Pending], name: str, filled: Mapping[str, int], of: int) -> None:
    if len(waiting) > _MOST_MEMBERS:
        return
    each = waiting.get(name)
    if each is None:  # it began somewhere among these objects
        each, of = waiting.setdefault(name, Pending()), sum(filled.values())
    each.seen += sum(filled.values())
    each.of += of
    each.letter = max(filled, key=lambda letter: filled[letter])


def _expected(place: Place, here: Here) -> float:
    """Return the share of objects that had the member before it went missing."""
    return min(1.0, here.filled / max(1, place.n - here.run))
