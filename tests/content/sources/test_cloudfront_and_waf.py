"""CloudFront's and WAF's records: what is read back, in whatever form they come, and real ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tidewaiter.content import sources
from tidewaiter.core.objects import SourceObject
from tidewaiter.pipeline.normalize import FrameRows, Normalizer
from tidewaiter.pipeline.sources.codecs import read
from tidewaiter.pipeline.sources.folder import discover

SPECS = sources()
OWN = {name: spec.recognition for name, spec in SPECS.items()}


def rows_of(text: str, tmp_path: Path, name: str = "some.log") -> tuple[str, list[dict[str, Any]], list[str]]:
    """Return the source that a file is recognised as, its rows and the reasons of what was set aside."""
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    (item,) = discover(tmp_path, OWN)
    assert isinstance(item, SourceObject)
    normalizer = Normalizer(SPECS[item.source], native=False)
    rows: list[dict[str, Any]] = []
    reasons: list[str] = []
    for chunk in read(item, OWN[item.source]):
        made = normalizer.normalize(chunk, object_id=item.id, prefix="p")
        reasons += [each.reason for each in (*chunk.quarantined, *made.quarantined)]
        for part in made.rows:
            if isinstance(part, FrameRows):
                rows += json.loads(json.dumps(part.frame.to_dicts(), default=str))
            else:
                rows += [msgspec.json.decode(head) for head in part.heads]
    return item.source, rows, reasons


VALUES = {
    "date": "2026-03-03",
    "time": "09:14:07",
    "x-edge-location": "OSL50-C1",
    "c-ip": "203.0.113.44",
    "cs-method": "GET",
    "cs(Host)": "d1harbour2front.cloudfront.net",
    "cs-uri-stem": "/berths",
    "sc-status": "403",
    "cs(User-Agent)": "Mozilla/5.0%20(X11)%20100%25",
    "cs-uri-query": "-",
    "x-edge-result-type": "Error",
    "x-host-header": "shop.harbour.example",
    "cs-protocol": "https",
    "time-taken": "1.034",
    "c-port": "-",
    "x-edge-detailed-result-type": "ClientGeoBlocked",
}
TEXT = f"#Version: 1.0\n#Fields: {' '.join(VALUES)}\n" + "\t".join(VALUES.values()) + "\n"


@pytest.mark.parametrize(
    ("text", "source"),
    [(TEXT, "aws_cloudfront"), (json.dumps(VALUES) + "\n", "aws_cloudfront_json")],
)
def test_a_request_to_cloudfront_is_the_same_row_as_text_and_as_json(text: str, source: str, tmp_path: Path):
    found, (row,), reasons = rows_of(text, tmp_path)

    assert (found, reasons) == (source, [])
    assert row["HttpUserAgent"] == "Mozilla/5.0 (X11) 100%"
    assert row["Url"] == "https://shop.harbour.example/berths"
    assert (row["EventResult"], row["EventResultDetails"], row["DvcAction"]) == ("Failure", "403", "Deny")
    assert (row["NetworkDuration"], row["Dvc"]) == (1034, "d1harbour2front.cloudfront.net")
    assert not row.get("SrcPortNumber")


def test_a_line_that_lacks_a_field_that_its_header_names_is_set_aside(tmp_path: Path):
    _, rows, (reason,) = rows_of(TEXT + "\t".join(list(VALUES.values())[:-1]) + "\n" + TEXT, tmp_path)

    assert (len(rows), reason) == (2, "has 15 fields instead of 16")


WAF: dict[str, Any] = {
    "timestamp": 1772529247218,
    "webaclId": "arn:aws:wafv2:eu-central-1:900100200301:regional/webacl/front/5b1f",
    "terminatingRuleId": "no-sql",
    "action": "BLOCK",
    "terminatingRuleMatchDetails": [{"conditionType": "SQL_INJECTION"}],
    "httpRequest": {
        "clientIp": "203.0.113.44",
        "headers": [
            {"name": "Host", "value": "shop.harbour.example"},
            {"name": "User-Agent", "value": "curl/8.5"},
        ],
        "uri": "/berths",
        "args": "day=3",
        "httpMethod": "GET",
    },
}


@pytest.mark.parametrize(
    ("action", "result", "said", "status"),
    [
        ("BLOCK", "Failure", "Deny", "403"),
        ("CAPTCHA", "Failure", "Deny", "405"),
        ("CHALLENGE", "Failure", "Deny", "202"),
        ("ALLOW", "Success", "Allow", None),
        ("COUNT", "Success", "Allow", None),
    ],
)
def test_a_web_acls_action_is_what_the_row_says(
    action: str, result: str, said: str, status: str | None, tmp_path: Path
):
    source, (row,), _ = rows_of(json.dumps(WAF | {"action": action}) + "\n", tmp_path, "waf.jsonl")

    assert source == "aws_waf"
    assert (row["EventResult"], row["DvcAction"], row.get("EventResultDetails")) == (result, said, status)
    assert row["TimeGenerated"] == "2026-03-03T09:14:07.218Z"
    assert (row["Dvc"], row["RuleName"], row["HttpUserAgent"]) == ("front", "no-sql", "curl/8.5")
    assert row["Url"] == "https://shop.harbour.example/berths?day=3"


@pytest.mark.corpus
def test_real_records_of_waf_are_read_and_the_labelled_ones_have_their_rule(corpora: Path, tmp_path: Path):
    raw = corpora / "opensearch-catalog/integrations/observability/aws_waf/data/raw.log"
    source, rows, reasons = rows_of(raw.read_text(), tmp_path / "raw")
    assert (source, len(rows), reasons) == ("aws_waf", 38, [])
    assert all(row["HttpUserAgent"] and row["DstFQDN"] for row in rows)

    events = [
        msgspec.json.decode(line)["event"]
        for line in (corpora / "panther-analysis/aws_waf.jsonl").read_bytes().splitlines()
    ]
    source, rows, reasons = rows_of(
        "".join(json.dumps(each) + "\n" for each in events), tmp_path / "labelled"
    )
    assert (source, len(rows), reasons) == ("aws_waf", 50, [])
    for event, row in zip(events, rows, strict=True):
        assert row["RuleName"] == event["terminatingRuleId"]
        assert (row["DvcAction"] == "Allow") is (event["action"] in ("ALLOW", "COUNT"))
        assert row["SrcIpAddr"] == event["httpRequest"]["clientIp"]
