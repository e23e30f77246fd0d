"""`decisions/`: what happened to every event that was not delivered verbatim, as Parquet."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import msgspec
import polars as pl

from tidewaiter.core.decision import Decision
from tidewaiter.core.errors import DeliveryError
from tidewaiter.govern.merkle import decisions_root

ObjectKey = tuple[str, str, str]
"""(source, object id, digest)."""

SCHEMA: Mapping[str, type[pl.DataType]] = {
    "object_id": pl.String,
    "digest": pl.String,
    "place": pl.Int64,
    "event_id": pl.String,
    "action": pl.String,
    "kept_id": pl.String,
    "policy": pl.String,
    "rule_id": pl.String,
    "reason": pl.String,
    "confidence": pl.Float64,
    "model_version": pl.String,
    "phase": pl.String,
    "at": pl.String,
}
"""A decision (core/decision.py), with the object of its event and its place among that object's decisions."""

_FIELDS = [field.name for field in msgspec.structs.fields(Decision)]


def write_decisions(
    folder: Path, part: str, decisions: Mapping[ObjectKey, Sequence[Decision]], *, day: date
) -> None:
    """Write `source=<source>/date=<day>/<part>.parquet`; the same part again replaces what it was.

    Raises:
        DeliveryError: no room, or the folder cannot be written.
    """
    by_source: dict[str, list[tuple[object, ...]]] = {}
    for (source, object_id, digest), decided in decisions.items():
        rows = by_source.setdefault(source, [])
        for place, decision in enumerate(decided):
            rows.append((object_id, digest, place, *(getattr(decision, name) for name in _FIELDS)))
    for source, rows in by_source.items():
        path = folder / _place(part, source, day)
        partial = path.with_name(f".{path.name}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with partial.open("wb") as file:
                    pl.DataFrame(rows, schema=SCHEMA, orient="row").write_parquet(file, compression="zstd")
                    file.flush()
                    os.fsync(file.fileno())
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)
        except (OSError, pl.exceptions.PolarsError) as error:
            hint = "free disk space, then run again: nothing was claimed"
            reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
            raise DeliveryError(f"cannot write {path}: {reason}", hint=hint) from None


def decision_files(part: str, decisions: Iterable[ObjectKey], *, day: date) -> list[str]:
    """Return the paths below the folder that `write_decisions` will write."""
    return [_place(part, source, day) for source in sorted({key[0] for key in decisions})]


def _place(part: str, source: str, day: date) -> str:
    return f"source={source}/date={day.isoformat()}/{part}.parquet"


def read_decisions(
    folder: Path, *, without: Collection[str] = ()
) -> Iterator[tuple[ObjectKey, list[Decision]]]:
    """Yield every object's decisions in their order; `without` names files below the folder to pass over.

    Raises:
        DeliveryError: a file cannot be read.
    """
    for path in sorted(folder.rglob("*.parquet")):
        if path.relative_to(folder).as_posix() in without:
            continue
        source = path.parent.parent.name.removeprefix("source=")
        try:
            frame = pl.read_parquet(path).select(list(SCHEMA)).sort("object_id", "digest", "place")
        except (OSError, pl.exceptions.PolarsError) as error:
            reason = str(error).splitlines()[0]
            raise DeliveryError(f"cannot read {path}: {reason}", hint="restore it from a copy") from None
        for (object_id, digest), rows in frame.group_by("object_id", "digest", maintain_order=True):
            decided = [Decision(**row) for row in rows.select(_FIELDS).iter_rows(named=True)]
            yield (source, str(object_id), str(digest)), decided


def decisions_of(folder: Path, event_id: str) -> list[tuple[ObjectKey, Decision]]:
    """Return all decisions about one event, or that name it as the kept one."""
    return [
        (key, decision)
        for key, decided in read_decisions(folder)
        for decision in decided
        if event_id in (decision.event_id, decision.kept_id)
    ]


def roots(folder: Path, *, without: Collection[str] = ()) -> dict[ObjectKey, tuple[int, str]]:
    """Return how many decisions every object has, and their Merkle root."""
    found = read_decisions(folder, without=without)
    return {key: (len(decided), decisions_root(decided)) for key, decided in found}
