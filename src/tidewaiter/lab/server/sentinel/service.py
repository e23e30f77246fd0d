"""Sentinel on one workspace: its rules, alerts and incidents, and the running of rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from tidewaiter.core.errors import QueryError
from tidewaiter.lab.server.clock import LabClock
from tidewaiter.lab.server.sentinel.documents import Documents
from tidewaiter.lab.server.sentinel.hunt_documents import HuntStore
from tidewaiter.lab.server.sentinel.incidents.grouping import raise_incidents
from tidewaiter.lab.server.sentinel.incidents.store import IncidentStore
from tidewaiter.lab.server.sentinel.own_rows import OwnRows
from tidewaiter.lab.server.sentinel.rules.alerts import Alert, security_alert
from tidewaiter.lab.server.sentinel.rules.definition import Progress, Rule
from tidewaiter.lab.server.sentinel.rules.health import health
from tidewaiter.lab.server.sentinel.rules.runner import Outcome, Runner
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
        enabled = [rule for rule in self.rules.rules.values() if rule.properties.enabled]
        for second in (False, True):
            for rule in enabled:
                if self._is_second(rule) == second:
                    self._run(rule, now, report)
            self.own_rows.flush()
        return report

    def _is_second(self, rule: Rule) -> bool:
        return any(name in rule.properties.query for name in OWN_TABLES)

    def _run(self, rule: Rule, now: datetime, report: RulesReport) -> None:
        before = self.rules.progress.get(rule.name, Progress())
        outcome = self._outcome(rule, before, now)
        if outcome.failed:
            report.failed[rule.name] = outcome.failed
        report.runs += outcome.runs
        report.alerts += len(outcome.alerts)
        if outcome.progress == before and not outcome.alerts:
            return
        with self.documents.transaction():
            self.rules.progress.put(rule.name, outcome.progress)
            report.incidents += self._raise_alerts(rule, outcome.alerts)
            if outcome.progress.failed != before.failed:
                row = health(rule, outcome.progress.failed, now, self.tenant)
                self.own_rows.add("SentinelHealth", [row])

    def _outcome(self, rule: Rule, before: Progress, now: datetime) -> Outcome:
        runner = Runner(self.workspace, self.tenant, now, by_request=self.clock.name == "stream")
        if rule.kind == "Scheduled":
            before = msgspec.structs.replace(before, due=before.due or self._first_due(rule, now))
            if before.due and before.due > now - runner.delay:
                return Outcome(before)
        try:
            prepared = self.rules.prepare(rule.properties.query)
        except QueryError as error:
            return self._failed(rule, before, now, reason(error))
        if rule.kind == "NRT":
            return runner.near_real_time(rule, prepared, before)
        return runner.scheduled(rule, prepared, before)

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
