"""What the workers saw, held against what is known: alarms go into the outbox, what was learned is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime

import msgspec

from tidewaiter.app.engine.metrics import Metrics
from tidewaiter.content import sources
from tidewaiter.core.errors import TidewaiterError
from tidewaiter.pipeline.normalize.drift import Alarm, Failures, Seen, Watch, what_failed
from tidewaiter.pipeline.normalize.drift.known import Known
from tidewaiter.pipeline.normalize.drift.table import TABLE, alarm_id, drift_batches
from tidewaiter.state import Conflict, State

ALARMS = "drift alarms"
MOST_ALARMS = 1_000
"""Alarms that are kept for `tidewaiter drift`; the table in the workspace has all of them."""
HINTED = "drift hint"
"""The fact that somebody was told how to have alarms in the workspace."""
HINT = (
    f"alarms of drift stay here (`tidewaiter drift`): to have them in the workspace, too, make {TABLE} and "
    f'its stream as docs/sentinel.md says, and set {TABLE} = "dcr-…" under [ingestion.dcrs]'
)


class DriftAlarm(Alarm, frozen=True):
    """An alarm as a line of drift.jsonl: with its id, and when it was raised."""

    alarm_id: str = ""
    at: str = ""


class DriftCounts(msgspec.Struct):
    """What drift came to in one pass; `failures` counts what went wrong in looking, by what it was."""

    alarms: int = 0
    failures: dict[str, int] = msgspec.field(default_factory=dict)


class Drift:
    """The watch over all sources of one pass. Nothing that goes wrong here stops a record.

    `leave` says whether the phase lets alarms go into the workspace, `routed` whether there is a way to
    their table; `notice` tells people.
    """

    def __init__(
        self,
        state: State,
        metrics: Metrics,
        *,
        clock: Callable[[], datetime],
        leave: Callable[[], bool],
        routed: bool,
        notice: Callable[[str], None],
    ) -> None:
        self._state = state
        self._metrics = metrics
        self._clock = clock
        self._leave = leave
        self._routed = routed
        self._notice = notice
        self._watches: dict[str, Watch] = {}
        self._new: list[Alarm] = []
        self.counts = DriftCounts()

    def take(self, seen: Seen) -> None:
        """Learn from what a group of objects looked like."""
        failures = Counter(seen.failures)
        for each in seen.sightings:
            try:
                self._new += self._watch(each.source).take(each)
            except Exception as error:  # a fault of ours must not cost the customer a record
                failures[each.source, what_failed(error)] += 1
                self._watches.pop(each.source, None)
        self._failed(failures)

    def save(self) -> None:
        """Write what was learned and put new alarms into the outbox.

        Raises:
            DeliveryError, StateError: the state could not be written.
        """
        alarms, self._new = self._new, []
        try:
            for source, watch in self._watches.items():
                self._state.note(_fact(source), msgspec.json.encode(watch.known).decode())
            if alarms:
                self._raise(alarms)
        except TidewaiterError:  # the state's own trouble, which the run has with everything else, too
            raise
        except Exception as error:
            self._failed(Counter({("all sources", what_failed(error)): 1}))

    def _failed(self, failures: Failures) -> None:
        for (source, what), count in failures.items():
            name = f"{source}: {what}"
            self.counts.failures[name] = self.counts.failures.get(name, 0) + count
            self._metrics.drift_failed(source, count)

    def _watch(self, source: str) -> Watch:
        if source not in self._watches:
            spec = sources()[source]
            self._watches[source] = Watch(source, spec.file.drift, _known(self._state.fact(_fact(source))))
        return self._watches[source]

    def _raise(self, alarms: list[Alarm]) -> None:
        now = self._clock()
        noted = self._state.alerts_noted()
        fresh = {alarm_id(each, now): each for each in alarms if alarm_id(each, now) not in noted}
        if not fresh:
            return
        leave = self._leave()
        try:
            batches = drift_batches(fresh.values(), now=now) if leave and self._routed else []
            self._state.add_alerts(list(fresh), batches)
        except Conflict:  # another process saw the same; it tells
            return
        stamp = now.isoformat(timespec="seconds").replace("+00:00", "Z")
        told = [
            DriftAlarm(**msgspec.structs.asdict(alarm), alarm_id=known, at=stamp)
            for known, alarm in fresh.items()
        ]
        kept = [*read_alarms(self._state), *told][-MOST_ALARMS:]
        self._state.note(ALARMS, msgspec.json.encode(kept).decode())
        self.counts.alarms += len(told)
        for alarm in told:
            self._metrics.drifted(alarm.source, alarm.kind)
        if leave and not self._routed and not self._state.fact(HINTED):
            self._state.note(HINTED, stamp)
            self._notice(HINT)


def read_alarms(state: State) -> list[DriftAlarm]:
    """Return the alarms that the state holds, oldest first; none if they are of another version."""
    text = state.fact(ALARMS)
    try:
        return msgspec.json.decode(text, type=list[DriftAlarm]) if text else []
    except msgspec.MsgspecError:
        return []


def _fact(source: str) -> str:
    return f"drift of {source}"


def _known(text: str) -> Known | None:
    """Read what was learned; of another version it is learned anew."""
    try:
        return msgspec.json.decode(text, type=Known) if text else None
    except msgspec.MsgspecError:
        return None
