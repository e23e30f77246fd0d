"""People of the company. They sign in through Identity Center; sessions carry their user principal name."""

from __future__ import annotations

from typing import ClassVar

from tidewaiter.lab.generator.calls import Make
from tidewaiter.lab.generator.calls.signin import (
    assume_role_with_saml,
    console_login,
    identity_check,
    portal_choice,
    portal_sign_in,
)
from tidewaiter.lab.generator.company import (
    ACCOUNTS,
    CORE,
    DATA,
    DEV,
    DOMAIN,
    EDGE,
    HOME,
    LOGS,
    PROD,
    SECURITY,
    Account,
)
from tidewaiter.lab.generator.identity import (
    Actor,
    permission_set_role,
    portal_user,
    role_session,
    saml_user,
    session_key,
)
from tidewaiter.lab.generator.persona import Habit, Kind, Sittings
from tidewaiter.lab.generator.personas import tasks
from tidewaiter.lab.generator.rhythm import EARLY, OFFICE, ON_CALL, SECOND

CHROME = "Mozilla/5.0 ({os}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/145.0.0.0 Safari/537.36"
WINDOWS, MAC, LINUX = "Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64"
FIREFOX = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0"
COMMAND_LINE = (
    "aws-cli/2.33.11 md/awscrt#0.29.2 ua/2.1 os/{os} md/arch#{arch} lang/python#3.13.9 "
    "md/pyimpl#CPython m/E,G,Z,b cfg/retry-mode#standard md/installer#exe md/prompt#off"
)
HAMBURG, AUSTIN = "203.0.113.20", "203.0.113.84"


class Staff(Sittings):
    """A member of staff: name, time zone, address, clients and a permission set per account."""

    kind: ClassVar[Kind] = "human"
    ceiling = 700
    rhythm = OFFICE
    user: ClassVar[str]
    sets: ClassVar[dict[str, str]]
    address: ClassVar[str] = HAMBURG
    browser: ClassVar[str] = CHROME.format(os=MAC)
    shell: ClassVar[str] = COMMAND_LINE.format(os="macos#25.3.0", arch="arm64")

    @property
    def upn(self) -> str:
        """The user principal name, which is also the role session name."""
        return f"{self.user}@{DOMAIN}"

    def actor(self, habit: Habit, since: int) -> Actor:
        """Return the person in the role of the habit's account."""
        role, path = permission_set_role(self.company, habit.account.id, self.sets[habit.account.id])
        return role_session(
            self.company,
            habit.account.id,
            role,
            self.upn,
            persona=self.id,
            since=since,
            address=self.address,
            agent=self.browser if habit.console else self.shell,
            path=path,
            console=habit.console,
        )

    def sign_in(self, habit: Habit, at: int, first: bool) -> list[tuple[int, Actor, Account, str, Make]]:
        """Return portal, federation and console login, as far as the door needs them."""
        chosen = self.sets[habit.account.id]
        role, path = permission_set_role(self.company, habit.account.id, chosen)
        key = session_key(self.company, habit.account.id, role, self.upn, at)
        portal = portal_user(
            self.company, upn=self.upn, persona=self.id, since=at, address=self.address, agent=self.browser
        )
        saml = saml_user(self.company, account=habit.account.id, upn=self.upn, persona=self.id)
        there = self.actor(habit, at)
        entry = "Federate" if habit.console else "GetRoleCredentials"
        events: list[tuple[int, Actor, Account, str, Make]] = []
        if first:
            events.append((9 * SECOND, portal, CORE, HOME, portal_sign_in(self.upn)))
        events.append((4 * SECOND, portal, CORE, HOME, portal_choice(entry, habit.account.id, chosen)))
        issued = assume_role_with_saml(self.company, habit.account.id, role, path, self.upn, key, at)
        events.append((SECOND, saml, habit.account, HOME, issued))
        if habit.console:
            events.append((0, there, habit.account, HOME, console_login(mfa="")))
        else:
            events.append((0, there, habit.account, HOME, identity_check()))
        return events


class PlatformEngineer(Staff):
    """Marta looks after accounts, networks and the Terraform code."""

    id = "marta.lindqvist"
    user = "marta.lindqvist"
    description = "Platform engineer in Hamburg; administrator in all accounts, console and command line"
    share = 1.1
    sets: ClassVar = {each.id: "PlatformAdmin" for each in ACCOUNTS}
    mishaps = ((0.008, "denied"), (0.004, "throttled"))

    def habits(self) -> list[Habit]:
        """Return instances, networks, buckets and alarms in production; trails in the core account."""
        fleet = self.company.fleet("web", "api", "worker")
        return [
            Habit(3, PROD, HOME, tasks.instance_pages(fleet)),
            Habit(2, PROD, HOME, tasks.network_pages(fleet), console=False, gap=(300, 2000)),
            Habit(2, PROD, HOME, tasks.cluster_pages()),
            Habit(1, CORE, HOME, tasks.trail_search()),
            Habit(1, LOGS, HOME, tasks.bucket_pages(LOGS, HOME)),
            Habit(1.5, DEV, HOME, tasks.network_pages(self.company.fleet("sandbox"))),
        ]


class ReliabilityEngineer(Staff):
    """Deniz is on call: office hours and some evenings."""

    id = "deniz.aydin"
    user = "deniz.aydin"
    description = "Site reliability engineer on call; production operator, alarms and logs, some evenings"
    share = 1.0
    rhythm = ON_CALL
    weekend = 0.4
    sets: ClassVar = {PROD.id: "Operator"}
    address = "203.0.113.147"
    browser = FIREFOX
    shell = COMMAND_LINE.format(os="linux#6.17.0", arch="x86_64")
    mishaps = ((0.015, "denied"),)

    def habits(self) -> list[Habit]:
        """Return alarms, logs, instances and databases."""
        return [
            Habit(4, PROD, HOME, tasks.alarm_pages()),
            Habit(2, PROD, HOME, tasks.instance_pages(self.company.fleet("api", "worker"))),
            Habit(1, PROD, EDGE, tasks.instance_pages(self.company.fleet("edge")), console=False),
            Habit(2, PROD, HOME, tasks.cluster_pages(), console=False, gap=(300, 2500)),
        ]


class DataEngineer(Staff):
    """Priya works in Pune, over IPv6, on the lake."""

    id = "priya.raghunathan"
    user = "priya.raghunathan"
    description = "Data engineer in Pune (UTC+5:30); Athena queries and the lake's objects"
    share = 1.6
    utc_offset = 5.5
    sets: ClassVar = {DATA.id: "DataEngineer", DEV.id: "Developer"}
    address = "2001:db8:4f2:17::9d3"
    browser = CHROME.format(os=LINUX)
    shell = COMMAND_LINE.format(os="linux#6.14.0", arch="x86_64")
    mishaps = ((0.02, "denied"),)

    def habits(self) -> list[Habit]:
        """Return queries, the reads they cause, and buckets."""
        return [
            Habit(4, DATA, HOME, tasks.query(self.company, DATA, HOME), gap=(300, 4000)),
            Habit(
                3,
                DATA,
                HOME,
                tasks.lake_reads(self.company, DATA, HOME),
                gap=(20, 200),
                through="athena.amazonaws.com",
            ),
            Habit(1, DATA, HOME, tasks.bucket_pages(DATA, HOME)),
            Habit(1, DEV, HOME, tasks.bucket_pages(DEV, HOME), console=False, gap=(300, 2000)),
        ]


class DataScientist(Staff):
    """Tomás starts early, from home."""

    id = "tomas.ferreira"
    user = "tomas.ferreira"
    description = "Data scientist in Lisbon (UTC+0), early hours; queries and object downloads"
    share = 0.9
    rhythm = EARLY
    utc_offset = 0.0
    sets: ClassVar = {DATA.id: "DataReader"}
    address = "198.51.100.163"
    mishaps = ((0.04, "denied"),)

    def habits(self) -> list[Habit]:
        """Return queries and downloads from the command line."""
        return [
            Habit(3, DATA, HOME, tasks.query(self.company, DATA, HOME), gap=(300, 5000)),
            Habit(2, DATA, HOME, tasks.lake_reads(self.company, DATA, HOME), console=False, gap=(60, 700)),
        ]


class Developer(Staff):
    """Aoife writes the order router, in the development account."""

    id = "aoife.brennan"
    user = "aoife.brennan"
    description = "Backend developer in Dublin (UTC+0); functions and instances of the development account"
    share = 0.9
    utc_offset = 0.0
    sets: ClassVar = {DEV.id: "Developer", PROD.id: "ReadOnly"}
    address = "198.51.100.212"
    mishaps = ((0.03, "denied"),)

    def habits(self) -> list[Habit]:
        """Return function pages, deployments, and now and then a look into production."""
        return [
            Habit(3, DEV, HOME, tasks.function_pages(DEV, HOME)),
            Habit(3, DEV, HOME, tasks.publish_function(DEV, HOME), console=False, gap=(900, 4000)),
            Habit(1, DEV, HOME, tasks.alarm_pages()),
            Habit(1, PROD, HOME, tasks.secret_pages()),
        ]


class AmericanDeveloper(Staff):
    """Jonah works on the edge services from Austin."""

    id = "jonah.whitfield"
    user = "jonah.whitfield"
    description = "Backend developer in Austin (UTC-5); edge services, often refused in production"
    share = 0.9
    utc_offset = -5.0
    sets: ClassVar = {DEV.id: "Developer", PROD.id: "ReadOnly"}
    address = AUSTIN
    browser = CHROME.format(os=WINDOWS)
    shell = COMMAND_LINE.format(os="windows#11", arch="amd64")
    mishaps = ((0.06, "denied"), (0.004, "throttled"))

    def habits(self) -> list[Habit]:
        """Return the sandbox machines, the edge fleet, functions."""
        return [
            Habit(3, DEV, HOME, tasks.instance_pages(self.company.fleet("sandbox"))),
            Habit(2, DEV, EDGE, tasks.function_pages(DEV, EDGE)),
            Habit(2, PROD, EDGE, tasks.instance_pages(self.company.fleet("edge"))),
            Habit(1, PROD, EDGE, tasks.bucket_pages(PROD, EDGE), console=False, gap=(300, 2500)),
        ]


class SecurityAnalyst(Staff):
    """Henrik reviews identities, findings and trails everywhere."""

    id = "henrik.sorensen"
    user = "henrik.sorensen"
    description = "Security analyst in Copenhagen; reads identities, findings and trails of all accounts"
    share = 0.9
    sets: ClassVar = {each.id: "SecurityAudit" for each in ACCOUNTS}
    address = "203.0.113.61"
    mishaps = ((0.006, "denied"),)

    def habits(self) -> list[Habit]:
        """Return reviews per account and searches in the trail."""
        return [
            Habit(2, SECURITY, EDGE, tasks.security_review(SECURITY)),
            Habit(2, PROD, EDGE, tasks.security_review(PROD)),
            Habit(1, DEV, EDGE, tasks.security_review(DEV), console=False, gap=(300, 1800)),
            Habit(2, SECURITY, HOME, tasks.trail_search()),
            Habit(0.5, LOGS, HOME, tasks.bucket_pages(LOGS, HOME)),
            Habit(1, PROD, HOME, tasks.secret_pages()),
        ]


class FinanceAnalyst(Staff):
    """Lucía reads the bill in the morning."""

    id = "lucia.ortega"
    user = "lucia.ortega"
    description = "Cost analyst in Madrid; Cost Explorer in the mornings"
    share = 0.4
    ceiling = 250
    rhythm = EARLY
    sets: ClassVar = {CORE.id: "Billing"}
    address = "198.51.100.90"
    browser = CHROME.format(os=WINDOWS)
    mishaps = ((0.02, "denied"),)

    def habits(self) -> list[Habit]:
        """Return cost reports, and now and then the bucket with the exports."""
        return [
            Habit(5, CORE, EDGE, tasks.cost_report(self.company)),
            Habit(1, CORE, HOME, tasks.bucket_pages(CORE, HOME)),
        ]
