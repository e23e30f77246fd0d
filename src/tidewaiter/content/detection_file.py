"""`rule.yaml` as it is written, typed: an unknown or missing key, or a value out of range, is an error."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from tidewaiter.core.findings import Severity

Confidence = Annotated[float, msgspec.Meta(gt=0, lt=1)]
"""How likely the event is worth an analyst's time; never certain, so that several can add up."""
Text = Annotated[str, msgspec.Meta(min_length=1)]
Id = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]*$")]
EntityKind = Literal["Account", "IP", "CloudApplication", "AzureResource", "Host", "AwsResource"]
Tactic = Literal[
    "Reconnaissance",
    "Resource Development",
    "Initial Access",
    "Execution",
    "Persistence",
    "Privilege Escalation",
    "Defense Evasion",
    "Credential Access",
    "Discovery",
    "Lateral Movement",
    "Collection",
    "Command and Control",
    "Exfiltration",
    "Impact",
]
"""Tactics of MITRE ATT&CK for Enterprise; without their spaces, the words of Sentinel's API."""


class TechniqueFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An ATT&CK technique: id and name as MITRE has them, and the tactic it serves here."""

    id: Annotated[str, msgspec.Meta(pattern=r"^T\d{4}(\.\d{3})?$")]
    name: Text
    tactic: Tactic


class BranchFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One item of `when`; what it leaves out is the rule's."""

    id: Id
    condition: Text = msgspec.field(name="if")
    statement: Text
    title: str = ""
    severity: Severity | None = None
    confidence: Confidence | None = None
    technique: TechniqueFile | None = None


class TemperFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One item of `temper`: lead and note stand before and after the statement, prefix before the title."""

    condition: Text = msgspec.field(name="if")
    at_most: Severity
    times: Confidence
    lead: str = ""
    note: str = ""
    prefix: str = ""


class EntityFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One item of `entities`, beside the actor and the address, which every signal has."""

    kind: EntityKind
    id: Text
    name: Text


class RuleFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file. `when` is tried in order, gravest first: the first branch that holds speaks."""

    title: Text
    description: Text
    source: Text
    severity: Severity
    confidence: Confidence
    technique: TechniqueFile
    events: Annotated[dict[str, list[Text]], msgspec.Meta(min_length=1)]
    when: Annotated[list[BranchFile], msgspec.Meta(min_length=1)]
    lets: dict[Id, str | dict[str, list[Text]]] = msgspec.field(default_factory=dict)
    unless: list[Text] = msgspec.field(default_factory=list)
    temper: list[TemperFile] = msgspec.field(default_factory=list)
    entities: list[EntityFile] = msgspec.field(default_factory=list)
