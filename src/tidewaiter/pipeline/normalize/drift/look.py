"""What some objects of one kind were like, held against what is known of their members."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from tidewaiter.pipeline.normalize.drift.known import LEARNED, Member
from tidewaiter.pipeline.normalize.drift.observe import EMPTY, SHAPES, TEXT, Shape, Shapes

FORM = "\t"
"""Between a member's name and the letter of its texts' form: such a name stands for the form."""
_MOST_PLAIN = 250


class Look:
    """What some objects were like: how many had each member, filled or empty, and what of it is `strange`."""

    def __init__(
        self,
        shapes: Shapes,
        members: Mapping[str, Member],
        plain: set[Shape],
        *,
        forms: bool,
        learning: bool,
    ) -> None:
        self.count = sum(shapes.values())
        self.filled: dict[str, int] = {}
        self.empty: dict[str, int] = {}
        self.strange: dict[str, dict[str, int]] = {}
        for shape, count in shapes.items():
            made = _members_of(shape, forms)
            if shape not in plain:
                strange = self._types(made, members, count, learning=learning)
                if not strange and not learning and len(plain) < _MOST_PLAIN:
                    plain.add(shape)
            _add(self.filled, made.filled, count)
            _add(self.empty, made.empty, count)

    def _types(self, made: _Members, members: Mapping[str, Member], count: int, *, learning: bool) -> bool:
        """Count types; return whether one is not usual. A shape without one is plain from then on."""
        strange = False
        for name, letter in zip(made.filled, made.letters, strict=True):
            member = members.get(name)
            known = member.types.get(letter, 0) if member else 0
            usual = member and known >= 3 and known * 500 >= member.filled
            if member and (usual or learning or member.filled < LEARNED):
                member.types[letter] = known + count
                member.filled += count
                strange = strange or not usual
                continue
            letters = self.strange.setdefault(name, {})
            letters[letter] = letters.get(letter, 0) + count
            strange = True
        return strange


class _Members(NamedTuple):
    """The members of a shape that are filled, with their types, and those that are empty."""

    filled: tuple[str, ...]
    letters: str
    empty: tuple[str, ...]


def _add(counts: dict[str, int], names: tuple[str, ...], count: int) -> None:
    if not counts:
        counts.update(dict.fromkeys(names, count))
        return
    for name in names:
        counts[name] = counts.get(name, 0) + count


@lru_cache(maxsize=4096)
def _members_of(shape: Shape, forms: bool) -> _Members:
    """Return the members of a shape, and with `forms` the forms of texts as members."""
    both = list(zip(*shape, strict=True))
    found = [(name, TEXT if letter in SHAPES else letter) for name, letter in both if letter != EMPTY]
    if forms:
        found += [(f"{name}{FORM}{letter}", TEXT) for name, letter in both if letter in SHAPES]
    empty = tuple(name for name, letter in both if letter == EMPTY)
    return _Members(tuple(name for name, _ in found), "".join(letter for _, letter in found), empty)
