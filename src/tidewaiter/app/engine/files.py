"""Files to ASIM files, with no state and no lab: what `tidewaiter normalize` does."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tidewaiter.app.engine.plan import Plan, make_plan
from tidewaiter.app.engine.pool import work_all
from tidewaiter.app.engine.run import Progress
from tidewaiter.content import sources
from tidewaiter.core.faults import OBJECT_FAULTS, Fault, Quarantined
from tidewaiter.pipeline.deliver import Segment
from tidewaiter.state import Counts


@dataclass(slots=True)
class FilesResult:
    """What was written; `unrecognized` lists (path, reason)."""

    sources: dict[str, Counts] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    unrecognized: list[tuple[str, str]] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0, or 5 when an object could not be read whole."""
        return 5 if any(fault.kind in OBJECT_FAULTS for fault in self.faults) else 0


def normalize_files(
    paths: Iterable[Path], take: Callable[[Segment], None], *, workers: int, progress: Progress
) -> FilesResult:
    """Map every object under `paths`; `take` gets each segment, in the order of the objects.

    Raises:
        UsageError: a path is missing or holds no file. DeliveryError: a full disk.
    """
    result = FilesResult()
    plans = [make_plan(path, sources(), {}) for path in paths]
    whole = Plan(objects=[item for plan in plans for item in plan.objects])
    for plan in plans:
        result.faults += plan.unreadable
        result.unrecognized += [(found.id, found.reason) for found in plan.unrecognized]
    progress.planned(whole)
    with tempfile.TemporaryDirectory(prefix="tidewaiter-") as staging:
        for group, done in work_all(whole.objects, Path(staging), workers=workers, detect=False):
            for item, found in zip(group, done.objects, strict=True):
                counts = Counts(
                    objects=1,
                    records=found.records,
                    valid=found.valid,
                    quarantined=len(found.quarantined),
                    delivered=found.valid,
                    faults=len(found.faults) + len(found.quarantined),
                    raw_bytes=found.raw_bytes,
                )
                result.sources.setdefault(item.object.source, Counts()).add(counts)
                result.faults += found.faults
                result.quarantined += found.quarantined
            for segment in done.segments:
                take(segment)
                result.rows[segment.table] = result.rows.get(segment.table, 0) + segment.rows
                segment.path.unlink()
            progress.done(done.objects)
    return result
