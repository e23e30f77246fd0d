"""Which objects there are, which of them are new, and what else lies in the folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from tidewaiter.content import SourceSpec
from tidewaiter.core.errors import UsageError
from tidewaiter.core.faults import Fault
from tidewaiter.core.objects import SourceObject
from tidewaiter.pipeline.sources.folder import Unreadable, Unrecognized, discover
from tidewaiter.state import Claim


@dataclass(frozen=True, slots=True)
class PlannedObject:
    """One object to work on, with the claim that its success will write."""

    object: SourceObject
    claim: Claim


@dataclass(slots=True)
class Plan:
    """What a run has before it. `claimed` counts objects that an earlier run delivered.

    `unreadable` holds what cannot be read, as pairs of source ("" when unknown) and fault. `pulled` says that
    findings were asked for in the workspace: there may be none, and nothing is wrong then.
    """

    objects: list[PlannedObject] = field(default_factory=list)
    claimed: int = 0
    unrecognized: list[Unrecognized] = field(default_factory=list)
    unreadable: list[tuple[str, Fault]] = field(default_factory=list)
    pulled: bool = False

    @property
    def size(self) -> int:
        """Bytes on disk of the objects to work on."""
        return sum(item.object.size for item in self.objects)

    @property
    def known(self) -> bool:
        """Whether anything there is of a known source, or might be."""
        return bool(self.objects or self.claimed or self.unreadable or self.pulled)


def make_plan(root: Path, specs: Mapping[str, SourceSpec], versions: Mapping[str, Sequence[Claim]]) -> Plan:
    """Look through `root`; objects whose bytes are already claimed under their id are left out.

    Raises:
        UsageError: `root` is missing, cannot be read or holds no file.
    """
    check_root(root)
    plan = Plan()
    for found in discover(root, {name: spec.recognition for name, spec in specs.items()}):
        if isinstance(found, Unrecognized):
            if not found.hidden:
                plan.unrecognized.append(found)
        elif isinstance(found, Unreadable):
            plan.unreadable.append((found.source or "", found.fault))
        else:
            _take(plan, found, versions.get(found.id, ()))
    return plan


def add_objects(plan: Plan, objects: Iterable[SourceObject], versions: Mapping[str, Sequence[Claim]]) -> None:
    """Add objects of our own making to a plan; those whose bytes are claimed are left out and not counted."""
    claimed = plan.claimed
    for found in objects:
        _take(plan, found, versions.get(found.id, ()))
    plan.claimed = claimed


def check_root(root: Path) -> None:
    """Raise UsageError when `root` is missing or cannot be read; what lies in it is another matter."""
    discover(root, {})
    if not os.access(root, os.R_OK | os.X_OK if root.is_dir() else os.R_OK):
        raise UsageError(f"{root} cannot be read: Permission denied", hint="check its permissions")


def _take(plan: Plan, found: SourceObject, known: Sequence[Claim]) -> None:
    try:
        mtime_ns = found.path.stat().st_mtime_ns
        if any(claim.size == found.size and claim.mtime_ns == mtime_ns for claim in known):
            plan.claimed += 1
            return
        digest = digest_of(found.path)
    except OSError as error:
        hint = "check that it is still there and that this user may read it, then run again"
        fault = Fault(found.id, "unreadable", f"cannot be read: {error.strerror or error}", hint)
        plan.unreadable.append((found.source, fault))
        return
    if any(claim.digest == digest for claim in known):
        plan.claimed += 1
        return
    claim = Claim(found.id, digest, found.source, found.kind, found.size, mtime_ns)
    plan.objects.append(PlannedObject(found, claim))


def digest_of(path: Path) -> str:
    """Return 32 hex characters that stand for a file's bytes."""
    digest = blake2b(digest_size=16)
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()
