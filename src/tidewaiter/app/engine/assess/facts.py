"""What is counted of one source's rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from tidewaiter.app.engine.assess.silence import BIN, Silence, silences
from tidewaiter.app.engine.assess.talkers import Talkers
from tidewaiter.asim import schema_of_table
from tidewaiter.asim.schema import table
from tidewaiter.pipeline.deliver import RowColumns
from tidewaiter.pipeline.sources.place import place_of, region_of_zone

_EVERY = 25
"""Of every so many rows one is asked which columns it fills."""
_KEYS = 2_000_000
"""Events whose keys are remembered, to find those that come twice: 150 MB."""
_PLACES = 5_000
"""Accounts and regions that are counted apart: who writes logs can make up any number of them."""
OTHERS = "(others)"
_EARLIEST = datetime(2006, 3, 14, tzinfo=UTC).timestamp()
"""AWS's first service opened that day: a record from before has no time of its own."""

_columns = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class _Row(msgspec.Struct):
    """What of an ASIM row tells where it is from, and who did what."""

    scope: str = msgspec.field(name="DvcScopeId", default="")
    zone: str = msgspec.field(name="DvcZone", default="")
    kind: str = msgspec.field(name="EventType", default="")
    operation: str = msgspec.field(name="Operation", default="")
    original: str = msgspec.field(name="EventOriginalType", default="")
    alert: str = msgspec.field(name="AlertName", default="")
    actor: str = msgspec.field(name="ActorUsername", default="")
    user: str = msgspec.field(name="SrcUsername", default="")
    target: str = msgspec.field(name="TargetUsername", default="")
    source: str = msgspec.field(name="SrcIpAddr", default="")
    destination: str = msgspec.field(name="DstIpAddr", default="")
    port: int | None = msgspec.field(name="DstPortNumber", default=None)
    query: str = msgspec.field(name="DnsQuery", default="")
    host: str = msgspec.field(name="HttpHost", default="")


_row = msgspec.json.Decoder(_Row).decode


@dataclass(slots=True)
class SourceFacts:
    """One source, counted. Sizes are bytes; `billed` is by the table that Microsoft's connector would fill.

    `days`: first and last minute with a record, in Unix seconds, by the number of the day.
    """

    source: str
    objects: int = 0
    records: int = 0
    valid: int = 0
    quarantined: int = 0
    faults: int = 0
    raw_bytes: int = 0
    duplicates: int = 0
    duplicate_bytes: int = 0
    unspecific: int = 0
    without_time: int = 0
    first: str = ""
    last: str = ""
    rows: Counter[str] = field(default_factory=Counter)
    billed: Counter[str] = field(default_factory=Counter)
    accounts: Counter[str] = field(default_factory=Counter)
    regions: Counter[str] = field(default_factory=Counter)
    talkers: Talkers = field(default_factory=Talkers)
    days: dict[int, tuple[int, int]] = field(default_factory=dict)
    _busy: dict[tuple[str, str], set[int]] = field(default_factory=lambda: defaultdict(set))
    _keys: set[int] = field(default_factory=set)
    _turn: int = 0
    _looked: int = 0
    _filled: float = 0.0

    @property
    def size(self) -> int:
        """Bytes that are billed, in all tables."""
        return sum(self.billed.values())

    @property
    def filled(self) -> float:
        """Mean share of mandatory and recommended ASIM columns that a row fills, of those its table has."""
        return self._filled / self._looked if self._looked else 0.0

    def silences(self) -> list[Silence]:
        """Return where and when nothing came, longest first."""
        last = max((max(bins) for bins in self._busy.values()), default=0)
        found = [each for place, bins in self._busy.items() for each in silences(*place, bins, last)]
        return sorted(found, key=lambda silence: (-silence.hours, silence.account, silence.region))

    def add(self, object_id: str, asim: str, rows: RowColumns, native: str, until: float) -> None:
        """Count the rows of one object, of the ASIM table `asim`; `native` names the table of their copies.

        `until` is the Unix time after which a record has no time that can be true.
        """
        account, region = place_of(object_id)
        self.rows[native or asim] += len(rows.row)
        for place, row in enumerate(rows.row):
            size = rows.copy_billed[place] if rows.copy_billed else rows.billed[place]
            self.billed[native or asim] += size
            told = _row(row)
            where = told.scope or account, region or region_of_zone(told.zone)
            self._count(told, where, size)
            self._when(rows.at[place], where, until)
            self._twice(rows.key[place], size)
        self._fill(asim, rows.row)

    def _count(self, told: _Row, where: tuple[str, str], size: int) -> None:
        for counts, name in zip((self.accounts, self.regions), where, strict=True):
            counts[name if name in counts or len(counts) < _PLACES else OTHERS] += 1
        self.unspecific += told.kind == "Other"
        self.talkers.add(_talker(told), size)

    def _when(self, at: str, where: tuple[str, str], until: float) -> None:
        seconds = _seconds(at[:16])
        if not _EARLIEST <= seconds <= until:
            self.without_time += 1
            return
        self.first = min(self.first, at) if self.first else at
        self.last = max(self.last, at)
        first, last = self.days.get(seconds // 86_400, (seconds, seconds))
        self.days[seconds // 86_400] = min(first, seconds), max(last, seconds)
        if where in self._busy or len(self._busy) < _PLACES:
            self._busy[where].add(seconds // BIN)

    def _twice(self, key: int | None, size: int) -> None:
        if key is None:
            return
        if key in self._keys:
            self.duplicates += 1
            self.duplicate_bytes += size
        elif len(self._keys) < _KEYS:
            self._keys.add(key)

    def _fill(self, asim: str, rows: Sequence[bytes]) -> None:
        wanted = _wanted(asim)
        for place in range(-self._turn % _EVERY, len(rows), _EVERY):
            self._looked += 1
            self._filled += len(wanted & _columns(rows[place]).keys()) / len(wanted) if wanted else 1.0
        self._turn += len(rows)


def _talker(told: _Row) -> str:
    """Say in a few words who does what: what is the same for many rows."""
    if told.alert:
        return told.alert
    who = told.actor or told.user or told.target or told.source
    if told.query:
        return f"{told.source} asks for {told.query}" if told.source else told.query
    if told.destination:
        port = f":{told.port}" if told.port is not None else ""
        return f"{told.source} -> {told.destination}{port}"
    what = told.operation or told.original or told.kind
    return f"{what} by {who}" if who else what


@lru_cache(maxsize=4096)
def _seconds(minute: str) -> int:
    return int(datetime.fromisoformat(minute).replace(tzinfo=UTC).timestamp())


@lru_cache(maxsize=64)
def _wanted(name: str) -> frozenset[str]:
    """Return the columns of an ASIM table that docs or tester call mandatory or recommended."""
    schema = schema_of_table(name)
    if schema is None:
        return frozenset()
    return frozenset(
        column
        for column in table(name).sendable
        if (known := schema.fields.get(column))
        and {known.cls, known.tester.cls if known.tester else ""} & {"Mandatory", "Recommended"}
    )
