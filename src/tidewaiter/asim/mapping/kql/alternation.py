"""A short pattern of given texts: what many of them begin or end with is written once.

A table of 180 calls is a third of its length so. The pattern finds just the texts, in every dialect of
regular expressions: it has groups, alternatives, classes and `?`, and escapes only what has a meaning.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

_SIGNS = re.compile(r"([\\.^$|?*+()\[\]{}])")
_CLASS_SIGNS = frozenset("\\]^-[&~")
_EMPTY = frozenset({""})
Found = tuple[str, bool]
"""A pattern, and whether it has alternatives that a neighbour has to be kept from by a group."""


def alternation(texts: Collection[str]) -> str:
    """Return a pattern that finds the texts, to be put into a group or between anchors.

    Raises:
        ValueError: there is no text.
    """
    if not texts:
        raise ValueError("a pattern of no texts")
    return _pattern(frozenset(texts))[0]


@lru_cache(maxsize=1 << 14)
def _pattern(texts: frozenset[str]) -> Found:
    if "" in texts:
        return ("", False) if texts == _EMPTY else (_optional(_pattern(texts - _EMPTY)), False)
    listed = sorted(texts)
    if len(listed) == 1:
        return _escaped(listed[0]), False
    if begun := beginning(listed):
        return _escaped(begun) + _grouped(_pattern(_cut(listed, len(begun), 0))), False
    if ended := ending(listed):
        return _grouped(_pattern(_cut(listed, 0, len(ended)))) + _escaped(ended), False
    if all(len(each) == 1 for each in listed):
        return "[" + "".join(f"\\{each}" if each in _CLASS_SIGNS else each for each in listed) + "]", False
    return min((_split(listed, at_end=at_end) for at_end in (False, True)), key=lambda found: len(found[0]))


def _split(listed: Sequence[str], *, at_end: bool) -> Found:
    """Write texts as alternatives by their first or last sign; those with the same rests go together."""
    groups: dict[str, list[str]] = {}
    for each in listed:
        groups.setdefault(each[-1] if at_end else each[0], []).append(each)
    by_rest: dict[frozenset[str], set[str]] = {}
    for group in groups.values():
        shared = group[0] if len(group) == 1 else ending(group) if at_end else beginning(group)
        size = len(shared)
        rest = _EMPTY if len(group) == 1 else _cut(group, *((0, size) if at_end else (size, 0)))
        by_rest.setdefault(rest, set()).add(shared)
    parts: list[str] = []
    for rest, shared_by in by_rest.items():
        if rest == _EMPTY and len(shared_by) == len(listed):
            parts += map(_escaped, sorted(shared_by))
        elif rest == _EMPTY:
            parts.append(_pattern(frozenset(shared_by))[0])
        else:
            pair = (_grouped(_pattern(frozenset(shared_by))), _grouped(_pattern(rest)))
            parts.append("".join(reversed(pair) if at_end else pair))
    return "|".join(parts), len(parts) > 1


def beginning(texts: Collection[str]) -> str:
    """Return what all of these texts begin with."""
    first, last = min(texts), max(texts)
    same = (place for place, sign in enumerate(first) if sign != last[place])
    return first[: next(same, len(first))]


def ending(texts: Iterable[str]) -> str:
    """Return what all of these texts end with."""
    return beginning([each[::-1] for each in texts])[::-1]


def _cut(listed: Iterable[str], before: int, after: int) -> frozenset[str]:
    return frozenset(each[before : len(each) - after] for each in listed)


def _escaped(text: str) -> str:
    return _SIGNS.sub(r"\\\1", text)


def _grouped(found: Found) -> str:
    return f"(?:{found[0]})" if found[1] else found[0]


def _optional(found: Found) -> str:
    pattern, alternatives = found
    single = re.fullmatch(r"\\?.|\[(?:\\.|[^\\\]])*\]", pattern, re.DOTALL)
    return f"{pattern}?" if single and not alternatives else f"(?:{pattern})?"
