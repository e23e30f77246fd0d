"""The product as its users have it: a command line in a process of its own, and the rows that it left."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance import originals
from tidewaiter.asim import validate_rows
from tidewaiter.lab.workspace import Workspace

Row = Mapping[str, Any]
Rows = dict[str, list[Row]]
Command = Callable[..., subprocess.CompletedProcess[str]]
NETWORK = "ASimNetworkSessionLogs"
FINDINGS = "ASimAlertEventLogs"
WEB = "ASimWebSessionLogs"
DNS = "ASimDnsActivityLogs"
WITHOUT_IDS = (NETWORK, WEB, DNS)
"""Tables whose records have no id of their own: lines of text, and queries."""
ALERTS = "TidewaiterAlerts_CL"
DRIFT = "TidewaiterDrift_CL"


@pytest.fixture(scope="session")
def tidewaiter() -> Command:
    """Run `tidewaiter …`; anything but the expected exit code fails the test."""

    def run(*words: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from tidewaiter.app.cli import main; main()", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        return done

    return run


def rows_of(state: Path) -> Rows:
    """Return the rows of events by table: what the lab and the alerts write themselves is left out."""
    with Workspace.open(state / "lab" / "workspace.duckdb", read_only=True) as workspace:
        names = [table for table in workspace.counts() if table.startswith("ASim")]
        return {table: list(workspace.rows(table)) for table in names}


def check_laws(state: Path, rows: Rows) -> dict[str, Any]:
    """Hold the laws of DESIGN section 12; return the report."""
    report: dict[str, Any] = json.loads((state / "report.json").read_bytes())
    for n in report["sources"].values():
        assert n["records"] == n["valid"] + n["quarantined"]
        assert n["valid"] == sum(n[way] for way in ("delivered", "merged", "dropped", "tiered", "duplicate"))
    told = {table: n for table, n in report["rows"].items() if table not in (ALERTS, DRIFT)}
    assert {table: len(found) for table, found in rows.items()} == told
    assert sum(told.values()) == sum(n["delivered"] for n in report["sources"].values())
    assert len((state / "quarantine.jsonl").read_bytes().splitlines()) == sum(
        n["quarantined"] for n in report["sources"].values()
    )
    assert {"objects", "faults", "raw_bytes"} <= set(next(iter(report["sources"].values())))
    return report


def asim_errors(rows: Rows) -> list[str]:
    return [
        f"{table}.{error.column}: {error.message} ({error.count} rows, such as {error.example})"
        for table, found in rows.items()
        for error in validate_rows(table, found, stored=True).errors
    ]


# A row against the record that it came from

_PLAIN = {
    "EventOriginalUid": "eventID",
    "EventOriginalType": "eventName",
    "EventOriginalSubType": "eventType",
    "EventOriginalResultDetails": "errorCode",
    "EventMessage": "errorMessage",
    "EventProductVersion": "eventVersion",
    "HttpUserAgent": "userAgent",
    "DvcScopeId": "recipientAccountId",
}
"""Columns that hold a member of the record as it is, "" when the record has none."""

_ALWAYS = ("userIdentity", "requestParameters", "responseElements", "additionalEventData", "resources")
"""Members that a row carries whenever its record has them."""


def differences(row: Row, record: Mapping[str, str]) -> list[str]:
    """Say in what the row differs from a record, given as the raw JSON of its members."""
    found = []
    carried = originals.members_of(str(row["AdditionalFields"] or "{}"))
    for name, raw in carried.items():
        if raw != record.get(name):
            found.append(f"{name}: {raw[:80]} is {record.get(name, 'absent')[:80]} in the source")
    for name in _ALWAYS:
        if name not in carried and record.get(name, "null") != "null":
            found.append(f"{name} is missing")
    for column, name in _PLAIN.items():
        value = json.loads(record.get(name, "null")) or ""
        if row[column] != value and not (column == "EventOriginalUid" and not value):
            found.append(f"{column}: {row[column]!r} is {value!r} in the source")
    happened = json.loads(record.get("eventTime", record.get("@timestamp", "null")))
    for column in ("TimeGenerated", "EventStartTime", "EventEndTime"):
        if row[column] != datetime.fromisoformat(happened):
            found.append(f"{column}: {row[column]} is {happened} in the source")
    return found


def unequal(rows: Rows, texts: Iterable[str]) -> list[str]:
    """Return what differs between the CloudTrail rows of the lab and the records of the source."""
    sources = originals.by_event_id(texts)
    found = []
    for table, some in rows.items():
        for row in some if table not in (NETWORK, FINDINGS) else ():
            if row["EventProduct"] != "CloudTrail":
                continue
            candidates = sources.get(str(row["EventOriginalUid"])) or sources[""]
            each = [differences(row, record) for record in candidates]
            if not any(problems == [] for problems in each):
                found.append(f"{table} {row['EventOriginalUid']}: {min(each, key=len, default='no record')}")
    return found


def flow_values(line: Mapping[str, str]) -> tuple[Any, ...]:
    def text(name: str) -> str:
        value = line.get(name, "-")
        return "" if value == "-" else value

    def number(name: str) -> int | None:
        return int(text(name)) if text(name) else None

    times = [datetime.fromtimestamp(int(line[name]), UTC) for name in ("start", "end")]
    texts = [text(name) for name in ("srcaddr", "dstaddr", "action", "log-status", "account-id")]
    return (*times, *texts, *(number(name) for name in ("srcport", "dstport", "packets", "bytes")))


_FLOW_COLUMNS = (
    "EventStartTime", "EventEndTime", "SrcIpAddr", "DstIpAddr", "DvcOriginalAction",
    "EventOriginalResultDetails", "DvcSubscriptionId", "SrcPortNumber", "DstPortNumber", "SrcPackets",
    "SrcBytes",
)  # fmt: skip


def unequal_flows(rows: Rows, lines: Iterable[Mapping[str, str]]) -> tuple[Counter[Any], Counter[Any]]:
    """Return the flow records that only the source has, and those that only the lab has."""
    source = Counter(flow_values(line) for line in lines)
    flows = [row for row in rows[NETWORK] if row["EventProduct"] == "VPC"]  # others lie there, too
    lab = Counter(tuple(row[column] for column in _FLOW_COLUMNS) for row in flows)
    return source - lab, lab - source
