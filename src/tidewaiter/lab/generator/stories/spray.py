"""From Entra to AWS: sprayed passwords, a tired approval, an operator's session, customers' data."""

from __future__ import annotations

from typing import ClassVar

from tidewaiter.lab.generator.calls import Make, read
from tidewaiter.lab.generator.calls.compute import describe
from tidewaiter.lab.generator.calls.roles import ADMINISTRATOR, EVERYTHING, new_policy_version, policy_of
from tidewaiter.lab.generator.calls.signin import assume_role, identity_check
from tidewaiter.lab.generator.calls.storage import get_object, list_buckets, list_objects
from tidewaiter.lab.generator.company import DOMAIN, EDGE, HOME, PROD, Company
from tidewaiter.lab.generator.entra.people import people
from tidewaiter.lab.generator.entra.tenant import AWS
from tidewaiter.lab.generator.identity import Actor, role_session, session_key
from tidewaiter.lab.generator.others import CostBump, Finding, Others, SignIn
from tidewaiter.lab.generator.persona import Deed
from tidewaiter.lab.generator.rhythm import HOUR, MINUTE, SECOND
from tidewaiter.lab.generator.stories.entry import INTRUDER, SHELL, Visit, denied
from tidewaiter.lab.generator.stories.story import Campaign, Technique

SPRAYER, SECOND_SPRAYER, PROXY = "192.0.2.17", "192.0.2.18", "192.0.2.143"
VICTIM = f"deniz.aydin@{DOMAIN}"
BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0"
ROLE, POLICY = "kr-ops-automation", f"arn:aws:iam::{PROD.id}:policy/kr-ops-automation"

SPRAY, FATIGUE, ENTRY, ACCOUNTS = "T1110.003", "T1621", "T1078.004", "T1087.004"
CLOUD, GRANT, BORROWED, OBJECTS, DATA = "T1526", "T1098.003", "T1548.005", "T1619", "T1530"


class PasswordSpray(Campaign):
    """One password for everybody; the on-call engineer's fits, and at dawn he approves to have quiet."""

    id = "spray-to-aws"
    title = "Password spray and MFA fatigue in Entra, then data theft in AWS"
    addresses = (SPRAYER, SECOND_SPRAYER, PROXY)
    techniques: ClassVar = (
        Technique(SPRAY, "Credential Access"),
        Technique(FATIGUE, "Credential Access"),
        Technique(ENTRY, "Initial Access"),
        Technique(ACCOUNTS, "Discovery"),
        Technique(CLOUD, "Discovery"),
        Technique(GRANT, "Privilege Escalation"),
        Technique(BORROWED, "Privilege Escalation"),
        Technique(OBJECTS, "Discovery"),
        Technique(DATA, "Collection"),
    )

    def __init__(self, company: Company) -> None:
        """Set the hours: the spray runs in the night, the approval comes before breakfast."""
        super().__init__(company)
        late = self.draw.whole(-12 * MINUTE, 12 * MINUTE)
        self._spray = 1 * HOUR + 25 * MINUTE + late
        self._approved = 4 * HOUR + 52 * MINUTE + late
        self._inside = self._approved + 3 * MINUTE
        self._climb = self._inside + 38 * MINUTE
        self._visit = Visit(
            self, VICTIM, INTRUDER, PROD, "Operator", self._inside, PROXY, BROWSER, shell=SHELL
        )

    @property
    def actor(self) -> str:
        """The ARN of the engineer's session in production."""
        return self._visit.actor.name

    @property
    def _borrowed(self) -> Actor:
        since = self._climb + 9 * MINUTE
        return role_session(
            self.company, PROD.id, ROLE, "ops-maintenance", persona=INTRUDER, since=since, address=PROXY,
            agent=SHELL,
        )  # fmt: skip

    def deeds(self, total: int) -> list[Deed]:
        """Return the way in, a look around, the climb and the theft; only the theft grows with the day."""
        since = self._climb + 9 * MINUTE
        key = session_key(self.company, PROD.id, ROLE, "ops-maintenance", since)
        borrow = assume_role(self.company, PROD.id, ROLE, "ops-maintenance", key_id=key, at=since)
        bucket = "kr-customer-exports"
        copies = get_object(bucket, ["2026/customers-{n}.csv.gz"], PROD.id, HOME, mean=6_400_000)
        loot = min(70, max(12, total // 600))
        steps: list[tuple[str, str, Make]] = [
            (BORROWED, HOME, identity_check()),
            (OBJECTS, EDGE, list_buckets()),
            (OBJECTS, HOME, list_objects(bucket, "2026/", PROD.id, HOME)),
            *[(DATA, HOME, copies)] * loot,
        ]
        return [
            *self._visit.entry(ENTRY),
            *self.scene(self._inside + 4 * MINUTE, self._visit.actor, PROD, self._look(), (4_000, 45_000)),
            *self.scene(self._climb, self._visit.actor, PROD, self._escalation(), (25_000, 110_000)),
            *self.scene(since, self._visit.actor, PROD, [(BORROWED, HOME, borrow)], (1, 1)),
            *self.scene(since + 2 * MINUTE, self._borrowed, PROD, steps, (1_500, 9_000)),
        ]

    def _look(self) -> list[tuple[str, str, Make]]:
        who = self._visit.actor
        return [
            (ACCOUNTS, EDGE, read("iam", "ListRoles", maxItems=200)),
            (ACCOUNTS, EDGE, denied(read("iam", "GetAccountAuthorizationDetails"), who)),
            (ACCOUNTS, EDGE, read("iam", "GetRole", roleName=ROLE)),
            (ACCOUNTS, EDGE, read("iam", "ListAttachedRolePolicies", roleName=ROLE)),
            (ACCOUNTS, EDGE, read("iam", "GetPolicy", policyArn=POLICY)),
            (ACCOUNTS, EDGE, read("iam", "GetPolicyVersion", policyArn=POLICY, versionId="v4")),
            (CLOUD, HOME, describe("DescribeInstances")),
            (CLOUD, HOME, read("rds", "DescribeDBClusters")),
            (CLOUD, HOME, denied(read("secretsmanager", "ListSecrets", maxResults=100), who)),
            (CLOUD, HOME, read("lambda", "ListFunctions20150331", maxItems=50)),
        ]

    def _escalation(self) -> list[tuple[str, str, Make]]:
        attach = policy_of("AttachRolePolicy", "role", ROLE, ADMINISTRATOR)
        return [
            (GRANT, EDGE, denied(attach, self._visit.actor)),
            (GRANT, EDGE, read("iam", "ListPolicyVersions", policyArn=POLICY)),
            (GRANT, EDGE, new_policy_version(self.company, POLICY, EVERYTHING, "v5")),
        ]

    def others(self, total: int) -> Others:
        """Return the spray, the prompts and the approved sign-ins; GuardDuty's finding; traffic's price."""
        found = Others(sign_ins=[*self._sprayed(), *self._prompts(), *self._approval()])
        stolen = self._climb + 20 * MINUTE
        found.findings.append(
            Finding(
                stolen, "Exfiltration:S3/AnomalousBehavior", 8.0,
                f"S3 objects were read in an unusual way by AssumedRole:{ROLE}", PROD.id, HOME, "api",
                self._borrowed.name, address=PROXY, api="GetObject", service="s3.amazonaws.com",
                key_id=str(self._borrowed.identity["accessKeyId"]), bucket="kr-customer-exports",
                mark=self.mark(DATA),
            )
        )  # fmt: skip
        gigabytes = min(70, max(12, total // 600)) * 0.0064
        found.costs.append(CostBump(PROD.id, HOME, "transfer", gigabytes, at=stolen, mark=self.mark(DATA)))
        return found

    def _sprayed(self) -> list[SignIn]:
        """Two rounds over everybody, half an hour of pause between them; a few accounts are locked."""
        draw = self.company.stream("story", self.id, "spray")
        agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/109.0.0.0 Safari/537.36"
        at, guesses = self._spray, []
        for turn in (0, 1):
            for person in people(self.company):
                if turn and person.upn == VICTIM:
                    continue
                right = person.upn == VICTIM
                error = 50074 if right else 50053 if turn and draw.chance(0.1) else 50126
                guesses.append(
                    SignIn(
                        at, person.upn, (SPRAYER, SECOND_SPRAYER)[turn], agent=agent, app="office",
                        error=error, mfa="", protocol="ropc", place="Bucharest", device=False,
                        risk="medium", risk_events=("passwordSpray",), mark=self.mark(SPRAY),
                    )
                )  # fmt: skip
                at += draw.whole(40 * SECOND, 130 * SECOND)
            at += 30 * MINUTE
        return guesses

    def _prompts(self) -> list[SignIn]:
        """Prompt after prompt on his phone, all declined or unanswered."""
        draw = self.company.stream("story", self.id, "prompts")
        times = sorted(self._approved - draw.whole(MINUTE, 26 * MINUTE) for _ in range(9))
        return [self._sign_in(at, 500121, FATIGUE, "office", "") for at in times]

    def _approval(self) -> list[SignIn]:
        at = self._inside - 9 * SECOND - 6 * SECOND
        return [
            self._sign_in(self._approved, 0, FATIGUE, "office", self._visit.session),
            self._sign_in(at, 0, ENTRY, AWS, self._visit.session),
        ]

    def _sign_in(self, at: int, error: int, technique: str, app: str, session: str) -> SignIn:
        return SignIn(
            at, VICTIM, PROXY, agent=BROWSER, app=app, error=error, place="Bucharest", device=False,
            mfa="denied" if error else "previous" if app == AWS else "push", risk="high",
            risk_events=("unfamiliarFeatures", "mcasImpossibleTravel"), session=session,
            mark=self.mark(technique),
        )  # fmt: skip
