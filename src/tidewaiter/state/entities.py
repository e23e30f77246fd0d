"""Keyed entity state behind `step(state, batch) -> (state, out)`, one bucket at a time.

Nothing here knows what a step does, so that another engine (Spark) can own the buckets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar
from zlib import crc32

from tidewaiter.core.errors import ConfigError
from tidewaiter.state.base import CHUNK, Base, marks

BUCKETS = 16
"""Coarse, because Spark's keyed state is fast with few buckets only (measured: facts/measurements.md)."""
LARGEST = 4_096
"""Bytes that one entity's state may have."""

T = TypeVar("T")
Out_co = TypeVar("Out_co", covariant=True)
T_contra = TypeVar("T_contra", contravariant=True)


class Step(Protocol[T_contra, Out_co]):
    """A pure function over the entities of one bucket."""

    def __call__(
        self, state: Mapping[str, bytes], batch: Mapping[str, T_contra]
    ) -> tuple[Mapping[str, bytes | None], Out_co]:
        """Return what has changed (None: forget the entity) and what came out.

        `state` holds what is known of the keys of `batch`, and nothing else.
        """


@dataclass(frozen=True, slots=True)
class EntityChange:
    """The new state of one entity of a kind; None forgets it."""

    kind: str
    key: str
    body: bytes | None


def bucket_of(key: str) -> int:
    """Return the bucket of an entity, the same in every process and version."""
    return crc32(key.encode("utf-8", "surrogatepass")) % BUCKETS


class Entities(Base):
    """What is remembered of entities between batches."""

    def entities(self, kind: str, keys: list[str]) -> dict[str, bytes]:
        """Return the state of those entities that are known."""
        found: dict[str, bytes] = {}
        for start in range(0, len(keys), CHUNK):
            part = keys[start : start + CHUNK]
            query = (
                f"SELECT key, body FROM entities WHERE kind = ? AND key IN ({marks(part)}) AND bucket IN ("
            )
            buckets = sorted({bucket_of(key) for key in part})
            rows = self._read(f"{query}{marks(buckets)})", (kind, *part, *buckets))
            found.update((key, bytes(body)) for key, body in rows)
        return found

    def step(
        self, kind: str, step: Step[T, Out_co], batch: Mapping[str, T]
    ) -> tuple[list[EntityChange], list[Out_co]]:
        """Run `step` for each bucket that `batch` touches; nothing is written: `commit` takes the changes.

        Raises:
            ConfigError: an entity's state is larger than `LARGEST`.
        """
        buckets: dict[int, list[str]] = {}
        for key in batch:
            buckets.setdefault(bucket_of(key), []).append(key)
        changes: list[EntityChange] = []
        outs: list[Out_co] = []
        for bucket in sorted(buckets):
            keys = buckets[bucket]
            changed, out = step(self.entities(kind, keys), {key: batch[key] for key in keys})
            changes += [_checked(EntityChange(kind, key, body)) for key, body in changed.items()]
            outs.append(out)
        return changes, outs

    def _change(self, changes: list[EntityChange]) -> None:
        for each in sorted(changes, key=lambda change: (change.kind, bucket_of(change.key), change.key)):
            place = (each.kind, bucket_of(each.key), each.key)
            if each.body is None:
                self._db.run("DELETE FROM entities WHERE kind = ? AND bucket = ? AND key = ?", place)
            else:
                self._db.run(
                    "INSERT INTO entities VALUES (?, ?, ?, ?) "
                    "ON CONFLICT (kind, bucket, key) DO UPDATE SET body = excluded.body",
                    (*place, each.body),
                )


def _checked(change: EntityChange) -> EntityChange:
    if change.body is not None and len(change.body) > LARGEST:
        message = (
            f"the state of {change.kind} {change.key!r} has {len(change.body):,} bytes, at most {LARGEST:,}"
        )
        raise ConfigError(message, hint="a step has to bound what it remembers of one entity")
    return change
