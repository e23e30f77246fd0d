"""The audit trail against the decisions that it vouches for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tidewaiter.core.errors import DeliveryError
from tidewaiter.govern.audit import Finding, Line, lines, verify
from tidewaiter.pipeline.deliver.decisions import ObjectKey, roots

KIND = "decisions"


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found, and how much was looked at."""

    findings: list[Finding]
    records: int
    objects: int


def verify_state(audit: Path, decisions: Path) -> Verified:
    """Check the chain in `audit`, and every object's decisions against the root that the chain has."""
    findings = verify(audit)
    written = [each for each in lines(audit) if isinstance(each, Line)]
    vouched: dict[ObjectKey, Line] = {_key(each): each for each in written if each.record.kind == KIND}
    try:
        there = roots(decisions) if decisions.is_dir() else {}
    except DeliveryError as error:
        return Verified([*findings, Finding("decisions", 0, 0, error.message)], len(written), len(vouched))
    for key, line in vouched.items():
        wanted = line.record.body.get("count"), line.record.body.get("root")
        if key not in there:
            findings.append(_about(line, f"the decisions of {key[1]} are missing"))
        elif there[key] != wanted:
            findings.append(_about(line, f"the decisions of {key[1]} are not those that were recorded"))
    findings += [
        Finding("decisions", 0, 0, f"the trail does not know of decisions of {key[1]}")
        for key in sorted(there.keys() - vouched.keys())
    ]
    return Verified(findings, len(written), len(vouched))


def _key(line: Line) -> ObjectKey:
    body = line.record.body
    return str(body.get("source")), str(body.get("object_id")), str(body.get("digest"))


def _about(line: Line, what: str) -> Finding:
    return Finding(line.file, line.number, line.offset, what)
