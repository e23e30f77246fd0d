"""VPC Flow Logs of two networks: production in the default format, the edge with a custom header.

Formats after "Flow log records" (Amazon VPC User Guide, read 2026-11): version 2 has fourteen fields; the
edge adds those of versions 3 to 5. Files carry their header. Clients, scanners and the intruder have
documentation addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from tidewaiter.lab.generator.company import EDGE, HOME, PROD, Company, Machine
from tidewaiter.lab.generator.draw import Draw
from tidewaiter.lab.generator.rhythm import CUSTOMERS, DAY, HOUR, LAST, MINUTE, SECOND, moments
from tidewaiter.lab.generator.trail import write_gzip

DEFAULT = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end "
    "action log-status"
)
CUSTOM = (
    f"{DEFAULT} vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr region az-id "
    "flow-direction traffic-path"
)
OBJECT_STORE = ("198.51.100.4", "198.51.100.5", "2001:db8:53::a1")
PROBED = (22, 23, 80, 445, 1433, 3306, 3389, 5900, 6379, 8080, 8443, 9200)
TCP, UDP, ICMP = 6, 17, 1


@dataclass(frozen=True, slots=True)
class Network:
    """One VPC with a flow log; `windows` are its capture windows in seconds."""

    name: str
    region: str
    machines: tuple[Machine, ...]
    custom: bool
    window: int


@dataclass(frozen=True, slots=True)
class Flow:
    """What one interface saw of one side of a conversation in one capture window."""

    at: int
    machine: Machine
    source: str
    target: str
    source_port: int
    target_port: int
    protocol: int
    packets: int
    size: int
    accepted: bool
    outward: bool
    flags: int


@dataclass(frozen=True, slots=True)
class FlowCounts:
    """How many lines and files were written, and how many lines are the intruder's."""

    lines: int
    objects: int
    intruder: int


def networks(company: Company) -> tuple[Network, Network]:
    """Return the two networks that have flow logs."""
    inside = tuple(company.fleet("web", "api", "worker", "bastion"))
    return (
        Network("prod", HOME, inside, custom=False, window=60),
        Network("edge", EDGE, tuple(company.fleet("edge")), custom=True, window=60),
    )


def write_flows(out: Path, company: Company, count: int, intruders: Sequence[str]) -> FlowCounts:
    """Write `count` lines over both networks; the intruder's are among those of the first."""
    first, second = networks(company)
    main = count - count * 2 // 5
    attack = _intrusion(company, first, intruders, main)
    lines = _Lines(company, first, main - len(attack))
    objects = _write(out, company, first, [*attack, *lines.everyday()])
    lines = _Lines(company, second, count - main)
    objects += _write(out, company, second, lines.everyday())
    return FlowCounts(count, objects, len(attack))


Line = tuple[int, str]


class _Lines:
    """The everyday traffic of one network, exactly `count` lines."""

    def __init__(self, company: Company, network: Network, count: int) -> None:
        self._company = company
        self._network = network
        self._count = count
        self._draw = Draw(company.seed, "flows", network.name)

    def everyday(self) -> list[Line]:
        kinds: list[tuple[float, Callable[[int], list[Flow]]]] = [
            (30, self._customer),
            (34, self._inside),
            (12, self._storage),
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
        draw = self._draw
        own = machine.ipv6 if ":" in peer else machine.ip
        near, far = draw.whole(1024, 65_535), port
        packets = draw.whole(3, 40)
        there, back = (sizes[0] + packets * 60, sizes[1] + packets * 52)
        if inward:
            return [
                Flow(at, machine, peer, own, near, far, TCP, packets, there, True, False, 3),
                Flow(at, machine, own, peer, far, near, TCP, packets + 2, back, True, True, 19),
            ]
        return [
            Flow(at, machine, own, peer, near, far, TCP, packets, there, True, True, 3),
            Flow(at, machine, peer, own, far, near, TCP, packets + 1, back, True, False, 19),
        ]

    def _customer(self, at: int) -> list[Flow]:
        front = [each for each in self._network.machines if each.name.split("-")[1] in {"web", "edge"}]
        machine = self._draw.pick(front)
        number = self._draw.whole(1, 60)
        peer = f"203.0.113.{100 + number}" if number < 45 else f"198.51.100.{100 + number}"
        if self._network.custom and self._draw.chance(0.3):
            peer = f"2001:db8:c0:{number:x}::{self._draw.whole(2, 9000):x}"
        sizes = (self._draw.whole(300, 4000), int(self._draw.random.expovariate(1 / 45_000)))
        return self._pair(at, machine, peer, 443, inward=True, sizes=sizes)

    def _inside(self, at: int) -> list[Flow]:
        machine, other = self._draw.some(self._network.machines, 2)
        port = self._draw.pick((8080, 8080, 5432, 6379, 9090))
        peer = other.ip if port == 8080 else f"{machine.ip.rsplit('.', 2)[0]}.50.{port % 200}"
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
        stores = OBJECT_STORE if self._network.custom else OBJECT_STORE[:2]
        sizes = (self._draw.whole(500, 400_000), self._draw.whole(500, 900_000))
        return self._pair(at, machine, self._draw.pick(stores), 443, inward=False, sizes=sizes)

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


def _intrusion(company: Company, network: Network, intruders: Sequence[str], room: int) -> list[Line]:
    """Return the intruder's shell on the bastion and the beacons of an implant, at most a tenth of `room`."""
    if not intruders:
        return []
    draw = Draw(company.seed, "flows", "intrusion")
    bastion = company.fleet("bastion")[0]
    worker = company.fleet("worker")[0]
    address = intruders[0]
    port = draw.whole(40_000, 60_000)
    flows: list[Flow] = []
    shell = 9 * HOUR + draw.whole(0, 10 * MINUTE)
    for minute in range(12):
        at = shell + minute * MINUTE
        packets = draw.whole(12, 300)
        flows.append(
            Flow(at, bastion, address, bastion.ip, port, 22, TCP, packets, packets * 90, True, False, 2)
        )
        flows.append(
            Flow(at, bastion, bastion.ip, address, 22, port, TCP, packets, packets * 160, True, True, 18)
        )
    for beacon in range(60):
        at = min(LAST, shell + 20 * MINUTE + beacon * 10 * MINUTE + draw.whole(0, 20 * SECOND))
        near = draw.whole(32_768, 60_999)
        size = 900 if beacon != 28 else 48_000_000
        flows.append(Flow(at, worker, worker.ip, intruders[-1], near, 8443, TCP, 9, size, True, True, 3))
        flows.append(Flow(at, worker, intruders[-1], worker.ip, 8443, near, TCP, 8, 720, True, False, 19))
    step = -(-len(flows) // max(4, room // 10))
    return [(flow.at, line(company, network, flow)) for flow in flows[::step]]


def _window(company: Company, network: Network, at: int) -> tuple[int, int]:
    start = company.midnight + at // SECOND
    return start, start + network.window - 2


def line(company: Company, network: Network, flow: Flow) -> str:
    """Return the flow as a line of its network's format."""
    start, end = _window(company, network, flow.at)
    action = "ACCEPT" if flow.accepted else "REJECT"
    machine = flow.machine
    text = (
        f"{5 if network.custom else 2} {machine.account} {machine.eni} {flow.source} {flow.target} "
        f"{flow.source_port} {flow.target_port} {flow.protocol} {flow.packets} {flow.size} {start} {end} "
        f"{action} OK"
    )
    if not network.custom:
        return text
    kind = "IPv6" if ":" in flow.source else "IPv4"
    path = "-"
    if flow.outward:
        path = "1" if flow.target.startswith("10.") else ("7" if flow.target in OBJECT_STORE else "8")
    direction = "egress" if flow.outward else "ingress"
    return (
        f"{text} {machine.vpc} {machine.subnet} {machine.id} {flow.flags} {kind} {flow.source} {flow.target} "
        f"{machine.region} {machine.az} {direction} {path}"
    )


def without_data(company: Company, network: Network, machine: Machine, at: int, status: str) -> str:
    """Return the line of a capture window without traffic (NODATA) or with lost records (SKIPDATA)."""
    start, end = _window(company, network, at)
    text = (
        f"{5 if network.custom else 2} {machine.account} {machine.eni} - - - - - - - {start} {end} - {status}"
    )
    if not network.custom:
        return text
    place = f"{machine.vpc} {machine.subnet} {machine.id} - - - - {machine.region} {machine.az} - -"
    return f"{text} {place}"


def _write(out: Path, company: Company, network: Network, lines: list[Line]) -> int:
    lines.sort()
    draw = Draw(company.seed, "flow-files", network.name)
    log = company.hex_id("fl", network.name)
    slots = (5, 10, 30, 60)
    slot = next((each for each in slots if len(lines) * each / 1440 >= 100), slots[-1]) * MINUTE
    header = CUSTOM if network.custom else DEFAULT
    objects = 0
    for number, group in groupby(lines, key=lambda each: min(each[0], DAY - 1) // slot):
        moment = company.moment((number + 1) * slot)
        name = f"{PROD.id}_vpcflowlogs_{network.region}_{log}_{moment:%Y%m%dT%H%MZ}_{draw.hex(8)}.log.gz"
        folder = f"AWSLogs/{PROD.id}/vpcflowlogs/{network.region}/{moment:%Y/%m/%d}"
        body = "\n".join([header, *(text for _, text in group)]) + "\n"
        write_gzip(out / folder / name, body.encode())
        objects += 1
    return objects
