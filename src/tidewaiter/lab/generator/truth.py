"""`truth.json`: what the day holds, for those who check what was found."""

from __future__ import annotations

from pathlib import Path

import msgspec


class EventCounts(msgspec.Struct, frozen=True):
    """Records written: CloudTrail events, and lines of flow logs (NODATA and SKIPDATA included)."""

    cloudtrail: int
    vpcflow: int


class ObjectCounts(msgspec.Struct, frozen=True):
    """Files written below `AWSLogs/`; digests and insights carry no events."""

    cloudtrail: int
    digest: int
    insight: int
    vpcflow: int


class AccountTruth(msgspec.Struct, frozen=True):
    """One account of the organisation."""

    id: str
    name: str
    purpose: str
    regions: tuple[str, ...]


class PersonaTruth(msgspec.Struct, frozen=True):
    """One persona, the ARNs (or service names) it appears under, and how many events it caused."""

    id: str
    kind: str
    description: str
    principals: tuple[str, ...]
    event_count: int


class TechniqueTruth(msgspec.Struct, frozen=True):
    """The events of a campaign that show one ATT&CK technique."""

    id: str
    tactic: str
    event_ids: tuple[str, ...]


class CampaignTruth(msgspec.Struct, frozen=True):
    """One attack; times are ISO 8601 in UTC. `flow_records` counts its lines in the flow logs."""

    id: str
    title: str
    actor: str
    addresses: tuple[str, ...]
    techniques: tuple[TechniqueTruth, ...]
    event_ids: tuple[str, ...]
    flow_records: int
    start: str
    end: str
    expect_incident: bool = True


class LookalikeTruth(msgspec.Struct, frozen=True):
    """One innocent story that must raise no alert, and why it is innocent."""

    id: str
    title: str
    actor: str
    event_ids: tuple[str, ...]
    why: str


class Truth(msgspec.Struct, frozen=True):
    """The whole day; `event_ids` are those of all CloudTrail events in the order of their times."""

    seed: int
    day: str
    events: EventCounts
    objects: ObjectCounts
    accounts: tuple[AccountTruth, ...]
    personas: tuple[PersonaTruth, ...]
    campaigns: tuple[CampaignTruth, ...]
    lookalikes: tuple[LookalikeTruth, ...]
    event_ids: tuple[str, ...]


def write_truth(path: Path, truth: Truth) -> None:
    """Write the truth as JSON, indented but for the long lists of ids."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(truth), indent=1))


def read_truth(path: Path) -> Truth:
    """Read a truth file.

    Raises:
        msgspec.ValidationError: when it is not one.
    """
    return msgspec.json.decode(path.read_bytes(), type=Truth)
