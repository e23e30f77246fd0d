"""Objects that hold records of several sources: each is read as what it is."""

from __future__ import annotations

import itertools
import json

import pytest

from tests.app import logs
from tests.app.conftest import Silent, deliver_to
from tidewaiter.app.engine import worker
from tidewaiter.app.engine.files import normalize_files
from tidewaiter.content import sources
from tidewaiter.core.faults import Fault, Quarantined
from tidewaiter.core.objects import JsonChunk, TextChunk
from tidewaiter.core.settings import Settings, Source
from tidewaiter.pipeline.sources.codecs import read
from tidewaiter.pipeline.sources.strangers import PART, Strangers

FINDING = ("aws_guardduty", "api_call_by_iam_user.jsonl")
JSON = {
    "aws_cloudtrail": "assume_role_by_iam_user.json",
    "aws_eks": "anonymous.jsonl",
    "aws_guardduty": "api_call_by_iam_user.jsonl",
    "aws_macie": "credentials.jsonl",
    "aws_securityhub": "custom_action_with_several.json",
    "aws_waf": "allowed.jsonl",
    "azure_activity": "envelope_records.json",
    "entra_audit": "add_member_to_role.json",
    "entra_signin": "envelope_lines.json",
}
LINES = {"aws_alb": "forwarded.log", "aws_clb": "http.log", "aws_nlb": "connections.log"}


@pytest.fixture
def sample(repo):
    def read(source, name):
        return (repo / "src/tidewaiter/content/sources" / source / "samples" / name).read_bytes()

    return read


@pytest.fixture
def counted(tmp_path):
    """Count the records of each source in a file with this content."""

    def count(content, name="mixed"):
        path = logs.write(tmp_path / name / "file.log", content)
        found = normalize_files([path], lambda _: None, workers=1, progress=Silent())
        assert all(n.records == n.valid + n.quarantined for n in found.sources.values())
        return {source: (n.valid, n.quarantined) for source, n in found.sources.items()}

    return count


def one_line(content):
    return b"\n".join(json.dumps(json.loads(line)).encode() for line in _documents(content)) + b"\n"


def _documents(content):
    try:
        return [content] if json.loads(content) else []
    except ValueError:
        return content.splitlines()


@pytest.mark.parametrize(
    "host", ["aws_cloudtrail", "aws_guardduty", "aws_macie", "entra_audit", "entra_signin"]
)
def test_whoever_comes_first_each_json_record_is_of_its_own_source(sample, counted, host):
    alone = {source: one_line(sample(source, name)) for source, name in JSON.items()}
    expected: dict[str, tuple[int, int]] = {}
    for source, content in alone.items():
        expected |= counted(content, source)
    assert set(expected) == set(JSON)

    order = sorted(alone, key=lambda source: source != host)

    assert counted(b"".join(alone[source] for source in order)) == expected


@pytest.mark.parametrize("order", list(itertools.permutations(LINES)))
def test_lines_of_three_kinds_of_load_balancer_may_stand_in_one_file(sample, counted, order):
    alone = {source: sample(source, name) for source, name in LINES.items()}
    expected: dict[str, tuple[int, int]] = {}
    for source, content in alone.items():
        expected |= counted(content, source)

    assert counted(b"".join(alone[source] for source in order)) == expected


def test_records_of_a_list_are_sorted_one_by_one(sample, counted):
    finding = json.loads(sample(*FINDING).splitlines()[0])
    content = json.dumps({"Records": [logs.event(1), finding, logs.event(2), {"neither": 1}]}).encode()

    assert counted(content) == {"aws_cloudtrail": (2, 1), "aws_guardduty": (1, 0)}


def test_what_fits_no_source_stays_set_aside_with_its_bytes(tmp_path):
    path = logs.write(tmp_path / "trail.json", logs.lines([logs.event(1), b'{"a":1}', b'{"a":']))

    found = normalize_files([path], lambda _: None, workers=1, progress=Silent())

    assert {source: (n.valid, n.quarantined) for source, n in found.sources.items()} == {
        "aws_cloudtrail": (1, 2)
    }
    assert {each.raw for each in found.quarantined} == {b'{"a":', b'{"a":1}'}


def mixed(root, sample):
    """A trail file with two events, and two findings behind them."""
    findings = sample(*FINDING).splitlines()
    return logs.trail(
        root, [logs.event(1), logs.event(2), findings[0], findings[0].replace(b"5c0ffee", b"6c0ffee")]
    )


def test_a_run_delivers_them_counts_them_with_their_source_and_takes_them_once(tmp_path, sample):
    mixed(tmp_path / "in", sample)

    first = deliver_to(tmp_path / "state", tmp_path / "in")

    first.check_laws()
    assert first.exit_code == 0
    assert (first.counts()["records"], first.counts("aws_guardduty")["records"]) == (2, 2)
    rows = first.rows()
    assert {table: len(rows[table]) for table in ("ASimAuditEventLogs", "ASimAlertEventLogs")} == {
        "ASimAuditEventLogs": 2,
        "ASimAlertEventLogs": 2,
    }

    again = deliver_to(tmp_path / "state", tmp_path / "in")

    assert again.rows().keys() == rows.keys()
    assert (again.counts()["records"], again.counts("aws_guardduty")["records"]) == (2, 2)


def test_the_settings_of_their_own_source_hold_for_them(tmp_path, sample):
    mixed(tmp_path / "in", sample)
    settings = Settings(
        sources={"aws_cloudtrail": Source(phase="shadow"), "aws_guardduty": Source(destination="native")}
    )

    delivery = deliver_to(tmp_path / "state", tmp_path / "in", settings=settings)

    delivery.check_laws()
    assert delivery.counts()["tiered"] == 2
    assert {"AWSGuardDuty"} <= delivery.rows().keys()
    assert not {"ASimAuditEventLogs", "ASimAlertEventLogs"} & delivery.rows().keys()


def normalized(tmp_path, content):
    path = logs.write(tmp_path / "in" / "trail.json", content)
    return normalize_files([path], lambda _: None, workers=1, progress=Silent())


def test_a_damaged_record_that_looks_like_one_of_another_source_stays_set_aside(tmp_path, sample):
    finding = json.dumps(json.loads(sample(*FINDING).splitlines()[0]), indent=1)
    damaged = finding[:-2].encode() + b", oops}"
    content = b'{"Records":[' + b",".join([logs.raw(logs.event(1)), damaged, logs.raw(logs.event(2))]) + b"]}"

    found = normalized(tmp_path, content)

    assert {source: (n.valid, n.quarantined) for source, n in found.sources.items()} == {
        "aws_cloudtrail": (2, 1)
    }


@pytest.mark.parametrize("depth", [4, 200, 600])
def test_lists_in_lists_without_end_stay_set_aside(tmp_path, sample, depth):
    finding = sample(*FINDING).splitlines()[0].decode()
    nested = json.dumps({"logEvents": [{"message": finding}]})
    for _ in range(depth):
        nested = '{"logEvents":[{"message":' + json.dumps(finding) + "}," + nested + "]}"

    found = normalized(tmp_path, logs.lines([logs.event(1), nested.encode()]))

    assert sum(n.records for n in found.sources.values()) >= 2
    assert found.sources["aws_cloudtrail"].valid == 1


def test_an_object_is_given_up_for_guests_that_are_bad_as_for_its_own_records(tmp_path, sample, monkeypatch):
    finding = json.loads(sample(*FINDING).splitlines()[0])
    bad = [json.dumps({**finding, "updatedAt": f"never {n}"}).encode() for n in range(400)]
    monkeypatch.setattr(worker, "MOST_QUARANTINED", 100)
    monkeypatch.setattr(worker, "_OWN_BYTES", 10**9)
    path = logs.write(tmp_path / "in" / "trail.json", logs.lines([logs.event(1), *bad, logs.event(2)]))

    found = normalize_files([path], lambda _: None, workers=1, progress=Silent())

    assert "more than 100 records" in next(f.message for f in found.faults if f.kind == "over_limit")


def test_lines_of_a_guest_are_mapped_together(repo):
    strangers = Strangers({name: spec.recognition for name, spec in sources().items()})
    lines = (
        (repo / "src/tidewaiter/content/sources/aws_nlb/samples/connections.log").read_bytes().splitlines()
    )
    found = [Quarantined("o", 7 + 3 * n, "malformed", "", lines[n % len(lines)]) for n in range(50)]

    chunks = list(strangers.read("aws_nlb", found))

    with_lines = [chunk for chunk in chunks if isinstance(chunk, TextChunk) and chunk.body]
    assert len(with_lines) <= len({line.count(b" ") for line in lines})
    assert sorted(n for chunk in with_lines for n in chunk.numbers) == [7 + 3 * n for n in range(50)]


def test_several_records_in_one_place_are_events_of_their_own(tmp_path, sample):
    query = sample("aws_route53resolver", "addresses.jsonl").splitlines()[0].decode()
    events = json.dumps({"logEvents": [{"message": query}, {"message": query}]}).encode()
    logs.write(tmp_path / "in" / "trail.json", logs.lines([logs.event(1), events]))

    delivery = deliver_to(tmp_path / "state", tmp_path / "in")

    delivery.check_laws()
    assert (delivery.counts("aws_route53resolver")["delivered"], delivery.counts()["records"]) == (2, 1)
    assert len({row["EventOriginalUid"] for row in delivery.rows()["ASimDnsActivityLogs"]}) == 2


def test_records_of_lists_in_one_list_have_positions_of_their_own(sample):
    query = sample("aws_route53resolver", "addresses.jsonl").splitlines()[0].decode()
    events = json.dumps({"logEvents": [{"message": query}] * 2})
    strangers = Strangers({name: spec.recognition for name, spec in sources().items()})
    listed = Quarantined("o", 5, "wrong_type", "", f"[{events},{events},{query}]".encode())

    stay, found = strangers.sort("aws_cloudtrail", [listed])
    [chunk] = strangers.read("aws_route53resolver", found["aws_route53resolver"])

    assert stay == []
    assert isinstance(chunk, JsonChunk)
    assert list(chunk.positions) == [5 + n * PART for n in range(5)]


def test_what_is_left_of_a_list_is_one_record(tmp_path, sample):
    finding = sample(*FINDING).splitlines()[0]
    content = logs.lines([logs.event(1), b'[{"a":1},' + finding + b',{"b":2}]'])

    found = normalized(tmp_path, content)

    assert [each.raw for each in found.quarantined] == [b'[{"a":1},{"b":2}]']
    assert found.sources["aws_guardduty"].valid == 1


def test_a_file_with_the_name_of_a_guest_is_another_object(tmp_path, sample):
    path = mixed(tmp_path / "in", sample)
    for sign in ("#aws_guardduty", "/aws_guardduty"):
        other = path.parent / f"copy{path.name}{sign}"
        other.parent.mkdir(exist_ok=True)
        other.write_bytes(path.read_bytes())

    delivery = deliver_to(tmp_path / "state", tmp_path / "in")

    delivery.check_laws()
    assert (delivery.counts()["delivered"], delivery.counts("aws_guardduty")["delivered"]) == (2, 2)
    assert delivery.counts("aws_guardduty")["duplicate"] == 4


def test_what_is_set_aside_of_a_guest_has_its_name_everywhere(tmp_path, sample):
    finding = json.loads(sample(*FINDING).splitlines()[0]) | {"updatedAt": "never"}
    path = logs.trail(tmp_path / "in", [logs.event(1), finding])

    delivery = deliver_to(tmp_path / "state", tmp_path / "in")

    delivery.check_laws()
    [line] = delivery.lines("quarantine.jsonl")
    assert line["object"] == f"{path.relative_to(tmp_path / 'in').as_posix()}//aws_guardduty"


def test_guests_of_an_object_that_was_not_read_to_its_end_come_with_it_later(tmp_path, sample, monkeypatch):
    mixed(tmp_path / "in", sample)

    def torn(item, *rest):
        yield from read(item, *rest)
        yield JsonChunk((), (), 0, [Fault(item.id, "unreadable", "the disk is gone")])

    monkeypatch.setattr(worker, "read", torn)
    first = deliver_to(tmp_path / "state", tmp_path / "in")
    assert first.exit_code == 5
    assert len(first.report["last_run"]["unreadable"]) == 1
    assert first.rows() == {}

    monkeypatch.undo()
    then = deliver_to(tmp_path / "state", tmp_path / "in")

    then.check_laws()
    assert (then.counts()["delivered"], then.counts("aws_guardduty")["delivered"]) == (2, 2)
