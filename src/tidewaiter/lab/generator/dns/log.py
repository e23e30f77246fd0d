"""Route 53 Resolver query logs: one object per VPC every few minutes, a JSON object per line.

Fields and the version `1.100000` after "Values that appear in VPC Resolver query logs", places after
"AWS resources that you can send VPC Resolver query logs to" (Amazon Route 53 Developer Guide, read 2026-11):
`AWSLogs/<account>/vpcdnsquerylogs/<vpc>/yyyy/mm/dd/<vpc>_vpcdnsquerylogs_<account>_<time>_<hash>.log.gz`.
`firewall_*` members are there only where a DNS Firewall rule matched; a blocked query has no answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tidewaiter.core.errors import UsageError
from tidewaiter.lab.generator.company import DOMAIN, Company, Machine
from tidewaiter.lab.generator.dns.names import Repertoire, outcome, question, repertoire
from tidewaiter.lab.generator.others import DnsQuery
from tidewaiter.lab.generator.rhythm import CUSTOMERS, DAY
from tidewaiter.lab.generator.slots import Pages, Placed, by_slot, spread, times, width, write_packed

PER_EVENT = 0.5
"""Queries per CloudTrail event."""

VERSION = "1.100000"
_OFFICE = 0.03
_ALERTS = 0.0015
_FREEWARE = outcome("telemetry.freeware.example.", "A", "NOERROR", [("A", "203.0.113.236")])
"""What a monitored domain list of the firewall knows; the company only watches it."""
_BUSY = {"web": 3.0, "api": 4.0, "worker": 2.0, "edge": 3.0}


@dataclass(frozen=True, slots=True)
class DnsCounts:
    """Lines and objects written; `placed` says where the asked-for queries lie."""

    lines: int
    objects: int
    placed: tuple[Placed, ...]


def write_dns(out: Path, company: Company, events: int, asked: Sequence[DnsQuery] = ()) -> DnsCounts:
    """Write the day's query logs of every VPC that has machines.

    Args:
        out: folder above `AWSLogs/`.
        company: whose machines ask.
        events: number of CloudTrail events of the day; `PER_EVENT` queries come with each.
        asked: queries that must occur, each exactly once.

    Raises:
        UsageError: an asked-for query names a machine that the company does not have.
        OSError: `out` cannot be written.
    """
    return _Log(out, company, round(events * PER_EVENT), asked).write()


@dataclass(frozen=True, slots=True)
class _Source:
    """A machine as a line shows it: what stands before the time, between answers and port, after the port."""

    vpc: str
    account: str
    before: str
    middle: str
    after: str
    repertoire: Repertoire


class _Log:
    def __init__(self, out: Path, company: Company, count: int, asked: Sequence[DnsQuery]) -> None:
        self._out = out
        self._company = company
        self._draw = company.stream("dns")
        self._names = company.stream("dns-files")
        self._count = count
        self._slot = width(count, wanted=400)
        self._asked = by_slot(asked, self._slot)
        self._machines = {name: each for each in company.machines for name in (each.id, each.name)}
        self._sources = {each.id: _source(company, each) for each in company.machines}
        self._order = [self._sources[each.id] for each in company.machines]
        self._weights = [_BUSY.get(each.name.split("-")[1], 1.0) for each in company.machines]
        self._firewall = tuple(
            f"rslvr-{kind}-{company.hex_id('x', kind, 'dns')[-17:]}" for kind in ("frg", "fdl")
        )
        self._objects = 0

    def write(self) -> DnsCounts:
        pages = Pages({})
        placed: list[Placed] = []
        lines = 0
        for number, count in enumerate(spread(self._count, CUSTOMERS, 0.0, self._slot)):
            due = self._asked.get(number, [])
            self._everyday(pages, number, count)
            for index, query in due:
                source, record = self._record(query)
                pages.add(self._place(source), query.at, record, index)
            lines += count + len(due)
            placed += pages.turn(partial(self._object, number))
        return DnsCounts(lines, self._objects, tuple(sorted(placed, key=lambda each: each.number)))

    @staticmethod
    def _place(source: _Source) -> str:
        return f"{source.account}/{source.vpc}"

    def _everyday(self, pages: Pages, number: int, count: int) -> None:
        draw, choices, chance = self._draw, self._draw.random.choices, self._draw.chance_of
        office = _office(self._company, self._order[0])
        chosen = choices(self._order, self._weights, k=count)
        for at, source in zip(times(draw, count, number, self._slot), chosen, strict=True):
            if chance() < _OFFICE:
                source = office
            found = source.repertoire
            asked = choices(found.questions, cum_weights=found.weights)[0]
            said = asked.outcomes[0] if len(asked.outcomes) == 1 else draw.pick(asked.outcomes)
            alert = ""
            if chance() < _ALERTS:
                said, alert = _FREEWARE, self._rule("ALERT")
            port = 1024 + int(chance() * 64_512)
            transport = "TCP" if asked.type == "TXT" else "UDP"
            pages.add(self._place(source), at, self._line(source, at, said, port, transport, alert))

    def _record(self, query: DnsQuery) -> tuple[_Source, bytes]:
        machine = self._machines.get(query.machine)
        if machine is None:
            raise UsageError(
                f"no machine {query.machine!r}", hint="give an instance id or name of the company"
            )
        source = self._sources[machine.id]
        name = query.name if query.name.endswith(".") else f"{query.name}."
        answers = () if query.action == "BLOCK" else query.answers
        said = outcome(name, query.type, query.rcode, answers)
        rule = self._rule(query.action) if query.action else ""
        port = self._draw.whole(1024, 65_535)
        return source, self._line(source, query.at, said, port, query.transport, rule)

    def _rule(self, action: str) -> str:
        group, domains = self._firewall
        return (
            f',"firewall_rule_action":"{action}","firewall_rule_group_id":"{group}",'
            f'"firewall_domain_list_id":"{domains}"'
        )

    def _line(self, source: _Source, at: int, said: str, port: int, transport: str, rule: str) -> bytes:
        stamp = self._company.stamp(min(max(at, 0), DAY - 1))
        return (
            f'{source.before}{stamp}",{said}{source.middle}{port}","transport":"{transport}",'
            f'"srcids":{source.after}{rule}}}'
        ).encode()

    def _object(self, number: int, place: str, records: list[bytes]) -> str:
        account, vpc = place.split("/")
        moment = self._company.moment((number + 1) * self._slot)
        name = f"{vpc}_vpcdnsquerylogs_{account}_{moment:%Y%m%dT%H%MZ}_{self._names.hex(8)}.log.gz"
        key = f"AWSLogs/{account}/vpcdnsquerylogs/{vpc}/{moment:%Y/%m/%d}/{name}"
        write_packed(self._out / key, b"\n".join(records) + b"\n")
        self._objects += 1
        return key


def _source(company: Company, machine: Machine) -> _Source:
    return _Source(
        machine.vpc,
        machine.account,
        f'{{"version":"{VERSION}","account_id":"{machine.account}","region":"{machine.region}",'
        f'"vpc_id":"{machine.vpc}","query_timestamp":"',
        f',"srcaddr":"{machine.ip}","srcport":"',
        f'{{"instance":"{machine.id}"}}',
        repertoire(company, machine),
    )


def _office(company: Company, home: _Source) -> _Source:
    """The office's resolvers ask through an inbound endpoint: no instance, the endpoint's id instead."""
    endpoint = f"rslvr-in-{company.hex_id('x', 'inbound')[-17:]}"
    asked = [
        question(f"wiki.internal.{DOMAIN}.", "A", 3.0, [("A", "10.20.50.90")]),
        question(f"grafana.internal.{DOMAIN}.", "A", 2.0, [("A", "10.20.50.91")]),
        question(f"printer-hh2.internal.{DOMAIN}.", "A", 1.0, rcode="NXDOMAIN"),
    ]
    return _Source(
        home.vpc,
        home.account,
        home.before,
        ',"srcaddr":"10.90.0.53","srcport":"',
        f'{{"resolver_endpoint":"{endpoint}"}}',
        Repertoire.of(asked),
    )
