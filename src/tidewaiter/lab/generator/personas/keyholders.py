"""IAM users that are still there: two people with console passwords and MFA, and a partner's key."""

from __future__ import annotations

from typing import ClassVar

from tidewaiter.lab.generator.calls import Make, read
from tidewaiter.lab.generator.calls.signin import console_login, identity_check
from tidewaiter.lab.generator.calls.storage import list_objects, put_object
from tidewaiter.lab.generator.company import DEV, EDGE, HOME, PROD, Account
from tidewaiter.lab.generator.identity import Actor, Sessions, iam_user
from tidewaiter.lab.generator.persona import Beat, Habit, Kind, Machine, Sittings
from tidewaiter.lab.generator.personas import tasks
from tidewaiter.lab.generator.personas.staff import CHROME, COMMAND_LINE, FIREFOX, HAMBURG, WINDOWS
from tidewaiter.lab.generator.rhythm import DAY, EARLY, OFFICE, SECOND

OPERATOR, CONTRACTOR, PARTNER = "t.okafor", "r.mcallister", "svc-partner-sync"
CONTRACTOR_ADDRESS = "198.51.100.38"
CONTRACTOR_SHELL = COMMAND_LINE.format(os="windows#11", arch="amd64")
ROTATED = "second"
"""Name of the contractor's key since this morning's rotation (stories/rotation.py)."""
OPERATOR_SHELL = "aws-cli/1.44.9 md/Botocore#1.42.9 ua/2.1 os/linux#6.1.0 md/arch#x86_64 lang/python#3.11.2"


class KeyHolder(Sittings):
    """An IAM user with a password, an MFA device and an access key."""

    kind: ClassVar[Kind] = "iam_user"
    ceiling = 400
    home: ClassVar[Account]
    address: ClassVar[str]
    browser: ClassVar[str]
    shell: ClassVar[str]
    wrong_passwords: ClassVar[int] = 1
    key: ClassVar[str] = "first"

    def actor(self, habit: Habit, since: int) -> Actor:
        """Return the user in the console session or with the access key."""
        return iam_user(
            self.company,
            self.home.id,
            self.id,
            persona=self.id,
            address=self.address,
            agent=self.browser if habit.console else self.shell,
            key=f"console-{self.company.instant(since)}" if habit.console else self.key,
            console_since=since if habit.console else None,
        )

    def sign_in(self, habit: Habit, at: int, first: bool) -> list[tuple[int, Actor, Account, str, Make]]:
        """Return the mistyped passwords and the login with MFA; a key needs no sign-in, only a check."""
        del first
        if not habit.console:
            return [(0, self.actor(habit, at), self.home, EDGE, identity_check())]
        device = f"arn:aws:iam::{self.home.id}:mfa/{self.id}"
        wrong = self.at_the_door(known=False)
        events: list[tuple[int, Actor, Account, str, Make]] = [
            (14 * SECOND - 6 * SECOND * number, wrong, self.home, EDGE, login)
            for number, login in enumerate(
                [console_login(mfa="", success=False, region=EDGE)] * self.wrong_passwords
            )
        ]
        events.append((0, self.at_the_door(), self.home, EDGE, console_login(mfa=device, region=EDGE)))
        return events

    def at_the_door(self, *, known: bool = True) -> Actor:
        """Return the identity of a ConsoleLogin record, which has no session; without ARN when it failed."""
        user = iam_user(
            self.company, self.home.id, self.id, persona=self.id, address=self.address, agent=self.browser
        )
        hidden = {"accessKeyId"} if known else {"arn"}
        identity = {key: value for key, value in user.identity.items() if key not in hidden}
        if not known:
            identity["accessKeyId"] = ""
        return Actor(self.id, self.home.id, user.name, identity, self.address, self.browser)


class Operator(KeyHolder):
    """Tunde has run operations since before Identity Center; his key lies in old scripts."""

    id = OPERATOR
    description = (
        "Operations engineer in Hamburg with an IAM user from earlier days: console with MFA, scripts"
    )
    share = 0.8
    home = PROD
    rhythm = EARLY
    address = HAMBURG
    browser = FIREFOX
    shell = OPERATOR_SHELL
    mishaps = ((0.015, "denied"),)

    def habits(self) -> list[Habit]:
        """Return console pages and the scripts of the morning."""
        fleet = self.company.fleet("web", "api", "worker")
        return [
            Habit(2, PROD, HOME, tasks.instance_pages(fleet)),
            Habit(1, PROD, HOME, tasks.cluster_pages()),
            Habit(3, PROD, HOME, tasks.network_pages(fleet), console=False, gap=(200, 900)),
            Habit(1, PROD, HOME, tasks.alarm_pages(), console=False, gap=(200, 900)),
        ]


class Contractor(KeyHolder):
    """Rhona works for an agency in New York and mistypes her password."""

    id = CONTRACTOR
    description = "Contractor in New York (UTC-4) with an IAM user in development; console with MFA, own key"
    share = 0.6
    home = DEV
    rhythm = OFFICE
    utc_offset = -4.0
    address = CONTRACTOR_ADDRESS
    browser = CHROME.format(os=WINDOWS)
    shell = CONTRACTOR_SHELL
    wrong_passwords = 2
    key = ROTATED
    mishaps = ((0.05, "denied"),)

    def habits(self) -> list[Habit]:
        """Return function pages, deployments and buckets of the development account."""
        return [
            Habit(2, DEV, HOME, tasks.function_pages(DEV, HOME)),
            Habit(2, DEV, HOME, tasks.publish_function(DEV, HOME), console=False, gap=(900, 4000)),
            Habit(1, DEV, HOME, tasks.bucket_pages(DEV, HOME), console=False, gap=(300, 2000)),
        ]


class Partner(Machine):
    """A partner's server drops customs files through a long-lived key."""

    id = PARTNER
    kind = "iam_user"
    description = "A customs broker's server that uploads files with an IAM user's key, around the clock"
    share = 1.5
    gap = (150, 2500)
    mishaps = ((0.004, "throttled"),)

    def routines(self) -> list[Beat]:
        """Return listing the inbox and dropping files."""
        server = iam_user(
            self.company,
            PROD.id,
            PARTNER,
            persona=self.id,
            address="198.51.100.77",
            agent="rclone/v1.71.2",
        )
        bucket = "kr-partner-inbox"
        drop = put_object(
            bucket, ["edi/in/CUSDEC-{n}.edi", "edi/in/CUSRES-{n}.edi"], PROD.id, HOME, mean=9000
        )
        calls = [list_objects(bucket, "edi/in/", PROD.id, HOME), drop, drop, drop]
        always = Sessions(lambda _since: server, lifetime=DAY)
        return [
            Beat(12, PROD, HOME, always, calls),
            Beat(1, PROD, EDGE, always, [read("sts", "GetCallerIdentity")]),
        ]
