from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tidewaiter.content.detection_specs import DetectionSpec, detections
from tidewaiter.content.sources import sources
from tidewaiter.core.findings import Signal
from tidewaiter.core.objects import JsonChunk
from tidewaiter.pipeline.detect import Detector
from tidewaiter.pipeline.normalize import JsonRows, Normalizer


class Bench:
    """The real way of a record: normalized, then looked at by the real detections."""

    def __init__(self) -> None:
        self.normalizer = Normalizer(sources()["aws_cloudtrail"])
        self.detector = Detector(detections().values())

    def rows(self, *events: Any) -> list[JsonRows]:
        raws = [event if isinstance(event, bytes) else msgspec.json.encode(event) for event in events]
        chunk = JsonChunk(raws, range(len(events)))
        out = self.normalizer.normalize(chunk, object_id="test.json", prefix="0123456789abcdef")
        assert out.quarantined == []
        return [rows for rows in out.rows if isinstance(rows, JsonRows)]

    def detect(self, *events: Any) -> list[Signal]:
        return [signal for rows in self.rows(*events) for signal in self.detector.detect(rows)]


@pytest.fixture(scope="session")
def bench() -> Bench:
    return Bench()


@pytest.fixture(scope="session")
def specs() -> list[DetectionSpec]:
    return list(detections().values())


@pytest.fixture(scope="session")
def sample():
    """A copy of one sample: `sample("trail_tampering/hit/trail_stopped")`, with members changed."""

    def sample(place: str, **changed: Any) -> dict[str, Any]:
        detection, kind, name = place.split("/")
        found = dict(detections()[detection].samples(kind))[f"{name}.json"]
        event: dict[str, Any] = msgspec.json.decode(found)
        return event | changed

    return sample
