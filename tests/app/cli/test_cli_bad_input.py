"""Bad input, end to end: what is said, the exit code, where it is reported, and the rest delivered."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pytest

from tests.app import logs
from tests.app.conftest import Delivery
from tidewaiter.app.engine import plan, worker
from tidewaiter.content import sources
from tidewaiter.core.faults import OBJECT_FAULTS, FaultKind
from tidewaiter.pipeline.sources import Limits

GOOD = [logs.event(number) for number in range(1000, 1003)]
"""Stands in a file of its own beside every bad one, and must always arrive."""

DEEP = 2_000
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Case:
    """A bad file: how it is written, and what must come of it.

    `delivered` counts the events that are read from it, -1 when that depends on the packing; `fault` is of
    the object, `set_aside` of records, each with its bytes.
    """

    name: str
    write: Callable[[Path], object]
    delivered: int
    code: int
    said: str
    fault: str = ""
    set_aside: tuple[tuple[str, bytes], ...] = ()
    id: str = "bad.json"


def write(content: bytes, name: str = "bad.json", *, packed: bool | None = None) -> Callable[[Path], object]:
    return lambda folder: logs.write(folder / name, content, packed=packed)


def replaced(number: int, old: bytes, new: bytes) -> bytes:
    record = logs.raw(logs.event(number))
    assert old in record
    return record.replace(old, new)


def records(bad: bytes) -> bytes:
    """A document with a bad record between two good ones."""
    return logs.document([logs.event(1), bad, logs.event(2)])


NOT_UTF8 = replaced(9, b"aws-cli/2.15", b"caf\xe9 \xff")
MALFORMED = replaced(9, b'"awsRegion":"eu-west-1",', b'"awsRegion":eu-west-1,')
STRING = logs.raw(logs.event(9, userIdentity="root"))
NESTED = replaced(9, b'"number":9', b'"number":' + b"[" * DEEP + b"]" * DEEP)
NO_TIME = logs.raw({name: value for name, value in logs.event(9).items() if name != "eventTime"})
LARGE = logs.raw(logs.event(9, requestParameters={"text": "x" * MEGABYTE}))
PACKED = gzip.compress(logs.document([logs.event(number) for number in range(40)]))

PLACE = "AWSLogs/1/CloudTrail/bad.json"

CASES = [
    Case("a truncated gz", write(PACKED[:-30], "bad.json.gz", packed=False), -1, 5,
         "bad.json.gz [truncated]", "truncated", (("truncated", b'{"eventVersion"'),), id="bad.json.gz"),
    Case("a damaged gz", write(PACKED[:300] + b"\0" * 40 + PACKED[340:], "bad.json.gz", packed=False), -1, 5,
         "bad.json.gz [corrupt]", "corrupt", (("truncated", b'{"eventVersion"'),), id="bad.json.gz"),
    Case("a document that ends in a record", write(logs.document([logs.event(1), logs.event(2)])[:-60]), 1, 5,
         "bad.json [truncated]", "truncated",
         (("truncated", logs.raw(logs.event(2))[:-58]),)),
    Case("a malformed record in the middle", write(records(MALFORMED)), 2, 0,
         "bad.json record 1 [malformed]", set_aside=(("malformed", MALFORMED + b","),)),
    Case("userIdentity as a string", write(records(STRING)), 2, 0,
         "bad.json record 1 [wrong_type]", set_aside=(("wrong_type", STRING),)),
    Case("a record that is not UTF-8", write(records(NOT_UTF8)), 2, 0,
         "bad.json record 1 [encoding]", set_aside=(("encoding", NOT_UTF8),)),
    Case("a record nested 2,000 deep", write(records(NESTED)), 2, 0,
         "bad.json record 1 [too_deep]", set_aside=(("too_deep", NESTED),)),
    Case("a record without a time", write(records(NO_TIME)), 2, 0,
         "bad.json record 1 [invalid]", set_aside=(("invalid", NO_TIME),)),
    Case("a record of 1 MB", write(records(LARGE)), 3, 0, ""),
    Case("UTF-16", write(records(b"{}").decode().encode("utf-16")), 0, 5, "bad.json [encoding]", "encoding"),
    Case("a file of no source under the path of one", write(b"PK\x03\x04 a zip", f"{PLACE}.gz", packed=False),
         0, 5, f"{PLACE}.gz [unknown_format]", "unknown_format", id=f"{PLACE}.gz"),
]  # fmt: skip
IDS = [case.name for case in CASES]


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "in"
    logs.write(folder / "good.json", logs.document(GOOD))
    logs.flows(folder, range(5))
    return folder


@pytest.fixture
def run(cli, tmp_path, folder):
    """Run once over the folder; hold the laws; return what was said and what lies in the state."""

    def run(code: int = 0):
        said = cli("run", "--from", folder, "--state", tmp_path / "state", "--once")
        assert said.code == code, said.err
        delivery = Delivery(tmp_path / "state")
        delivery.check_laws()
        assert {logs.event_id(number) for number in range(1000, 1003)} <= set(delivery.ids())
        assert delivery.counts("aws_vpcflow")["delivered"] == 5
        return said, delivery

    return run


def raw_of(line):
    return line["raw"].encode() if "raw" in line else base64.b64decode(line["raw_base64"])


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_run_names_what_is_bad_keeps_it_and_delivers_the_rest(run, folder, case):
    case.write(folder)

    said, delivery = run(case.code)

    assert case.said in said.err
    if case.code or case.set_aside:
        assert "    next: " in said.err
    counts = delivery.report["last_run"]["sources"]["aws_cloudtrail"]
    if case.delivered >= 0:
        assert counts["delivered"] == case.delivered + len(GOOD)
    quarantined = [line for line in delivery.lines("quarantine.jsonl") if line["object"] == case.id]
    for line, (kind, raw) in zip(quarantined, case.set_aside, strict=True):
        assert line["kind"] == kind
        assert raw_of(line) == raw if case.delivered >= 0 else raw_of(line).startswith(raw)
    assert counts["quarantined"] == len(case.set_aside)
    faults = [fault for fault in delivery.lines("faults.jsonl") if fault["object_id"] == case.id]
    assert [fault["kind"] for fault in faults] == ([case.fault] if case.fault else [])
    for fault in faults:
        assert set(fault) == {"source", "object_id", "kind", "message", "hint", "position"}
        assert fault["hint"]


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_normalize_names_what_is_bad_and_maps_the_rest(cli, folder, case):
    case.write(folder)

    said = cli("normalize", folder)

    assert said.code == case.code
    assert case.said in said.err
    assert "Traceback" not in said.err
    found = [row for row in said.json if row["EventProduct"] == "CloudTrail"]
    if case.delivered >= 0:
        assert len(found) == case.delivered + len(GOOD)
    assert {logs.event_id(number) for number in range(1000, 1003)} <= {
        row["EventOriginalUid"] for row in found
    }


def test_every_kind_of_fault_is_in_the_docs_with_its_exit_code(repo):
    page = (repo / "docs" / "bad-input.md").read_text(encoding="utf-8")
    of_objects, of_records = page.partition("Those in the second concern")[::2]

    for kind in get_args(FaultKind):
        part = of_objects if kind in OBJECT_FAULTS else of_records
        assert f"| `{kind}` |" in part


def test_a_truncated_gz_brings_every_whole_record_before_its_end(run, folder):
    logs.write(folder / "bad.json.gz", PACKED[:-30], packed=False)

    _, delivery = run(5)

    from_it = [event_id for event_id in delivery.ids() if event_id < logs.event_id(1000)]
    assert len(from_it) >= 30
    assert set(from_it) == {logs.event_id(number) for number in range(len(from_it))}


def test_a_whole_copy_of_a_truncated_object_brings_the_events_that_were_missing(run, folder):
    logs.write(folder / "bad.json.gz", PACKED[:-30], packed=False)
    _, delivery = run(5)
    before = delivery.counts()["delivered"]
    logs.write(folder / "bad.json.gz", PACKED, packed=False)

    said, delivery = run(0)

    assert f"Delivered {40 + len(GOOD) - before} rows" in said.out
    assert delivery.counts()["delivered"] == 40 + len(GOOD)
    assert set(delivery.ids().values()) == {1}


@pytest.mark.parametrize("case", [case for case in CASES if case.fault in ("encoding", "unknown_format")])
def test_an_object_that_was_not_read_at_all_is_named_by_every_run_until_it_is_gone(run, folder, case):
    case.write(folder)
    for _ in range(2):
        said, delivery = run(5)
        assert case.said in said.err
        assert [path for path, _ in delivery.report["last_run"]["unreadable"]] == [case.id]
    assert "every object that can be read was delivered before" in said.out
    (folder / case.id).unlink()

    _, delivery = run(0)

    assert delivery.lines("faults.jsonl") == []


def test_many_bad_records_are_all_kept_and_the_first_few_named(run, folder):
    bad = [logs.raw(logs.event(number, userIdentity="root")) for number in range(30)]
    logs.write(folder / "bad.ndjson", logs.lines([*bad, logs.event(50)]))

    said, delivery = run(0)

    assert "30 records were set aside in this pass" in said.err
    assert said.err.count("[wrong_type]") == 8
    assert [raw_of(line) for line in delivery.lines("quarantine.jsonl")] == bad


def test_what_was_quarantined_is_not_read_again_and_stays_in_the_report(run, folder):
    logs.write(folder / "bad.json", records(STRING))
    run(0)

    said, delivery = run(0)

    assert "set aside" not in said.err
    assert delivery.counts()["quarantined"] == 1
    assert len(delivery.lines("quarantine.jsonl")) == 1


# Sizes


def test_an_object_of_20_mb_is_delivered_whole(run, folder):
    each = logs.event(0, requestParameters={"text": "x" * 20_000})
    many = [each | {"eventID": logs.event_id(number)} for number in range(1000)]
    path = logs.write(folder / "big.json.gz", logs.document(many))
    assert len(gzip.decompress(path.read_bytes())) > 20 * MEGABYTE

    _, delivery = run(0)

    assert delivery.report["last_run"]["sources"]["aws_cloudtrail"]["delivered"] == 1000 + len(GOOD)


def small_limits(monkeypatch, **limits):
    """Let workers read with small limits, as if a bomb were as large as it must be for the real ones."""
    monkeypatch.setattr(
        worker.Worker.__init__, "__kwdefaults__", {"detect": True, "limits": Limits(**limits)}
    )


def test_a_decompression_bomb_is_read_up_to_the_limit(monkeypatch, run, folder):
    small_limits(monkeypatch, object_bytes=100_000)
    bomb = logs.document([logs.event(1), logs.event(2, userAgent=" " * 5 * MEGABYTE), logs.event(3)])
    path = logs.write(folder / "bad.json.gz", bomb)
    assert path.stat().st_size < 30_000

    said, delivery = run(5)

    assert "bad.json.gz [over_limit]" in said.err
    assert "bomb" in said.err
    assert [fault["kind"] for fault in delivery.lines("faults.jsonl")] == ["over_limit"]
    assert logs.event_id(1) in delivery.ids()
    assert delivery.counts()["raw_bytes"] < 200_000


def test_normalize_reads_a_decompression_bomb_up_to_the_limit(monkeypatch, cli, folder):
    small_limits(monkeypatch, object_bytes=100_000)
    bomb = logs.document([logs.event(1), logs.event(2, userAgent=" " * 5 * MEGABYTE)])
    logs.write(folder / "bad.json.gz", bomb)

    said = cli("normalize", folder)

    assert said.code == 5
    assert "bad.json.gz [over_limit]" in said.err
    assert logs.event_id(1) in {row["EventOriginalUid"] for row in said.json}


# Paths


def test_a_missing_path_is_a_usage_error(cli, tmp_path):
    for words in (("run", "--once", "--state", tmp_path / "state", "--from"), ("normalize",)):
        said = cli(*words, tmp_path / "missing")
        assert (said.code, said.out) == (2, "")
        assert said.err == f"tidewaiter: {tmp_path / 'missing'} does not exist\n  next: check the path\n"
    assert not (tmp_path / "state").exists()


def test_one_missing_path_of_several_is_a_usage_error_before_anything_is_written(cli, tmp_path, folder):
    said = cli("normalize", folder, tmp_path / "missing", "--out", tmp_path / "out")

    assert said.code == 2
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("content", [(), (".hidden",), ("empty/deeper/",)])
def test_an_empty_folder_is_a_usage_error(cli, tmp_path, content):
    folder = tmp_path / "empty"
    folder.mkdir()
    for name in content:
        (folder / name).mkdir(parents=True) if name.endswith("/") else (folder / name).write_text("x")

    for words in (("run", "--once", "--state", tmp_path / "state", "--from"), ("normalize",)):
        said = cli(*words, folder)
        assert (said.code, said.out) == (2, "")
        assert f"no files under {folder}\n  next: give a folder that holds logs" in said.err


def test_a_folder_of_unknown_files_only_is_a_usage_error_that_says_what_is_known(cli, tmp_path):
    logs.write(tmp_path / "in" / "notes.txt", b"hello there")
    logs.write(tmp_path / "in" / "more.csv", b"a,b\n1,2\n")

    said = cli("run", "--from", tmp_path / "in", "--state", tmp_path / "state", "--once")
    other = cli("normalize", tmp_path / "in")

    assert (said.code, other.code, other.out) == (2, 2, "")
    for err in (said.err, other.err):
        assert "2 files are of no known source" in err
        _, _, known = err.partition("next: give a folder that holds logs of a known source: ")
        assert known.strip().split(", ") == [spec.title for spec in sources().values()]
    report = Delivery(tmp_path / "state").report
    assert [path for path, _ in report["last_run"]["unrecognized"]] == ["more.csv", "notes.txt"]
    assert all(reason for _, reason in report["last_run"]["unrecognized"])
    assert "every object was delivered before" not in said.out


def test_an_unknown_file_beside_logs_is_left_alone_and_named(run, folder):
    logs.write(folder / "notes.txt", b"hello there")
    logs.write(folder / ".hidden", b"x")

    said, delivery = run(0)

    assert (
        "1 file is of no known source and left alone, such as notes.txt: text of something else" in said.err
    )
    assert [path for path, _ in delivery.report["last_run"]["unrecognized"]] == ["notes.txt"]


def test_a_loop_of_folders_is_walked_once(run, folder, cli):
    (folder / "deep").mkdir()
    (folder / "deep" / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "self").symlink_to("self")

    said, delivery = run(5)

    assert delivery.counts()["objects"] == 1
    assert ["deep/loop", "a link back to a folder that this one lies in; not followed"] in (
        delivery.report["last_run"]["unrecognized"]
    )
    assert "self [unreadable]" in said.err
    assert cli("normalize", folder).code == 5


# What cannot be read


def test_a_file_that_cannot_be_read_is_named_not_claimed_and_taken_later(monkeypatch, run, folder):
    logs.write(folder / "locked.json", logs.document([logs.event(7)]))
    digest_of = plan.digest_of

    def denied(path: Path) -> str:
        if path.name == "locked.json":
            raise PermissionError(13, "Permission denied")
        return digest_of(path)

    with monkeypatch.context() as patch:
        patch.setattr(plan, "digest_of", denied)
        said, delivery = run(5)
    assert "locked.json [unreadable] cannot be read: Permission denied" in said.err
    assert "next: check that it is still there and that this user may read it" in said.err
    assert delivery.report["last_run"]["unreadable"] == [["locked.json", "cannot be read: Permission denied"]]
    (fault,) = delivery.lines("faults.jsonl")
    assert (fault["source"], fault["object_id"], fault["kind"]) == (
        "aws_cloudtrail",
        "locked.json",
        "unreadable",
    )
    assert delivery.counts()["objects"] == 1

    said, delivery = run(0)
    assert "Delivered 1 row " in said.out
    assert delivery.report["last_run"]["unreadable"] == []
    assert delivery.lines("faults.jsonl") == []
    assert logs.event_id(7) in delivery.ids()


def test_a_file_that_goes_away_while_it_is_worked_on_is_not_claimed_and_taken_later(monkeypatch, run, folder):
    path = logs.write(folder / "going.json", logs.document([logs.event(7)]))
    away = folder.parent / "away"
    make_plan = plan.make_plan

    def losing(*args):
        made = make_plan(*args)
        path.rename(away)
        return made

    with monkeypatch.context() as patch:
        patch.setattr("tidewaiter.app.engine.run.make_plan", losing)
        said, delivery = run(5)
    assert "going.json [unreadable]" in said.err
    assert [path for path, _ in delivery.report["last_run"]["unreadable"]] == ["going.json"]
    assert delivery.counts()["objects"] == 1

    away.rename(path)
    _, delivery = run(0)
    assert logs.event_id(7) in delivery.ids()


def test_json_reports_of_bad_input_are_json(cli, tmp_path, folder):
    logs.write(folder / "bad.json", records(NOT_UTF8))
    logs.write(folder / "cut.json.gz", PACKED[:-30], packed=False)

    said = cli("run", "--from", folder, "--state", tmp_path / "state", "--once", "--json")

    assert said.code == 5
    assert said.json[0]["sources"]["aws_cloudtrail"]["quarantined"] == 2
    assert "[truncated]" in said.err
    assert {line["kind"] for line in Delivery(tmp_path / "state").lines("quarantine.jsonl")} == {
        "encoding", "truncated",
    }  # fmt: skip
