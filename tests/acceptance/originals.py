"""The logs as they are on disk, read in the plainest way: what the rows of the lab are held against."""

from __future__ import annotations

import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_TOKENS = re.compile(r'("(?:[^"\\]|\\.)*")|\s+', re.DOTALL)
FLOW_DEFAULT = [
    "version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol",
    "packets", "bytes", "start", "end", "action", "log-status",
]  # fmt: skip


def content(path: Path) -> str:
    data = path.read_bytes()
    return (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8-sig")


def compact(text: str) -> str:
    """The text without the white space between JSON tokens; it need not be sound as a whole."""
    return _TOKENS.sub(lambda found: found[1] or "", text)


def records(path: Path) -> Iterator[str]:
    """Yield each CloudTrail record of a sound file as the text that stands there, without its wrapping."""
    for value in values(content(path)):
        members = members_of(value)
        wrapper = next((name for name in ("CloudTrailEvent", "_raw") if name in members), None)
        if "Records" in members:
            yield from values(members["Records"])
        elif "aws" in members:  # as OpenSearch keeps it
            yield members_of(members["aws"])["cloudtrail"]
        else:
            yield json.loads(members[wrapper]) if wrapper else value


def values(text: str) -> Iterator[str]:
    """Yield the texts of JSON values that follow each other, those of an array one by one."""
    decoder = json.JSONDecoder()
    at = 0
    while at < len(text):
        _, end = decoder.raw_decode(text, at)
        if text[at] == "[":
            yield from (bytes(each).decode() for each in _ELEMENTS.decode(text[at:end]))
        else:
            yield text[at:end]
        at = end
        while at < len(text) and text[at].isspace():
            at += 1


def by_event_id(texts: Iterable[str]) -> Mapping[str, list[dict[str, str]]]:
    """Return the members of all records, as they stand but for white space, by event id ("" for none)."""
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    for text in texts:
        members = members_of(compact(text))
        found[json.loads(members.get("eventID", '""'))].append(members)
    return found


def members_of(text: str) -> dict[str, str]:
    return {name: bytes(raw).decode() for name, raw in _MEMBERS.decode(text).items()}


def finding_ids(folder: Path) -> list[str]:
    """Return the ids of all states of GuardDuty's findings below a folder: id and time of the state."""
    lines = (
        line for path in sorted(folder.rglob("GuardDuty/**/*.gz")) for line in content(path).splitlines()
    )
    return [f"{found['id']}@{found['updatedAt']}" for found in map(json.loads, lines)]


def hub_findings(folder: Path) -> dict[str, dict[str, Any]]:
    """Return all states of Security Hub's findings below a folder, plain and in events, by id and time."""
    lines = [
        line for path in sorted(folder.rglob("SecurityHub/**/*.gz")) for line in content(path).splitlines()
    ]
    events = [json.loads(line) for line in lines]
    found = [
        one for event in events for one in (event["detail"]["findings"] if "detail" in event else [event])
    ]
    return {f"{one['Id']}@{one['UpdatedAt']}": one for one in found}


def entra_ids(folder: Path) -> list[str]:
    """Return the ids of all rows of Entra's and Azure's tables below a folder."""
    lines = (line for path in sorted(folder.glob("AzureLogs/*/*")) for line in content(path).splitlines())
    return [str(row["Id"] if "Id" in row else row["EventDataId"]) for row in map(json.loads, lines)]


def access_logs(folder: Path) -> list[Path]:
    """Return the server access logs of S3 below a generated day's folder."""
    return [path for path in sorted(folder.glob("S3AccessLogs/**/*")) if path.is_file()]


def query_logs(folder: Path) -> list[Path]:
    """Return the query logs of Resolver below a generated day's folder."""
    return sorted(folder.glob("AWSLogs/*/vpcdnsquerylogs/**/*.log.gz"))


def flow_lines(path: Path) -> Iterator[dict[str, str]]:
    """Yield each flow record of a file, plain or in a shipper's `_raw`, by the names of its header."""
    text = content(path)
    shipped = text.lstrip()[0] in "{["
    lines = [json.loads(value)["_raw"] for value in values(text)] if shipped else text.splitlines()
    names = FLOW_DEFAULT
    for line in lines:
        fields = line.split()
        if "srcaddr" in fields:
            names = fields
        elif fields:
            yield dict(zip(names, fields, strict=True))
