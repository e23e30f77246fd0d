from __future__ import annotations

import gzip
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tidewaiter.core.errors import UsageError
from tidewaiter.lab.generator.company import HOME, PROD, Company
from tidewaiter.lab.generator.findings import FindingCounts, write_findings
from tidewaiter.lab.generator.others import Finding
from tidewaiter.lab.generator.rhythm import HOUR

COMPANY = Company(7, date(2026, 3, 17))
WORKER = COMPANY.fleet("worker")[0]
THIEF = f"arn:aws:iam::{PROD.id}:user/svc-report-export"
ASKED = (
    Finding(
        13 * HOUR, "Exfiltration:S3/AnomalousBehavior", 8.0, "Objects were read in an unusual way", PROD.id,
        HOME, "api", THIEF, address="192.0.2.66", api="GetObject", service="s3.amazonaws.com",
        key_id="AKIA0BCDEFGHIJKLMNOP", bucket="kr-customer-exports", repeats=(15 * HOUR, 14 * HOUR),
    ),
    Finding(
        23 * HOUR, "CryptoCurrency:EC2/BitcoinTool.B!DNS", 8.0, "A miner's pool was looked up", PROD.id,
        WORKER.region, "dns", "kr-worker-1", domain="pool.example", repeats=(30 * HOUR,),
    ),
)  # fmt: skip
Body = dict[str, Any]


def read(out: Path, service: str) -> dict[str, list[Body]]:
    return {
        str(path.relative_to(out)): [
            json.loads(text) for text in gzip.decompress(path.read_bytes()).decode().splitlines()
        ]
        for path in sorted(out.glob(f"AWSLogs/*/{service}/**/*.jsonl.gz"))
    }


class Written:
    def __init__(self, out: Path) -> None:
        self.counts: FindingCounts = write_findings(out, COMPANY, 30_000, ASKED)
        self.guardduty = read(out, "GuardDuty")
        self.hub = read(out, "SecurityHub")
        self.findings = [body for bodies in self.guardduty.values() for body in bodies]


def asff(record: Body) -> Body:
    if "detail" not in record:
        return record
    (finding,) = record["detail"]["findings"]
    return dict(finding)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return Written(tmp_path_factory.mktemp("findings"))


def test_guardduty_findings_have_the_members_of_the_export(written: Written) -> None:
    for body in written.findings:
        assert {
            "schemaVersion", "accountId", "region", "partition", "id", "arn", "type", "resource", "service",
            "severity", "createdAt", "updatedAt", "title", "description",
        } == set(body)  # fmt: skip
        assert re.fullmatch(r"[0-9a-f]{32}", body["id"])
        detector = body["service"]["detectorId"]
        place = f"{body['region']}:{body['accountId']}"
        assert body["arn"] == f"arn:aws:guardduty:{place}:detector/{detector}/finding/{body['id']}"
        assert re.fullmatch(r"[A-Z]\w+:[A-Z]\w+/[\w.!&]+", body["type"])
        seen = body["service"]
        first, last = seen["eventFirstSeen"], seen["eventLastSeen"]
        assert first <= last < body["updatedAt"]
        assert body["createdAt"] <= body["updatedAt"] < "2026-03-18"
        assert first >= "2026-03-17"


def test_all_four_action_types_occur_and_are_low_unless_asked_for(written: Written) -> None:
    actions = {body["service"]["action"]["actionType"] for body in written.findings}
    assert actions == {"AWS_API_CALL", "NETWORK_CONNECTION", "DNS_REQUEST", "PORT_PROBE"}
    asked = {each.id for each in written.counts.guardduty}
    assert all((body["severity"] < 4) is (body["id"] not in asked) for body in written.findings)


def test_an_update_keeps_the_id_and_its_count_grows(written: Written) -> None:
    states: dict[str, list[Body]] = {}
    for body in sorted(written.findings, key=lambda body: body["updatedAt"]):
        states.setdefault(body["id"], []).append(body)
    assert any(len(each) > 1 for each in states.values())
    for each in states.values():
        assert [body["service"]["count"] for body in each] == list(range(1, len(each) + 1))
        assert len({body["updatedAt"] for body in each}) == len(each)
        assert len({body["createdAt"] for body in each}) == 1


def test_exports_lie_by_account_region_and_day(written: Written) -> None:
    uuid = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    for path, bodies in written.guardduty.items():
        (place,) = {(body["accountId"], body["region"]) for body in bodies}
        assert re.fullmatch(rf"AWSLogs/{place[0]}/GuardDuty/{place[1]}/2026/03/17/{uuid}\.jsonl\.gz", path)
    assert written.counts.guardduty_records == len(written.findings)
    assert written.counts.guardduty_objects == len(written.guardduty)


def test_instances_are_the_company_s_own(written: Written) -> None:
    machines = {each.id: each for each in COMPANY.machines}
    for body in written.findings:
        details = body["resource"].get("instanceDetails")
        if details:
            machine = machines[details["instanceId"]]
            (interface,) = details["networkInterfaces"]
            assert (interface["privateIpAddress"], interface["vpcId"]) == (machine.ip, machine.vpc)
            assert (body["accountId"], body["region"]) == (machine.account, machine.region)


def test_asked_for_findings_are_there_with_all_their_updates(written: Written) -> None:
    found: dict[int, list[Body]] = {0: [], 1: []}
    for each in written.counts.guardduty:
        body = written.guardduty[each.object][each.line]
        assert body["id"] == each.id
        found[each.number].append(body)
    assert [len(bodies) for bodies in found.values()] == [3, 1], "what is seen after midnight is left out"
    theft, mining = found[0][0], found[1][0]
    assert theft["resource"]["accessKeyDetails"]["userName"] == "svc-report-export"
    assert theft["resource"]["s3BucketDetails"][0]["name"] == "kr-customer-exports"
    assert theft["service"]["action"]["awsApiCallAction"]["remoteIpDetails"]["ipAddressV4"] == "192.0.2.66"
    assert mining["service"]["action"]["dnsRequestAction"]["domain"] == "pool.example"
    assert mining["resource"]["instanceDetails"]["instanceId"] == WORKER.id


def test_security_hub_writes_events_at_home_and_plain_findings_elsewhere(written: Written) -> None:
    required = {
        "SchemaVersion", "Id", "ProductArn", "GeneratorId", "AwsAccountId", "CreatedAt", "UpdatedAt",
        "Severity", "Title", "Description", "Resources",
    }  # fmt: skip
    forms: dict[str, int] = {"event": 0, "plain": 0}
    for path, records in written.hub.items():
        account, region = path.split("/")[1], path.split("/")[3]
        for record in records:
            finding = asff(record)
            forms["plain" if finding is record else "event"] += 1
            assert required <= set(finding)
            assert finding["SchemaVersion"] == "2018-10-08"
            assert finding["AwsAccountId"] == account
            assert ("detail" in record) is (region == HOME)
            if "detail" in record:
                assert record["detail-type"] == "Security Hub Findings - Imported"
                assert record["resources"] == [f"{finding['ProductArn']}/{finding['Id']}"]
    assert all(forms.values())
    assert sum(forms.values()) == written.counts.hub_records
    assert written.counts.hub_objects == len(written.hub)


def test_states_of_hub_findings_are_told_apart_by_id_and_time(written: Written) -> None:
    findings = [asff(record) for records in written.hub.values() for record in records]
    states = [(finding["Id"], finding["UpdatedAt"]) for finding in findings]
    assert len(set(states)) == len(states)
    products = {finding["ProductArn"].rsplit("/", 1)[-1] for finding in findings}
    assert products == {"guardduty", "securityhub"}
    checks = [finding for finding in findings if "Compliance" in finding]
    assert {finding["Compliance"]["Status"] for finding in checks} == {"FAILED", "PASSED"}


def test_every_guardduty_state_is_imported_and_the_asked_for_ones_are_placed(written: Written) -> None:
    copies = [asff(record) for records in written.hub.values() for record in records]
    imported = sorted(
        (each["Id"], each["UpdatedAt"]) for each in copies if each["ProductArn"].endswith("guardduty")
    )
    assert imported == sorted((body["arn"], body["updatedAt"]) for body in written.findings)
    assert [each.number for each in written.counts.hub] == [0, 0, 0, 1]
    for each in written.counts.hub:
        finding = asff(written.hub[each.object][each.line])
        assert (finding["Id"], finding["Severity"]["Label"]) == (each.id, "HIGH")


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write_findings(tmp_path / name, Company(7, date(2026, 3, 17)), 900, ASKED)
    first, second = (
        {
            str(path.relative_to(tmp_path / name)): path.read_bytes()
            for path in (tmp_path / name).rglob("*.gz")
        }
        for name in "ab"
    )
    assert first == second


def test_a_machine_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    finding = Finding(
        0, "Recon:EC2/Portscan", 5.0, "t", PROD.id, HOME, "network", "i-none", address="192.0.2.1"
    )
    with pytest.raises(UsageError, match="i-none"):
        write_findings(tmp_path, COMPANY, 500, [finding])
