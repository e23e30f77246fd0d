"""The audit trail against the decisions that it vouches for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tidewaiter.app.engine.bound import LOST, RESET, TRAIL
from tidewaiter.core.errors import DeliveryError, StateError
from tidewaiter.govern.audit import Finding, Line, identity_of, lines, verify
from tidewaiter.pipeline.deliver.decisions import ObjectKey, roots
from tidewaiter.state import open_state

KIND = "decisions"
FILE = "decisions_file"


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found, and how much was looked at."""

    findings: list[Finding]
    records: int
    objects: int


def verify_state(audit: Path, decisions: Path) -> Verified:
    """Check the chain in `audit`, and every object's decisions against the root that the chain has."""
    findings = verify(audit)
    every = [each for each in lines(audit) if isinstance(each, Line)]
    findings += [
        _about(each, str(each.record.body.get("reason"))) for each in every if each.record.kind == LOST
    ]
    anew = max((n for n, each in enumerate(every) if each.record.kind == RESET), default=-1)
    written = every[anew + 1 :]
    vouched: dict[ObjectKey, Line] = {_key(each): each for each in written if each.record.kind == KIND}
    changed = list(_changed(decisions, written))
    findings += [finding for _, finding in changed]
    try:
        unread = {name for name, _ in changed}
        there = roots(decisions, without=unread) if decisions.is_dir() else {}
    except DeliveryError as error:
        return Verified([*findings, Finding("decisions", 0, 0, error.message)], len(every), len(vouched))
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
    return Verified(findings, len(every), len(vouched))


def missing_trail(state_dir: Path, audit: Path) -> list[Finding]:
    """Say whether the trail that the state in `state_dir` notes as its own is not the one in `audit`.

    A state that a run holds, or that cannot be read, says nothing.
    """
    if not (state_dir / "state.db").is_file():
        return []
    try:
        with open_state(state_dir, read_only=True) as state:
            known = state.fact(TRAIL)
    except StateError:
        return []
    if not known or identity_of(audit) == known:
        return []
    return [Finding("audit", 0, 0, "the trail that this state had is not here")]


def _changed(folder: Path, written: Sequence[Line]) -> Iterator[tuple[str, Finding]]:
    """Yield every file of decisions that is not the one that was recorded; it is not parsed then."""
    known: dict[str, str] = {}
    for line in written:
        if line.record.kind == FILE:
            known[str(line.record.body.get("file"))] = str(line.record.body.get("sha256"))
    there = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.parquet")}
    for name, path in sorted(there.items()):
        if name not in known:
            yield name, Finding(f"decisions/{name}", 0, 0, "the trail does not know of this file")
        elif not path.is_file():
            yield name, Finding(f"decisions/{name}", 0, 0, "this is no file")
        elif sha256(path.read_bytes()).hexdigest() != known[name]:
            yield name, Finding(f"decisions/{name}", 0, 0, "the file is not the one that was recorded")


def _key(line: Line) -> ObjectKey:
    body = line.record.body
    return str(body.get("source")), str(body.get("object_id")), str(body.get("digest"))


def _about(line: Line, what: str) -> Finding:
    return Finding(line.file, line.number, line.offset, what)
