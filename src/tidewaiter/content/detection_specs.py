"""A detection's folder: the rule, the events that prove it, and what to do when it speaks.

    content/detections/<id>/
        rule.yaml                 which events it looks at, when it speaks, what it says
        hit/<branch>[.what].json  one CloudTrail record that the branch of that id must take
        miss/*.json               records of events it looks at, on which it must be silent
        lookalike/*.json          innocent records that resemble a hit; silent too
        runbook.md                what it means, how to check, what to do, when it is wrong

All text in `rule.yaml` that decides or names something is an expression of the mapping language
(`asim.mapping.expression`) over `event` (the source's record), `row` (its ASIM row) and the rule's `lets`.
A let is an expression, or `{function: [expression, …]}` where pipeline.detect has a function of that name.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from tidewaiter.asim.mapping.expression import Expr, Field, Op, parse, walk
from tidewaiter.asim.schema import tables
from tidewaiter.content.detection_file import (
    BranchFile,
    EntityFile,
    EntityKind,
    RuleFile,
    TechniqueFile,
    TemperFile,
)
from tidewaiter.content.folders import Folder, folders
from tidewaiter.core.errors import ContentError, ContentErrors, Location
from tidewaiter.core.findings import Severity

SAMPLE_KINDS = ("hit", "miss", "lookalike")
_PLACE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Technique:
    """An ATT&CK technique in the role of one tactic."""

    id: str
    name: str
    tactic: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence without its full stop; `parts` are its fixed texts and the expressions between them."""

    parts: tuple[str | Expr, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A let that a function of pipeline.detect computes from `args`."""

    function: str
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """One way for the rule to be true, with what it then says."""

    id: str
    title: str
    condition: Expr
    severity: Severity
    confidence: float
    technique: Technique
    statement: Statement


@dataclass(frozen=True, slots=True)
class Temper:
    """A circumstance that makes any branch less grave: severity at most, confidence times."""

    condition: Expr
    at_most: Severity
    times: float
    prefix: str
    lead: Statement
    note: Statement


@dataclass(frozen=True, slots=True)
class EntityTemplate:
    """An entity that a signal names when both expressions give a text."""

    kind: EntityKind
    id: Expr
    name: Expr


@dataclass(frozen=True)
class DetectionSpec:
    """One detection, parsed. `events` maps an event source to the event names the rule looks at."""

    id: str
    title: str
    description: str
    source: str
    severity: Severity
    confidence: float
    technique: Technique
    events: Mapping[str, tuple[str, ...]]
    lets: Mapping[str, Expr | Call]
    unless: tuple[Expr, ...]
    branches: tuple[Branch, ...]
    tempers: tuple[Temper, ...]
    entities: tuple[EntityTemplate, ...]
    folder: Folder

    @property
    def runbook(self) -> str:
        """The runbook's Markdown.

        Raises:
            ContentError: there is none.
        """
        return self.folder.read("runbook.md").decode()

    def samples(self, kind: str) -> Iterator[tuple[str, bytes]]:
        """Yield (file name, bytes) of the samples of one kind: hit, miss or lookalike."""
        for name in self.folder.names(kind):
            if name.endswith(".json"):
                yield name, self.folder.read(f"{kind}/{name}")


@lru_cache(maxsize=1)
def detections() -> dict[str, DetectionSpec]:
    """Return every detection by id.

    Raises:
        ContentErrors: everything that is wrong in any of them.
    """
    found: dict[str, DetectionSpec] = {}
    errors: list[ContentError] = []
    for folder in folders("detections"):
        try:
            found[folder.id] = load_detection(folder)
        except ContentErrors as several:
            errors += several.errors
        except ContentError as error:
            errors.append(error)
    if errors:
        raise ContentErrors(errors)
    return found


def load_detection(folder: Folder) -> DetectionSpec:
    """Read and parse `rule.yaml` of one folder.

    Raises:
        ContentError: the file is missing or not of its shape.
        ContentErrors: every expression that is wrong, with its place.
    """
    path = f"detections/{folder.id}/rule.yaml"
    try:
        file = msgspec.yaml.decode(folder.read("rule.yaml"), type=RuleFile)
    except msgspec.MsgspecError as error:
        raise ContentError(str(error), at=Location(path)) from None
    reader = _Reader(path)
    spec = reader.spec(folder, file)
    if reader.errors:
        raise ContentErrors(reader.errors)
    return spec


class _Reader:
    """Parses one rule; collects errors instead of stopping at the first."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.errors: list[ContentError] = []
        self.names = {"event", "row"}

    def spec(self, folder: Folder, file: RuleFile) -> DetectionSpec:
        technique = _technique(file.technique)
        lets = {name: self.let(name, written) for name, written in file.lets.items()}
        ids = [branch.id for branch in file.when]
        for id_ in sorted({id_ for id_ in ids if ids.count(id_) > 1}):
            self.error(f"two branches have the id {id_!r}", id_)
        return DetectionSpec(
            id=folder.id,
            title=file.title,
            description=file.description,
            source=file.source,
            severity=file.severity,
            confidence=file.confidence,
            technique=technique,
            events={source: tuple(names) for source, names in file.events.items()},
            lets=lets,
            unless=tuple(self.expr(text, "unless") for text in file.unless),
            branches=tuple(self.branch(branch, file, technique) for branch in file.when),
            tempers=tuple(self.temper(temper) for temper in file.temper),
            entities=tuple(self.entity(entity) for entity in file.entities),
            folder=folder,
        )

    def branch(self, file: BranchFile, rule: RuleFile, technique: Technique) -> Branch:
        return Branch(
            file.id,
            file.title or rule.title,
            self.expr(file.condition, file.id),
            file.severity or rule.severity,
            rule.confidence if file.confidence is None else file.confidence,
            technique if file.technique is None else _technique(file.technique),
            self.statement(file.statement, file.id),
        )

    def temper(self, file: TemperFile) -> Temper:
        condition = self.expr(file.condition, "temper")
        lead, note = self.statement(file.lead, "temper"), self.statement(file.note, "temper")
        return Temper(condition, file.at_most, file.times, file.prefix, lead, note)

    def entity(self, file: EntityFile) -> EntityTemplate:
        return EntityTemplate(file.kind, self.expr(file.id, "entities"), self.expr(file.name, "entities"))

    def let(self, name: str, written: str | dict[str, list[str]]) -> Expr | Call:
        value: Expr | Call
        if isinstance(written, str):
            value = self.expr(written, name)
        else:
            if len(written) != 1:
                self.error("a computed let names exactly one function", name)
            function, args = next(iter(written.items()), ("", []))
            value = Call(function, tuple(self.expr(arg, name) for arg in args))
        if name in self.names:
            self.error(f"the name {name!r} is taken", name)
        self.names.add(name)
        return value

    def statement(self, text: str, where: str) -> Statement:
        parts: list[str | Expr] = []
        for place, piece in enumerate(_PLACE.split(text)):
            if place % 2:
                parts.append(self.expr(piece, where))
            elif piece:
                parts.append(piece)
        return Statement(tuple(parts))

    def expr(self, text: str, where: str) -> Expr:
        try:
            parsed = parse(text, at=Location(f"{self.path} ({where})"))
        except ContentError as error:
            self.errors.append(error)
            return Field(("event",))
        for node in walk(parsed):
            self.check(node, where)
        return parsed

    def check(self, node: Expr, where: str) -> None:
        if isinstance(node, Op) and node.name == "lookup":
            self.error("a rule has no tables to look up in", where)
        if not isinstance(node, Field):
            return
        if node.member not in self.names:
            self.unknown("name", node.member, self.names, where)
        elif node.member == "row" and (len(node.path) < 2 or str(node.path[1]) not in _columns()):
            self.unknown("ASIM column", ".".join(map(str, node.path[1:])), _columns(), where)

    def unknown(self, what: str, name: str, known: Iterable[str], where: str) -> None:
        near = difflib.get_close_matches(name, list(known), n=1)
        self.error(f"unknown {what} {name!r}", where, hint=f"did you mean {near[0]!r}?" if near else "")

    def error(self, message: str, where: str, *, hint: str = "") -> None:
        self.errors.append(ContentError(message, at=Location(f"{self.path} ({where})"), hint=hint))


def _technique(file: TechniqueFile) -> Technique:
    return Technique(file.id, file.name, file.tactic)


@lru_cache(maxsize=1)
def _columns() -> frozenset[str]:
    asim = (table for table in tables().values() if table.schema is not None)
    return frozenset(column for table in asim for column in table.columns)
