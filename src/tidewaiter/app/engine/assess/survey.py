"""One walk over a folder: every object read and mapped, nothing delivered, nothing kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from tidewaiter.app.engine.assess.facts import SourceFacts
from tidewaiter.app.engine.files import staging_folder
from tidewaiter.app.engine.plan import Plan, make_plan
from tidewaiter.app.engine.pool import work_all
from tidewaiter.app.engine.run import Progress, exit_code
from tidewaiter.app.engine.worker import ObjectResult
from tidewaiter.content import sources
from tidewaiter.core.faults import Fault
from tidewaiter.core.settings import Destination
from tidewaiter.pipeline.deliver import RowColumns, Segment
from tidewaiter.pipeline.deliver.segments import read_rows
from tidewaiter.pipeline.normalize.drift import Alarm, Watch
from tidewaiter.pipeline.sources import Found, Unreadable
from tidewaiter.pipeline.sources.integrity import Keys, TrailIntegrity, check_integrity

_CLOUDTRAIL = "aws_cloudtrail"
_REASONS = 10_000
"""Reasons that are counted; of more, the first."""


class Aside(NamedTuple):
    """Why records of one object were set aside."""

    object_id: str
    kind: str
    reason: str


@dataclass(slots=True)
class Assessment:
    """What is there. `aside` counts the records that no mapping took, by object, kind and reason."""

    sources: dict[str, SourceFacts] = field(default_factory=dict)
    trails: list[TrailIntegrity] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    aside: Counter[Aside] = field(default_factory=Counter)
    drift: list[Alarm] = field(default_factory=list)
    unrecognized: list[tuple[str, str]] = field(default_factory=list)
    known: bool = True

    @property
    def exit_code(self) -> int:
        """0, 2 when nothing there is of a known source, 5 when an object could not be read whole."""
        return exit_code(self.faults, known=self.known)

    def days(self, facts: SourceFacts) -> float:
        """Return for how many days a source was looked at, an hour at least.

        Between its first day and its last each day counts from the first record of any source to the last: a
        source that is quiet at night was looked at, a month between two samples was not.
        """
        known = sorted(facts.days)
        if not known:
            return 1 / 24
        looked = 0
        for day in {
            day for each in self.sources.values() for day in each.days if known[0] <= day <= known[-1]
        }:
            spans = [each.days[day] for each in self.sources.values() if day in each.days]
            looked += max(last for _, last in spans) - min(first for first, _ in spans)
        return max(looked / 86_400, 1 / 24)


def assess(
    root: Path, *, workers: int, now: Callable[[], datetime], progress: Progress, keys: Keys | None = None
) -> Assessment:
    """Read all that lies in `root`.

    Raises:
        UsageError: it is missing or holds no file. DeliveryError: a full disk.
    """
    specs = sources()
    plan = make_plan(root, specs, {})
    made = Assessment(known=plan.known)
    made.faults = [fault for _, fault in plan.unreadable]
    made.unrecognized = [(found.id, found.reason) for found in plan.unrecognized]
    progress.planned(plan)
    _read(made, plan, workers, progress, until=(now() + timedelta(days=1)).timestamp())
    made.trails = check_integrity(_of_cloudtrail(root, plan), keys=keys)
    return made


def _of_cloudtrail(root: Path, plan: Plan) -> Iterator[Found]:
    for item in plan.objects:
        if item.object.source == _CLOUDTRAIL:
            yield item.object
    for source, fault in plan.unreadable:
        if source == _CLOUDTRAIL:
            path = root / fault.object_id if root.is_dir() else root
            yield Unreadable(fault.object_id, path, source, fault)


def _read(made: Assessment, plan: Plan, workers: int, progress: Progress, *, until: float) -> None:
    natives: dict[str, Destination] = {name: "both" for name, spec in sources().items() if spec.native}
    watches: dict[str, Watch] = {}
    with staging_folder() as staging:
        results = work_all(plan.objects, Path(staging), workers=workers, deliver=True, destinations=natives)
        for group, done in results:
            names = [item.object.source for item in group] + [guest.source for guest in done.guests]
            for source, result in zip(names, done.results, strict=True):
                _count(made, source, result)
            for segment in done.segments:
                _rows(made, segment, list(zip(names, done.results, strict=True)), until)
                segment.path.unlink()
            for seen in done.seen.sightings:
                if seen.source not in watches:
                    watches[seen.source] = Watch(seen.source, sources()[seen.source].file.drift, None)
                made.drift += watches[seen.source].take(seen)
            progress.done(done.objects)


def _count(made: Assessment, source: str, result: ObjectResult) -> None:
    facts = made.sources.setdefault(source, SourceFacts(source))
    facts.objects += 1
    facts.records += result.records
    facts.valid += result.valid
    facts.quarantined += len(result.quarantined)
    facts.faults += len(result.faults)
    facts.raw_bytes += result.raw_bytes
    made.faults += result.faults
    for each in result.quarantined:
        reason = Aside(each.object_id, each.kind, each.reason.split(";")[0])
        if reason in made.aside or len(made.aside) < _REASONS:
            made.aside[reason] += 1


def _rows(
    made: Assessment, segment: Segment, objects: Sequence[tuple[str, ObjectResult]], until: float
) -> None:
    rows = read_rows(segment.path)
    start = 0
    for place, count in segment.spans:
        source, item = objects[place]
        part = RowColumns(
            *(getattr(rows, name)[start : start + count] for name in RowColumns.__struct_fields__)
        )
        made.sources[source].add(item.object_id, segment.table, part, segment.copies, until)
        start += count
