"""What has been learned of a source's records, to be kept between runs."""

from __future__ import annotations

import msgspec

LEARNED = 80
"""Objects of a kind that are looked at before anything about them is judged."""
LEARNED_HERE = 30
"""The same in one account and region."""
_ASSESSED = 18
"""After as many objects it is settled whether what is new is in nearly all of them."""
NEARLY_ALL = 0.9


class Member(msgspec.Struct, array_like=True):
    """A member of an object: how often it was filled, with what types, and how long it ever was not."""

    filled: int = 0
    types: dict[str, int] = {}
    gap: int = 0

    @property
    def usual(self) -> str:
        """The letter of its most common type."""
        return max(self.types, key=lambda letter: self.types[letter], default="")


class Here(msgspec.Struct, array_like=True):
    """The same in one place: `run` counts the last objects without it, `empty` those where it was empty."""

    filled: int = 0
    run: int = 0
    empty: int = 0
    told: bool = False


class Pending(msgspec.Struct, array_like=True):
    """Something new in one place: in how many of how many objects since it was first seen."""

    seen: int = 0
    of: int = 0
    letter: str = ""

    @property
    def settled(self) -> bool:
        """Whether it is plain that only some have it."""
        return self.of >= _ASSESSED and self.seen < NEARLY_ALL * self.of


class Place(msgspec.Struct, array_like=True):
    """A kind of object in one account and region.

    `own` has members and types that nobody else has, and that were there before anything was judged here:
    they are no news here, but may be elsewhere.
    """

    n: int = 0
    members: dict[str, Here] = {}
    new: dict[str, Pending] = {}
    types: dict[str, Pending] = {}
    own: dict[str, Pending] = {}

    def is_own(self, key: str) -> bool:
        """Whether something that nobody else has belongs to what is learned of this place."""
        return self.n < LEARNED_HERE or key in self.own


class Context(msgspec.Struct, array_like=True):
    """A kind of object, everywhere; `renamed` are members with the names that took their place.

    `early` are the first objects, of which nothing is learned before there are `LEARNED`: as (place, names,
    letters, count).
    """

    n: int = 0
    members: dict[str, Member] = {}
    places: dict[str, Place] = {}
    renamed: dict[str, str] = {}
    early: list[tuple[str, tuple[str, ...], str, int]] = []


class Known(msgspec.Struct, array_like=True):
    """All that is known of a source; `versions` go by place, as `<member> <version>`, with their counts."""

    contexts: dict[str, Context] = {}
    versions: dict[str, dict[str, int]] = {}
    told: list[str] = []
    """New fields that were told of, the last ones: the same one in another kind of object is no news."""
