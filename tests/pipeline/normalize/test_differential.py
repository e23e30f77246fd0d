"""What is held against a transformation, and what cannot be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.pipeline.normalize.kql_targets import cases_of_samples
from tidewaiter.content import sources
from tidewaiter.pipeline.normalize.differential import compare_transforms

FIREWALL = sources()["aws_networkfirewall"]


def test_a_record_of_which_azure_cuts_what_tells_its_route_goes_through_none():
    cases = [case for case in cases_of_samples(FIREWALL) if "event" in case.record]
    long = replace(cases[0], record={**cases[0].record, "event": {"http": {"url": "x" * 70_000}}})
    streamed: list[Mapping[str, Any]] = []

    def run(_: object, records: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        streamed.extend(records)
        return []

    found = compare_transforms(FIREWALL, FIREWALL.transforms, [long, *cases[1:]], run)

    assert long.record["event"] not in [record["event"] for record in streamed]
    short = [case for case in cases[1:] if len(str(case.record["event"])) < 60_000]
    assert len(streamed) == len(found) * len(short)
    assert any(each.differences for each in found), "rows that do not come are told"
