"""What the company uses on an ordinary day: machines all day long, the rest in step with its events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tidewaiter.lab.generator.company import (
    ACCOUNTS,
    BUCKETS,
    EDGE,
    FUNCTIONS,
    HOME,
    PROD,
    Account,
    Company,
)
from tidewaiter.lab.generator.cost.fleet import instance_type

Calls = Mapping[tuple[str, str, str], int]
"""A day's CloudTrail events by (account, region, event source without `.amazonaws.com`)."""

_ELSEWHERE = {"kr-web-assets": EDGE, "kr-cost-exports": EDGE}
_SHARES = {"s3": 0.30, "kms": 0.05, "secretsmanager": 0.03, "monitoring": 0.08, "logs": 0.02, "config": 0.02}
"""Parts of the day's events where nobody counted them."""


@dataclass(frozen=True, slots=True)
class Usage:
    """So many units of a service (a key of `prices`) in an account and region, for one resource or none.

    `steady` is True for what does not depend on how busy the day is.
    """

    account: str
    region: str
    service: str
    quantity: float
    resource: str = ""
    name: str = ""
    steady: bool = False


def ordinary(company: Company, events: int, calls: Calls | None) -> list[Usage]:
    """Return everything used on an ordinary day of `events` CloudTrail events."""
    counted = calls if calls is not None else _guessed(events)
    return [
        *_machines(company),
        *_storage(company, counted),
        *_requests(counted),
        *_rooms(company, events),
    ]


def _guessed(events: int) -> Calls:
    """Without counts, production makes six of ten calls, the others share the rest."""
    weights = {each.id: 0.6 if each is PROD else 0.4 / (len(ACCOUNTS) - 1) for each in ACCOUNTS}
    return {
        (account, HOME, source): round(events * share * weight)
        for account, weight in weights.items()
        for source, share in _SHARES.items()
    }


def _machines(company: Company) -> Iterator[Usage]:
    for machine in company.machines:
        place = machine.account, machine.region
        service = f"ec2:{instance_type(machine)}"
        yield Usage(*place, service, 24.0, machine.id, machine.name, steady=True)
        volume = company.hex_id("vol", machine.name)
        yield Usage(*place, "ebs", 60 / 30, volume, machine.name, steady=True)


def _storage(company: Company, calls: Calls) -> Iterator[Usage]:
    for account, buckets in BUCKETS.items():
        made = sum(
            count for (owner, _, source), count in calls.items() if owner == account and source == "s3"
        )
        for bucket in buckets:
            region = _ELSEWHERE.get(bucket, HOME)
            size = 40 + int(company.token(4, "size", bucket), 36) % 4_000
            yield Usage(account, region, "s3:storage", size / 30, bucket, steady=True)
            yield Usage(account, region, "s3:write", 40 + 30 * made / len(buckets), bucket)
            yield Usage(account, region, "s3:read", 200 + 90 * made / len(buckets), bucket)


def _requests(calls: Calls) -> Iterator[Usage]:
    """CloudTrail records some of the calls of a service; the bill counts all."""
    scale = {"kms": ("kms", 40.0), "secretsmanager": ("secrets", 5.0), "monitoring": ("metrics", 60.0),
             "config": ("config", 0.05), "logs": ("logs", 0.004)}  # fmt: skip
    for (account, region, source), count in sorted(calls.items()):
        if source in scale and count:
            service, factor = scale[source]
            yield Usage(account, region, service, count * factor)


def _rooms(company: Company, events: int) -> Iterator[Usage]:
    for account in ACCOUNTS:
        yield from _everywhere(account, events)
    for zone in "ab":
        gateway = company.hex_id("nat", "prod", zone)
        yield Usage(PROD.id, HOME, "nat", 24.0, gateway, steady=True)
        database = f"arn:aws:rds:{HOME}:{PROD.id}:db:kr-orders-{zone}"
        yield Usage(PROD.id, HOME, "rds", 24.0, database, steady=True)
    for region in (HOME, EDGE):
        name = f"loadbalancer/app/kr-front/{company.token(16, region)}"
        balancer = f"arn:aws:elasticloadbalancing:{region}:{PROD.id}:{name}"
        yield Usage(PROD.id, region, "elb", 24.0, balancer, steady=True)
        yield Usage(PROD.id, region, "transfer", 12 + events / 2_000)
    for function in FUNCTIONS:
        arn = f"arn:aws:lambda:{HOME}:{PROD.id}:function:{function}"
        yield Usage(PROD.id, HOME, "lambda", 900 + events * 0.6, arn)
    yield Usage(PROD.id, HOME, "athena", 0.2 + events / 400_000)


def _everywhere(account: Account, events: int) -> Iterator[Usage]:
    share = 0.6 if account is PROD else 0.4 / (len(ACCOUNTS) - 1)
    for region in account.regions[:2]:
        part = events * share * (0.8 if region == HOME else 0.2)
        yield Usage(account.id, region, "trail", part * 0.4)
        yield Usage(account.id, region, "guardduty", part)
        yield Usage(account.id, region, "dns", part * 30)
