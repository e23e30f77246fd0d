"""How records fared. Always `records = valid + quarantined`, `valid = delivered + … + duplicate`."""

from __future__ import annotations

import msgspec


class Counts(msgspec.Struct):
    """Counts of one source (report.json, DESIGN section 12).

    `merged`, `dropped` and `tiered` belong to reduction; `raw_bytes` is the size of what was read, in bytes
    after decompression.
    """

    objects: int = 0
    records: int = 0
    valid: int = 0
    quarantined: int = 0
    delivered: int = 0
    merged: int = 0
    dropped: int = 0
    tiered: int = 0
    duplicate: int = 0
    faults: int = 0
    raw_bytes: int = 0

    def add(self, other: Counts) -> None:
        """Add another's counts to these."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def check(self) -> None:
        """Raise AssertionError when the laws do not hold: a bug, never bad data."""
        accounted = self.delivered + self.merged + self.dropped + self.tiered + self.duplicate
        if self.records != self.valid + self.quarantined or self.valid != accounted:
            raise AssertionError(f"counts do not add up: {self}")
