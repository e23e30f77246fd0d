"""FOCUS rows by day: a data export per billing period, with its manifest.

Columns of "FOCUS 1.0 with AWS columns" (AWS Data Exports User Guide, table dictionary, read 2026-11): the 43
of the specification and five of AWS's (`x_…`). Places after "Understanding export delivery" (same guide):
`<prefix>/<export>/data/BILLING_PERIOD=yyyy-mm/<export>-00001.csv.gz` and
`<prefix>/<export>/metadata/BILLING_PERIOD=yyyy-mm/<export>-Manifest.json`. Days before the generated one are
there too, so that a cost has something to stand out against.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from tidewaiter.lab.generator.company import ACCOUNTS, CORE, Company
from tidewaiter.lab.generator.cost.prices import REGIONS, Price, price_of
from tidewaiter.lab.generator.cost.usage import Calls, Usage, ordinary
from tidewaiter.lab.generator.draw import UPPER, fixed_code
from tidewaiter.lab.generator.others import CostBump
from tidewaiter.lab.generator.rhythm import DAY
from tidewaiter.lab.generator.slots import Placed, write_packed

HISTORY = 14
"""Days before the generated one."""

PREFIX, EXPORT = "CostExports", "kr-focus"
COLUMNS = (
    "AvailabilityZone", "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency",
    "BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription",
    "ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart", "CommitmentDiscountCategory",
    "CommitmentDiscountId", "CommitmentDiscountName", "CommitmentDiscountStatus", "CommitmentDiscountType",
    "ConsumedQuantity", "ConsumedUnit", "ContractedCost", "ContractedUnitPrice", "EffectiveCost",
    "InvoiceIssuerName", "ListCost", "ListUnitPrice", "PricingCategory", "PricingQuantity", "PricingUnit",
    "ProviderName", "PublisherName", "RegionId", "RegionName", "ResourceId", "ResourceName", "ResourceType",
    "ServiceCategory", "ServiceName", "SkuId", "SkuPriceId", "SubAccountId", "SubAccountName", "Tags",
    "x_CostCategories", "x_Discounts", "x_Operation", "x_ServiceCode", "x_UsageType",
)  # fmt: skip
_ALWAYS = {
    "BillingAccountId": CORE.id,
    "BillingAccountName": CORE.name,
    "BillingCurrency": "USD",
    "ChargeCategory": "Usage",
    "ChargeFrequency": "Usage-Based",
    "InvoiceIssuerName": "Amazon Web Services, Inc.",
    "PricingCategory": "Standard",
    "ProviderName": "AWS",
    "PublisherName": "Amazon Web Services, Inc.",
    "x_CostCategories": "{}",
    "x_Discounts": "{}",
}
_WEEKEND = 0.72
_NAMES = {each.id: each.name for each in ACCOUNTS}


@dataclass(frozen=True, slots=True)
class CostCounts:
    """Rows and objects written; `placed` says where the rows of the asked-for bumps lie (id "")."""

    rows: int
    objects: int
    placed: tuple[Placed, ...]


def write_cost(
    out: Path,
    company: Company,
    events: int,
    asked: Sequence[CostBump] = (),
    *,
    calls: Calls | None = None,
    days: int = 1,
) -> CostCounts:
    """Write the bill of the generated days and of the `HISTORY` days before them.

    Args:
        out: folder above `CostExports/`.
        company: whose machines, buckets and functions are charged.
        events: number of CloudTrail events of a day, which scales what depends on use.
        asked: what costs extra, one row per resource, on the day that its time falls in.
        calls: a day's events by (account, region, event source without `.amazonaws.com`), so that requests
            are charged where they were made; None spreads them.
        days: how many days were generated; `company` is that of the first.

    Raises:
        UsageError: an asked-for bump names an unknown service.
        OSError: `out` cannot be written.
    """
    return _Bill(out, company).write(ordinary(company, events, calls), asked, days)


class _Bill:
    def __init__(self, out: Path, company: Company) -> None:
        self._out = out
        self._company = company
        self._draw = company.stream("cost")
        self._objects = 0

    def write(self, usage: Sequence[Usage], asked: Sequence[CostBump], days: int) -> CostCounts:
        first = self._company.day
        dates = [first + timedelta(days=number) for number in range(-HISTORY, days)]
        rows = 0
        placed: list[Placed] = []
        for period in sorted({(each.year, each.month) for each in dates}):
            within = [each for each in dates if (each.year, each.month) == period]
            table = [row for day in within for row in self._day(day, usage)]
            extra: list[list[str]] = []
            key = self._key(within[0])
            for number, bump in enumerate(asked):
                day = first + timedelta(days=bump.at // DAY)
                if day in within:
                    start = len(table) + len(extra)
                    extra += self._bump(day, bump)
                    lines = range(start, len(table) + len(extra))
                    placed += [Placed(number, "", key, line) for line in lines]
            self._export(within[0], [*table, *extra])
            rows += len(table) + len(extra)
        ordered = sorted(placed, key=lambda each: (each.number, each.object, each.line))
        return CostCounts(rows, self._objects, tuple(ordered))

    def _day(self, day: date, usage: Sequence[Usage]) -> list[list[str]]:
        busy = _WEEKEND if day.weekday() >= 5 else 1.0
        found = []
        for each in usage:
            factor = 1.0 if each.steady else busy * self._draw.between(0.93, 1.07)
            found.append(self._row(day, each, each.quantity * factor))
        return found

    def _bump(self, day: date, bump: CostBump) -> list[list[str]]:
        resources = bump.resources or ("",)
        part = bump.quantity / len(resources)
        return [
            self._row(day, Usage(bump.account, bump.region, bump.service, part, resource), part)
            for resource in resources
        ]

    def _row(self, day: date, usage: Usage, quantity: float) -> list[str]:
        price = price_of(usage.service)
        tags = {"Name": usage.name} if usage.name else {}
        label, prefix, level = REGIONS.get(usage.region, (usage.region, f"{usage.region}-", 1.2))
        sku = fixed_code(16, UPPER, "sku", usage.region, usage.service)
        values = {
            **_ALWAYS,
            **_charge(price, quantity, price.price * level, label),
            **_period(day),
            "RegionId": usage.region,
            "RegionName": label,
            "ResourceId": usage.resource,
            "ResourceType": price.kind if usage.resource else "",
            "ServiceCategory": price.category,
            "ServiceName": price.service,
            "SkuId": sku,
            "SkuPriceId": f"{sku}.JRTCKXETXF.6YS6EN2CT7",
            "SubAccountId": usage.account,
            "SubAccountName": _NAMES.get(usage.account, ""),
            "Tags": json.dumps(tags, separators=(",", ":")),
            "x_Operation": price.operation,
            "x_ServiceCode": price.code,
            "x_UsageType": f"{prefix}{price.usage}",
        }
        return [values.get(column, "") for column in COLUMNS]

    @staticmethod
    def _key(day: date) -> str:
        """Return the path of the rows of a day's billing period."""
        return f"{PREFIX}/{EXPORT}/data/BILLING_PERIOD={day:%Y-%m}/{EXPORT}-00001.csv.gz"

    def _export(self, day: date, rows: Sequence[Sequence[str]]) -> None:
        """Write one billing period and its manifest."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
        period = f"BILLING_PERIOD={day:%Y-%m}"
        key = self._key(day)
        write_packed(self._out / key, text.getvalue().encode())
        name = f"{EXPORT}-{self._company.uuid('export')}"
        manifest = {
            "exportArn": f"arn:aws:bcm-data-exports:us-east-1:{CORE.id}:export/{name}",
            "billingPeriod": {"start": _moment(day.replace(day=1))},
            "columns": [{"name": column} for column in COLUMNS],
            "dataFiles": [f"s3://kr-cost-exports/{key}"],
        }
        path = self._out / f"{PREFIX}/{EXPORT}/metadata/{period}/{EXPORT}-Manifest.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        self._objects += 2


def _charge(price: Price, quantity: float, unit: float, region: str) -> dict[str, str]:
    """What was used and what it costs; there are no discounts, so that all costs are the same."""
    cost = f"{quantity * unit:.10f}"
    each = f"{unit:.10f}".rstrip("0")
    amount = f"{quantity:.10f}".rstrip("0").rstrip(".")
    costs = dict.fromkeys(("BilledCost", "ContractedCost", "EffectiveCost", "ListCost"), cost)
    prices = dict.fromkeys(("ContractedUnitPrice", "ListUnitPrice"), each)
    amounts = dict.fromkeys(("ConsumedQuantity", "PricingQuantity"), amount)
    units = dict.fromkeys(("ConsumedUnit", "PricingUnit"), price.unit)
    text = f"${each} {price.text} - {region}"
    return {**costs, **prices, **amounts, **units, "ChargeDescription": text}


def _period(day: date) -> dict[str, str]:
    after = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return {
        "BillingPeriodStart": _moment(day.replace(day=1)),
        "BillingPeriodEnd": _moment(after),
        "ChargePeriodStart": _moment(day),
        "ChargePeriodEnd": _moment(day + timedelta(days=1)),
    }


def _moment(day: date) -> str:
    return f"{day.isoformat()}T00:00:00.000Z"
