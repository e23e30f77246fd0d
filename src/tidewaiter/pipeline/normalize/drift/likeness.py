"""Which of the members that went missing a new one is likely to be, by another name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
_LIKE = 0.5


def likely_name(name: str, missing: Iterable[str]) -> str:
    """Return the missing name that is most like `name`; the only one in any case, "" when none is likely."""
    names = list(missing)
    if len(names) == 1:
        return names[0]
    best = max(names, key=lambda other: likeness(name, other), default="")
    return best if best and likeness(name, best) >= _LIKE else ""


def likeness(one: str, other: str) -> float:
    """Return how alike two names are, from 0 to 1: by their letters, or by their words in any order."""
    letters = SequenceMatcher(None, _plain(one), _plain(other)).ratio()
    ours, theirs = (set(map(str.lower, _WORD.findall(each))) for each in (one, other))
    words = len(ours & theirs) / max(1, len(ours | theirs))
    return max(letters, words)


def _plain(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum())
