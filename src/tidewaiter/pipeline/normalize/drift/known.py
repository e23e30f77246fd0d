"""What has been learned of a source's records, to be kept between runs."""

from __future__ import annotations

import msgspec

LEARNED = 40
"""Objects that are looked at before anything about them is judged."""
LEARNED_KIND = 16
"""The same of one kind among several."""
LEARNED_HERE = 24
"""The same in one account and region."""
_ASSESSED = 18
"""After as many objects it is settled whether what is new is in nearly all of them."""
_PATIENCE = 160
"""The same as long as it may be another name of what only some have."""
NEARLY_ALL = 0.9


class Member(msgspec.Struct, array_like=True):
    """A member of a kind of object: how many of how many `had` it, and of what types it was.

    `filled` counts the values whose types were counted. Objects that lack it are counted in `of` only when it
    is back: what it is held against must not learn from what is wrong.
    """

    had: int = 0
    of: int = 0
    filled: int = 0
    types: dict[str, int] = {}

    @property
    def usual(self) -> str:
        """The letter of its most common type."""
        return max(self.types, key=lambda letter: self.types[letter], default="")


class Kind(msgspec.Struct, array_like=True):
    """A kind of object, wherever it is from.

    `early` are the first objects, of which nothing is learned before there are enough: as (place, names,
    letters, count).
    """

    n: int = 0
    members: dict[str, Member] = {}
    early: list[tuple[str, tuple[str, ...], str, int]] = []


class Here(msgspec.Struct, array_like=True):
    """A member in one place: how often it was filled, and for how long it has been missing.

    `run` counts the last objects without it, of kinds that have it, `want` how many of these should have had
    it, `empty` those where it was there without a value, and `lack` the objects by kind.
    """

    filled: int = 0
    run: int = 0
    empty: int = 0
    told: bool = False
    want: float = 0.0
    lack: dict[str, int] = {}

    @property
    def share(self) -> float:
        """The share of objects that had it before it went missing."""
        return self.want / max(1, self.run)


class Pending(msgspec.Struct, array_like=True):
    """Something new in one place: in how many of how many objects, of the kinds that have it.

    It was first seen among `first` objects, of which some were before; `was` is the letter of its old type.
    """

    seen: int = 0
    of: int = 0
    letter: str = ""
    first: int = 0
    was: str = ""
    kinds: list[str] = []

    @property
    def common(self) -> bool:
        """Whether nearly all have it."""
        return self.seen >= NEARLY_ALL * self.of

    @property
    def settled(self) -> bool:
        """Whether it is plain that only some have it."""
        return self.of >= _ASSESSED and not self.common

    @property
    def old(self) -> bool:
        """Whether it has been there for so long that it is no other name of what went missing."""
        return self.of >= _PATIENCE


class Place(msgspec.Struct, array_like=True):
    """The objects at one path of one account and region.

    `types` and `own` go by `<letter><name>` behind a line feed where a type is meant. `own` has members and
    types that nobody else has, and that were there before anything was judged here: they are no news here,
    but may be elsewhere.
    """

    n: int = 0
    members: dict[str, Here] = {}
    new: dict[str, Pending] = {}
    types: dict[str, Pending] = {}
    own: dict[str, Pending] = {}

    def is_own(self, key: str) -> bool:
        """Whether something that nobody else has belongs to what is learned of this place."""
        return self.n < LEARNED_HERE or key in self.own


class Name(msgspec.Struct, array_like=True):
    """A member at a path, in all kinds and places: how long it ever was missing, or there without a value."""

    had: int = 0
    gap: int = 0
    blank: int = 0
    blanks: int = 0


class Path(msgspec.Struct, array_like=True):
    """All objects at a path; `renamed` are members with the names that took their place."""

    n: int = 0
    kinds: dict[str, Kind] = {}
    names: dict[str, Name] = {}
    places: dict[str, Place] = {}
    renamed: dict[str, str] = {}

    def usual(self, name: str) -> str:
        """Return the letter of the type that a member mostly has, over all kinds."""
        found = [known.members[name] for known in self.kinds.values() if name in known.members]
        return max(found, key=lambda member: member.had).usual if found else ""


class Known(msgspec.Struct, array_like=True):
    """All that is known of a source; `versions` go by place, as `<member> <version>`, with their counts."""

    paths: dict[str, Path] = {}
    versions: dict[str, dict[str, int]] = {}
    told: list[str] = []
    """New fields that were told of, the last ones: the same one in another kind of object is no news."""
    size: int = 0
    """How many kinds, places and members of them there are."""
