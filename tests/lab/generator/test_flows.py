from __future__ import annotations

from collections import Counter
from ipaddress import ip_address

from tests.lab.generator.conftest import Day
from tidewaiter.lab.generator.flows import CUSTOM, DEFAULT

Line = dict[str, str]


def lines(day: Day) -> list[Line]:
    found = []
    for text in day.flows.values():
        header = text[0].split()
        for line in text[1:]:
            values = line.split(" ")
            assert len(values) == len(header), line
            found.append(dict(zip(header, values, strict=True)))
    return found


def test_one_network_writes_the_default_format_and_the_other_its_own(day: Day) -> None:
    headers = {path.parts[-5]: text[0] for path, text in day.flows.items()}
    assert headers == {"eu-central-1": DEFAULT, "us-east-1": CUSTOM}
    versions = {len(line): line["version"] for line in lines(day)}
    assert versions == {14: "2", 25: "5"}


def test_flow_files_lie_where_vpc_puts_them(day: Day) -> None:
    for path in day.flows:
        account, region, log, moment, unique = (
            path.name.removesuffix(".log.gz").replace("_vpcflowlogs_", "_").split("_")
        )
        assert path.parts[-7:-4] == (account, "vpcflowlogs", region)
        assert log.startswith("fl-0")
        assert path.parts[-4:-1] == (moment[:4], moment[4:6], moment[6:8])
        assert len(unique) == 8


def test_flows_fill_the_whole_day(day: Day) -> None:
    hours = Counter(int(line["start"]) % 86_400 // 3_600 for line in lines(day))
    assert set(hours) == set(range(24))
    assert max(hours.values()) < 0.12 * sum(hours.values())
    assert hours[10] > 2 * hours[3], "customers sleep at night"


def test_there_are_scans_gaps_and_ipv6(day: Day) -> None:
    found = lines(day)
    states = Counter((line["action"], line["log-status"]) for line in found)
    assert states["REJECT", "OK"] > 0.05 * len(found)
    assert states["ACCEPT", "OK"] > 0.6 * len(found)
    assert states["-", "NODATA"] > 0
    assert states["-", "SKIPDATA"] > 0
    assert {line.get("type") for line in found} == {None, "IPv4", "IPv6", "-"}


def test_lines_without_data_have_dashes_and_others_have_real_values(day: Day) -> None:
    for line in lines(day):
        measured = ("srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes")
        if line["log-status"] != "OK":
            assert {line[name] for name in measured} == {"-"}
            continue
        ip_address(line["srcaddr"])
        ip_address(line["dstaddr"])
        assert int(line["bytes"]) >= 40 * int(line["packets"])
        assert 0 < int(line["end"]) - int(line["start"]) <= 600
        if "flow-direction" in line:
            assert (line["traffic-path"] == "-") is (line["flow-direction"] == "ingress")
            assert line["type"] == ("IPv6" if ":" in line["srcaddr"] else "IPv4")


def test_the_intruder_is_on_the_network_as_often_as_the_truth_says(day: Day, small_day: Day) -> None:
    for each in (day, small_day):
        (campaign,) = each.truth.campaigns
        seen = [
            line
            for line in lines(each)
            if line["srcaddr"] in campaign.addresses or line["dstaddr"] in campaign.addresses
        ]
        assert len(seen) == campaign.flow_records
        assert {line["action"] for line in seen} == {"ACCEPT"}
        assert {"22", "8443"} <= {line["dstport"] for line in seen} | {line["srcport"] for line in seen}
