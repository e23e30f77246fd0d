"""CloudTrail's log files: an object per account and region every few minutes, some events late.

Layout after "Getting and viewing your CloudTrail log files" (AWS CloudTrail User Guide, read 2026-11),
organisation trail. A quiet account and region waits for up to half an hour, so that a small day does not
fall into thousands of tiny objects.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from tidewaiter.lab.generator.company import ORGANIZATION, Company
from tidewaiter.lab.generator.rhythm import MINUTE, SECOND

_SLOT = 5 * MINUTE
_ENOUGH = 80
_PATIENCE = 30 * MINUTE
_LATE = 0.012

Entry = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class LogFile:
    """A delivered log file: `key` is its path below the bucket, `digest` the SHA-256 of its JSON text."""

    account: str
    region: str
    key: str
    digest: str
    oldest: int
    newest: int
    delivered: int


@dataclass(slots=True)
class _Pending:
    entries: list[Entry] = field(default_factory=list)
    late: list[tuple[int, Entry]] = field(default_factory=list)
    opened: int = 0


def write_gzip(path: Path, data: bytes) -> None:
    """Write a gzip file whose bytes depend on the data alone (no time, no name in the header)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data, compresslevel=6, mtime=0))


class TrailWriter:
    """Takes records in the order of time and writes them as CloudTrail would deliver them."""

    def __init__(self, out: Path, company: Company, progress: Callable[[int], None] | None = None) -> None:
        """Write below `out`; `progress` hears how many records each new file holds."""
        self.files: list[LogFile] = []
        self._out = out
        self._company = company
        self._progress = progress
        self._draw = company.stream("trail")
        self._pending: dict[tuple[str, str], _Pending] = {}

    def add(self, at: int, account: str, region: str, record: bytes) -> None:
        """Take one record; times never go back."""
        place = (account, region)
        pending = self._pending.get(place)
        if pending is None:
            pending = self._pending[place] = _Pending(opened=at)
        elif pending.entries and at // _SLOT > pending.opened // _SLOT:
            waited = at - pending.opened
            if len(pending.entries) >= _ENOUGH or waited >= _PATIENCE:
                self._deliver(place, pending, at)
                pending.opened = at
        if self._draw.chance(_LATE):
            release = at + self._draw.whole(4 * MINUTE, 14 * MINUTE)
            pending.late.append((release, (at, record)))
        else:
            pending.entries.append((at, record))

    def close(self) -> None:
        """Deliver what is still held back."""
        for place, pending in self._pending.items():
            pending.entries += [entry for _, entry in pending.late]
            pending.late = []
            if pending.entries:
                self._deliver(place, pending, 0)

    def _deliver(self, place: tuple[str, str], pending: _Pending, now: int) -> None:
        entries = pending.entries + [entry for release, entry in pending.late if release <= now]
        pending.late = [held for held in pending.late if held[0] > now]
        pending.entries = []
        newest = max(entry[0] for entry in entries)
        delivered = -(-(newest + self._draw.whole(90 * SECOND, 6 * MINUTE)) // _SLOT) * _SLOT
        entries.sort(key=lambda entry: entry[0] + self._draw.whole(0, 90 * SECOND))
        text = b'{"Records":[' + b",".join(entry[1] for entry in entries) + b"]}"
        account, region = place
        moment = self._company.moment(delivered)
        name = f"{account}_CloudTrail_{region}_{moment:%Y%m%dT%H%MZ}_{self._draw.code(16)}.json.gz"
        key = f"AWSLogs/{ORGANIZATION}/{account}/CloudTrail/{region}/{moment:%Y/%m/%d}/{name}"
        write_gzip(self._out / key, text)
        oldest = min(entry[0] for entry in entries)
        self.files.append(LogFile(account, region, key, sha256(text).hexdigest(), oldest, newest, delivered))
        if self._progress is not None:
            self._progress(len(entries))
