"""What the company's machines ask for: names, types and answers, encoded once and used many times.

AWS's own names are real; everything else ends in `.example` (RFC 2606) and answers with documentation
addresses (RFC 5737, RFC 3849) or the company's own networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import msgspec

from tidewaiter.lab.generator.company import BUCKETS, DOMAIN, OBJECT_STORE, Company, Machine

Chain = Sequence[tuple[str, str]]
"""The answer section in order: (type, data), for example a CNAME and what it leads to."""

_encode = msgspec.json.Encoder().encode

SERVICES = ("ssm", "ssmmessages", "ec2messages", "sts", "kms", "secretsmanager", "logs", "monitoring", "sqs")
VENDORS = ("api.parcelmaps", "hooks.carrierlink", "ingest.watchtower-metrics", "psp.paybridge")


@dataclass(frozen=True, slots=True)
class Question:
    """A name and type with its usual answers; `outcomes` has each as the middle of a log line."""

    name: str
    type: str
    weight: float
    outcomes: tuple[str, ...]
    chains: tuple[Chain, ...] = ()


def outcome(name: str, kind: str, rcode: str, answers: Chain) -> str:
    """Return the members `query_name` to `answers` of a log line as JSON text without braces."""
    rows = [{"Rdata": data, "Type": each, "Class": "IN"} for each, data in answers]
    members = {
        "query_name": name,
        "query_type": kind,
        "query_class": "IN",
        "rcode": rcode,
        "answers": rows,
    }
    return _encode(members).decode()[1:-1]


def question(name: str, kind: str, weight: float, *answers: Chain, rcode: str = "NOERROR") -> Question:
    """Return a question whose answers are drawn evenly from the given ones; none is an empty section."""
    said = tuple(outcome(name, kind, rcode, each) for each in answers or ((),))
    return Question(name, kind, weight, said, answers)


@dataclass(frozen=True, slots=True)
class Repertoire:
    """All questions of one machine with their cumulated weights, ready for `random.choices`."""

    questions: tuple[Question, ...]
    weights: tuple[float, ...]

    @classmethod
    def of(cls, questions: Sequence[Question]) -> Repertoire:
        """Return the repertoire of these questions."""
        return cls(tuple(questions), tuple(accumulate(each.weight for each in questions)))


@dataclass(frozen=True, slots=True)
class Destination:
    """An address outside the company's networks that a machine knows by a name."""

    name: str
    type: str
    chain: Chain

    @property
    def address(self) -> str:
        """The address that the name leads to."""
        return self.chain[-1][1]

    @property
    def store(self) -> bool:
        """True for a bucket of S3."""
        return self.address in OBJECT_STORE


def destinations(known: Repertoire) -> tuple[Destination, ...]:
    """Return where a machine of that repertoire connects to outside, each address with its name."""
    return tuple(
        Destination(question.name, question.type, chain)
        for question in known.questions
        for chain in question.chains
        if chain and chain[-1][0] in {"A", "AAAA"} and not chain[-1][1].startswith("10.")
    )


def repertoire(company: Company, machine: Machine) -> Repertoire:
    """Return what a machine asks for, by the group that its name tells (`kr-<group>-<number>`)."""
    group = machine.name.split("-")[1]
    asked = [*_services(machine), *_stores(machine), *_inside(company, machine), *_lost(machine)]
    if group in {"web", "edge", "api"}:
        asked += _vendors(company, 3.0)
    elif group in {"worker", "batch", "node"}:
        asked += [*_vendors(company, 1.5), *_mail()]
    else:
        asked += _updates()
    return Repertoire.of(asked)


def _address(company: Company, name: str, block: str = "203.0.113", low: int = 160) -> str:
    return f"{block}.{low + int(company.token(6, 'dns', name), 36) % 60}"


def _services(machine: Machine) -> list[Question]:
    """AWS endpoints: some have interface endpoints in the VPC and answer with private addresses."""
    region, net = machine.region, machine.ip.rsplit(".", 2)[0]
    asked = []
    for number, service in enumerate(SERVICES):
        name = f"{service}.{region}.amazonaws.com."
        private = [("A", f"{net}.{60 + zone}.{11 + number}") for zone in (0, 1)]
        public = [("A", f"198.51.100.{24 + number}")]
        asked.append(question(name, "A", 3.0, private if number < 5 else public))
        asked.append(
            question(name, "AAAA", 0.8, () if number < 5 else [("AAAA", f"2001:db8:53::{number:x}")])
        )
    return asked


def _stores(machine: Machine) -> list[Question]:
    """Buckets: an alias of the region's object store, whose addresses the flow logs show too."""
    region = machine.region
    old, modern = OBJECT_STORE[:2], OBJECT_STORE[2]
    target = f"s3-r-w.{region}.amazonaws.com."
    asked = []
    for bucket in BUCKETS.get(machine.account, ())[:6]:
        name = f"{bucket}.s3.{region}.amazonaws.com."
        chains = [[("CNAME", target), ("A", address)] for address in old]
        asked.append(question(name, "A", 2.0, *chains))
        asked.append(question(name, "AAAA", 0.5, [("CNAME", target)]))
    asked.append(question(f"s3.dualstack.{region}.amazonaws.com.", "AAAA", 1.0, [("AAAA", modern)]))
    return asked


def _inside(company: Company, machine: Machine) -> list[Question]:
    region, net = machine.region, machine.ip.rsplit(".", 2)[0]
    cluster = company.token(12, "rds", machine.account, region)
    database = f"kr-orders.cluster-{cluster}.{region}.rds.amazonaws.com."
    writer = f"kr-orders-1.{cluster}.{region}.rds.amazonaws.com."
    octets = machine.ip.split(".")
    own = f"ip-{'-'.join(octets)}.{region}.compute.internal."
    backward = f"{'.'.join(reversed(octets))}.in-addr.arpa."
    alias = f"orders-db.internal.{DOMAIN}."
    chain = [("CNAME", database), ("CNAME", writer), ("A", f"{net}.50.32")]
    return [
        question(alias, "A", 6.0, chain),
        question(alias, "AAAA", 1.0, chain[:2]),
        question(f"cache.internal.{DOMAIN}.", "A", 4.0, [("A", f"{net}.50.79")]),
        question(f"_grpc._tcp.routes.internal.{DOMAIN}.", "SRV", 0.6, [("SRV", f"1 10 8080 {own}")]),
        question(own, "A", 0.5, [("A", machine.ip)]),
        question(backward, "PTR", 0.7, [("PTR", own)]),
        question("169.254.169.123.in-addr.arpa.", "PTR", 0.1, rcode="NXDOMAIN"),
    ]


def _lost(machine: Machine) -> list[Question]:
    """Names that do not exist: search domains glued to full names, a decommissioned host."""
    search = f"{machine.region}.compute.internal."
    return [
        question(f"cache.internal.{DOMAIN}.{search}", "A", 0.8, rcode="NXDOMAIN"),
        question(f"orders-db.internal.{DOMAIN}.{search}", "AAAA", 0.5, rcode="NXDOMAIN"),
        question(f"legacy-ldap.internal.{DOMAIN}.", "A", 0.3, rcode="NXDOMAIN"),
        question("status.carrierlink.example.", "A", 0.05, rcode="SERVFAIL"),
    ]


def _vendors(company: Company, weight: float) -> list[Question]:
    asked = []
    for number, vendor in enumerate(VENDORS):
        name = f"{vendor}.example."
        balancer = f"{vendor.split('.')[0]}-lb.edgecdn.example."
        chains = [[("CNAME", balancer), ("A", _address(company, name, low=low))] for low in (160, 165, 170)]
        asked.append(question(name, "A", weight, *chains))
        modern = [("CNAME", balancer), ("AAAA", f"2001:db8:e0::{number + 16:x}")]
        asked.append(question(name, "AAAA", weight / 3, modern))
    return asked


def _mail() -> list[Question]:
    return [
        question("mail.customers.example.", "MX", 0.4, [("MX", "10 mx1.customers.example.")]),
        question("mx1.customers.example.", "A", 0.4, [("A", "203.0.113.225")]),
        question(f"{DOMAIN}.", "TXT", 0.2, [("TXT", '"v=spf1 include:amazonses.com -all"')]),
    ]


def _updates() -> list[Question]:
    return [
        question(
            "mirror.distro.example.",
            "A",
            2.0,
            [("CNAME", "eu.mirror.distro.example."), ("A", "203.0.113.230")],
        ),
        question("registry.packages.example.", "A", 2.0, [("A", "203.0.113.231")]),
        question("registry.packages.example.", "AAAA", 0.5, [("AAAA", "2001:db8:e0::31")]),
        question("git.hosting.example.", "A", 1.5, [("A", "203.0.113.232")]),
        question("pool.ntp.example.", "A", 0.5, [("A", "203.0.113.233"), ("A", "203.0.113.234")]),
    ]
