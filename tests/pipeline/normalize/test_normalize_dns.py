"""Resolver query logs of a made-up company: every line is a row, what was planted in them included."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import date
from typing import Any

import msgspec
import pytest

from tidewaiter.asim import validate_rows
from tidewaiter.content import sources
from tidewaiter.core.objects import SourceObject
from tidewaiter.lab.generator.company import Company
from tidewaiter.lab.generator.dns import write_dns
from tidewaiter.lab.generator.others import DnsQuery
from tidewaiter.lab.generator.rhythm import HOUR
from tidewaiter.pipeline.normalize import JsonRows, Normalizer
from tidewaiter.pipeline.sources.codecs import read
from tidewaiter.pipeline.sources.folder import discover

SPECS = sources()
SPEC = SPECS["aws_route53resolver"]
COMPANY = Company(7, date(2026, 3, 17))
TUNNEL = tuple(
    DnsQuery(
        3 * HOUR + n,
        "kr-worker-2",
        f"{n:060x}.t.exfil-relay.example",
        type="TXT",
        answers=(("TXT", f'"{n}"'),),
    )
    for n in range(40)
)
BLOCKED = DnsQuery(4 * HOUR, COMPANY.machines[0].id, "pool.coinhive-proxy.example.", action="BLOCK")
Row = dict[str, Any]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Row], list[Row]]:
    """The rows of a day's logs, and its lines, in the order of the files."""
    out = tmp_path_factory.mktemp("dns")
    write_dns(out, COMPANY, 3_000, [*TUNNEL, BLOCKED])
    normalizer = Normalizer(SPEC)
    rows: list[Row] = []
    for item in discover(out, {name: spec.recognition for name, spec in SPECS.items()}):
        assert isinstance(item, SourceObject)
        assert item.source == SPEC.id
        for chunk in read(item, SPEC.recognition):
            found = normalizer.normalize(chunk, object_id=item.id, prefix=item.id)
            assert not found.quarantined
            for part in found.rows:
                assert isinstance(part, JsonRows)
                rows += [msgspec.json.decode(row) for row in part.heads]
    texts = [gzip.decompress(path.read_bytes()).decode() for path in sorted(out.rglob("*.log.gz"))]
    return rows, [json.loads(line) for text in texts for line in text.splitlines()]


def test_every_line_is_a_row_with_its_values(day: tuple[list[Row], list[Row]]):
    rows, lines = day
    assert len(lines) > 1_400
    assert Counter(
        (
            r["TimeGenerated"],
            r["DnsQuery"],
            r["DnsQueryTypeName"],
            r["EventResultDetails"],
            r["SrcIpAddr"],
            r["SrcPortNumber"],
        )
        for r in rows
    ) == Counter(
        (
            x["query_timestamp"],
            x["query_name"][:-1],
            x["query_type"],
            x["rcode"],
            x["srcaddr"],
            int(x["srcport"]),
        )
        for x in lines
    )
    assert Counter(row.get("DnsResponseName") for row in rows) == Counter(
        json.dumps(line["answers"], separators=(",", ":"), ensure_ascii=False) if line["answers"] else None
        for line in lines
    )


def test_the_rows_hold_to_asim(day: tuple[list[Row], list[Row]]):
    assert validate_rows("ASimDnsActivityLogs", day[0]).errors == ()


def test_a_tunnel_and_what_the_firewall_blocked_are_in_the_rows(day: tuple[list[Row], list[Row]]):
    machine = next(each for each in COMPANY.machines if each.name == "kr-worker-2")
    tunnel = [row for row in day[0] if row["DnsQuery"].endswith(".t.exfil-relay.example")]
    assert {row["DnsQuery"] for row in tunnel} == {query.name for query in TUNNEL}
    assert {(row["SrcDvcId"], row["DvcId"], row["DnsQueryType"]) for row in tunnel} == {
        (machine.id, machine.vpc, 16)
    }
    (blocked,) = (row for row in day[0] if row.get("DvcAction") == "Blocked")
    assert (blocked["DnsQuery"], blocked["ThreatField"]) == ("pool.coinhive-proxy.example", "Domain")
    assert blocked["ThreatId"].startswith("rslvr-fdl-")
    assert "DnsResponseName" not in blocked
