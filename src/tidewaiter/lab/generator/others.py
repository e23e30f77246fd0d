"""What campaigns and personas ask for in the logs beside CloudTrail.

Each value is one happening, not one line: the writers (`dns`, `s3_access`, `findings`, `entra`, `cost`) turn
it into as many records as the service would write, and return where they came to lie (`slots.Placed`), so
that the truth can list them. Times are milliseconds since 00:00 UTC of the day. `mark` belongs to whoever
asks (`<story>|<technique>`, "" for the everyday); writers hand it back untouched.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

SignInKind = Literal["interactive", "noninteractive", "service_principal", "managed_identity"]
Protocol = Literal["none", "saml20", "oAuth2", "deviceCode", "ropc"]
Mfa = Literal["", "push", "fido", "previous", "denied"]
Risk = Literal["none", "low", "medium", "high"]
FirewallAction = Literal["", "ALERT", "BLOCK", "ALLOW"]
Act = Literal["api", "network", "dns", "probe", "none"]


@dataclass(frozen=True, slots=True)
class SignIn:
    """One sign-in to the Entra tenant.

    `who` is the UPN of a person, or the name of an application or managed identity of `entra.tenant`. `app`
    names an application of `entra.tenant.APPLICATIONS`; federation to AWS is `entra.tenant.AWS`. `error` is
    the Entra error code (0 success, 50126 wrong password, 50074 strong authentication required, 53003
    blocked by Conditional Access, 500121 MFA failed or denied). `place` is a city of `entra.tenant.PLACES`,
    "" for where the person usually is. `device` False means a device the tenant does not know.
    """

    at: int
    who: str
    address: str
    agent: str = ""
    app: str = "aws"
    kind: SignInKind = "interactive"
    error: int = 0
    mfa: Mfa = "previous"
    protocol: Protocol = "none"
    risk: Risk = "none"
    risk_events: tuple[str, ...] = ()
    place: str = ""
    device: bool = True
    session: str = ""
    """Sign-ins of one session share this word; "" makes a session of its own."""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class DirectoryChange:
    """One entry of the tenant's audit log.

    `who` is a UPN or an application's name; `operation` the activity's display name, for example
    "Add service principal credentials"; `target` is (type, display name); `changes` are (property, old
    value, new value).
    """

    at: int
    who: str
    operation: str
    category: str
    target: tuple[str, str]
    address: str = ""
    changes: tuple[tuple[str, str, str], ...] = ()
    error: str = ""
    service: str = "Core Directory"
    mark: str = ""


@dataclass(frozen=True, slots=True)
class AzureOperation:
    """One control-plane operation in an Azure subscription (AzureActivity).

    `who` is a UPN or an application's name; `operation` is like `Microsoft.Storage/storageAccounts/write`;
    `resource` the path below the resource group, for example
    `Microsoft.Storage/storageAccounts/krexports`; "" for the group itself. A success is written as a
    Start and a Success record, a failure as Start and Failure.
    """

    at: int
    who: str
    operation: str
    resource: str
    address: str
    group: str = "rg-platform"
    error: str = ""
    properties: tuple[tuple[str, str], ...] = ()
    mark: str = ""


@dataclass(frozen=True, slots=True)
class DnsQuery:
    """One query that a machine of the company sends to its VPC's resolver.

    `machine` is the instance's id or name. `answers` are (type, data) in order; none with `NOERROR` is
    an empty answer. `action` is what DNS Firewall did.
    """

    at: int
    machine: str
    name: str
    type: str = "A"
    rcode: str = "NOERROR"
    answers: tuple[tuple[str, str], ...] = ()
    action: FirewallAction = ""
    transport: Literal["UDP", "TCP"] = "UDP"
    mark: str = ""


@dataclass(frozen=True, slots=True)
class ObjectAccess:
    """One request to a bucket as its server access log shows it.

    `operation` is like `REST.GET.OBJECT`; `requester` an ARN, "" for an anonymous request. `request_id` and
    `host_id` are those of the CloudTrail record of the same request, "" makes new ones.
    """

    at: int
    bucket: str
    operation: str
    key: str = ""
    requester: str = ""
    address: str = ""
    agent: str = ""
    status: int = 200
    error: str = ""
    size: int = 0
    request_id: str = ""
    host_id: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One GuardDuty finding; Security Hub imports it too.

    `type` is GuardDuty's finding type; `act` says what it saw: an API call (`api` is its name, `service` the
    event source), a connection, a DNS request (`domain`), a port probe, or none. `resource` is the id or
    name of a machine, or the ARN of a principal that used the access key `key_id`; findings about S3 name
    the `bucket` too. `repeats` are the later times at which the same finding was seen again: each updates
    it (same id, count one higher).
    """

    at: int
    type: str
    severity: float
    title: str
    account: str
    region: str
    act: Act
    resource: str
    address: str = ""
    port: int = 443
    api: str = ""
    service: str = ""
    domain: str = ""
    key_id: str = ""
    bucket: str = ""
    repeats: tuple[int, ...] = ()
    mark: str = ""


@dataclass(frozen=True, slots=True)
class CostBump:
    """Something that costs extra on the day: `quantity` units of a service at a price, in US dollars.

    `service` is a key of `cost.prices.PRICES`, for example `ec2:g5.12xlarge`; `resources` are the ids it is
    charged for, at least one, and share the quantity evenly.
    """

    account: str
    region: str
    service: str
    quantity: float
    resources: tuple[str, ...] = ()
    at: int = 0
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Connection:
    """A TCP conversation of a machine with an address, as its interface's flow log shows it.

    `machine` is the instance's id or name; `port` is the server's, which is the machine when `inward`.
    `sent` and `received` are bytes from the machine's point of view. Each connection is two lines in one
    capture window, there and back; one that was refused (`accepted` False) is a single line.
    """

    at: int
    machine: str
    peer: str
    port: int
    sent: int = 900
    received: int = 720
    inward: bool = False
    accepted: bool = True
    mark: str = ""


@dataclass(slots=True)
class Others:
    """All that one story or persona asks for, by log."""

    sign_ins: list[SignIn] = field(default_factory=list)
    directory: list[DirectoryChange] = field(default_factory=list)
    azure: list[AzureOperation] = field(default_factory=list)
    dns: list[DnsQuery] = field(default_factory=list)
    flows: list[Connection] = field(default_factory=list)
    accesses: list[ObjectAccess] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    costs: list[CostBump] = field(default_factory=list)
