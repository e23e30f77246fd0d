"""The calls that fill trails: those of the generated day and of the real logs, by how often they are made."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.content.sources.test_verbs import MAPPING, route_of
from tidewaiter.asim.mapping.evaluate import evaluate
from tidewaiter.lab.generator import generate

Call = tuple[str, str]
MOST = 500
ASIDE = {"stratus", "otrf", "plaso"}
"""Logs that were not looked at when the lookups were written."""
INVENTED = {("iam.amazonaws.com", "NotCreateUser")}
"""A name that a rule's own test made up; no service writes it."""


def calls_in(value: Any) -> Iterator[Call]:
    """Source and name of every record in a JSON value, those inside of texts too."""
    if isinstance(value, dict):
        source, name = value.get("eventSource"), value.get("eventName")
        if isinstance(source, str) and isinstance(name, str) and source and name:
            yield source, name
        for inner in value.values():
            yield from calls_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from calls_in(inner)
    elif isinstance(value, str) and "eventName" in value and value[:1] in ("{", "["):
        yield from calls_in(decoded(value.encode()))


def decoded(data: bytes) -> Any:
    """The JSON of a whole text, or of those of its lines that are JSON."""
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError:
        lines = data.splitlines()
    return [decoded(line) for line in lines if line[:1] in (b"{", b"[")] if len(lines) > 1 else None


def calls_below(folder: Path) -> Counter[Call]:
    found: Counter[Call] = Counter()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".json", ".jsonl", ".log", ".gz") and path.is_file():
            data = path.read_bytes()
            try:
                data = gzip.decompress(data) if path.suffix == ".gz" else data
            except (OSError, EOFError):
                continue
            if b"eventName" in data:
                found.update(calls_in(decoded(data)))
    return found


@pytest.fixture(scope="module")
def real(corpora: Path) -> dict[str, Counter[Call]]:
    return {folder.name: calls_below(folder) for folder in sorted(corpora.iterdir()) if folder.is_dir()}


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Counter[Call]:
    out = tmp_path_factory.mktemp("day")
    generate(out, events=4_000, seed=5)
    return calls_below(out / "AWSLogs")


def told(call: Call) -> object:
    """The EventType by source and name alone."""
    record: dict[str, object] = {"eventSource": call[0], "eventName": call[1]}
    return evaluate(route_of(record).mapping.columns["EventType"], record, MAPPING.lookups)


def test_none_of_the_most_common_calls_is_other(real, generated, capsys):
    everything = sum(real.values(), generated)
    common = [call for call, _ in everything.most_common(MOST)]
    other = [call for call in common if told(call) == "Other"]
    with capsys.disabled():
        print(f"\n{everything.total():,} records of {len(everything)} calls; the {len(common)} most common")
    assert len(common) == MOST
    assert set(other) <= INVENTED


def test_calls_of_logs_that_were_kept_aside_are_told_as_well(real, capsys):
    kept = sum((counts for name, counts in real.items() if name in ASIDE), Counter[Call]())
    share = sum(count for call, count in kept.items() if told(call) != "Other") / kept.total()
    with capsys.disabled():
        print(
            f"\n{kept.total()} records of {len(kept)} calls kept aside, {share:.1%} with a specific EventType"
        )
    assert kept.total() > 300
    assert share >= 0.99


def test_every_call_of_the_generated_day_is_told(generated):
    assert len(generated) > 60
    assert [call for call in generated if told(call) == "Other"] == []
