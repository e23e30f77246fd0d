"""The archive as a whole: write parts, look through them, ask them questions."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import duckdb
import polars as pl

from tidewaiter import govern
from tidewaiter.core.errors import DeliveryError, QueryError
from tidewaiter.core.permit import Capability, Permit
from tidewaiter.pipeline.deliver.archive.parts import SCHEMA, Part, by_day
from tidewaiter.pipeline.deliver.archive.places import FolderPlace, Place, place

VIEW = "archive"
"""The table that a query asks: `SCHEMA` and the columns `source` and `date`."""
_MEMORY = "256MB"

Reader = Callable[[str, str, int], bytes]
"""(object id, digest, position) -> the record's bytes, from the source object."""


@dataclass(slots=True)
class Found:
    """Records of the archive; `unreadable` names (path, why) of parts that had to be passed over."""

    rows: pl.DataFrame
    unreadable: list[tuple[str, str]] = field(default_factory=list)


class Archive:
    """Parts at one place; writing the same part again replaces it, so that a repetition changes nothing.

    `where` is for reading: whatever changes the place is a method here, and takes a permit.
    """

    def __init__(self, where: Place) -> None:
        self.where = where

    @classmethod
    def open(cls, url: str) -> Archive:
        """Open the archive at `file://…`, `s3://bucket/prefix` or `abfss://container@account.dfs…/prefix`.

        Raises:
            ConfigError: another scheme, or a URL that names nothing.
        """
        return cls(place(url))

    def write(self, name: str, source: str, frame: pl.DataFrame, *, permit: Permit, now: datetime) -> int:
        """Write a frame of `parts.SCHEMA`, a file for each day; return the bytes written.

        Raises:
            govern's refusal: the permit does not cover it. DeliveryError: no room, or no answer.
            ConfigError: no such bucket, no right.
        """
        govern.enforce(permit, Capability.WRITE_ARCHIVE, source=source, now=now)
        size = 0
        for part, body in by_day(name, source, frame):
            self.where.write(part.path, body)
            size += len(body)
        return size

    def remove(self, path: str, *, permit: Permit, now: datetime) -> None:
        """Remove a part that nothing stands behind; the permit is of no source in particular.

        Raises:
            as `write` does.
        """
        govern.enforce(permit, Capability.WRITE_ARCHIVE, now=now)
        self.where.remove(path)

    def parts(
        self, *, source: str | None = None, since: date | None = None, until: date | None = None
    ) -> Iterator[tuple[Part, str]]:
        """Yield (part, path) of a source (None: all) and of days from `since` to `until`, both included."""
        for path in self.where.list(f"source={source}" if source else ""):
            part = Part.at(path)
            if part and (not since or part.day >= since) and (not until or part.day <= until):
                yield part, path

    def scan(
        self,
        *,
        source: str | None = None,
        since: date | None = None,
        until: date | None = None,
        event_ids: Sequence[str] | None = None,
    ) -> Found:
        """Return records, with columns `source` and `date`; a part that cannot be read is named."""
        found = Found(pl.DataFrame(schema={**SCHEMA, "source": pl.String, "date": pl.Date}))
        for part, path in self.parts(source=source, since=since, until=until):
            try:
                rows = pl.read_parquet(self.where.read(path))
                if event_ids is not None:
                    rows = rows.filter(pl.col("event_id").is_in(list(event_ids)))
                labelled = rows.select(list(SCHEMA)).with_columns(
                    pl.lit(part.source).alias("source"), pl.lit(part.day).alias("date")
                )
                found.rows = pl.concat([found.rows, labelled])
            except (DeliveryError, pl.exceptions.PolarsError, OSError) as error:
                found.unreadable.append((path, str(error).splitlines()[0]))
        return found

    def query(
        self,
        sql: str,
        values: Sequence[object] = (),
        *,
        source: str | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> list[tuple[object, ...]]:
        """Run one SELECT of DuckDB over the table `archive`, locked down to the files of these parts.

        Raises:
            QueryError: the SQL is wrong, or touches anything else. DeliveryError: a part cannot be read.
        """
        with self._files(source, since, until) as files, duckdb.connect(config=_settings()) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"SET allowed_paths = [{_quoted(files)}]")
            connection.execute("SET enable_external_access = false")
            connection.execute(_view(files))
            connection.execute("SET lock_configuration = true")
            try:
                return connection.execute(sql, list(values)).fetchall()
            except duckdb.Error as error:
                raise QueryError(str(error).splitlines()[0]) from None

    @contextmanager
    def _files(self, source: str | None, since: date | None, until: date | None) -> Iterator[list[Path]]:
        """Yield local copies of parts; those of a folder are used where they lie."""
        paths = [path for _, path in self.parts(source=source, since=since, until=until)]
        if isinstance(self.where, FolderPlace):
            yield [self.where.root / path for path in paths]
            return
        with tempfile.TemporaryDirectory(prefix="tidewaiter-archive-") as folder:
            files = []
            for path in paths:
                file = Path(folder) / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(self.where.read(path))
                files.append(file)
            yield files

    def resolve(self, row: Mapping[str, object], reader: Reader) -> bytes:
        """Return the bytes of a record: from the archive, or for a pointer by `reader` from its object."""
        raw = row["raw"]
        if isinstance(raw, bytes):
            return raw
        return reader(str(row["object_id"]), str(row["digest"]), int(str(row["position"])))


def _settings() -> dict[str, str | bool | int | float | list[str]]:
    return {
        "memory_limit": _MEMORY,
        "autoload_known_extensions": False,
        "autoinstall_known_extensions": False,
        "allow_community_extensions": False,
        "python_enable_replacements": False,
    }


def _view(files: Sequence[Path]) -> str:
    if not files:
        return (
            f"CREATE TABLE {VIEW} (event_id VARCHAR, event_time TIMESTAMP, object_id VARCHAR, "
            'digest VARCHAR, position BIGINT, "table" VARCHAR, action VARCHAR, raw BLOB, source VARCHAR, '
            "date DATE)"
        )
    columns = ", ".join(f'"{name}"' for name in SCHEMA)
    return (
        f"CREATE VIEW {VIEW} AS SELECT {columns}, source, CAST(date AS DATE) AS date "
        f"FROM read_parquet([{_quoted(files)}], hive_partitioning = true)"
    )


def _quoted(files: Sequence[Path]) -> str:
    return ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)
