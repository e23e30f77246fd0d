"""Network Firewall: each kind of log has its mapping, and a name belongs to the side that serves it."""

from __future__ import annotations

from importlib.resources import as_file
from typing import Any

import msgspec
import pytest

from tidewaiter.content import sources
from tidewaiter.core.objects import SourceObject
from tidewaiter.pipeline.normalize import JsonRows, Normalizer
from tidewaiter.pipeline.sources.codecs import read

SPEC = sources()["aws_networkfirewall"]
NORMALIZER = Normalizer(SPEC, native=True)
Row = dict[str, Any]


def of_sample(name: str) -> list[tuple[str, Row]]:
    """Return the native table and the ASIM row of every record, in the sample's order."""
    found: dict[int, tuple[str, Row]] = {}
    with as_file(SPEC.folder.root.joinpath("samples", name)) as path:
        item = SourceObject(name, path, SPEC.id, "events", "json_records", path.stat().st_size)
        for chunk in read(item, SPEC.recognition):
            for part in NORMALIZER.normalize(chunk, object_id=name, prefix="p").rows:
                assert isinstance(part, JsonRows)
                for position, head in zip(part.positions, part.heads, strict=True):
                    found[position] = part.native, msgspec.json.decode(head)
    return [found[position] for position in sorted(found)]


@pytest.mark.parametrize(
    ("sample", "table", "kind"),
    [
        ("alert_threat.jsonl", "AWSNetworkFirewallAlert", "NetworkSession"),
        ("flow_tcp.jsonl", "AWSNetworkFirewallFlow", "Flow"),
        ("tls_errors.jsonl", "AWSNetworkFirewallTls", "NetworkSession"),
        ("tls_revocation.jsonl", "AWSNetworkFirewallTls", "NetworkSession"),
        ("unknown_events.jsonl", "AWSNetworkFirewallAlert", "NetworkSession"),
    ],
)
def test_an_event_goes_by_what_it_holds(sample: str, table: str, kind: str):
    assert {(name, row["EventType"]) for name, row in of_sample(sample)} == {(table, kind)}


def test_a_signature_is_a_threat_when_its_class_tells_of_one():
    trojan, answer, odd_packet = (row for _, row in of_sample("alert_threat.jsonl"))
    assert trojan["ThreatName"] == trojan["NetworkRuleName"] == "ET MALWARE Harbour loader checkin"
    assert (trojan["EventSeverity"], trojan["DvcAction"], trojan["EventResult"]) == (
        "High",
        "Drop",
        "Failure",
    )
    assert answer["ThreatCategory"] == "Potentially Bad Traffic"
    assert not [name for name in odd_packet if name.startswith("Threat")]
    assert odd_packet["NetworkRuleNumber"] == 2200074


def test_a_name_is_that_of_the_server_whichever_side_sent_the_packet():
    asked, answered, _ = (row for _, row in of_sample("alert_threat.jsonl"))
    assert (asked["DstFQDN"], asked["DstHostname"]) == ("c2.badharbour.example", "c2")
    assert (answered["SrcFQDN"], answered["SrcHostname"]) == ("www.badharbour.example", "www")
    assert "SrcFQDN" not in asked
    assert "DstFQDN" not in answered


def test_a_flow_counts_what_its_source_sent():
    for _, row in of_sample("flow_tcp.jsonl"):
        assert (row["SrcBytes"], row["SrcPackets"]) == (row["NetworkBytes"], row["NetworkPackets"])
        assert row["EventStartTime"] < row["EventEndTime"] < row["TimeGenerated"]


def test_a_revoked_certificate_ends_the_way_the_firewall_was_told():
    dropped, rejected, passed = (row for _, row in of_sample("tls_revocation.jsonl"))
    assert [row["DvcAction"] for row in (dropped, rejected, passed)] == ["Drop", "Reset", "Allow"]
    assert [row["EventResult"] for row in (dropped, rejected, passed)] == ["Failure", "Failure", "Success"]
    assert dropped["EventOriginalResultDetails"] == "REVOKED"
