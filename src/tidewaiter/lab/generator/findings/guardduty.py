"""GuardDuty findings and their updates.

After "GuardDuty finding format" and "GuardDuty finding aggregation" (Amazon GuardDuty User Guide, read
2026-11): a finding that is seen again keeps its id; its count grows, `updatedAt` and `eventLastSeen` move.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from tidewaiter.lab.generator.company import Company
from tidewaiter.lab.generator.draw import fixed_code
from tidewaiter.lab.generator.findings.shapes import Json, action, resource
from tidewaiter.lab.generator.others import Finding
from tidewaiter.lab.generator.rhythm import LAST, MINUTE, SECOND

encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Update:
    """One state of a finding: when it was published, when last seen, how often, and its JSON members."""

    at: int
    id: str
    arn: str
    seen: int
    count: int
    finding: Finding
    body: Json


def precise(company: Company, at: int) -> str:
    """Return a time with milliseconds, `2026-03-17T08:15:42.123Z`."""
    return f"{company.stamp(at)[:-1]}.{at % 1000:03d}Z"


def detector(company: Company, account: str, region: str) -> str:
    """Return the id of the detector of an account and region."""
    return fixed_code(32, "0123456789abcdef", company.seed, "detector", account, region)


class Guard:
    """Turns findings into their states."""

    def __init__(self, company: Company) -> None:
        """Open the stream of ids."""
        self._company = company
        self._draw = company.stream("guardduty")

    def updates(self, finding: Finding) -> list[Update]:
        """Return the finding as it was first published and after each repeat that falls in the day.

        Raises:
            UsageError: it names a machine that the company does not have.
        """
        company = self._company
        identifier = self._draw.hex(32)
        found = detector(company, finding.account, finding.region)
        place = f"{finding.region}:{finding.account}:detector/{found}"
        arn = f"arn:aws:guardduty:{place}/finding/{identifier}"
        about, seen = resource(company, finding), action(company, finding)
        states: list[Update] = []
        published = created = -1
        for count, at in enumerate((finding.at, *sorted(finding.repeats)), start=1):
            if at > LAST:
                break
            published = max(min(at + self._draw.whole(2 * MINUTE, 7 * MINUTE), LAST), published + SECOND)
            if published > LAST:
                break
            created = created if states else published
            service = self._service(finding, seen, found, at, count)
            body: Json = {
                "schemaVersion": "2.0",
                "accountId": finding.account,
                "region": finding.region,
                "partition": "aws",
                "id": identifier,
                "arn": arn,
                "type": finding.type,
                "resource": about,
                "service": service,
                "severity": finding.severity,
                "createdAt": self._stamp(created),
                "updatedAt": self._stamp(published),
                "title": finding.title,
                "description": f"{finding.title}.",
            }
            states.append(Update(published, identifier, arn, at, count, finding, body))
        return states

    def _stamp(self, at: int) -> str:
        return precise(self._company, at)

    def _service(self, finding: Finding, seen: Json | None, found: str, last: int, count: int) -> Json:
        service: Json = {"serviceName": "guardduty", "detectorId": found}
        if seen is not None:
            service["action"] = seen
        return service | {
            "resourceRole": "ACTOR" if finding.type.startswith(("Backdoor", "CryptoCurrency")) else "TARGET",
            "additionalInfo": {"type": "default", "value": "{}"},
            "evidence": None,
            "eventFirstSeen": self._stamp(finding.at),
            "eventLastSeen": self._stamp(last),
            "archived": False,
            "count": count,
        }
