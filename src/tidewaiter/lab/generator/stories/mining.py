"""Mining on the company's bill: a machine taken over, graphics processors in a region nobody uses."""

from __future__ import annotations

from typing import ClassVar

from tidewaiter.lab.generator.calls import Make, read
from tidewaiter.lab.generator.calls.compute import describe
from tidewaiter.lab.generator.calls.launches import (
    ask_quota,
    launch,
    make_group,
    make_key_pair,
    protect_machine,
)
from tidewaiter.lab.generator.calls.signin import identity_check
from tidewaiter.lab.generator.company import EDGE, PROD, Company
from tidewaiter.lab.generator.identity import Actor
from tidewaiter.lab.generator.others import Connection, CostBump, DnsQuery, Finding, Others
from tidewaiter.lab.generator.persona import Deed
from tidewaiter.lab.generator.rhythm import DAY, HOUR, MINUTE, SECOND
from tidewaiter.lab.generator.stories.entry import denied, stolen
from tidewaiter.lab.generator.stories.story import Campaign, Technique

BREAKER, POOL = "192.0.2.33", "192.0.2.160"
POOL_NAME, POOL_PORT = "xmr-eu1.hashvein.example", 3333
UNUSED, SECOND_UNUSED = "ap-southeast-1", "sa-east-1"
KIND = "g5.12xlarge"
QUOTA = ("L-DB2E81BA", "Running On-Demand G and VT instances")
TOOL = "aws-cli/2.9.19 Python/3.11.2 Linux/6.1.158 source/aarch64.debian.12 prompt/off"

EXPLOIT, ENTRY, CLOUD, REGION, CREATE, MINE = (
    "T1190", "T1078.004", "T1580", "T1535", "T1578.002", "T1496.001",
)  # fmt: skip


class Mining(Campaign):
    """Somebody finds an open port at the edge, and a role that may start machines anywhere."""

    id = "gpu-mining"
    title = "Cryptomining: GPU instances started in an unused region"
    addresses = (BREAKER, POOL)
    techniques: ClassVar = (
        Technique(EXPLOIT, "Initial Access"),
        Technique(ENTRY, "Privilege Escalation"),
        Technique(CLOUD, "Discovery"),
        Technique(REGION, "Defense Evasion"),
        Technique(CREATE, "Defense Evasion"),
        Technique(MINE, "Impact"),
    )

    def __init__(self, company: Company) -> None:
        """Choose the machine and name those that will be started."""
        super().__init__(company)
        late = self.draw.whole(-15 * MINUTE, 15 * MINUTE)
        self._exploit = 16 * HOUR + 40 * MINUTE + late
        self._use = self._exploit + 12 * MINUTE
        self._prepare = self._use + 9 * MINUTE
        self._launch = self._prepare + 44 * MINUTE
        self._mine = self._launch + 8 * MINUTE
        self._machine = company.fleet("edge")[1]
        self._session = stolen(company, self._machine, self._use, TOOL)
        self._miners = [company.hex_id("i", self.id, str(number)) for number in range(8)]

    @property
    def actor(self) -> str:
        """The ARN of the edge machine's session."""
        return self._session.name

    def deeds(self, total: int) -> list[Deed]:
        """Return the look around, preparations in the unused region, the launches and the later looks."""
        del total
        session = stolen(self.company, self._machine, self._launch, TOOL)
        watch = describe("DescribeInstances")
        checks: list[Deed] = []
        for number in range(1, 5):
            at = self._launch + number * 55 * MINUTE
            who = stolen(self.company, self._machine, at, TOOL)
            checks += self.scene(at, who, PROD, [(CREATE, UNUSED, watch)], (1, 1))
        return [
            *self.scene(self._use, self._session, PROD, self._look(), (2_000, 25_000)),
            *self.scene(self._prepare, self._session, PROD, self._preparation(), (6_000, 50_000)),
            *self.scene(self._launch, session, PROD, self._launches(session), (4_000, 40_000)),
            *checks,
        ]

    def _look(self) -> list[tuple[str, str, Make]]:
        who = self._session
        return [
            (ENTRY, EDGE, identity_check()),
            (CLOUD, EDGE, read("iam", "ListAttachedRolePolicies", roleName=self._machine.role)),
            (CLOUD, EDGE, denied(read("iam", "ListRoles"), who)),
            (CLOUD, EDGE, describe("DescribeRegions", allRegions=True)),
            (CLOUD, EDGE, describe("DescribeInstances")),
            (CLOUD, EDGE, read("servicequotas", "GetServiceQuota", serviceCode="ec2", quotaCode=QUOTA[0])),
        ]

    def _preparation(self) -> list[tuple[str, str, Make]]:
        """A refused start where the quota is small, then everything anew where nobody looks."""
        small = (
            "Client.VcpuLimitExceeded",
            "You have requested more vCPU capacity than your current vCPU limit of 8 allows for the instance "
            "bucket that the specified instance type belongs to. Please visit "
            "http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.",
        )
        quota = read("servicequotas", "GetServiceQuota", serviceCode="ec2", quotaCode=QUOTA[0])
        group = self.company.hex_id("sg", self.id)
        vpc = self.company.hex_id("vpc", PROD.id, UNUSED)
        return [
            (REGION, UNUSED, describe("DescribeVpcs")),
            (REGION, UNUSED, describe("DescribeSubnets")),
            (REGION, UNUSED, describe("DescribeImages", ownersSet={"items": [{"owner": "amazon"}]})),
            (REGION, UNUSED, quota),
            (REGION, UNUSED, ask_quota(PROD.id, UNUSED, *QUOTA, 768.0, self.actor)),
            (REGION, UNUSED, make_key_pair("render-node")),
            (REGION, UNUSED, make_group("render-node", "render nodes", group, vpc)),
            (CREATE, EDGE, self._start(EDGE, "a", 4, small)),
        ]

    def _start(self, region: str, zone: str, count: int, error: tuple[str, str] | None = None) -> Make:
        image = self.company.hex_id("ami", self.id, region)
        group = self.company.hex_id("sg", self.id) if region == UNUSED else ""
        machines = [] if error else self._miners[:count] if zone == "b" else self._miners[count:]
        return launch(
            PROD.id, KIND, image, f"{region}{zone}", machines, count=count, key_pair="render-node",
            group=group, error=error,
        )  # fmt: skip

    def _launches(self, who: Actor) -> list[tuple[str, str, Make]]:
        full = (
            "Server.InsufficientInstanceCapacity",
            f"We currently do not have sufficient {KIND} capacity in the Availability Zone you requested.",
        )
        refused = denied(self._start(SECOND_UNUSED, "a", 4), who)
        guarded = [(CREATE, UNUSED, protect_machine(each)) for each in self._miners[:3]]
        return [
            (CREATE, UNUSED, self._start(UNUSED, "a", 4, full)),
            (CREATE, UNUSED, self._start(UNUSED, "b", 4)),
            (CREATE, UNUSED, self._start(UNUSED, "c", 4)),
            *guarded,
            (CREATE, SECOND_UNUSED, refused),
        ]

    def others(self, total: int) -> Others:
        """Return the break-in and the pool on the wire and in DNS, GuardDuty's findings, and the bill."""
        del total
        draw = self.company.stream("story", self.id, "others")
        machine, found = self._machine, Others()
        found.flows = [
            Connection(
                self._exploit + number * 40 * SECOND, machine.id, BREAKER, 8080, sent=draw.whole(800, 9_000),
                received=draw.whole(600, 60_000), inward=True, mark=self.mark(EXPLOIT),
            )
            for number in range(9)
        ]  # fmt: skip
        beat = 11 * MINUTE
        for number in range((DAY - 5 * MINUTE - self._mine) // beat):
            at = self._mine + number * beat + draw.whole(0, 40 * SECOND)
            found.dns.append(
                DnsQuery(at, machine.id, POOL_NAME, answers=(("A", POOL),), mark=self.mark(MINE))
            )
            found.flows.append(
                Connection(
                    at + SECOND, machine.id, POOL, POOL_PORT, sent=draw.whole(18_000, 60_000),
                    received=draw.whole(30_000, 110_000), mark=self.mark(MINE),
                )
            )  # fmt: skip
        found.findings = self._findings()
        hours = (DAY - self._launch) / HOUR
        found.costs = [
            CostBump(
                PROD.id, UNUSED, f"ec2:{KIND}", round(hours * len(self._miners), 2), tuple(self._miners),
                self._launch, mark=self.mark(MINE),
            )
        ]  # fmt: skip
        return found

    def _findings(self) -> list[Finding]:
        machine, at = self._machine, self._mine + 9 * MINUTE
        again = tuple(at + hours * HOUR for hours in (1, 2, 3))
        return [
            Finding(
                at, "CryptoCurrency:EC2/BitcoinTool.B!DNS", 8.0,
                f"{machine.id} queried a domain name that is associated with cryptocurrency", PROD.id,
                machine.region, "dns", machine.id, domain=POOL_NAME, repeats=again, mark=self.mark(MINE),
            ),
            Finding(
                at + 2 * MINUTE, "CryptoCurrency:EC2/BitcoinTool.B", 8.0,
                f"{machine.id} communicates with an address that is associated with cryptocurrency", PROD.id,
                machine.region, "network", machine.id, address=POOL, port=POOL_PORT, repeats=again,
                mark=self.mark(MINE),
            ),
        ]  # fmt: skip
