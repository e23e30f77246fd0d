"""Files of no known source are told by kind, not one by one."""

from __future__ import annotations

import pytest

from tidewaiter.app.cli.strangers import kinds, say_unrecognized

NAMED = {
    "AWSLogs/1/vpcdnsquerylogs/vpc-0a/2026/03/17/vpc-0a_vpcdnsquerylogs_1_20260317T0100Z_0a.log.gz": (
        "Route 53 Resolver query logs"
    ),
    "AWSLogs/1/GuardDuty/eu-central-1/2026/03/17/f.jsonl.gz": "GuardDuty findings",
    "AWSLogs/1/SecurityHub/eu-central-1/2026/03/17/f.jsonl.gz": "Security Hub findings",
    "logs/2026-03-17-02-00-00-0741FD0CDA63C6F9": "S3 server access logs",
    "AzureLogs/AADNonInteractiveUserSignInLogs/2026-03-17T00.json": "Entra sign-ins",
    "insights-logs-signinlogs/tenantId=0/y=2026/m=03/d=17/h=00/m=00/PT1H.json": "Entra sign-ins",
    "AzureLogs/AuditLogs/2026-03-17T00.json": "Entra audit logs",
    "AzureLogs/AzureActivity/2026-03-17T00.json": "Azure activity",
    "CostExports/kr-focus/data/BILLING_PERIOD=2026-03/kr-focus-00001.csv.gz": "cost exports",
    "truth.json": "the truth about a generated day",
}


@pytest.mark.parametrize(("path", "name"), NAMED.items())
def test_what_lies_where_a_service_puts_it_is_called_by_its_name(path: str, name: str) -> None:
    assert kinds([(path, "text of something else")]) == [(name, [path])]


def test_what_lies_elsewhere_is_called_by_its_content() -> None:
    found = kinds([("a.txt", "text of something else"), ("b.txt", "text of something else")])
    assert found == [("text of something else", ["a.txt", "b.txt"])]


def test_a_thousand_files_of_three_kinds_are_four_lines(capsys: pytest.CaptureFixture[str]) -> None:
    dns, _, hub, *_ = NAMED
    notes = "notes.txt"
    files = [(dns, "JSON")] * 700 + [(hub, "JSON")] * 299 + [(notes, "text of something else")]

    say_unrecognized(files, known=True)

    assert capsys.readouterr().err.splitlines() == [
        "1,000 files are of no known source and left alone:",
        "  700 x Route 53 Resolver query logs",
        "  299 x Security Hub findings",
        "  1 x text of something else, such as notes.txt",
    ]


def test_more_kinds_than_a_screen_has_room_for_are_counted_together(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say_unrecognized([(f"{number}.txt", f"kind {number:02}") for number in range(15)], known=True)

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 14
    assert lines[-1] == "  and 3 of other kinds"
