from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from datetime import date
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from tidewaiter.core.errors import UsageError
from tidewaiter.lab.generator.company import Company
from tidewaiter.lab.generator.dns import DnsCounts, write_dns
from tidewaiter.lab.generator.others import DnsQuery
from tidewaiter.lab.generator.rhythm import HOUR, LAST

COMPANY = Company(7, date(2026, 3, 17))
EVENTS = 6_000
TUNNEL = "x7f3a.q.exfil-relay.example"
ASKED = (
    DnsQuery(3 * HOUR + 1, "kr-worker-2", TUNNEL, type="TXT", answers=(("TXT", '"b64=="'),)),
    DnsQuery(LAST, COMPANY.machines[0].id, "pool.coinhive-proxy.example.", action="BLOCK"),
    DnsQuery(3 * HOUR + 2, "kr-edge-1", TUNNEL, rcode="NXDOMAIN", action="ALERT"),
)
MEMBERS = [
    "version", "account_id", "region", "vpc_id", "query_timestamp", "query_name", "query_type", "query_class",
    "rcode", "answers", "srcaddr", "srcport", "transport", "srcids",
]  # fmt: skip
FIREWALL = ["firewall_rule_action", "firewall_rule_group_id", "firewall_domain_list_id"]
Line = dict[str, Any]


def read(out: Path) -> dict[str, list[Line]]:
    return {
        str(path.relative_to(out)): [
            json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().splitlines()
        ]
        for path in sorted(out.rglob("*.log.gz"))
    }


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[DnsCounts, dict[str, list[Line]]]:
    out = tmp_path_factory.mktemp("dns")
    return write_dns(out, COMPANY, EVENTS, ASKED), read(out)


Written = tuple[DnsCounts, dict[str, list[Line]]]


def test_every_line_has_the_documented_members_in_order(written: Written) -> None:
    for lines in written[1].values():
        for line in lines:
            assert list(line) in (MEMBERS, MEMBERS + FIREWALL)
            assert (line["version"], line["query_class"]) == ("1.100000", "IN")
            assert re.fullmatch(r"2026-03-17T\d\d:\d\d:\d\dZ", line["query_timestamp"])
            assert line["query_name"].endswith(".")
            assert line["transport"] in {"UDP", "TCP"}
            assert 1024 <= int(line["srcport"]) <= 65_535
            assert line["rcode"] in {"NOERROR", "NXDOMAIN", "SERVFAIL"}


def test_answers_fit_their_question(written: Written) -> None:
    kinds: Counter[str] = Counter()
    for line in (line for lines in written[1].values() for line in lines):
        for answer in line["answers"]:
            assert set(answer) == {"Rdata", "Type", "Class"}
            kinds[answer["Type"]] += 1
            if answer["Type"] in {"A", "AAAA"}:
                assert ip_address(answer["Rdata"]).version == (4 if answer["Type"] == "A" else 6)
        if line["answers"]:
            assert line["rcode"] == "NOERROR"
            assert line["answers"][-1]["Type"] in {line["query_type"], "CNAME"}
    assert {"A", "AAAA", "CNAME", "PTR", "SRV", "MX", "TXT"} <= set(kinds)


def test_counts_are_those_of_the_files_and_follow_the_events(written: Written) -> None:
    counts, files = written
    assert counts.objects == len(files)
    assert counts.lines == sum(map(len, files.values())) == EVENTS // 2 + len(ASKED)


def test_objects_lie_where_the_resolver_puts_them(written: Written) -> None:
    shape = re.compile(
        r"AWSLogs/(\d{12})/vpcdnsquerylogs/(vpc-[0-9a-f]{17})/\d{4}/\d\d/\d\d/"
        r"(vpc-[0-9a-f]{17})_vpcdnsquerylogs_(\d{12})_\d{8}T\d{4}Z_[0-9a-f]{8}\.log\.gz"
    )
    for path, lines in written[1].items():
        found = shape.fullmatch(path)
        assert found, path
        account, vpc, same_vpc, same_account = found.groups()
        assert (account, vpc) == (same_account, same_vpc)
        assert {(line["account_id"], line["vpc_id"]) for line in lines} == {(account, vpc)}
        stamps = [line["query_timestamp"] for line in lines]
        assert stamps == sorted(stamps)


def test_queries_come_from_machines_of_the_company_or_through_its_inbound_endpoint(written: Written) -> None:
    machines = {each.id: each for each in COMPANY.machines}
    through = 0
    for line in (line for lines in written[1].values() for line in lines):
        if "resolver_endpoint" in line["srcids"]:
            through += 1
            continue
        machine = machines[line["srcids"]["instance"]]
        assert (line["srcaddr"], line["vpc_id"], line["account_id"], line["region"]) == (
            machine.ip, machine.vpc, machine.account, machine.region,
        )  # fmt: skip
    assert 0 < through < 0.1 * EVENTS


def test_asked_for_queries_are_where_they_are_said_to_be(written: Written) -> None:
    counts, files = written
    assert [each.number for each in counts.placed] == [0, 1, 2]
    lines = [files[each.object][each.line] for each in counts.placed]
    assert [line["query_name"] for line in lines] == [
        f"{TUNNEL}.",
        "pool.coinhive-proxy.example.",
        f"{TUNNEL}.",
    ]
    assert [line["rcode"] for line in lines] == ["NOERROR", "NOERROR", "NXDOMAIN"]
    assert [line.get("firewall_rule_action") for line in lines] == [None, "BLOCK", "ALERT"]
    assert lines[0]["answers"] == [{"Rdata": '"b64=="', "Type": "TXT", "Class": "IN"}]
    assert lines[1]["answers"] == []
    assert lines[1]["query_timestamp"] == "2026-03-17T23:59:59Z"
    everywhere = [line for lines in files.values() for line in lines if "exfil" in line["query_name"]]
    assert len(everywhere) == 2, "an asked-for query occurs exactly once"


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        write_dns(tmp_path / name, Company(seed, date(2026, 3, 17)), 400)
    bytes_of = {
        name: {
            str(path.relative_to(tmp_path / name)): path.read_bytes()
            for path in (tmp_path / name).rglob("*.gz")
        }
        for name in "abc"
    }
    assert bytes_of["a"] == bytes_of["b"]
    assert bytes_of["a"] != bytes_of["c"]


def test_a_query_of_a_machine_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="kr-nobody-1"):
        write_dns(tmp_path, COMPANY, 400, [DnsQuery(0, "kr-nobody-1", "a.example")])
