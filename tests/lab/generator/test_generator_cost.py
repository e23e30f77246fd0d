from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tidewaiter.core.errors import UsageError
from tidewaiter.lab.generator.company import ACCOUNTS, BUCKETS, CORE, DEV, HOME, PROD, Company
from tidewaiter.lab.generator.cost import CostCounts, write_cost
from tidewaiter.lab.generator.others import CostBump

DAY = date(2026, 3, 9)
COMPANY = Company(7, DAY)
MINERS = ("i-0aaaaaaaaaaaaaaaa", "i-0bbbbbbbbbbbbbbbb")
ASKED = (
    CostBump(DEV.id, "ap-southeast-1", "ec2:g5.12xlarge", 96.0, MINERS),
    CostBump(PROD.id, HOME, "ses", 250_000),
)
FOCUS = {
    "BilledCost", "BillingAccountId", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
    "ChargeCategory", "ChargePeriodEnd", "ChargePeriodStart", "EffectiveCost", "ListCost", "ContractedCost",
    "ServiceCategory", "ServiceName", "SubAccountId", "RegionId", "ResourceId", "ConsumedQuantity",
    "ConsumedUnit", "PricingQuantity", "PricingUnit", "ProviderName", "x_UsageType", "x_ServiceCode",
}  # fmt: skip
Row = dict[str, str]
Written = tuple[CostCounts, dict[str, list[Row]], Path]


def read(out: Path) -> dict[str, list[Row]]:
    return {
        str(path.relative_to(out)): list(
            csv.DictReader(io.StringIO(gzip.decompress(path.read_bytes()).decode()), strict=True)
        )
        for path in sorted(out.rglob("*.csv.gz"))
    }


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    out = tmp_path_factory.mktemp("cost")
    return write_cost(out, COMPANY, 20_000, ASKED), read(out), out


def rows(written: Written) -> list[Row]:
    return [row for table in written[1].values() for row in table]


def test_every_row_is_a_daily_focus_row(written: Written) -> None:
    for row in rows(written):
        assert len(row) == 48
        assert set(row) >= FOCUS
        assert None not in row.values()
        start = date.fromisoformat(row["ChargePeriodStart"][:10])
        assert row["ChargePeriodStart"] == f"{start}T00:00:00.000Z"
        assert row["ChargePeriodEnd"] == f"{start + timedelta(days=1)}T00:00:00.000Z"
        assert row["BillingPeriodStart"][:10] <= str(start) < row["BillingPeriodEnd"][:10]
        assert (row["ProviderName"], row["BillingCurrency"]) == ("AWS", "USD")
        assert json.loads(row["Tags"] or "{}") is not None
        cost = Decimal(row["PricingQuantity"]) * Decimal(row["ListUnitPrice"])
        assert abs(cost - Decimal(row["ListCost"])) <= Decimal("0.01") * max(cost, Decimal("0.01"))
        assert row["BilledCost"] == row["EffectiveCost"]


def test_there_is_one_export_per_billing_period_with_its_manifest(written: Written) -> None:
    counts, tables, out = written
    assert list(tables) == [
        f"CostExports/kr-focus/data/BILLING_PERIOD=2026-0{month}/kr-focus-00001.csv.gz" for month in (2, 3)
    ]
    assert counts.rows == len(rows(written))
    manifests = sorted(out.rglob("*-Manifest.json"))
    assert counts.objects == len(tables) + len(manifests) == 4
    for path, table in zip(manifests, tables, strict=True):
        manifest = json.loads(path.read_text())
        assert manifest["dataFiles"] == [f"s3://kr-cost-exports/{table}"]
        assert [each["name"] for each in manifest["columns"]] == list(tables[table][0])


def test_fifteen_days_are_billed_and_all_accounts_pay(written: Written) -> None:
    days = {row["ChargePeriodStart"][:10] for row in rows(written)}
    assert days == {str(DAY - timedelta(days=back)) for back in range(15)}
    assert {row["SubAccountId"] for row in rows(written)} == {each.id for each in ACCOUNTS}
    assert {row["BillingAccountId"] for row in rows(written)} == {CORE.id}


def test_machines_run_all_day_and_buckets_hold_data(written: Written) -> None:
    today = [row for row in rows(written) if row["ChargePeriodStart"].startswith(str(DAY))]
    hours = {row["ResourceId"]: row for row in today if "BoxUsage" in row["x_UsageType"]}
    for machine in COMPANY.machines:
        row = hours[machine.id]
        assert (row["SubAccountId"], row["RegionId"]) == (machine.account, machine.region)
        assert row["ConsumedQuantity"] == "24"
    stored = {row["ResourceId"] for row in today if "TimedStorage" in row["x_UsageType"]}
    assert stored == {bucket for buckets in BUCKETS.values() for bucket in buckets}


def test_an_ordinary_day_costs_about_the_same_as_the_one_before(written: Written) -> None:
    total: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows(written):
        if row["ResourceId"] not in MINERS and row["x_ServiceCode"] != "AmazonSES":
            total[row["ChargePeriodStart"]] += Decimal(row["BilledCost"])
    assert max(total.values()) < Decimal("1.2") * min(total.values())


def test_bumps_are_billed_on_the_day_and_placed(written: Written) -> None:
    counts, tables, _ = written
    assert [each.number for each in counts.placed] == [0, 0, 1]
    first, second, mail = (tables[each.object][each.line] for each in counts.placed)
    assert (first["ResourceId"], second["ResourceId"]) == MINERS
    assert first["RegionId"] == "ap-southeast-1"
    assert first["x_UsageType"] == "APS1-BoxUsage:g5.12xlarge"
    assert first["ConsumedQuantity"] == "48"
    assert Decimal(first["BilledCost"]) > 200
    assert mail["ServiceName"] == "Amazon Simple Email Service"
    for row in (first, second, mail):
        assert row["ChargePeriodStart"].startswith(str(DAY))
    assert sum(row["RegionId"] == "ap-southeast-1" for row in rows(written)) == 2


def test_counted_calls_are_billed_where_they_were_made(tmp_path: Path) -> None:
    calls = {(DEV.id, HOME, "kms"): 1_000, (PROD.id, HOME, "kms"): 3}
    write_cost(tmp_path, COMPANY, 20_000, calls=calls)
    keys = [row for table in read(tmp_path).values() for row in table if row["x_ServiceCode"] == "awskms"]
    assert {row["SubAccountId"] for row in keys} == {DEV.id, PROD.id}
    amounts = {row["SubAccountId"]: float(row["ConsumedQuantity"]) for row in keys}
    assert amounts[DEV.id] > 100 * amounts[PROD.id]


def test_an_instance_type_without_a_list_price_is_priced_by_its_size(tmp_path: Path) -> None:
    counts = write_cost(tmp_path, COMPANY, 500, [CostBump(DEV.id, "sa-east-1", "ec2:z9.8xlarge", 2.0)])
    (placed,) = counts.placed
    row = read(tmp_path)[placed.object][placed.line]
    assert re.fullmatch(r"\d+\.\d{10}", row["BilledCost"])
    assert Decimal(row["BilledCost"]) > 1


def test_an_unknown_service_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="teapot"):
        write_cost(tmp_path, COMPANY, 500, [CostBump(DEV.id, HOME, "teapot", 1.0)])


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write_cost(tmp_path / name, Company(7, DAY), 900, ASKED)
    first, second = (
        {str(path.relative_to(tmp_path / name)): path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in "ab"
    )
    assert first == second
