"""A state knows its audit trail: one that is gone, or was replaced, is found and stays found."""

from __future__ import annotations

import shutil

import pytest

from tests.app import logs
from tests.app.conftest import deliver_to
from tidewaiter.app.engine.audited import missing_trail, verify_state


@pytest.fixture
def state(tmp_path):
    """A state that has delivered something, and whose folder of logs has more."""
    logs.trail(tmp_path / "in", [logs.event(0)], "first")
    deliver_to(tmp_path / "state", tmp_path / "in")
    logs.trail(tmp_path / "in", [logs.event(1)], "second")
    return tmp_path / "state"


def findings(state):
    return [
        *missing_trail(state, state / "audit"),
        *verify_state(state / "audit", state / "decisions").findings,
    ]


def test_a_state_whose_trail_is_there_has_no_finding(tmp_path, state):
    assert findings(state) == []
    deliver_to(state, tmp_path / "in")
    assert findings(state) == []


@pytest.mark.parametrize("left", ["a folder", "nothing"])
def test_a_trail_that_is_gone_is_found_before_the_next_run_and_for_good(cli, tmp_path, state, left):
    shutil.rmtree(state / "audit")
    shutil.rmtree(state / "decisions", ignore_errors=True)
    if left == "a folder":
        (state / "audit").mkdir()
    said = cli("audit", "verify", "--state", state)
    assert said.code == 3
    assert "the trail that this state had is not here" in said.out

    for _ in range(2):
        deliver_to(state, tmp_path / "in")
        assert "this one takes its place" in findings(state)[0].what
        assert cli("audit", "verify", "--state", state).code == 3


def test_a_trail_of_another_state_is_not_taken_for_this_ones(tmp_path, state):
    deliver_to(tmp_path / "other", tmp_path / "in")
    shutil.rmtree(state / "audit")
    shutil.copytree(tmp_path / "other" / "audit", state / "audit")

    assert any("not here" in each.what for each in findings(state))


@pytest.mark.parametrize("name", ["000001.jsonl", "x.jsonl", "checkpoint.json", "audit.key"])
@pytest.mark.parametrize("other", ["a folder", "a link to nowhere"])
def test_what_is_no_file_is_a_finding_and_not_an_error(state, name, other):
    (state / "audit" / name).unlink(missing_ok=True)
    if other == "a folder":
        (state / "audit" / name).mkdir()
    else:
        (state / "audit" / name).symlink_to("nowhere")

    assert any(each.file == name and each.what == "this is no file" for each in findings(state))
