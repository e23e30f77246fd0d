"""GuardDuty's export and Security Hub's findings, each batch an object of JSON lines.

GuardDuty exports active findings within five minutes to
`AWSLogs/<account>/GuardDuty/<region>/yyyy/mm/dd/<uuid>.jsonl.gz` ("Exporting generated GuardDuty findings to
Amazon S3 buckets", Amazon GuardDuty User Guide, read 2026-11). Security Hub has no export of its own: the
company's home region sends EventBridge's events through a delivery stream ("EventBridge event types for
Security Hub", AWS Security Hub User Guide, read 2026-11), the others plain ASFF, both below
`AWSLogs/<account>/SecurityHub/<region>/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tidewaiter.lab.generator.company import HOME, Company
from tidewaiter.lab.generator.findings.everyday import everyday
from tidewaiter.lab.generator.findings.guardduty import Guard, encode
from tidewaiter.lab.generator.findings.hub import Hub, HubFinding
from tidewaiter.lab.generator.findings.shapes import Json
from tidewaiter.lab.generator.others import Finding
from tidewaiter.lab.generator.rhythm import MINUTE
from tidewaiter.lab.generator.slots import Pages, Placed, write_packed

FEWEST, PER_EVENT = 6, 1 / 3_000
"""Everyday GuardDuty findings: at least so many, and so many per CloudTrail event (updates come on top)."""

CHECKS_PER_EVENT = 1 / 250
_BATCH = 5 * MINUTE
_HUB_BATCH = 30 * MINUTE


@dataclass(frozen=True, slots=True)
class FindingCounts:
    """Records and objects written; each asked-for finding is placed once per update in `guardduty`.

    `hub` says where Security Hub's copies of them lie (id = the ASFF `Id`, which is the finding's ARN).
    """

    guardduty_records: int
    guardduty_objects: int
    hub_records: int
    hub_objects: int
    guardduty: tuple[Placed, ...]
    hub: tuple[Placed, ...]


def write_findings(out: Path, company: Company, events: int, asked: Sequence[Finding] = ()) -> FindingCounts:
    """Write the day's findings: everyday ones of low severity, those asked for, Security Hub's checks.

    Args:
        out: folder above `AWSLogs/`.
        company: whose accounts are watched.
        events: number of CloudTrail events of the day, which scales the everyday findings.
        asked: findings that must occur, with their updates.

    Raises:
        UsageError: an asked-for finding names a machine that the company does not have.
        OSError: `out` cannot be written.
    """
    guard, hub = Guard(company), Hub(company)
    writer = _Writer(out, company)
    background = everyday(company, max(FEWEST, round(events * PER_EVENT)))
    pages, copies = Pages({}), []
    numbered = [*enumerate(asked), *((-1, finding) for finding in background)]
    for number, finding in numbered:
        for update in guard.updates(finding):
            place = f"{finding.account}/{finding.region}/{update.at // _BATCH:03d}"
            pages.add(place, update.at, encode(update.body), number, update.id)
            copies.append(hub.imported(update, number))
    guardduty = tuple(pages.turn(writer.guardduty))
    checks = hub.checks(max(20, round(events * CHECKS_PER_EVENT)))
    folders = Pages({})
    for state in (*copies, *checks):
        place = f"{state.account}/{state.region}/{state.at // _HUB_BATCH:02d}"
        folders.add(place, state.at, encode(writer.wrapped(state)), state.source, state.id)
    imported = tuple(folders.turn(writer.hub))
    return FindingCounts(
        pages.count,
        writer.guardduty_objects,
        folders.count,
        writer.hub_objects,
        _sorted(guardduty),
        _sorted(imported),
    )


def _sorted(placed: tuple[Placed, ...]) -> tuple[Placed, ...]:
    return tuple(sorted(placed, key=lambda each: (each.number, each.object, each.line)))


class _Writer:
    def __init__(self, out: Path, company: Company) -> None:
        self._out = out
        self._company = company
        self._draw = company.stream("finding-files")
        self.guardduty_objects = self.hub_objects = 0

    def guardduty(self, place: str, records: list[bytes]) -> str:
        self.guardduty_objects += 1
        return self._object("GuardDuty", place, records)

    def hub(self, place: str, records: list[bytes]) -> str:
        self.hub_objects += 1
        return self._object("SecurityHub", place, records)

    def _object(self, service: str, place: str, records: list[bytes]) -> str:
        account, region, _ = place.split("/")
        key = (
            f"AWSLogs/{account}/{service}/{region}/{self._company.day:%Y/%m/%d}/{self._draw.uuid()}.jsonl.gz"
        )
        write_packed(self._out / key, b"\n".join(records) + b"\n")
        return key

    def wrapped(self, state: HubFinding) -> Json:
        """Return the finding as the region's way delivers it: inside an event at home, plain elsewhere."""
        if state.region != HOME:
            return state.body
        return {
            "version": "0",
            "id": self._draw.uuid(),
            "detail-type": "Security Hub Findings - Imported",
            "source": "aws.securityhub",
            "account": state.account,
            "time": self._company.stamp(state.at),
            "region": state.region,
            "resources": [f"{state.body['ProductArn']}/{state.id}"],
            "detail": {"findings": [state.body]},
        }
