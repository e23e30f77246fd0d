"""The SQLite store (WAL). One transaction per batch of objects holds the claims and all they brought."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from tidewaiter.core.errors import DeliveryError, StateError
from tidewaiter.core.faults import Fault, Quarantined
from tidewaiter.core.findings import Signal
from tidewaiter.state.counts import Counts

VERSION = 1
_SCHEMA = """
CREATE TABLE objects (
    object_id TEXT NOT NULL, digest TEXT NOT NULL, source TEXT NOT NULL, kind TEXT NOT NULL,
    size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, counts BLOB NOT NULL,
    PRIMARY KEY (object_id, digest)) WITHOUT ROWID;
CREATE INDEX objects_by_digest ON objects (digest, source);
CREATE TABLE rows (target TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE seen (key INTEGER PRIMARY KEY, day INTEGER NOT NULL);
CREATE INDEX seen_by_day ON seen (day);
CREATE TABLE signals (
    detector TEXT, event_id TEXT, body BLOB, PRIMARY KEY (detector, event_id, body)) WITHOUT ROWID;
CREATE TABLE faults (source TEXT, object_id TEXT, kind TEXT, message TEXT, hint TEXT, position INTEGER);
CREATE TABLE quarantine (source TEXT, object_id TEXT, position INTEGER, kind TEXT, reason TEXT, raw BLOB);
CREATE TABLE seconds (stage TEXT PRIMARY KEY, n REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE intent (body BLOB NOT NULL);
"""
_CHUNK = 500
_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC}


@dataclass(frozen=True, slots=True)
class Claim:
    """One version of one object, taken: `digest` stands for its bytes as an ETag does."""

    object_id: str
    digest: str
    source: str
    kind: str
    size: int
    mtime_ns: int


@dataclass(slots=True)
class ObjectDone:
    """A claimed object with all that came of it; `keys` identify its events for deduplication."""

    claim: Claim
    counts: Counts
    rows: dict[str, int] = field(default_factory=dict)
    keys: list[int] = field(default_factory=list)
    signals: Sequence[Signal] = ()
    faults: Sequence[Fault] = ()
    quarantined: Sequence[Quarantined] = ()


class Intent(msgspec.Struct):
    """What is about to be delivered: enough to record it after a crash, if it was."""

    objects: list[ObjectDone]
    seconds: dict[str, float]


class State:
    """The state of one tenant. One process at a time holds it (`run`); readers open it read-only."""

    def __init__(self, root: Path, connection: sqlite3.Connection, lock: int | None) -> None:
        self.root = root
        self._db = connection
        self._lock = lock

    @classmethod
    def open(cls, root: Path, *, read_only: bool = False) -> State:
        """Open or create `<root>/state.db`.

        Raises:
            StateError: not writable, held by another process, damaged, or written by a newer version.
            DeliveryError: no room for it.
        """
        path = root / "state.db"
        if read_only:
            if not path.is_file():
                raise StateError(
                    f"no state at {root}", hint=f"run `tidewaiter run --from DIR --state {root}` first"
                )
            return cls(root, _connect(path, read_only=True), None)
        try:
            root.mkdir(parents=True, exist_ok=True)
            lock = _hold(root / "lock")
        except OSError as error:
            hint = "give --state a folder that you can write to"
            raise StateError(f"cannot use {root}: {error.strerror}", hint=hint) from None
        try:
            return cls(root, _connect(path), lock)
        except BaseException:
            os.close(lock)
            raise

    def close(self) -> None:
        """Release the state."""
        self._db.close()
        if self._lock is not None:
            os.close(self._lock)

    def __enter__(self) -> State:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: what fails leaves what was.

        Raises:
            DeliveryError: no room. StateError: the file is damaged or cannot be written.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except BaseException as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise _explained("write", self.root / "state.db", error) from None
            raise

    def versions(self) -> dict[str, list[Claim]]:
        """Return the claims of every object by its id."""
        found: dict[str, list[Claim]] = {}
        for row in self._read("SELECT object_id, digest, source, kind, size, mtime_ns FROM objects"):
            found.setdefault(row[0], []).append(Claim(*row))
        return found

    def digests(self, source: str) -> set[str]:
        """Return the digests of all claimed objects of a source."""
        return {row[0] for row in self._read("SELECT digest FROM objects WHERE source = ?", (source,))}

    def seen(self, keys: Sequence[int]) -> set[int]:
        """Return those of `keys` that were delivered before."""
        found: set[int] = set()
        for start in range(0, len(keys), _CHUNK):
            part = keys[start : start + _CHUNK]
            marks = ",".join("?" * len(part))
            found.update(row[0] for row in self._read(f"SELECT key FROM seen WHERE key IN ({marks})", part))
        return found

    def forget(self, before: date) -> None:
        """Forget the event keys that were delivered before a day: deduplication is bounded in time.

        Call inside `transaction`.
        """
        self._db.execute("DELETE FROM seen WHERE day < ?", (before.toordinal(),))

    def intend(self, intent: Intent) -> None:
        """Note what is about to be delivered, in a transaction of its own."""
        for item in intent.objects:
            item.counts.check()
        with self.transaction():
            self._db.execute("DELETE FROM intent")
            self._db.execute("INSERT INTO intent VALUES (?)", (msgspec.msgpack.encode(intent),))

    def intent(self) -> Intent | None:
        """Return what was about to be delivered when a run ended early; None after a run that did not."""
        body = next(self._read("SELECT body FROM intent"), None)
        return None if body is None else msgspec.msgpack.decode(body[0], type=Intent)

    def fulfil(self, intent: Intent, *, today: date) -> None:
        """Record all that was delivered, in one transaction."""
        with self.transaction():
            for item in intent.objects:
                self.record(item, today=today)
            self.add_seconds(intent.seconds)
            self.drop_intent()

    def drop_intent(self) -> None:
        """Forget what was about to be delivered and was not."""
        self._db.execute("DELETE FROM intent")

    def reset(self) -> None:
        """Forget everything: what lay in the lab is gone, and is to be delivered again."""
        with self.transaction():
            for name in ("objects", "rows", "seen", "signals", "faults", "quarantine", "seconds", "intent"):
                self._db.execute(f"DELETE FROM {name}")

    def record(self, done: ObjectDone, *, today: date) -> None:
        """Write one object; call inside `transaction`."""
        done.counts.check()
        claim, db = done.claim, self._db
        db.execute(
            "INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?, ?)",
            (claim.object_id, claim.digest, claim.source, claim.kind, claim.size, claim.mtime_ns,
             msgspec.json.encode(done.counts)),
        )  # fmt: skip
        db.executemany(
            "INSERT INTO rows VALUES (?, ?) ON CONFLICT (target) DO UPDATE SET n = n + excluded.n",
            done.rows.items(),
        )
        day = today.toordinal()
        db.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", ((key, day) for key in done.keys))
        db.executemany(
            "INSERT OR IGNORE INTO signals VALUES (?, ?, ?)",
            ((s.detector, s.event_id, msgspec.json.encode(s)) for s in done.signals),
        )
        db.executemany(
            "INSERT INTO faults VALUES (?, ?, ?, ?, ?, ?)",
            ((claim.source, f.object_id, f.kind, f.message, f.hint, f.position) for f in done.faults),
        )
        db.executemany(
            "INSERT INTO quarantine VALUES (?, ?, ?, ?, ?, ?)",
            ((claim.source, q.object_id, q.position, q.kind, q.reason, q.raw) for q in done.quarantined),
        )

    def add_seconds(self, seconds: dict[str, float]) -> None:
        """Add to the time that each stage took; call inside `transaction`."""
        self._db.executemany(
            "INSERT INTO seconds VALUES (?, ?) ON CONFLICT (stage) DO UPDATE SET n = n + excluded.n",
            seconds.items(),
        )

    def totals(self) -> dict[str, Counts]:
        """Return the counts of every source, summed over its objects."""
        totals: dict[str, Counts] = {}
        for source, body in self._read("SELECT source, counts FROM objects ORDER BY source"):
            totals.setdefault(source, Counts()).add(msgspec.json.decode(body, type=Counts))
        return totals

    def kinds(self) -> dict[str, dict[str, int]]:
        """Return how many objects of each kind every source has."""
        found: dict[str, dict[str, int]] = {}
        for source, kind, n in self._read("SELECT source, kind, count(*) FROM objects GROUP BY 1, 2"):
            found.setdefault(source, {})[kind] = n
        return found

    def rows(self) -> dict[str, int]:
        """Return how many rows each table was given."""
        return dict(self._read("SELECT target, n FROM rows ORDER BY target"))

    def seconds(self) -> dict[str, float]:
        """Return the time that each stage took, in seconds of work summed over processes."""
        return {stage: round(n, 3) for stage, n in self._read("SELECT stage, n FROM seconds ORDER BY stage")}

    def signals(self) -> list[Signal]:
        """Return all signals."""
        rows = self._read("SELECT body FROM signals ORDER BY detector, event_id, body")
        return [msgspec.json.decode(body, type=Signal) for (body,) in rows]

    def faults(self) -> Iterator[tuple[str, Fault]]:
        """Yield (source, fault)."""
        for source, *rest in self._read("SELECT * FROM faults ORDER BY rowid"):
            yield source, Fault(*rest)

    def quarantined(self) -> Iterator[tuple[str, Quarantined]]:
        """Yield (source, record)."""
        for source, *rest in self._read("SELECT * FROM quarantine ORDER BY rowid"):
            yield source, Quarantined(*rest)

    def _read(self, query: str, values: Sequence[object] = ()) -> Iterator[Any]:
        try:
            yield from self._db.execute(query, values)
        except sqlite3.Error as error:
            raise _explained("read", self.root / "state.db", error) from None


def _connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    db = None
    try:
        mode = "?mode=ro" if read_only else ""
        db = sqlite3.connect(f"{path.absolute().as_uri()}{mode}", uri=True, isolation_level=None)
        if not read_only:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")  # an intent must outlive a power cut as the lab does
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            if read_only or db.execute("SELECT 1 FROM sqlite_master").fetchone():
                hint = "give --state another folder"
                raise StateError(f"{path} is an SQLite database, but no state of Tidewaiter", hint=hint)
            db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
        if version > VERSION:
            hint = "upgrade tidewaiter, or give --state another folder"
            message = f"{path} was written by a newer version (schema {version}, known {VERSION})"
            raise StateError(message, hint=hint)
    except (sqlite3.Error, StateError) as error:
        if db is not None:
            db.close()
        raise _explained("open", path, error) if isinstance(error, sqlite3.Error) else error from None
    return db


def _explained(act: str, path: Path, error: sqlite3.Error) -> StateError | DeliveryError:
    """Say why SQLite gave up, and what to do."""
    code = getattr(error, "sqlite_errorcode", 0)
    message = f"cannot {act} {path}: {error}"
    if code in _FULL:
        return DeliveryError(message, hint="free disk space, then run again: nothing of it was claimed")
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        hint = "restore it from a copy, or give --state another folder and run again over all logs"
        return StateError(message, hint=hint)
    return StateError(message, hint="is it a Tidewaiter state that you may read and write?")


def _hold(path: Path) -> int:
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        hint = "wait for it, or give --state another folder"
        raise StateError(f"another tidewaiter is using {path.parent}", hint=hint) from None
    return lock
