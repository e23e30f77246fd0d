"""A leaked access key: reconnaissance, persistence through others, a blinded trail, stolen data."""

from __future__ import annotations

from typing import ClassVar

from tidewaiter.lab.generator.calls import Make, read
from tidewaiter.lab.generator.calls.call import Json
from tidewaiter.lab.generator.calls.compute import describe
from tidewaiter.lab.generator.calls.iam import create_access_key, login_profile, trust_policy, update_trust
from tidewaiter.lab.generator.calls.signin import identity_check
from tidewaiter.lab.generator.calls.storage import (
    bucket_setting,
    decrypt,
    get_object,
    get_secret,
    list_buckets,
    list_objects,
)
from tidewaiter.lab.generator.calls.trails import by_name, put_selectors, refused
from tidewaiter.lab.generator.company import (
    BUCKETS,
    EDGE,
    HOME,
    PROD,
    PROD_TRAIL,
    SECRETS,
    SPARE,
    STRANGER,
    Company,
    trail_arn,
)
from tidewaiter.lab.generator.identity import Actor, iam_user
from tidewaiter.lab.generator.others import Connection, Others
from tidewaiter.lab.generator.persona import Deed
from tidewaiter.lab.generator.personas.keyholders import OPERATOR
from tidewaiter.lab.generator.rhythm import HOUR, MINUTE, SECOND
from tidewaiter.lab.generator.stories.entry import INTRUDER, SCRIPT, SHELL, denied
from tidewaiter.lab.generator.stories.story import Campaign, Technique

FIRST_ADDRESS, SECOND_ADDRESS = "192.0.2.181", "192.0.2.66"

ENTRY, ACCOUNTS, CLOUD, OBJECTS = "T1078.004", "T1087.004", "T1580", "T1619"
CREDENTIALS, MANIPULATION, LOGS, VAULT, DATA = "T1098.001", "T1098", "T1562.008", "T1555.006", "T1530"
BEACONS, CHANNEL = "T1571", "T1041"

SPARE_USER = "svc-report-export"
"""A service user nobody looks after; the intruder makes a second key for it."""
DORMANT_USER, FORMER_USER = "a.petrov", "j.marlow"
VENDOR_ROLE = "kr-vendor-readonly"


class LeakedKey(Campaign):
    """The access key of an operations engineer lies in a public repository; someone finds it."""

    id = "leaked-access-key"
    title = "Leaked access key: persistence, trail tampering and data theft"
    addresses = (FIRST_ADDRESS, SECOND_ADDRESS)
    techniques: ClassVar = (
        Technique(ENTRY, "Initial Access"),
        Technique(ACCOUNTS, "Discovery"),
        Technique(CLOUD, "Discovery"),
        Technique(OBJECTS, "Discovery"),
        Technique(CREDENTIALS, "Persistence"),
        Technique(MANIPULATION, "Persistence"),
        Technique(BEACONS, "Command and Control"),
        Technique(LOGS, "Defense Evasion"),
        Technique(VAULT, "Credential Access"),
        Technique(DATA, "Collection"),
        Technique(CHANNEL, "Exfiltration"),
    )

    def __init__(self, company: Company) -> None:
        """Take the leaked key."""
        super().__init__(company)
        self._explorer = self._with_key(OPERATOR, "first", FIRST_ADDRESS, SCRIPT)
        self._hands_on = self._with_key(OPERATOR, "first", FIRST_ADDRESS, SHELL)
        self._second_key = self._with_key(SPARE_USER, "backdoor", SECOND_ADDRESS, SHELL)
        self._late = self.draw.whole(-18 * MINUTE, 18 * MINUTE)

    @property
    def actor(self) -> str:
        """The ARN of the user whose key leaked."""
        return self._hands_on.name

    def _with_key(self, user: str, key: str, address: str, agent: str) -> Actor:
        return iam_user(self.company, PROD.id, user, persona=INTRUDER, address=address, agent=agent, key=key)

    def deeds(self, total: int) -> list[Deed]:
        """Return the five acts; only the theft grows with the day."""
        late = self._late
        explore = 6 * HOUR + 42 * MINUTE + late
        persist = 9 * HOUR + 18 * MINUTE + late
        blind = persist + 41 * MINUTE
        steal = 13 * HOUR + 37 * MINUTE + late
        loot = min(90, max(10, total // 400))
        return [
            *self.scene(explore, self._explorer, PROD, self._exploration(), (700, 14_000)),
            *self.scene(persist, self._hands_on, PROD, self._persistence(), (20_000, 140_000)),
            *self.scene(blind, self._hands_on, PROD, self._evasion(), (9_000, 70_000)),
            *self._theft(steal, loot),
        ]

    def others(self, total: int) -> Others:
        """Return a shell on the bastion, and the beacons of an implant on a worker: more on busier days."""
        found = Others()
        bastion, worker = self.company.fleet("bastion")[0].id, self.company.fleet("worker")[0].id
        shell = 9 * HOUR + 4 * MINUTE + self._late
        draw = self.company.stream("story", self.id, "network")
        for minute in range(min(12, max(4, total // 1_500))):
            sizes = draw.whole(2_000, 60_000), draw.whole(900, 20_000)
            at = shell + minute * MINUTE
            mark = self.mark(ENTRY)
            found.flows.append(Connection(at, bastion, FIRST_ADDRESS, 22, *sizes, inward=True, mark=mark))
        beacons = min(60, max(6, total // 300))
        for number in range(beacons):
            at = shell + 20 * MINUTE + number * (10 * HOUR // beacons) + draw.whole(0, 20 * SECOND)
            carries = number == beacons // 2
            sent, mark = (48_000_000, self.mark(CHANNEL)) if carries else (500, self.mark(BEACONS))
            found.flows.append(Connection(at, worker, SECOND_ADDRESS, 8443, sent, 400, mark=mark))
        return found

    def _exploration(self) -> list[tuple[str, str, Make]]:
        user = read("iam", "GetUser")
        groups = [
            (ENTRY, HOME, identity_check()),
            (ACCOUNTS, EDGE, user),
            (ACCOUNTS, EDGE, read("iam", "ListAttachedUserPolicies", userName=OPERATOR)),
            (ACCOUNTS, EDGE, denied(read("iam", "GetAccountAuthorizationDetails"), self._explorer)),
            (ACCOUNTS, EDGE, read("iam", "ListUsers")),
            (ACCOUNTS, EDGE, read("iam", "ListRoles")),
            (ACCOUNTS, EDGE, read("iam", "ListAccessKeys", userName=SPARE_USER)),
            (ACCOUNTS, EDGE, read("iam", "GetLoginProfile", userName=FORMER_USER)),
            (ACCOUNTS, EDGE, denied(read("organizations", "ListAccounts"), self._explorer)),
        ]
        for region in (HOME, EDGE, SPARE):
            groups.append((CLOUD, region, describe("DescribeInstances")))
            groups.append((CLOUD, region, describe("DescribeSecurityGroups")))
        groups += [
            (CLOUD, HOME, read("rds", "DescribeDBInstances")),
            (CLOUD, HOME, denied(read("lambda", "ListFunctions20150331"), self._explorer)),
            (CLOUD, HOME, denied(read("guardduty", "ListDetectors"), self._explorer)),
            (CLOUD, HOME, read("cloudtrail", "DescribeTrails")),
            (OBJECTS, EDGE, list_buckets()),
            (OBJECTS, HOME, bucket_setting("GetBucketAcl", BUCKETS[PROD.id], PROD.id, HOME)),
            (OBJECTS, HOME, bucket_setting("GetBucketPolicyStatus", BUCKETS[PROD.id], PROD.id, HOME)),
        ]
        return groups

    def _persistence(self) -> list[tuple[str, str, Make]]:
        key = self.company.unique_id("AKIA", PROD.id, SPARE_USER, "backdoor")
        stranger: Json = {"AWS": [f"arn:aws:iam::{PROD.id}:root", f"arn:aws:iam::{STRANGER}:root"]}
        return [
            (CREDENTIALS, EDGE, create_access_key(self.company, SPARE_USER, key)),
            (MANIPULATION, EDGE, login_profile(self.company, "CreateLoginProfile", DORMANT_USER)),
            (MANIPULATION, EDGE, login_profile(self.company, "UpdateLoginProfile", FORMER_USER)),
            (MANIPULATION, EDGE, update_trust(VENDOR_ROLE, trust_policy(stranger))),
        ]

    def _evasion(self) -> list[tuple[str, str, Make]]:
        arn = trail_arn(PROD, PROD_TRAIL)
        blind = put_selectors(
            PROD_TRAIL, arn, management=False, writes="ReadOnly", buckets=("kr-web-assets",)
        )
        return [
            (LOGS, HOME, by_name("GetTrailStatus", PROD_TRAIL)),
            (LOGS, HOME, read("cloudtrail", "GetEventSelectors", trailName=PROD_TRAIL)),
            (LOGS, HOME, blind),
            (LOGS, HOME, by_name("StopLogging", arn)),
            (LOGS, HOME, refused("DeleteTrail", PROD_TRAIL, arn, self.actor)),
        ]

    def _theft(self, start: int, loot: int) -> list[Deed]:
        key = self.company.key_arn(PROD.id, HOME, "secrets")
        check = [
            (ENTRY, HOME, identity_check()),
            (VAULT, HOME, read("secretsmanager", "ListSecrets", maxResults=100)),
        ]
        deeds = self.scene(start, self._second_key, PROD, check, (2_000, 20_000))
        vault = self._second_key.through("secretsmanager.amazonaws.com")
        at = start + 2 * MINUTE
        for name in SECRETS[:5]:
            arn = self.company.secret_arn(name)
            context: Json = {"SecretARN": arn, "SecretVersionId": self.company.uuid("version", name)}
            deeds += self.scene(at, self._second_key, PROD, [(VAULT, HOME, get_secret(arn))], (1, 1))
            deeds += self.scene(at, vault, PROD, [(VAULT, HOME, decrypt(key, PROD.id, context))], (1, 1))
            at += self.draw.whole(1_500, 9_000)
        bucket = "kr-customer-exports"
        copies = get_object(bucket, ["2026/customers-{n}.csv.gz"], PROD.id, HOME, mean=5_200_000)
        steps = [(DATA, HOME, list_objects(bucket, "2026/", PROD.id, HOME))] + [(DATA, HOME, copies)] * loot
        return deeds + self.scene(at + 6 * MINUTE, self._second_key, PROD, steps, (250, 4_000))
