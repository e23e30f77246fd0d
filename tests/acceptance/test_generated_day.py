"""The whole product on a generated day: generate, run, ask, and hold every row against its record."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.acceptance import originals
from tests.acceptance.conftest import (
    DNS,
    FINDINGS,
    NETWORK,
    WEB,
    WITHOUT_IDS,
    asim_errors,
    check_laws,
    rows_of,
    unequal,
    unequal_flows,
)
from tidewaiter.lab.generator import read_truth

EVENTS = 3_000


@pytest.fixture(scope="module")
def product(tidewaiter, tmp_path_factory):
    """A generated day in a state: (folder of the logs, folder of the state, what the run said)."""
    root = tmp_path_factory.mktemp("product")
    tidewaiter("lab", "generate", "--events", EVENTS, "--seed", 42, "--out", root / "day")
    said = tidewaiter("run", "--from", root / "day", "--state", root / "state", "--once")
    return root / "day", root / "state", said


@pytest.fixture(scope="module")
def rows(product):
    return rows_of(product[1])


@pytest.fixture(scope="module")
def truth(product):
    return read_truth(product[0] / "truth.json")


def test_every_record_of_the_day_is_accounted_for(product, rows, truth):
    report = check_laws(product[1], rows)
    ids = Counter(row["EventOriginalUid"] for t, some in rows.items() if t not in WITHOUT_IDS for row in some)
    lines = sum(len(originals.content(p).splitlines()) for p in originals.access_logs(product[0]))

    found = originals.finding_ids(product[0])
    copied = originals.hub_findings(product[0])
    signed = originals.entra_ids(product[0])
    assert ids == Counter([*truth.event_ids, *truth.insight_ids, *found, *copied, *signed])
    assert len(signed) == sum(truth.events.entra.values())
    ours = ("azure_activity", "entra_audit", "entra_signin")
    assert sum(report["sources"][source]["delivered"] for source in ours) == len(signed)
    assert sum(report["sources"][source]["quarantined"] for source in ours) == 0
    assert len(found) == report["sources"]["aws_guardduty"]["delivered"] == truth.events.guardduty
    assert len(copied) == report["sources"]["aws_securityhub"]["delivered"] == truth.events.securityhub
    assert report["rows"][FINDINGS] == len(found) + len(copied)
    assert len(truth.event_ids) == EVENTS
    assert report["rows"][NETWORK] == truth.events.vpcflow
    assert report["sources"]["aws_cloudtrail"]["quarantined"] == 0
    assert report["rows"][WEB] == report["sources"]["aws_s3access"]["delivered"] == lines
    queries = sum(len(originals.content(p).splitlines()) for p in originals.query_logs(product[0]))
    assert report["rows"][DNS] == report["sources"]["aws_route53resolver"]["delivered"] == queries
    assert report["sources"]["aws_route53resolver"]["quarantined"] == 0
    assert f"Delivered {len(ids) + truth.events.vpcflow + lines + queries:,} rows" in product[2].stdout


def test_a_second_run_delivers_nothing_and_says_so(product, rows, tidewaiter):
    folder, state, _ = product

    again = tidewaiter("run", "--from", folder, "--state", state, "--once")

    assert f"Nothing new to deliver from {folder}: every object was delivered before." in again.stdout
    assert {table: len(some) for table, some in rows_of(state).items()} == {
        t: len(s) for t, s in rows.items()
    }


def test_the_rows_hold_to_asim_in_every_table(rows):
    assert len(rows) == 8
    assert asim_errors(rows) == []


def test_every_row_carries_the_bytes_of_its_record(product, rows, truth):
    trail = (product[0] / "AWSLogs").rglob("CloudTrail/**/*.json.gz")
    texts = [text for path in trail for text in originals.records(path)]

    assert len(texts) == EVENTS
    calls = {
        table: [row for row in some if row["EventOriginalUid"] not in truth.insight_ids]
        for table, some in rows.items()
    }
    assert unequal(calls, texts) == []


def test_a_row_that_is_not_of_its_record_would_be_noticed(product, rows):
    text = next(
        text
        for path in (product[0] / "AWSLogs").rglob("CloudTrail/**/*.json.gz")
        for text in originals.records(path)
        if '"requestParameters":{' in text
    )
    event_id = originals.members_of(text)["eventID"]
    only = {
        table: [row for row in some if f'"{row["EventOriginalUid"]}"' == event_id]
        for table, some in rows.items()
    }

    assert unequal(only, [text]) == []
    for changed in (
        text.replace('"requestParameters":{', '"requestParameters":{ "x":1,'),
        text.replace('"eventName":"', '"eventName":"X'),
        text.replace('"eventTime":"2026', '"eventTime":"2025'),
        text.replace('"userAgent":"', '"userAgent":" '),
    ):
        assert changed != text
        assert unequal(only, [changed]) != []


def test_the_bytes_of_a_record_are_not_even_spaced_anew(product, rows):
    """The generated files have no white space between tokens, so here equal means equal."""
    path = next((product[0] / "AWSLogs").rglob("CloudTrail/**/*.json.gz"))
    text = originals.content(path)

    carried = [
        raw
        for table, some in rows.items()
        for row in some
        if table not in (NETWORK, FINDINGS) and f'"{row["EventOriginalUid"]}"' in text
        for raw in originals.members_of(str(row["AdditionalFields"])).values()
    ]
    assert len(carried) > 20
    assert [raw for raw in carried if raw not in text] == []


def test_every_flow_row_carries_the_values_of_its_line(product, rows):
    files = (product[0] / "AWSLogs").rglob("vpcflowlogs/**/*.log.gz")
    lines = [line for path in files for line in originals.flow_lines(path)]

    assert unequal_flows(rows, lines) == (Counter(), Counter())


def test_the_findings_of_the_stories_are_alerts_with_their_severity_and_tactic(product, rows, truth):
    lines = (
        json.loads(line)
        for path in (product[0] / "AWSLogs").rglob("GuardDuty/**/*.gz")
        for line in originals.content(path).splitlines()
    )
    found = {f"{line['id']}@{line['updatedAt']}": line for line in lines}
    alerts = {row["EventOriginalUid"]: row for row in rows[FINDINGS] if row["EventProduct"] == "GuardDuty"}

    assert alerts.keys() == found.keys()
    for event_id, alert in alerts.items():
        assert alert["EventOriginalType"] == found[event_id]["type"]
        assert alert["EventCount"] == found[event_id]["service"]["count"]
        assert alert["AttackTactics"]
        carried = originals.members_of(str(alert["AdditionalFields"]))
        assert json.loads(carried["service"]) == found[event_id]["service"]
    told = {place.id for one in truth.campaigns for technique in one.techniques for place in technique.places
            if place.log == "guardduty"}  # fmt: skip
    assert told <= {event_id.split("@")[0] for event_id in alerts}


def test_security_hubs_copies_meet_guarddutys_alerts_and_its_checks_say_how_they_ended(product, rows):
    found = originals.hub_findings(product[0])
    alerts = {row["EventOriginalUid"]: row for row in rows[FINDINGS] if row["EventProduct"] == "Security Hub"}
    own = {(row["AlertId"], row["TimeGenerated"]): row for row in rows[FINDINGS]
           if row["EventProduct"] == "GuardDuty"}  # fmt: skip

    assert alerts.keys() == found.keys()
    for event_id, alert in alerts.items():
        finding = found[event_id]
        carried = originals.members_of(str(alert["AdditionalFields"]))
        assert json.loads(carried["Resources"]) == finding["Resources"]
        assert alert["EventOriginalSeverity"] == finding["Severity"]["Label"]
        if finding["ProductName"] == "GuardDuty":
            seen = own[alert["AlertId"], alert["TimeGenerated"]]
            same = ["EventCount", "EventSeverity", "AttackTechniques", "RuleName"]
            if (
                finding["Resources"][0]["Type"] == "AwsIamAccessKey"
            ):  # of a bucket's readers a copy says nothing
                same += ["Username", "UserId", "UserType"]
            assert {name: alert.get(name) for name in same} == {name: seen.get(name) for name in same}
        else:
            failed = finding["Compliance"]["Status"] == "FAILED"
            assert alert["EventResult"] == ("Failure" if failed else "Success")
            assert (alert["AlertStatus"], alert["RuleName"]) == (
                "Active" if failed else "Closed", finding["Compliance"]["SecurityControlId"],
            )  # fmt: skip
    assert {finding["ProductName"] for finding in found.values()} == {"GuardDuty", "Security Hub"}


def test_an_analyst_asks_and_gets_what_the_records_say(product, rows, tidewaiter, truth):
    actor = truth.campaigns[0].actor.rpartition("/")[2]
    query = (
        f"ASimAuditEventLogs | where ActorUsername has '{actor}' | summarize count() by Operation, SrcIpAddr"
    )

    said = tidewaiter("kql", "run", "--state", product[1], "--json", query)
    refused = tidewaiter("kql", "run", "--state", product[1], f"{query} | evaluate autocluster()", code=2)

    found = {
        (row["Operation"], row["SrcIpAddr"]): row["count_"]
        for row in map(json.loads, said.stdout.splitlines())
    }
    assert found == Counter(
        (row["Operation"], row["SrcIpAddr"])
        for row in rows["ASimAuditEventLogs"]
        if actor in str(row["ActorUsername"])
    )
    assert found
    assert "not locally executable: evaluate autocluster" in refused.stderr


def test_the_attack_is_what_an_analyst_sees_and_the_look_alikes_are_not(product, tidewaiter, truth):
    listed = tidewaiter("incidents", "--state", product[1])
    incidents = [
        json.loads(line)
        for line in tidewaiter("incidents", "--state", product[1], "--json").stdout.splitlines()
    ]

    (campaign,) = truth.campaigns
    assert {event_id for each in incidents for event_id in each["event_ids"]} <= set(campaign.event_ids)
    assert len({event_id for each in incidents for event_id in each["event_ids"]}) >= 3
    assert listed.stdout.startswith("High ")
    assert campaign.actor.rpartition("/")[2] in listed.stdout.splitlines()[0]
    assert len(truth.lookalikes) >= 2
