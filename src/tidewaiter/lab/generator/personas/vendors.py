"""Vendors who reach in from outside: they assume a role of every account with an external id."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from tidewaiter.lab.generator.calls import Call, Make, read
from tidewaiter.lab.generator.calls.call import Json
from tidewaiter.lab.generator.calls.compute import describe
from tidewaiter.lab.generator.calls.signin import assume_role
from tidewaiter.lab.generator.calls.storage import bucket_setting, list_buckets
from tidewaiter.lab.generator.company import (
    ACCOUNTS,
    BUCKETS,
    CORE,
    COST_VENDOR,
    EDGE,
    HOME,
    PROD,
    REGIONS,
    SCANNER_VENDOR,
    Account,
)
from tidewaiter.lab.generator.draw import Draw
from tidewaiter.lab.generator.identity import Actor, Sessions, outside_account, role_session, session_key
from tidewaiter.lab.generator.persona import Beat, Kind, Machine
from tidewaiter.lab.generator.rhythm import HOUR, MINUTE


class Vendor(Machine):
    """A service outside that assumes `role` by external id, every `lifetime`, and then asks."""

    kind: ClassVar[Kind] = "saas"
    vendor: ClassVar[str]
    role: ClassVar[str]
    agent: ClassVar[str]
    lifetime: ClassVar[int] = HOUR
    addresses: ClassVar[tuple[str, ...]]

    def address(self, since: int) -> str:
        """Return where the vendor calls from: one of its addresses, by the hour."""
        return self.addresses[since // HOUR % len(self.addresses)]

    def visit(self, weight: float, account: Account, region: str, name: str, calls: list[Make]) -> Beat:
        """Return the sessions of that name in an account, each opened by the vendor's AssumeRole."""

        def session(since: int) -> Actor:
            return role_session(
                self.company,
                account.id,
                self.role,
                name,
                persona=self.id,
                since=since,
                address=self.address(since),
                agent=self.agent,
            )

        def opening(since: int) -> tuple[Actor, Make]:
            key = session_key(self.company, account.id, self.role, name, since)
            external = self.company.uuid("external-id", self.id, account.id)
            make = assume_role(
                self.company,
                account.id,
                self.role,
                name,
                key_id=key,
                at=since,
                external_id=external,
                lifetime=self.lifetime,
            )
            outside = outside_account(
                self.company,
                self.vendor,
                persona=self.id,
                address=self.address(since),
                agent=self.agent,
            )
            return outside, make

        sessions = Sessions(session, lifetime=self.lifetime, phase=self.lasting.whole(0, self.lifetime - 1))
        return Beat(weight, account, region, sessions, calls, opening)


class CloudScanner(Vendor):
    """Wardline looks for misconfigurations in every account and region, a few times a day."""

    id = "wardline"
    description = "Posture scanner of a vendor: a role by external id in all accounts and regions"
    share = 7
    gap = (30, 350)
    pace = 20 * MINUTE
    mishaps = ((0.02, "denied"), (0.008, "throttled"))
    vendor = SCANNER_VENDOR
    role = "WardlineScannerRole"
    lifetime = 4 * HOUR
    agent = "wardline-scan/3.18 Boto3/1.42.2 md/Botocore#1.42.2 ua/2.1 os/linux#6.8.0 lang/python#3.12.9"
    addresses = ("198.51.100.50", "198.51.100.51")

    def routines(self) -> list[Beat]:
        """Return a scan per account and region; global services are read from us-east-1."""
        beats = []
        for account in ACCOUNTS:
            size = 3 if account is PROD else 1
            for region in REGIONS:
                name = f"wardline-{account.name}-{region}"
                calls = self._regional() + (self._everywhere(account) if region == EDGE else [])
                beats.append(self.visit(size, account, region, name, calls))
        return beats

    @staticmethod
    def _regional() -> list[Make]:
        return [
            describe("DescribeInstances"),
            describe("DescribeSecurityGroups"),
            describe("DescribeVpcs"),
            describe("DescribeSnapshots", ownersSet={"items": [{"owner": "self"}]}),
            read("rds", "DescribeDBInstances", maxRecords=100),
            read("rds", "DescribeDBSnapshots", maxRecords=100),
            read("lambda", "ListFunctions20150331", maxItems=50),
            read("kms", "ListAliases", limit=100),
            read("secretsmanager", "ListSecrets", maxResults=100),
            read("sqs", "ListQueues", maxResults=1000),
            read("sns", "ListTopics"),
            read("dynamodb", "ListTables", limit=100),
            read("cloudtrail", "DescribeTrails"),
            read("guardduty", "ListDetectors"),
        ]

    @staticmethod
    def _everywhere(account: Account) -> list[Make]:
        names = ("GetBucketPolicy", "GetBucketAcl", "GetBucketEncryption", "GetBucketPublicAccessBlock")
        return [
            read("iam", "GetAccountSummary"),
            read("iam", "ListUsers", maxItems=1000),
            read("iam", "ListRoles", maxItems=1000),
            read("iam", "GetAccountAuthorizationDetails", maxItems=1000),
            list_buckets(),
            *(bucket_setting(name, BUCKETS[account.id], account.id, HOME) for name in names),
        ]


class CostTool(Vendor):
    """Ledgerline reads the bill and looks for what could be cheaper."""

    id = "ledgerline"
    description = "Cost tool of a vendor: Cost Explorer, reservations and volumes, by external id"
    share = 1.5
    ceiling = 900
    gap = (200, 2_500)
    pace = 30 * MINUTE
    mishaps = ((0.02, "throttled"),)
    vendor = COST_VENDOR
    role = "LedgerlineReadOnly"
    agent = "aws-sdk-java/2.31.7 md/io#sync ua/2.1 os/Linux lang/java#21.0.6 ledgerline/2026.2"
    addresses = ("198.51.100.60",)

    def routines(self) -> list[Beat]:
        """Return the bill in the management account, and what is idle in production."""
        idle = [
            describe("DescribeVolumes"),
            describe("DescribeAddresses"),
            read("ec2", "DescribeReservedInstances", offeringClass="convertible"),
            read("rds", "DescribeReservedDBInstances", maxRecords=100),
            self._metrics,
        ]
        bill = [self._usage, read("ce", "GetReservationUtilization", TimePeriod=self._month()), self._usage]
        bill.append(read("organizations", "ListAccounts"))
        return [
            self.visit(3, CORE, EDGE, "ledgerline-billing", bill),
            self.visit(2, PROD, HOME, "ledgerline-usage", idle),
        ]

    def _month(self) -> Json:
        today = self.company.day
        return {"Start": f"{today - timedelta(days=30)}", "End": f"{today}"}

    def _usage(self, draw: Draw) -> Call:
        request: Json = {
            "TimePeriod": self._month(),
            "Granularity": draw.pick(("DAILY", "HOURLY", "MONTHLY")),
            "Metrics": ["AmortizedCost", "UsageQuantity"],
            "GroupBy": [{"Type": "DIMENSION", "Key": draw.pick(("SERVICE", "USAGE_TYPE", "REGION"))}],
        }
        return Call("ce", "GetCostAndUsage", request)

    def _metrics(self, draw: Draw) -> Call:
        machine = draw.pick(self.company.fleet("api", "worker"))
        request: Json = {
            "namespace": "AWS/EC2",
            "metricName": "CPUUtilization",
            "dimensions": [{"name": "InstanceId", "value": machine.id}],
            "startTime": self.company.stamp(draw.now - 24 * HOUR),
            "endTime": self.company.stamp(draw.now),
            "period": 3600,
            "statistics": ["Average"],
        }
        return Call("monitoring", "GetMetricStatistics", request, data=True)
