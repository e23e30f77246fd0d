"""The real logs: recognised as what they are, with the records that another JSON parser counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tidewaiter.core.objects import JsonChunk, SourceObject
from tidewaiter.pipeline.sources import Unreadable, discover, read

OURS = (
    "invictus", "stratus", "otrf", "plaso", "cribl-cloudtrail", "cribl-vpcflow", "opensearch-catalog",
    "guardduty-soar", "guardduty-sentinel-integration", "security-lake-sample",
)  # fmt: skip
LARGE = "opensearch-catalog/integrations/observability/aws_cloudtrail/data/samples-large.json"
FLOWS = "cribl-vpcflow/data/samples/ZP04h5.json"


@pytest.fixture(scope="module")
def items(corpora, recognitions):
    return {item.id: item for item in discover(corpora, recognitions)}


@pytest.fixture(scope="module")
def objects(items):
    return {item.id: item for item in items.values() if isinstance(item, SourceObject)}


@pytest.fixture(scope="module")
def readings(objects, recognitions):
    """Of each object: its records (lines for text), and how many were set aside."""
    result: dict[str, tuple[list[bytes], int]] = {}
    for item in objects.values():
        records: list[bytes] = []
        bad = 0
        for chunk in read(item, recognitions[item.source]):
            bad += len(chunk.quarantined)
            if isinstance(chunk, JsonChunk):
                records += [bytes(record) for record in chunk.records]
            else:
                records += chunk.body.splitlines()
        result[item.id] = (records, bad)
    return result


def values(path: Path) -> list[dict[str, object]]:
    """Parse a file with the standard library: one document, or values one after another."""
    text = path.read_text("utf-8-sig")
    decoder = json.JSONDecoder()
    found: list[dict[str, object]] = []
    at = 0
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        found += value if isinstance(value, list) else [value]
        while at < len(text) and text[at].isspace():
            at += 1
    return found


def unwrapped(value: dict[str, object]) -> object:
    if isinstance(kept := value.get("aws"), dict):  # as OpenSearch keeps it
        return kept["cloudtrail"]
    inner = value.get("CloudTrailEvent", value.get("_raw"))
    return json.loads(inner) if isinstance(inner, str) else value


def test_every_folder_of_logs_of_our_sources_is_found_and_no_other(objects, recognitions, corpora):
    folders = {item.split("/")[0] for item in objects}
    members = next(shape.members for shape in recognitions["aws_cloudtrail"].json if shape.kind == "events")
    proxy = next((corpora / "otrf").rglob("ec2_proxy*.json"))
    expected = set(OURS) if set(members) <= set(values(proxy)[0]) else set(OURS) - {"otrf"}
    assert folders == expected


def test_nothing_in_the_real_logs_is_a_fault(items):
    assert [item for item in items.values() if isinstance(item, Unreadable)] == []


def test_every_detonation_log_is_recognised(objects, corpora):
    logs = {
        path.relative_to(corpora).as_posix() for path in (corpora / "stratus").rglob("detonation-logs/*.json")
    }
    assert {item for item in objects if item.startswith("stratus/")} == logs
    assert len(logs) == 23


def test_cloudtrail_records_are_those_that_another_parser_finds(objects, readings, corpora):
    checked = 0
    for item in objects.values():
        if item.source == "aws_cloudtrail" and item.id != LARGE:
            records, bad = readings[item.id]
            expected = [unwrapped(value) for value in values(corpora / item.id)]
            assert [json.loads(record) for record in records] == expected, item.id
            assert bad == 0
            checked += len(expected)
    assert checked >= 1963 + 218 + 1 + 6 + 44


def test_a_file_with_two_broken_records_gives_all_others(readings, corpora):
    records, bad = readings[LARGE]
    assert (len(records), bad) == (838, 2)
    text = (corpora / LARGE).read_text()
    named = [json.loads(record).get("eventID") for record in records]
    assert all(name is None or f'"{name}"' in text for name in named)
    assert sum(record.count(b'"eventVersion":') for record in records) + bad == text.count('"eventVersion"')


def test_flow_lines_are_those_of_the_shipper_without_the_header(readings, corpora):
    lines = [str(value["_raw"]) for value in values(corpora / FLOWS)]
    assert readings[FLOWS] == ([line.encode() for line in lines if not line.startswith("version ")], 0)
    assert len(readings[FLOWS][0]) == 99


def test_files_about_logs_are_not_taken_for_logs(items):
    others = (
        "panther-analysis",
        "guardduty-tester",
        "sigma",
        "traildiscover",
        "kql-bertjanp",
    )
    seen = [item for name, item in items.items() if name.split("/")[0] in others]
    assert len(seen) > 300
    assert not any(isinstance(item, SourceObject) for item in seen)
