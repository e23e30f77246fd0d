"""What a screen says beyond the plain case: remote workspaces, doubles, news, answers that are wrong."""

from __future__ import annotations

import io
import socket
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tidewaiter.app.cli.incidents import StoredIncident, known_incidents, print_news
from tidewaiter.app.cli.run import _is_news, pass_over
from tidewaiter.app.cli.story import print_run
from tidewaiter.app.cli.terminal import some, typed
from tidewaiter.app.engine.metrics import Metrics
from tidewaiter.app.engine.pull import PullCounts
from tidewaiter.app.engine.report import Report, RunSummary, write_report
from tidewaiter.app.engine.run import RunResult
from tidewaiter.core.settings import Ingestion, Settings, load
from tidewaiter.core.settings import Workspace as WorkspaceSettings
from tidewaiter.lab.workspace import Workspace
from tidewaiter.state import OutboxTotals, open_state
from tidewaiter.state.values import Amount

REMOTE = Settings(
    workspace=WorkspaceSettings(name="soc", id="guid-1"), ingestion=Ingestion("https://in.example")
)


def incident(number: int, *, severity: str = "Low", events: int = 1) -> StoredIncident:
    return msgspec.convert(
        {
            "incident_id": f"inc-{number}", "title": f"Story {number}", "severity": severity, "score": number,
            "detector": "d", "start": "2026-03-17T00:00:00Z", "end": "2026-03-17T01:00:00Z", "entities": [],
            "event_ids": [f"e{n}" for n in range(events)], "stages": [], "narrative": "",
        },
        StoredIncident,
    )  # fmt: skip


def write_incidents(state: Path, incidents: list[StoredIncident]) -> None:
    (state / "incidents.jsonl").write_bytes(b"".join(msgspec.json.encode(i) + b"\n" for i in incidents))


def finished(state: Path, outbox: OutboxTotals = OutboxTotals()) -> RunResult:  # noqa: B008 (frozen)
    """Leave the files of a pass that met nothing new, and return its result."""
    summary = RunSummary("2026-03-17T00:00:00Z", "logs", objects_claimed_before=1)
    report = Report({}, {}, {}, {}, 0, outbox, summary)
    (state / "report.json").write_bytes(msgspec.json.encode(report))
    if not (state / "incidents.jsonl").exists():
        write_incidents(state, [])
    return RunResult(summary)


def test_a_remote_workspace_is_named_and_no_local_query_is_proposed(tmp_path, capsys):
    print_run(finished(tmp_path), tmp_path, json=False, before={}, settings=REMOTE)

    out = capsys.readouterr().out
    assert "soc, id guid-1" in out
    assert "https://in.example" in out
    assert "workspace.duckdb" not in out
    assert "kql run" not in out


def test_an_embedded_workspace_is_named_with_a_query_for_it(tmp_path, capsys):
    print_run(finished(tmp_path), tmp_path, json=False, before={}, settings=Settings())

    out = capsys.readouterr().out
    assert f"{tmp_path}/lab/workspace.duckdb" in out
    assert f"kql run --state {tmp_path}" in out
    assert "maybe double" not in out


def test_batches_that_may_have_arrived_twice_are_told_with_their_file(tmp_path, capsys):
    result = finished(tmp_path, OutboxTotals(possibly_sent=Amount(2, 1200)))

    print_run(result, tmp_path, json=False, before={}, settings=REMOTE)

    out, err = capsys.readouterr()
    assert "2 batches with 1,200 rows may have arrived twice" in err
    assert f"next: see {tmp_path}/possibly_sent.jsonl" in err
    assert f"maybe double  {tmp_path}/possibly_sent.jsonl" in out


def test_a_pass_that_met_nothing_new_shows_no_incident_of_before(tmp_path, capsys):
    write_incidents(tmp_path, [incident(1), incident(2)])

    print_run(finished(tmp_path), tmp_path, json=False, before=known_incidents(tmp_path))

    out = capsys.readouterr().out
    assert "no new incidents; 2 from earlier runs: " in out
    assert f"tidewaiter incidents --state {tmp_path}" in out
    assert "Story" not in out
    assert "source" not in out


def test_only_new_incidents_and_those_that_grew_are_listed(tmp_path, capsys):
    write_incidents(tmp_path, [incident(1), incident(2)])
    before = known_incidents(tmp_path)

    print_news([incident(1), incident(2, events=2), incident(3)], before, tmp_path)

    out = capsys.readouterr().out
    assert out.startswith("1 new incident, 1 with new evidence, 3 in all\n")
    assert "Story 1" not in out
    assert "2026-03-17T01:00:00Z, 1 event, inc-3" in out
    assert "2026-03-17T01:00:00Z, 2 events, inc-2" in out


def test_of_many_incidents_the_gravest_ten_are_listed_and_the_others_counted(tmp_path, capsys):
    many = [incident(number, severity="High" if number == 3 else "Low") for number in range(14)]

    print_news(many, {}, tmp_path)

    out = capsys.readouterr().out
    titles = [line.split("Story ")[1] for line in out.splitlines() if "Story" in line]
    assert out.startswith("14 incidents\n")
    assert titles == ["3", "13", "12", "11", "10", "9", "8", "7", "6", "5"]
    assert "and 4 more, less grave: " in out


def test_a_damaged_file_of_incidents_makes_all_of_them_new(tmp_path):
    (tmp_path / "incidents.jsonl").write_bytes(b"{")

    assert known_incidents(tmp_path) == {}


def test_numbers_have_their_nouns():
    assert [some(n, "event") for n in (0, 1, 2000)] == ["0 events", "1 event", "2,000 events"]
    assert some(2, "batch", "batches") == "2 batches"


def test_a_command_is_written_as_it_can_be_typed_here(tmp_path, monkeypatch):
    program = tmp_path / "venv" / "bin" / "tidewaiter"
    program.parent.mkdir(parents=True)
    program.touch(0o755)
    monkeypatch.setattr(sys, "executable", str(program.with_name("python")))
    monkeypatch.chdir(tmp_path)

    monkeypatch.setenv("PATH", str(program.parent))
    assert typed("incidents") == "tidewaiter incidents"
    monkeypatch.setenv("PATH", "")
    assert typed("incidents", "--state", "my state") == "venv/bin/tidewaiter incidents --state 'my state'"


def test_a_secret_that_was_pasted_into_the_settings_is_not_shown(cli, tmp_path):
    path = tmp_path / "own.toml"
    path.write_text('[azure]\nclient_secret = "hunter2-plain"\n')

    for words in (("config", "show"), ("config", "show", "--json")):
        said = cli(*words, "--config", path)
        assert "(not a reference)" in said.out
        assert "hunter2" not in said.out + said.err
    path.write_text('[azure]\nclient_secret = "env://NAME"\n')
    assert "env://NAME" in cli("config", "show", "--config", path).out


def test_settings_that_are_not_toml_are_refused_with_line_and_next_step(cli, tmp_path):
    path = tmp_path / "own.toml"
    path.write_text("[azure]\ntenant_id = abc\n")

    said = cli("config", "show", "--config", path)

    assert said.code == 4
    assert f"tidewaiter: {path}:2:13: is not TOML: Invalid value\n  next: " in said.err
    path.write_bytes(b"[azure]\n\ntenant_id = '\xff'\n")
    assert f"{path}:3: is not TOML: not UTF-8\n  next: " in cli("config", "show", "--config", path).err


class Terminal(io.StringIO):
    """Answers of a person who sits there."""

    def isatty(self) -> bool:
        return True


def test_a_person_is_asked_again_after_an_answer_that_cannot_be_used(cli, monkeypatch, tmp_path):
    path = tmp_path / "own.toml"
    answers = [
        "http://x.example",
        "https://x.example",
        "t",
        "c",
        "hunter2",
        "env://S",
        "s",
        "r",
        "w",
        "g",
        "d",
    ]
    monkeypatch.setattr(sys, "stdin", Terminal("\n".join(answers) + "\n"))

    said = cli("init", "--out", path)

    assert said.code == 0
    assert "the endpoint begins with https://: copy it" in said.err
    assert "a secret is not written into settings: write env://NAME or file://PATH" in said.err
    settings = load(path, {}).settings
    assert settings.ingestion.endpoint == "https://x.example"
    assert (settings.azure.client_secret, settings.ingestion.dcr) == ("env://S", "d")


def test_doctor_words_a_missing_authority_as_a_run_does(cli, tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(f'[azure]\nca_bundle = "{tmp_path}/none.pem"\n')

    (check,) = [c for c in cli("doctor", "--json", "--config", path).json if c["name"] == "certificates"]

    assert check["result"] == "failed"
    assert check["saw"] == f"the CA bundle {tmp_path}/none.pem cannot be used: No such file or directory"


def test_doctor_does_not_claim_that_a_secret_is_right_and_takes_a_managed_identity(
    cli, monkeypatch, tmp_path
):
    path = tmp_path / "own.toml"
    monkeypatch.setenv("TW_SECRET", "x")
    identity = '[ingestion]\nendpoint = "https://x.example"\n[azure]\nclient_id = "c"\n'

    def credentials() -> Any:
        (check,) = [c for c in cli("doctor", "--json", "--config", path).json if c["name"] == "credentials"]
        return check

    path.write_text(identity)
    assert credentials()["result"] == "ok"
    assert "DefaultAzureCredential as c" in credentials()["saw"]
    path.write_text(identity + 'client_secret = "env://TW_SECRET"\n')
    assert "run will tell whether it is right" in credentials()["saw"]


@pytest.fixture
def workspace(tmp_path):
    with Workspace.open(tmp_path / "lab" / "workspace.duckdb") as opened:
        yield opened


def test_tables_that_the_lab_fills_itself_are_never_called_empty(cli, tmp_path, workspace):
    workspace.close()

    for name in ("Usage", "SecurityAlert", "SecurityIncident", "SentinelHealth", "Watchlist"):
        said = cli("kql", "run", "--state", tmp_path, f"{name} | count")
        assert (said.code, said.err, len(said.json)) == (0, "", 1)
    assert "is empty" in cli("kql", "run", "--state", tmp_path, "ASimDnsActivityLogs | count").err


def test_a_query_on_the_folder_of_a_lab_that_is_up_says_where_it_answers(cli, tmp_path, workspace):
    del workspace
    settings = tmp_path / "lab" / "tidewaiter.toml"
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"https://127.0.0.1:{server.getsockname()[1]}"
        settings.write_text(f'[azure]\nquery = "{url}"\n')
        up = cli("kql", "run", "--state", tmp_path, "print 1")
    down = cli("kql", "run", "--state", tmp_path, "print 1")

    assert (up.code, down.code) == (4, 4)
    assert f"next: a lab is up there: query it at {url}" in up.err
    assert "next: wait until process" in down.err


def test_a_state_whose_rows_went_elsewhere_says_so_instead_of_proposing_a_run(cli, tmp_path):
    finished(tmp_path)

    said = cli("kql", "run", "--state", tmp_path, "print 1")

    assert said.code == 4
    assert "its rows went to a workspace elsewhere\n  next: ask there" in said.err


@pytest.mark.parametrize(("waiting", "told"), [(0, True), (1, False)])
def test_the_metrics_know_when_a_pass_ended_well(monkeypatch, tmp_path, waiting, told):
    result = RunResult(RunSummary("2026-03-17T00:00:00Z", "logs"), waiting=waiting)
    monkeypatch.setattr("tidewaiter.app.engine.run.run_once", lambda *_, **__: result)
    metrics = Metrics()

    pass_over(tmp_path, tmp_path, 1, metrics=metrics)

    at = metrics.registry.get_sample_value("tidewaiter_last_pass_timestamp_seconds")
    assert bool(at) is told


def test_what_was_pulled_and_what_could_not_be_is_told(tmp_path, capsys):
    cut = PullCounts("AWSGuardDuty", rows=2, until="2026-03-05T12:00:00Z", cut={"ServiceDetails": 1})
    failed = PullCounts("AWSSecurityHubFindings", failed="refused\x1b[2J with 403", next="give it its role")
    summary = RunSummary("now", "", pulled={"aws_guardduty": cut, "aws_securityhub": failed})
    result = RunResult(summary)
    with open_state(tmp_path) as state:
        write_report(state, summary)

    print_run(result, tmp_path, json=False, before={})

    said = capsys.readouterr()
    assert result.exit_code == 5
    assert said.out.startswith("Nothing new to deliver from AWSGuardDuty, AWSSecurityHubFindings.")
    assert said.err.splitlines() == [
        "2 rows of AWSGuardDuty pulled, received before 2026-03-05T12:00:00Z",
        "  1 row has a ServiceDetails that Azure had cut short: mapped as far as the rest tells",
        r"aws_securityhub could not be pulled to its end: refused\x1b[2J with 403",
        "    next: give it its role",
    ]


def test_a_later_pass_is_told_when_a_pull_begins_or_ends_to_fail():
    def result(failed):
        return RunResult(RunSummary("now", "", pulled={"a": PullCounts("A", failed=failed)}))

    assert not _is_news(result(""), result(""))
    assert not _is_news(result("again"), result("no"))
    assert _is_news(result("no"), result(""))
    assert _is_news(result(""), result("no"))
