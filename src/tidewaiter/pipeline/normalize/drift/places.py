"""What some objects of one place were like, counted: what is missing and for how long, and what is new."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tidewaiter.pipeline.normalize.drift.known import (
    LEARNED,
    LEARNED_HERE,
    Here,
    Kind,
    Member,
    Name,
    Path,
    Pending,
    Place,
)
from tidewaiter.pipeline.normalize.drift.look import FORM, Look

MOST_MEMBERS = 250
"""Members of a kind, and new things in a place: what has more is a map, and its names say nothing."""
MOST_NAMES = 3_000
"""Members of all kinds at a path."""
_RARE = 0.02
"""A member that fewer have is not missed."""
_MOST_KINDS = 50
_ALL = 0.98


@dataclass(slots=True)
class Part:
    """Objects of one kind: `known` is what is known of the kind, None while it is still learned."""

    name: str
    known: Kind | None
    look: Look


@dataclass(slots=True)
class Lack:
    """Objects without a member that their kinds have; `want` of them should have it."""

    count: int = 0
    empty: int = 0
    want: float = 0.0
    kinds: list[tuple[Member, str, int]] = field(default_factory=list)


def count(path: Path, place: Place, parts: list[Part]) -> list[str]:
    """Count objects of one place; return the names that are missing by now."""
    filled: dict[str, int] = {}
    lacks: dict[str, Lack] = {}
    for part in parts:
        if part.known is None and not part.name.strip() and path.n >= LEARNED:
            _nameless(path, place, part, lacks)
        _new(place, part)
        _blanks(path, place, part.look)
        _kind(part, filled, lacks)
    for name, had in filled.items():
        _had(path, place, name, had)
    missing = []
    for name, lack in lacks.items():
        here = place.members.get(name)
        if here is None or name in filled:  # some have it, or none here ever had: so it is
            for member, _, lost in lack.kinds:
                member.of += lost
            continue
        here.run += lack.count
        here.empty += lack.empty
        here.want += lack.want
        for _, kind, lost in lack.kinds:
            if kind in here.lack or len(here.lack) < _MOST_KINDS:
                here.lack[kind] = here.lack.get(kind, 0) + lost
        missing.append(name)
    seen = sum(part.look.count for part in parts)
    place.n += seen
    path.n += seen
    return missing


def learn(path: Path, place: Place, look: Look) -> int:
    """Count the first objects of a kind where they are from; return by how much that grew what is known."""
    before = len(place.members)
    for name, had in look.filled.items():
        _had(path, place, name, had)
    place.n += look.count
    path.n += look.count
    return len(place.members) - before


def _kind(part: Part, filled: dict[str, int], lacks: dict[str, Lack]) -> None:
    """Count what objects of a kind have, and what they lack."""
    look, total = part.look, part.look.count
    if part.known is None:
        for name, had in look.filled.items():
            filled[name] = filled.get(name, 0) + had
        return
    for name, member in part.known.members.items():
        had = look.filled.get(name, 0)
        if had:
            member.had += had
            member.of += total
            filled[name] = filled.get(name, 0) + had
            continue
        share = member.had / max(1, member.of)
        if share < _RARE:
            member.of += total
            continue
        lack = lacks.get(name)
        if lack is None:
            lack = lacks[name] = Lack()
        lack.count += total
        lack.empty += look.empty.get(name, 0)
        lack.want += share * total
        lack.kinds.append((member, part.name, total))


def _blanks(path: Path, place: Place, look: Look) -> None:
    """Count what is there without a value, where that is not told of."""
    for name, empty in look.empty.items():
        here = place.members.get(name)
        if here and here.told:
            continue
        if name in path.names or len(path.names) < MOST_NAMES:
            path.names.setdefault(name, Name()).blanks += empty


def _nameless(path: Path, place: Place, part: Part, lacks: dict[str, Lack]) -> None:
    """Hold objects that no longer say of what kind they are against what all had, of whatever kind."""
    look, most = part.look, _ALL * path.n
    for name, each in path.names.items():
        if each.had >= most and name not in look.filled and FORM not in name:
            lack = lacks.setdefault(name, Lack())
            lack.count += look.count
            lack.empty += look.empty.get(name, 0)
            lack.want += look.count
    for name, letters in look.strange.items():
        if name not in path.names or name in place.new:
            _pend(place, place.new, name, name, letters, look.count, part.name, "")
        elif path.names[name].had >= most and FORM not in name:
            kinds = [kind.members[name].types for kind in path.kinds.values() if name in kind.members]
            for letter, seen in letters.items():
                if not any(letter in types for types in kinds):
                    key, was = f"{letter}{name}", path.usual(name)
                    of = look.filled[name]
                    _pend(place, place.types, key, f"\n{key}", {letter: seen}, of, part.name, was)


def _had(path: Path, place: Place, name: str, had: int) -> None:
    each = path.names.get(name)
    if each is None:
        if len(path.names) >= MOST_NAMES:
            return
        each = path.names[name] = Name()
    each.had += had
    here = place.members.get(name)
    if here is None:
        place.members[name] = Here(had)
        return
    here.filled += had
    if here.run:
        if not here.told:
            each.gap = max(each.gap, here.run)
            each.blank = max(each.blank, here.empty)
            for kind, lost in here.lack.items():
                if (known := path.kinds.get(kind)) and (member := known.members.get(name)):
                    member.of += lost
        here.run, here.empty, here.want, here.told, here.lack = 0, 0, 0.0, False, {}


def _new(place: Place, part: Part) -> None:
    """Let a new member, or a type that a member never had, wait until it is plain how common it is."""
    look = part.look
    for name, letters in look.strange.items() if part.known else ():
        member, filled = part.known.members.get(name), look.filled[name]  # type: ignore[union-attr]
        if member is None:
            _pend(place, place.new, name, name, letters, look.count, part.name, "")
            continue
        for letter, seen in letters.items():
            key = f"{letter}{name}"
            _pend(place, place.types, key, f"\n{key}", {letter: seen}, filled, part.name, member.usual)
    for name, waiting in place.new.items():
        if part.name in waiting.kinds and name not in look.strange:
            waiting.of += look.count
    for key, waiting in place.types.items():
        if part.name in waiting.kinds and key[0] not in look.strange.get(key[1:], ()):
            waiting.of += look.filled.get(key[1:], 0)


def _pend(
    place: Place,
    waiting: dict[str, Pending],
    key: str,
    own: str,
    filled: Mapping[str, int],
    of: int,
    kind: str,
    was: str,
) -> None:
    """Count what is new; it began somewhere among the objects that had it first."""
    if place.is_own(own):
        waiting, key = place.own, own
    if len(waiting) > MOST_MEMBERS:
        return
    each, seen = waiting.get(key), sum(filled.values())
    if each is None:
        each, of = waiting.setdefault(key, Pending(first=seen, was=was)), seen
    if kind not in each.kinds:
        if len(each.kinds) >= _MOST_KINDS:
            return
        each.kinds.append(kind)
    each.seen += seen
    each.of += of
    each.letter = max(filled, key=lambda letter: filled[letter])


def settle(path: Path, place: Place, before: int) -> None:
    """Let what most objects of a place have from the start be watched like what all places have."""
    if not before < LEARNED_HERE <= place.n:
        return
    for key, own in list(place.own.items()):
        if own.seen <= place.n / 2:
            continue
        del place.own[key]
        if key.startswith("\n"):
            accept_type(path, key[2:], own)
        else:
            accept(path, place, key, own, since=True)


def accept(path: Path, place: Place, name: str, waiting: Pending, *, since: bool = False) -> None:
    """Take a new member as known, of the kinds that have it; `since` it came, or of all objects."""
    for known in _kinds(path, waiting):
        if len(known.members) <= MOST_MEMBERS and name not in known.members:
            types = {waiting.letter: max(3, waiting.seen)}
            of = waiting.of if since else max(waiting.of, known.n)
            known.members[name] = Member(waiting.seen, of, waiting.seen, types)
    if name in place.members or len(path.names) < MOST_NAMES:
        path.names.setdefault(name, Name(waiting.seen))
        place.members.setdefault(name, Here(waiting.seen))


def accept_type(path: Path, name: str, waiting: Pending) -> None:
    """Count a type among those that a member has."""
    for known in _kinds(path, waiting):
        if member := known.members.get(name):
            was = member.types.get(waiting.letter, 0)
            member.types[waiting.letter] = was + max(waiting.seen, 1 + member.filled // 500, 3)


def _kinds(path: Path, waiting: Pending) -> Iterator[Kind]:
    return (known for name in waiting.kinds if (known := path.kinds.get(name)))
