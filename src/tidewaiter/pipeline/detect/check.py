"""A detection against its own samples: each goes the whole way, from raw record to signal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from tidewaiter.content.detection_specs import SAMPLE_KINDS, DetectionSpec
from tidewaiter.core.errors import ContentError
from tidewaiter.core.event_id import object_prefix
from tidewaiter.core.objects import JsonChunk
from tidewaiter.pipeline.detect.detector import Detector, Match
from tidewaiter.pipeline.normalize import JsonRows, Normalizer


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a detection's proof; `sample` is `kind/file`, or the file or folder that lacks."""

    detection: str
    sample: str
    message: str

    def __str__(self) -> str:
        return f"detections/{self.detection}/{self.sample}: {self.message}"


def check_detection(spec: DetectionSpec, normalizer: Normalizer) -> list[Problem]:
    """Run every sample of `spec`; `normalizer` is that of the source which the rule reads.

    A hit must be taken by the branch that its file is named after, and every branch must have a hit; a miss
    and a look-alike must give no signal, and must be of an event the rule looks at, or they prove nothing.
    """
    detector = Detector([spec])
    problems: list[Problem] = []
    proven: set[str] = set()
    for kind in SAMPLE_KINDS:
        samples = list(spec.samples(kind))
        if not samples:
            problems.append(Problem(spec.id, kind, "no sample"))
        for name, raw in samples:
            sample = f"{kind}/{name}"
            wanted = name.split(".")[0] if kind == "hit" else None
            proven |= {wanted} if wanted else set()
            message = _verdict(spec, detector, normalizer, raw, wanted, sample)
            problems += [Problem(spec.id, sample, message)] if message else []
    problems += [
        Problem(spec.id, "rule.yaml", f"no hit proves the branch {branch.id!r}")
        for branch in spec.branches
        if branch.id not in proven
    ]
    return problems + list(_runbook(spec))


def _verdict(
    spec: DetectionSpec,
    detector: Detector,
    normalizer: Normalizer,
    raw: bytes,
    wanted: str | None,
    sample: str,
) -> str:
    try:
        record = msgspec.json.format(raw, indent=-1)
    except msgspec.MsgspecError as error:
        return f"not JSON: {error}"
    out = normalizer.normalize(
        JsonChunk([record], [0]), object_id=sample, prefix=object_prefix(spec.source, sample)
    )
    if out.quarantined:
        return f"not a record of {spec.source}: {out.quarantined[0].reason}"
    rows = [rows for rows in out.rows if isinstance(rows, JsonRows)]
    if not any(_looks_at(spec, rows) for rows in rows):
        return "an event that the rule does not look at"
    found = [match for batch in rows for match in detector.matches(batch)]
    return _compare(found, wanted)


def _compare(found: list[Match], wanted: str | None) -> str:
    branch = found[0].branch if found else None
    if branch == wanted:
        return ""
    if wanted is None:
        return f"must be silent, but {branch!r} speaks: {found[0].signal.statement}"
    return f"must be taken by {wanted!r}, but {f'{branch!r} takes it' if branch else 'nothing speaks'}"


def _looks_at(spec: DetectionSpec, rows: JsonRows) -> bool:
    return any(
        getattr(record, "eventName", "") in spec.events.get(getattr(record, "eventSource", ""), ())
        for record in rows.records
    )


def _runbook(spec: DetectionSpec) -> Iterator[Problem]:
    try:
        if not spec.runbook.strip():
            yield Problem(spec.id, "runbook.md", "is empty")
    except ContentError as error:
        yield Problem(spec.id, "runbook.md", error.message)
