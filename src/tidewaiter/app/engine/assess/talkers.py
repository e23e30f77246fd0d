"""The most of something among many, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, field

_MOST = 20_000
_LONGEST = 200
"""Characters of a name that are kept: names come from logs."""


@dataclass(slots=True)
class Talkers:
    """Counts rows and bytes by name.

    Of more names than fit the smaller half is forgotten (lossy counting: Manku and Motwani, VLDB 2002), so
    that a count may be too low by what its name had when it was forgotten; `complete` says that none was.
    """

    rows: dict[str, int] = field(default_factory=dict)
    size: dict[str, int] = field(default_factory=dict)
    complete: bool = True

    def add(self, name: str, size: int) -> None:
        """Count a row of `size` bytes."""
        name = name[:_LONGEST]
        self.rows[name] = self.rows.get(name, 0) + 1
        self.size[name] = self.size.get(name, 0) + size
        if len(self.rows) > _MOST:
            self._forget()

    def top(self, count: int) -> list[tuple[str, int, int]]:
        """Return the names with the most bytes, each with its rows and bytes."""
        names = sorted(self.size, key=lambda name: (-self.size[name], name))[:count]
        return [(name, self.rows[name], self.size[name]) for name in names]

    def _forget(self) -> None:
        self.complete = False
        kept = {name for name, _, _ in self.top(_MOST // 2)}
        self.rows = {name: count for name, count in self.rows.items() if name in kept}
        self.size = {name: size for name, size in self.size.items() if name in kept}
