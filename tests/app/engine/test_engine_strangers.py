"""Objects that hold records of several sources: each is read as what it is."""

from __future__ import annotations

import itertools
import json

import pytest

from tests.app import logs
from tests.app.conftest import Silent, deliver_to
from tidewaiter.app.engine.files import normalize_files
from tidewaiter.core.settings import Settings, Source

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
