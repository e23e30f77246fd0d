"""Hostile findings: each is a row or quarantined, and a row says what interpreter and source say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pipeline.normalize.hostile_records import json_bytes, json_values, texts
from tidewaiter.asim import validate_rows
from tidewaiter.asim.mapping.expression import Field, walk
from tidewaiter.content import sources
from tidewaiter.core.objects import JsonChunk
from tidewaiter.pipeline.normalize import JsonRows, Normalizer
from tidewaiter.pipeline.normalize.reference import reference_of_json

SPEC = sources()["aws_guardduty"]
NORMALIZER = Normalizer(SPEC)
LOOKUPS = SPEC.mapping.lookups
split = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

TYPES = [
    *LOOKUPS["techniques"],
    "AttackSequence:IAM/CompromisedCredentials",
    "Policy:S3/X.Y!Z",
    "",
    "::",
    "/",
]
GOOD: dict[str, list[Any]] = {
    "severity": [0, 2, 5.0, 8.7, 10, -1, 1e300, 2**70, True, "5"],
    "count": [1, 214, 0, -1, 1.5, 2**40, "7"],
    "actionType": ["AWS_API_CALL", "NETWORK_CONNECTION", "DNS_REQUEST", "PORT_PROBE", "KUBERNETES_API_CALL"],
    "userType": ["IAMUser", "AssumedRole", "Root", "FederatedUser"],
    "archived": [True, False, "true", None],
    "blocked": [True, False, None, 1],
    "sample": [True, False],
    "value": ['{"sample":true}', "{}"],
    "privateDnsName": ["ip-10-4-2-17.eu-central-1.compute.internal", "x", "-.-", "a.b"],
    "eventFirstSeen": ["2026-03-04T09:12:44.000Z", "never", "2026-03-04 09:12:44"],
    "eventLastSeen": ["2026-03-05T09:12:44.000Z", ""],
    "pid": [1, 4712, 2**64, 1.0],
    "resourceRole": ["TARGET", "ACTOR"],
    "sequenceIndicators": [[{"key": "ATTACK_TACTIC", "values": ["Impact", 5, ""]}], [7], [{"key": 1}]],
}


def _paths(route: int) -> list[tuple[str | int, ...]]:
    nodes = (n for expr in SPEC.mapping.routes[route].mapping.columns.values() for n in walk(expr))
    return sorted({node.path for node in nodes if isinstance(node, Field) and len(node.path) > 1}, key=str)


PATHS = (_paths(0), _paths(1))


def _put(into: Any, path: tuple[str | int, ...], value: Any) -> Any:
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        return [_put(into[0] if isinstance(into, list) and into else None, rest, value)]
    into = dict(into) if isinstance(into, dict) else {}
    return into | {step: _put(into.get(step), rest, value)}


@st.composite
def findings(draw: st.DrawFn) -> dict[str, Any]:
    """A finding of either spelling with some of what the mapping reads, good values and bad."""
    route = draw(st.integers(0, 1))

    def name(text: str) -> str:
        return text if route == 0 else text[0].upper() + text[1:]

    def good(member: str) -> st.SearchStrategy[Any]:
        return st.sampled_from(GOOD.get(member[0].lower() + member[1:], ["x/y@z", "203.0.113.9", ""]))

    record: dict[str, Any] = {
        name("id"): draw(st.sampled_from(["5c0ffee0" * 4, "a"])),
        name("type"): draw(st.sampled_from(TYPES) | texts),
        name("severity"): draw(good("severity") | json_values),
        name("updatedAt"): draw(
            st.sampled_from(["2026-03-04T09:18:02.114Z", "2026-03-04T10:18:02+01:00", "soon"])
        ),
        name("title"): draw(st.sampled_from(["[SAMPLE] x", "y"]) | texts),
        name("partition"): draw(st.sampled_from(["aws", "aws-cn", None])),
        name("region"): draw(texts),
        name("accountId"): "900100200301",
    }
    for path in draw(st.lists(st.sampled_from(PATHS[route]), max_size=14)):
        value = draw(good(str(path[-1])) | texts | json_values)
        record = _put(record, path, value)
    if draw(st.booleans()):
        record["memberOfTomorrow"] = draw(json_values)
    for member in draw(st.sets(st.sampled_from(sorted(record)), max_size=1)):
        if draw(st.integers(0, 5)) == 0:
            record[member] = draw(json_values)
    return dict(draw(st.permutations(list(record.items()))))


raw_findings = findings().flatmap(json_bytes).filter(lambda raw: b"\\ud800" not in raw)


def rows_of(raws: list[bytes]) -> tuple[Iterator[tuple[str, str, bytes, bytes, bytes]], int]:
    found = NORMALIZER.normalize(JsonChunk(raws, range(len(raws))), object_id="o", prefix="p")
    assert found.valid + len(found.quarantined) == len(raws)

    def rows() -> Iterator[tuple[str, str, bytes, bytes, bytes]]:
        for part in found.rows:
            assert isinstance(part, JsonRows)
            for row in zip(part.ids, part.heads, part.extras, part.raws, strict=True):
                yield part.table, row[0], row[1], row[2], bytes(row[3])

    return rows(), len(found.quarantined)


@given(st.lists(raw_findings, min_size=1, max_size=4))
def test_a_row_of_a_finding_is_what_the_interpreter_makes_of_it(raws: list[bytes]):
    rows, _ = rows_of(raws)
    for table, event_id, head, extra, raw in rows:
        judge = reference_of_json(SPEC.mapping, raw, event_id)
        assert judge is not None
        assert table == judge.table
        assert msgspec.json.decode(head) == dict(judge.columns)
        assert {name: bytes(value) for name, value in split(extra).items()} == dict(judge.additional)


@given(raw_findings)
def test_whatever_a_finding_holds_its_row_fits_the_table(raw: bytes):
    rows, _ = rows_of([raw])
    for table, event_id, head, extra, _ in rows:
        columns: dict[str, Any] = msgspec.json.decode(head)
        assert columns["EventOriginalUid"] == event_id
        assert 1 <= columns["EventCount"] < 2**31
        report = validate_rows(table, [columns | {"AdditionalFields": extra}])
        assert {error.rule for error in report.errors} <= {"time_order"}


@given(raw_findings)
def test_the_id_of_a_finding_is_its_own_and_its_time(raw: bytes):
    rows, _ = rows_of([raw])
    for _, event_id, _, _, raw in rows:
        record = msgspec.json.decode(raw)
        names = ("id", "updatedAt") if "id" in record else ("Id", "UpdatedAt")
        assert event_id == "@".join(record[name] for name in names)


@pytest.mark.parametrize("missing", ["id", "type", "updatedAt"])
def test_a_finding_without_what_names_and_places_it_is_set_aside(missing: str):
    record = {"id": "a", "type": "Recon:EC2/Portscan", "updatedAt": "2026-03-04T09:18:02.114Z"}
    rows, aside = rows_of([msgspec.json.encode({k: v for k, v in record.items() if k != missing})])
    assert (list(rows), aside) == ([], 1)
