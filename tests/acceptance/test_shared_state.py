"""Several processes on one PostgreSQL state share the work: no object is delivered by two of them."""

from __future__ import annotations

import json
import subprocess
from collections import Counter

import pytest

from tests.acceptance.killed import COMMAND, served_lab
from tidewaiter.lab.generator import generate
from tidewaiter.lab.workspace import Workspace
from tidewaiter.state import open_state

EVENTS = 2_000


@pytest.fixture(scope="module")
def shared(tmp_path_factory, postgres):
    """Two runs at once over one day: (folder, reports, how often each event is there, truth, URL)."""
    root = tmp_path_factory.mktemp("shared")
    truth = generate(root / "day", events=EVENTS, seed=11)
    with served_lab(root / "lab") as settings:
        both = root / "both.toml"
        url = postgres()
        both.write_text(settings.read_text() + f'\n[state]\nurl = "{url}"\n')
        runs = [
            subprocess.Popen(
                [*COMMAND, "run", "--config", str(both), "--from", str(root / "day"), "--once", "--json",
                 "--workers", "1", "--state", str(root / name)],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )
            for name in ("first", "second")
        ]  # fmt: skip
        said = [process.communicate(timeout=240) for process in runs]
    assert [process.returncode for process in runs] == [0, 0], said
    found: Counter[str] = Counter()
    with Workspace.open(root / "lab" / "lab" / "workspace.duckdb", read_only=True) as workspace:
        for table in workspace.counts():
            if table.startswith("ASim"):
                found.update(str(row["EventOriginalUid"]) for row in workspace.rows(table))
    reports = [json.loads((root / name / "report.json").read_bytes()) for name in ("first", "second")]
    return root, reports, found, truth, url


def test_every_event_is_there_once(shared):
    _, _, found, truth, _ = shared

    assert set(found.values()) == {1}
    assert {*truth.event_ids, *truth.insight_ids} <= found.keys()
    events = truth.events
    beside = events.insight + events.vpcflow + events.guardduty + sum(events.entra.values())
    beside += events.securityhub + events.s3_access + events.dns
    assert len(found) == EVENTS + beside


def test_no_object_is_delivered_by_both(shared):
    root, (first, second), _, _, url = shared
    passes = [report["last_run"]["sources"] for report in (first, second)]
    with open_state(root / "first", url) as state:
        total = {source: (n.objects, n.records) for source, n in state.totals().items()}

    for source in ("aws_cloudtrail", "aws_vpcflow"):
        parts = [sources.get(source, {"objects": 0, "records": 0}) for sources in passes]
        assert tuple(sum(part[name] for part in parts) for name in ("objects", "records")) == total[source]
    assert all(sum(s["records"] for s in sources.values()) for sources in passes), "both had a share"


def test_each_vouches_for_its_own_decisions(shared, tidewaiter):
    root, *_ = shared

    for name in ("first", "second"):
        tidewaiter("audit", "verify", "--state", root / name)
