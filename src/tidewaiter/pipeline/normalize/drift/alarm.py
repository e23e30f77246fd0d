"""What is said when the records of a source no longer look as they did."""

from __future__ import annotations

from typing import Literal

import msgspec

AlarmKind = Literal[
    "new_field", "vanished_field", "renamed_field", "type_change", "emptied_field", "version", "empty_column"
]
"""`empty_column`: rows arrive, but a column that the mapping used to fill stays empty."""


class Alarm(msgspec.Struct, frozen=True):
    """One change, in one account and region.

    `field` is the member's path in the record (or the column of `table`), `was` and `now` say what changed:
    the JSON type, the version, or for a renamed field its likely new path. `sampled` counts the records in
    which it was seen until the alarm, `expected` is the share of records that had the field before.
    """

    source: str
    kind: AlarmKind
    field: str
    account: str
    region: str
    was: str = ""
    now: str = ""
    table: str = ""
    sampled: int = 0
    expected: float = 0.0
    object_id: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """What makes it the same alarm as another one."""
        return self.source, self.kind, self.field, self.account, self.region, self.now, self.table
