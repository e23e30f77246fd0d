"""Lines of VPC Flow Logs: version 2's fourteen fields by default, those of versions 3 to 5 at the edge.

Formats after "Flow log records" (Amazon VPC User Guide, read 2026-11).
"""

from __future__ import annotations

from dataclasses import dataclass

from tidewaiter.lab.generator.company import DATA, DEV, EDGE, HOME, OBJECT_STORE, PROD, Company, Machine
from tidewaiter.lab.generator.rhythm import SECOND

DEFAULT = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end "
    "action log-status"
)
CUSTOM = (
    f"{DEFAULT} vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr region az-id "
    "flow-direction traffic-path"
)
PROBED = (22, 23, 80, 445, 1433, 3306, 3389, 5900, 6379, 8080, 8443, 9200)
TCP, UDP, ICMP = 6, 17, 1


@dataclass(frozen=True, slots=True)
class Network:
    """One VPC with a flow log; `window` is its capture window in seconds, `share` its part of the traffic."""

    name: str
    account: str
    region: str
    machines: tuple[Machine, ...]
    share: float
    custom: bool = False
    window: int = 60


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


def networks(company: Company) -> tuple[Network, ...]:
    """Return the networks: one per account and region that has machines, the edge with a custom format."""
    inside = tuple(company.fleet("web", "api", "worker", "bastion"))
    return (
        Network("prod", PROD.id, HOME, inside, 50),
        Network("edge", PROD.id, EDGE, tuple(company.fleet("edge")), 30, custom=True),
        Network("lake", DATA.id, HOME, tuple(company.fleet("batch")), 12),
        Network("sandbox", DEV.id, HOME, tuple(company.fleet("sandbox")), 8),
    )


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
