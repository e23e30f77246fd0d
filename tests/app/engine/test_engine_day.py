"""A small day through the whole pipeline, held against the truth about it."""

from __future__ import annotations

import gzip
import shutil
from collections import Counter

import pytest

from tests.app.conftest import deliver_to
from tidewaiter.app.engine import pool

INCIDENT = {
    "incident_id", "title", "severity", "score", "detector", "start", "end", "entities", "event_ids",
    "stages", "narrative", "_AI_ConfidenceScore", "_AI_ModelVersion",
}  # fmt: skip


WITHOUT_IDS = ("ASimNetworkSessionLogs", "ASimWebSessionLogs", "ASimDnsActivityLogs")
"""Tables whose records have no id of their own: lines of text, and queries."""


def test_the_counts_add_up_and_the_lab_holds_what_they_say(delivered_day, day):
    delivered_day.check_laws()
    events = day.truth.events
    assert delivered_day.counts()["delivered"] == events.cloudtrail + events.insight
    assert (events.cloudtrail, events.insight) == (700, 2)
    assert delivered_day.counts("aws_vpcflow")["delivered"] == events.vpcflow
    assert delivered_day.counts("aws_guardduty")["delivered"] == events.guardduty > 0
    tables = {"AuditLogs": "entra_audit", "AzureActivity": "azure_activity"}
    for source in ("azure_activity", "entra_audit", "entra_signin"):
        rows = [n for table, n in events.entra.items() if tables.get(table, "entra_signin") == source]
        assert delivered_day.counts(source)["delivered"] == sum(rows) > 0


def test_every_event_of_the_day_is_in_the_lab_once(delivered_day, day):
    lines = {
        table: {str(row["EventOriginalUid"]) for row in delivered_day.rows()[table]} for table in WITHOUT_IDS
    }
    found = delivered_day.ids()

    assert set(found.values()) == {1}
    told = {*day.truth.event_ids, *day.truth.insight_ids, *day.finding_ids, *day.entra_ids}
    assert set(found) - set().union(*lines.values()) == told
    events = day.truth.events
    assert [len(ids) for ids in lines.values()] == [events.vpcflow, events.s3_access, events.dns]


def test_objects_are_counted_by_their_kinds(delivered_day, day):
    objects = day.truth.objects
    kinds = {
        "aws_cloudtrail": {
            "digest": objects.digest,
            "events": objects.cloudtrail,
            "insight": objects.insight,
        },
        "aws_vpcflow": {"events": objects.vpcflow},
        "aws_guardduty": {"events": objects.guardduty},
        "aws_securityhub": {"events": objects.securityhub},
        "aws_s3access": {"events": objects.s3_access},
        "aws_route53resolver": {"events": objects.dns},
    }

    found = dict(delivered_day.report["object_kinds"])
    entra = [found.pop(source)["events"] for source in ("azure_activity", "entra_audit", "entra_signin")]
    assert sum(entra) == objects.entra
    assert found == kinds
    assert delivered_day.counts()["objects"] == sum(kinds["aws_cloudtrail"].values())
    assert objects.digest > 0 < objects.insight


def test_a_second_run_delivers_nothing_and_changes_nothing(tmp_path, delivered_day, day):
    shutil.copytree(delivered_day.state, tmp_path / "state")

    again = deliver_to(tmp_path / "state", day.folder)

    assert again.result is not None
    assert again.result.summary.delivered == 0
    assert again.result.summary.sources == {}
    assert again.result.exit_code == 0
    objects = day.truth.objects
    known = objects.cloudtrail + objects.digest + objects.insight + objects.vpcflow + objects.guardduty
    known += objects.entra + objects.securityhub + objects.s3_access + objects.dns
    assert again.report["last_run"]["objects_claimed_before"] == known
    for part in ("sources", "rows", "object_kinds", "incidents"):
        assert again.report[part] == delivered_day.report[part]
    again.check_laws()
    assert again.ids() == delivered_day.ids()


def as_rows(delivery):
    return {table: sorted(map(repr, rows)) for table, rows in delivery.rows().items()}


@pytest.mark.parametrize(
    ("workers", "objects"),
    [(2, 40), pytest.param(1, 1, marks=pytest.mark.long), pytest.param(1, 10_000, marks=pytest.mark.long)],
)
def test_workers_and_the_size_of_groups_make_no_difference(
    tmp_path, monkeypatch, delivered_day, day, workers, objects
):
    monkeypatch.setattr(pool, "SMALL_BYTES", 0)
    monkeypatch.setattr(pool, "GROUP_OBJECTS", objects)

    other = deliver_to(tmp_path / "state", day.folder, workers=workers)

    other.check_laws()
    assert as_rows(other) == as_rows(delivered_day)
    for name in ("incidents.jsonl", "signals.jsonl"):
        assert other.lines(name) == delivered_day.lines(name)
    assert other.report["sources"] == delivered_day.report["sources"]


def test_the_report_has_the_members_of_the_contract(delivered_day):
    report = delivered_day.report

    assert {"sources", "rows", "stages"} <= set(report)
    assert set(report["sources"]) == {
        "aws_cloudtrail", "aws_guardduty", "aws_route53resolver", "aws_s3access", "aws_securityhub",
        "aws_vpcflow", "azure_activity", "entra_audit", "entra_signin",
    }  # fmt: skip
    for counts in report["sources"].values():
        assert set(counts) == {
            "objects", "records", "valid", "quarantined", "delivered", "merged", "dropped", "tiered",
            "duplicate", "faults", "raw_bytes", "billed_bytes_before", "billed_bytes_after",
        }  # fmt: skip
        assert counts["raw_bytes"] > counts["records"] * 50
    assert {"decode", "normalize", "drift", "detect", "stage", "commit", "send"} == set(report["stages"])
    assert all(seconds >= 0 for seconds in report["stages"].values())
    assert report["incidents"] == len(delivered_day.lines("incidents.jsonl"))
    assert set(report["last_run"]) == {
        "started", "from_path", "objects_claimed_before", "seconds", "sources", "unrecognized", "unreadable",
        "sent", "drift", "pulled",
    }  # fmt: skip
    assert report["last_run"]["drift"] == {"alarms": 0, "failures": {}}
    assert report["last_run"]["pulled"] == {}
    assert "truth.json" in [path for path, _ in report["last_run"]["unrecognized"]]


def test_raw_bytes_are_the_bytes_of_the_decompressed_objects(delivered_day, day):
    paths = [path for path in day.folder.rglob("*.gz") if "vpcflowlogs" in path.parts]

    assert delivered_day.counts("aws_vpcflow")["raw_bytes"] == sum(
        len(gzip.decompress(path.read_bytes())) for path in paths
    )


def test_nothing_is_left_in_the_staging_folder_or_half_written(delivered_day):
    assert sorted(path.name for path in delivered_day.state.iterdir()) == [
        "archive", "audit", "dead_letters.jsonl", "drift.jsonl", "faults.jsonl", "incidents.jsonl", "lab",
        "lock", "possibly_sent.jsonl", "quarantine.jsonl", "report.json", "signals.jsonl", "state.db",
    ]  # fmt: skip


def test_incidents_have_exactly_the_members_of_the_contract(delivered_day):
    for incident in delivered_day.lines("incidents.jsonl"):
        assert set(incident) == INCIDENT
        assert incident["severity"] in ("Informational", "Low", "Medium", "High")
        assert 0 <= incident["score"] <= 100
        assert 0 < incident["_AI_ConfidenceScore"] <= 1
        assert incident["start"] <= incident["end"]
        assert all(set(entity) == {"kind", "id", "name"} for entity in incident["entities"])
        assert all(set(stage) == {"technique", "tactic", "event_ids"} for stage in incident["stages"])
        staged = Counter(event_id for stage in incident["stages"] for event_id in stage["event_ids"])
        assert set(staged) == set(incident["event_ids"])
        assert set(incident["event_ids"]) <= set(delivered_day.ids())


def test_signals_are_on_events_that_are_in_the_lab(delivered_day):
    signals = delivered_day.lines("signals.jsonl")

    assert signals
    assert {signal["event_id"] for signal in signals} <= set(delivered_day.ids())
