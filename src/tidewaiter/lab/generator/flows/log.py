"""The flow logs' files: an object per network every few minutes, each with its header."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from tidewaiter.core.errors import UsageError
from tidewaiter.lab.generator.company import Company, Machine
from tidewaiter.lab.generator.draw import Draw
from tidewaiter.lab.generator.flows.line import CUSTOM, DEFAULT, TCP, Flow, Network, line, networks
from tidewaiter.lab.generator.flows.traffic import Contact, Traffic, segments
from tidewaiter.lab.generator.others import Connection
from tidewaiter.lab.generator.rhythm import DAY, LAST, MINUTE, shares
from tidewaiter.lab.generator.slots import Placed
from tidewaiter.lab.generator.trail import write_gzip

_Line = tuple[int, str, int]


@dataclass(frozen=True, slots=True)
class FlowCounts:
    """Lines and files written, where the asked-for lines lie, and when whom was first connected to."""

    lines: int
    objects: int
    placed: tuple[Placed, ...]
    contacts: tuple[Contact, ...]


def write_flows(out: Path, company: Company, count: int, asked: Sequence[Connection] = ()) -> FlowCounts:
    """Write `count` everyday lines over all networks, and those of the asked-for connections.

    Args:
        out: folder above `AWSLogs/`.
        company: whose machines talk.
        count: everyday lines, NODATA and SKIPDATA included.
        asked: connections that must occur, two lines each (one where refused).

    Raises:
        UsageError: an asked-for connection names a machine that the company does not have.
        OSError: `out` cannot be written.
    """
    known = networks(company)
    wanted = _wanted(company, known, asked)
    placed: list[Placed] = []
    contacts: list[Contact] = []
    objects = 0
    for network, part in zip(known, shares(count, [each.share for each in known]), strict=True):
        traffic = Traffic(company, network, part)
        lines = [(at, text, -1) for at, text in traffic.lines()] + wanted.get(network.name, [])
        made, found = _write(out, company, network, lines)
        objects += made
        placed += found
        contacts += traffic.contacts.values()
    total = count + sum(len(lines) for lines in wanted.values())
    ordered = sorted(placed, key=lambda each: (each.number, each.object, each.line))
    first = sorted(contacts, key=lambda each: (each.at, each.machine, each.there.address))
    return FlowCounts(total, objects, tuple(ordered), tuple(first))


def _wanted(
    company: Company, known: Sequence[Network], asked: Sequence[Connection]
) -> dict[str, list[_Line]]:
    """The lines of the asked-for connections, by network."""
    draw = company.stream("flows", "asked")
    homes = {
        name: (network, each)
        for network in known
        for each in network.machines
        for name in (each.id, each.name)
    }
    found: dict[str, list[_Line]] = {}
    for number, connection in enumerate(asked):
        if connection.machine not in homes:
            raise UsageError(
                f"no machine {connection.machine!r}", hint="give an instance id or name of the company"
            )
        network, machine = homes[connection.machine]
        lines = found.setdefault(network.name, [])
        for flow in _sides(draw, connection, machine):
            lines.append((flow.at, line(company, network, flow), number))
    return found


def _sides(draw: Draw, asked: Connection, machine: Machine) -> list[Flow]:
    """What the machine's interface saw: there and back, or the refused first packet alone."""
    at = min(max(asked.at, 0), LAST)
    own = machine.ipv6 if ":" in asked.peer else machine.ip
    near = draw.whole(32_768, 60_999)
    out, back = segments(asked.sent, asked.received)
    near, far = (asked.port, near) if asked.inward else (near, asked.port)
    if not asked.accepted:
        ends = (asked.peer, own, far, near) if asked.inward else (own, asked.peer, near, far)
        return [Flow(at, machine, *ends, TCP, 1, 60, False, not asked.inward, 2)]
    sizes = asked.sent + 52 * out, asked.received + 52 * back
    sent = Flow(at, machine, own, asked.peer, near, far, TCP, out, sizes[0], True, True, 3)
    received = Flow(at, machine, asked.peer, own, far, near, TCP, back, sizes[1], True, False, 19)
    return [received, sent] if asked.inward else [sent, received]


def _write(out: Path, company: Company, network: Network, lines: list[_Line]) -> tuple[int, list[Placed]]:
    """Write a network's files; return how many, and where asked-for lines lie (the header does not count)."""
    lines.sort()
    draw = company.stream("flow-files", network.name)
    log = company.hex_id("fl", network.name)
    slots = (5, 10, 30, 60)
    slot = next((each for each in slots if len(lines) * each / 1440 >= 100), slots[-1]) * MINUTE
    header = CUSTOM if network.custom else DEFAULT
    placed: list[Placed] = []
    objects = 0
    for number, group in groupby(lines, key=lambda each: min(each[0], DAY - 1) // slot):
        moment = company.moment((number + 1) * slot)
        name = (
            f"{network.account}_vpcflowlogs_{network.region}_{log}_{moment:%Y%m%dT%H%MZ}_{draw.hex(8)}.log.gz"
        )
        key = f"AWSLogs/{network.account}/vpcflowlogs/{network.region}/{moment:%Y/%m/%d}/{name}"
        texts = [header]
        for _, text, asked in group:
            if asked >= 0:
                placed.append(Placed(asked, "", key, len(texts) - 1))
            texts.append(text)
        write_gzip(out / key, ("\n".join(texts) + "\n").encode())
        objects += 1
    return objects, placed
