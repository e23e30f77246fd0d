"""Drift in a run: what is told, where it goes, and that nothing of it stops a record."""

from __future__ import annotations

from functools import partial

import pytest

from tests.app import logs
from tests.app.conftest import TODAY, at_noon
from tidewaiter.app.engine import drift as engine_drift
from tidewaiter.app.engine import worker
from tidewaiter.app.engine.drift import HINT, Drift, read_alarms
from tidewaiter.app.engine.metrics import Metrics
from tidewaiter.pipeline.normalize.drift import Alarm, Lookout, Observer, Seen, Sighting, Watch
from tidewaiter.state import open_state

TABLE = "TidewaiterDrift_CL"


@pytest.fixture(autouse=True)
def every_record(monkeypatch):
    """Look at each record, so that few will do."""
    monkeypatch.setattr(worker, "Lookout", partial(Lookout, every=1))


@pytest.fixture
def changing(tmp_path):
    """Records of which the later ones have another name for a member, and no address."""
    for place in range(8):
        numbers = range(30 * place, 30 * (place + 1))
        made = [logs.event(number) for number in numbers]
        for each in made if place > 5 else ():
            each["clientAgent"] = each.pop("userAgent")
            each["sourceIPAddress"] = ""
        logs.trail(tmp_path / "in", made, f"part-{place}")
    return tmp_path / "in"


def test_what_changed_is_in_the_workspace_in_the_report_in_a_file_and_in_a_metric(changing, deliver):
    metrics = Metrics()

    delivery = deliver(changing, metrics=metrics)

    told = {(line["kind"], line["field"]): line for line in delivery.lines("drift.jsonl")}
    rows = delivery.rows()[TABLE]
    assert told.keys() == {
        ("renamed_field", "userAgent"), ("emptied_field", "sourceIPAddress"),
        ("empty_column", "SrcIpAddr"), ("empty_column", "HttpUserAgent"),
    }  # fmt: skip
    assert told["renamed_field", "userAgent"]["now"] == "clientAgent"
    assert {(row["Kind"], row["FieldPath"], row["AlarmId"]) for row in rows} == {
        (*key, line["alarm_id"]) for key, line in told.items()
    }
    assert {(row["AwsAccountId"], row["AwsRegion"]) for row in rows} == {(logs.ACCOUNT, "eu-west-1")}
    assert delivery.report["last_run"]["drift"] == {"alarms": 4, "failures": {}}
    labels = {"source": "aws_cloudtrail", "kind": "renamed_field"}
    assert metrics.registry.get_sample_value("tidewaiter_drift_alarms_total", labels) == 1


def test_a_change_is_told_once_a_day_and_what_was_learned_is_kept(changing, deliver):
    deliver(changing)
    logs.trail(changing, [logs.event(number) for number in range(500, 560)], "part-8")

    again = deliver(changing)

    assert again.report["last_run"]["drift"] == {"alarms": 0, "failures": {}}
    assert len(again.rows()[TABLE]) == 4


def broken(*_, **__):
    raise KeyError("of ours")


@pytest.mark.parametrize(
    ("where", "name"), [(Observer, "chunk"), (Watch, "take"), (engine_drift, "drift_batches")]
)
def test_what_fails_in_drift_is_counted_and_stops_no_record(changing, deliver, monkeypatch, where, name):
    monkeypatch.setattr(where, name, broken)
    metrics = Metrics()

    delivery = deliver(changing, metrics=metrics)

    assert delivery.exit_code == 0
    assert delivery.counts()["delivered"] == 240
    (what,) = delivery.report["last_run"]["drift"]["failures"]
    assert "KeyError at test_engine_drift.py:" in what
    assert "of ours" not in what, "an error's text may hold a record"
    source = what.partition(":")[0]
    failed = metrics.registry.get_sample_value("tidewaiter_drift_failures_total", {"source": source})
    assert failed == delivery.report["last_run"]["drift"]["failures"][what] >= 1


def test_what_was_learned_by_another_version_is_learned_anew(changing, deliver, tmp_path):
    deliver(changing)
    with open_state(tmp_path / "state") as state:
        state.note("drift of aws_cloudtrail", "[1]")
        state.note("drift alarms", "[1]")
    logs.trail(changing, [logs.event(900)], "part-9")

    again = deliver(changing)

    assert again.counts()["delivered"] == 241
    assert again.report["last_run"]["drift"]["failures"] == {}


def test_without_a_way_to_the_table_alarms_stay_here_and_how_to_add_it_is_told_once(tmp_path, monkeypatch):
    said: list[str] = []
    fields = iter(["a", "b"])
    monkeypatch.setattr(
        Watch, "take", lambda self, _: [Alarm(self.source, "new_field", next(fields), "1", "eu-west-1")]
    )
    with open_state(tmp_path) as state:
        for _ in range(2):
            drift = Drift(
                state, Metrics(), clock=at_noon(TODAY), leave=lambda: True, routed=False, notice=said.append
            )
            drift.take(Seen([Sighting("aws_cloudtrail", "o", "1", "eu-west-1")]))
            drift.save()

        assert [alarm.field for alarm in read_alarms(state)] == ["a", "b"]
        assert state.outbox().pending.rows == 0
    assert said == [HINT]
    assert f'{TABLE} = "dcr-…" under [ingestion.dcrs]' in HINT
