"""Schema drift: what records and rows look like, learned beside the hot path; alarms when that changes."""

from tidewaiter.pipeline.normalize.drift.alarm import Alarm, AlarmKind
from tidewaiter.pipeline.normalize.drift.lookout import Failures, Lookout, Seen, what_failed
from tidewaiter.pipeline.normalize.drift.observe import Observer, Sighting
from tidewaiter.pipeline.normalize.drift.watch import Watch

__all__ = [
    "Alarm",
    "AlarmKind",
    "Failures",
    "Lookout",
    "Observer",
    "Seen",
    "Sighting",
    "Watch",
    "what_failed",
]
