"""The metrics page names every metric with its labels, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from tidewaiter.app.engine.metrics import Metrics
from tidewaiter.state import Counts, OutboxTotals

PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
ROW = re.compile(r"^\| `(tidewaiter_\w+)` \| ([^|]*)\|", re.MULTILINE)


def served() -> dict[str, set[str]]:
    """Return the samples that Prometheus would read, with the names of their labels."""
    metrics = Metrics()
    metrics.committed({"aws_cloudtrail": Counts()}, {"map": 0.1})
    metrics.outbox(OutboxTotals())
    metrics.drifted("aws_cloudtrail", "new_field")
    metrics.drift_failed("aws_cloudtrail", 1)
    metrics.pulled("aws_guardduty", 1, failed=True)
    found = [sample for metric in metrics.registry.collect() for sample in metric.samples]
    return {each.name: set(each.labels) for each in found if not each.name.endswith("_created")}


def test_the_metrics_page_has_every_metric_with_its_labels_and_no_other():
    text = PAGE.read_text(encoding="utf-8")
    told = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in ROW.findall(text)}

    assert told == served()


def test_every_metric_and_status_that_an_alarm_of_the_page_uses_exists():
    text = PAGE.read_text(encoding="utf-8")
    alarms = re.findall(r"expr: (.*)", text)

    names = {name for alarm in alarms for name in re.findall(r"tidewaiter_\w+", alarm)}
    statuses = {status for alarm in alarms for status in re.findall(r'status="(\w+)"', alarm)}
    assert len(alarms) == 3
    assert names <= set(served())
    assert statuses <= set(OutboxTotals.__struct_fields__)
    assert all(f"`{status}`" in text for status in OutboxTotals.__struct_fields__)
