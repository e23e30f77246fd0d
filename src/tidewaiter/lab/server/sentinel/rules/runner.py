"""Runs one rule: on the windows that are due, or on the rows that have arrived.

A scheduled rule runs five minutes after its scheduled time, on rows whose TimeGenerated lies in the look-back
before that time (Scheduled analytics rules in Microsoft Sentinel, Microsoft, 2024-10-16). A near-real-time
rule looks at each row once, by arrival (Detect threats quickly with NRT analytics rules, 2022-11-02); each
minute's rows make a run. On a stream's clock, where a day arrives in seconds, a request takes the place of
a minute.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tidewaiter.core.errors import QueryError
from tidewaiter.kql import QueryResult
from tidewaiter.kql.prepared import Prepared
from tidewaiter.lab.server.sentinel.rules.alerts import Alert, Run, alerts_of
from tidewaiter.lab.server.sentinel.rules.definition import Progress, Properties, Rule
from tidewaiter.lab.server.sentinel.rules.store import reason
from tidewaiter.lab.server.tenant import Tenant
from tidewaiter.lab.workspace import Workspace
from tidewaiter.lab.workspace.parts import ARRIVAL, Span, arrived, by_arrival, by_time, requests

DELAY = timedelta(minutes=5)
MOST_RUNS = 10_000
"""Queries of one rule in one go. More are due only after months without a run: the rest is left out, and
the rule's health says so."""
MOST_SLICES = 1_000
"""Runs of a near-real-time rule in one go; more requests share them."""

_MINUTE = timedelta(minutes=1)
_NOTHING = QueryResult((), [])


@dataclass
class Outcome:
    """What running a rule brought: its alerts by time, how far it came, and why a run failed, if one did."""

    progress: Progress
    alerts: list[Alert] = field(default_factory=list)
    runs: int = 0
    failed: str = ""


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs rules on a workspace; `now` is the lab's time, `by_request` when that is a stream's."""

    workspace: Workspace
    tenant: Tenant
    now: datetime
    by_request: bool

    def scheduled(self, rule: Rule, prepared: Prepared, progress: Progress) -> Outcome:
        """Run every window that is due and can have a result."""
        given = rule.properties
        due = progress.due or self.now
        last = self.now - DELAY
        resting = progress.resting_until
        outcome = Outcome(progress)
        minutes = self._minutes(prepared, due - given.period, last) if due <= last else None
        while due <= last:
            if outcome.runs >= MOST_RUNS:
                outcome.failed = f"more than {MOST_RUNS:,} runs were due: the later ones were left out"
                due = _first_after(last, due, given.frequency)
                break
            if resting and due < resting:
                due = _first_after(resting - timedelta(microseconds=1), due, given.frequency)
                continue
            run = Run(due, due + DELAY, due - given.period, due)
            if minutes is not None and not _any_within(minutes, run.start, run.end):
                if not triggers(given, 0):
                    due = _next_with_rows(minutes, due, given.frequency, last)
                    continue
                result: QueryResult | None = _NOTHING
            else:
                parts = by_time(prepared.reads.tables, run.start, run.end)
                result = self._result(prepared, run, parts, outcome)
            found = self._alerts(rule, run, result, outcome)
            if found and given.suppression:
                resting = due + given.suppression
            due += given.frequency
        outcome.progress = Progress(due, {}, resting, outcome.failed)
        return outcome

    def near_real_time(self, rule: Rule, prepared: Prepared, progress: Progress) -> Outcome:
        """Run on the rows that have arrived since the last run."""
        given = rule.properties
        resting = progress.resting_until
        counts = arrived(self.workspace, prepared.reads.tables)
        spans = {name: _since(progress.seen, name, count) for name, count in counts.items()}
        outcome = Outcome(Progress(progress.due, counts, resting, ""))
        if all(start == end for start, end in spans.values()):
            outcome.progress = Progress(progress.due, counts, resting, progress.failed)
            return outcome
        for parts in self._slices(prepared, spans):
            if resting and self.now < resting:
                break
            run = Run(self.now, self.now, self.now - _MINUTE, self.now)
            result = self._result(prepared, run, by_arrival(self.workspace, parts), outcome)
            found = self._alerts(rule, run, result, outcome)
            if found and given.suppression:
                resting = self.now + given.suppression
        outcome.progress = Progress(progress.due, counts, resting, outcome.failed)
        return outcome

    def _result(
        self, prepared: Prepared, run: Run, parts: Mapping[str, str], outcome: Outcome
    ) -> QueryResult | None:
        outcome.runs += 1
        try:
            return self.workspace.executor().run_prepared(prepared, now=run.at, parts=parts)
        except QueryError as error:
            outcome.failed = reason(error)
            return None

    def _alerts(self, rule: Rule, run: Run, result: QueryResult | None, outcome: Outcome) -> bool:
        if result is None or not triggers(rule.properties, len(result.rows)):
            return False
        outcome.alerts += alerts_of(rule, run, result, self.tenant)
        return True

    def _minutes(self, prepared: Prepared, start: datetime, end: datetime) -> list[datetime] | None:
        """Return the minutes with rows that can matter, in order; None when it may have a result without."""
        if not prepared.reads.nothing_from_nothing:
            return None
        found = self._that_matter(
            prepared, "date_trunc('minute', \"TimeGenerated\")", by_time(prepared.reads.tables, start, end)
        )
        return None if found is None else sorted({at.replace(tzinfo=UTC) for _, at in found})

    def _slices(self, prepared: Prepared, spans: Mapping[str, Span]) -> Iterator[dict[str, Span]]:
        """Yield the parts of tables that arrived together, without those that cannot have a result."""
        groups: dict[object, dict[str, Span]] = {}
        brought = [
            (number, received, name, part)
            for name, span in spans.items()
            for part, number, received in requests(self.workspace, name, span)
        ]
        for number, received, name, part in sorted(brought, key=lambda each: (each[0], each[2])):
            key = number if self.by_request else received.replace(second=0, microsecond=0)
            before = groups.setdefault(key, {}).get(name)
            groups[key][name] = (before[0], part[1]) if before else part
        wanted = self._admitted(prepared, spans)
        nothing = {name: (end, end) for name, (_, end) in spans.items()}
        for group in _at_most(list(groups.values()), MOST_SLICES):
            if wanted is None or any(_holds(wanted.get(name, []), span) for name, span in group.items()):
                yield {**nothing, **group}

    def _admitted(self, prepared: Prepared, spans: Mapping[str, Span]) -> dict[str, list[int]] | None:
        if not prepared.reads.nothing_from_nothing:
            return None
        parts = by_arrival(self.workspace, spans, numbered=True)
        found: dict[str, list[int]] = {}
        matter = self._that_matter(prepared, ARRIVAL, parts)
        if matter is None:
            return None
        for name, place in matter:
            found.setdefault(name, []).append(place)
        return {name: sorted(places) for name, places in found.items()}

    def _that_matter(
        self, prepared: Prepared, column: str, parts: Mapping[str, str]
    ) -> list[tuple[str, Any]] | None:
        """Return the rows that can matter, by a column; None when that cannot be asked: any may."""
        try:
            return self.workspace.executor().admitted(prepared, column, parts)
        except QueryError:
            return None


def triggers(given: Properties, count: int) -> bool:
    """Say whether a result of `count` rows makes alerts; of a near-real-time rule, any row does."""
    threshold = given.trigger_threshold or 0
    match given.trigger_operator:
        case "LessThan":
            return count < threshold
        case "Equal":
            return count == threshold
        case "NotEqual":
            return count != threshold
        case _:
            return count > threshold


def _since(seen: Mapping[str, int], table: str, count: int) -> Span:
    """Return the new rows of a table; of one that was dropped and made again, all."""
    before = seen.get(table, count)
    return (0 if before > count else before, count)


def _any_within(minutes: list[datetime], start: datetime, end: datetime) -> bool:
    """Say whether a row may lie in a window; a minute counts when any of it does."""
    place = bisect_left(minutes, start.replace(second=0, microsecond=0))
    return place < len(minutes) and minutes[place] < end


def _next_with_rows(minutes: list[datetime], due: datetime, frequency: timedelta, last: datetime) -> datetime:
    """Return the first scheduled time after `due` whose window may hold a row, or the first after `last`."""
    place = bisect_left(minutes, due.replace(second=0, microsecond=0))
    at = minutes[place] if place < len(minutes) else last
    return max(due + frequency, _first_after(at, due, frequency))


def _first_after(at: datetime, due: datetime, frequency: timedelta) -> datetime:
    """Return the first scheduled time after `at`, not before `due`."""
    return due + frequency * max(0, (at - due) // frequency + 1)


def _holds(places: list[int], span: Span) -> bool:
    place = bisect_left(places, span[0])
    return place < len(places) and places[place] < span[1]


def _at_most(groups: list[dict[str, Span]], most: int) -> Iterator[dict[str, Span]]:
    """Join neighbours until there are no more than `most`."""
    size = -(-len(groups) // most) or 1
    for start in range(0, len(groups), size):
        joined: dict[str, Span] = {}
        for group in groups[start : start + size]:
            for name, span in group.items():
                joined[name] = (joined[name][0], span[1]) if name in joined else span
        yield joined
