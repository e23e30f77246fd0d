"""The everyday traffic of a network: customers, machines among themselves, what they reach, scanners."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tidewaiter.lab.generator.company import Company, Machine
from tidewaiter.lab.generator.dns.names import Destination, destinations, repertoire
from tidewaiter.lab.generator.flows.line import (
    ICMP,
    PROBED,
    TCP,
    UDP,
    Flow,
    Network,
    line,
    without_data,
)
from tidewaiter.lab.generator.rhythm import CUSTOMERS, moments

Line = tuple[int, str]
_SERVERS = {5432: 32, 6379: 79, 9090: 91}
"""Last octet of the database, cache and metrics server in a network's `.50` subnet, as DNS answers too."""


def segments(there: int, back: int, spare: int = 0) -> tuple[int, int]:
    """Return the packets of a TCP conversation each way, for so many bytes of payload.

    A full Ethernet frame carries 1,448 bytes; opening and closing take three packets each way, and every
    second packet that comes is acknowledged (RFC 9293, section 3.8.6.3). `spare` small ones come on top.
    """
    sent, received = 3 + -(-there // 1_448), 3 + -(-back // 1_448)
    return max(sent, received // 2) + spare, max(received, sent // 2) + spare


@dataclass(frozen=True, slots=True)
class Contact:
    """The first time of the day at which a machine connects to an address, and the name it knows it by."""

    at: int
    machine: str
    there: Destination


def _outside(
    company: Company, network: Network, machine: Machine
) -> tuple[list[Destination], list[Destination]]:
    """Buckets and everything else that a machine reaches; only the edge speaks IPv6 outwards."""
    known = [
        each
        for each in destinations(repertoire(company, machine))
        if network.custom or ":" not in each.address
    ]
    return [each for each in known if each.store], [each for each in known if not each.store]


class Traffic:
    """The everyday traffic of one network, exactly `count` lines."""

    def __init__(self, company: Company, network: Network, count: int) -> None:
        self._company = company
        self._network = network
        self._count = count
        self.contacts: dict[tuple[str, str], Contact] = {}
        self._draw = company.stream("flows", network.name)
        self._front = [each for each in network.machines if each.name.split("-")[1] in {"web", "edge"}]
        self._known = {each.id: _outside(company, network, each) for each in network.machines}

    def lines(self) -> list[Line]:
        """Return the lines in the order of time."""
        kinds: list[tuple[float, Callable[[int], list[Flow]]]] = [
            (30 if self._front else 0, self._customer),
            (34, self._inside),
            (14, self._storage),
            (8, self._vendor),
            (20, self._scan),
        ]
        makers, weights = [kind[1] for kind in kinds], [kind[0] for kind in kinds]
        lines: list[Line] = []
        times = moments(self._draw, self._count, CUSTOMERS, 0.0)
        self._draw.random.shuffle(times)
        for at in times:
            if len(lines) >= self._count:
                break
            if self._draw.chance(0.012):
                lines.append(self._gap(at))
                continue
            maker = self._draw.random.choices(makers, weights)[0]
            lines += [(flow.at, line(self._company, self._network, flow)) for flow in maker(at)]
        return sorted(lines[: self._count])

    def _gap(self, at: int) -> Line:
        machine = self._draw.pick(self._network.machines)
        status = "NODATA" if self._draw.chance(0.9) else "SKIPDATA"
        return at, without_data(self._company, self._network, machine, at, status)

    def _pair(
        self, at: int, machine: Machine, peer: str, port: int, *, inward: bool, sizes: tuple[int, int]
    ) -> list[Flow]:
        own = machine.ipv6 if ":" in peer else machine.ip
        near, far = self._draw.whole(1024, 65_535), port
        sent, received = segments(*sizes, spare=self._draw.whole(0, 12))
        header = 72 if ":" in peer else 52
        there, back = sizes[0] + sent * header, sizes[1] + received * header
        if inward:
            return [
                Flow(at, machine, peer, own, near, far, TCP, sent, there, True, False, 3),
                Flow(at, machine, own, peer, far, near, TCP, received, back, True, True, 19),
            ]
        return [
            Flow(at, machine, own, peer, near, far, TCP, sent, there, True, True, 3),
            Flow(at, machine, peer, own, far, near, TCP, received, back, True, False, 19),
        ]

    def _customer(self, at: int) -> list[Flow]:
        machine = self._draw.pick(self._front)
        number = self._draw.whole(1, 60)
        peer = f"203.0.113.{100 + number}" if number < 45 else f"198.51.100.{100 + number}"
        if self._network.custom and self._draw.chance(0.3):
            peer = f"2001:db8:c0:{number:x}::{self._draw.whole(2, 9000):x}"
        sizes = (self._draw.whole(300, 4000), int(self._draw.random.expovariate(1 / 45_000)))
        return self._pair(at, machine, peer, 443, inward=True, sizes=sizes)

    def _inside(self, at: int) -> list[Flow]:
        machine, other = self._draw.some(self._network.machines, 2)
        port = self._draw.pick((8080, 8080, 5432, 6379, 9090))
        peer = other.ip if port == 8080 else f"{machine.ip.rsplit('.', 2)[0]}.50.{_SERVERS[port]}"
        sizes = (self._draw.whole(200, 9000), self._draw.whole(200, 60_000))
        flows = self._pair(at, machine, peer, port, inward=False, sizes=sizes)
        if port != 8080:
            return flows
        mirrored = [
            Flow(flow.at, other, flow.source, flow.target, flow.source_port, flow.target_port, TCP,
                 flow.packets, flow.size, True, not flow.outward, flow.flags)
            for flow in flows
        ]  # fmt: skip
        return [*flows, *mirrored]

    def _storage(self, at: int) -> list[Flow]:
        machine = self._draw.pick(self._network.machines)
        sizes = (self._draw.whole(500, 400_000), self._draw.whole(500, 900_000))
        return self._outward(at, machine, self._known[machine.id][0], sizes)

    def _vendor(self, at: int) -> list[Flow]:
        machine = self._draw.pick(self._network.machines)
        sizes = (self._draw.whole(400, 9_000), self._draw.whole(300, 60_000))
        return self._outward(at, machine, self._known[machine.id][1], sizes)

    def _outward(
        self, at: int, machine: Machine, known: Sequence[Destination], sizes: tuple[int, int]
    ) -> list[Flow]:
        """A connection to where DNS leads the machine; `contacts` keeps when it first needed to ask."""
        there = self._draw.pick(known)
        key = (machine.id, there.address)
        before = self.contacts.get(key)
        if before is None or at < before.at:
            self.contacts[key] = Contact(at, machine.id, there)
        return self._pair(at, machine, there.address, 443, inward=False, sizes=sizes)

    def _scan(self, at: int) -> list[Flow]:
        draw = self._draw
        machine = draw.pick(self._network.machines)
        block = draw.pick(("192.0.2", "198.51.100", "203.0.113"))
        scanner = f"{block}.{draw.whole(236, 254)}"
        protocol = draw.random.choices((TCP, UDP, ICMP), (88, 9, 3))[0]
        ports = (0, 0) if protocol == ICMP else (draw.whole(32_768, 61_000), draw.pick(PROBED))
        flags = 2 if protocol == TCP else 0
        return [
            Flow(
                at,
                machine,
                scanner,
                machine.ip,
                *ports,
                protocol,
                1,
                draw.pick((40, 44, 60)),
                False,
                False,
                flags,
            )
        ]
