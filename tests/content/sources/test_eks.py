"""EKS audit events: who did what to which object, and whether they were let."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib.resources import as_file
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tidewaiter.asim import validate_rows
from tidewaiter.content import sources
from tidewaiter.core.objects import SourceObject
from tidewaiter.pipeline.normalize import JsonRows, Normalizer
from tidewaiter.pipeline.sources.codecs import read

SPEC = sources()["aws_eks"]
NORMALIZER = Normalizer(SPEC)
Row = dict[str, Any]


def rows_of(path: Path) -> tuple[list[Row], int]:
    """Return the rows of a file, and how many records were set aside."""
    item = SourceObject(path.name, path, SPEC.id, "events", "json_records", path.stat().st_size)
    rows: list[Row] = []
    bad = 0
    for chunk in read(item, SPEC.recognition):
        found = NORMALIZER.normalize(chunk, object_id=item.id, prefix="p")
        bad += len(found.quarantined) + len(chunk.quarantined)
        for part in found.rows:
            assert isinstance(part, JsonRows)
            rows += [msgspec.json.decode(head) for head in part.heads]
    return rows, bad


def of_sample(name: str) -> list[Row]:
    with as_file(SPEC.folder.root.joinpath("samples", name)) as path:
        return rows_of(path)[0]


def test_a_command_in_a_pod_is_executed_whatever_the_verb():
    asked = [(row["Operation"], row["EventType"]) for row in of_sample("exec_and_forward.jsonl")]
    assert asked == [
        ("create pods/exec", "Execute"),
        ("get pods/exec", "Execute"),
        ("create pods/portforward", "Execute"),
        ("get nodes/proxy", "Execute"),
    ]


def test_a_refused_read_of_secrets_is_a_failure_by_who_asked():
    read_one, listed, refused = of_sample("secrets.jsonl")
    assert read_one["Object"] == "shop/secrets/payment-key"
    assert (listed["Object"], listed["EventResult"], listed["DvcAction"]) == ("secrets", "Success", "Allow")
    assert (refused["EventResult"], refused["EventResultDetails"]) == ("Failure", "NotAuthorized")
    assert refused["DvcAction"] == "Deny"
    assert refused["ActorUserId"].endswith(":assumed-role/ShopDeveloper/mara.lind")
    assert (refused["ActorUsername"], refused["ActorScopeId"]) == ("mara.lind", "900100200301")


def test_anonymous_callers_services_and_nodes_are_told_apart():
    told = [
        (row.get("ActorUsername"), row.get("ActorUserType"))
        for name in ("anonymous.jsonl", "service_accounts_and_nodes.jsonl")
        for row in of_sample(name)
    ]
    assert told == [
        ("system:anonymous", "Other"),
        ("system:anonymous", "Other"),
        (None, None),
        ("system:serviceaccount:kube-system:coredns", "Service"),
        ("system:node:ip-10-4-2-17.eu-central-1.compute.internal", "Machine"),
        ("eks:addon-manager", "System"),
        ("system:kube-scheduler", "System"),
    ]


def test_the_events_of_a_request_are_told_apart_by_their_stage():
    first, second = of_sample("event_list.json")
    assert first["EventOriginalUid"].removesuffix("@ResponseComplete") == second[
        "EventOriginalUid"
    ].removesuffix("@ResponseStarted")


@pytest.mark.corpus
def test_labelled_events_are_rows_that_say_what_their_rules_ask(corpora: Path, tmp_path: Path):
    lines = (corpora / "panther-analysis/aws_eks.jsonl").read_text().splitlines()
    events = [json.loads(line)["event"] for line in lines]
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in events))

    rows, bad = rows_of(path)

    assert (len(rows), bad) == (len(events), 0)
    assert validate_rows("ASimAuditEventLogs", rows).errors == ()
    assert [asked(row) for row in rows] == list(asked_of(events))


def asked(row: Row) -> tuple[object, ...]:
    failed = row["EventResult"] == "Failure"
    return (
        row["ActorUsername"],
        row["EventOriginalType"],
        row["SrcIpAddr"],
        row["EventOriginalSubType"],
        failed,
    )


def asked_of(events: Iterable[Mapping[str, Any]]) -> Iterable[tuple[object, ...]]:
    for event in events:
        code = event["responseStatus"]["code"]
        yield event["user"]["username"], event["verb"], event["sourceIPs"][0], event["stage"], code >= 400
