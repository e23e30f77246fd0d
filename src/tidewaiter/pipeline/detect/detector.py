"""The stage: a batch of rows in, signals out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tidewaiter.asim.mapping import operators
from tidewaiter.asim.mapping.evaluate import evaluate, resolve, truth
from tidewaiter.asim.mapping.expression import Expr
from tidewaiter.content.detection_file import EntityKind
from tidewaiter.content.detection_specs import Branch, Call, DetectionSpec, Temper
from tidewaiter.core.errors import ContentError, ContentErrors, Location
from tidewaiter.core.findings import SEVERITIES, Entity, Signal
from tidewaiter.pipeline.detect.actor import Actor, actor_of
from tidewaiter.pipeline.detect.functions import FUNCTIONS
from tidewaiter.pipeline.detect.narrow import possible
from tidewaiter.pipeline.detect.scope import LazyObject, Scope
from tidewaiter.pipeline.detect.statement import clean, fill
from tidewaiter.pipeline.normalize import JsonRows

_FUNCTIONS = {name: known.function for name, known in FUNCTIONS.items()}
_ID = 2048
"""Characters of an entity's id; an ARN has at most that many."""


@dataclass(frozen=True, slots=True)
class Match:
    """A signal and the branch of the rule that spoke."""

    branch: str
    signal: Signal


class Detector:
    """Detections, indexed by event source and event name: an event that none names costs one look-up.

    `failures` counts the evaluations that broke on a record: such a branch is taken not to hold, and the
    rest of the rule and of the batch goes on.
    """

    def __init__(self, specs: Iterable[DetectionSpec]) -> None:
        self.failures = 0
        errors: list[ContentError] = []
        self._index: dict[str, dict[str, list[tuple[DetectionSpec, tuple[Branch, ...]]]]] = {}
        for spec in specs:
            errors += _wrong_calls(spec)
            for source, names in spec.events.items():
                for name in names:
                    watching = self._index.setdefault(source, {}).setdefault(name, [])
                    watching.append((spec, possible(spec, source, name)))
        if errors:
            raise ContentErrors(errors)

    def detect(self, rows: JsonRows) -> list[Signal]:
        """Return the signals of a batch, in its order; at most one per record and detection."""
        return [match.signal for match in self.matches(rows)]

    def matches(self, rows: JsonRows) -> Iterator[Match]:
        """Yield the signals of a batch together with the branches that they come from."""
        index = self._index
        for place, record in enumerate(rows.records):
            names = index.get(getattr(record, "eventSource", None) or "")
            watching = names.get(getattr(record, "eventName", None) or "") if names else None
            if not watching:
                continue
            event, row = LazyObject(rows.raws[place]), LazyObject(rows.heads[place])
            for spec, branches in watching:
                scope = Scope(event, row, spec.lets, _FUNCTIONS)
                try:
                    match = self._examine(spec, branches, scope, rows.ids[place])
                except Exception:  # a hostile record cannot break the stage; `failures` tells
                    self.failures += 1
                    continue
                if match is not None:
                    yield match

    def _examine(
        self, spec: DetectionSpec, branches: Sequence[Branch], scope: Scope, event_id: str
    ) -> Match | None:
        branch = next((branch for branch in branches if self._holds(branch.condition, scope)), None)
        if branch is None or any(self._holds(condition, scope) for condition in spec.unless):
            return None
        tempers = [temper for temper in spec.tempers if self._holds(temper.condition, scope)]
        return Match(branch.id, _signal(spec, branch, tempers, scope, event_id))

    def _holds(self, condition: Expr, scope: Scope) -> bool:
        try:
            return truth(condition, scope, {})
        except Exception:
            self.failures += 1
            return False


def _signal(
    spec: DetectionSpec, branch: Branch, tempers: Iterable[Temper], scope: Scope, event_id: str
) -> Signal:
    severity, confidence = branch.severity, branch.confidence
    statement, title = fill(branch.statement, scope), branch.title
    for temper in tempers:
        severity = min(severity, temper.at_most, key=SEVERITIES.index)
        confidence *= temper.times
        statement = f"{fill(temper.lead, scope)}{statement}{fill(temper.note, scope)}"
        title = f"{temper.prefix} {title[0].lower()}{title[1:]}" if temper.prefix else title
    actor = actor_of(scope["event"])
    return Signal(
        detector=spec.id,
        event_id=event_id,
        at=str(scope["row"]["EventStartTime"]),
        actor=actor.key,
        title=title,
        severity=severity,
        confidence=round(confidence, 4),
        technique=branch.technique.id,
        tactic=branch.technique.tactic,
        statement=statement,
        entities=tuple(_entities(spec, scope, actor)),
    )


def _entities(spec: DetectionSpec, scope: Scope, actor: Actor) -> Iterator[Entity]:
    arn = resolve(("userIdentity", "arn"), scope["event"])
    name = scope["row"].get("ActorUsername") or actor.name
    found: dict[tuple[EntityKind, str], str] = {
        ("Account", clean(str(arn or actor.key), _ID)): clean(str(name)),
    }
    if address := scope["row"].get("SrcIpAddr"):
        found["IP", str(address)] = str(address)
    for entity in spec.entities:
        id_ = clean(operators.text(evaluate(entity.id, scope, {})), _ID)
        called = clean(operators.text(evaluate(entity.name, scope, {})))
        if id_ and called:
            found.setdefault((entity.kind, id_), called)
    for (kind, id_), called in found.items():
        yield Entity(kind, id_, called)


def _wrong_calls(spec: DetectionSpec) -> Iterator[ContentError]:
    for name, let in spec.lets.items():
        if not isinstance(let, Call):
            continue
        known = FUNCTIONS.get(let.function)
        at = Location(f"detections/{spec.id}/rule.yaml ({name})")
        if known is None:
            yield ContentError(
                f"unknown function {let.function!r}", at=at, hint=f"functions: {', '.join(FUNCTIONS)}"
            )
        elif known.arguments != len(let.args):
            yield ContentError(
                f"{let.function} takes {known.arguments} arguments, got {len(let.args)}", at=at
            )
