"""Writes what CloudTrail's mapping knows of AWS's operations: lookups/{operations,identifiers}.yaml.

python tools/aws_operations.py

Facts come from botocore's service models (Apache-2.0; a development dependency only): names of operations,
the trait `readonly`, names, places and required members of inputs. The rule is the first word of a name
(lookups/verbs.yaml, written by hand); `operations` holds only the calls that it gets wrong, `identifiers` the
request members that name the object of a call, the most telling first.
"""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import botocore
import msgspec

FOLDER = Path(__file__).resolve().parent.parent / "src/tidewaiter/content/sources/aws_cloudtrail/lookups"
REVIEWED = Path(__file__).with_suffix(".yaml")
LINE = 110

WORD = re.compile(r"^(?:Batch|Admin|Bulk|Transact)?([A-Z][a-z]+)")
"""The first word of a call's name, as mapping.audit_event.yaml has it."""
_NOUN = re.compile(
    r"^(?:Batch|Admin|Bulk|Transact)?[A-Z][a-z]+([A-Z][A-Za-z0-9]*?)(?:(?:With|From|To|For|By|Into)[A-Z].*)?$"
)
_KIND = re.compile(r"(Id|ID|Arn|ARN|Name|Identifier|Url|URL|Key)$")
_CHANGES = (None, "Set", "Create", "Delete", "Enable", "Disable", "Clear", "Initialize", "Install")
_BARE = ("name", "id", "arn", "identifier")
_PLURALS = (
    (r"^(.+[a-z])ies$", "y"),
    (r"^(.*[sui]s)$", ""),
    (r"^(.*(?:ss|sh|ch|x|us))es$", ""),
    (r"^(.*)s$", ""),
)


class Reviewed(msgspec.Struct, forbid_unknown_fields=True):
    """aws_operations.yaml."""

    sources: dict[str, str]
    members: dict[str, dict[str, str]]
    first: list[str]
    types: dict[str, list[str]]


class Member(msgspec.Struct):
    """A member of an input."""

    shape: str
    location: str = ""
    idempotencyToken: bool = False  # noqa: N815 - the model's name


class Shape(msgspec.Struct):
    """A shape of a model, as far as it is looked at."""

    type: str
    members: dict[str, Member] = {}
    required: list[str] = []
    enum: list[str] = []


class _Model(msgspec.Struct):
    metadata: dict[str, Any]
    operations: dict[str, dict[str, Any]]
    shapes: dict[str, Shape]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: `model` is its folder in botocore, `source` CloudTrail's eventSource."""

    model: str
    source: str
    name: str
    readonly: bool
    texts: tuple[str, ...]
    identifier: str

    @property
    def call(self) -> str:
        """The key of lookups: eventSource:eventName."""
        return f"{self.source}:{self.name}"


@cache
def reviewed() -> Reviewed:
    """Return what a person decided."""
    return msgspec.yaml.decode(REVIEWED.read_bytes(), type=Reviewed)


@cache
def operations() -> tuple[Operation, ...]:
    """Return every operation of the newest model of each service, in the models' order."""
    found: list[Operation] = []
    decoder = msgspec.json.Decoder(_Model)
    for service in sorted((Path(botocore.__file__).parent / "data").iterdir()):
        paths = sorted(service.glob("*/service-2.json*"))
        if paths:
            data = paths[-1].read_bytes()
            model = decoder.decode(gzip.decompress(data) if paths[-1].suffix == ".gz" else data)
            found += _operations(service.name, model)
    return tuple(found)


def event_source(service: str, prefix: str) -> str:
    """Return CloudTrail's eventSource of a service."""
    return reviewed().sources.get(service, f"{prefix.rpartition('.')[2]}.amazonaws.com")


def _operations(service: str, model: _Model) -> Iterator[Operation]:
    source = event_source(service, model.metadata["endpointPrefix"])
    renamed = reviewed().members.get(service, {})
    for name, operation in sorted(model.operations.items()):
        shape = model.shapes.get(operation.get("input", {}).get("shape", ""), Shape("structure"))
        texts = [
            member
            for member, of in shape.members.items()
            if model.shapes[of.shape].type == "string"
            and not model.shapes[of.shape].enum
            and not of.idempotencyToken
            and not member.lower().endswith("token")
        ]
        chosen = _identifier(name, texts, shape)
        yield Operation(
            model=service,
            source=source,
            name=name,
            readonly=bool(operation.get("readonly")),
            texts=tuple(renamed.get(member, _small(member)) for member in texts),
            identifier=renamed.get(chosen, _small(chosen)),
        )


def _small(name: str) -> str:
    """CloudTrail writes members with a small first letter."""
    return name[:1].lower() + name[1:]


def singular(noun: str) -> str:
    """Return a noun without its plural ending."""
    for pattern, ending in _PLURALS:
        if found := re.match(pattern, noun):
            return found[1] + ending
    return noun


def _identifier(name: str, texts: Sequence[str], shape: Shape) -> str:
    """Return the member of the input that names what the operation is about; "" when none does.

    Best is the one that is called like the noun of the operation (StopLogging has none, DeleteTable has
    TableName), then Name, Id or Arn alone, then one whose name is part of the noun, then what the path of the
    URL or the list of required members has.
    """
    found = _NOUN.match(name)
    noun = singular(found[1]).lower() if found else ""
    best, chosen = 0, ""
    for member in texts:
        rank = _rank(member, noun, member in shape.required, shape.members[member].location == "uri")
        if rank > best:
            best, chosen = rank, member
    return chosen


def _rank(member: str, noun: str, required: bool, in_path: bool) -> int:
    plain = member.lower()
    base = _KIND.sub("", member).lower()
    names = bool(_KIND.search(member)) or plain in _BARE
    if base == noun and names:
        return 100
    if plain == noun:
        return 90
    if plain in _BARE and required:
        return 80
    if names and base and base in noun:
        return 75 if noun.endswith(base) else 74 if noun.startswith(base) else 73
    if names and required:
        return 60 if in_path else 50
    if plain in ("resourcearn", "resourceid"):
        return 49
    return 45 if required and in_path else 0


def identifiers() -> list[str]:
    """Return the names of request members that name an object, the most telling first.

    Telling is a name that is the right one in most of the operations that have it: `tableName` goes before
    `accountId`, which is the object of few calls and a member of many.
    """
    right = Counter(operation.identifier for operation in operations() if operation.identifier)
    present = Counter(name for operation in operations() for name in operation.texts)
    names = sorted(right, key=lambda name: (-right[name] / present[name], -right[name], name))
    first = reviewed().first
    return [*first, *(name for name in names if name not in first)]


def types(words: Mapping[str, str]) -> dict[str, list[str]]:
    """Return EventType -> calls that their first word (`words`: word -> EventType) gets wrong.

    What a person decided goes first; then the trait `readonly`: such a call is Read, unless its word says
    that something runs (Start, Stop, Execute).

    Raises:
        ValueError: a reviewed operation is not (or no longer) in the models.
    """
    known = {f"{operation.model}:{operation.name}": operation for operation in operations()}
    wanted = {name: kind for kind, names in reviewed().types.items() for name in names}
    if strange := sorted(set(wanted) - set(known)):
        raise ValueError(f"not in botocore's models: {', '.join(strange)}")
    found: dict[str, set[str]] = {}
    for name, operation in known.items():
        first = WORD.match(operation.name)
        by_word = words.get(first[1]) if first else None
        kind = wanted.get(name) or ("Read" if operation.readonly and by_word in _CHANGES else None)
        if kind and kind != by_word:
            found.setdefault(kind, set()).add(operation.call)
    return {kind: sorted(calls) for kind, calls in sorted(found.items())}


def words() -> dict[str, str]:
    """Return lookups/verbs.yaml as word -> EventType."""
    rows = msgspec.yaml.decode((FOLDER / "verbs.yaml").read_bytes(), type=dict[str, list[str]])
    return {word: kind for kind, group in rows.items() for word in group}


def render() -> dict[str, str]:
    """Return the files by name."""
    head = (
        f"# {{what}}\n# Written by tools/aws_operations.py from the service models of botocore "
        f"{botocore.__version__}. Do not edit.\n"
    )
    calls = head.format(what="Calls whose first word misleads -> ASIM AuditEvent EventType.")
    for kind, names in types(words()).items():
        calls += f"{kind}:\n" + "".join(f"  - {name}\n" for name in names)
    ranked = head.format(what="Request members that name the object of a call, the most telling first.")
    return {"operations.yaml": calls, "identifiers.yaml": ranked + _wrapped("object", identifiers())}


def _wrapped(key: str, names: Sequence[str]) -> str:
    lines, line = [], f"{key}: ["
    for place, name in enumerate(names):
        piece = name + ("]" if place == len(names) - 1 else ",")
        if len(line) + len(piece) + 1 > LINE:
            lines.append(line)
            line = " "
        line += piece if line.endswith("[") else f" {piece}"
    return "\n".join([*lines, line]) + "\n"


if __name__ == "__main__":
    for file, text in render().items():
        (FOLDER / file).write_text(text, encoding="utf-8")
        print(f"wrote {file}: {len(text):,} bytes")
