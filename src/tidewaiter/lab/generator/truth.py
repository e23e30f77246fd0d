"""`truth.json`: what the day holds, for those who check what was found."""

from __future__ import annotations

from pathlib import Path

import msgspec


class EventCounts(msgspec.Struct, frozen=True):
    """Records written, by log; flow lines include NODATA and SKIPDATA, findings their updates.

    `insight` counts CloudTrail Insights, which are not among `cloudtrail`. `entra` counts rows by table.
    `cost` includes the days before the generated one.
    """

    cloudtrail: int
    vpcflow: int
    insight: int = 0
    dns: int = 0
    s3_access: int = 0
    guardduty: int = 0
    securityhub: int = 0
    entra: dict[str, int] = {}
    cost: int = 0


class ObjectCounts(msgspec.Struct, frozen=True):
    """Files written, by log; digests and half of the cost export's files carry no events."""

    cloudtrail: int
    digest: int
    insight: int
    vpcflow: int
    dns: int = 0
    s3_access: int = 0
    guardduty: int = 0
    securityhub: int = 0
    entra: int = 0
    cost: int = 0


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


class PlaceTruth(msgspec.Struct, frozen=True):
    """Where a record beside CloudTrail's lies that belongs to a story.

    `log` is one of `entra.sign_ins`, `entra.directory`, `entra.azure`, `dns`, `vpcflow`, `s3_access`,
    `guardduty`, `securityhub`, `cost`. `id` is the record's own id ("" where the format has none), `object`
    the file below the day's folder, `line` counts from 0 among the file's records (headers do not count).
    """

    log: str
    id: str
    object: str
    line: int


class TechniqueTruth(msgspec.Struct, frozen=True):
    """The CloudTrail events of a campaign that show one ATT&CK technique, and its records in other logs."""

    id: str
    tactic: str
    event_ids: tuple[str, ...]
    places: tuple[PlaceTruth, ...] = ()


class CampaignTruth(msgspec.Struct, frozen=True):
    """One attack; times are ISO 8601 in UTC, those of its CloudTrail events (else of its other records).

    `flow_records` counts its lines in the flow logs.
    """

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
    places: tuple[PlaceTruth, ...] = ()


class FaultTruth(msgspec.Struct, frozen=True):
    """One object with something wrong, and what should come of it.

    Its records are not among `event_ids` of the day: `event_ids` here are those that should be delivered
    from this object (none for a log without ids), `repeated_ids` those that were delivered before.
    `quarantined` has the kind of every record that should be set aside, `faults` those of the object as a
    whole (kinds of docs/bad-input.md); `records` = `valid` + the number of `quarantined`, `duplicate` of
    the valid ones are repeated.
    """

    kind: str
    object: str
    source: str
    why: str
    records: int
    valid: int
    duplicate: int
    quarantined: tuple[str, ...]
    faults: tuple[str, ...]
    event_ids: tuple[str, ...]
    repeated_ids: tuple[str, ...]


class DayTruth(msgspec.Struct, frozen=True):
    """One day of the series: its CloudTrail events, and the stories that happen on it."""

    day: str
    cloudtrail: int
    weekend: bool
    campaigns: tuple[str, ...] = ()
    lookalikes: tuple[str, ...] = ()


class Truth(msgspec.Struct, frozen=True):
    """The whole day, or all days from `day` on; `event_ids` has all CloudTrail events, ordered by time.

    `insight_ids` has the ids of CloudTrail Insights, which tell of events and are told beside them.
    """

    seed: int
    day: str
    events: EventCounts
    objects: ObjectCounts
    accounts: tuple[AccountTruth, ...]
    personas: tuple[PersonaTruth, ...]
    campaigns: tuple[CampaignTruth, ...]
    lookalikes: tuple[LookalikeTruth, ...]
    event_ids: tuple[str, ...]
    insight_ids: tuple[str, ...] = ()
    days: tuple[DayTruth, ...] = ()
    faults: tuple[FaultTruth, ...] = ()


def write_truth(path: Path, truth: Truth) -> None:
    """Write the truth as JSON, indented but for the long lists of ids."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(truth), indent=1))


def read_truth(path: Path) -> Truth:
    """Read a truth file.

    Raises:
        msgspec.ValidationError: when it is not one.
    """
    return msgspec.json.decode(path.read_bytes(), type=Truth)
