"""What a worker does for drift: it looks at chunks of all sources; what goes wrong there costs no record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from traceback import extract_tb

from tidewaiter.content.drift import DriftFile
from tidewaiter.core.objects import Chunk
from tidewaiter.pipeline.normalize.drift.observe import EVERY, Observer, Sighting
from tidewaiter.pipeline.normalize.rows import FrameRows, JsonRows

Failures = Counter[tuple[str, str]]
"""How often something went wrong, by source and by what and where it was."""


@dataclass(slots=True)
class Seen:
    """What was seen of some objects, and what went wrong in looking."""

    sightings: list[Sighting] = field(default_factory=list)
    failures: Failures = field(default_factory=Counter)


class Lookout:
    """The observers of all sources, by the sources' names; each looks at one record of `every`."""

    def __init__(self, drifts: Mapping[str, DriftFile], every: int = EVERY) -> None:
        self._observers = {source: Observer(source, drift, every) for source, drift in drifts.items()}
        self._failures: Failures = Counter()

    def look(self, source: str, object_id: str, chunk: Chunk, rows: Sequence[JsonRows | FrameRows]) -> None:
        """Look at some records of a chunk and at some of its rows; never raises."""
        observer = self._observers[source]
        try:
            observer.chunk(object_id, chunk)
            for part in rows:
                observer.rows(object_id, part)
        except Exception as error:  # a fault of ours must not cost the customer a record
            self._failures[source, what_failed(error)] += 1

    def seen(self) -> Seen:
        """Return what was seen since the last call."""
        failures, self._failures = self._failures, Counter()
        sightings = [each for observer in self._observers.values() for each in observer.sightings()]
        return Seen(sightings, failures)


def what_failed(error: Exception) -> str:
    """Return what went wrong and where, without anything of a record."""
    frame = extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
