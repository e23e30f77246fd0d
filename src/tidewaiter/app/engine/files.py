"""Files to ASIM files, with no state and no lab: what `tidewaiter normalize` does."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from tidewaiter.app.engine.commit import SHOWN
from tidewaiter.app.engine.plan import Plan, PlannedObject, make_plan
from tidewaiter.app.engine.pool import work_all
from tidewaiter.app.engine.run import Progress, exit_code
from tidewaiter.content import sources
from tidewaiter.core.errors import DeliveryError
from tidewaiter.core.faults import Fault, Quarantined
from tidewaiter.pipeline.deliver import Segment
from tidewaiter.state import Counts


@dataclass(slots=True)
class FilesResult:
    """What was written; `known` says that something there was of a known source.

    `unrecognized` lists (path, reason); `quarantined` holds the first few records that were set aside.
    """

    sources: dict[str, Counts] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    unrecognized: list[tuple[str, str]] = field(default_factory=list)
    known: bool = True

    @property
    def exit_code(self) -> int:
        """0, 2 when nothing there is of a known source, 5 when an object could not be read whole."""
        return exit_code(self.faults, known=self.known)


def normalize_files(
    paths: Iterable[Path], take: Callable[[Segment], None], *, workers: int, progress: Progress
) -> FilesResult:
    """Map every object under `paths`; `take` gets each segment, in the order of the objects.

    Raises:
        UsageError: a path is missing or holds no file. DeliveryError: a full disk.
    """
    result = FilesResult()
    whole = Plan()
    for path in paths:
        plan = make_plan(path, sources(), {})
        whole.objects += [_named(item) for item in plan.objects]
        whole.unreadable += plan.unreadable
        result.faults += [replace(f, object_id=_place(path, f.object_id)) for _, f in plan.unreadable]
        result.unrecognized += [(str(found.path), found.reason) for found in plan.unrecognized]
    result.known = whole.known
    progress.planned(whole)
    with staging_folder() as staging:
        for group, done in work_all(whole.objects, Path(staging), workers=workers, deliver=False):
            names = [item.object.source for item in group] + [guest.source for guest in done.guests]
            for source, found in zip(names, done.results, strict=True):
                counts = Counts(
                    objects=1,
                    records=found.records,
                    valid=found.valid,
                    quarantined=len(found.quarantined),
                    delivered=found.valid,
                    faults=len(found.faults) + len(found.quarantined),
                    raw_bytes=found.raw_bytes,
                )
                result.sources.setdefault(source, Counts()).add(counts)
                result.faults += found.faults
                result.quarantined += found.quarantined[: SHOWN - len(result.quarantined)]
            for segment in done.segments:
                take(segment)
                result.rows[segment.table] = result.rows.get(segment.table, 0) + segment.rows
                segment.path.unlink()
            progress.done(done.objects)
    return result


def _named(item: PlannedObject) -> PlannedObject:
    """Name an object by its path: ids below one folder say too little where several were given."""
    return replace(item, object=replace(item.object, id=str(item.object.path)))


def _place(root: Path, object_id: str) -> str:
    return str(root / object_id if root.is_dir() else root)


def staging_folder() -> tempfile.TemporaryDirectory[str]:
    """Make a folder for segments, which goes with its context.

    Raises:
        DeliveryError: it cannot be made.
    """
    try:
        return tempfile.TemporaryDirectory(prefix="tidewaiter-")
    except OSError as error:
        hint = "free disk space, or set TMPDIR to a folder that you can write to"
        raise DeliveryError(f"cannot make a temporary folder: {error.strerror or error}", hint=hint) from None
