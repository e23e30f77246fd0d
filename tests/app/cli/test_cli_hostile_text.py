"""Text that an attacker put into a log, or into a file's name, reaches no terminal as it is."""

from __future__ import annotations

import gzip
import json
import sys
from typing import Any

import pytest

from tests.app import logs
from tests.app.cli.conftest import raw_characters
from tests.app.conftest import deliver_to
from tidewaiter.app.cli.terminal import emit, plain

EVIL = (
    "\x1b[2J\x1b[31m[red]evil[/red]:boom:\u202e\u2066\x9b31m\r\nHigh  99  forged\u2028line\x07\x7f\U000e0041"
)
SHOWN = (
    r"\x1b[2J\x1b[31m[red]evil[/red]:boom:\u202e\u2066\x9b31m\r\nHigh  99  forged\u2028line\x07\x7f\U000e0041"
)


def evil_trail_stopped(number: int) -> dict[str, Any]:
    identity = {
        "type": "IAMUser",
        "principalId": "AIDATIDEWTR000000009",
        "arn": f"arn:aws:iam::{logs.ACCOUNT}:user/{EVIL}",
        "accountId": logs.ACCOUNT,
        "userName": EVIL,
    }
    return logs.event(
        number,
        userIdentity=identity,
        eventSource="cloudtrail.amazonaws.com",
        eventName="StopLogging",
        requestParameters={"name": EVIL},
        userAgent=EVIL,
        sourceIPAddress=EVIL,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Hostile values in a record, in one that is set aside, and in the names of files."""
    folder = tmp_path_factory.mktemp("evil")
    logs.trail(folder, [evil_trail_stopped(1), logs.event(2, eventTime={EVIL: EVIL})])
    logs.write(folder / "\x1b[2J[red]x\u202e\nforged: all is well", EVIL.encode())
    cut = gzip.compress(logs.document([logs.event(number) for number in range(50)]))[:-40]
    logs.write(folder / "AWSLogs/CloudTrail/[bold]\x1b]0;title\x07\ncut.json.gz", cut, packed=False)
    return folder


@pytest.fixture(scope="module")
def state(tmp_path_factory, folder):
    return deliver_to(tmp_path_factory.mktemp("evil-state") / "state", folder).state


def test_a_run_shows_hostile_text_as_escapes(cli, tmp_path, folder):
    said = cli("run", "--from", folder, "--state", tmp_path / "state", "--once")

    assert said.code == 5
    assert "evil" in said.out
    assert "[truncated]" in said.err
    assert r"AWSLogs/CloudTrail/[bold]\x1b]0;title\x07\ncut.json.gz" in said.err
    assert r"\x1b[2J[red]x\u202e\nforged: all is well" in said.err
    assert not raw_characters(said.out + said.err)
    assert not any(
        line.startswith(("forged", "cut.json", "High  99")) for line in (said.out + said.err).splitlines()
    )


def test_normalize_shows_hostile_text_as_escapes_and_writes_it_as_json(cli, folder):
    said = cli("normalize", folder)

    assert not raw_characters(said.err)
    assert r"\x1b]0;title\x07\ncut.json.gz [truncated]" in said.err
    (row,) = [row for row in said.json if row.get("Operation") == "StopLogging"]
    assert row["HttpUserAgent"] == EVIL


def test_incidents_of_hostile_records_are_shown_as_escapes(cli, state):
    listed = cli("incidents", "--state", state)
    (incident,) = cli("incidents", "--state", state, "--json").json
    shown = cli("incidents", "--state", state, incident["incident_id"])

    for said in (listed, shown):
        assert said.code == 0
        assert "evil" in said.out
        assert not raw_characters(said.out + said.err)
        assert not any(line.startswith("High  99  forged") for line in said.out.splitlines())


def test_an_incident_that_is_hostile_all_over_is_shown_as_escapes(cli, tmp_path):
    stage = {"technique": EVIL, "tactic": EVIL, "event_ids": [EVIL]}
    incident = {
        "incident_id": EVIL, "title": EVIL, "severity": "High", "score": 99, "detector": EVIL, "start": EVIL,
        "end": EVIL, "entities": [{"kind": "Account", "id": EVIL, "name": EVIL}], "event_ids": [EVIL],
        "stages": [stage], "narrative": EVIL, "_AI_ConfidenceScore": 0.5, "_AI_ModelVersion": EVIL,
    }  # fmt: skip
    logs.write(tmp_path / "incidents.jsonl", json.dumps(incident).encode() + b"\n")

    listed = cli("incidents", "--state", tmp_path)
    shown = cli("incidents", "--state", tmp_path, EVIL)

    assert (listed.code, shown.code) == (0, 0)
    assert listed.out.count(SHOWN[:40]) == 5
    assert shown.out.count(SHOWN[:40]) >= 7
    assert not raw_characters(listed.out + listed.err + shown.out + shown.err)
    assert cli("incidents", "--state", tmp_path, "--json", EVIL).json == [incident]


@pytest.mark.parametrize("then", ["| project ActorUsername, HttpUserAgent", ""])
def test_query_results_show_hostile_text_as_escapes(on_a_screen, state, then):
    query = f"ASimAuditEventLogs | where Operation == 'StopLogging' {then}"
    shown = "\n".join(on_a_screen("kql", "run", "--state", state, query, columns=1000))

    assert r"\x1b[2J\x1b[31m[red]evil" in shown
    assert not raw_characters(shown)


def test_column_names_of_a_query_are_escaped_too(cli, on_a_screen, state):
    query = "print ['a\x1b[31mb']=1"
    said = cli("kql", "run", "--state", state, query)

    assert said.json == [{"a\x1b[31mb": 1}]
    assert not raw_characters(said.out + said.err)
    head, row, count = on_a_screen("kql", "run", "--state", state, query)
    assert (head, row.strip(), count) == (r"a\x1b[31mb", "1", "1 row")


@pytest.mark.parametrize(
    "words",
    [
        ("run", "--from", "no\x1b[2J\nforged: fine", "--once"),
        ("normalize", "no\x1b[2J\nforged: fine"),
        ("incidents", "inc\x1b[2J\nforged: fine"),
        ("incidents", "--state", "no\x1b[2J\nforged: fine"),
        ("kql", "run", "--state", "no\x1b[2J\nforged: fine", "print 1"),
        ("mapping", "show", "x\x1b[2J\nforged: fine"),
        ("lab", "generate", "--out", "/dev/null/\x1b[2J\nforged: fine"),
    ],
)
def test_error_messages_show_hostile_text_as_escapes(cli, monkeypatch, state, words):
    monkeypatch.setenv("TIDEWAITER_STATE", str(state))

    said = cli(*words)

    assert said.code != 0
    assert not raw_characters(said.out + said.err)
    assert not any(line.startswith("forged") for line in said.err.splitlines())


def test_a_terminal_is_sent_no_hostile_byte(on_a_terminal, state, tmp_path, folder):
    (line,) = (state / "incidents.jsonl").read_bytes().splitlines()
    incident_id = json.loads(line)["incident_id"]
    sent = b""
    for words in (
        ("run", "--from", folder, "--state", tmp_path / "other", "--once"),
        ("incidents", "--state", state, incident_id),
        ("incidents", "--state", state, "--json"),
        ("kql", "run", "--state", state, "--json", "ASimAuditEventLogs"),
    ):
        sent += on_a_terminal(*words)[1]

    assert sent.count(b"evil") > 8
    for sequence in (b"\x1b[2J", b"\x1b[31m[red]", b"\x1b]0;", b"\x07", "\u202e".encode(), "\x9b".encode()):
        assert sequence not in sent


# The encoders by themselves


def test_every_character_that_acts_on_a_terminal_is_escaped_and_every_other_kept():
    codes = {*range(0x3100), *range(0x3100, sys.maxunicode + 1, 61), *range(0xD7F0, 0xE010), 0xFEFF, 0xE0001}
    for code in codes:
        shown = plain(chr(code))
        assert shown == chr(code) or shown.startswith("\\"), hex(code)
        assert not raw_characters(shown), hex(code)
    assert plain("Grüße, 東京 🙂 [red] \\") == "Grüße, 東京 🙂 [red] \\"


def test_long_text_is_cut_with_an_ellipsis():
    assert plain("a" * 10, most=10) == "a" * 10
    assert plain("a" * 11, most=10) == "a" * 9 + "…"


def test_json_for_a_terminal_means_the_same_and_holds_no_raw_character(monkeypatch, capsysbinary):
    line = json.dumps({EVIL: EVIL, "ü": "東京"}, ensure_ascii=False).encode() + b"\n"
    emit([line])
    assert capsysbinary.readouterr().out == line

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    emit([line])
    shown = capsysbinary.readouterr().out.decode()

    assert json.loads(shown) == json.loads(line)
    assert not raw_characters(shown)
    assert "東京" in shown
