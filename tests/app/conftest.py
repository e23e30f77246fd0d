"""What the tests of the engine and of the command line share: a small day, and ways to deliver and look."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.originals import entra_ids, finding_ids, hub_findings
from tidewaiter.app.engine.destination import destination, warden_of
from tidewaiter.app.engine.paths import Paths
from tidewaiter.app.engine.plan import Plan
from tidewaiter.app.engine.run import RunResult, run_once
from tidewaiter.app.engine.worker import ObjectResult
from tidewaiter.core.settings import Settings
from tidewaiter.lab.generator import Truth, generate
from tidewaiter.lab.workspace import Workspace

TODAY = date(2026, 3, 18)
OURS = frozenset({"LabIngestionRequests", "SecurityAlert", "SecurityIncident", "Usage", "Watchlist"})
"""Tables that the lab fills itself."""


class Silent:
    """Progress that nobody sees."""

    def planned(self, plan: Plan) -> None:
        pass

    def done(self, results: Sequence[ObjectResult]) -> None:
        pass


@dataclass(frozen=True)
class Delivery:
    """What lies in a state directory, and what the last pass said."""

    state: Path
    result: RunResult | None = None

    @property
    def exit_code(self) -> int:
        assert self.result is not None, "no pass in this process"
        return self.result.exit_code

    @property
    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.state / "report.json").read_bytes())
        return found

    def lines(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.state / name).read_bytes().splitlines()]

    def rows(self) -> dict[str, list[Mapping[str, object]]]:
        with Workspace.open(Paths(self.state).workspace, read_only=True) as workspace:
            return {table: list(workspace.rows(table)) for table in workspace.counts() if table not in OURS}

    def ids(self) -> Counter[str]:
        """How often each event id lies in the lab."""
        found = (row.get("EventOriginalUid") for rows in self.rows().values() for row in rows)
        return Counter(str(event_id) for event_id in found if event_id is not None)

    def native_ids(self, *tables: str) -> Counter[str]:
        """How often each event id lies in Sentinel's own tables."""
        rows = [row for table in tables for row in self.rows().get(table, ())]
        return Counter(str(row.get("AwsEventId") or row.get("EventDataId") or row["Id"]) for row in rows)

    def possibly_sent(self) -> set[str]:
        """The ids in batches that may have been sent twice."""
        return {event_id for line in self.lines("possibly_sent.jsonl") for event_id in line["event_ids"]}

    def counts(self, source: str = "aws_cloudtrail") -> dict[str, int]:
        found: dict[str, int] = self.report["sources"][source]
        return found

    def check_laws(self, *copies: str) -> None:
        """Hold the laws of DESIGN section 12 against the report and the lab.

        `copies` are tables with second rows of events, which count no event.
        """
        report = self.report
        for totals in (report["sources"], report["last_run"]["sources"]):
            for n in totals.values():
                assert n["records"] == n["valid"] + n["quarantined"]
                ways = ("delivered", "merged", "dropped", "tiered", "duplicate")
                assert n["valid"] == sum(n[way] for way in ways)
        lab = {table: len(rows) for table, rows in self.rows().items()}
        if self.possibly_sent():  # what was sent twice is there twice; the same row is the same event
            lab = {table: len({repr(row) for row in rows}) for table, rows in self.rows().items()}
        assert lab == {table: n for table, n in report["rows"].items() if n}
        told = ("TidewaiterAlerts_CL", "TidewaiterDrift_CL")
        events = sum(n for table, n in lab.items() if table not in (*told, *copies))
        assert events == sum(n["delivered"] for n in report["sources"].values())
        assert report["outbox"]["pending"]["batches"] == report["outbox"]["sending"]["batches"] == 0


Deliver = Callable[..., Delivery]


def at_noon(day: date) -> Callable[[], datetime]:
    """A clock that stands still."""
    return lambda: datetime.combine(day, time(12), UTC)


def deliver_to(state: Path, folder: Path | None, *, today: date = TODAY, **options: Any) -> Delivery:
    """Make one pass in this process."""
    wanted: dict[str, Any] = {"workers": 1, "progress": Silent(), "clock": at_noon(today)} | options
    return Delivery(state, run_once(folder, state, **wanted))


@pytest.fixture(scope="session")
def empty_lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A provisioned lab without rows, made once because that takes half of a small run; to be copied."""
    paths = Paths(tmp_path_factory.mktemp("empty"))
    clock = at_noon(TODAY)
    with destination(Settings(), paths, warden_of(Settings(), clock)):
        pass
    return paths.lab


@pytest.fixture
def deliver(tmp_path: Path, empty_lab: Path) -> Deliver:
    """Make one pass over a folder into the test's own state, and hold the laws."""
    state = tmp_path / "state"

    def deliver(folder: Path, **options: Any) -> Delivery:
        if not state.exists():
            shutil.copytree(empty_lab, Paths(state).lab)
        delivery = deliver_to(state, folder, **options)
        delivery.check_laws()
        return delivery

    return deliver


@dataclass(frozen=True)
class Day:
    """A generated day: its folder and the truth about it."""

    folder: Path
    truth: Truth

    @property
    def finding_ids(self) -> list[str]:
        """The ids of all states of findings, GuardDuty's and Security Hub's."""
        return [*finding_ids(self.folder), *hub_findings(self.folder)]

    @property
    def entra_ids(self) -> list[str]:
        """The ids of all sign-ins, directory changes and Azure operations."""
        return entra_ids(self.folder)


@pytest.fixture(scope="session")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    folder = tmp_path_factory.mktemp("day")
    return Day(folder, generate(folder, events=700, seed=11))


@pytest.fixture(scope="session")
def delivered_day(tmp_path_factory: pytest.TempPathFactory, day: Day) -> Delivery:
    """The day in a state; nobody may change it."""
    return deliver_to(tmp_path_factory.mktemp("delivered") / "state", day.folder)
