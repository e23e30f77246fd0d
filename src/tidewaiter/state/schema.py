"""Tables of the state, and how an older state becomes one of today's version."""

from __future__ import annotations

from tidewaiter.core.errors import StateError
from tidewaiter.state.driver import Driver

VERSION = 2

_V1 = """
CREATE TABLE objects (
    object_id TEXT NOT NULL, digest TEXT NOT NULL, source TEXT NOT NULL, kind TEXT NOT NULL,
    size {big} NOT NULL, mtime_ns {big} NOT NULL, counts {blob} NOT NULL,
    PRIMARY KEY (object_id, digest)) {compact};
CREATE INDEX objects_by_digest ON objects (digest, source);
CREATE TABLE rows (target TEXT PRIMARY KEY, n {big} NOT NULL) {compact};
CREATE TABLE seen (key {big} PRIMARY KEY, day INTEGER NOT NULL);
CREATE INDEX seen_by_day ON seen (day);
CREATE TABLE signals (
    detector TEXT, event_id TEXT, body {blob}, PRIMARY KEY (detector, event_id, body)) {compact};
CREATE TABLE faults (
    source TEXT, object_id TEXT, kind TEXT, message TEXT, hint TEXT, position {big}{row});
CREATE TABLE quarantine (
    source TEXT, object_id TEXT, position {big}, kind TEXT, reason TEXT, raw {blob}{row});
CREATE TABLE seconds (stage TEXT PRIMARY KEY, n {real} NOT NULL) {compact};
CREATE TABLE intent (body {blob} NOT NULL)
"""

# What was about to be delivered when a run of version 1 ended early is in no claim: its objects are worked on
# again. The lab may hold their rows; a batch of theirs is then there twice, which EventOriginalUid shows.
_V2 = """
DROP TABLE intent;
ALTER TABLE objects ADD COLUMN root TEXT NOT NULL DEFAULT '';
ALTER TABLE objects ADD COLUMN decided INTEGER NOT NULL DEFAULT 0;
ALTER TABLE objects ADD COLUMN part TEXT NOT NULL DEFAULT '';
ALTER TABLE objects ADD COLUMN audited INTEGER NOT NULL DEFAULT 1;
CREATE INDEX objects_unaudited ON objects (audited) WHERE audited = 0;
CREATE TABLE leases (
    object_id TEXT NOT NULL, digest TEXT NOT NULL, owner TEXT NOT NULL, until {real} NOT NULL,
    PRIMARY KEY (object_id, digest)) {compact};
CREATE TABLE outbox (
    n {serial}, batch_id TEXT NOT NULL UNIQUE, place {big} NOT NULL, part TEXT NOT NULL, target TEXT NOT NULL,
    row_count {big} NOT NULL, size {big} NOT NULL, billed {big} NOT NULL, body {blob}, spans {blob} NOT NULL,
    status TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, possibly_sent INTEGER NOT NULL DEFAULT 0,
    owner TEXT NOT NULL DEFAULT '', lease_until {real} NOT NULL DEFAULT 0, retry_at {real} NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '', sent_at {real} NOT NULL DEFAULT 0);
CREATE INDEX outbox_by_status ON outbox (status, place, part);
CREATE TABLE begun (part TEXT PRIMARY KEY, owner TEXT NOT NULL, until {real} NOT NULL, files {blob} NOT NULL);
CREATE TABLE billed (source TEXT PRIMARY KEY, n {big} NOT NULL) {compact};
CREATE TABLE facts (name TEXT PRIMARY KEY, body TEXT NOT NULL) {compact};
CREATE TABLE alerts (alert_id TEXT PRIMARY KEY) {compact};
CREATE TABLE entities (
    kind TEXT NOT NULL, bucket INTEGER NOT NULL, key TEXT NOT NULL, body {blob} NOT NULL,
    PRIMARY KEY (kind, bucket, key)) {compact}
"""

MIGRATIONS = (_V1, _V2)
"""`MIGRATIONS[i]` makes version i + 1 of version i, in one transaction."""


def bring_up(driver: Driver) -> None:
    """Create the tables, or migrate them to `VERSION`.

    Raises:
        StateError: a newer version of tidewaiter wrote the state.
    """
    check(driver)
    while (version := driver.version()) < VERSION:
        driver.begin()
        try:
            if driver.version() == version:  # another process may have been faster
                driver.script(MIGRATIONS[version].format_map(driver.types))
                driver.set_version(version + 1)
            driver.commit()
        except BaseException as error:
            driver.rollback()
            if isinstance(error, driver.errors) and driver.version() > version:
                continue
            raise


def check(driver: Driver) -> int:
    """Return the schema's version; raises StateError for one that is newer than this program."""
    version = driver.version()
    if version > VERSION:
        hint = "upgrade tidewaiter, or give --state another folder"
        message = f"{driver.name} was written by a newer version (schema {version}, known {VERSION})"
        raise StateError(message, hint=hint)
    return version
