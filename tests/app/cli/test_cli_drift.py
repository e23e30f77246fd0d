"""`tidewaiter drift`: what a person and what a script get."""

from __future__ import annotations

import json

import msgspec
import pytest

from tidewaiter.app.cli.drift import drift
from tidewaiter.app.engine.drift import DriftAlarm
from tidewaiter.core.errors import StateError

ALARMS = [
    DriftAlarm(
        "aws_cloudtrail", "renamed_field", "userAgent", "1", "eu-west-1", now="clientAgent", sampled=9
    ),
    DriftAlarm("aws_cloudtrail", "new_field", "userIdentity.x", "1", "eu-west-1", now="text"),
    DriftAlarm("aws_cloudtrail", "emptied_field", "sourceIPAddress", "1", "eu-west-1", was="text"),
    DriftAlarm("aws_cloudtrail", "vanished_field", "requestID", "1", "eu-west-1", was="text"),
    DriftAlarm("aws_waf", "empty_column", "Url", "1", "eu-west-1", was="text", table="ASimWebSessionLogs"),
    DriftAlarm("aws_waf", "type_change", "\x1b[31m", "1", "eu-west-1", was="number", now="text"),
]


@pytest.fixture
def state(tmp_path):
    (tmp_path / "drift.jsonl").write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in ALARMS))
    return tmp_path


def test_each_alarm_says_what_changed_and_from_what_to_what(state, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")

    drift(state)

    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "aws_cloudtrail field renamed userAgent 1 eu-west-1 -> clientAgent 9" in lines[1]
    assert "new field userIdentity.x 1 eu-west-1 -> text" in lines[2]
    assert "field empty sourceIPAddress 1 eu-west-1 text -> empty" in lines[3]
    assert "field gone requestID 1 eu-west-1 text -> gone" in lines[4]
    assert "column empty ASimWebSessionLogs.Url 1 eu-west-1 filled -> empty" in lines[5]
    assert "\x1b" not in lines[6]


def test_scripts_get_an_alarm_a_line_of_the_source_they_ask_for(state, capsys):
    drift(state, source="aws_waf", json=True)

    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["field"] for each in found] == ["Url", "\x1b[31m"]


def test_no_drift_and_no_run_are_told_apart(tmp_path, capsys):
    with pytest.raises(StateError, match="nothing is known of drift"):
        drift(tmp_path)
    (tmp_path / "drift.jsonl").touch()
    drift(tmp_path)
    assert "no drift was told" in capsys.readouterr().out
    (tmp_path / "drift.jsonl").write_bytes(b"{")
    with pytest.raises(StateError, match="damaged"):
        drift(tmp_path)
