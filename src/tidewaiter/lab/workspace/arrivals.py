"""Rows that were acknowledged and wait to be loaded: one durable Parquet file for each.

Loading a thousand rows costs DuckDB nearly as much as loading ten thousand, and a commit for each request
would be paid by whoever waits for its answer. So a request's rows are written to a file of their own, which
is safe from a kill of the process and from a loss of power, and are loaded many at a time. A file has its
name only when it is whole.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
import polars as pl

from tidewaiter.core.errors import DeliveryError, Location

_log = logging.getLogger("tidewaiter.lab")
_RECEIPT = "tidewaiter.receipt"


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the rows of one request: the lab's ledger, a row each.

    `received` is in the lab's time; `body_bytes` as sent, `json_bytes` uncompressed, `billed` by the rule of
    Log Analytics. Rows that no request brought (alerts, incidents) have an empty `rule` and `stream`.
    """

    table: str
    rows: int
    received: datetime
    request_id: str = ""
    rule: str = ""
    stream: str = ""
    body_bytes: int = 0
    json_bytes: int = 0
    billed: int = 0


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file of rows that waits; numbers rise with time. `size` is in bytes of JSON."""

    number: int
    path: Path
    receipt: Receipt
    size: int


class Arrivals:
    """The files that wait, in a folder beside the database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.waiting: list[Arrival] = []
        self.size = 0
        self._next = 1

    def recover(self, loaded: int) -> None:
        """Find the files of an earlier process; those up to number `loaded` are in the database already.

        One that was never whole belongs to a request that was not acknowledged: it is removed. One that was,
        and cannot be read, is set aside as `*.damaged`, and said so in the log.
        """
        self._next = loaded + 1
        for path in self.folder.glob("*.part"):
            path.unlink()
        for path in sorted(self.folder.glob("*.parquet*")):
            number = int(path.name.partition(".")[0])
            self._next = max(self._next, number + 1)
            if path.suffix != ".parquet":
                continue  # set aside by an earlier process
            if number <= loaded:
                path.unlink()
                continue
            try:
                receipt = pl.read_parquet_metadata(path)[_RECEIPT]
            except (pl.exceptions.PolarsError, KeyError, OSError) as error:
                aside = path.rename(path.with_suffix(".parquet.damaged"))
                _log.warning("acknowledged rows cannot be read, and are kept in %s: %s", aside, error)
                continue
            self._wait(number, path, msgspec.json.decode(receipt, type=Receipt))

    def add(self, frame: pl.DataFrame, receipt: Receipt) -> None:
        """Write rows durably: when this returns, nothing but the disk can lose them.

        Raises:
            DeliveryError: they cannot be written; nothing of them is left.
        """
        number, self._next = self._next, self._next + 1
        path = self.folder / f"{number:012d}.parquet"
        partial = path.with_suffix(".part")
        metadata = {_RECEIPT: msgspec.json.encode(receipt).decode()}
        try:
            self.folder.mkdir(exist_ok=True)
            with partial.open("wb") as file:
                frame.write_parquet(file, compression="lz4", statistics=False, metadata=metadata)
                file.flush()
                os.fsync(file.fileno())
            partial.rename(path)
            _sync_folder(self.folder)
        except (OSError, pl.exceptions.PolarsError) as error:
            partial.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            hint = "free disk space; the sender tries again"
            raise DeliveryError(
                f"the lab cannot store rows: {error}", at=Location(str(path)), hint=hint
            ) from None
        self._wait(number, path, receipt)

    def first(self, size: int) -> list[Arrival]:
        """Return the first files that wait, up to `size` bytes but one at least if there is one."""
        found: list[Arrival] = []
        for arrival in self.waiting:
            size -= arrival.size
            if found and size < 0:
                break
            found.append(arrival)
        return found

    def done(self, loaded: Sequence[Arrival]) -> None:
        """Remove files that were loaded."""
        numbers = {arrival.number for arrival in loaded}
        self.waiting = [arrival for arrival in self.waiting if arrival.number not in numbers]
        self.size = sum(arrival.size for arrival in self.waiting)
        for arrival in loaded:
            arrival.path.unlink(missing_ok=True)

    def _wait(self, number: int, path: Path, receipt: Receipt) -> None:
        size = max(path.stat().st_size, receipt.json_bytes)
        self.waiting.append(Arrival(number, path, receipt, size))
        self.size += size


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
