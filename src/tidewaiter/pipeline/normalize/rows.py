"""What normalization makes of a chunk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from tidewaiter.core.faults import Quarantined

if TYPE_CHECKING:
    import polars as pl


@dataclass(slots=True)
class JsonRows:
    """Rows of one table from JSON records; all lists are aligned.

    `heads[i]` is the JSON object of all columns but AdditionalFields, `extras[i]` that of
    AdditionalFields, `ids[i]` the event id, `records[i]` the typed record, `raws[i]` its bytes,
    `positions[i]` its index in the object and `billed[i]` what the row is billed with, in bytes.

    `natives[i]` is the row of the same record in the table `native`, one of Sentinel's own for the source,
    and `natives_billed[i]` what that is billed with; without such a table they are empty.
    """

    table: str
    ids: list[str] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    extras: list[bytes] = field(default_factory=list)
    records: list[msgspec.Struct] = field(default_factory=list)
    raws: list[bytes | msgspec.Raw] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    billed: list[int] = field(default_factory=list)
    native: str = ""
    natives: list[bytes] = field(default_factory=list)
    natives_billed: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.heads)


@dataclass(slots=True)
class FrameRows:
    """Rows of one table from delimited text: a frame of ASIM columns, EventOriginalUid included.

    The text has no ids of its own, so that each EventOriginalUid ends in `-` and the line number. `natives`
    holds the rows of the same lines in the table `native`, if there is one.
    """

    table: str
    frame: pl.DataFrame
    native: str = ""
    natives: pl.DataFrame | None = None

    def __len__(self) -> int:
        return self.frame.height


@dataclass(slots=True)
class Normalized:
    """One chunk, mapped: every record of the chunk is in `rows` or in `quarantined`."""

    rows: list[JsonRows | FrameRows] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)

    @property
    def valid(self) -> int:
        """How many records became rows."""
        return sum(len(rows) for rows in self.rows)
