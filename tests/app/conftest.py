"""What the tests of the engine and of the command line share: a small day, and ways to deliver and look."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tidewaiter.app.engine.plan import Plan
from tidewaiter.app.engine.run import Paths, RunResult, run_once
from tidewaiter.app.engine.worker import ObjectResult
from tidewaiter.lab.generator import Truth, generate
from tidewaiter.lab.workspace import Workspace

TODAY = date(2026, 3, 18)


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
    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.state / "report.json").read_bytes())
        return found

    def lines(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.state / name).read_bytes().splitlines()]

    def rows(self) -> dict[str, list[Mapping[str, object]]]:
        with Workspace.open(Paths(self.state).workspace, read_only=True) as workspace:
            return {table: list(workspace.rows(table)) for table in workspace.counts()}

    def ids(self) -> Counter[str]:
        """How often each event id lies in the lab."""
        return Counter(str(row["EventOriginalUid"]) for rows in self.rows().values() for row in rows)

    def counts(self, source: str = "aws_cloudtrail") -> dict[str, int]:
        found: dict[str, int] = self.report["sources"][source]
        return found

    def check_laws(self) -> None:
        """Hold the laws of DESIGN section 12 against the report and the lab."""
        report = self.report
        for totals in (report["sources"], report["last_run"]["sources"]):
            for n in totals.values():
                assert n["records"] == n["valid"] + n["quarantined"]
                ways = ("delivered", "merged", "dropped", "tiered", "duplicate")
                assert n["valid"] == sum(n[way] for way in ways)
        lab = {table: len(rows) for table, rows in self.rows().items()}
        assert lab == {table: n for table, n in report["rows"].items() if n}
        assert sum(lab.values()) == sum(n["delivered"] for n in report["sources"].values())


Deliver = Callable[..., Delivery]


def deliver_to(state: Path, folder: Path, **options: Any) -> Delivery:
    """Make one pass in this process."""
    wanted: dict[str, Any] = {"workers": 1, "progress": Silent(), "today": TODAY} | options
    return Delivery(state, run_once(folder, state, **wanted))


@pytest.fixture(scope="session")
def empty_lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace without rows, made once because that takes half of a small run; to be copied."""
    path = tmp_path_factory.mktemp("empty") / "workspace.duckdb"
    Workspace.open(path).close()
    return path


@pytest.fixture
def deliver(tmp_path: Path, empty_lab: Path) -> Deliver:
    """Make one pass over a folder into the test's own state, and hold the laws."""
    state = tmp_path / "state"

    def deliver(folder: Path, **options: Any) -> Delivery:
        if not state.exists():
            Paths(state).workspace.parent.mkdir(parents=True)
            shutil.copy(empty_lab, Paths(state).workspace)
        delivery = deliver_to(state, folder, **options)
        delivery.check_laws()
        return delivery

    return deliver


@dataclass(frozen=True)
class Day:
    """A generated day: its folder and the truth about it."""

    folder: Path
    truth: Truth


@pytest.fixture(scope="session")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    folder = tmp_path_factory.mktemp("day")
    return Day(folder, generate(folder, events=700, seed=11))


@pytest.fixture(scope="session")
def delivered_day(tmp_path_factory: pytest.TempPathFactory, day: Day) -> Delivery:
    """The day in a state; nobody may change it."""
    return deliver_to(tmp_path_factory.mktemp("delivered") / "state", day.folder)
