"""The findings of every day: the internet knocks, and somebody looks at a setting."""

from __future__ import annotations

from tidewaiter.lab.generator.company import DATA, HOME, Company, Machine
from tidewaiter.lab.generator.draw import Draw
from tidewaiter.lab.generator.entra.people import people
from tidewaiter.lab.generator.flows import PROBED
from tidewaiter.lab.generator.identity import permission_set_role
from tidewaiter.lab.generator.others import Finding
from tidewaiter.lab.generator.rhythm import DAY, HOUR, MINUTE


def everyday(company: Company, count: int) -> list[Finding]:
    """Return `count` findings of low severity in the order of time; some are seen again and again."""
    draw = company.stream("findings")
    open_to_all = [each for each in company.machines if each.name.split("-")[1] in {"edge", "bastion"}]
    found = [_knock(draw, draw.pick(open_to_all), brute=number % 4 == 1) for number in range(count)]
    found[::9] = [_other(company, draw, number) for number in range(len(found[::9]))]
    return sorted(found, key=lambda finding: finding.at)


def _times(draw: Draw) -> tuple[int, tuple[int, ...]]:
    at = int(draw.between(0, DAY - HOUR))
    again = int(draw.random.expovariate(1 / 1.6))
    later = sorted(int(draw.between(at + 15 * MINUTE, DAY - 10 * MINUTE)) for _ in range(min(again, 6)))
    return at, tuple(later)


def _scanner(draw: Draw) -> str:
    return f"{draw.pick(('192.0.2', '198.51.100', '203.0.113'))}.{draw.whole(236, 254)}"


def _knock(draw: Draw, machine: Machine, *, brute: bool) -> Finding:
    at, repeats = _times(draw)
    number = 22 if brute else draw.pick(PROBED)
    kind = "UnauthorizedAccess:EC2/SSHBruteForce" if brute else "Recon:EC2/PortProbeUnprotectedPort"
    address = _scanner(draw)
    said = (
        f"{address} is performing SSH brute force attacks against {machine.id}"
        if brute
        else f"Unprotected port on EC2 instance {machine.id} is being probed"
    )
    return Finding(
        at,
        kind,
        2.0,
        said,
        machine.account,
        machine.region,
        "network" if brute else "probe",
        machine.id,
        address=address,
        port=number,
        repeats=repeats,
    )


def _other(company: Company, draw: Draw, number: int) -> Finding:
    at, repeats = _times(draw)
    worker = draw.pick(company.machines)
    if number % 2:
        domain = "telemetry.freeware.example"
        return Finding(
            at,
            "Impact:EC2/SuspiciousDomainRequest.Reputation",
            3.0,
            f"EC2 instance {worker.id} queried a domain of low reputation",
            worker.account,
            worker.region,
            "dns",
            worker.id,
            domain=domain,
            repeats=repeats,
        )
    reader = next(each for each in people(company) if each.upn.startswith("tomas."))
    role, _ = permission_set_role(company, DATA.id, "DataReader")
    return Finding(
        draw.whole(8 * HOUR, 14 * HOUR),
        "Discovery:S3/AnomalousBehavior",
        2.0,
        f"S3 objects were listed in an unusual way by AssumedRole:{role}",
        DATA.id,
        HOME,
        "api",
        f"arn:aws:sts::{DATA.id}:assumed-role/{role}/{reader.upn}",
        address=reader.address,
        api="ListObjects",
        service="s3.amazonaws.com",
        key_id=company.unique_id("ASIA", DATA.id, role, reader.upn, str(number)),
        bucket="kr-lake-curated",
    )
