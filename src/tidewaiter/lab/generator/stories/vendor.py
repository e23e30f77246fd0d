"""Supply chain: the monitoring vendor's own key opens its customers' accounts, from a new network."""

from __future__ import annotations

from typing import ClassVar

from tidewaiter.lab.generator.calls import Make, read, write
from tidewaiter.lab.generator.calls.command import assign, instance_arn, run_command
from tidewaiter.lab.generator.calls.compute import describe
from tidewaiter.lab.generator.calls.iam import create_access_key
from tidewaiter.lab.generator.calls.roles import ADMINISTRATOR, create_user, policy_of
from tidewaiter.lab.generator.calls.signin import assume_role, identity_check
from tidewaiter.lab.generator.calls.storage import list_buckets
from tidewaiter.lab.generator.calls.trails import refused
from tidewaiter.lab.generator.company import (
    CORE,
    EDGE,
    HOME,
    MONITORING_VENDOR,
    PROD,
    PROD_TRAIL,
    Account,
    Company,
    trail_arn,
)
from tidewaiter.lab.generator.findings.guardduty import detector
from tidewaiter.lab.generator.identity import Actor, iam_user, outside_account, role_session, session_key
from tidewaiter.lab.generator.others import Connection, DnsQuery, Finding, Others
from tidewaiter.lab.generator.persona import Deed
from tidewaiter.lab.generator.personas.pollers import VENDOR_AGENT, MonitoringVendor
from tidewaiter.lab.generator.rhythm import HOUR, MINUTE, SECOND
from tidewaiter.lab.generator.stories.entry import INTRUDER, SHELL, denied
from tidewaiter.lab.generator.stories.story import Campaign, Technique

NETWORK, RELAY = "192.0.2.77", "192.0.2.78"
TUNNEL = "m.observa-relay.example"
"""A domain that looks like the vendor's and is not."""
USER = "observa-support"

TRUST, ACCOUNTS, CLOUD, USERS, KEY, ROLES = (
    "T1199", "T1087.004", "T1580", "T1136.003", "T1098.001", "T1098.003",
)  # fmt: skip
TOOLS, COMMAND, EXFILTRATION = "T1562.001", "T1651", "T1048"


class VendorTakeover(Campaign):
    """The vendor was broken into; the external id is in its database and helps nobody."""

    id = "vendor-role"
    title = "The monitoring vendor's role abused: GuardDuty off, DNS tunnel"
    addresses = (NETWORK, RELAY)
    techniques: ClassVar = (
        Technique(TRUST, "Initial Access"),
        Technique(ACCOUNTS, "Discovery"),
        Technique(CLOUD, "Discovery"),
        Technique(USERS, "Persistence"),
        Technique(KEY, "Persistence"),
        Technique(ROLES, "Persistence"),
        Technique(TOOLS, "Defense Evasion"),
        Technique(COMMAND, "Execution"),
        Technique(EXFILTRATION, "Exfiltration"),
    )

    def __init__(self, company: Company) -> None:
        """Set the hours: between two of the vendor's own polls, all afternoon."""
        super().__init__(company)
        late = self.draw.whole(-12 * MINUTE, 12 * MINUTE)
        self._start = 11 * HOUR + 32 * MINUTE + late
        self._persist = self._start + 29 * MINUTE
        self._blind = self._start + HOUR + 44 * MINUTE
        self._tunnel = self._blind + 31 * MINUTE
        self._worker = company.fleet("worker")[1]

    @property
    def actor(self) -> str:
        """The ARN of the vendor's session in production."""
        return self._session(PROD, self._start).name

    def _session(self, account: Account, since: int) -> Actor:
        return role_session(
            self.company, account.id, MonitoringVendor.role, f"observa-{HOME}", persona=INTRUDER, since=since,
            address=NETWORK, agent=VENDOR_AGENT,
        )  # fmt: skip

    def _opening(self, account: Account, since: int) -> list[Deed]:
        company, name = self.company, f"observa-{HOME}"
        key = session_key(company, account.id, MonitoringVendor.role, name, since)
        external = company.uuid("external-id", account.id)
        make = assume_role(
            company, account.id, MonitoringVendor.role, name, key_id=key, at=since, external_id=external
        )
        vendor = outside_account(
            company, MONITORING_VENDOR, persona=INTRUDER, address=NETWORK, agent=VENDOR_AGENT
        )
        return self.scene(since, vendor, account, [(TRUST, HOME, make)], (1, 1))

    def deeds(self, total: int) -> list[Deed]:
        """Return entry, enumeration, three ways to stay, and the end of the watch; nothing grows."""
        del total
        there = self._session(PROD, self._start)
        core_since = self._persist + 14 * MINUTE
        return [
            *self._opening(PROD, self._start),
            *self.scene(self._start + 8 * SECOND, there, PROD, self._look(there), (900, 30_000)),
            *self.scene(self._persist, there, PROD, self._users(), (18_000, 90_000)),
            *self._opening(CORE, core_since),
            *self._assignment(core_since + 30 * SECOND, self._session(CORE, core_since)),
            *self._off(),
        ]

    def _look(self, who: Actor) -> list[tuple[str, str, Make]]:
        places = [(CLOUD, region, describe("DescribeInstances")) for region in (HOME, EDGE)]
        return [
            (TRUST, HOME, identity_check()),
            (ACCOUNTS, EDGE, read("iam", "ListUsers", maxItems=200)),
            (ACCOUNTS, EDGE, read("iam", "ListRoles", maxItems=200)),
            (ACCOUNTS, EDGE, denied(read("iam", "GetAccountAuthorizationDetails"), who)),
            *places,
            (CLOUD, EDGE, list_buckets()),
            (CLOUD, HOME, read("ssm", "DescribeInstanceInformation", maxResults=50)),
            (CLOUD, HOME, denied(read("secretsmanager", "ListSecrets", maxResults=100), who)),
            (CLOUD, HOME, read("guardduty", "ListDetectors")),
            (CLOUD, HOME, read("config", "DescribeConfigurationRecorders")),
        ]

    def _users(self) -> list[tuple[str, str, Make]]:
        company = self.company
        key = company.unique_id("AKIA", PROD.id, USER, "first")
        return [
            (USERS, EDGE, create_user(company, PROD.id, USER)),
            (KEY, EDGE, create_access_key(company, USER, key)),
            (ROLES, EDGE, policy_of("AttachUserPolicy", "user", USER, ADMINISTRATOR)),
        ]

    def _assignment(self, at: int, who: Actor) -> list[Deed]:
        """In the management account: Identity Center gives administration of production to a dormant user."""
        company = self.company
        sleeper = company.uuid("identity-store", "dormant")
        steps: list[tuple[str, str, Make]] = [
            (ROLES, HOME, read("sso", "ListInstances")),
            (ROLES, HOME, read("sso", "ListPermissionSets", instanceArn=instance_arn(company))),
            (ROLES, HOME, denied(read("organizations", "ListAccounts"), who)),
            (ROLES, HOME, assign(company, PROD.id, "PlatformAdmin", sleeper)),
        ]
        return self.scene(at, who, CORE, steps, (9_000, 60_000))

    def _off(self) -> list[Deed]:
        """With the new user's key: the trail stays by the organisation's guard rail, the rest goes."""
        user = iam_user(
            self.company, PROD.id, USER, persona=INTRUDER, address=RELAY, agent=SHELL, key="first"
        )
        watch = detector(self.company, PROD.id, HOME)
        arn = trail_arn(PROD, PROD_TRAIL)
        steps: list[tuple[str, str, Make]] = [
            (TOOLS, HOME, identity_check()),
            (TOOLS, HOME, read("guardduty", "GetDetector", detectorId=watch)),
            (TOOLS, HOME, refused("StopLogging", PROD_TRAIL, arn, user.name)),
            (TOOLS, HOME, write("guardduty", "UpdateDetector", detectorId=watch, enable=False)),
            (TOOLS, HOME, write("config", "StopConfigurationRecorder", configurationRecorderName="default")),
            (COMMAND, HOME, run_command(self._worker.id)),
        ]
        return self.scene(self._blind, user, PROD, steps, (20_000, 120_000))

    def others(self, total: int) -> Others:
        """Return GuardDuty's last finding, the tunnel in DNS, and the relay on the wire."""
        draw = self.company.stream("story", self.id, "others")
        found = Others()
        who = self._session(PROD, self._start)
        found.findings = [
            Finding(
                self._start + 6 * MINUTE, "Discovery:IAMUser/AnomalousBehavior", 2.0,
                f"APIs of discovery were called in an unusual way by {MonitoringVendor.role}", PROD.id, HOME,
                "api", who.name, address=NETWORK, api="ListUsers", service="iam.amazonaws.com",
                key_id=str(who.identity["accessKeyId"]), mark=self.mark(ACCOUNTS),
            )
        ]  # fmt: skip
        at = self._tunnel
        for number in range(min(240, max(60, total // 250))):
            name = f"{draw.hex(60)}.{draw.hex(60)}.{number:04x}.{TUNNEL}"
            found.dns.append(
                DnsQuery(
                    at, self._worker.id, name, type="TXT", answers=(("TXT", f'"{draw.hex(8)}"'),),
                    transport="UDP", mark=self.mark(EXFILTRATION),
                )
            )  # fmt: skip
            at += draw.whole(2 * SECOND, 25 * SECOND)
        found.flows = [
            Connection(
                self._blind + 11 * MINUTE + number * 3 * MINUTE, self._worker.id, RELAY, 443,
                sent=draw.whole(900, 5_000), received=draw.whole(4_000, 900_000), mark=self.mark(COMMAND),
            )
            for number in range(4)
        ]  # fmt: skip
        return found
