"""Findings that are in the workspace already, read from it before each pass and worked on like files.

The state keeps, for each source, up to which time of receipt it has been read. Objects are written first,
then that time moves on: a crash between the two reads the same rows again, which are duplicates then. The
objects lie on this host alone, so a state that processes share is refused (`destination.check_pulled`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path

import msgspec

from tidewaiter.app.engine.destination import Destination
from tidewaiter.app.engine.metrics import Metrics
from tidewaiter.asim.mapping.kql.binding import quoted_name
from tidewaiter.asim.mapping.native_reader import NativeReader
from tidewaiter.content import sources
from tidewaiter.core.errors import TidewaiterError
from tidewaiter.core.settings import Source
from tidewaiter.pipeline.sources.pull import FINDINGS, FIRST, LAST, TooDense, object_id, pages, write_page
from tidewaiter.sentinel import CloudError, Refused, Throttled
from tidewaiter.state import State

MARGIN = timedelta(minutes=5)
"""Rows received later than this ago are left to the next pass: not all of them can be seen yet."""
KEEP = timedelta(days=30)
"""How long an object stays after it was worked on: the archive points to its records."""
_NOTICES = 2.0
"""Seconds between what a person is told of a long pull."""
_HINTS: Mapping[int, str] = {
    HTTPStatus.FORBIDDEN: "give the identity the role Log Analytics Reader on the workspace; a new role "
    "takes up to 30 minutes to work",
    HTTPStatus.NOT_FOUND: "check workspace.id: it is the Workspace ID, a GUID, on the overview page",
    HTTPStatus.BAD_REQUEST: "is the table there? it comes with Microsoft's connector for this source",
}


class PullCounts(msgspec.Struct):
    """What one pass pulled of a source, in `last_run` of report.json.

    `until` is up to which time of receipt all rows have been read; "" in the embedded lab, of which all is
    read each time. `cut` counts rows by the column that Azure had cut. `failed` says why the pull stopped
    before its end, and `next` what to do; "" when it did not.
    """

    table: str
    rows: int = 0
    objects: int = 0
    until: str = ""
    cut: dict[str, int] = msgspec.field(default_factory=dict)
    failed: str = ""
    next: str = ""


class _Mark(msgspec.Struct):
    """What the state keeps of a source: `wait` is until when the service asked not to be asked again."""

    until: datetime
    wait: datetime | None = None
    version: int = 1


@dataclass
class Puller:
    """Pulls into `folder`; `clock` gives aware times, `notice` tells people what takes long."""

    state: State
    to: Destination
    folder: Path
    metrics: Metrics
    clock: Callable[[], datetime]
    notice: Callable[[str], None]

    def pull(self, wanted: Mapping[str, Source]) -> dict[str, PullCounts]:
        """Read what is new of each source; a failure of one is told in its counts and stops no other.

        Raises:
            DeliveryError: an object cannot be written. ConfigError: the identity or a host cannot be used.
        """
        done: dict[str, PullCounts] = {}
        for name, source in wanted.items():
            reader = sources()[name].pulled
            assert reader is not None, "settings were checked"
            counts = done[name] = PullCounts(reader.table)
            self._source(name, source, reader, counts)
            self.metrics.pulled(name, counts.rows, failed=bool(counts.failed))
        return done

    def _source(self, name: str, source: Source, reader: NativeReader, counts: PullCounts) -> None:
        end = self.clock() - MARGIN
        mark = self._mark(name) or _Mark(end - timedelta(days=source.pull_days))
        if self.to.lab:  # times of receipt go to and fro on the stream's clock: all of it is read each time
            mark, end = _Mark(FIRST), LAST
        else:
            counts.until = _shown(mark.until)
        if mark.wait and self.clock() < mark.wait <= self.clock() + timedelta(hours=1):
            counts.failed = f"the service asked not to be asked before {_shown(mark.wait)}"
            counts.next = "wait: a later pass goes on where this one stopped"
            return
        try:
            self.to.run(self._pages(name, reader, mark.until, end, counts))
        except (CloudError, TooDense) as error:
            counts.failed, counts.next = error.message, hint_for(error)
            if isinstance(error, Throttled) and error.retry_after:
                until = (self._mark(name) or mark).until
                self._note(name, _Mark(until, self.clock() + timedelta(seconds=error.retry_after)))

    async def _pages(
        self, name: str, reader: NativeReader, start: datetime, end: datetime, counts: PullCounts
    ) -> None:
        told = time.monotonic()
        async for page in pages(self.to.sentinel.query.query, reader.table, start, end):
            written = write_page(self.folder, name, page, reader)
            counts.rows += written.rows
            counts.objects += written.path is not None
            for column, n in written.cut.items():
                counts.cut[column] = counts.cut.get(column, 0) + n
            if not self.to.lab:
                self._note(name, _Mark(page.until))
                counts.until = _shown(page.until)
            if page.until < end and time.monotonic() - told > _NOTICES:
                told = time.monotonic()
                self.notice(f"pulling {reader.table}: {counts.rows:,} rows so far")

    def _mark(self, name: str) -> _Mark | None:
        body = self.state.fact(_fact(name))
        return msgspec.json.decode(body, type=_Mark) if body else None

    def _note(self, name: str, mark: _Mark) -> None:
        """Keep a mark, which never goes back: what was read before it is not read again."""
        known = self._mark(name)
        if known and known.until > mark.until:
            mark = _Mark(known.until, mark.wait)
        self.state.note(_fact(name), msgspec.json.encode(mark).decode())


def hint_for(error: TidewaiterError) -> str:
    """Return what to do about a pull that failed."""
    if isinstance(error, Refused):
        return _HINTS.get(error.status, error.hint)
    return error.hint or "nothing is lost: the next pass goes on where this one stopped"


def rows_of_a_day(to: Destination, table: str) -> int:
    """Return how many rows of a table were received in the last day.

    Raises:
        CloudError: it cannot be asked.
    """
    kql = f"{quoted_name(table)}\n| where ingestion_time() > ago(1d)\n| count"
    answer = to.run(to.sentinel.query.query(kql))
    return int(answer.primary.rows[0][0] or 0) if answer.primary.rows else 0


def sweep(folder: Path, claimed: Collection[str], *, now: datetime) -> None:
    """Remove objects that were worked on and have been kept long enough, and halves of files."""
    for path in folder.glob("*/*.part"):
        path.unlink(missing_ok=True)
    before = (now - KEEP).timestamp()
    for path in folder.glob(f"*/*{FINDINGS}"):
        if path.stat().st_mtime < before and object_id(path) in claimed:
            path.unlink(missing_ok=True)


def _fact(name: str) -> str:
    return f"pull:{name}"


def _shown(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
