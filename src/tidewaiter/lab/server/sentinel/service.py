"""Sentinel on one workspace: its rules, alerts and incidents, and the running of rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from tidewaiter.core.errors import QueryError
from tidewaiter.kql.prepared import Prepared
from tidewaiter.lab.server.clock import LabClock
from tidewaiter.lab.server.sentinel.documents import Documents
from tidewaiter.lab.server.sentinel.hunt_documents import HuntStore
from tidewaiter.lab.server.sentinel.incidents.grouping import raise_incidents
from tidewaiter.lab.server.sentinel.incidents.store import IncidentStore
from tidewaiter.lab.server.sentinel.own_rows import OwnRows
from tidewaiter.lab.server.sentinel.rules.alerts import Alert, security_alert
from tidewaiter.lab.server.sentinel.rules.definition import Progress, Rule
from tidewaiter.lab.server.sentinel.rules.health import health
from tidewaiter.lab.server.sentinel.rules.runner import DELAY, Outcome, Runner
from tidewaiter.lab.server.sentinel.rules.store import RuleStore, reason
from tidewaiter.lab.server.tenant import Tenant
from tidewaiter.lab.workspace import Workspace
from tidewaiter.lab.workspace.parts import earliest
from tidewaiter.lab.workspace.store import OWN_TABLES

FILE = "sentinel.ndjson"


@dataclass
class RulesReport:
    """What running the rules brought; `incidents` counts new ones.

    `failed` has the reason of each rule that did not run, by its name.
    """

    runs: int = 0
    alerts: int = 0
    incidents: int = 0
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Ready:
    """A rule whose turn it is; without `prepared`, its query is `wrong`."""

    rule: Rule
    progress: Progress
    prepared: Prepared | None
    wrong: str = ""

    @property
    def reads_own(self) -> bool:
        """Whether it reads what other rules may be about to write."""
        return self.prepared is not None and bool(self.prepared.reads.tables & OWN_TABLES)


class Sentinel:
    """What Sentinel keeps of one workspace; used on the lab's thread only."""

    def __init__(self, folder: Path, workspace: Workspace, clock: LabClock, tenant: Tenant) -> None:
        self.workspace = workspace
        self.clock = clock
        self.tenant = tenant
        self.documents = Documents(folder / FILE)
        self.own_rows = OwnRows(self.documents, workspace, clock.now)
        self.rules = RuleStore(self.documents, workspace, clock.started)
        self.incidents = IncidentStore(self.documents, self.own_rows, clock.now, tenant)
        self.hunts = HuntStore(self.documents)
        self.alerts = self.documents.collection("alert", Alert)
        self.own_rows.recover()

    def run_rules(self, until: datetime | None = None) -> RulesReport:
        """Run what is due by the lab's time, or by `until` (aware) if that is later: time that passes.

        Rules that read alerts, incidents or health run after the others, and see what these made.

        Raises:
            DeliveryError: alerts cannot be stored; what was not is run again.
        """
        report = RulesReport()
        started = self.clock.started()
        if started is None:
            return report
        now = max(started, until) if until else started
        ready = [each for rule in self.rules.rules.values() if (each := self._ready(rule, now)) is not None]
        for second in (False, True):
            for each in ready:
                if each.reads_own == second:
                    self._run(each, now, report)
            self.own_rows.flush()
        return report

    def _ready(self, rule: Rule, now: datetime) -> _Ready | None:
        """Return a rule with its query ready to run; None when it is disabled, or not due."""
        if not rule.properties.enabled:
            return None
        before = self.rules.progress.get(rule.name, Progress())
        if rule.kind == "Scheduled" and before.due is None:
            before = msgspec.structs.replace(before, due=self._first_due(rule, now))
            with self.documents.transaction():
                self.rules.progress.put(rule.name, before)
        if rule.kind == "Scheduled" and before.due and before.due > now - DELAY:
            return None
        try:
            return _Ready(rule, before, self.rules.prepare(rule.properties.query))
        except QueryError as error:
            return _Ready(rule, before, None, reason(error))

    def _run(self, ready: _Ready, now: datetime, report: RulesReport) -> None:
        rule, before = ready.rule, ready.progress
        outcome = self._outcome(ready, now)
        if outcome.failed:
            report.failed[rule.name] = outcome.failed
        report.runs += outcome.runs
        report.alerts += len(outcome.alerts)
        if outcome.progress == before:
            return
        with self.documents.transaction():
            self.rules.progress.put(rule.name, outcome.progress)
            report.incidents += self._raise_alerts(rule, outcome.alerts)
            if outcome.progress.failed != before.failed:
                row = health(rule, outcome.progress.failed, now, self.tenant)
                self.own_rows.add("SentinelHealth", [row])

    def _outcome(self, ready: _Ready, now: datetime) -> Outcome:
        if ready.prepared is None:
            return self._failed(ready.rule, ready.progress, now, ready.wrong)
        runner = Runner(self.workspace, self.tenant, now, by_request=self.clock.name == "stream")
        run = runner.near_real_time if ready.rule.kind == "NRT" else runner.scheduled
        return run(ready.rule, ready.prepared, ready.progress)

    def _failed(self, rule: Rule, before: Progress, now: datetime, why: str) -> Outcome:
        """Let the runs of a rule that cannot run pass; a near-real-time rule sees its rows when it can."""
        due = before.due
        if rule.kind == "Scheduled" and due is not None:
            due += rule.properties.frequency * max(0, (now - due) // rule.properties.frequency + 1)
        progress = msgspec.structs.replace(before, due=due, failed=why)
        return Outcome(progress, failed=why)

    def _first_due(self, rule: Rule, now: datetime) -> datetime:
        """Return when a rule first runs that is older than the stream: a frequency after its first row."""
        first = earliest(self.workspace) or now
        return first.replace(second=0, microsecond=0) + rule.properties.frequency

    def _raise_alerts(self, rule: Rule, alerts: list[Alert]) -> int:
        for alert in alerts:
            self.alerts.put(alert.id, alert)
        rows = [security_alert(alert, rule, self.tenant) for alert in alerts]
        self.own_rows.add("SecurityAlert", rows)
        return raise_incidents(self.incidents, rule, alerts)
