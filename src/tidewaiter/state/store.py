"""The state of one tenant: claims, outbox, findings, entities, in one database."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from tidewaiter.core.errors import StateError
from tidewaiter.core.outbox import OutboxBatch
from tidewaiter.state.claims import Claims
from tidewaiter.state.driver import Driver
from tidewaiter.state.entities import Entities, EntityChange
from tidewaiter.state.outbox import Outbox
from tidewaiter.state.schema import VERSION, bring_up, check
from tidewaiter.state.sqlite import SqliteDriver
from tidewaiter.state.values import Conflict, ObjectDone

TABLES = (
    "objects", "rows", "seen", "signals", "faults", "quarantine", "seconds", "leases", "outbox", "begun",
    "billed", "facts", "alerts", "entities",
)  # fmt: skip
_KEEP_SENT_DAYS = 7


class State(Claims, Outbox, Entities):
    """Everything that outlives a run; a context manager. Not for several threads."""

    def __enter__(self) -> State:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self._db.close()

    def commit(
        self,
        done: Sequence[ObjectDone],
        batches: Sequence[OutboxBatch],
        spent: Mapping[str, float],
        *,
        today: date,
        entities: Sequence[EntityChange] = (),
        part: str = "",
    ) -> None:
        """Write claims, what came of the objects, entity state and outbox batches in one transaction.

        `part` names what `begin_part` noted: from now on a commit stands behind its files.

        Raises:
            Conflict: another process was faster with an object or an event; nothing was written.
            DeliveryError: no room, or the server is away. StateError: damaged, or cannot be written.
        """
        for item in done:
            item.counts.check()
        try:
            with self.transaction():
                self._claim(done, today)
                for item in done:
                    self._note(item)
                self._change(list(entities))
                self._add_seconds(spent)
                self._add_batches(batches)
                if part and not self._db.run("DELETE FROM begun WHERE part = ?", (part,)):
                    raise Conflict  # another process took this one for dead, and swept its files
        except self._db.errors as error:
            raise Conflict from error  # a race; everything else was explained

    def prune(self, today: date) -> None:
        """Forget batches that were sent long ago, but for those that may have arrived twice."""
        before = (today.toordinal() - date(1970, 1, 1).toordinal() - _KEEP_SENT_DAYS) * 86_400
        old = "FROM outbox WHERE status = 'sent' AND possibly_sent = 0 AND sent_at < ?"
        with self.transaction():
            for source, n in self._billed_of(f"SELECT spans, billed {old}", (before,)).items():
                self._db.run(
                    "INSERT INTO billed VALUES (?, ?) "
                    "ON CONFLICT (source) DO UPDATE SET n = billed.n + excluded.n",
                    (source, n),
                )
            self._db.run(f"DELETE {old}", (before,))

    def fact(self, name: str) -> str:
        """Return something noted of the state as a whole; "" when nothing was."""
        return next((row[0] for row in self._read("SELECT body FROM facts WHERE name = ?", (name,))), "")

    def note(self, name: str, body: str) -> None:
        """Note something of the state as a whole, instead of what was noted under that name."""
        with self.transaction():
            self._db.run(
                "INSERT INTO facts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET body = excluded.body",
                (name, body),
            )

    def reset(self) -> None:
        """Forget everything: what lay in the lab is gone, and is to be delivered again."""
        with self.transaction():
            for name in TABLES:
                self._db.run(f"DELETE FROM {name}")


def open_state(root: Path, url: str = "", *, read_only: bool = False, owner: str | None = None) -> State:
    """Open the state: SQLite at `<root>/state.db`, or the database that `url` (postgresql://…) names.

    Raises:
        StateError: not usable, held by another process, damaged, or written by a newer version.
        DeliveryError: no room for it, or the server does not answer.
    """
    driver = _driver(root, url, read_only)
    try:
        if read_only:
            _check_readable(driver, root)
        else:
            bring_up(driver)
    except BaseException as error:
        driver.close()
        if isinstance(error, driver.errors):
            raise driver.explain("open", error) from None
        raise
    return State(root, driver, owner or uuid.uuid4().hex)


def _driver(root: Path, url: str, read_only: bool) -> Driver:
    if url:
        if not url.startswith(("postgresql://", "postgres://")):
            raise StateError(
                f"state.url {url.partition(':')[0]}:… is not supported", hint="use postgresql://…"
            )
        from tidewaiter.state.postgres import PostgresDriver

        return PostgresDriver(url)
    path = root / "state.db"
    if read_only and not path.is_file():
        hint = f"run `tidewaiter run --from DIR --state {root}` first"
        raise StateError(f"no state at {root}", hint=hint)
    return SqliteDriver(path, read_only=read_only)


def _check_readable(driver: Driver, root: Path) -> None:
    if check(driver) < VERSION:
        hint = f"run `tidewaiter run --from DIR --state {root}` once: it brings the state up to date"
        raise StateError(f"{driver.name} was written by an older version", hint=hint)
