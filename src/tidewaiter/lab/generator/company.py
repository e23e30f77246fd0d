"""The invented company: Kestrel & Rowe, parcel logistics, with its accounts, roles, machines and buckets.

Account numbers and names are fixed, so that documentation can quote them; unique ids (AROA…, i-…, eni-…)
follow from the seed. Public addresses are the documentation blocks of RFC 5737 and RFC 3849, names
end in `.example` (RFC 2606).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from tidewaiter.lab.generator.draw import LOWER, UPPER, Draw, fixed_code
from tidewaiter.lab.generator.rhythm import DAY, SECOND

ORGANIZATION = "o-7kq2m9xw4d"
DOMAIN = "kestrelrowe.example"
HOME, EDGE, SPARE = "eu-central-1", "us-east-1", "eu-west-1"
IDENTITY_STORE = "d-99677a3c41"


@dataclass(frozen=True, slots=True)
class Account:
    """One AWS account of the organisation."""

    id: str
    name: str
    purpose: str
    regions: tuple[str, ...]


REGIONS = (HOME, EDGE, SPARE)
CORE = Account("402915637718", "kr-core", "management: organisation, identities, the bill", REGIONS)
LOGS = Account("286640197305", "kr-log-archive", "log archive: trails, configuration history", REGIONS)
SECURITY = Account(
    "931027758446",
    "kr-security",
    "security tooling: delegated administrator of GuardDuty and Security Hub",
    REGIONS,
)
PROD = Account("718250946633", "kr-prod", "production", REGIONS)
DATA = Account("564193820077", "kr-data", "the data lake and its jobs", REGIONS)
DEV = Account("155408372961", "kr-dev", "development", REGIONS)
ACCOUNTS = (CORE, LOGS, SECURITY, PROD, DATA, DEV)

MONITORING_VENDOR = "533019284476"
SCANNER_VENDOR = "388120475590"
COST_VENDOR = "816402937751"
STRANGER = "640731885290"

TRAIL = "kr-org-trail"
TRAIL_BUCKET = f"kr-org-trail-{LOGS.id}"
PROD_TRAIL = "kr-prod-audit"

BUCKETS: dict[str, tuple[str, ...]] = {
    CORE.id: ("kr-terraform-state", "kr-cost-exports"),
    LOGS.id: (TRAIL_BUCKET, "kr-config-snapshots", "kr-flow-logs"),
    SECURITY.id: ("kr-findings-export", "kr-forensics"),
    PROD.id: ("kr-parcel-labels", "kr-customer-exports", "kr-web-assets", "kr-partner-inbox",
              "kr-prod-backups"),
    DATA.id: ("kr-lake-raw", "kr-lake-curated", "kr-athena-results"),
    DEV.id: ("kr-dev-artifacts", "kr-dev-scratch", "kr-dev-lake-sample"),
}  # fmt: skip
FUNCTIONS = ("order-router", "label-printer", "tracking-webhook", "invoice-mailer")
SECRETS = (
    "prod/orders/postgres", "prod/labels/printer-api", "prod/billing/psp-token", "prod/partner/sftp-key",
    "prod/lake/redshift", "prod/web/session-signing", "prod/customs/edi-login", "prod/mail/smtp",
)  # fmt: skip
TABLES = ("shipments", "scan_events", "customers", "invoices", "routes", "returns")
GROUPS = ("web", "api", "worker")
OBJECT_STORE = ("198.51.100.4", "198.51.100.5", "2001:db8:53::a1")
"""Addresses by which S3 answers in this world."""


@dataclass(frozen=True, slots=True)
class Machine:
    """One EC2 instance with its network place."""

    id: str
    name: str
    account: str
    region: str
    role: str
    eni: str
    vpc: str
    subnet: str
    az: str
    ip: str
    ipv6: str


@dataclass(slots=True)
class Company:
    """What exists on the generated day; ids depend on the seed alone."""

    seed: int
    day: date
    machines: tuple[Machine, ...] = ()
    _ids: dict[tuple[str, ...], str] = field(default_factory=dict)
    _date: str = ""

    def __post_init__(self) -> None:
        """Rack the machines: name prefix, count, account, region, instance role, /24 of the subnet."""
        self._date = self.day.isoformat()
        plan = (
            ("web", 4, PROD, HOME, "kr-web-instance", "10.20.10"),
            ("api", 6, PROD, HOME, "kr-api-instance", "10.20.20"),
            ("worker", 4, PROD, HOME, "kr-worker-instance", "10.20.30"),
            ("bastion", 1, PROD, HOME, "kr-bastion-instance", "10.20.1"),
            ("edge", 3, PROD, EDGE, "kr-edge-instance", "10.24.10"),
            ("batch", 3, DATA, HOME, "kr-batch-instance", "10.30.10"),
            ("sandbox", 4, DEV, HOME, "kr-sandbox-instance", "10.40.10"),
        )
        self.machines = tuple(
            self._machine(name, number, account, region, role, net)
            for name, count, account, region, role, net in plan
            for number in range(1, count + 1)
        )

    def _machine(self, name: str, number: int, account: Account, region: str, role: str, net: str) -> Machine:
        label = f"kr-{name}-{number}"
        zone = "ab"[number % 2]
        codes = {HOME: "euc1", EDGE: "use1", SPARE: "euw1"}
        return Machine(
            id=self.hex_id("i", label),
            name=label,
            account=account.id,
            region=region,
            role=role,
            eni=self.hex_id("eni", label),
            vpc=self.hex_id("vpc", account.id, region),
            subnet=self.hex_id("subnet", net, zone),
            az=f"{codes[region]}-az{'ab'.index(zone) + 1}",
            ip=f"{net}.{20 + 7 * number}",
            ipv6=f"2001:db8:24:{number:x}::{fixed_code(3, '123456789abcdef', label)}",
        )

    @property
    def weekend(self) -> bool:
        """True on Saturdays and Sundays."""
        return self.day.weekday() >= 5

    def stream(self, *keys: object) -> Draw:
        """Return the day's own stream of chance of that name: another day of the same seed draws anew."""
        return Draw(self.seed, self.day, *keys)

    @property
    def midnight(self) -> int:
        """The beginning of the day in seconds since 1970-01-01T00:00Z."""
        return (self.day - date(1970, 1, 1)).days * 86_400

    def instant(self, at: int) -> str:
        """Return a name for a moment of the day that no other day has (sessions are named after it)."""
        return str(self.midnight * SECOND + at)

    def _code(self, length: int, alphabet: str, *keys: str) -> str:
        known = self._ids.get(keys)
        if known is None:
            known = self._ids[keys] = fixed_code(length, alphabet, self.seed, *keys)
        return known

    def hex_id(self, prefix: str, *name: str) -> str:
        """Return a resource id such as `i-0…` (17 hexadecimal digits, the first one 0)."""
        return f"{prefix}-0{self._code(16, '0123456789abcdef', prefix, *name)}"

    def unique_id(self, prefix: str, *name: str) -> str:
        """Return an IAM unique id (`AROA`, `AIDA` and 17 more) or access key id (`AKIA`, `ASIA` and 16)."""
        return prefix + self._code(16 if prefix in {"AKIA", "ASIA"} else 17, UPPER, prefix, *name)

    def token(self, length: int, *name: str) -> str:
        """Return lower-case letters and digits that always name the same thing."""
        return self._code(length, LOWER, "token", *name)

    def uuid(self, *name: str) -> str:
        """Return the UUID that always names the same thing (KMS keys, identity store users)."""
        digits = self._code(32, "0123456789abcdef", "uuid", *name)
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-9{digits[17:20]}-{digits[20:]}"

    def fleet(self, *prefixes: str) -> list[Machine]:
        """Return the machines whose names begin with `kr-<prefix>`."""
        return [each for each in self.machines if each.name.split("-")[1] in prefixes]

    def key_arn(self, account: str, region: str, name: str) -> str:
        """Return the ARN of the KMS key of that name."""
        return f"arn:aws:kms:{region}:{account}:key/{self.uuid('key', account, region, name)}"

    def secret_arn(self, name: str) -> str:
        """Return the ARN of a secret of the production account."""
        suffix = self._code(6, "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ", "secret", name)
        return f"arn:aws:secretsmanager:{HOME}:{PROD.id}:secret:{name}-{suffix}"

    def stamp(self, at: int) -> str:
        """Return a time of the day as CloudTrail writes it, `2026-03-17T08:15:42Z`."""
        if 0 <= at < DAY:
            minutes, second = divmod(at // SECOND, 60)
            return f"{self._date}T{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}Z"
        return f"{self.moment(at):%Y-%m-%dT%H:%M:%SZ}"

    def moment(self, at: int) -> datetime:
        """Return a time of the day (milliseconds, may be negative or past 24 h) without its fraction."""
        return datetime(self.day.year, self.day.month, self.day.day) + timedelta(seconds=at // SECOND)


def trail_arn(account: Account, name: str) -> str:
    """Return the ARN of a trail whose home is the first region of the account."""
    return f"arn:aws:cloudtrail:{account.regions[0]}:{account.id}:trail/{name}"
