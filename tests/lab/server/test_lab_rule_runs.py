from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest

from tidewaiter.lab.server.clock import LabClock
from tidewaiter.lab.server.sentinel.rules import runner
from tidewaiter.lab.server.sentinel.ticker import ticking

from .sentinel_lab import START, TRAIL, Streamed, minute, near_real_time, scheduled, streamed


@pytest.fixture
def its(tmp_path, empty_workspace):
    with streamed(tmp_path / "lab", empty_workspace) as its:
        yield its


def alert_times(its: Streamed, what: str = "TimeGenerated") -> list[float]:
    rows = its.query(f"SecurityAlert | order by TimeGenerated asc, StartTime asc | project {what}")
    return [(at - START) / timedelta(minutes=1) for (at,) in rows]


def started(its: Streamed, *rules: dict[str, Any], kind: str = "Scheduled") -> None:
    """Start the stream at minute 0, then put rules, whose first run is at once."""
    its.events(0, name="Other")
    for number, rule in enumerate(rules):
        its.put_rule(rule, name=f"r{number}", kind=kind)


def test_a_rule_runs_five_minutes_after_each_scheduled_time(its):
    started(its, scheduled())
    its.events(12, 34, name="DeleteTrail")
    its.events(44, name="Other")
    report = its.run()
    assert report.alerts == 1  # the run of minute 40 is due at 45
    assert alert_times(its) == [25]
    its.events(45, name="Other")
    assert its.run().alerts == 1
    assert alert_times(its) == [25, 45]


def test_a_window_begins_with_its_first_moment_and_ends_before_its_last(its):
    started(its, scheduled())
    its.events(10, 19.99, 20, 60, name="DeleteTrail")
    its.run()
    assert alert_times(its) == [25, 35]
    counts = its.query(
        "SecurityAlert | order by TimeGenerated asc "
        '| project tostring(parse_json(ExtendedProperties)["Search Query Results Overall Count"])'
    )
    assert counts == [("2",), ("1",)]


def test_a_longer_look_back_sees_a_row_again(its):
    started(its, scheduled(queryPeriod="PT30M"))
    its.events(12, name="DeleteTrail")
    its.events(90, name="Other")
    its.run()
    assert alert_times(its) == [25, 35, 45]


def test_ago_and_now_mean_the_scheduled_time(its):
    started(its, scheduled(f"{TRAIL} | where TimeGenerated > ago(2m) | extend ran = now()"))
    its.events(17, 18.5, 60, name="DeleteTrail")
    its.run()
    assert alert_times(its, "StartTime") == [18.5]


def test_a_rule_that_is_older_than_the_stream_begins_with_its_first_row(its):
    its.put_rule(scheduled())
    assert its.run().runs == 0
    its.events(3, 5, 40, name="DeleteTrail")
    its.run()
    assert alert_times(its) == [18]  # scheduled for minute 13


def test_rows_that_come_after_the_run_of_their_window_are_missed(its):
    started(its, scheduled())
    its.events(60, name="Other")
    its.run()
    its.events(12, name="DeleteTrail")
    its.events(120, name="Other")
    assert its.run().alerts == 0


def test_time_may_be_let_pass(its):
    started(its, scheduled(queryFrequency="P1D", queryPeriod="P1D"))
    its.events(100, name="DeleteTrail")
    its.run()
    assert its.run(until=1440 + 5).alerts == 1
    assert its.run(until=1440 + 5).alerts == 0


@pytest.mark.parametrize(
    ("operator", "threshold", "expected"),
    [
        ("GreaterThan", 1, [35]),
        ("LessThan", 1, [5, 15]),
        ("Equal", 1, [25]),
        ("Equal", 0, [5, 15]),
        ("NotEqual", 0, [25, 35]),
    ],
)
def test_the_trigger_compares_the_number_of_results(its, operator, threshold, expected):
    started(its, scheduled(triggerOperator=operator, triggerThreshold=threshold))
    its.events(15, 21, 22, name="DeleteTrail")
    its.events(35, name="Other")
    its.run()
    assert alert_times(its) == expected


def test_a_rule_that_counts_finds_silence(its):
    started(its, scheduled(f"{TRAIL} | summarize n = count() | where n == 0"))
    its.events(1, 2, 31, 55, name="Other")
    its.run()
    assert alert_times(its) == [5, 25, 35, 55]


def test_a_suppressed_rule_rests_after_an_alert(its):
    started(its, scheduled(suppressionEnabled=True, suppressionDuration="PT30M"))
    its.events(12, 22, 32, 48, 100, name="DeleteTrail")
    its.run()
    assert alert_times(its) == [25, 55]


def test_each_result_may_make_an_alert_up_to_149_and_one_of_all(its):
    grouped: dict[str, Any] = {"eventGroupingSettings": {"aggregationKind": "AlertPerResult"}}
    started(its, scheduled(**grouped))
    its.events(*[1 + n / 100 for n in range(150)], name="DeleteTrail")
    its.events(*[11 + n / 100 for n in range(151)], name="DeleteTrail")
    its.events(60, name="Other")
    its.run()
    counts = its.query(
        "SecurityAlert "
        '| extend n = tolong(parse_json(ExtendedProperties)["Search Query Results Overall Count"]) '
        "| summarize count() by TimeGenerated, n | order by TimeGenerated asc, n asc | project n, count_"
    )
    assert counts == [(1, 150), (1, 149), (151, 1)]


def test_a_near_real_time_rule_makes_29_alerts_and_one_of_all(its):
    grouped: dict[str, Any] = {"eventGroupingSettings": {"aggregationKind": "AlertPerResult"}}
    started(its, near_real_time(**grouped), kind="NRT")
    its.events(*range(1, 31), name="DeleteTrail")
    assert its.run().alerts == 30
    its.events(*range(41, 72), name="DeleteTrail")
    assert its.run().alerts == 30
    counts = its.query(
        "SecurityAlert "
        '| extend n = tolong(parse_json(ExtendedProperties)["Search Query Results Overall Count"]) '
        "| where n > 1 | project n"
    )
    assert counts == [(31,)]


def test_a_near_real_time_rule_sees_each_row_once_however_late_it_is(its):
    its.events(60 * 24, name="DeleteTrail")
    its.put_rule(near_real_time(), kind="NRT")
    assert its.run().alerts == 0  # it looks at what arrives from now on
    its.events(3, 5, name="DeleteTrail")
    assert its.run().alerts == 1
    assert its.run().alerts == 0
    its.events(7, name="Other")
    assert its.run().alerts == 0
    assert alert_times(its, "StartTime") == [3]
    assert alert_times(its, "EndTime") == [5]


def test_on_the_streams_clock_each_request_is_a_run_of_a_near_real_time_rule(its):
    started(its, near_real_time(), kind="NRT")
    its.events(1, 2, name="DeleteTrail")
    its.events(3, name="Other")
    its.events(4, name="DeleteTrail")
    report = its.run()
    assert (report.runs, report.alerts) == (2, 2)


def test_on_the_wall_clock_a_minutes_requests_are_one_run(tmp_path, empty_workspace):
    clock = LabClock("wall", present=lambda: minute(100))
    with streamed(tmp_path / "lab", empty_workspace, clock=clock) as its:
        its.put_rule(near_real_time(), kind="NRT")
        its.events(98, name="DeleteTrail")
        its.events(99, name="DeleteTrail")
        assert its.run().alerts == 1


def test_a_rule_that_joins_two_tables_sees_the_new_rows_of_both(its):
    query = (
        f"{TRAIL} | where EventName == 'DeleteTrail' "
        "| join kind=leftouter (AWSVPCFlow | where Action == 'REJECT') "
        "on $left.SourceIpAddress == $right.SrcAddr"
    )
    started(its, near_real_time(query), kind="NRT")
    its.rows([{"at": 1, "Action": "REJECT", "SrcAddr": "192.0.2.1"}], "AWSVPCFlow")
    its.events(2, name="DeleteTrail", SourceIpAddress="192.0.2.1")
    assert its.run().alerts == 1


def test_a_disabled_rule_does_not_run_and_starts_anew_when_it_is_enabled(its):
    started(its, scheduled())
    its.put_rule(near_real_time(), name="n", kind="NRT")
    its.put_rule(scheduled(enabled=False), name="r0")
    its.put_rule(near_real_time(enabled=False), name="n", kind="NRT")
    its.events(12, 40, name="DeleteTrail")
    assert its.run().runs == 0
    its.put_rule(scheduled(), name="r0")
    its.put_rule(near_real_time(), name="n", kind="NRT")
    its.events(70, name="Other")
    its.run()
    assert alert_times(its) == [55]  # the look-back of minute 50 has minute 40; nothing is caught up


def test_changing_a_rule_does_not_run_it_twice(its):
    started(its, near_real_time(), kind="NRT")
    its.events(1, name="DeleteTrail")
    assert its.run().alerts == 1
    its.put_rule(near_real_time(severity="Low"), name="r0", kind="NRT")
    assert its.run().alerts == 0


def test_a_rule_that_cannot_run_here_says_so_by_name_in_its_health(its):
    started(its, scheduled(f"{TRAIL} | evaluate basket()"))
    its.events(60, name="DeleteTrail")
    report = its.run()
    assert "not locally executable: evaluate" in report.failed["r0"]
    rows = its.query(
        "SentinelHealth | project OperationName, SentinelResourceName, Status, Reason, SentinelResourceType"
    )
    assert len(rows) == 1
    operation, name, status, reason, kind = rows[0]
    assert (operation, name, status, kind) == (
        "Scheduled analytics rule run", "A trail was deleted", "Failure", "Analytics Rule",
    )  # fmt: skip
    assert "not locally executable: evaluate" in reason
    its.events(120, name="DeleteTrail")
    assert its.run().failed
    assert len(its.query("SentinelHealth")) == 1  # the same reason is told once


def test_a_rule_whose_table_goes_fails_and_recovers(its):
    its.lab.work(lambda: its.lab.workspace.define_table("Passing_CL", {"N": "long"}))
    its.events(0, name="Other")
    its.put_rule(scheduled("Passing_CL | where N > 0"), name="r0")
    its.lab.work(lambda: its.lab.workspace.drop_table("Passing_CL"))
    its.events(30, name="Other")
    assert "unknown table" in its.run().failed["r0"]
    its.lab.work(lambda: its.lab.workspace.define_table("Passing_CL", {"N": "long"}))
    its.rows([{"at": 55, "N": 1}], "Passing_CL")
    its.events(65, name="Other")
    assert its.run().alerts == 1
    assert its.query("SentinelHealth | order by TimeGenerated asc | project Status") == [
        ("Failure",), ("Success",),
    ]  # fmt: skip


def test_a_rule_on_alerts_sees_those_that_other_rules_just_made(its):
    started(its, near_real_time(displayName="second", query="SecurityAlert"), kind="NRT")
    its.put_rule(near_real_time(displayName="first"), name="z", kind="NRT")
    its.events(1, name="DeleteTrail")
    assert its.run().alerts == 2
    assert its.query("SecurityAlert | summarize by DisplayName | order by DisplayName asc") == [
        ("first",), ("second",),
    ]  # fmt: skip


def test_a_rule_calls_functions_and_watchlists(its):
    lab, tenant = its.lab, its.lab.tenant
    search = {
        "category": "c",
        "displayName": "Removed trails",
        "query": f"{TRAIL} | where EventName == name",
        "functionAlias": "Removed",
        "functionParameters": "name:string",
    }
    url = f"https://127.0.0.1{tenant.workspace_path}/savedSearches/removed"
    assert its.arm("PUT", url, {"properties": search}, version="2025-07-01").status_code == 200
    content = {
        "displayName": "Admins", "provider": "us", "itemsSearchKey": "User", "source": "a.csv",
        "contentType": "text/csv", "rawContent": "User\nana\n",
    }  # fmt: skip
    assert its.arm("PUT", "/watchlists/Admins", {"properties": content}).status_code in (200, 201)
    query = (
        "Removed('DeleteTrail') | where UserIdentityUserName !in ((_GetWatchlist('Admins') | project User))"
    )
    its.events(0, name="Other")
    its.put_rule(scheduled(query), name="s")
    its.put_rule(near_real_time(query), name="n", kind="NRT")
    its.events(12, UserIdentityUserName="ana")
    its.events(34, UserIdentityUserName="bo")
    its.events(60, name="Other")
    report = its.run()
    assert (report.alerts, report.failed) == (2, {})
    assert lab.sentinel.rules.prepare(query).reads.tables == {TRAIL}
    assert report.runs <= 4  # windows without such an event are not looked at


def test_windows_without_a_row_that_can_matter_are_not_queried(its):
    started(its, scheduled(queryFrequency="PT5M", queryPeriod="PT5M"))
    its.events(12, 700, 1400, name="DeleteTrail")
    its.events(*range(1, 1440, 3), name="Other")
    report = its.run()
    assert report.alerts == 3
    assert report.runs <= 6


def test_months_without_a_run_are_bounded_and_told(its, monkeypatch):
    monkeypatch.setattr(runner, "MOST_RUNS", 5)
    started(its, scheduled(f"{TRAIL} | summarize n = count()"))
    its.events(200, name="Other")
    report = its.run()
    assert report.runs == 5
    assert "the later ones were left out" in report.failed["r0"]
    its.events(215, name="Other")
    assert its.run().alerts == 2  # of minutes 200 and 210


def test_many_requests_share_the_runs_of_a_near_real_time_rule(its, monkeypatch):
    monkeypatch.setattr(runner, "MOST_SLICES", 2)
    started(its, near_real_time(), kind="NRT")
    for number in range(5):
        its.events(number, name="DeleteTrail")
    report = its.run()
    assert (report.runs, report.alerts) == (2, 2)
    counts = its.query(
        "SecurityAlert "
        '| project n = tolong(parse_json(ExtendedProperties)["Search Query Results Overall Count"]) '
        "| order by n asc"
    )
    assert counts == [(2,), (3,)]


def test_progress_outlives_the_process(tmp_path, empty_workspace):
    with streamed(tmp_path / "lab", empty_workspace) as its:
        started(its, scheduled())
        its.put_rule(near_real_time(), name="n", kind="NRT")
        its.events(12, 60, name="DeleteTrail")
        assert its.run().alerts == 2
    with streamed(tmp_path / "lab", empty_workspace) as its:
        assert its.run().alerts == 0
        assert len(its.query("SecurityAlert")) == 2


def test_the_services_own_rows_do_not_move_the_streams_clock(tmp_path, empty_workspace):
    with streamed(tmp_path / "lab", empty_workspace) as its:
        its.put_incident()
        its.events(1, name="Other")
        assert its.lab.now() == minute(1)
    with streamed(tmp_path / "lab", empty_workspace) as its:
        assert its.lab.now() == minute(1)
        assert len(its.query("SecurityIncident")) == 1


def test_a_lab_that_stays_up_runs_its_rules_by_itself(its):
    started(its, near_real_time(), kind="NRT")
    its.events(1, name="DeleteTrail")
    with ticking(its.lab, every=0.05):
        deadline = time.monotonic() + 20
        while not its.lab.sentinel.alerts and time.monotonic() < deadline:
            time.sleep(0.05)
    assert len(its.lab.sentinel.alerts) == 1
