"""Findings that are in the workspace already: pulled by the query API, and worked on like files."""

from __future__ import annotations

import gzip
import json
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from tests.app.conftest import deliver_to
from tidewaiter.app.engine.destination import provision_lab
from tidewaiter.app.engine.doctor import examine
from tidewaiter.app.engine.metrics import Metrics
from tidewaiter.app.engine.pull import KEEP, MARGIN, Puller, _Mark, sweep
from tidewaiter.content import sources
from tidewaiter.core.errors import ConfigError, UsageError
from tidewaiter.core.settings import Settings, Source, load
from tidewaiter.core.settings import State as StateSettings
from tidewaiter.lab.server import Lab
from tidewaiter.lab.server.clock import LabClock
from tidewaiter.lab.server.faults import Fault
from tidewaiter.lab.server.serving import background
from tidewaiter.lab.server.up import write_settings
from tidewaiter.state import open_state

NAMES = ("aws_guardduty", "aws_securityhub")
NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
PULLED = {name: Source(pull=True, pull_days=90) for name in NAMES}


def finding(number, **changed):
    """A GuardDuty finding with an id of its own, as the export to S3 has it."""
    path = sources()["aws_guardduty"].folder
    record = json.loads(path.read("samples/port_probe.jsonl").splitlines()[0])
    return record | {"id": f"{number:032x}", "updatedAt": "2026-03-05T11:00:00.000Z"} | changed


def write(folder, records, name="findings"):
    """Write findings where the export to S3 would put them."""
    path = folder / f"AWSLogs/900100200301/GuardDuty/eu-central-1/2026/03/05/{name}.jsonl.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(b"".join(json.dumps(record).encode() + b"\n" for record in records)))
    return folder


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A workspace over TLS on a clock of its own: (the lab, the settings of its clients)."""
    clock = LabClock("wall", present=lambda: NOW)
    with Lab.open(tmp_path_factory.mktemp("lab") / "lab", clock=clock) as lab, background(lab) as address:
        provision_lab(lab)
        yield lab, load(write_settings(lab, address)).settings


@pytest.fixture(scope="module")
def settings_of(served):
    def made(**each):
        kept = served[1]
        return Settings(azure=kept.azure, workspace=kept.workspace, ingestion=kept.ingestion, sources=each)

    return made


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    for name in NAMES:
        (folder / name).mkdir()
        for sample in sources()[name].folder.names("samples"):
            (folder / name / sample).write_bytes(sources()[name].folder.read(f"samples/{sample}"))
    return folder


@pytest.fixture(scope="module")
def written(settings_of, samples, tmp_path_factory):
    """All samples in Sentinel's own tables, as a connector writes them."""
    native = settings_of(**dict.fromkeys(NAMES, Source(destination="native")))
    state = tmp_path_factory.mktemp("native") / "state"
    return deliver_to(state, samples, settings=native, clock=lambda: NOW)


@pytest.fixture(scope="module")
def there(written):
    """How many findings there are, by source."""
    return {name: written.counts(name)["delivered"] for name in NAMES}


@pytest.fixture(scope="module")
def pulled(written, settings_of, tmp_path_factory):
    """A first pass of another state, with no folder to read."""
    assert written.exit_code == 0
    state = tmp_path_factory.mktemp("pulled") / "state"
    return deliver_to(state, None, settings=settings_of(**PULLED), clock=lambda: LATER)


def last_run(delivery, source="aws_guardduty"):
    return delivery.report["last_run"]["pulled"][source]


def differences(ours, theirs):
    """Columns, and members of AdditionalFields, that differ between two rows."""
    found = {name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)}
    if "AdditionalFields" in found:
        mine, other = (json.loads(row["AdditionalFields"]) for row in (ours, theirs))
        found |= {f".{name}" for name in mine.keys() | other.keys() if mine.get(name) != other.get(name)}
    return frozenset(found - {"AdditionalFields", "_BilledSize"})


def test_pulled_findings_become_the_rows_that_their_files_become(served, pulled, written, samples, tmp_path):
    files = deliver_to(tmp_path / "state", samples, clock=lambda: NOW)
    lab = served[0]
    theirs = lab.work(lambda: list(lab.workspace.rows("ASimAlertEventLogs")))
    ours = files.rows()["ASimAlertEventLogs"]

    assert pulled.exit_code == 0
    assert len(theirs) == len(ours) == sum(written.report["rows"].values())
    assert Counter(row["EventOriginalUid"] for row in theirs) == Counter(
        row["EventOriginalUid"] for row in ours
    )
    lacking = set()
    for row in ours:
        near = [other for other in theirs if other["EventOriginalUid"] == row["EventOriginalUid"]]
        least = min((differences(row, other) for other in near), key=len)
        if ".Arn" not in least:  # as `get-findings` spells it: Microsoft's connector reads the export
            lacking |= least
    assert lacking == {
        *("EventOriginalSeverity", "ThreatOriginalRiskLevel"),  # 5.3: the column is a whole number
        ".futureMember",  # the table has no column for what AWS adds
        *("EventMessage", "AlertDescription", ".TidewaiterTruncated"),  # more than 64 KB: cut on both ways
    }


def test_a_second_pass_finds_nothing_new(pulled, settings_of):
    again = deliver_to(pulled.state, None, settings=settings_of(**PULLED), clock=lambda: LATER)

    assert (again.exit_code, again.report["last_run"]["sources"]) == (0, {})
    assert [last_run(again, name)["rows"] for name in NAMES] == [0, 0]
    assert last_run(again)["until"] == "2026-03-05T12:55:00Z", "five minutes are left to the next pass"


def test_findings_that_come_as_files_too_are_delivered_once(pulled, there, settings_of, samples):
    both = deliver_to(pulled.state, samples, settings=settings_of(**PULLED), clock=lambda: LATER)

    counts = both.report["last_run"]["sources"]
    assert [counts[name]["delivered"] for name in NAMES] == [0, 1], (
        "one was cut by the table: it is whole now"
    )
    assert [counts[name]["duplicate"] for name in NAMES] == [there[NAMES[0]], there[NAMES[1]] - 1]


def test_findings_that_came_as_files_are_not_pulled_again(tmp_path, there, settings_of, samples):
    deliver_to(tmp_path, samples, settings=settings_of(), clock=lambda: NOW)
    after = deliver_to(tmp_path, None, settings=settings_of(**PULLED), clock=lambda: LATER)

    counts = after.report["last_run"]["sources"]["aws_guardduty"]
    assert (counts["delivered"], counts["duplicate"]) == (0, there["aws_guardduty"])


@pytest.mark.parametrize(
    ("status", "headers", "told", "following"),
    [
        (403, {}, "refused with 403", "Log Analytics Reader"),
        (429, {"Retry-After": "600"}, "it asks to wait 600 s", "the next pass"),
    ],
)
def test_a_pull_that_fails_is_told_and_goes_on_later(
    tmp_path, there, served, settings_of, status, headers, told, following
):
    served[0].faults.plan(Fault(status, headers, path="/query"))
    moment = [LATER]

    def passed():
        return deliver_to(tmp_path, None, settings=settings_of(**PULLED), clock=lambda: moment[0])

    first = passed()
    assert first.exit_code == 5
    assert told in last_run(first)["failed"]
    assert following in last_run(first)["next"]
    assert last_run(first, "aws_securityhub")["rows"] == there["aws_securityhub"], "the other goes on"
    if headers:
        early = passed()
        assert "asked not to be asked before 2026-03-05T13:10:00Z" in last_run(early)["failed"]
        assert early.exit_code == 5
        moment[0] += timedelta(minutes=11)
    second = passed()
    assert second.exit_code == 0
    assert second.counts("aws_guardduty")["delivered"] == there["aws_guardduty"]
    assert second.counts("aws_securityhub")["duplicate"] == 0


def test_a_partial_answer_is_asked_for_in_smaller_parts(tmp_path, there, served, settings_of):
    limits = served[0].query_limits
    limits.rows = min(there.values()) - 2
    try:
        found = deliver_to(tmp_path, None, settings=settings_of(**PULLED), clock=lambda: LATER)
    finally:
        limits.rows = 500_000

    assert found.exit_code == 0
    assert [found.counts(name)["delivered"] for name in NAMES] == list(there.values())
    assert [found.counts(name)["duplicate"] for name in NAMES] == [0, 0]
    assert last_run(found)["objects"] > 1


def test_a_pull_that_was_stopped_before_its_note_delivers_nothing_twice(
    tmp_path, there, settings_of, monkeypatch
):
    def stopped(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("tidewaiter.app.engine.pull.Puller._note", stopped)
        with pytest.raises(KeyboardInterrupt):
            deliver_to(tmp_path, None, settings=settings_of(**PULLED), clock=lambda: LATER)
    assert len(list((tmp_path / "pulled").glob("*/*.ndjson.gz"))) == 1

    after = deliver_to(
        tmp_path, None, settings=settings_of(**PULLED), clock=lambda: LATER + timedelta(minutes=1)
    )

    counts = after.counts("aws_guardduty")
    n = there["aws_guardduty"]
    assert (counts["delivered"], counts["duplicate"], counts["objects"]) == (n, n, 2)


def test_objects_are_removed_when_they_were_worked_on_and_kept_long_enough(tmp_path):
    folder = tmp_path / "pulled/aws_guardduty"
    folder.mkdir(parents=True)
    for name in ("claimed.ndjson.gz", "waiting.ndjson.gz", "half.ndjson.gz.part"):
        (folder / name).touch()

    sweep(tmp_path / "pulled", {"pulled/aws_guardduty/claimed.ndjson.gz"}, now=datetime.now(UTC))
    assert sorted(path.name for path in folder.iterdir()) == ["claimed.ndjson.gz", "waiting.ndjson.gz"]

    late = datetime.now(UTC) + KEEP + timedelta(minutes=1)
    sweep(tmp_path / "pulled", {"pulled/aws_guardduty/claimed.ndjson.gz"}, now=late)
    assert [path.name for path in folder.iterdir()] == ["waiting.ndjson.gz"]


# The embedded lab


def test_the_embedded_lab_is_pulled_whole_each_time_and_delivered_once(tmp_path):
    native = Settings(sources={"aws_guardduty": Source(destination="native")})
    deliver_to(tmp_path / "native", write(tmp_path / "in", [finding(1), finding(2)]), settings=native)
    (tmp_path / "state").mkdir()
    shutil.copytree(tmp_path / "native/lab", tmp_path / "state/lab")
    wanted = Settings(sources={"aws_guardduty": Source(pull=True)})

    first = deliver_to(tmp_path / "state", None, settings=wanted)
    second = deliver_to(tmp_path / "state", None, settings=wanted)

    assert first.exit_code == second.exit_code == 0
    assert first.report["rows"] == second.report["rows"] == {"ASimAlertEventLogs": 2}
    assert (last_run(second)["rows"], second.report["last_run"]["sources"]) == (2, {})
    assert len(first.rows()["AWSGuardDuty"]) == 2, "what was there is as it was"


def test_pulled_rows_that_are_no_findings_are_set_aside_with_their_bytes(tmp_path):
    place = tmp_path / "pulled/aws_guardduty/20260305T000000.000000Z-20260306T000000.000000Z.ndjson.gz"
    place.parent.mkdir(parents=True)
    empty = dict.fromkeys(finding(1))
    place.write_bytes(
        gzip.compress(b"".join(json.dumps(each).encode() + b"\n" for each in (empty, finding(2))))
    )

    found = deliver_to(tmp_path, None, settings=Settings(sources=PULLED))

    counts = found.counts("aws_guardduty")
    assert (counts["delivered"], counts["quarantined"], found.exit_code) == (1, 1, 0)
    assert json.loads(found.lines("quarantine.jsonl")[0]["raw"]) == empty
    assert (last_run(found)["rows"], found.report["last_run"]["from_path"]) == (0, ""), "the lab has none"


# Settings


@pytest.mark.parametrize(
    ("name", "source", "remote", "told"),
    [
        ("aws_cloudtrail", Source(pull=True), False, "no table of Sentinel's own holds findings"),
        ("aws_inspector", Source(pull=True), False, "no table of Sentinel's own holds findings"),
        ("aws_guardduty", Source(pull=True, destination="native"), False, "our own rows"),
        ("aws_securityhub", Source(pull=True, destination="both"), False, "our own rows"),
        ("aws_guardduty", Source(pull=True), True, "workspace.id does not say"),
    ],
)
def test_what_cannot_be_pulled_is_refused_before_anything_is_done(
    tmp_path, settings_of, name, source, remote, told
):
    settings = Settings(sources={name: source})
    if remote:
        settings = Settings(
            azure=settings_of().azure, ingestion=settings_of().ingestion, sources={name: source}
        )

    with pytest.raises(ConfigError, match=told) as error:
        deliver_to(tmp_path / "state", None, settings=settings)

    assert error.value.hint
    assert not (tmp_path / "state").exists()


def test_a_run_with_nothing_to_read_is_refused(tmp_path):
    with pytest.raises(UsageError, match="nothing to read") as error:
        deliver_to(tmp_path / "state", None)

    assert "--from DIR" in error.value.hint


def test_the_state_remembers_how_far_it_was_read(pulled):
    with open_state(pulled.state, read_only=True) as state:
        kept = json.loads(state.fact("pull:aws_guardduty"))

    assert kept["version"] == 1
    assert datetime.fromisoformat(kept["until"]) == LATER - MARGIN


# doctor


def test_doctor_asks_the_workspace_how_much_there_is_to_pull(tmp_path, served, settings_of, there):
    def seen(settings):
        return next(check for check in examine(settings, tmp_path) if check.name == "pull")

    settings = settings_of(**PULLED)
    ok = seen(settings)
    served[0].faults.plan(Fault(403, path="/query"))
    refused = seen(settings)

    assert (ok.result, ok.saw) == (
        "ok",
        f"AWSGuardDuty: {there[NAMES[0]]} rows in the last day, "
        f"AWSSecurityHubFindings: {there[NAMES[1]]} rows in the last day",
    )
    assert (refused.result, "Log Analytics Reader" in refused.next) == ("failed", True)
    assert seen(Settings()).result == "skipped"
    assert seen(Settings(sources=PULLED)).saw == "AWSGuardDuty, AWSSecurityHubFindings of the embedded lab"
    assert seen(Settings(sources={"aws_cloudtrail": Source(pull=True)})).result == "failed"
    assert list(tmp_path.iterdir()) == []


def test_doctor_says_so_of_a_source_that_nobody_knows(tmp_path):
    settings = Settings(sources={"aws_nonsense": Source(pull=True)})

    found = next(check for check in examine(settings, tmp_path) if check.name == "pull")

    assert (found.result, "unknown source: aws_nonsense" in found.saw) == ("failed", True)


# The state


@pytest.mark.parametrize("embedded", [True, False])
def test_nothing_is_pulled_on_a_state_that_processes_share(tmp_path, settings_of, embedded):
    kept = settings_of(**PULLED)
    url = "postgresql://127.0.0.1:1/nowhere"
    settings = replace(Settings(sources=PULLED) if embedded else kept, state=StateSettings(url=url))

    with pytest.raises(ConfigError, match=r"aws_guardduty, aws_securityhub: .* share") as error:
        deliver_to(tmp_path / "state", None, settings=settings)
    found = next(check for check in examine(settings, tmp_path) if check.name == "pull")

    assert "without state.url" in error.value.hint
    assert not (tmp_path / "state").exists()
    assert (found.result, "share" in found.saw) == ("failed", True)


def test_how_far_was_read_never_goes_back(tmp_path):
    nowhere: Any = None
    with open_state(tmp_path) as state:
        puller = Puller(state, nowhere, tmp_path, Metrics(), lambda: NOW, print)
        for until, wait in ((LATER, None), (NOW, LATER), (NOW - timedelta(days=1), None)):
            puller._note("aws_guardduty", _Mark(until, wait))
            kept = json.loads(state.fact("pull:aws_guardduty"))
            assert datetime.fromisoformat(kept["until"]) == LATER
            assert (kept["wait"] is None) is (wait is None)
