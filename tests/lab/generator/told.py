"""What the truth names, read back: a story's CloudTrail records and its records in the other logs."""

from __future__ import annotations

import csv
import gzip
import io
import json
from functools import cache
from pathlib import Path
from typing import Any

from tests.lab.generator.conftest import Day, Record
from tidewaiter.lab.generator.truth import CampaignTruth, LookalikeTruth, PlaceTruth


def campaign_of(day: Day, name: str) -> CampaignTruth:
    (found,) = [each for each in day.truth.campaigns if each.id == name]
    return found


def lookalike_of(day: Day, name: str) -> LookalikeTruth:
    (found,) = [each for each in day.truth.lookalikes if each.id == name]
    return found


def records_of(day: Day, ids: tuple[str, ...]) -> list[Record]:
    records = day.by_id()
    return [records[event_id] for event_id in ids]


def identity_of(record: Record) -> dict[str, Any]:
    found: dict[str, Any] = record["userIdentity"]
    return found


def by_technique(day: Day, campaign: CampaignTruth) -> dict[str, list[Record]]:
    return {each.id: records_of(day, each.event_ids) for each in campaign.techniques}


@cache
def _lines(path: Path) -> list[Any]:
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    text = data.decode()
    if "CostExports" in path.parts:
        return list(csv.DictReader(io.StringIO(text)))
    lines = text.splitlines()
    if "vpcflowlogs" in path.parts:
        header = lines[0].split()
        return [dict(zip(header, line.split(), strict=True)) for line in lines[1:]]
    return [json.loads(line) for line in lines] if text.startswith("{") else lines


def elsewhere(day: Day, places: tuple[PlaceTruth, ...], log: str = "") -> list[Any]:
    """The records at those places, of one log or of all."""
    chosen = [each for each in places if not log or each.log == log]
    return [_lines(day.out / each.object)[each.line] for each in chosen]


def all_elsewhere(day: Day, campaign: CampaignTruth, log: str) -> list[Any]:
    return [record for each in campaign.techniques for record in elsewhere(day, each.places, log)]
