"""Load balancers' access logs: what stands in rows, and lines by which a client tries to say more."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tidewaiter.content import sources
from tidewaiter.core.objects import SourceObject
from tidewaiter.pipeline.normalize import FrameRows, Normalizer
from tidewaiter.pipeline.sources.codecs import read
from tidewaiter.pipeline.sources.folder import discover

SPECS = sources()
OWN = {name: spec.recognition for name, spec in SPECS.items()}


@cache
def normalizer(source: str) -> Normalizer:
    return Normalizer(SPECS[source], native=False)


def read_file(path: Path) -> tuple[str, list[dict[str, Any]], list[str]]:
    """Return the source that a file was recognised as, its rows and the reasons of what was set aside."""
    (item,) = discover(path.parent, OWN)
    assert isinstance(item, SourceObject)
    rows: list[dict[str, Any]] = []
    reasons: list[str] = []
    for chunk in read(item, OWN[item.source]):
        made = normalizer(item.source).normalize(chunk, object_id=item.id, prefix="p")
        reasons += [each.reason for each in (*chunk.quarantined, *made.quarantined)]
        for part in made.rows:
            assert isinstance(part, FrameRows)
            rows += [{"table": part.table} | row for row in part.frame.to_dicts()]
    return item.source, rows, reasons


def rows_of(text: str, tmp_path: Path) -> tuple[str, list[dict[str, Any]], list[str]]:
    path = tmp_path / "some.log"
    path.write_text(text)
    return read_file(path)


ALB = (
    "https 2026-03-03T09:14:07.218344Z app/front/7f3a 203.0.113.44:50112 10.12.4.31:8080 0.002 0.031"
    ' 1.001 200 200 412 8120 "GET https://shop.harbour.example:443/ HTTP/1.1" "{agent}" - -'
    ' arn:aws:x:targetgroup/t/1 "Root=1-0" "-" "-" 0 2026-03-03T09:14:06.184000Z "{actions}" "-" "-"'
    ' "10.12.4.31:8080" "200" "-" "-" TID_0 "-" "-" "-" 10.12.0.9\n'
)


TAIL = '" - - - "Root=1" "-" "-" 0 2026-03-03T09:14:06.184000Z "'


@pytest.mark.parametrize(
    "agent",
    [
        'x" "y',
        'x" - "y',
        'x" a b c "',
        f'x{TAIL}forward" "-" "-" "-" "-" "-" "-" TID_0 "-" "-" "-',
        f'x{TAIL}forward" "-" "-" "-" "-" "-" "-" TID "',
        f"x{TAIL}",
    ],
)
def test_an_agent_cannot_write_fields_of_its_own(agent: str, tmp_path: Path):
    sound = ALB.format(agent="curl/8.5", actions="forward")
    source, rows, reasons = rows_of(sound + ALB.format(agent=agent, actions="waf"), tmp_path)

    assert (source, len(rows), len(reasons)) == ("aws_alb", 1, 1)


def test_an_agent_may_hold_a_quote_that_ends_nothing(tmp_path: Path):
    _, (row,), reasons = rows_of(ALB.format(agent='a "b"c', actions="waf"), tmp_path)

    assert (row["HttpUserAgent"], row["DvcAction"], reasons) == ('a "b"c', "Deny", [])


@pytest.mark.parametrize(
    ("actions", "said"),
    [
        ("waf", "Deny"),
        ("authenticate,waf", "Deny"),
        ("waf,forward", "Allow"),
        ("waf-failed,forward", "Allow"),
    ],
)
def test_a_request_whose_last_action_is_waf_was_refused(actions: str, said: str, tmp_path: Path):
    _, (row,), _ = rows_of(ALB.format(agent="curl/8.5", actions=actions), tmp_path)

    assert (row["DvcAction"], row["EventResult"]) == (said, "Failure" if said == "Deny" else "Success")
    assert (row["NetworkDuration"], row["HttpResponseTime"], row["NetworkBytes"]) == (1034, 31, 8532)


NLB = (
    "tls 2.0 2026-03-03T09:14:07 net/gate/1e2d 9f8e [2001:db8:17:4::21]:443 10.12.4.31:8443 4021 {handshake}"
    ' 98 246 {alert} - - - - - gate.harbour.example h2 h2 "h2","http/1.1" 2026-03-03T09:14:03\n'
)


@pytest.mark.parametrize(
    ("handshake", "alert", "result", "details"),
    [("12", "-", "Success", ""), ("-", "48", "Failure", "Terminated"), ("-", "-", "Failure", "Unknown")],
)
def test_a_connection_without_a_handshake_failed(
    handshake: str, alert: str, result: str, details: str, tmp_path: Path
):
    source, (row,), _ = rows_of(NLB.format(handshake=handshake, alert=alert), tmp_path)

    assert (source, row["table"], row["EventResult"], row["EventResultDetails"]) == (
        "aws_nlb", "ASimNetworkSessionLogs", result, details,
    )  # fmt: skip
    assert (row["SrcIpAddr"], row["SrcPortNumber"]) == ("2001:db8:17:4::21", 443)
    assert (row["EventStartTime"].isoformat(), row["NetworkApplicationProtocol"]) == (
        "2026-03-03T09:14:03",
        "h2",
    )


@pytest.mark.parametrize(
    ("line", "table"),
    [
        ('200 200 0 29 "GET http://old.harbour.example:80/ HTTP/1.1" "curl/8.5" - -', "ASimWebSessionLogs"),
        ('- - 82 305 "- - - " "-" - -', "ASimNetworkSessionLogs"),
    ],
)
def test_a_listener_of_a_classic_load_balancer_that_speaks_http_has_web_sessions(
    line: str, table: str, tmp_path: Path
):
    front = "2026-03-03T09:14:07.218344Z old 203.0.113.44:50112 10.12.4.31:80 0.000073 0.001048 0.000057 "
    source, (row,), _ = rows_of(front + line + "\n", tmp_path)

    assert (source, row["table"], row["NetworkDuration"]) == ("aws_clb", table, 1)


@pytest.mark.corpus
def test_real_lines_of_all_three_load_balancers_are_read(corpora: Path, tmp_path: Path):
    lines = (corpora / "plaso/test_data/aws_elb_access.log").read_text().splitlines(keepends=True)
    found: dict[str, int] = {}
    for number, kind in enumerate(("app/", "net/", "")):
        mine = [line for line in lines if (f" {kind}" in line if kind else line[:2] == "20")]
        (tmp_path / str(number)).mkdir()
        source, rows, reasons = rows_of("".join(mine), tmp_path / str(number))
        assert not reasons
        assert all(row["SrcIpAddr"] and row["DstIpAddr"] for row in rows)
        found[source] = len(rows)
    assert found == {"aws_alb": 10, "aws_nlb": 2, "aws_clb": 4}
